"""Socket Mode: the same payloads over a WebSocket that the app opens, and all that goes wrong with one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.websockets import WebSocket, WebSocketDisconnect

from firedoor.testing.slack.delivery import ANSWER_WITHIN, Delivered

Json = dict[str, Any]
Reason = Literal["warning", "refresh_requested", "too_many_websockets", "link_disabled"]

MOST_CONNECTIONS = 10
_UNKNOWN_TICKET = 4401
#: What a faulty order of two envelopes may cost the one that is held back.
_HELD = 0.5


@dataclass(eq=False)
class Connection:
    """One open WebSocket. `deaf`: the line is cut, and nobody has noticed."""

    number: int
    websocket: WebSocket
    deaf: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def transport(self) -> Any:
        """The TCP connection below."""
        return self.websocket.scope["transport"]


@dataclass(frozen=True)
class Ack:
    """An envelope that the app acknowledged, and how long that took."""

    envelope_id: str
    connection: int
    seconds: float
    payload: Any


@dataclass
class _Waiting:
    acked: asyncio.Future[Ack]
    sent: float
    payload: Json


class SocketMode:
    """The Socket Mode side of one workspace."""

    def __init__(self, app: str) -> None:
        self._app = app
        self.within = ANSWER_WITHIN
        self.connections: list[Connection] = []
        self.opens = 0  # addresses handed out
        self.connected = 0  # connections ever made
        self.refused = 0  # connections beyond the tenth, and those without a ticket
        self.sent: list[tuple[str, int]] = []  # envelope and connection, in the order of sending
        self.acks: list[Ack] = []
        self.junk: list[str] = []  # frames that acknowledge nothing we sent
        self._tickets: set[str] = set()
        self._waiting: dict[str, _Waiting] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._turn = 0
        self._duplicate = 0
        self._hold: asyncio.Event | None = None
        self._reorder = False

    # ---- connections ---------------------------------------------------------------

    def address(self, url: str) -> str:
        """Hand out the address of one new connection."""
        self.opens += 1
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return f"{url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={self._app}"

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection until it ends."""
        self._loop = asyncio.get_running_loop()
        ticket = websocket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            self.refused += 1
            await websocket.close(_UNKNOWN_TICKET)
            return
        self._tickets.remove(ticket)
        await websocket.accept()
        if len(self.connections) >= MOST_CONNECTIONS:
            self.refused += 1
            await websocket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await websocket.close()
            return
        self.connected += 1
        connection = Connection(self.connected, websocket)
        self.connections.append(connection)
        try:
            await websocket.send_json(self._hello())
            self._arrived.set()
            while True:
                self._heard(connection, await websocket.receive_text())
        except (WebSocketDisconnect, KeyError):
            pass  # it ended; a frame that is no text has no "text", and ends it too
        finally:
            self.connections.remove(connection)
            connection.gone.set()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": self._app},
            "debug_info": {
                "host": "applink-made-up",
                "build_number": 9,
                "approximate_connection_time": 18060,
            },
        }

    def _heard(self, connection: Connection, text: str) -> None:
        try:
            frame = json.loads(text)
            waiting = self._waiting[frame["envelope_id"]]
        except (ValueError, LookupError, TypeError):
            self.junk.append(text)
            return
        took = time.monotonic() - waiting.sent
        ack = Ack(frame["envelope_id"], connection.number, took, frame.get("payload"))
        self.acks.append(ack)
        if not waiting.acked.done():
            waiting.acked.set_result(ack)

    # ---- envelopes -----------------------------------------------------------------

    def start(self, payload: Json, then: Callable[[Delivered], Delivered]) -> Future[Delivered]:
        """Send a payload from any thread; the result comes with the ack, or when Slack gives up."""
        if self._loop is None or not self.connections:
            nobody: Future[Delivered] = Future()
            nobody.set_result(then(Delivered("failed", 0.0)))
            return nobody

        async def both() -> Delivered:
            return then(await self.deliver(payload))

        return asyncio.run_coroutine_threadsafe(both(), self._loop)

    async def deliver(self, payload: Json) -> Delivered:
        """Send a payload to one connection, and to another when that one ends before the ack."""
        began = time.monotonic()
        id_ = str(uuid.uuid4())
        waiting = _Waiting(asyncio.get_running_loop().create_future(), began, payload)
        self._waiting[id_] = waiting
        envelope = {
            "envelope_id": id_,
            "type": "interactive",
            "accepts_response_payload": True,
            "payload": payload,
        }
        try:
            async with asyncio.timeout(self.within):
                await self._in_order()
                while not waiting.acked.done():
                    await self._try(envelope, waiting.acked)
        except TimeoutError:
            return Delivered("operation_timeout", time.monotonic() - began)
        ack = waiting.acked.result()
        return Delivered("ok", ack.seconds, answer=ack.payload)

    async def _try(self, envelope: Json, acked: asyncio.Future[Ack]) -> None:
        connection = await self._next()
        await self._send(connection, envelope)
        if self._duplicate:
            self._duplicate -= 1
            await self._send(await self._next(), envelope)
        gone = asyncio.ensure_future(connection.gone.wait())
        either: set[asyncio.Future[Any]] = {acked, gone}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()

    async def _next(self) -> Connection:
        while not self.connections:
            self._arrived.clear()
            await self._arrived.wait()
        self._turn += 1
        return self.connections[self._turn % len(self.connections)]

    async def _send(self, connection: Connection, envelope: Json) -> None:
        self.sent.append((envelope["envelope_id"], connection.number))
        if connection.deaf:
            return  # it leaves, and never arrives
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it ended meanwhile; `gone` tells
            await connection.websocket.send_json(envelope)

    async def _in_order(self) -> None:
        """Let the envelope after the one that is held back go first."""
        if self._hold is not None:
            held, self._hold = self._hold, None
            asyncio.get_running_loop().call_later(0.02, held.set)
        elif self._reorder:
            self._reorder, self._hold = False, asyncio.Event()
            with contextlib.suppress(TimeoutError):  # nothing came after it
                await asyncio.wait_for(self._hold.wait(), _HELD)

    # ---- what goes wrong -----------------------------------------------------------

    def duplicate(self, times: int = 1) -> None:
        """Send the next envelopes twice."""
        self._duplicate = times

    def reorder(self) -> None:
        """Send the next envelope after the one that follows it."""
        self._reorder = True

    def drop(self, number: int | None = None) -> None:
        """Cut connections without a word, as a network does."""
        self._each(number, lambda connection: connection.transport.abort())

    def half_open(self, number: int | None = None) -> None:
        """Stop hearing and answering, pings too, while TCP stays up."""
        self._each(number, _deafen)

    def disconnect(self, reason: Reason, number: int | None = None) -> None:
        """Announce the end of connections; all but a warning are ended right after."""

        def announce(connection: Connection) -> None:
            announced.append(asyncio.ensure_future(_announce(connection, reason)))

        announced: list[asyncio.Future[None]] = []
        self._each(number, announce)

    def _each(self, number: int | None, does: Callable[[Connection], None]) -> None:
        if self._loop is None:
            raise RuntimeError("nobody ever connected over Socket Mode")
        done: Future[None] = Future()

        def all_of_them() -> None:
            for connection in list(self.connections):
                if number in (None, connection.number):
                    does(connection)
            done.set_result(None)

        try:
            inside = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            inside = False
        if inside:
            all_of_them()
        else:
            self._loop.call_soon_threadsafe(all_of_them)
            done.result(5)


def _deafen(connection: Connection) -> None:
    connection.deaf = True
    connection.transport.pause_reading()


async def _announce(connection: Connection, reason: Reason) -> None:
    frame: Json = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-made-up"}}
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it is gone already
        await connection.websocket.send_json(frame)
        if reason != "warning":
            await connection.websocket.close()
