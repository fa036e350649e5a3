"""Asking people, measured: cards, votes with few and with many asks open, and what a storm posts."""

from __future__ import annotations

import asyncio
import math
import random
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from tests.bench.ballots import Ask, Ballots, Door
from tests.bench.office import ONE, PEOPLE, QUIET, STORM, Office, until
from tests.installation import METRICS_TOKEN

#: Of six votes: four presses over HTTP, one over the socket, one over the HTTP API.
_DOORS: tuple[Door, ...] = ("http", "http", "socket", "http", "http", "api")
#: Between two votes, and before the clocks of a block are read.
_GAP, _REST, _IDLE = 0.1, 1.5, 4.0
#: A channel is quiet when nothing was written there for so long: the next message may be posted at once.
_QUIET = 1.3
#: The worker remembers 300 workflows; the asks that were opened last are not voted about.
_MAY_BE_REMEMBERED = 400


@dataclass(frozen=True)
class Times:
    """Milliseconds."""

    count: int
    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        """Sum up seconds; a percentile is one of them, never between two."""
        ordered = sorted(1000 * each for each in seconds)
        return cls(len(ordered), _at(ordered, 0.5), _at(ordered, 0.99), ordered[-1])


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True)
class Voting:
    """Votes with so many asks open."""

    asks: int
    all: Times
    doors: Mapping[str, Times]
    cpu: Mapping[str, float]  # part -> CPU milliseconds a vote, all that follows from it included


@dataclass(frozen=True)
class Asking:
    """Everything about asking people that is reported."""

    posted: Times  # the plan is ready -> Slack has the card
    locked: Times  # the deciding vote is sent -> Slack has the card without its buttons
    few: Voting
    many: Voting
    opened: float  # seconds until so many were asked
    idle: Mapping[str, float]  # part -> CPU milliseconds a second, with that many open and nobody voting
    memory: Mapping[str, float]  # part -> the most MB it ever held
    findings: int
    messages: int  # that those findings made, threads included
    calls: int  # to write them


async def measure(office: Office, *, cards: int, few: int, asks: int, votes: int, findings: int) -> Asking:
    """Measure one after the other, the quiet things first."""
    posted, locked = await _cards(office, cards)
    _say(f"cards: {posted}; locked: {locked}")
    with_few = await _votes_with_few(office, few)
    _say(f"votes with few open: {with_few}")
    await office.begin_many(findings, STORM)
    began = time.monotonic()
    ids = await office.begin_many(asks)
    shown = await office.asked(ids)
    opened = time.monotonic() - began
    _say(f"{asks} asks are open after {opened:.0f} s")
    before, began = office.cpu(), time.monotonic()
    await asyncio.sleep(_IDLE)
    idle = _rates(before, office.cpu(), time.monotonic() - began)
    chosen = random.Random(7).sample(ids[:-_MAY_BE_REMEMBERED] or ids, votes)
    ballots = Ballots(office, await office.report(chosen[0]))
    seconds, cpu = await _vote(office, ballots, [Ask.told(shown[each].notice) for each in chosen], idle)
    ballots.close()
    many = _voting(asks, seconds, cpu)
    _say(f"votes with many open: {many}")
    written = [each for each in await office.writes() if each["channel"] == STORM]
    return Asking(
        posted=posted,
        locked=locked,
        few=with_few,
        many=many,
        opened=opened,
        idle={part: 1000 * used for part, used in idle.items()},
        memory=office.memory(),
        findings=findings,
        messages=sum(each["method"] == "chat.postMessage" for each in written),
        calls=len(written),
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _rates(before: Mapping[str, float], after: Mapping[str, float], by: float) -> dict[str, float]:
    return {part: (used - before[part]) / by for part, used in after.items()}


# ---- cards --------------------------------------------------------------------------------


async def _cards(office: Office, samples: int) -> tuple[Times, Times]:
    """Open one ask at a time in a quiet channel, and decide it when its card is there."""
    posted: list[float] = []
    locked: list[float] = []
    writes = _Writes(office)
    ballots: Ballots | None = None
    for number in range(samples + 1):
        channel = QUIET[number % len(QUIET)]
        await writes.quiet(channel)
        response = await office.begin(ONE, channel)
        shown = await writes.first(lambda each, id_=response: id_ in each["buttons"].get(_APPROVE, ""))
        report = await office.report(response)
        if ballots is None:
            ballots = Ballots(office, report)
        planned = next(entry.at for entry in report.entries if entry.kind == "planned")
        ask = (await office.board(channel))[response].notice
        sent = time.time()
        ballots.word(PEOPLE[0], Ask.told(ask), {"decision": "approve"})
        closed = await writes.first(
            lambda each, ts=shown["ts"]: each["ts"] == ts and _APPROVE not in each["buttons"]
        )
        if number:  # the first one warms everything up
            posted.append(shown["at"] / 1e9 - planned.timestamp())
            locked.append(closed["at"] / 1e9 - sent)
    if ballots is not None:
        ballots.close()
    return Times.of(posted), Times.of(locked)


_APPROVE = "firedoor.approve"


class _Writes:
    """What was written to Slack so far, read little by little."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._all: list[dict[str, Any]] = []

    async def _read(self) -> list[dict[str, Any]]:
        self._all += await self._office.writes(len(self._all))
        return self._all

    async def quiet(self, channel: str) -> None:
        """Wait until nothing was written into a channel for a while."""

        async def long_ago() -> bool | None:
            last = max((each["at"] for each in await self._read() if each["channel"] == channel), default=0)
            return True if time.time() - last / 1e9 > _QUIET else None

        await until(long_ago, f"silence in {channel}", pause=0.05)

    async def first(self, wanted: Any) -> dict[str, Any]:
        """Wait for the first write of a kind."""

        async def there() -> dict[str, Any] | None:
            return next((each for each in await self._read() if wanted(each)), None)

        return await until(there, "a message", pause=0.02)


# ---- votes --------------------------------------------------------------------------------

_FEW = 20


async def _votes_with_few(office: Office, votes: int) -> Voting:
    """Vote in blocks, each with twenty asks open, none of which is there in the next."""
    seconds: dict[str, list[float]] = {}
    cpu: dict[str, float] = {}
    for _ in range(max(1, votes // _FEW)):
        ids = await office.begin_many(_FEW)
        asks = [Ask.told(each.notice) for each in (await office.asked(ids)).values()]
        await asyncio.sleep(_REST)
        ballots = Ballots(office, await office.report(ids[0]))
        took, used = await _vote(office, ballots, asks, {})
        for door, each in took.items():
            seconds.setdefault(door, []).extend(each)
        for part, each_used in used.items():
            cpu[part] = cpu.get(part, 0.0) + each_used
        for ask in asks:  # those that wait for a second yes get a no
            if (await office.report(ask.response)).asking:
                ballots.word(PEOPLE[-1], ask, {"decision": "reject", "reason": "bad_time: over"})
        ballots.close()
    return _voting(_FEW, seconds, cpu)


async def _vote(
    office: Office, ballots: Ballots, asks: Sequence[Ask], idle: Mapping[str, float]
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Say yes to each, one after the other; returns the seconds by door, and CPU seconds by part."""
    seconds: dict[str, list[float]] = {}
    counted, before, began = _counted(office), office.cpu(), time.monotonic()
    people, doors = random.Random(11), cycle(_DOORS)
    for ask in asks:
        door = next(doors)
        seconds.setdefault(door, []).append(ballots.yes(people.choice(PEOPLE[:-1]), ask, door))
        await asyncio.sleep(_GAP)
    await asyncio.sleep(_REST)
    after, took = office.cpu(), time.monotonic() - began
    if _counted(office) - counted != len(asks):
        raise RuntimeError(f"of {len(asks)} votes {_counted(office) - counted} were counted before the ack")
    used = {part: after[part] - before[part] - idle.get(part, 0.0) * took for part in after}
    return seconds, used


def _counted(office: Office) -> int:
    """How many votes the gateway saw counted: neither refused nor left for later."""
    told = office.here.http.get("/metrics", headers={"authorization": f"Bearer {METRICS_TOKEN}"}).text
    found = re.findall(r'^firedoor_votes_total\{[^}]*outcome="counted"[^}]*\} (\S+)', told, re.MULTILINE)
    return round(sum(float(each) for each in found))


def _voting(asks: int, seconds: Mapping[str, Sequence[float]], cpu: Mapping[str, float]) -> Voting:
    every = [each for some in seconds.values() for each in some]
    return Voting(
        asks=asks,
        all=Times.of(every),
        doors={door: Times.of(some) for door, some in seconds.items()},
        cpu={part: 1000 * used / len(every) for part, used in cpu.items()},
    )
