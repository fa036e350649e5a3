"""One Socket Mode connection: envelopes in, acks out, until it ends and says why."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from firedoor.domain.core.errors import Unavailable

_log = structlog.get_logger("firedoor.slack_socket")

#: What an envelope is answered: the payload of a dialog or None, and what follows the ack or None.
Reply = tuple[Mapping[str, Any] | None, Callable[[], Awaitable[None]] | None]
#: Takes a payload; None means that it cannot be answered for, and then the person sees that it failed.
Take = Callable[[object], Awaitable[Reply | None]]

#: Why a connection ended, where Slack did not say so.
CLOSED: Final = "closed"
#: Slack announces these some seconds ahead: there is time to open another connection first.
ANNOUNCED: Final = frozenset({"warning", "refresh_requested"})

_PING_EVERY = 10.0  # seconds; a connection that is half open is noticed within two of them
_OPENED_WITHIN = 10.0
_CLOSED_WITHIN = 2.0
_LARGEST = 1024 * 1024  # bytes of one frame; a press echoes its whole message, about 10 kB
_AT_ONCE = 200  # envelopes being answered; beyond that, reading waits

#: websockets logs frames and addresses, which hold what people pressed and a ticket.
_SILENT = logging.getLogger("firedoor.websockets")
_SILENT.setLevel(logging.CRITICAL + 1)


class Wire(Protocol):
    """A WebSocket, as far as we need it."""

    async def recv(self) -> str | bytes:
        """Return the next message; raises `ConnectionClosed` at the end."""
        ...

    async def send(self, message: str) -> None:
        """Send a message; raises `ConnectionClosed` likewise."""
        ...

    async def close(self) -> None:
        """Close it, with the handshake of closing."""
        ...


async def dial(url: str) -> Wire:
    """Open a WebSocket that notices by itself when the other side is gone; raises `Unavailable`."""
    try:
        return await connect(
            url,
            open_timeout=_OPENED_WITHIN,
            ping_interval=_PING_EVERY,
            ping_timeout=_PING_EVERY,
            close_timeout=_CLOSED_WITHIN,
            max_size=_LARGEST,
            logger=_SILENT,
            user_agent_header="firedoor",
        )
    except (OSError, WebSocketException, TimeoutError, ValueError, ImportError) as error:
        # Its class alone: its words may repeat the address, which holds a ticket.
        raise Unavailable(f"Slack's socket did not open: {type(error).__name__}") from None


class Link:
    """A connection after its hello. `leaving` tells why it ends, or that Slack announced the end."""

    def __init__(
        self, wire: Wire, take: Take, *, heard: Callable[[], None], ended: Callable[[], None]
    ) -> None:
        self._wire = wire
        self._take = take
        self._heard = heard
        self._ended = ended
        self._answering: set[asyncio.Task[None]] = set()
        self._following: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self.leaving: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.connections = 0  # of this app, ours among them, as Slack counted at our hello
        self.app = ""  # the app whose token opened it, by Slack's hello
        self.open = False

    async def hello(self, within: float) -> str:
        """Wait for Slack's hello; returns "", or the reason where Slack says goodbye instead."""
        try:
            async with asyncio.timeout(within):
                frame = _frame(await self._wire.recv())
        except (ConnectionClosed, TimeoutError) as error:
            raise Unavailable(f"Slack's socket gave no hello: {type(error).__name__}") from None
        if frame.get("type") == "disconnect":
            return _reason(frame)
        if frame.get("type") != "hello":
            raise Unavailable("Slack's socket began with something else than a hello")
        count = frame.get("num_connections")
        self.connections = count if isinstance(count, int) else 0
        info = frame.get("connection_info")
        self.app = str(info.get("app_id") or "") if isinstance(info, dict) else ""
        self.open = True
        return ""

    def start(self) -> None:
        """Take envelopes from now on."""
        self._reading = asyncio.create_task(self._read())

    async def close(self, *, within: float) -> None:
        """End it: what is being answered is acked first, and what follows may come after.

        Either may take `within` seconds.
        """
        await _finished(self._answering, within)
        self.open = False
        await self._wire.close()
        if self._reading is not None:
            await asyncio.wait([self._reading])
        await _finished(self._following, within)

    async def _read(self) -> None:
        try:
            while True:
                frame = _frame(await self._wire.recv())
                if frame.get("type") == "disconnect":
                    self._leave(_reason(frame))
                elif isinstance(frame.get("envelope_id"), str):
                    self._heard()
                    if len(self._answering) >= _AT_ONCE:
                        await asyncio.wait(self._answering, return_when=asyncio.FIRST_COMPLETED)
                    _begin(self._answer(frame), self._answering)
        except ConnectionClosed:
            pass  # however it ended, it is over: what that means is told by `ended` and by whoever holds it
        finally:
            self.open = False
            self._leave(CLOSED)
            self._ended()

    def _leave(self, reason: str) -> None:
        if not self.leaving.done():
            self.leaving.set_result(reason)

    async def _answer(self, frame: Mapping[str, Any]) -> None:
        """Take one envelope. It is acked after what it says is durable, and never before."""
        ack: dict[str, Any] = {"envelope_id": frame["envelope_id"]}
        after = None
        if frame.get("type") == "interactive":  # we subscribe to nothing else; the rest is acked and left
            reply = await self._reply(frame.get("payload"))
            if reply is None:
                return
            payload, after = reply
            if payload is not None:
                if frame.get("accepts_response_payload") is not True:
                    _log.error("slack_socket.no_way_to_answer")  # an ack without it would look like a yes
                    return
                ack["payload"] = payload
        try:
            await self._wire.send(json.dumps(ack))
        except ConnectionClosed:
            _log.warning("slack_socket.ack_lost")  # the person sends it again, and it counts once
        if after is not None:
            _begin(self._follow(after), self._following)

    async def _reply(self, payload: object) -> Reply | None:
        try:
            return await self._take(payload)
        except Exception as error:  # noqa: BLE001  whatever went wrong, the person shall see that it did
            _log.error("slack_socket.not_answered", exc_info=error)
            return None

    async def _follow(self, after: Callable[[], Awaitable[None]]) -> None:
        try:
            await after()
        except Exception as error:  # noqa: BLE001  one press shall not end the others
            _log.error("slack_socket.not_followed", exc_info=error)


def _begin(work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)


async def _finished(tasks: set[asyncio.Task[None]], within: float) -> None:
    """Let tasks come to their end, or end those that do not."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=within)
        for task in late:
            task.cancel()


def _frame(message: str | bytes) -> Mapping[str, Any]:
    """Read a frame; what is no JSON object is an empty one, and is left."""
    try:
        frame = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return frame if isinstance(frame, dict) else {}


def _reason(frame: Mapping[str, Any]) -> str:
    reason = frame.get("reason")
    return reason if isinstance(reason, str) and reason.isidentifier() and len(reason) < 64 else CLOSED  # noqa: PLR2004
