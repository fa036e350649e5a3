"""The bodies of senders who are not proven yet: few, bounded, and the worst makes room for the next."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from firedoor.gateway.intake.refusal import TooLarge, TooMany, TooSlow

_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many bodies, and how many bytes of them, are held for strangers: in all, and for one source."""

    bodies: int = 64
    bodies_of_one: int = 32
    bytes: int = 32 * _MEGABYTE
    bytes_of_one: int = 16 * _MEGABYTE


@dataclass(eq=False)
class _Stay:
    """One body on its way in. `source` is the name that the stranger gave, whether there is one or not."""

    source: str
    deadline: asyncio.Timeout
    read: bytearray = field(default_factory=bytearray)
    gone: bool = False


class Strangers:
    """Reads bodies whose signature can only be checked when they are there.

    A signed delivery arrives within milliseconds. So when there is no room, nobody new is refused:
    whoever has been here longest goes, or, where there are too many bytes, whoever holds the most.
    """

    def __init__(self, room: Room | None = None) -> None:
        self._room = room or Room()
        self._stays: dict[_Stay, None] = {}  # the oldest first

    async def read(self, source: str, body: AsyncIterator[bytes], *, most: int, within: float) -> bytes:
        """Read one body; raises `TooLarge`, `TooSlow`, or `TooMany` where it had to make room."""
        stay = None
        try:
            async with asyncio.timeout(within) as deadline:
                stay = self._enter(source, deadline)
                async for chunk in body:
                    self._grow(stay, chunk, most)
                return bytes(stay.read)
        except TimeoutError:
            if stay is not None and stay.gone:
                raise TooMany(
                    "more unproven bodies at once than the gateway holds",
                    mend="deliver again",
                    retry_after=1,
                ) from None
            raise TooSlow(
                "a body that did not arrive in time",
                expected=f"all of it within {within:g} seconds",
                mend="deliver again",
            ) from None
        finally:
            if stay is not None:
                self._stays.pop(stay, None)

    def _enter(self, source: str, deadline: asyncio.Timeout) -> _Stay:
        # A made-up name may be as long as a URL; its digest is not.
        name = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
        of_one = [stay for stay in self._stays if stay.source == name]
        if len(of_one) >= self._room.bodies_of_one:
            self._send_away(of_one[0])
        elif len(self._stays) >= self._room.bodies:
            counted = Counter(stay.source for stay in self._stays)
            crowd = max(counted.values())
            self._send_away(next(stay for stay in self._stays if counted[stay.source] == crowd))
        stay = _Stay(name, deadline)
        self._stays[stay] = None
        return stay

    def _grow(self, grown: _Stay, chunk: bytes, most: int) -> None:
        grown.read += chunk
        if len(grown.read) > most:
            raise too_large(most)
        self._make_bytes(grown)
        if grown.gone:
            raise TimeoutError

    def _make_bytes(self, grown: _Stay) -> None:
        while grown in self._stays:
            of_one = [stay for stay in self._stays if stay.source == grown.source]
            if sum(len(stay.read) for stay in of_one) > self._room.bytes_of_one:
                self._send_away(max(of_one, key=lambda stay: len(stay.read)))
            elif sum(len(stay.read) for stay in self._stays) > self._room.bytes:
                self._send_away(max(self._stays, key=lambda stay: len(stay.read)))
            else:
                return

    def _send_away(self, stay: _Stay) -> None:
        del self._stays[stay]
        stay.gone = True
        stay.read = bytearray()
        stay.deadline.reschedule(0)  # its reader wakes at once


async def read_body(body: AsyncIterator[bytes], *, most: int, within: float) -> bytes:
    """Read the body of a sender who is proven; raises `TooLarge` or `TooSlow`."""
    return await Strangers(Room(bytes=most * 2, bytes_of_one=most * 2)).read(
        "", body, most=most, within=within
    )


def too_large(most: int) -> TooLarge:
    """Refuse a body by its size."""
    return TooLarge(
        "a body that is too large",
        expected=f"at most {most} bytes",
        mend="send less in one request",
    )
