"""What was delivered lately: a redelivery is answered like the first, a forged one is refused."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from firedoor.gateway.intake.refusal import NotNow, Unauthenticated

Result = TypeVar("Result")


@dataclass(frozen=True)
class DeliveryKey:
    """Names a delivery: its source, the id the sender gave it, and the digest of its body.

    Where a sender gives no id, the body is the id.
    """

    source: str
    delivery: str | None
    body_sha256: str

    @property
    def name(self) -> tuple[str, str]:
        """What a redelivery has in common with the first."""
        return self.source, self.delivery or self.body_sha256


@dataclass
class _Entry(Generic[Result]):
    body_sha256: str
    until: datetime
    accepted: Result | None = None
    going: asyncio.Task[Result] | None = None


class RecentDeliveries(Generic[Result]):
    """The deliveries of the last minutes, in memory and bounded.

    It lets one burst of the same delivery through once, and keeps an id to its body. It is
    no ledger: after a restart, or past its bounds, the engine tells a redelivery from a new finding.
    """

    def __init__(self, *, keep: timedelta = timedelta(minutes=15), capacity: int = 20_000) -> None:
        self._keep = keep
        self._capacity = capacity
        self._entries: OrderedDict[tuple[str, str], _Entry[Result]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    async def answer(
        self,
        key: DeliveryKey,
        now: datetime,
        work: Callable[[], Awaitable[Result]],
        *,
        again: Callable[[Result], Result],
    ) -> Result:
        """Work out the answer of a delivery, once for all that arrive at the same time.

        A redelivery of an accepted one is worked on anew, for the engine knows how things stand now; when
        the engine does not answer, the first answer still holds, for what it told was durable. `again`
        turns it into the answer of a redelivery. A delivery that was refused or failed leaves no trace.
        """
        self._forget(now)
        entry = self._entries.get(key.name)
        if entry and entry.body_sha256 != key.body_sha256:
            raise Unauthenticated(
                "the id of an earlier delivery with another body",
                expected="a new id for a new delivery",
                mend="look whether somebody replays deliveries",
            )
        if entry and entry.going:
            return again(await asyncio.shield(entry.going))
        if entry is None:
            entry = self._entries[key.name] = _Entry(key.body_sha256, now + self._keep)
        entry.going = asyncio.ensure_future(self._work(key, entry, work, again))
        # The work outlives a caller that hangs up: others wait for it, and half a hand-over helps nobody.
        return await asyncio.shield(entry.going)

    async def _work(
        self,
        key: DeliveryKey,
        entry: _Entry[Result],
        work: Callable[[], Awaitable[Result]],
        again: Callable[[Result], Result],
    ) -> Result:
        try:
            result = entry.accepted = await work()
        except NotNow:
            if entry.accepted is None:
                raise
            return again(entry.accepted)
        finally:
            entry.going = None
            if entry.accepted is None and self._entries.get(key.name) is entry:
                del self._entries[key.name]
        return result

    def _forget(self, now: datetime) -> None:
        """Drop what is too old, and the oldest where there is too much."""
        while self._entries:
            name, oldest = next(iter(self._entries.items()))
            if oldest.until > now and len(self._entries) <= self._capacity:
                return
            del self._entries[name]
