"""The HTTP server: uvicorn behind a listener and a protocol of ours that bound what strangers may hold."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal

import h11
import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from firedoor.gateway.crowd import CONNECTION, Crowd, Seat

_log = structlog.get_logger("firedoor.gateway")

Stage = Literal["headers", "request", "rest", "closing"]

#: Seconds. headers: until they are complete, from the connection or the last answer. request: until it is
#: answered and the answer is taken. rest: what a client still sends after it. closing: until it is gone.
_WITHIN: Final[dict[Stage, float]] = {"headers": 10.0, "request": 60.0, "rest": 5.0, "closing": 5.0}

_BACKLOG: Final = 1024
_AT_ONCE: Final = 32  # connections accepted before anything else gets its turn
_STARVED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE: Final = 0.1
_TELL_EVERY: Final = 60.0


class PatientProtocol(H11Protocol):
    """uvicorn's protocol on h11, with a time for everything that a client may keep us waiting for."""

    def __init__(self, seat: Seat, within: dict[Stage, float], **given: Any) -> None:
        given["app_state"] = {**given["app_state"], CONNECTION: seat}
        super().__init__(**given)
        self._seat = seat
        self._within = within
        self._stage: Stage | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for the first headers."""
        super().connection_made(transport)
        self._seat.sit(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        self._expect()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, or for the rest of this one."""
        super().on_response_complete()
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        if self._timer is not None:
            self._timer.cancel()
        self._seat.leave(self._seat)
        super().connection_lost(exc)

    def _expect(self) -> None:
        stage = self._now()
        if stage == self._stage:
            return
        self._stage = stage
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(self._within[stage], self._expired)

    def _now(self) -> Stage:
        if self.transport.is_closing():
            return "closing"
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's type hides that there is none at first
        if cycle is None:
            return "headers"
        if not cycle.response_complete:
            return "request"
        return "headers" if self.conn.our_state is h11.IDLE else "rest"

    def _expired(self) -> None:
        if self._stage in ("closing", "request"):
            self.transport.abort()  # it takes no answer: nothing is flushed
        else:
            self.transport.close()
            self._expect()


class Server(uvicorn.Server):
    """Accepts connections itself: within the crowd's limits, and quietly where files run out."""

    def __init__(
        self, config: uvicorn.Config, crowd: Crowd, within: dict[Stage, float] | None = None
    ) -> None:
        config.http_protocol_class = PatientProtocol
        super().__init__(config)
        self._crowd = crowd
        self._within: dict[Stage, float] = {**_WITHIN, **(within or {})}
        self._listeners: list[socket.socket] = []
        self._making: set[asyncio.Task[Any]] = set()
        self._told = -_TELL_EVERY

    @property
    def ports(self) -> tuple[int, ...]:
        """Where it listens."""
        return tuple(listener.getsockname()[1] for listener in self._listeners)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind before anything else, so that a port that is taken is told at once."""
        if not self.config.loaded:
            self.config.load()
        logging.getLogger("uvicorn.error").addFilter(_provoked)
        self._listeners = sockets or await _bound(self.config.host, self.config.port)
        await super().startup(sockets=[])
        for listener in self._listeners:
            listener.setblocking(False)
            listener.listen(_BACKLOG)
            self._open(listener)
        _log.info("gateway.listens", host=self.config.host, port=self.ports[0], connections=self._crowd.most)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connection, and let what goes on be finished."""
        loop = asyncio.get_running_loop()
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            loop.remove_reader(listener)
            listener.close()
        await super().shutdown(sockets)

    def _open(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _STARVED:
                    raise
                self._starve(listener, error)
                return
            seat = self._crowd.enter(str(address[0]))
            if seat is None:
                connection.close()
                continue
            connection.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._make(connection, seat))
            self._making.add(task)
            task.add_done_callback(self._making.discard)

    async def _make(self, connection: socket.socket, seat: Seat) -> None:
        given = {
            "config": self.config,
            "server_state": self.server_state,
            "app_state": self.lifespan.state,
        }
        protocol: Callable[[], PatientProtocol] = partial(PatientProtocol, seat, self._within, **given)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
        except OSError:
            connection.close()
            seat.leave(seat)

    def _starve(self, listener: socket.socket, error: OSError) -> None:
        """Files have run out: the oldest strangers go, and the next is accepted a moment later."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        self._crowd.thin(_AT_ONCE)
        loop.call_later(_PAUSE, self._open, listener)
        if loop.time() - self._told >= _TELL_EVERY:
            self._told = loop.time()
            _log.error(
                "gateway.no_files_left",
                error=error.strerror,
                connections=len(self._crowd),
                mend="raise the limit of open files (ulimit -n), and look who opens so many connections",
            )


async def _bound(host: str, port: int) -> list[socket.socket]:
    """Bind every address of a host, as asyncio does."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    try:
        return [listener.dup() for listener in server.sockets]
    finally:
        server.close()


def _provoked(record: logging.LogRecord) -> bool:
    """Keep uvicorn's lines but its warnings: each is about what a stranger sent, as often as they like."""
    return record.levelno != logging.WARNING
