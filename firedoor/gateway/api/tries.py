"""Failed tries to show who one is: limited per client and in all, while the right token always opens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request

from firedoor.domain.core.errors import FiredoorError
from firedoor.gateway.decisions.membership import NotKnown
from firedoor.gateway.intake.refusal import TooMany

_MINUTE: Final = timedelta(minutes=1)
_MOST_OF_ONE: Final = 20
_MOST: Final = 200
_MOST_CLIENTS: Final = 1000  # remembered; more than may fail in one minute


class Tries:
    """Counts failed tries in each minute.

    A token is looked at before the limit is, so that whoever holds a right one is never locked out by
    others who share its address. Guessing is hopeless by the tokens' 256 bits; the limit keeps a guesser
    from the log, and tells it to stop.
    """

    def __init__(
        self, clock: Callable[[], datetime], *, of_one: int = _MOST_OF_ONE, in_all: int = _MOST
    ) -> None:
        self._clock = clock
        self._of_one = of_one
        self._in_all = in_all
        self._since: datetime | None = None
        self._all = 0
        self._clients: OrderedDict[str, int] = OrderedDict()

    def told(self, request: Request, error: FiredoorError) -> FiredoorError:
        """Return what an error is answered, where it may be a failed try."""
        return self.failed(request, error) if isinstance(error, NotKnown) else error

    def failed(self, request: Request, error: NotKnown) -> NotKnown | TooMany:
        """Count a failed try; return what it is answered."""
        now = self._clock()
        if self._since is None or now - self._since >= _MINUTE:
            self._since, self._all = now, 0
            self._clients.clear()
        client = request.client.host if request.client else ""
        self._all += 1
        self._clients[client] = self._clients.get(client, 0) + 1
        self._clients.move_to_end(client)
        while len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        if self._clients[client] <= self._of_one and self._all <= self._in_all:
            return error
        return TooMany(
            "too many failed tries to sign in",
            expected=f"at most {self._of_one} a minute from one address, {self._in_all} from all",
            mend="wait a minute, and compare the token; the right one is let in at any time",
            retry_after=60,
        )
