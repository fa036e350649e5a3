"""Weld a door of the toy world: this cannot be undone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from firedoor.domain.action.action import (
    Action,
    Already,
    Before,
    Change,
    Params,
    Permissions,
    Planned,
    Refuse,
    Reversibility,
    Risk,
    Site,
    Verdict,
    Verified,
)
from firedoor.domain.core.errors import Rejected, Unavailable
from tests.toy_world import ToyWorld


class Door(Params):
    """Which door."""

    door: str


class Nothing(Before):
    """Nothing that could be given back."""


class Weld(Action):
    """Weld one door shut."""

    summary: ClassVar[str] = "weld a door shut"
    reversibility: ClassVar[Reversibility] = Reversibility(kind="none", says="a weld does not come off")
    risk: ClassVar[Risk] = Risk.HIGH
    permissions: ClassVar[Permissions] = Permissions(read=("toy:Look",), apply=("toy:Weld",))
    settles_within: ClassVar[timedelta] = timedelta(seconds=2)
    example: ClassVar[Mapping[str, Any]] = {"door": "front"}

    def __init__(self, site: Site) -> None:
        self.site = site
        self.world = ToyWorld.here()

    def target(self, params: Door) -> str:
        return f"arn:toy:door:::{params.door}"

    def plan(self, params: Door) -> Planned:
        if self.world.faulty("plan", params.door):
            raise Unavailable(f"the door {params.door} does not answer")
        state = self.world.state(params.door)
        if state is None:
            return Refuse(says=f"there is no door {params.door}")
        if state.startswith("welded"):
            return Already(says=f"door {params.door} is welded")
        return Change(says=f"weld door {params.door}" + self._odd(params.door), before=Nothing())

    def _odd(self, door: str) -> str:
        """A note on the door changes what people would be asked: drift."""
        note = self.world.folder / f"{door}.note"
        return f" although {note.read_text()}" if note.exists() else ""

    def apply(self, params: Door, before: Nothing) -> None:
        if self.world.faulty("apply", params.door):
            raise Rejected("the torch is empty")
        self.world.pass_gate("before-apply", params.door)
        self.world.change(params.door, f"welded {self.site.incident}", "weld")
        self.world.pass_gate("after-apply", params.door)

    def verify(self, params: Door, before: Nothing) -> Verified:
        welded = (self.world.state(params.door) or "").startswith("welded")
        return Verified(
            verdict=Verdict.YES if welded else Verdict.NO, says="it is welded" if welded else "it is not"
        )
