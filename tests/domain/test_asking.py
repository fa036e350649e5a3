"""Who is asked: never fewer than the policy says, and always somebody for what cannot be undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.action import Reversibility, Risk
from firedoor.domain.asking import rule_for
from firedoor.domain.playbook import AskFor, Step
from firedoor.domain.policy import ApprovalRule, FloorRule, Policy, floor
from tests.harness import REGISTRY, playbook

BOOK = playbook("steps:\n  - {id: a, action: toy.shut, params: {door: x}}\n")
DEFAULT = ApprovalRule(from_=("responders",), within=timedelta(minutes=30), then="escalate", to=("leads",))
QUIET = ApprovalRule(from_=("responders",), within=timedelta(minutes=30))
STRICT = ApprovalRule(from_=("leads",), quorum=2, within=timedelta(minutes=5))


def asked(
    *,
    wish: AskFor | None = None,
    kind: str = "full",
    risk: Risk = Risk.LOW,
    mode: str = "active",
    policy: Policy | None = None,
    environment: str | None = "prod",
    cautious: bool = False,
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


wishes = st.none() | st.builds(
    AskFor,
    from_=st.none() | st.sampled_from([("responders",), ("leads",), ("leads", "cleaners")]),
    quorum=st.none() | st.integers(1, 4),
    within=st.none() | st.integers(1, 90).map(lambda minutes: timedelta(minutes=minutes)),
    then=st.sampled_from([None, "reject", "escalate"]),
    to=st.sampled_from([None, ("leads",), ("cleaners",)]),
)
rules = st.sampled_from([DEFAULT, QUIET, STRICT])
policies = st.builds(
    lambda default, rules_: Policy(default=default, floor=tuple(rules_)),
    rules,
    st.lists(
        st.builds(
            FloorRule,
            risk=st.none() | st.sampled_from([(Risk.LOW,), (Risk.HIGH,)]),
            reversibility=st.none() | st.just(("full",)),
            environment=st.none() | st.sampled_from([("prod",), ("unknown",)]),
            ask=st.none() | rules,
        ),
        max_size=2,
    ),
)


@given(
    wish=wishes,
    kind=st.sampled_from(["full", "partial", "none"]),
    risk=st.sampled_from(list(Risk)),
    mode=st.sampled_from(["active", "ask"]),
    policy=policies,
    environment=st.sampled_from([None, "prod", "dev"]),
    cautious=st.booleans(),
)
def test_no_wish_no_mode_and_no_policy_lowers_the_floor(
    *,
    wish: AskFor | None,
    kind: Any,
    risk: Risk,
    mode: str,
    policy: Policy,
    environment: str | None,
    cautious: bool,
) -> None:
    rule = asked(
        wish=wish,
        kind=kind,
        risk=risk,
        mode=mode,
        policy=policy,
        environment=environment,
        cautious=cautious,
    )
    if kind == "none" or mode == "ask" or cautious or wish is not None:
        assert rule is not None
    least = floor(policy, kind, risk, environment or "unknown")
    if least is not None:
        assert rule is not None
        assert set(rule.from_) <= set(least.from_)
        assert rule.quorum >= least.quorum
        assert rule.within <= least.within
        assert set(rule.to) <= set(least.to)
