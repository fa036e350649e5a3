"""AWS's own clock, as the `Date` header of its answers tells it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any


class AwsClock:
    """The time that AWS last told, carried on by the monotonic clock; the local wall clock is not asked."""

    def __init__(self) -> None:
        self._told: tuple[datetime, float] | None = None

    @property
    def heard(self) -> bool:
        """Whether AWS has told the time yet."""
        return self._told is not None

    def hear(self, told: datetime, sent: float) -> None:
        """Take what an answer said, counted from when its request was sent: so it never lags by the way."""
        self._told = (told, sent)

    def now(self) -> datetime:
        """Return AWS's time in UTC; only after it was heard."""
        if self._told is None:
            raise LookupError("AWS has not told the time yet")
        told, sent = self._told
        return told + timedelta(seconds=time.monotonic() - sent)


@dataclass
class _Attempt:
    """What the hooks on every request need to know, and what the first leaves for the second."""

    clock: AwsClock
    incident: str
    sent: float | None = None


_ATTEMPT: ContextVar[_Attempt | None] = ContextVar("firedoor_aws_attempt", default=None)


@contextmanager
def hearing(clock: AwsClock, incident: str) -> Iterator[None]:
    """Mark the requests of this block with the incident, and set the clock by their answers."""
    token = _ATTEMPT.set(_Attempt(clock, incident))
    try:
        yield
    finally:
        _ATTEMPT.reset(token)


def before_send(request: Any, **_: Any) -> None:
    """Name the incident to CloudTrail; a header of the attempt, because clients are shared by incidents."""
    attempt = _ATTEMPT.get()
    if attempt is None:
        return
    agent = request.headers.get("User-Agent", b"")
    if isinstance(agent, bytes):
        agent = agent.decode("ascii", "replace")
    request.headers["User-Agent"] = f"{agent} incident/{attempt.incident}".strip()
    attempt.sent = time.monotonic()


def response_received(response_dict: Mapping[str, Any] | None, **_: Any) -> None:
    """Set the clock by an answer, whatever else it says."""
    attempt = _ATTEMPT.get()
    if attempt is None or attempt.sent is None or response_dict is None:
        return
    try:
        told = parsedate_to_datetime(str(response_dict["headers"]["date"]))
    except (KeyError, ValueError):
        return  # an answer without a readable date tells nothing; the last one that did still stands
    # RFC 9110 dates are GMT; email.utils returns a naive value for the obsolete zone "-0000".
    told = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    attempt.clock.hear(told, attempt.sent)
