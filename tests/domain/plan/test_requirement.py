"""Who is asked: never fewer than the policy says, and always somebody for what cannot be undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.action.action import Reversibility, Risk
from firedoor.domain.approval.policy import ApprovalRule, DataClass, FloorRule, Policy, floor
from firedoor.domain.plan.requirement import raised, rule_for
from firedoor.domain.playbook.playbook import AskFor, Step
from tests.harness import REGISTRY, playbook
from tests.plans import planned

BOOK = playbook("steps:\n  - {id: a, action: toy.shut, params: {door: x}}\n")
DEFAULT = ApprovalRule(from_=("responders",), within=timedelta(minutes=30), then="escalate", to=("leads",))
QUIET = ApprovalRule(from_=("responders",), within=timedelta(minutes=30))
STRICT = ApprovalRule(from_=("leads",), quorum=2, within=timedelta(minutes=5))
SIGNED = ApprovalRule(from_=("leads",), quorum=2, within=timedelta(minutes=15), step_up=True)
SILENT = ApprovalRule(from_=("responders",), within=timedelta(minutes=10), then="proceed")
RESTRICTED = Policy(default=DEFAULT, floor=(FloorRule(data=("restricted",), ask=SIGNED),))
CLASSES: tuple[DataClass | None, ...] = (None, "public", "internal", "confidential", "restricted", "unknown")


def asked(
    *,
    wish: AskFor | None = None,
    kind: str = "full",
    risk: Risk = Risk.LOW,
    mode: str = "active",
    policy: Policy | None = None,
    environment: str | None = "prod",
    cautious: bool = False,
    data: DataClass | None = None,
) -> ApprovalRule | None:
    spec = REGISTRY["toy.shut"].spec.model_copy(
        update={"reversibility": Reversibility(kind=kind, says="because"), "risk": risk}
    )
    return rule_for(
        playbook=BOOK.model_copy(update={"mode": mode}),
        step=Step(id="a", action="toy.shut", approval=wish),
        spec=spec,
        policy=policy or Policy(default=DEFAULT),
        environment=environment,
        cautious=cautious,
        data=data,
    )


def test_what_can_be_undone_runs_by_itself_where_nobody_says_otherwise() -> None:
    assert asked() is None


@pytest.mark.parametrize("why", [{"kind": "none"}, {"mode": "ask"}, {"cautious": True}, {"wish": AskFor()}])
def test_each_cause_alone_is_enough_to_ask_the_default(why: dict[str, Any]) -> None:
    assert asked(**why) == DEFAULT


def test_the_policys_floor_asks_although_the_playbook_does_not() -> None:
    policy = Policy(default=DEFAULT, floor=(FloorRule(environment=("prod",), ask=STRICT),))
    assert asked(policy=policy) == STRICT
    assert asked(policy=policy, environment="dev") is None


def test_an_account_nobody_described_is_unknown_to_the_floor() -> None:
    policy = Policy(default=DEFAULT, floor=(FloorRule(environment=("unknown",), ask=STRICT),))
    assert asked(policy=policy, environment=None) == STRICT


def test_a_wish_is_the_default_with_what_it_says() -> None:
    wish = AskFor(from_=("leads",), quorum=2, within=timedelta(minutes=5), then="reject")
    assert asked(wish=wish) == ApprovalRule(from_=("leads",), quorum=2, within=timedelta(minutes=5))


def test_a_wish_to_escalate_where_the_policy_names_nobody_is_asked_and_silence_is_a_no() -> None:
    """Refusing to plan instead would leave every other step of the playbook undone."""
    assert asked(wish=AskFor(then="escalate"), policy=Policy(default=QUIET)) == QUIET


@pytest.mark.parametrize(
    ("data", "rule"),
    [(None, None), ("public", None), ("confidential", None), ("restricted", SIGNED), ("unknown", SIGNED)],
)
def test_data_whose_class_is_unknown_count_as_any_that_a_rule_names(
    data: DataClass | None, rule: ApprovalRule | None
) -> None:
    """And a target that holds no data is none of them."""
    assert asked(policy=RESTRICTED, data=data) == rule


def test_a_playbook_cannot_ask_for_less_than_a_signature_where_the_floor_wants_one() -> None:
    wish = AskFor(from_=("responders",), quorum=1, within=timedelta(days=1), step_up=False)
    assert asked(policy=RESTRICTED, data="restricted", wish=wish) == SIGNED


def test_a_playbook_may_ask_for_a_signature_itself() -> None:
    rule = asked(wish=AskFor(step_up=True))
    assert rule is not None
    assert rule.step_up


def test_silence_is_a_yes_by_the_policy_for_what_can_be_taken_back_in_full() -> None:
    policy = Policy(default=DEFAULT, floor=(FloorRule(risk=(Risk.LOW,), ask=SILENT),))
    assert asked(policy=policy) == SILENT
    for kind in ("partial", "none"):
        assert asked(policy=policy, kind=kind) == SILENT.never_by_silence()


def test_silence_is_a_no_where_there_is_cause_for_caution() -> None:
    """A person undid this before: it must not happen again because nobody looked."""
    assert asked(policy=Policy(default=SILENT), cautious=True) == SILENT.never_by_silence()
    assert asked(policy=Policy(default=SILENT), mode="ask") == SILENT


def test_no_rule_widens_one_whose_silence_does_not_count() -> None:
    """For the irreversible, `proceed` is a no; a playbook cannot make it an escalation to its friends."""
    policy = Policy(default=DEFAULT, floor=(FloorRule(ask=SILENT),))
    rule = asked(policy=policy, kind="none", wish=AskFor(then="escalate", to=("interns",)))
    assert rule == SILENT.never_by_silence()


def test_a_playbook_that_waits_for_people_makes_silence_a_no() -> None:
    policy = Policy(default=SILENT)
    rule = asked(policy=policy, wish=AskFor(then="reject"))
    assert rule is not None
    assert rule.then == "reject"


def test_a_step_whose_world_has_moved_is_asked_as_the_policy_asks_for_it_now() -> None:
    automatic = planned("a", data="public")
    now = raised(automatic.model_copy(update={"data": "restricted"}), policy=RESTRICTED, environment="prod")
    assert now.approval == SIGNED
    assert raised(automatic, policy=RESTRICTED, environment="prod").approval is None


def test_a_step_whose_world_has_moved_is_never_asked_of_fewer() -> None:
    """Its class may have become a harmless one: what people were asked for stays."""
    asked_before = planned("a", data="public", approval=SIGNED)
    assert raised(asked_before, policy=RESTRICTED, environment="prod").approval == SIGNED


wishes = st.none() | st.builds(
    AskFor,
    from_=st.none() | st.sampled_from([("responders",), ("leads",), ("leads", "cleaners")]),
    quorum=st.none() | st.integers(1, 4),
    within=st.none() | st.integers(1, 90).map(lambda minutes: timedelta(minutes=minutes)),
    then=st.sampled_from([None, "reject", "escalate"]),
    to=st.sampled_from([None, ("leads",), ("cleaners",)]),
    step_up=st.sampled_from([None, False, True]),
)
rules = st.sampled_from([DEFAULT, QUIET, STRICT, SIGNED, SILENT])
policies = st.builds(
    lambda default, rules_: Policy(default=default, floor=tuple(rules_)),
    rules,
    st.lists(
        st.builds(
            FloorRule,
            risk=st.none() | st.sampled_from([(Risk.LOW,), (Risk.HIGH,)]),
            reversibility=st.none() | st.just(("full",)),
            environment=st.none() | st.sampled_from([("prod",), ("unknown",)]),
            data=st.none() | st.sampled_from([("restricted",), ("confidential", "restricted"), ("unknown",)]),
            ask=st.none() | rules,
        ),
        max_size=2,
    ),
)


ORDER = ("reject", "escalate", "proceed")
everything = {
    "wish": wishes,
    "kind": st.sampled_from(["full", "partial", "none"]),
    "risk": st.sampled_from(list(Risk)),
    "mode": st.sampled_from(["active", "ask"]),
    "policy": policies,
    "environment": st.sampled_from([None, "prod", "dev"]),
    "cautious": st.booleans(),
    "data": st.sampled_from(CLASSES),
}


def strict_as(rule: ApprovalRule, least: ApprovalRule) -> None:
    """In all but the groups, of which several rules may have none in common."""
    assert rule.quorum >= least.quorum
    assert rule.within <= least.within
    assert rule.step_up >= least.step_up
    assert ORDER.index(rule.then) <= ORDER.index(least.then)


def no_less(rule: ApprovalRule | None, least: ApprovalRule) -> None:
    assert rule is not None
    assert set(rule.from_) <= set(least.from_)
    strict_as(rule, least)
    if least.then == "escalate":
        assert set(rule.to) <= set(least.to)


@given(**everything)
def test_no_wish_no_mode_and_no_policy_lowers_the_floor(**given_: Any) -> None:
    rule = asked(**given_)
    kind, policy = given_["kind"], given_["policy"]
    if kind == "none" or given_["mode"] == "ask" or given_["cautious"] or given_["wish"] is not None:
        assert rule is not None
    least = floor(policy, kind, given_["risk"], given_["environment"] or "unknown", given_["data"])
    if least is not None:
        no_less(rule, least)


@given(**everything)
def test_what_cannot_be_undone_is_always_asked_and_never_by_silence(**given_: Any) -> None:
    rule = asked(**{**given_, "kind": "none"})
    assert rule is not None
    assert rule.then != "proceed"
    partly = asked(**{**given_, "kind": "partial"})
    assert partly is None or partly.then != "proceed"


@given(**everything)
def test_a_wish_only_ever_adds_to_what_is_asked_without_it(**given_: Any) -> None:
    """Where the floor asks, no wish makes silence, time, people or signatures less; only more."""
    least = floor(
        given_["policy"],
        given_["kind"],
        given_["risk"],
        given_["environment"] or "unknown",
        given_["data"],
    )
    without = asked(**{**given_, "wish": None})
    rule = asked(**given_)
    if least is not None and without is not None:
        no_less(rule, without)


@given(**everything)
def test_caution_never_asks_less(**given_: Any) -> None:
    calm = asked(**{**given_, "cautious": False})
    wary = asked(**{**given_, "cautious": True})
    assert wary is not None
    if calm is not None:
        no_less(wary, calm)


@given(
    data=st.sampled_from(CLASSES[1:]), **{name: each for name, each in everything.items() if name != "data"}
)
def test_unknown_data_are_asked_no_less_than_every_rule_for_any_class(data: DataClass, **given_: Any) -> None:
    kind, policy, environment = given_["kind"], given_["policy"], given_["environment"] or "unknown"
    rule = asked(**given_, data="unknown")
    for named in policy.floor:
        if named.holds_for(kind, given_["risk"], environment, data):
            assert rule is not None
            strict_as(rule, named.ask or policy.default)


@given(policy=policies, least=rules)
def test_a_rule_more_in_the_floor_never_asks_less_than_it_says(policy: Policy, least: ApprovalRule) -> None:
    more = policy.model_copy(update={"floor": (*policy.floor, FloorRule(ask=least))})
    rule = asked(policy=more)
    assert rule is not None
    strict_as(rule, least)
