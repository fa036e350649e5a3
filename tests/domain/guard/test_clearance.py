"""The kill switch: over what it holds, and who may release it."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.domain.guard.clearance import (
    MOST_FREEZES,
    FreezeOrder,
    Freezes,
    ThawOrder,
    freeze_objection,
    frozen,
    thaw_objection,
    thawed,
)
from tests.harness import NOW

PROD, DEV = "123456789012", "210987654321"


def throw(person: str = "alice", **scope: Any) -> FreezeOrder:
    return FreezeOrder(id="f", person=person, door="cli", why="a bug", at=NOW, **scope)


def release(person: str = "bob", **scope: Any) -> ThawOrder:
    return ThawOrder(id="t", person=person, door="cli", at=NOW, **scope)


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        ({}, {(PROD, "leaked_key"), (PROD, "public_bucket"), (DEV, "leaked_key"), (DEV, "public_bucket")}),
        ({"account": PROD}, {(PROD, "leaked_key"), (PROD, "public_bucket")}),
        ({"playbook": "leaked_key"}, {(PROD, "leaked_key"), (DEV, "leaked_key")}),
        ({"account": PROD, "playbook": "leaked_key"}, {(PROD, "leaked_key")}),
    ],
)
def test_a_freeze_holds_for_what_it_was_thrown_over_and_for_nothing_else(
    scope: dict[str, Any], stopped: set[tuple[str, str]]
) -> None:
    now = frozen(Freezes(), throw(**scope))
    everywhere = {
        (account, playbook) for account in (PROD, DEV) for playbook in ("leaked_key", "public_bucket")
    }
    assert {each for each in everywhere if now.objection(*each)} == stopped


def test_nothing_is_frozen_before_somebody_freezes_it() -> None:
    assert Freezes().objection(PROD, "leaked_key") is None
    assert Freezes().says() == ""


def test_whoever_threw_it_cannot_release_it() -> None:
    now = frozen(Freezes(), throw("alice"))
    assert "somebody else" in (thaw_objection(now, release("alice")) or "")
    assert thaw_objection(now, release("bob")) is None


def test_throwing_it_again_does_not_change_who_may_release_it() -> None:
    """Somebody who froze could else have a friend freeze again, and release it alone."""
    now = frozen(frozen(Freezes(), throw("alice")), throw("bob"))
    assert len(now.freezes) == 1
    assert "somebody else" in (thaw_objection(now, release("alice")) or "")


def test_a_release_of_everything_needs_somebody_who_threw_none_of_it() -> None:
    now = frozen(frozen(Freezes(), throw("alice", account=PROD)), throw("bob", account=DEV))
    assert thaw_objection(now, release("bob")) is not None
    assert thaw_objection(now, release("bob", account=PROD)) is None
    assert thaw_objection(now, release("carol")) is None
    assert thawed(now, release("carol")) == Freezes()


def test_only_the_scope_that_is_named_is_released() -> None:
    now = frozen(frozen(Freezes(), throw("alice", account=PROD)), throw("alice"))
    after = thawed(now, release("bob", account=PROD))
    assert after.objection(DEV, "leaked_key") is not None
    assert "nothing is frozen there" in (thaw_objection(after, release("bob", account=PROD)) or "")


# ---- a bounded list ----------------------------------------------------------------------------


def _full() -> Freezes:
    now = Freezes()
    for number in range(MOST_FREEZES):
        order = throw("alice", account=f"{number:012}")
        assert freeze_objection(now, order) is None
        now = frozen(now, order)
    return now


def test_a_full_list_refuses_one_more_scope_and_says_what_always_fits() -> None:
    now = _full()
    objection = freeze_objection(now, throw("bob", account="999999999999"))
    assert objection is not None
    assert "freeze everything, which always fits" in objection


def test_everything_fits_into_a_full_list_and_takes_nothing_out_of_it() -> None:
    now = _full()
    assert freeze_objection(now, throw("bob")) is None
    after = frozen(now, throw("bob"))
    assert after.objection("999999999999", "leaked_key") is not None
    assert thawed(after, release("carol", account=None)) == Freezes()
    assert len(after.freezes) == MOST_FREEZES + 1


def test_what_is_frozen_already_is_no_more_in_a_full_list() -> None:
    now = _full()
    again = throw("bob", account="000000000007")
    assert freeze_objection(now, again) is None
    assert frozen(now, again) == now


def test_a_thaw_of_what_is_not_frozen_says_what_is() -> None:
    now = frozen(Freezes(), throw("alice", account=PROD))
    assert f"frozen is: account {PROD}" in (thaw_objection(now, release("bob", account=DEV)) or "")
