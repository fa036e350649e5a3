"""Unfolding: a playbook and a finding become the calls to plan, in their stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from firedoor.domain.core.canonical import digest
from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Finding, Resource
from firedoor.domain.finding.place import Place, named, placed
from firedoor.domain.playbook.expression import (
    ExpressionError,
    compiled,
    condition,
    context_of,
    evaluate,
    fill,
)
from firedoor.domain.playbook.placing import incident_place, place_of
from firedoor.domain.playbook.playbook import Playbook, Step
from firedoor.domain.response.contract import incident_key

#: How many targets a `for_each` may have before people are asked, when the step does not say.
MAX_TARGETS = 10
#: How many it may ever have; more is an error, never a shortened list.
MOST_TARGETS = 1000


class StepCall(Value):
    """One step over one target, its parameters filled in."""

    id: str
    step: Step
    stage: int
    params: dict[str, JsonValue]
    place: Place = Place()
    crowded: bool = False  # more targets than the step allows without asking
    stranger: bool = False  # its target is an actor of another account than the finding's


def staged(playbook: Playbook) -> list[tuple[int, Step]]:
    """List every step with its stage: those of one `together` share one."""
    pairs: list[tuple[int, Step]] = []
    for stage, step in enumerate(playbook.steps):
        pairs.extend((stage, inner) for inner in step.together or (step,))
    return pairs


def waits_for_earlier(step: Step) -> bool:
    """Whether a step's expressions look at earlier steps, so that those must be planned first.

    A lookup is read where it stands, so whatever looks at one waits for nothing.
    """
    return any("steps" in compiled(source).variables() for source in step.sources())


def applies(playbook: Playbook, finding: Finding, context: Mapping[str, Any] | None = None) -> bool:
    """Whether a playbook answers a finding: a trigger matches and its `when` is true.

    `context` is the finding's, where it is built already: a gateway asks every playbook about each finding.

    A `when` that asks for a fact the finding does not have raises ExpressionError:
    the caller names it, and nothing acts.
    """
    if not playbook.answers(finding):
        return False
    return playbook.when is None or condition(playbook.when, context or context_of(finding))


def incident_of(playbook: Playbook, finding: Finding, context: Mapping[str, Any] | None = None) -> str:
    """Return the playbook's key of the incident. Empty is an error: it would join strangers' incidents."""
    key = fill(playbook.incident, context or context_of(finding))
    if not isinstance(key, str) or not key.strip():
        raise ExpressionError(
            f"the incident key of {playbook.playbook} is {key!r}",
            expected="a text that names the one thing the incident is about",
            mend="guard the playbook with a `when` that asks for that fact",
        )
    return key


def identity_of(
    playbook: Playbook, finding: Finding, context: Mapping[str, Any] | None = None
) -> tuple[str, Place]:
    """Return the identity of a finding's incident, 64 hex digits, and where that is which it names."""
    context = context or context_of(finding)
    text = incident_of(playbook, finding, context)
    place = incident_place(playbook, text, context)
    return incident_key(playbook.playbook, place.account, text, place.region), place


def unfold(stage: int, step: Step, context: Mapping[str, Any]) -> tuple[StepCall, ...]:
    """Evaluate one step's `when`, `for_each` and parameters over what is known so far."""
    name = step.id or ""
    if step.for_each is None:
        if step.when is not None and not condition(step.when, context):
            return ()
        return (_call(name, stage, step, context),)
    items = evaluate(step.for_each, context)
    if not isinstance(items, Sequence) or isinstance(items, (str, bytes)):
        raise ExpressionError(
            f"for_each {step.for_each!r} gives {type(items).__name__}",
            expected="a list",
            mend="end it with .map(…)",
        )
    if len(items) > MOST_TARGETS:
        raise FiredoorError(
            f"step {name} has {len(items)} targets",
            expected=f"at most {MOST_TARGETS}",
            mend="narrow its for_each; nothing was shortened and nothing was done",
        )
    calls: dict[str, StepCall] = {}
    for item in items:
        inner = {**context, step.as_ or "": item}
        if step.when is not None and not condition(step.when, inner):
            continue
        call = _call(name, stage, step, inner)
        # The id comes from the target, not the position, so that a finding that joins
        # later and brings one more target leaves the others' ids as they are. The same name
        # in two places is two targets.
        sha256 = digest({"place": call.place, "params": call.params})
        call_id = f"{name}.{sha256[:12]}"
        if call_id in calls and not _same(calls[call_id], call):
            # Whoever chooses the names of targets may search for two of one short digest: neither is lost.
            call_id = f"{name}.{sha256}"
        calls[call_id] = call.model_copy(update={"id": call_id})
    crowded = len(calls) > (step.max_targets or MAX_TARGETS)
    return tuple(call.model_copy(update={"crowded": crowded}) for call in calls.values())


def _call(id_: str, stage: int, step: Step, context: Mapping[str, Any]) -> StepCall:
    params = {key: fill(value, context) for key, value in step.params.items()}
    found = place_of(step, context)
    return StepCall(id=id_, step=step, stage=stage, params=params, place=found.place, stranger=found.stranger)


def _same(one: StepCall, other: StepCall) -> bool:
    return one.params == other.params and one.place == other.place


def _joined(known: Resource, more: Resource) -> Resource:
    """Add what another finding says of a resource; lists (such as ports) grow, the rest is the newest."""
    attributes = dict(known.attributes)
    for key, value in more.attributes.items():
        old = attributes.get(key)
        if isinstance(old, list) and isinstance(value, list):
            attributes[key] = [*old, *(item for item in value if item not in old)]
        else:
            attributes[key] = value
    return more.model_copy(update={"attributes": attributes})


def merged(findings: Sequence[Finding]) -> Finding:
    """Join the findings of one incident: the first one's identity, everyone's facts.

    What a vendor's own reader told outranks what a generic source said before it: whoever is first
    with a guess, or with a lie, does not speak for the detector that knows.
    """
    if len(findings) == 1:
        return findings[0]
    # Each resource's place is written into it before it stands beside those of other findings.
    findings = sorted(
        map(placed, findings), key=lambda finding: finding.generic
    )  # stable: else in the order they came
    first = findings[0]
    resources: dict[tuple[str, str | None, str | None], Resource] = {}
    for finding in findings:
        for resource in finding.resources:
            which = (resource.uid, resource.account, resource.region)
            known = resources.get(which)
            resources[which] = _joined(known, resource) if known else resource
    actor = first.actor
    for finding in findings[1:]:
        if finding.actor.account != actor.account and named(actor) and named(finding.actor):
            continue  # names of one account say nothing in another
        told = {key: value for key, value in finding.actor.model_dump().items() if value}
        known_actor = {
            key: value for key, value in actor.model_dump().items() if value and value != "unknown"
        }
        ips = tuple(dict.fromkeys((*actor.source_ips, *finding.actor.source_ips)))
        actor = actor.model_copy(update={**told, **known_actor, "source_ips": ips})
    return first.model_copy(
        update={
            "resources": tuple(resources.values())[:1000],
            "actor": actor,
            "severity": max((finding.severity for finding in findings), key=lambda severity: severity.rank),
            "last_seen": max(finding.last_seen for finding in findings),
            "modified": max(finding.modified for finding in findings),
            "count": sum(finding.count for finding in findings),
        }
    )
