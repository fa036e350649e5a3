"""What is wrong with a policy beside the people it asks: names nobody knows, silences that say nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from firedoor.domain.approval.policy import ApprovalRule, Policy
from firedoor.domain.people.people import People
from firedoor.domain.yaml.problem import Mistake, Way, did_you_mean


def mistakes(policy: Policy, people: People) -> Iterator[Mistake]:
    """List every mistake, each with the way to where it stands in policy.yaml."""
    for way, group in policy.groups():
        if group not in people.groups:
            yield _unknown(way, f"the group {group!r}", people.groups, "a group")
    for number, person in enumerate(policy.break_glass.people if policy.break_glass else ()):
        if person not in people.people:
            yield _unknown(("break_glass", "people", number), f"{person!r}", people.people, "a person")
    for way, rule in _never_by_silence(policy):
        if rule is not None and rule.then == "proceed":
            yield Mistake(
                found="silence as a yes, where it is always a no",
                expected="reject, or escalate with `to`",
                mend="`then: proceed` is for changes that can be taken back in full",
                way=(*way, "then"),
            )


def _unknown(way: Way, name: str, known: Collection[str], kind: str) -> Mistake:
    return Mistake(
        found=f"{name}, which is not in people.yaml",
        expected=f"one of {', '.join(known)}" if known else kind,
        mend=did_you_mean(name.split("'")[1], known) or "add it there",
        way=way,
    )


def _never_by_silence(policy: Policy) -> Iterator[tuple[Way, ApprovalRule | None]]:
    """List the rules in which silence can never be a yes: it may be one for a change that undo gives back."""
    yield ("undo",), policy.undo
    yield ("storm",), policy.storm
    yield ("break_glass", "review"), policy.break_glass.review if policy.break_glass else None
    for number, rule in enumerate(policy.floor):
        if rule.reversibility is not None and "full" not in rule.reversibility:
            yield ("floor", number, "ask"), rule.ask
