"""The open connections: limited per client and in all, the newest taking the place of the oldest stranger."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from fastapi import Request

from firedoor.gateway.intake import metrics

#: The key in a request's `state` under which the application finds its connection.
CONNECTION: Final = "connection"

_MOST: Final = 1024
#: Files that are open besides connections: Temporal's, Slack's, AWS's, the logs, the configuration.
_OURS: Final = 64
_FEWEST: Final = 16
_PREFIX: Final = 64  # of an IPv6 address: whoever has one has all below it

Network = IPv4Network | IPv6Network


@dataclass(eq=False)
class Seat:
    """One connection's place."""

    client: str
    leave: Callable[[Seat], None]
    prove: Callable[[Seat], None]
    transport: asyncio.Transport | None = None
    evicted: bool = False

    def evict(self) -> None:
        """End the connection now, without waiting for anything."""
        self.evicted = True
        if self.transport is not None:
            self.transport.abort()

    def sit(self, transport: asyncio.Transport) -> None:
        """Know the connection; it may have lost its place before it was made."""
        self.transport = transport
        if self.evicted:
            transport.abort()


@dataclass
class _Client:
    seats: int = 0
    strangers: dict[Seat, None] = field(default_factory=dict)


class Crowd:
    """Counts connections. A sender that proved itself once keeps its connection before all others.

    Nobody new is refused while a stranger can make room: a signed delivery takes milliseconds, and
    whoever only holds a connection open has been there longest.
    """

    def __init__(self, most: int, *, trusted: Sequence[Network] = ()) -> None:
        self.most = most
        self._most_of_one = max(most // 2, 1)
        self._trusted = trusted
        self._seats: set[Seat] = set()
        self._strangers: dict[Seat, None] = {}  # the oldest first
        self._clients: dict[str, _Client] = {}

    def __len__(self) -> int:
        return len(self._seats)

    def enter(self, address: str) -> Seat | None:
        """Give a new connection its place; None where even the oldest cannot make room."""
        name, limited = self._client(address)
        client = self._clients.get(name) or _Client()
        if limited and client.seats >= self._most_of_one:
            if not self._evict(client.strangers):
                return None
        elif len(self._seats) >= self.most and not self._evict(self._strangers):
            return None
        seat = Seat(name, self._leave, self._prove)
        client = self._clients.setdefault(name, client)
        self._seats.add(seat)
        self._strangers[seat] = client.strangers[seat] = None
        client.seats += 1
        metrics.CONNECTIONS.set(len(self._seats))
        return seat

    def thin(self, count: int) -> None:
        """Send the oldest strangers away: there is not enough for all."""
        for _ in range(count):
            if not self._evict(self._strangers):
                return

    def _client(self, address: str) -> tuple[str, bool]:
        try:
            known = ip_address(address.partition("%")[0])
        except ValueError:
            return address, True
        if known.version == 6:  # noqa: PLR2004  the version of the protocol
            if known.ipv4_mapped is not None:
                known = known.ipv4_mapped
            else:
                name = str(IPv6Network((known, _PREFIX), strict=False))
                return name, not any(known in network for network in self._trusted)
        return str(known), not any(known in network for network in self._trusted)

    def _evict(self, strangers: dict[Seat, None]) -> bool:
        oldest = next(iter(strangers), None)
        if oldest is None:
            return False
        self._leave(oldest)
        metrics.EVICTED.inc()
        oldest.evict()
        return True

    def _prove(self, seat: Seat) -> None:
        self._strangers.pop(seat, None)
        if client := self._clients.get(seat.client):
            client.strangers.pop(seat, None)

    def _leave(self, seat: Seat) -> None:
        if seat not in self._seats:
            return
        self._seats.remove(seat)
        self._prove(seat)
        client = self._clients[seat.client]
        client.seats -= 1
        if not client.seats:
            del self._clients[seat.client]
        metrics.CONNECTIONS.set(len(self._seats))


def prove(request: Request) -> None:
    """Let the connection of somebody who showed who it is stay before those of strangers."""
    seat = (request.scope.get("state") or {}).get(CONNECTION)
    if seat is not None:
        seat.prove(seat)


def capacity() -> int:
    """Say how many connections this process can hold beside its own files; raises its limit where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + 2 * _OURS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return _MOST
    return max(_FEWEST, min(_MOST, (soft - _OURS) * 3 // 4))
