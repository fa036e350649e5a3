"""Which ASFF findings are settled, and which are samples.

Settled: archived (also by GuardDuty itself, in the fields it passes on), suppressed, resolved, judged false
or benign, and controls that passed or could not be checked (`WARNING` is AWS's word for missing information).
`NOTIFIED` is not settled: somebody was told, and the thing still stands.
"""

from __future__ import annotations

from firedoor.sources import marks
from firedoor.sources.security_hub_fields import AsffFinding

_SETTLED_WORKFLOW = frozenset(("SUPPRESSED", "RESOLVED"))
_NOT_FAILED = {
    "PASSED": "the control passed",
    "NOT_AVAILABLE": "the control has nothing to check",
    "WARNING": "the control could not be checked",
}
_NOT_TRUE = {"FALSE_POSITIVE": "a false positive", "BENIGN_POSITIVE": "benign"}


def settled(seen: AsffFinding) -> str | None:
    """Why nothing acts on it, or None where it stands."""
    if (seen.record_state or "").upper() == "ARCHIVED":
        return "archived in Security Hub"
    for status in (seen.workflow.status, seen.workflow_state):
        if (status or "").upper() in _SETTLED_WORKFLOW:
            return f"{(status or '').lower()} in Security Hub"
    if reason := _NOT_FAILED.get((seen.compliance.status or "").upper()):
        return reason
    if judged := _NOT_TRUE.get((seen.verification_state or "").upper()):
        return f"judged {judged} in Security Hub"
    if any(marks.said(value) for value in marks.flattened(seen.product_fields, "guardduty/service/archived")):
        return "archived in GuardDuty"
    return None


def is_test(seen: AsffFinding) -> bool:
    """Whether it is a sample, by Security Hub's own flag or by a mark of the product it comes from."""
    fields = seen.product_fields
    keys = (part.details.aws_iam_access_key for part in seen.resources)
    users = (actor.user for actor in seen.detection.sequence.actors)
    return (
        marks.said(seen.sample)
        or marks.titled(seen.title, seen.description, *seen.types)
        or any(marks.said(value) for value in marks.flattened(fields, "additionalinfo/sample"))
        or any(marks.told(value) for value in marks.flattened(fields, "additionalinfo/value"))
        or any(marks.told(value) for value in marks.flattened(fields, "service/additionalinfo"))
        or marks.named(part.id for part in seen.resources if part.type != "AwsS3Object")
        or marks.named(
            name
            for key in keys
            for name in (key.access_key_id, key.principal_id, key.principal_name, key.user_name)
        )
        or marks.named(name for user in users for name in (user.name, user.uid, user.credential_uid))
    )
