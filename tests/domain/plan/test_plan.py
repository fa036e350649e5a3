"""Plan: the fingerprint covers everything that is shown; drift is anything but what moves by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.action.action import Consequence, Reversibility, Risk
from firedoor.domain.core.canonical import fingerprint
from firedoor.domain.plan.plan import PlannedStep, plan_digest, plan_fingerprint, stretches
from tests.harness import NOW
from tests.plans import RESPONDERS, UNDO, plan_of, planned

#: For every field another value than `planned()` has.
OTHERS: dict[str, Any] = {
    "id": "other",
    "step": "other",
    "action": "toy.weld",
    "stage": 3,
    "account": "210987654321",
    "region": "eu-central-1",
    "source": "other",
    "identity": "AROAOTHER",
    "target": "arn:toy:door:::exit",
    "params": {"door": "exit"},
    "outcome": "already",
    "says": "shut the fire exit",
    "before": {"state": {"state": "unknown", "value": None}},
    "consequences": (Consequence(says="everybody is locked in"),),
    "reversibility": Reversibility(kind="none", says="it does not come off"),
    "risk": Risk.HIGH,
    "settles_within": timedelta(hours=1),
    "approval": RESPONDERS,
    "on_failure": "stop",
    "owners": ("alice",),
    "data": "restricted",
    "by_hand": "toy shut exit",
    "proof": {"door_id": "D-1"},
    "covers": NOW,
    "again_after": ("toy.weld",),
    "first": {"state": {"state": "absent", "value": None}},
}
MOVED = (Consequence(says="nobody gets through", observed="last used a minute ago"),)


def test_no_field_of_a_step_is_forgotten_here() -> None:
    assert set(OTHERS) == set(PlannedStep.model_fields)
    assert all(getattr(planned(), name) != other for name, other in OTHERS.items())


@pytest.mark.parametrize("field", sorted(OTHERS))
def test_what_people_sign_covers_every_field(field: str) -> None:
    changed = planned().model_copy(update={field: OTHERS[field]})
    assert plan_digest("r", (changed,)) != plan_digest("r", (planned(),))


@pytest.mark.parametrize("field", sorted(set(OTHERS) - {"covers", "first"}))
def test_a_change_of_any_field_is_drift(field: str) -> None:
    assert planned().model_copy(update={field: OTHERS[field]}).effect != planned().effect


def test_what_moves_by_itself_is_signed_and_is_no_drift() -> None:
    moved = planned(consequences=MOVED)
    assert moved.effect == planned().effect
    assert plan_digest("r", (moved,)) != plan_digest("r", (planned(),))


def test_one_consequence_more_is_drift() -> None:
    more = (*planned().consequences, Consequence(says="the cat stays out"))
    assert planned(consequences=more).effect != planned().effect


def test_a_signature_is_for_one_response_and_one_order() -> None:
    one, two = planned("a"), planned("b")
    digests = {
        plan_digest(response, steps)
        for response in ("apply r", "undo r", "apply r2")
        for steps in ((one,), (two,), (one, two), (two, one), (one, one), ())
    }
    assert len(digests) == 18


def test_the_fingerprint_is_the_digests() -> None:
    assert plan_fingerprint("r", (planned(),)) == fingerprint(plan_digest("r", (planned(),)))


def test_a_step_that_travelled_through_history_has_the_same_digests() -> None:
    here = planned(approval=RESPONDERS, before={"n": 1.5, "list": [None, True]})
    there = PlannedStep.model_validate_json(here.model_dump_json())
    assert there == here
    assert there.effect == here.effect
    assert plan_digest("r", (there,)) == plan_digest("r", (here,))


def test_only_changes_are_changes_in_their_order() -> None:
    steps = [
        planned(outcome, outcome=outcome)
        for outcome in ("change", "already", "refuse", "unplanned", "change")
    ]
    assert plan_of(*steps).changes() == (steps[0], steps[4])


@pytest.mark.parametrize("kind", ["full", "partial", "none"])
def test_undo_has_something_to_give_back_unless_nothing_can_be(kind: str) -> None:
    reversibility = Reversibility(kind=kind, says="because")
    assert planned(reversibility=reversibility).reversible == (kind != "none")


@given(asked=st.lists(st.booleans(), max_size=12))
def test_a_stretch_is_what_needs_a_yes_without_a_gap(asked: list[bool]) -> None:
    steps = [planned(f"s{n}", approval=UNDO if yes else None) for n, yes in enumerate(asked)]
    found = stretches(steps)
    assert [step for stretch in found for step in stretch] == [step for step in steps if step.approval]
    for stretch in found:
        first, last = steps.index(stretch[0]), steps.index(stretch[-1])
        assert tuple(steps[first : last + 1]) == stretch
        assert first == 0 or steps[first - 1].approval is None
        assert last == len(steps) - 1 or steps[last + 1].approval is None
