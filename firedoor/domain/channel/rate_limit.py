"""Pace: how fast one Slack channel may be written to."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

#: Slack takes about one new message a second in a channel, and about fifty edits a minute.
_POST = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_UPDATES = 50
#: Edits that nobody waits for leave this many of them to those that somebody does.
_KEPT_BACK = 15


class Pace:
    """Remembers what was written within the last minute, and when Slack asked for a rest."""

    def __init__(self, now: datetime) -> None:
        self._rest_until = now
        self._posts: deque[datetime] = deque()
        self._updates: deque[datetime] = deque()

    def rest(self, until: datetime) -> None:
        """Write nothing until then: Slack said so."""
        self._rest_until = max(self._rest_until, until)

    def posted(self, now: datetime) -> None:
        """Count a new message."""
        self._posts.append(now)

    def updated(self, now: datetime) -> None:
        """Count an edit."""
        self._updates.append(now)

    def posts(self, now: datetime) -> int:
        """Count the new messages of the last minute."""
        _drop(self._posts, now)
        return len(self._posts)

    def next_post(self, now: datetime) -> datetime:
        """Say when the next new message may be written."""
        after_last = self._posts[-1] + _POST if self._posts else now
        return max(now, self._rest_until, after_last)

    def next_update(self, now: datetime, *, urgent: bool) -> datetime:
        """Say when the next edit may be written."""
        _drop(self._updates, now)
        most = _UPDATES if urgent else _UPDATES - _KEPT_BACK
        free = self._updates[len(self._updates) - most] + _MINUTE if len(self._updates) >= most else now
        return max(now, self._rest_until, free)


def _drop(times: deque[datetime], now: datetime) -> None:
    while times and now - times[0] >= _MINUTE:
        times.popleft()
