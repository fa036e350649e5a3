"""Approval: no sequence of votes makes a yes that the rules do not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import ValidationError

from firedoor.domain.approval.approval import Approval, ask
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Vote, Voter
from tests.harness import NOW

PLAN = "a41b35e6e3c5" + "0" * 52
HALF_AN_HOUR = timedelta(minutes=30)


def rule(*from_: str, quorum: int = 1, minutes: int = 30, to: tuple[str, ...] = ()) -> ApprovalRule:
    return ApprovalRule(
        from_=from_ or ("responders",),
        quorum=quorum,
        within=timedelta(minutes=minutes),
        then="escalate" if to else "reject",
        to=to,
    )


def asked(*rules: ApprovalRule, **changes: Any) -> Approval:
    return ask(number=1, kind="apply", plan_sha256=PLAN, rules=rules or (rule(),), now=NOW, **changes)


def vote(person: str = "alice", *groups: str, **changes: Any) -> Vote:
    base: dict[str, Any] = {
        "id": f"{person}-1",
        "decision": "approve",
        "voter": Voter(person=person, groups=groups or ("responders",), names=(f"{person}@example.com",)),
        "door": "cli",
        "fingerprint": PLAN,
        "at": NOW,
    }
    return Vote(**{**base, **changes})


def no(person: str = "alice", **changes: Any) -> Vote:
    return vote(person, decision="reject", reason="wrong_action", **changes)


def cast(approval: Approval, now: datetime, *votes: Vote) -> Approval:
    """Cast votes as a response does: what meets an objection is not counted, a quorum is looked up again."""
    for each in votes:
        if approval.objection(each, now) is None:
            approval = approval.with_vote(each)
        if approval.state(now) == "confirming":
            approval, _ = approval.confirm({one.voter.person: one.voter for one in approval.votes})
    return approval


# ---- no sequence of votes ------------------------------------------------------------

PERSONS = ("alice", "bob", "carol", "mallory", "trent")
GROUPS = ("responders", "leads", "cleaners")

rules = st.builds(
    lambda from_, quorum, minutes, to: rule(*from_, quorum=quorum, minutes=minutes, to=tuple(to)),
    st.lists(st.sampled_from(GROUPS[:2]), min_size=1, max_size=2, unique=True),
    st.integers(1, 3),
    st.integers(1, 60),
    st.lists(st.sampled_from(GROUPS[:2]), max_size=2, unique=True),
)
voters = st.builds(
    lambda person, groups, upper: Voter(
        person=person,
        groups=tuple(groups),
        names=((f"{person}@example.com".upper() if upper else f"{person}@example.com"),),
    ),
    st.sampled_from(PERSONS),
    st.lists(st.sampled_from(GROUPS), max_size=2, unique=True),
    st.booleans(),
)
events = st.lists(
    st.tuples(
        st.integers(0, 40),  # minutes that pass
        st.builds(
            vote,
            decision=st.sampled_from(["approve", "approve", "approve", "reject"]),
            voter=voters,
            fingerprint=st.sampled_from([PLAN, "A41B-35E6-E3C5", "0000-0000-0000", ""]),
            generation=st.sampled_from([None, 1, 2]),
            reason=st.sampled_from([None, "bad_time"]),
            id=st.sampled_from(["1", "2", "3"]),
        )
        | st.sampled_from(["escalate", "confirm"]),
    ),
    max_size=14,
)


@settings(max_examples=400)
@given(
    st.lists(rules, min_size=1, max_size=2),
    st.none() | st.sampled_from(PERSONS),
    st.lists(st.sampled_from([f"{person}@Example.com" for person in PERSONS]), max_size=1),
    events,
)
def test_no_sequence_of_votes_grants_without_the_quorum_of_each_rule(
    given_rules: list[ApprovalRule], requester: str | None, subjects: list[str], told: list[Any]
) -> None:
    approval, now = asked(*given_rules, requester=requester, subjects=tuple(subjects)), NOW
    counted: list[tuple[datetime, Vote]] = []
    for minutes, event in told:
        now += timedelta(minutes=minutes)
        before = approval.state(now)
        if event == "escalate":
            approval = approval.escalation(now) or approval
            assert before == "expired" or approval.generation == 1 or approval.escalated
            continue
        if event == "confirm":
            approval, fallen = approval.confirm({one.voter.person: one.voter for _, one in counted})
            assert not fallen
            assert approval.state(now) == ("granted" if before == "confirming" else before)
            continue
        if approval.objection(event, now) is None:
            # A no is heard until the yes is final; a yes while it is asked and in time.
            assert before == "pending" or (before == "confirming" and event.decision == "reject")
            assert now < approval.deadline or before == "confirming"
            approval = approval.with_vote(event)
            counted.append((now, event))
        # A decision is final.
        if before in ("granted", "rejected"):
            assert approval.state(now) == before
        if approval.state(now) == "granted":
            _assert_granted(approval, counted, requester, subjects)
        persons = [one.voter.person for _, one in counted]
        assert len(persons) == len(set(persons))
    if any(each.decision == "reject" for _, each in counted):
        assert approval.state(now) == "rejected"


def _assert_granted(
    approval: Approval, counted: Sequence[tuple[datetime, Vote]], requester: str | None, subjects: list[str]
) -> None:
    """Count again, in the plainest way."""
    about = {subject.lower() for subject in subjects}
    for each in approval.rules:
        groups = {*each.from_, *(each.to if approval.escalated else ())}
        people = {
            one.voter.person
            for _, one in counted
            if one.decision == "approve"
            and groups.intersection(one.voter.groups)
            and one.voter.person != requester
            and not about.intersection(name.lower() for name in one.voter.names)
        }
        assert len(people) >= each.quorum


@given(
    st.lists(rules, min_size=1, max_size=2),
    st.sampled_from(PERSONS),
    st.sampled_from([f"{person}@Example.com" for person in PERSONS]),
    st.lists(st.builds(vote, voter=voters, id=st.sampled_from(["1", "2"])), max_size=8),
)
def test_votes_are_counted_by_the_rules_even_where_nobody_objected_to_them(
    given_rules: list[ApprovalRule], requester: str, subject: str, votes: list[Vote]
) -> None:
    """A count that trusts whoever asked `objection` first would grant on one door's mistake."""
    approval = asked(*given_rules, requester=requester, subjects=(subject,))
    for each in votes:
        approval = approval.with_vote(each)
    if approval.state(NOW) == "granted":
        _assert_granted(approval, [(NOW, each) for each in votes], requester, [subject])


@given(st.integers(1, 5), st.permutations(["alice", "bob", "carol", "dave", "erin"]))
def test_the_quorum_is_reached_with_the_last_needed_person_and_not_before(
    quorum: int, people: list[str]
) -> None:
    approval = asked(rule(quorum=quorum))
    for number, person in enumerate(people, start=1):
        approval = cast(approval, NOW, vote(person), vote(person, id="again"))
        assert approval.missing() == max(0, quorum - number)
        assert approval.state(NOW) == ("granted" if number >= quorum else "pending")


@given(st.lists(st.sampled_from(["alice", "bob", "carol"]), max_size=6), st.integers(0, 6))
def test_one_eligible_no_is_a_no_wherever_it_stands(people: list[str], place: int) -> None:
    votes = [vote(person) for person in people]
    approval = cast(asked(rule(quorum=4)), NOW, *votes[:place], no("dave"), *votes[place:])
    assert approval.state(NOW) == "rejected"


# ---- time ----------------------------------------------------------------------------


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=30)))
def test_after_the_deadline_nothing_counts(late: timedelta) -> None:
    approval = asked(rule(quorum=2))
    approval = cast(approval, NOW, vote("alice"))
    now = approval.deadline + late
    for each in (vote("bob"), no("bob"), vote("carol")):
        assert approval.objection(each, now) is not None
    assert approval.state(now) == "expired"


def test_until_the_deadline_everything_counts() -> None:
    approval = asked()
    last = approval.deadline - timedelta(microseconds=1)
    assert approval.objection(vote(), last) is None
    assert approval.state(last) == "pending"


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3000)))
def test_a_decision_made_in_time_outlives_the_deadline(later: timedelta) -> None:
    assert cast(asked(), NOW, vote()).state(NOW + later) == "granted"
    assert cast(asked(), NOW, no()).state(NOW + later) == "rejected"


def test_a_vote_cannot_say_when_it_was_cast() -> None:
    approval = asked()
    backdated = vote(at=NOW)
    assert approval.objection(backdated, approval.deadline) is not None


def test_the_shortest_rule_sets_the_deadline() -> None:
    assert asked(rule(minutes=60), rule("leads", minutes=5)).deadline == NOW + timedelta(minutes=5)


# ---- escalation ----------------------------------------------------------------------


def test_escalation_brings_groups_a_generation_and_a_new_deadline() -> None:
    approval = asked(rule(to=("leads",)))
    assert approval.escalation(NOW) is None
    escalated = approval.escalation(approval.deadline)
    assert escalated is not None
    assert (approval.groups(), escalated.groups()) == (("responders",), ("responders", "leads"))
    assert escalated.generation == approval.generation + 1
    assert escalated.deadline == approval.deadline + HALF_AN_HOUR
    assert escalated.state(approval.deadline) == "pending"
    assert approval.objection(vote("carol", "leads"), NOW) is not None
    assert cast(escalated, approval.deadline, vote("carol", "leads")).state(approval.deadline) == "granted"


def test_the_old_card_of_an_escalated_ask_does_not_count() -> None:
    escalated = asked(rule(to=("leads",))).escalation(NOW + HALF_AN_HOUR)
    assert escalated is not None
    assert "newer one was posted" in (escalated.objection(vote(generation=1), NOW + HALF_AN_HOUR) or "")
    assert escalated.objection(vote(generation=2), NOW + HALF_AN_HOUR) is None


def test_what_was_said_before_an_escalation_still_counts() -> None:
    approval = cast(asked(rule(quorum=2, to=("leads",))), NOW, vote("alice"))
    escalated = approval.escalation(approval.deadline)
    assert escalated is not None
    assert escalated.missing() == 1
    assert "one person has one vote" in (escalated.objection(vote("alice"), approval.deadline) or "")
    assert cast(escalated, approval.deadline, vote("carol", "leads")).state(approval.deadline) == "granted"


def test_an_ask_escalates_once() -> None:
    escalated = asked(rule(to=("leads",))).escalation(NOW + HALF_AN_HOUR)
    assert escalated is not None
    assert escalated.escalation(escalated.deadline) is None
    assert escalated.state(escalated.deadline) == "expired"


@pytest.mark.parametrize("votes", [(vote(),), (no(),)])
def test_what_is_decided_does_not_escalate(votes: tuple[Vote, ...]) -> None:
    approval = cast(asked(rule(to=("leads",))), NOW, *votes)
    assert approval.escalation(approval.deadline) is None


def test_a_rule_whose_silence_is_a_no_is_not_given_more_time_by_another() -> None:
    strict, patient = rule("leads"), rule("responders", to=("leads",))
    approval = cast(asked(strict, patient), NOW, vote("alice"))
    assert approval.missing() == 1
    assert approval.escalation(approval.deadline) is None
    # Where the strict one has its yes, the other may go on asking.
    approval = cast(asked(strict, patient), NOW, vote("carol", "leads"))
    assert approval.escalation(approval.deadline) is not None


# ---- people --------------------------------------------------------------------------


def test_the_person_who_asked_may_say_no_but_not_yes() -> None:
    approval = asked(requester="alice")
    assert "you asked for this yourself" in (approval.objection(vote("alice"), NOW) or "")
    assert cast(approval, NOW, no("alice")).state(NOW) == "rejected"


@pytest.mark.parametrize("subject", ["mallory@example.com", "Mallory@Example.COM", "MALLORY@EXAMPLE.COM"])
@pytest.mark.parametrize("each", [vote("mallory"), no("mallory")])
def test_whom_the_finding_is_about_decides_nothing(subject: str, each: Vote) -> None:
    assert "about you" in (asked(subjects=("x", subject)).objection(each, NOW) or "")


def test_each_of_two_rules_needs_its_own_people() -> None:
    both = asked(rule("responders"), rule("leads"))
    assert cast(both, NOW, vote("alice")).state(NOW) == "pending"
    assert cast(both, NOW, vote("alice"), vote("carol", "leads")).state(NOW) == "granted"
    assert cast(both, NOW, vote("erin", "responders", "leads")).state(NOW) == "granted"


def test_one_rule_asked_twice_is_one() -> None:
    assert asked(rule(), rule()).rules == (rule(),)


def test_an_ask_without_rules_does_not_exist() -> None:
    with pytest.raises((ValidationError, ValueError)):
        ask(number=1, kind="apply", plan_sha256=PLAN, rules=(), now=NOW)
    with pytest.raises(ValidationError, match="rules"):
        asked().model_validate({**asked().model_dump(), "rules": ()})


def test_an_approval_survives_json() -> None:
    approval = cast(asked(rule(to=("leads",)), requester="bob", subjects=("m",)), NOW, vote())
    assert Approval.model_validate_json(approval.model_dump_json()) == approval
    assert approval.model_dump(mode="json")["rules"][0]["from"] == ["responders"]


# ---- the words -----------------------------------------------------------------------


def test_each_objection_says_why_and_what_to_do() -> None:
    approval = asked(requester="bob", subjects=("mallory@example.com",))
    said = {
        "stranger": approval.objection(vote("dave", "cleaners"), NOW),
        "nobody's": approval.objection(vote(voter=Voter(person="eve", groups=())), NOW),
        "old card": approval.objection(vote(generation=7), NOW),
        "other plan": approval.objection(vote(fingerprint="0000-0000-0000" + "x" * 400), NOW),
        "requester": approval.objection(vote("bob"), NOW),
        "subject": approval.objection(vote("mallory"), NOW),
        "twice": cast(asked(rule(quorum=2)), NOW, vote()).objection(vote(), NOW),
        "no reason": approval.objection(vote(decision="reject"), NOW),
        "late": approval.objection(vote(), approval.deadline),
        "granted": cast(approval, NOW, vote()).objection(vote("carol"), NOW),
        "rejected": cast(approval, NOW, no()).objection(vote("carol"), NOW),
    }
    assert said == snapshot(
        {
            "stranger": "you are not in responders, whose people decide this",
            "nobody's": "you are not in responders, whose people decide this",
            "old card": "this card is out of date; a newer one was posted, please answer that one",
            "other plan": "the plan has changed: it is now A41B-35E6-E3C5, "
            "and your vote names 0000-0000-0000",
            "requester": "you asked for this yourself; somebody else has to say yes",
            "subject": "the finding is about you; somebody else has to decide",
            "twice": "you have voted already; one person has one vote",
            "no reason": "a no needs its reason: false_positive, wrong_action, bad_time or handled_elsewhere",
            "late": "the time to answer is over; silence meant no, and nothing was done",
            "granted": "this was already granted; nothing more is needed",
            "rejected": "this was already rejected; nothing more is needed",
        }
    )


def test_a_vote_that_counts_meets_no_objection() -> None:
    for name in (PLAN, "A41B-35E6-E3C5"):
        assert asked().objection(vote(fingerprint=name), NOW) is None
    assert asked().objection(no(), NOW) is None
