"""A Slack that speaks Socket Mode from a script, and a clock that only tests move."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from websockets.exceptions import ConnectionClosedOK

from firedoor.connectors.slack_link import Reply, Take
from firedoor.connectors.slack_socket import Health, Pace, SlackSocket

Frame = dict[str, Any]

HELLO: Frame = {"type": "hello", "num_connections": 1}


def hello(connections: int) -> Frame:
    return {**HELLO, "num_connections": connections}


def goodbye(reason: str) -> Frame:
    return {"type": "disconnect", "reason": reason}


def envelope(id_: str = "e1", payload: Any = None, **other: Any) -> Frame:
    return {
        "envelope_id": id_,
        "type": "interactive",
        "accepts_response_payload": True,
        "payload": payload if payload is not None else {"type": "block_actions"},
        **other,
    }


class Line:
    """One WebSocket, whose other end is the test."""

    def __init__(self, *frames: Frame | str) -> None:
        self._coming: asyncio.Queue[str | None] = asyncio.Queue()
        self.acks: list[Frame] = []
        self.closed = False
        for frame in frames:
            self.say(frame)

    def say(self, frame: Frame | str) -> None:
        """Send a frame as Slack."""
        self._coming.put_nowait(frame if isinstance(frame, str) else json.dumps(frame))

    def drop(self) -> None:
        """End it as Slack, or as a network does."""
        self.closed = True
        self._coming.put_nowait(None)

    async def recv(self) -> str:
        message = await self._coming.get()
        if message is None:
            self._coming.put_nowait(None)
            raise ConnectionClosedOK(None, None)
        return message

    async def send(self, message: str) -> None:
        if self.closed:
            raise ConnectionClosedOK(None, None)
        self.acks.append(json.loads(message))

    async def close(self) -> None:
        self.drop()

    async def acked(self, count: int = 1) -> list[Frame]:
        """Wait for so many acks."""
        await until(lambda: len(self.acks) >= count)
        return self.acks


class ScriptedSlack:
    """Hands out one connection after another. An `Exception` in the script is raised instead.

    `waits` are the sleeps that were asked for; each is over at once, and moves the clock. When the
    script is at its end, Slack is silent: the next attempt waits until the test gives it a line.
    """

    def __init__(self, *script: Line | Exception, take: Take | None = None, pace: Pace | None = None) -> None:
        self.now = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
        self.script: asyncio.Queue[Line | Exception] = asyncio.Queue()
        for each in script:
            self.script.put_nowait(each)
        self.waits: list[float] = []
        self.tokens: list[str] = []  # with which an address was asked for
        self.token: str | Exception = "xapp-1"
        self.told: list[Health] = []
        self.taken: list[object] = []
        self.jitter = 1.0
        self.on_sleep: Callable[[float], None] = lambda _: None
        self.socket = SlackSocket(
            app_token=self._token,
            open_connection=self._open,
            take=take or self._take,
            clock=lambda: self.now,
            jitter=lambda: self.jitter,
            told=self.told.append,
            sleep=self._sleep,
            dial=self._dial,
            pace=pace or Pace(hello=0.2, drain=0.2, retire=0.2),
            app_id="A0OURS",
        )
        self._dialled: Line | None = None
        self.running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.running = asyncio.create_task(self.socket.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.running is not None
        self.running.cancel()
        await asyncio.wait([self.running])
        assert self.running.cancelled()

    @property
    def states(self) -> list[str]:
        """The states of health, one after the other."""
        states: list[str] = []
        for health in self.told:
            if not states or states[-1] != health.state:
                states.append(health.state)
        return states

    async def becomes(self, state: str) -> Health:
        """Wait for a state."""
        await until(lambda: self.socket.health.state == state)
        return self.socket.health

    def _token(self) -> str:
        if isinstance(self.token, Exception):
            raise self.token
        return self.token

    async def _open(self, token: str) -> str:
        self.tokens.append(token)
        given = await self.script.get()
        if isinstance(given, Exception):
            raise given
        self._dialled = given
        return "wss://wss-primary.slack.com/link/?ticket=made-up"

    async def _dial(self, url: str) -> Line:
        assert self._dialled is not None
        return self._dialled

    async def _take(self, payload: object) -> Reply | None:
        self.taken.append(payload)
        return None, None

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.on_sleep(seconds)
        await asyncio.sleep(0)


async def until(true: Callable[[], object]) -> None:
    """Let everything else go on until something is true."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  what is waited for is what many things have become
            await asyncio.sleep(0)
