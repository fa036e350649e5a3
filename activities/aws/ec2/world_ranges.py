"""How much of the internet a set of address ranges lets in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Version = Literal[4, 6]
#: First and last address.
Span = tuple[int, int]

#: Ranges that are open to the world hold together at least one in so many public addresses. No owner has as
#: much: the largest of IPv4 holds thirteen /8 (one in 17), the largest clouds less; in IPv6 a /12 is what a
#: whole registry has. Whoever lets in more lets in strangers, however it is written.
ONE_IN = 16

#: Not reachable from the internet (IANA's registry of special-purpose IPv4 addresses, and class D and E).
_SPECIAL = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
)

#: What IANA has given to the registries out of 2000::/3: nobody has an address in the rest yet.
_ALLOCATED = (
    "2001::/16",
    "2003::/18",
    "2400::/12",
    "2410::/12",
    "2600::/12",
    "2610::/23",
    "2620::/23",
    "2630::/12",
    "2800::/12",
    "2a00::/12",
    "2a10::/12",
    "2c00::/12",
)

#: What an organization uses inside: a rule for nothing but these is nobody's share of the world.
_INSIDE = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
)


def version_of(cidr: str) -> Version:
    """Tell which Internet Protocol a range belongs to."""
    return 6 if ":" in cidr else 4


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the union of spans, in order and without overlap."""
    union: list[Span] = []
    for first, last in sorted(spans):
        if union and first <= union[-1][1] + 1:
            union[-1] = (union[-1][0], max(union[-1][1], last))
        else:
            union.append((first, last))
    return tuple(union)


def common(some: Sequence[Span], others: Sequence[Span]) -> tuple[Span, ...]:
    """Return what two merged unions have in common."""
    both: list[Span] = []
    mine, theirs = 0, 0
    while mine < len(some) and theirs < len(others):
        first = max(some[mine][0], others[theirs][0])
        last = min(some[mine][1], others[theirs][1])
        if first <= last:
            both.append((first, last))
        if some[mine][1] < others[theirs][1]:
            mine += 1
        else:
            theirs += 1
    return tuple(both)


def size(spans: Iterable[Span]) -> int:
    """Count the addresses of a merged union."""
    return sum(last - first + 1 for first, last in spans)


def spans_of(cidrs: Iterable[str], version: Version) -> tuple[Span, ...]:
    """Return the union of the ranges of one version; ValueError where one is no range."""
    nets = (ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)
    return merged(
        (int(net.network_address), int(net.broadcast_address)) for net in nets if net.version == version
    )


def _without(special: Sequence[Span], last: int) -> tuple[Span, ...]:
    rest: list[Span] = []
    start = 0
    for first, end in special:
        if start < first:
            rest.append((start, first - 1))
        start = end + 1
    return (*rest, (start, last)) if start <= last else tuple(rest)


_DOCUMENTATION = spans_of(["2001:db8::/32"], 6)
PUBLIC: dict[Version, tuple[Span, ...]] = {
    4: _without(spans_of(_SPECIAL, 4), 2**32 - 1),
    6: common(spans_of(_ALLOCATED, 6), _without(_DOCUMENTATION, 2**128 - 1)),
}
_SIZES: dict[Version, int] = {4: size(PUBLIC[4]), 6: size(PUBLIC[6])}
_PRIVATE: dict[Version, tuple[Span, ...]] = {4: spans_of(_INSIDE, 4), 6: spans_of(_INSIDE, 6)}


@dataclass(frozen=True)
class Reach:
    """What one source lets in, of one version."""

    version: Version
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, cidrs: Iterable[str], version: Version) -> Reach:
        """Read the ranges of one version; those of the other are left out."""
        return cls(version, spans_of(cidrs, version))

    @cached_property
    def public(self) -> tuple[Span, ...]:
        """What of it strangers have."""
        return common(self.spans, PUBLIC[self.version])

    @property
    def width(self) -> int:
        """How wide it is written, in bits of address: 32 for 0.0.0.0/0, 31 for each of its halves."""
        return max(size(self.spans) - 1, 0).bit_length()

    @property
    def inside(self) -> bool:
        """Whether it is nothing but private addresses, or nothing at all."""
        return size(common(self.spans, _PRIVATE[self.version])) == size(self.spans)


def is_world(reaches: Iterable[Reach]) -> bool:
    """Tell whether some reaches of one version, taken together, let the world in."""
    all_ = tuple(reaches)
    if not all_:
        return False
    union = merged(span for reach in all_ for span in reach.public)
    return size(union) * ONE_IN >= _SIZES[all_[0].version]


def opening(reaches: Sequence[Reach]) -> frozenset[int]:
    """Return which of the reaches, by their place, have to go so that the rest is no longer the world.

    The widest go first, and all that are as wide with them, so that of a world in halves both go, and a
    partner's /24 beside it stays. What is private by itself stays in any case.
    """
    rest = set(range(len(reaches)))
    gone: set[int] = set()
    for width in sorted({reach.width for reach in reaches}, reverse=True):
        if not is_world(reaches[each] for each in rest):
            break
        gone |= {each for each in rest if reaches[each].width == width and not reaches[each].inside}
        rest -= gone
    return frozenset(gone)
