"""What is being asked now: the responses that wait for people, each with its report."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.response.messages import Report
from firedoor.gateway.decisions.port import Votes

_MOST: Final = 50  # on one page; a phone shows no more, and each is a question to the engine
_AT_ONCE: Final = 8


@dataclass(frozen=True)
class OpenAsks:
    """The first of them, by deadline; how many more there are, and how many could not be read."""

    reports: tuple[Report, ...]
    more: int
    unreadable: int


async def open_asks(engine: Votes) -> OpenAsks:
    """Ask for all of them; raises `Unavailable` where not even the list can be had."""
    listed = await engine.list(None, None, None, asking=True)
    turn = asyncio.Semaphore(_AT_ONCE)

    async def read(response: str) -> Report | None:
        async with turn:
            try:
                return await engine.report(response)
            except FiredoorError:
                return None  # told as a number: one that cannot be read hides no other

    reports = await asyncio.gather(*(read(each.id) for each in listed[:_MOST]))
    asking = [each for each in reports if each is not None and each.open_asks()]
    asking.sort(key=lambda each: (min(ask.deadline for ask in each.open_asks()), each.id))
    return OpenAsks(
        reports=tuple(asking),
        more=max(0, len(listed) - _MOST),
        unreadable=sum(each is None for each in reports),
    )
