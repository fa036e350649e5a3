"""Approval: who may not say yes, looking everyone up again, acting alone, signing, silence, many at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.approval.approval import Approval, ask
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import NOBODY, Proof, Vote, Voter
from tests.harness import NOW

PLAN = "a41b35e6e3c5" + "0" * 52
HALF_AN_HOUR = timedelta(minutes=30)


def rule(*from_: str, quorum: int = 1, **changes: Any) -> ApprovalRule:
    return ApprovalRule(from_=from_ or ("responders",), quorum=quorum, within=HALF_AN_HOUR, **changes)


def asked(*rules: ApprovalRule, **changes: Any) -> Approval:
    return ask(number=1, kind="apply", plan_sha256=PLAN, rules=rules or (rule(),), now=NOW, **changes)


def somebody(person: str = "alice", *groups: str) -> Voter:
    return Voter(person=person, groups=groups or ("responders",), names=(f"{person}@example.com",))


def vote(person: str = "alice", *groups: str, **changes: Any) -> Vote:
    base: dict[str, Any] = {
        "id": f"{person}-1",
        "decision": "approve",
        "voter": somebody(person, *groups),
        "door": "cli",
        "fingerprint": PLAN,
        "at": NOW,
    }
    return Vote(**{**base, **changes})


def known(*votes: Vote) -> dict[str, Voter]:
    return {each.voter.person: each.voter for each in votes}


# ---- the order of checks ---------------------------------------------------------------


def test_the_first_reason_in_the_order_of_the_house_is_told() -> None:
    stranger: dict[str, Any] = {"voter": NOBODY, "unbound": "this account belongs to nobody"}
    wrong_in_every_way = vote(
        **stranger, ask="7", generation=9, fingerprint="0000-0000-0000", break_glass=True
    )
    late = asked().deadline
    assert "out of date" in (asked().objection(wrong_in_every_way, late) or "")
    this_ask = wrong_in_every_way.model_copy(update={"ask": "1", "generation": 1})
    assert "plan has changed" in (asked().objection(this_ask, late) or "")
    this_plan = this_ask.model_copy(update={"fingerprint": PLAN})
    assert "time to answer is over" in (asked().objection(this_plan, late) or "")
    assert asked().objection(this_plan, NOW) == "this account belongs to nobody"
    bound = this_plan.model_copy(update={"voter": somebody("dave", "cleaners"), "unbound": ""})
    assert "break the glass" in (asked().objection(bound, NOW) or "")
    ordinary = bound.model_copy(update={"break_glass": False})
    assert "you are not in responders" in (asked().objection(ordinary, NOW) or "")


def test_a_vote_for_another_ask_with_the_same_plan_and_generation_does_not_count() -> None:
    assert "out of date" in (asked().objection(vote(ask="2", generation=1), NOW) or "")


def test_a_vote_nobody_stands_behind_never_counts_even_when_it_is_counted() -> None:
    forced = asked().with_vote(vote(voter=somebody(), unbound="nobody"))
    assert forced.state(NOW) == "pending"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"requester": "alice"}, "asked for this yourself"),
        ({"subjects": ("ALICE@example.com",)}, "the finding is about you"),
        ({"owners": ("Alice@Example.com",)}, "is yours"),
        ({"editors": ("alice@example.com",)}, "last to change this playbook"),
    ],
)
def test_who_is_a_party_to_it_cannot_say_yes(how: dict[str, Any], why: str) -> None:
    approval = asked(**how)
    assert why in (approval.objection(vote(), NOW) or "")
    assert approval.with_vote(vote()).missing() == 1
    assert not approval.may_decide(somebody())


@pytest.mark.parametrize("how", [{"owners": ("alice@example.com",)}, {"editors": ("alice@example.com",)}])
def test_an_owner_or_an_editor_may_say_no(how: dict[str, Any]) -> None:
    assert asked(**how).objection(vote(decision="reject", reason="bad_time"), NOW) is None


# ---- looked up once more -----------------------------------------------------------------


def test_a_complete_quorum_is_no_yes_until_everyone_was_looked_up_again() -> None:
    votes = (vote("alice"), vote("bob"))
    complete = asked(rule(quorum=2)).with_vote(votes[0]).with_vote(votes[1])
    assert complete.state(NOW) == "confirming"
    assert "being looked up" in (complete.objection(vote("carol"), NOW) or "")
    counted, fallen = complete.confirm(known(*votes))
    assert (counted.state(NOW), fallen) == ("granted", ())


def test_who_left_the_group_between_vote_and_quorum_has_no_vote() -> None:
    votes = (vote("alice"), vote("bob"))
    complete = asked(rule(quorum=2)).with_vote(votes[0]).with_vote(votes[1])
    counted, fallen = complete.confirm({**known(*votes), "alice": somebody("alice", "cleaners")})
    assert [each.voter.person for each in fallen] == ["alice"]
    assert (counted.state(NOW), counted.missing()) == ("pending", 1)


def test_who_is_not_known_any_more_has_no_vote() -> None:
    complete = asked().with_vote(vote())
    counted, fallen = complete.confirm({})
    assert (counted.state(NOW), len(fallen)) == ("pending", 1)


def test_a_no_while_everyone_is_looked_up_is_a_no() -> None:
    complete = asked().with_vote(vote())
    no = vote("bob", decision="reject", reason="wrong_action")
    assert complete.objection(no, NOW) is None
    counted, _ = complete.with_vote(no).confirm(known(vote()))
    assert counted.state(NOW) == "rejected"


def test_nobody_could_be_looked_up_means_no() -> None:
    complete = asked().with_vote(vote()).model_copy(update={"unconfirmed": True})
    assert complete.state(NOW) == "expired"
    assert complete.escalation(NOW) is None


@given(
    st.lists(st.sampled_from(["alice", "bob", "carol"]), max_size=5),
    st.sets(st.sampled_from(["alice", "bob"])),
)
def test_nothing_is_granted_by_people_who_are_gone(people: list[str], gone: set[str]) -> None:
    approval = asked(rule(quorum=2))
    for person in people:
        each = vote(person)
        if approval.objection(each, NOW) is None:
            approval = approval.with_vote(each)
    left = {person: somebody(person) for person in people if person not in gone}
    counted, _ = approval.confirm(left)
    assert (counted.state(NOW) == "granted") == (counted.confirmed and len(set(left)) >= 2)
    if counted.state(NOW) == "granted":
        assert not {each.voter.person for each in counted.votes} & gone


# ---- acting alone -------------------------------------------------------------------------


def glass(person: str = "ciso", comment: str = "the data is leaving right now", **changes: Any) -> Vote:
    return vote(person, "nobody-in-particular", break_glass=True, comment=comment, **changes)


def test_one_named_person_may_act_alone_with_a_written_reason() -> None:
    approval = asked(rule(quorum=3), glass=("ciso",))
    assert approval.objection(glass(), NOW) is None
    broken = approval.with_vote(glass())
    assert (broken.missing(), broken.state(NOW)) == (0, "confirming")
    assert broken.confirm(known(glass()))[0].state(NOW) == "granted"


@pytest.mark.parametrize(
    ("given_vote", "why"),
    [
        (glass("alice"), "only people whom the policy names"),
        (glass(comment="  short   "), "reason in writing"),
    ],
)
def test_nobody_else_may_and_not_without_a_reason(given_vote: Vote, why: str) -> None:
    approval = asked(rule(quorum=3), glass=("ciso",))
    assert why in (approval.objection(given_vote, NOW) or "")


def test_a_forced_broken_glass_of_somebody_else_grants_nothing() -> None:
    assert asked(rule(quorum=2), glass=("ciso",)).with_vote(glass("alice")).state(NOW) == "pending"


def test_nobody_breaks_the_glass_where_the_policy_names_nobody() -> None:
    assert asked().objection(glass(), NOW) is not None


def test_the_subject_of_the_finding_cannot_break_the_glass() -> None:
    approval = asked(glass=("ciso",), subjects=("ciso@example.com",))
    assert "about you" in (approval.objection(glass(), NOW) or "")


# ---- signing ------------------------------------------------------------------------------


def proof(**changes: Any) -> Proof:
    base: dict[str, Any] = {"kind": "oidc", "by": "https://idp.example.com", "plan_sha256": PLAN, "at": NOW}
    return Proof(**{**base, **changes})


def test_the_highest_tier_needs_a_signature_and_a_press_is_none() -> None:
    approval = asked(rule(step_up=True))
    assert approval.step_up
    assert "fresh sign-in or a passkey" in (approval.objection(vote(), NOW) or "")
    assert approval.with_vote(vote()).missing() == 1
    assert approval.objection(vote(proof=proof()), NOW) is None
    assert approval.with_vote(vote(proof=proof())).missing() == 0


@pytest.mark.parametrize(
    "given_proof",
    [
        proof(plan_sha256="b" * 64),
        proof(at=NOW - timedelta(minutes=6)),
        proof(at=NOW + timedelta(minutes=2)),
    ],
)
def test_a_signature_for_another_plan_or_of_another_hour_is_none(given_proof: Proof) -> None:
    assert asked(rule(step_up=True)).objection(vote(proof=given_proof), NOW) is not None


def test_a_no_needs_no_signature() -> None:
    no = vote(decision="reject", reason="wrong_action")
    assert asked(rule(step_up=True)).objection(no, NOW) is None


def test_breaking_the_glass_of_the_highest_tier_has_to_be_signed_as_well() -> None:
    approval = asked(rule(step_up=True), glass=("ciso",))
    assert "fresh sign-in" in (approval.objection(glass(), NOW) or "")
    assert approval.objection(glass(proof=proof()), NOW) is None


# ---- silence ------------------------------------------------------------------------------


def test_silence_is_a_yes_only_where_every_rule_without_its_people_says_so() -> None:
    goes_on = asked(rule(then="proceed"))
    assert goes_on.state(goes_on.deadline) == "granted"
    assert goes_on.state(goes_on.deadline - timedelta(seconds=1)) == "pending"
    mixed = asked(rule(then="proceed"), rule("leads"))
    assert mixed.state(mixed.deadline) == "expired"


def test_a_no_outweighs_a_silence_that_would_be_a_yes() -> None:
    no = vote(decision="reject", reason="bad_time")
    goes_on = asked(rule(then="proceed")).with_vote(no)
    assert goes_on.state(goes_on.deadline) == "rejected"


# ---- many at once -------------------------------------------------------------------------


def test_a_word_about_many_is_one_tier_higher_than_a_word_about_one() -> None:
    many = "c" * 64
    approval = asked().with_vote(vote(among=many))
    assert (approval.missing(), approval.state(NOW)) == (1, "pending")
    assert approval.with_vote(vote("bob", among=many)).state(NOW) == "confirming"


def test_the_policy_says_who_is_asked_as_well_in_a_storm() -> None:
    approval = asked(storm=rule("leads"))
    assert approval.objection(vote("carol", "leads", among="c" * 64), NOW) is None
    assert approval.objection(vote("carol", "leads"), NOW) is not None
    one = approval.with_vote(vote(among="c" * 64))
    assert one.missing() == 1
    assert one.with_vote(vote("carol", "leads", among="c" * 64)).missing() == 0


# ---- reminding ----------------------------------------------------------------------------


def test_people_are_reminded_at_half_time() -> None:
    approval = asked()
    assert approval.remind_at == NOW + HALF_AN_HOUR / 2
    escalated = asked(rule(then="escalate", to=("leads",))).escalation(NOW + HALF_AN_HOUR)
    assert escalated is not None
    assert escalated.remind_at == NOW + HALF_AN_HOUR + HALF_AN_HOUR / 2
