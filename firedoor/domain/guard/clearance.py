"""Clearance: the kill switch; who threw it, over what, and why nothing may be changed there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from firedoor.domain.approval.vote import Door
from firedoor.domain.approval.words import SKEW, PublicKey, Word
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment

#: Freezes of an account or a playbook that are held at once; a freeze of everything always fits beside them.
MOST_FREEZES = 100
#: Responses that are remembered to be woken by a thaw; what is not remembered asks by itself, later.
MOST_WAITING = 5000
#: Who is named as having frozen everything where what was frozen is not known any more.
THE_HOUSE = "firedoor"


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


class FreezeOrder(Word):
    """A person throws the switch."""

    word: ClassVar[str] = "freeze"

    person: str
    door: Door
    why: Annotated[str, Field(min_length=1, max_length=500)]
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = None
    playbook: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")] | None = None
    desk: str | None = None  # the channel whose desk is told


class ThawOrder(Word):
    """A person releases the switch, for one scope or for all of it."""

    word: ClassVar[str] = "thaw"

    person: str
    door: Door
    account: str | None = None
    playbook: str | None = None
    desk: str | None = None


class Freezes(Value):
    """What is frozen now."""

    freezes: tuple[Freeze, ...] = ()

    def objection(self, account: str, playbook: str) -> str | None:
        """Why nothing may be changed there; None where it may."""
        held = next((each for each in self.freezes if each.holds_for(account, playbook)), None)
        return (
            None
            if held is None
            else f"the kill switch is thrown over {held.scope}: frozen by {held.by} because {held.why}"
        )

    def says(self) -> str:
        """Say on one line what is frozen; "" where nothing is."""
        return "; ".join(str(each) for each in self.freezes)


class Places(Value):
    """Where a response would change something: what is asked of the kill switch besides a single step."""

    playbook: str
    accounts: tuple[str, ...]

    def objection(self, now: Freezes) -> str | None:
        """Why nothing may be changed in one of them; None where it may in all."""
        told = (now.objection(account, self.playbook) for account in self.accounts)
        return next((objection for objection in told if objection is not None), None)


class Waiting(Value):
    """A parked response that wants to be woken when nothing is frozen for it any more."""

    response: Annotated[str, Field(min_length=1, max_length=200)]
    playbook: Annotated[str, Field(max_length=64)]
    accounts: Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=20)]

    def is_free(self, now: Freezes) -> bool:
        """Whether there is something that it may do again."""
        return not self.accounts or any(now.objection(each, self.playbook) is None for each in self.accounts)


class ClearanceState(Value):
    """All that the kill switch holds: what it hands to its next run, and what is left of one that ended."""

    now: Freezes = Freezes()
    waiting: tuple[Waiting, ...] = ()
    gateway_keys: tuple[PublicKey, ...] = ()  # the gateways whose words count; a worker tells them
    heard: tuple[str, ...] = ()  # ids of the last words that counted: said once, a word counts once


def frozen(now: Freezes, order: FreezeOrder) -> Freezes:
    """Throw the switch; the same scope again replaces who threw it only where nobody did."""
    if _is_held(now, order):
        return now
    made = Freeze(by=order.person, why=order.why, at=order.at, account=order.account, playbook=order.playbook)
    return Freezes(freezes=(*now.freezes, made))


def freeze_objection(now: Freezes, order: FreezeOrder) -> str | None:
    """Why the switch is not thrown once more; None where it is. Everything can always be frozen."""
    narrow = [each for each in now.freezes if each.account or each.playbook]
    everything = order.account is None and order.playbook is None
    if everything or _is_held(now, order) or len(narrow) < MOST_FREEZES:
        return None
    return (
        f"{MOST_FREEZES} scopes are frozen already, and no more are held; "
        "freeze everything, which always fits, or thaw some of them"
    )


def _is_held(now: Freezes, order: FreezeOrder) -> bool:
    return any((each.account, each.playbook) == (order.account, order.playbook) for each in now.freezes)


def thaw_objection(now: Freezes, order: ThawOrder) -> str | None:
    """Why the switch is not released; None where it is. Whoever threw it cannot."""
    released = _released(now.freezes, order)
    if not released:
        held = "; ".join(each.scope for each in now.freezes[:10])
        return "nothing is frozen there" + (f"; frozen is: {held}" if held else "")
    later = [each for each in released if each.at > order.at + SKEW]
    if later:
        return f"this was said before {later[0].scope} was frozen; it does not count"
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


def unknown_state(why: str, at: Moment) -> ClearanceState:
    """Return the state where what was frozen cannot be known: everything is, until a person has looked."""
    return ClearanceState(now=Freezes(freezes=(Freeze(by=THE_HOUSE, why=why, at=at),)))
