"""Log lines that strangers can provoke: so many a minute, the rest counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

_MINUTE: Final = timedelta(minutes=1)
_MOST: Final = 60


class Sparing:
    """Says whether one more line may be written."""

    def __init__(self, clock: Callable[[], datetime], most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._since: datetime | None = None
        self._written = 0
        self._unlogged = 0

    def unlogged(self) -> int | None:
        """Return how many lines were left out before this one; None where this one is left out, too."""
        now = self._clock()
        if self._since is None or now - self._since >= _MINUTE:
            self._since, self._written = now, 0
        if self._written >= self._most:
            self._unlogged += 1
            return None
        self._written += 1
        left, self._unlogged = self._unlogged, 0
        return left
