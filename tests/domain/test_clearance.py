"""The kill switch: over what it holds, and who may release it."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.domain.clearance import FreezeOrder, Freezes, ThawOrder, frozen, thaw_objection, thawed
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
