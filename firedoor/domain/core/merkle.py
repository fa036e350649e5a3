"""A hash over many values from which each of them can be shown to be one of the many, by itself."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from firedoor.domain.core.canonical import canonical

#: One value of 2^32 has a way this long; a longer one is made up.
LONGEST = 32

_STEP = re.compile(r"([LR])([0-9a-f]{64})")


def leaf(value: Any) -> str:
    """Return the hash of one value. It differs from every node's: the first byte says which it is."""
    return hashlib.sha256(b"\x00" + canonical(value)).hexdigest()


def root(leaves: Sequence[str]) -> str:
    """Return the hash over all leaves in their order; there is one at least."""
    return _layers(leaves)[-1][0]


def ways(leaves: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each leaf what it takes to reach the root: the other half of each node, and its side."""
    layers = _layers(leaves)
    return [_way(layers, place) for place in range(len(leaves))]


def reached(start: str, way: Sequence[str]) -> str | None:
    """Return the root that a leaf reaches on its way; None where that is no way."""
    if len(way) > LONGEST:
        return None
    now = start
    for step in way:
        told = _STEP.fullmatch(step)
        if told is None:
            return None
        side, other = told.groups()
        now = _node(other, now) if side == "L" else _node(now, other)
    return now


def _layers(leaves: Sequence[str]) -> list[list[str]]:
    layers = [list(leaves)]
    while len(layers[-1]) > 1:
        below = layers[-1]
        pairs = zip(below[::2], below[1::2], strict=False)
        layers.append([_node(left, right) for left, right in pairs] + (below[-1:] if len(below) % 2 else []))
    return layers


def _way(layers: Sequence[Sequence[str]], place: int) -> tuple[str, ...]:
    way = []
    for layer in layers[:-1]:
        beside = place ^ 1
        if beside < len(layer):
            way.append(("L" if beside < place else "R") + layer[beside])
        place //= 2
    return tuple(way)


def _node(left: str, right: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()
