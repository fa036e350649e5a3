"""Slack over Socket Mode: one connection kept open for ever, with a watchdog that says how it is."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import structlog

from firedoor.connectors.slack_link import ANNOUNCED, Link, Take, Wire, dial
from firedoor.domain.core.errors import FiredoorError, Rejected, Unavailable

_log = structlog.get_logger("firedoor.slack_socket")

State = Literal["connecting", "healthy", "backing off", "refused", "disabled"]

#: Slack keeps at most so many connections of one app.
MOST_CONNECTIONS = 10
_ANOTHER_APP = "another_app"


@dataclass(frozen=True, kw_only=True)
class Health:
    """How Socket Mode is.

    connecting:  on the way.
    healthy:     Slack said hello on a connection that is open.
    backing off: something went wrong; `why` tells what, and it is tried again by itself.
    refused:     Slack refuses the app token, or it cannot be read.
    disabled:    Socket Mode is off in the app's settings.
    """

    state: State
    since: datetime
    why: str = ""
    connections: int = 0  # of this app, as Slack counted at the last hello; all replicas together
    hello_at: datetime | None = None
    envelope_at: datetime | None = None

    @property
    def word(self) -> str:
        """Say "ok", or why not."""
        return "ok" if self.state == "healthy" else f"{self.state}: {self.why}" if self.why else self.state


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How patient the watchdog is, in seconds.

    first, longest: the waits between failures begin and end there, doubling. crowded: the least wait
    where Slack has too many connections of this app. refused: how long a refused token is left alone,
    unless it is seen to have changed, which is looked at every `look`. steady: a connection that lived
    so long makes earlier failures forgotten. drain: what is being answered may take so long at the end;
    retire: the same where another connection is open already.
    """

    hello: float = 10
    first: float = 1
    longest: float = 60
    crowded: float = 30
    crowded_longest: float = 600
    refused: float = 300
    look: float = 5
    steady: float = 60
    drain: float = 3
    retire: float = 20


class SlackSocket:
    """Keeps one connection to Slack. It holds no state of ours, so any number of replicas may run.

    app_token:       read anew for every connection.
    open_connection: asks Slack for an address with it (`SlackDesk.open_connection`).
    take:            answers a payload; it is called for many at once.
    told:            hears of every change of health.
    app_id:          the app that the token has to be of, by Slack's hello; "" where any may be.
    jitter:          returns 0 to 1; `sleep`, `clock` and `dial` stand in for the world in tests.
    """

    def __init__(
        self,
        *,
        app_token: Callable[[], str],
        open_connection: Callable[[str], Awaitable[str]],
        take: Take,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
        told: Callable[[Health], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        dial: Callable[[str], Awaitable[Wire]] = dial,
        pace: Pace | None = None,
        app_id: str = "",
    ) -> None:
        self._app_id = app_id
        self._app_token = app_token
        self._open_connection = open_connection
        self._take = take
        self._clock = clock
        self._jitter = jitter
        self._told = told
        self._sleep = sleep
        self._dial = dial
        self._pace = pace or Pace()
        self._failures = 0
        self._crowds = 0
        self._links: list[Link] = []
        self._retiring: set[asyncio.Task[None]] = set()
        self._pursuit: tuple[State, str] = ("connecting", "")
        self._health = Health(state="connecting", since=clock())

    @property
    def health(self) -> Health:
        """Say how it is now."""
        return self._health

    async def run(self) -> None:
        """Keep a connection until cancelled; what is being answered then is answered first."""
        try:
            link = await self._establish()
            while True:
                began = self._clock()
                reason = await link.leaving
                self._pursue("connecting")
                link = await self._succeed(link, reason, lived=self._clock() - began)
        finally:
            closing = [asyncio.ensure_future(self._close(link)) for link in list(self._links)]
            if closing or self._retiring:
                await asyncio.wait([*closing, *self._retiring])

    async def _succeed(self, link: Link, reason: str, *, lived: timedelta) -> Link:
        """Replace a connection that ends: where Slack announced it, the next one is open before it goes."""
        steady = lived >= timedelta(seconds=self._pace.steady)
        if steady:
            self._failures = self._crowds = 0
        _log.info("slack_socket.leaving", reason=reason, seconds=int(lived.total_seconds()))
        overlapping = reason in ANNOUNCED and link.connections < MOST_CONNECTIONS
        if not overlapping:
            await self._close(link)
        if reason in ("link_disabled", "too_many_websockets"):
            await self._turned_away(reason)
        elif not steady:
            crowded = self._pace.crowded if link.connections >= MOST_CONNECTIONS else 0
            await self._back_off(f"the last connection ended early ({reason})", at_least=crowded)
        fresh = await self._establish()
        if overlapping:
            task = asyncio.create_task(self._close(link, within=self._pace.retire))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
        return fresh

    # ---- getting there ---------------------------------------------------------------

    async def _establish(self) -> Link:
        """Come to an open connection, however long that takes."""
        while True:
            self._pursue("connecting")
            token = self._read_token()
            if token is None:
                await self._rest("refused", "slack.app_token cannot be read", token)
                continue
            try:
                link, reason = await self._opened(token)
            except Rejected as error:
                await self._refused(error, token)
            except Unavailable as error:
                await self._back_off(error.found, at_least=error.retry_after or 0)
            except Exception as error:  # noqa: BLE001  a door that gives up is a door that is shut
                _log.error("slack_socket.mistake", exc_info=error)
                await self._back_off(type(error).__name__)
            else:
                if link is not None:
                    return link
                await self._turned_away(reason)

    async def _opened(self, token: str) -> tuple[Link | None, str]:
        """Open one connection; None and the reason where Slack says goodbye instead of hello."""
        wire = await self._dial(await self._open_connection(token))
        link = Link(wire, self._take, heard=self._heard, ended=self._note)
        try:
            goodbye = await link.hello(self._pace.hello)
        except BaseException:
            await wire.close()
            raise
        if goodbye:
            await wire.close()
            return None, goodbye
        if self._app_id and link.app and link.app != self._app_id:
            await wire.close()
            raise Rejected(
                f"the app token is of app {link.app}",
                code=_ANOTHER_APP,
                mend="set slack.app_token to one of the app in slack.app_id",
            )
        self._links.append(link)
        link.start()
        self._hello(link.connections)
        return link, ""

    def _hello(self, connections: int) -> None:
        if connections >= MOST_CONNECTIONS:
            _log.warning("slack_socket.crowded", connections=connections, most=MOST_CONNECTIONS)
        now = self._clock()
        self._health = replace(self._health, connections=connections, hello_at=now)
        self._note()

    # ---- waiting ---------------------------------------------------------------------

    async def _refused(self, error: Rejected, token: str) -> None:
        if error.code == "link_disabled":
            await self._turned_away(error.code)
            return
        found = error.found if error.code == _ANOTHER_APP else "Slack refuses the app token"
        says = f"{found} ({error.code})"
        _log.error("slack_socket.refused", why=says, mend=error.mend)
        await self._rest("refused", says, token)

    async def _turned_away(self, reason: str) -> None:
        """Wait as long as Slack's goodbye deserves."""
        if reason == "link_disabled":
            says = "Socket Mode is off in the app's settings"
            _log.error("slack_socket.disabled", mend="turn it on, or remove slack.app_token")
            await self._rest("disabled", says, self._read_token())
        elif reason == "too_many_websockets":
            self._crowds += 1
            most = self._pace.crowded_longest
            wait = min(most, self._pace.crowded * 2 ** min(self._crowds - 1, 10))
            await self._back_off("Slack has too many connections of this app", at_least=wait)
        else:
            await self._back_off(f"Slack said goodbye at once ({reason})")

    async def _back_off(self, why: str, *, at_least: float = 0) -> None:
        """Wait: a second or less at first, then twice as long each time, never all replicas at once."""
        pace, earlier = self._pace, self._failures
        self._failures += 1
        wait = min(pace.longest, pace.first * 2 ** min(earlier, 20)) * (0.5 + self._jitter() / 2)
        wait = max(wait, at_least * (1 + self._jitter() / 10))
        _log.warning("slack_socket.backing_off", why=why, seconds=round(wait, 1))
        self._pursue("backing off", why)
        await self._sleep(wait)

    async def _rest(self, state: State, why: str, token: str | None) -> None:
        """Leave Slack alone, until the token is another one or somebody may have mended it."""
        self._pursue(state, why)
        waited = 0.0
        while waited < self._pace.refused and _same(self._read_token(), token):
            await self._sleep(self._pace.look)
            waited += self._pace.look

    def _read_token(self) -> str | None:
        try:
            return self._app_token()
        except FiredoorError:
            return None

    # ---- the end of one --------------------------------------------------------------

    async def _close(self, link: Link, *, within: float | None = None) -> None:
        await link.close(within=self._pace.drain if within is None else within)
        if link in self._links:
            self._links.remove(link)
        self._note()

    # ---- health ----------------------------------------------------------------------

    def _heard(self) -> None:
        self._health = replace(self._health, envelope_at=self._clock())
        self._told(self._health)

    def _pursue(self, state: State, why: str = "") -> None:
        """Keep what is being done to come to an open connection."""
        self._pursuit = (state, why)
        self._note()

    def _note(self) -> None:
        """Tell how it is: as long as a connection is open it is healthy, whatever else is tried."""
        state, why = self._pursuit
        if any(link.open for link in self._links):
            state, why = "healthy", ""
        health = self._health
        if (health.state, health.why) != (state, why):
            since = health.since if health.state == state else self._clock()
            health = replace(health, state=state, since=since, why=why)
            _log.info("slack_socket.health", state=state, why=why)
        self._health = health
        self._told(health)


def _same(one: str | None, other: str | None) -> bool:
    return one == other if one is None or other is None else hmac.compare_digest(one.encode(), other.encode())
