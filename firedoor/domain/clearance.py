"""Clearance: the kill switch; who threw it, over what, and why nothing may be changed there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from firedoor.domain.finding import Moment
from firedoor.domain.value import Value
from firedoor.domain.vote import Door


class Freeze(Value):
    """One throw of the switch. `account` and `playbook` narrow it; left out, it holds for everything."""

    by: str  # the person
    why: str
    at: Moment
    account: str | None = None
    playbook: str | None = None

    def holds_for(self, account: str, playbook: str) -> bool:
        """Whether a change there is stopped."""
        return self.account in (None, account) and self.playbook in (None, playbook)

    @property
    def scope(self) -> str:
        """Say over what it was thrown."""
        parts = [f"account {self.account}" if self.account else "", self.playbook or ""]
        return " and ".join(filter(None, parts)) or "everything"

    def __str__(self) -> str:
        """Say it on one line; `why` is a person's own text."""
        return f"{self.by} froze {self.scope}: {self.why}"


class FreezeOrder(Value):
    """A person throws the switch."""

    id: str
    person: str
    door: Door
    why: Annotated[str, Field(min_length=1, max_length=500)]
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = None
    playbook: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")] | None = None
    desk: str | None = None  # the channel whose desk is told
    at: Moment


class ThawOrder(Value):
    """A person releases the switch, for one scope or for all of it."""

    id: str
    person: str
    door: Door
    account: str | None = None
    playbook: str | None = None
    desk: str | None = None
    at: Moment


class Freezes(Value):
    """What is frozen now."""

    freezes: tuple[Freeze, ...] = ()

    def objection(self, account: str, playbook: str) -> str | None:
        """Why nothing may be changed there; None where it may."""
        held = next((each for each in self.freezes if each.holds_for(account, playbook)), None)
        return None if held is None else f"the kill switch is thrown: {held}"

    def says(self) -> str:
        """Say on one line what is frozen; "" where nothing is."""
        return "; ".join(str(each) for each in self.freezes)


def frozen(now: Freezes, order: FreezeOrder) -> Freezes:
    """Throw the switch; the same scope again replaces who threw it only where nobody did."""
    if any((each.account, each.playbook) == (order.account, order.playbook) for each in now.freezes):
        return now
    made = Freeze(by=order.person, why=order.why, at=order.at, account=order.account, playbook=order.playbook)
    return Freezes(freezes=(*now.freezes, made))


def thaw_objection(now: Freezes, order: ThawOrder) -> str | None:
    """Why the switch is not released; None where it is. Whoever threw it cannot."""
    released = _released(now.freezes, order)
    if not released:
        return "nothing is frozen there"
    mine = [each for each in released if each.by == order.person]
    if mine:
        return f"you froze {mine[0].scope} yourself; somebody else has to thaw it"
    return None


def thawed(now: Freezes, order: ThawOrder) -> Freezes:
    """Release the switch. The caller has asked for objections."""
    released = _released(now.freezes, order)
    return Freezes(freezes=tuple(each for each in now.freezes if each not in released))


def _released(freezes: Sequence[Freeze], order: ThawOrder) -> list[Freeze]:
    if order.account is None and order.playbook is None:
        return list(freezes)
    return [each for each in freezes if (each.account, each.playbook) == (order.account, order.playbook)]
