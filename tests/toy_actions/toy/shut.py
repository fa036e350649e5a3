"""Shut a door of the toy world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from firedoor.domain.action.action import (
    FULL,
    Action,
    Already,
    Before,
    Captured,
    Change,
    Consequence,
    Params,
    Permissions,
    Planned,
    Refuse,
    Reversibility,
    Risk,
    Site,
    Undone,
    Verdict,
    Verified,
)
from firedoor.domain.core.errors import Rejected, Unavailable
from tests.toy_world import ToyWorld


class Door(Params):
    """Which door."""

    door: str


class Found(Before):
    """How the door stood."""

    state: Captured[str]


def trouble(world: ToyWorld, verb: str, door: str) -> str | None:
    kind = world.faulty(verb, door)
    if kind == "unavailable":
        raise Unavailable(f"the door {door} does not answer")
    if kind == "rejected":
        raise Rejected(f"the door {door} says no")
    return kind


class Shut(Action):
    """Shut one door."""

    summary: ClassVar[str] = "shut a door"
    reversibility: ClassVar[Reversibility] = FULL
    risk: ClassVar[Risk] = Risk.LOW
    permissions: ClassVar[Permissions] = Permissions(
        read=("toy:Look",), apply=("toy:Shut",), undo=("toy:Open",)
    )
    settles_within: ClassVar[timedelta] = timedelta(seconds=2)
    example: ClassVar[Mapping[str, Any]] = {"door": "front"}

    def __init__(self, site: Site) -> None:
        self.site = site
        self.world = ToyWorld.here()

    def target(self, params: Door) -> str:
        return f"arn:toy:door:::{params.door}"

    def plan(self, params: Door) -> Planned:
        trouble(self.world, "plan", params.door)
        self.world.pass_gate("plan", params.door)
        state = self.world.state(params.door)
        if state is None:
            return Refuse(says=f"there is no door {params.door}")
        if state.startswith(("shut", "welded")):
            return Already(says=f"door {params.door} is shut")
        return Change(
            says=f"shut door {params.door}",
            before=Found(state=Captured.of(state)),
            consequences=(Consequence(says="nobody gets through", observed="last used just now"),),
        )

    def apply(self, params: Door, before: Found) -> None:
        trouble(self.world, "apply", params.door)
        self.world.pass_gate("before-apply", params.door)
        if self.world.state(params.door) != f"shut {self.site.incident}":
            self.world.change(params.door, f"shut {self.site.incident}", "shut")
        self.world.pass_gate("after-apply", params.door)
        if self.world.faulty("reply", params.door):
            raise Unavailable("the reply was lost")

    def verify(self, params: Door, before: Found) -> Verified:
        if trouble(self.world, "verify", params.door) == "not_yet":
            return Verified(verdict=Verdict.NOT_YET, says="it is still swinging")
        shut = (self.world.state(params.door) or "").startswith(("shut", "welded"))
        return Verified(
            verdict=Verdict.YES if shut else Verdict.NO, says="it is shut" if shut else "it is open"
        )

    def undo(self, params: Door, before: Found) -> Undone:
        trouble(self.world, "undo", params.door)
        self.world.pass_gate("before-undo", params.door)
        state = self.world.state(params.door)
        if before.state.state != "value" or before.state.value is None:
            raise Rejected("it is not known how the door stood")
        if state == before.state.value:
            return Undone(outcome="nothing", says="it stands as before")
        if state != f"shut {self.site.incident}":
            return Undone(outcome="drifted", says=f"somebody changed it to {state!r}")
        self.world.change(params.door, before.state.value, "open")
        self.world.pass_gate("after-undo", params.door)
        return Undone(outcome="restored", says=f"door {params.door} is {before.state.value} again")
