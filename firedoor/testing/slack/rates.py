"""How often an app may call what, as Slack publishes it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class _Bucket:
    full: float
    a_second: float
    level: float
    at: float

    def wait(self, now: float) -> float:
        """Take one; returns 0, or how many seconds are missing."""
        self.level = min(self.full, self.level + max(0.0, now - self.at) * self.a_second)
        self.at = now
        if self.level < 1:
            return (1 - self.level) / self.a_second
        self.level -= 1
        return 0.0


#: How many at once, and how many a minute. Slack speaks of about one message a second in a channel, with
#: short bursts above that, and is silent about how short: five is a guess.
_POSTS = (5, 60)
_A_MINUTE = {
    "chat.update": (50, 50),
    "usergroups.list": (20, 20),
    "usergroups.users.list": (20, 20),
    "conversations.info": (50, 50),
    "users.info": (100, 100),
    "chat.postEphemeral": (100, 100),
    "views.open": (100, 100),
    "views.update": (100, 100),
}
_BY_CHANNEL = "chat.postMessage"


class Rates:
    """The counters of one app in one workspace."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def retry_after(self, method: str, channel: str, now: float) -> int:
        """Count a call; 0 when it may pass, else the seconds until it may."""
        if method == _BY_CHANNEL:
            return self._take(f"{method} {channel}", _POSTS, now)
        return self._take(method, _A_MINUTE[method], now) if method in _A_MINUTE else 0

    def _take(self, name: str, limit: tuple[int, int], now: float) -> int:
        full, minute = limit
        bucket = self._buckets.setdefault(name, _Bucket(full, minute / 60, full, now))
        return math.ceil(bucket.wait(now))
