"""Which OCSF findings are settled, and which are tests.

Settled: closed, suppressed, resolved, archived, deleted; judged false, benign, a duplicate or to be
disregarded; exonerated; checks that passed, were not made (`MANUAL`) or lack information (`Warning`). A
blocked attempt is not settled: the credential it was tried with is still in a stranger's hands.
"""

from __future__ import annotations

from firedoor.sources import marks
from firedoor.sources.forgiving import quoted
from firedoor.sources.ocsf_fields import Evidence, KeyData, OcsfFinding

_ACTIVITY_CLOSE = 3
_SETTLED = {3: "suppressed", 4: "resolved", 5: "archived", 6: "deleted"}
_SETTLED_WORDS = frozenset((*_SETTLED.values(), "closed", "muted"))
_SETTLED_WORKFLOW = frozenset(("SUPPRESSED", "RESOLVED"))
_NOT_FAILED_CODES = frozenset(("PASS", "PASSED", "MANUAL", "MUTED", "NOT_AVAILABLE", "WARNING"))
_COMPLIANCE = {1: "passed", 2: "could not be checked"}
_COMPLIANCE_WORDS = {
    "pass": "passed",
    "passed": "passed",
    "warning": "could not be checked",
    "not_available": "has nothing to check",
}
#: https://schema.ocsf.io: verdict_id of the incident profile, disposition_id of the security control profile.
_VERDICTS = {1: "a false positive", 3: "to be disregarded", 5: "benign", 10: "a duplicate"}
_VERDICT_WORDS = {
    "false positive": "a false positive",
    "disregard": "to be disregarded",
    "benign": "benign",
    "duplicate": "a duplicate",
}
_TEST_VERDICT = 6
_EXONERATED = 10


def settled(seen: OcsfFinding) -> str | None:
    """Why nothing acts on it, or None where it stands."""
    closing = (seen.type_uid or 0) % 100 if seen.activity_id is None else seen.activity_id
    if closing == _ACTIVITY_CLOSE or (seen.activity_name or "").lower() == "close":
        return "closed by its detector"
    for word in (_SETTLED.get(int(seen.status_id or 0)), (seen.status or "").lower()):
        if word in _SETTLED_WORDS:
            return f"{word} by its detector"
    return _not_failed(seen) or _judged(seen) or _settled_before(seen)


def _not_failed(seen: OcsfFinding) -> str | None:
    if (seen.status_code or "").upper() in _NOT_FAILED_CODES:
        return f"the check's result is {quoted(seen.status_code)}, not a failure"
    told = seen.compliance
    outcome = _COMPLIANCE.get(int(told.status_id or 0)) or _COMPLIANCE_WORDS.get((told.status or "").lower())
    return f"the control {outcome}" if outcome else None


def _judged(seen: OcsfFinding) -> str | None:
    """What a person or a machine decided about it; of several pieces of evidence all have to be cleared."""
    if verdict := _verdict(seen):
        return f"judged {verdict} by its detector"
    cleared = [_verdict(one) for one in seen.evidences]
    if cleared and cleared[0] and all(cleared):
        return f"all its evidence is judged {cleared[0]} by its detector"
    exonerated = seen.disposition_id == _EXONERATED or (seen.disposition or "").lower() == "exonerated"
    return "exonerated by its detector" if exonerated else None


def _tested(seen: OcsfFinding | Evidence) -> bool:
    return seen.verdict_id == _TEST_VERDICT or (seen.verdict or "").lower() == "test"


def _verdict(seen: OcsfFinding | Evidence) -> str | None:
    return _VERDICTS.get(int(seen.verdict_id or 0)) or _VERDICT_WORDS.get((seen.verdict or "").lower())


def _settled_before(seen: OcsfFinding) -> str | None:
    """What the format it was translated from said, and OCSF has no field for."""
    for way, value in marks.unfolded(seen.unmapped):
        said = str(value).upper()
        if (way[-1] == "recordstate" and said == "ARCHIVED") or (way[-1] == "archived" and marks.said(value)):
            return "archived by its detector"
        if (way[-1] == "workflowstate" or way[-2:] == ("workflow", "status")) and said in _SETTLED_WORKFLOW:
            return f"{said.lower()} by its detector"
        if way[-2:] == ("compliance", "status") and (outcome := _COMPLIANCE_WORDS.get(said.lower())):
            return f"the control {outcome}"
    return None


def is_test(seen: OcsfFinding) -> bool:
    """Whether it is a sample or a test."""
    told = [(way[-1], value) for way, value in marks.unfolded(seen.unmapped)]
    return (
        marks.titled(seen.finding_info.title, seen.finding_info.desc, seen.message, *seen.finding_info.types)
        or _tested(seen)
        or any(_tested(one) for one in seen.evidences)
        or any(key == "sample" and marks.said(value) for key, value in told)
        or any(key in ("additionalinfo", "value") and marks.told(value) for key, value in told)
        or any(marks.named(names) for names in _names(seen))
    )


def _names(seen: OcsfFinding) -> list[tuple[str | None, ...]]:
    users = (
        seen.actor.user,
        *(one.actor.user for one in seen.evidences),
        *(one.user for one in seen.resources),
    )
    names: list[tuple[str | None, ...]] = [(user.name, user.uid, user.credential_uid) for user in users]
    for part in seen.resources:
        if part.type != "AWS::S3::Object":
            key = KeyData.read(part.data)
            names.append(
                (part.uid, part.uid_alt, part.name, key.access_key_id, key.principal_id, key.user_name)
            )
    return [*names, (seen.databucket.name, seen.databucket.uid)]
