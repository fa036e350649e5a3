"""Tags that could not be read are said before the vote, and a look that fails later voids no vote."""

from __future__ import annotations

from activities.verbs import _owned
from firedoor.domain.action.action import OWNER_NOT_KNOWN
from tests.plans import planned

SAYS = "whose it is is not known, so that its owner may be among those who say yes"


def test_people_are_told_that_the_owner_is_not_known() -> None:
    step = _owned(planned(outcome="unplanned"), (OWNER_NOT_KNOWN,))
    assert step.consequences[-1].says == SAYS
    assert OWNER_NOT_KNOWN in step.owners


def test_an_owner_that_is_known_is_not_talked_of() -> None:
    step = _owned(planned(outcome="unplanned"), ("alice@example.com",))
    assert SAYS not in [each.says for each in step.consequences]


def test_a_look_that_fails_after_the_plan_is_no_drift() -> None:
    step = _owned(planned(outcome="unplanned"), ("alice@example.com",)).model_copy(
        update={"outcome": "change"}
    )
    assert _owned(step, (OWNER_NOT_KNOWN,)).effect == step.effect


def test_a_look_that_succeeds_after_the_plan_only_adds_the_owner() -> None:
    step = _owned(planned(outcome="unplanned"), (OWNER_NOT_KNOWN,)).model_copy(update={"outcome": "change"})
    later = _owned(step, ("alice@example.com",))
    assert set(later.owners) == {OWNER_NOT_KNOWN, "alice@example.com"}
    assert later.consequences == step.consequences
