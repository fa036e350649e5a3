"""Serves a workspace on loopback: the Web API, response URLs, Socket Mode and the page."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from firedoor.app.loopback import LoopbackOnly
from firedoor.testing.slack import page
from firedoor.testing.slack.faults import Fault
from firedoor.testing.slack.workspace import Workspace

Json = dict[str, Any]
W = TypeVar("W", bound=Workspace)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: Ports from 32768 on are handed out by the kernel to outgoing connections.
_PORTS = range(18000, 32768)
_STARTS_WITHIN = 20
#: Arguments that a form carries as JSON.
_JSON_FIELDS = ("blocks", "view", "metadata", "attachments")
_APP_LEVEL = "apps.connections.open"


def app(workspace: Workspace) -> ASGIApp:
    """Return the whole of a workspace as one ASGI application."""

    async def call(request: Request) -> Response:
        return await _call(workspace, request)

    async def answer(request: Request) -> Response:
        return await _answer(workspace, request)

    whole = Starlette(
        routes=[
            Route("/api/{method}", call, methods=["POST"]),
            Route("/actions/{team}/{number}/{token}", answer, methods=["POST"]),
            WebSocketRoute("/link/", workspace.socket_mode.serve),
            *page.routes(workspace),
        ]
    )
    # Its page presses as anybody, so that no page of another site may reach it.
    return _with_transport(LoopbackOnly(whole))


async def _call(workspace: Workspace, request: Request) -> Response:
    method = request.path_params["method"]
    raw = await request.body()
    workspace.calls.append(method)
    fault = workspace.faults.take(method)
    if fault and not fault.happens:
        return _broken(fault)
    try:
        token, body = _read(method, request, raw)
    except ValueError:
        return JSONResponse({"ok": False, "error": "invalid_json"})
    answer = workspace.web.answer(method, token, body)
    if fault:
        await _late_or_lost(fault, request)
    return JSONResponse(answer.body, answer.status, answer.headers)


def _read(method: str, request: Request, raw: bytes) -> tuple[str, Json]:
    """Return the token and the arguments of a call, whether it is JSON or a form."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    body: Any = {}
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body = dict(parse_qsl(raw.decode(), keep_blank_values=True))
        # Slack takes a token as an argument too, except here: an app-level token has to stand in the header.
        argument = body.pop("token", "")
        token = token or ("an argument" if argument and method == _APP_LEVEL else argument)
    elif raw:
        body = json.loads(raw)
    if not isinstance(body, dict):
        raise ValueError("arguments that are no JSON object")  # noqa: TRY004  Slack says one word for all of it
    for name in _JSON_FIELDS:
        if isinstance(body.get(name), str):
            body[name] = json.loads(body[name])
    return token, body


async def _answer(workspace: Workspace, request: Request) -> Response:
    fault = workspace.faults.take("response_url")
    if fault and not fault.happens:
        return Response(fault.body or "", fault.status, headers=fault.headers)
    said = workspace.answer(request.path_params["token"], json.loads(await request.body()))
    if fault:
        await _late_or_lost(fault, request)
    return PlainTextResponse(said, 200 if said == "ok" else 404)


def _broken(fault: Fault) -> Response:
    if isinstance(fault.body, (bytes, str)):
        return Response(fault.body, fault.status, headers=fault.headers, media_type="text/html")
    return JSONResponse(fault.body or {"ok": False}, fault.status, headers=fault.headers)


async def _late_or_lost(fault: Fault, request: Request) -> None:
    await asyncio.sleep(fault.delay)
    if fault.lost:
        request.scope["transport"].abort()


def _with_transport(inner: ASGIApp) -> ASGIApp:
    """Let a route cut its connection, as a proxy does that dies before the answer passed it."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope["transport"] = send.__self__.transport  # type: ignore[attr-defined]  # uvicorn's own connection
        await inner(scope, receive, send)

    return outer


class _Server(uvicorn.Server):
    """uvicorn, which also says when it is ready."""

    ready: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.ready:
            self.ready()


def _server(workspace: Workspace) -> _Server:
    config = uvicorn.Config(
        app(workspace),
        log_level="critical",
        ws="websockets-sansio",
        ws_ping_interval=None,  # a connection that is half open stays so
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return _Server(config)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 is any free one below the kernel's own."""
    if host not in _LOOPBACK:
        raise ValueError(f"the fake Slack would listen on {host}; it votes for anybody, so loopback only")
    for wish in [port] if port else random.sample(_PORTS, 200):
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, wish))
        except OSError:
            made.close()
            if port:
                raise
            continue
        return made
    raise RuntimeError("no free loopback port below 32768")


def _address(host: str, listening: socket.socket) -> str:
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{listening.getsockname()[1]}"


async def serve(
    workspace: Workspace,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ready: Callable[[], None] | None = None,
) -> None:
    """Serve a workspace until the task is cancelled or the process is told to end.

    `workspace.url` is set before the first request can come; `ready` is called when one can.
    """
    listening = _listen(host, port)
    workspace.url = _address(host, listening)
    server = _server(workspace)
    server.ready = ready
    try:
        await server.serve(sockets=[listening])
    finally:
        listening.close()


@contextmanager
def running(workspace: W) -> Iterator[W]:
    """Serve a workspace on a free loopback port, in a thread."""
    listening = _listen("127.0.0.1", 0)
    workspace.url = _address("127.0.0.1", listening)
    server = _server(workspace)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _STARTS_WITHIN
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the fake Slack did not start")
        time.sleep(0.005)
    try:
        yield workspace
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()
