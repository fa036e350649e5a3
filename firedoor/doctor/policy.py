"""What the doctor sees of the policy: whether each of its rules has people who can say yes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Literal

from firedoor.config.settings import Settings
from firedoor.doctor.checkup import Check
from firedoor.domain.approval.policy import ApprovalRule, FloorRule, Policy

_ADD = "add people to the group in people.yaml"


def groups(settings: Settings) -> Iterator[Check]:
    """See that the policy asks nobody in vain: each rule has people enough, also without one of them.

    Groups that somebody else keeps are looked up at the click and cannot be counted here.
    """
    found = [
        *(check for name, rule in _rules(settings.policy) for check in _enough(settings, name, rule)),
        *_among_many(settings),
        *_reviewed(settings),
        *_nothing_in_common(settings.policy),
    ]
    yield from found
    if not any(check.state == "fail" for check in found):
        yield Check(name="policy", state="ok", says="every rule has people to say yes")


def _rules(policy: Policy) -> Iterator[tuple[str, ApprovalRule]]:
    yield "default", policy.default
    yield "undo", policy.undo_rule
    if policy.storm is not None:
        yield "storm", policy.storm
    if policy.break_glass is not None:
        yield "break_glass.review", policy.break_glass.review
    yield from ((name, rule.ask) for name, rule in _floor(policy) if rule.ask is not None)


def _floor(policy: Policy) -> list[tuple[str, FloorRule]]:
    return [(f"floor {number}", rule) for number, rule in enumerate(policy.floor, start=1)]


def _enough(settings: Settings, name: str, rule: ApprovalRule) -> Iterator[Check]:
    people = _people(settings, rule.from_)
    if people is None:
        return
    where = ", ".join(rule.from_)
    able = frozenset(person for person in people if _can_sign(settings, person)) if rule.step_up else people
    if len(people) < rule.quorum:
        yield _check("fail", f"{name} needs {rule.quorum} of {where}, where there are {len(people)}", _ADD)
    elif len(able) < rule.quorum:
        says = f"{name} needs {rule.quorum} of {where} who can sign, and {len(able)} can"
        yield _check("fail", says, "they need a passkey, or oidc: in firedoor.yaml and at each of them")
    elif _none_to_spare(settings, rule, able):
        says = f"{name} needs {rule.quorum} of {where}, where there are no more"
        why = "who is the subject of a finding, or owns what would be changed, leaves it to nobody"
        yield _check("warn", f"{says}: {why}", _ADD)


def _none_to_spare(settings: Settings, rule: ApprovalRule, able: frozenset[str]) -> bool:
    """Whether one conflict of interest leaves a rule without its quorum, even once it escalated."""
    beyond = _people(settings, rule.to)
    return beyond is not None and len(able | beyond) <= rule.quorum


def _among_many(settings: Settings) -> Iterator[Check]:
    """Without a rule for storms, each rule needs one person more where many asks are answered at once."""
    if settings.policy.storm is not None:
        return
    for name, rule in _rules(settings.policy):
        people = _people(settings, rule.from_)
        if name.startswith(("default", "floor")) and people is not None and len(people) == rule.quorum:
            says = f"many asks at once need {rule.quorum + 1} for {name}, where there are {len(people)}"
            yield _check("warn", f"{says}: they have to be answered one by one", "add people, or storm:")


def _reviewed(settings: Settings) -> Iterator[Check]:
    """Who broke the glass does not review it."""
    glass = settings.policy.break_glass
    people = _people(settings, (*glass.review.from_, *glass.review.to)) if glass else None
    if glass is None or people is None or len(people) < glass.review.quorum:
        return
    for person in glass.people:
        if len(people - {person}) < glass.review.quorum:
            says = f"when {person} breaks the glass, too few others are left to review it"
            yield _check("warn", says, "add people to break_glass.review in policy.yaml")


def _nothing_in_common(policy: Policy) -> Iterator[Check]:
    """Of two rules that hold for one change and name no group in common, the first one's people decide."""
    for (first, one), (second, other) in combinations(_floor(policy), 2):
        mine, theirs = (one.ask or policy.default).from_, (other.ask or policy.default).from_
        if _together(one, other) and not set(mine) & set(theirs):
            says = f"{first} and {second} can hold for the same change and have no group in common"
            mend = f"name one in both; as it is, {', '.join(mine)} decide and {', '.join(theirs)} do not"
            yield _check("warn", says, mend)


def _together(one: FloorRule, other: FloorRule) -> bool:
    """Whether some change meets the conditions of both; data of an unknown class meet any."""
    return all(
        mine is None or theirs is None or set(mine) & set(theirs)
        for mine, theirs in (
            (one.reversibility, other.reversibility),
            (one.risk, other.risk),
            (one.environment, other.environment),
        )
    )


def _people(settings: Settings, names: tuple[str, ...]) -> frozenset[str] | None:
    """Return who is in any of some groups; None where somebody else keeps one of them."""
    if any(settings.people.group(name).outside for name in names):
        return None
    return frozenset().union(*(settings.people.members(name) for name in names))


def _can_sign(settings: Settings, person: str) -> bool:
    known = settings.people.people[person]
    return bool(known.passkeys or (settings.oidc is not None and known.oidc))


def _check(state: Literal["warn", "fail"], says: str, mend: str) -> Check:
    return Check(name="policy", state=state, says=says, mend=mend)
