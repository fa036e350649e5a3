"""The floor of approval: a playbook may ask for more, never for less."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.domain.action.action import Risk
from firedoor.domain.approval.policy import ApprovalRule, DataClass, Policy, at_least, floor
from firedoor.domain.yaml.reader import Problems, dump, load, read

DEFAULT = "default: {from: [secops], within: 30m, then: escalate, to: [leads]}\n"


def policy(text: str = "") -> Policy:
    return load(read(DEFAULT + text, "policy.yaml"), Policy)


def rule(*from_: str, quorum: int = 1, minutes: int = 30, to: tuple[str, ...] = ()) -> ApprovalRule:
    return ApprovalRule(
        from_=from_ or ("secops",),
        quorum=quorum,
        within=timedelta(minutes=minutes),
        then="escalate" if to else "reject",
        to=to,
    )


def test_what_cannot_be_undone_is_always_asked_and_the_rest_is_not_unless_the_policy_says_so() -> None:
    bare = policy()
    for risk, environment in product(Risk, ("prod", "dev", "unknown")):
        assert floor(bare, "none", risk, environment) == bare.default
        assert floor(bare, "partial", risk, environment) is None
        assert floor(bare, "full", risk, environment) is None


def test_no_policy_makes_the_irreversible_automatic() -> None:
    told = policy("floor:\n  - {reversibility: [full]}\n  - {risk: [low], environment: [dev]}\n")
    assert all(floor(told, "none", risk, "prod") is not None for risk in Risk)


def test_a_floor_rule_holds_where_all_its_conditions_do() -> None:
    told = policy(
        "floor:\n  - {environment: [prod], risk: [high], ask: {from: [leads], quorum: 2, within: 5m}}\n"
    )
    two_leads = rule("leads", quorum=2, minutes=5)
    assert floor(told, "full", Risk.HIGH, "prod") == two_leads
    assert floor(told, "full", Risk.HIGH, "dev") is None
    assert floor(told, "full", Risk.LOW, "prod") is None
    # Named for the irreversible too: it says who is asked in the default's place.
    assert floor(told, "none", Risk.HIGH, "prod") == two_leads
    assert floor(told, "none", Risk.HIGH, "dev") == told.default


def test_where_several_rules_hold_the_strictest_of_each_counts() -> None:
    told = policy(
        "floor:\n"
        "  - {environment: [prod], ask: {from: [secops, leads], quorum: 1, within: 5m}}\n"
        "  - {risk: [high], ask: {from: [leads], quorum: 2, within: 1h}}\n"
    )
    assert floor(told, "full", Risk.HIGH, "prod") == rule("leads", quorum=2, minutes=5)


def test_the_undo_of_a_containment_is_asked_of_whom_the_policy_says() -> None:
    assert policy().undo_rule == policy().default
    assert policy("undo: {from: [leads], within: 24h}").undo_rule == rule("leads", minutes=24 * 60)


def test_a_playbook_that_asks_for_more_gets_it() -> None:
    least = rule("secops", "leads")
    assert at_least(rule("leads", quorum=2, minutes=5), least) == rule("leads", quorum=2, minutes=5)
    assert at_least(None, least) == least
    assert at_least(least, None) == least
    assert at_least(None, None) is None


def test_a_playbook_that_asks_for_less_is_raised_to_the_floor() -> None:
    least = rule("leads", quorum=2, minutes=5, to=("ciso",))
    asked = rule("interns", quorum=1, minutes=600, to=("interns",))
    assert at_least(asked, least) == least
    # Escalating to more people is less than a no.
    assert at_least(rule("leads", to=("interns",)), rule("leads")) == rule("leads")


groups = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True).map(tuple)
silences: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{}, {"then": "proceed"}]) | groups.map(
    lambda to: {"then": "escalate", "to": to}
)
rules = st.builds(
    lambda from_, quorum, minutes, step_up, silence: ApprovalRule(
        from_=from_, quorum=quorum, within=timedelta(minutes=minutes), step_up=step_up, **silence
    ),
    groups,
    st.integers(1, 10),
    st.integers(1, 10_000),
    st.booleans(),
    silences,
)
STRICTEST = ("reject", "escalate", "proceed")


@settings(deadline=None)
@given(rules, rules)
def test_whatever_a_playbook_asks_the_result_is_never_less_than_the_floor(
    asked: ApprovalRule, least: ApprovalRule
) -> None:
    result = at_least(asked, least)
    assert result is not None
    assert set(result.from_) <= set(least.from_)
    assert result.then == "reject" or least.then == "proceed" or set(result.to) <= set(least.to)
    assert result.quorum >= max(asked.quorum, least.quorum)
    assert result.within <= min(asked.within, least.within)
    assert result.step_up is (asked.step_up or least.step_up)
    assert STRICTEST.index(result.then) <= min(STRICTEST.index(asked.then), STRICTEST.index(least.then))
    assert at_least(result, least) == result  # what is raised once is high enough


@settings(deadline=None)
@given(rules, rules, rules)
def test_to_ask_for_more_is_never_to_get_less(
    asked: ApprovalRule, more: ApprovalRule, least: ApprovalRule
) -> None:
    """Monotone in both: a wish raised by another wish, and a floor raised by another rule."""
    result = at_least(asked, least)
    for higher in (at_least(at_least(more, asked), least), at_least(asked, at_least(more, least))):
        assert higher is not None
        assert result is not None
        assert higher.quorum >= result.quorum
        assert higher.within <= result.within
        assert higher.step_up >= result.step_up


@given(rules)
def test_silence_that_was_a_yes_becomes_a_no_and_nothing_else_changes(asked: ApprovalRule) -> None:
    never = asked.never_by_silence()
    assert never.then != "proceed"
    assert never.model_copy(update={"then": asked.then}) == asked


@pytest.mark.parametrize(
    ("data", "quorum"),
    [(None, 1), ("public", 1), ("internal", 2), ("restricted", 3), ("unknown", 3)],
)
def test_the_class_of_the_data_decides_by_the_worlds_word(data: DataClass | None, quorum: int) -> None:
    """A target that holds no data is of no class; one whose class is unknown is of each that is named."""
    told = policy(
        "floor:\n"
        "  - {ask: {from: [leads], within: 5m}}\n"
        "  - {data: [internal], ask: {from: [leads], quorum: 2, within: 5m}}\n"
        "  - {data: [restricted], ask: {from: [leads], quorum: 3, within: 5m}}\n"
    )
    found = floor(told, "full", Risk.LOW, "dev", data)
    assert found is not None
    assert found.quorum == quorum


def test_what_a_playbook_leaves_out_the_policy_says() -> None:
    default = policy().default
    assert default.but() == default
    assert default.but(quorum=2).quorum == 2
    assert default.but(then="reject").to == ()
    assert rule().but(to=("leads",)).then == "escalate"
    assert rule().but(then="escalate", to=("ciso",)) == rule(to=("ciso",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("default: {within: 5m}", "1:10: the key 'from' is missing; expected a list of text"),
        ("default: {from: [], within: 5m}", "1:17: an empty list; expected it to have at least 1 item"),
        ("default: {from: [a]}", "1:10: the key 'within' is missing; expected a duration such as 15m"),
        (
            "default: {from: [a], within: 0s}",
            "1:30: 0 seconds for people to answer; expected at least 1s",
        ),
        ("default: {from: [a], within: PT0S}", "1:30: 0 seconds for people to answer; expected at least 1s"),
        ("default: {from: [a], within: 5m, quorum: 0}", "1:42: the number 0; expected at least 1"),
        ("default: {from: [a], within: 5m, then: escalate}", "1:40: an escalation to nobody; expected `to`"),
        (
            "default: {from: [a], within: 5m, to: [b]}",
            "1:34: groups that are never asked; expected `to` only",
        ),
        ("default: {from_: [a], within: 5m}", "1:11: unknown key 'from_'"),
        (
            DEFAULT + "floor: [{reversibility: [nun]}]",
            "2:26: the text 'nun'; expected one of full, partial, none",
        ),
        (
            DEFAULT + "break_glass: {people: [], review: {from: [a], within: 1h}}",
            "2:23: an empty list; expected it to have at least 1 item",
        ),
        (
            DEFAULT + "floor: [{data: [secret]}]",
            "2:17: the text 'secret'; expected one of public, internal, confidential, restricted, unknown",
        ),
        (
            DEFAULT + "budget: 5",
            "2:1: unknown key 'budget'; expected one of undo, storm, break_glass, freeze, mute, floor; remove it",  # noqa: E501
        ),
    ],
)
def test_a_mistake_in_the_policy_is_told_at_its_place(text: str, problem: str) -> None:
    with pytest.raises(Problems) as caught:
        load(read(text, "policy.yaml"), Policy)
    assert str(caught.value).startswith(f"policy.yaml:{problem}")


def test_a_rule_travels_as_it_was_written() -> None:
    told = policy(
        "storm: {from: [chiefs], within: 5m}\n"
        "break_glass: {people: [ann], review: {from: [board], within: 24h}}\n"
        "floor:\n  - {risk: [high], ask: {from: [leads], quorum: 2, within: 5m, step_up: true}}\n"
    )
    assert Policy.model_validate_json(told.model_dump_json()) == told
    assert load(read(dump(told), "p"), Policy) == told
    assert [group for _, group in told.groups()] == ["secops", "leads", "chiefs", "board", "leads"]


# ---- who may throw the kill switch ----------------------------------------------------------------


def test_left_out_those_may_freeze_who_may_say_yes_to_anything() -> None:
    told = policy("floor:\n  - {environment: [prod], ask: {from: [owners], quorum: 2, within: 5m}}\n")
    assert told.freezers(["network"]) == ("secops", "leads", "owners", "network")


def test_the_policy_may_name_whose_people_freeze_and_then_nobody_else_does() -> None:
    assert policy("freeze: {from: [leads]}\n").freezers(["network"]) == ("leads",)


def test_a_group_that_nobody_knows_is_found_where_it_stands() -> None:
    named = dict(policy("freeze: {from: [nobdy]}\n").groups())
    assert named[("freeze", "from", 0)] == "nobdy"
