"""Delivery: what one request of a detector turned out to hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Finding

#: The most parts that one delivery may hold.
MOST_PARTS: Final = 1000


class TooManyParts(Unreadable):
    """A batch that holds more than one request may ask for."""


class Left(NamedTuple):
    """A part of a delivery that nothing will act on, and why."""

    finding: str  # the finding's uid, or its place in the batch (`findings[2]`) where it has none
    reason: str


class Part(NamedTuple):
    """One part of a delivery before it is read: what to call it, and how to read it."""

    place: str
    read: Callable[[], Iterable[Finding | Left]]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One request read: findings to answer, and what was left aside with its reason.

    `uid` is the vendor's identity of the delivery, for logs. `unreadable` parts are
    broken, `ignored` ones are well-formed and need no answer (resolved, suppressed, an event
    nobody reads), `too_large` ones exceed what a response can hold. `handshake`
    names a vendor's greeting that carries no finding.
    """

    uid: str
    findings: tuple[Finding, ...] = ()
    unreadable: tuple[Left, ...] = ()
    ignored: tuple[Left, ...] = ()
    too_large: tuple[Left, ...] = ()
    handshake: str | None = None


def too_many(found: int) -> TooManyParts:
    """Refuse a batch by its number."""
    return TooManyParts(
        f"{found} findings in one delivery",
        expected=f"at most {MOST_PARTS}",
        mend="send them in several deliveries",
    )


def read_parts(uid: str, parts: Iterable[Part]) -> Delivery:
    """Read every part by itself: a broken one does not sink its siblings, unless all are broken."""
    counted = tuple(parts)
    if len(counted) > MOST_PARTS:
        raise too_many(len(counted))
    findings: list[Finding] = []
    ignored: list[Left] = []
    unreadable: list[Left] = []
    first: Unreadable | None = None
    for part in counted:
        try:
            for told in part.read():
                if isinstance(told, Finding):
                    findings.append(told)
                else:
                    ignored.append(told)
        except Unreadable as error:
            first = first or error
            unreadable.append(Left(part.place, str(error)))
    if not findings and not ignored:
        raise first or Unreadable(
            "an empty list", expected="at least one finding", mend="send nothing when there is nothing"
        )
    if len(findings) > MOST_PARTS:
        raise too_many(len(findings))
    return Delivery(uid=uid, findings=tuple(findings), unreadable=tuple(unreadable), ignored=tuple(ignored))
