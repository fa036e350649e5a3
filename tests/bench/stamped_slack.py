"""The fake Slack as a process of its own that stamps what is written, and sends over its socket."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import time
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from firedoor.testing.slack.elements import elements_of
from firedoor.testing.slack.people import CHANNEL, Channel, WorkspaceConfig
from firedoor.testing.slack.server import app
from firedoor.testing.slack.web_api import Answer, WebApi
from firedoor.testing.slack.workspace import Workspace

Json = dict[str, Any]

#: Asked over HTTP: `?after=n` lists what was written since the n-th write.
WRITES = "/bench/writes"
#: Takes the payload of a press, sends it over Socket Mode, and answers with what became of it.
SOCKET = "/bench/socket"
_WRITING = ("chat.postMessage", "chat.update")


class _Stamped(WebApi):
    """Stamps every write with the moment at which it had arrived whole."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace, workspace.dialogs, lambda: workspace.socket_mode.address(workspace.url))
        self.writes: list[Json] = []

    def answer(self, method: str, token: str, body: Json) -> Answer:
        at = time.time_ns()
        told = super().answer(method, token, body)
        if method in _WRITING:
            self.writes.append(
                {
                    "at": at,
                    "method": method,
                    "ok": bool(told.body["ok"]),
                    "channel": body.get("channel"),
                    "ts": told.body.get("ts"),
                    "thread": body.get("thread_ts"),
                    "buttons": _buttons(body),
                }
            )
        return told


def _buttons(body: Json) -> dict[str, str]:
    """What can be pressed in a message, and what each press would refer to."""
    found = [each for block in body.get("blocks") or () for each in elements_of(block)]
    return {str(each["action_id"]): str(each.get("value", "")) for each in found if "action_id" in each}


def stamped(workspace: Workspace) -> ASGIApp:
    """Return the workspace with the addresses of the benchmark beside its own."""
    web = _Stamped(workspace)
    workspace.web = web

    async def writes(request: Request) -> Response:
        return JSONResponse(web.writes[int(request.query_params.get("after", "0")) :])

    async def send(request: Request) -> Response:
        payload = json.loads(await request.body())
        delivered = await workspace.socket_mode.deliver(payload)
        told = {"outcome": delivered.outcome, "seconds": delivered.seconds, "answer": delivered.answer}
        return JSONResponse(told)

    mine = Starlette(routes=[Route(WRITES, writes), Route(SOCKET, send, methods=["POST"])])
    fake = app(workspace)

    async def either(scope: Scope, receive: Receive, send_: Send) -> None:
        # Not a Mount: the fake takes hold of the server's own `send`, which Starlette would wrap.
        of_mine = scope["path"] in (WRITES, SOCKET)
        await (mine if of_mine else fake)(scope, receive, send_)

    return either


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stamped_slack", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--people", nargs="+", default=[], help="ids of accounts, full members all")
    parser.add_argument("--channels", nargs="+", default=[], help="in addition to the one that is there")
    said = parser.parse_args()
    workspace = Workspace(WorkspaceConfig(users={each: each.lower() for each in said.people}))
    for channel in (CHANNEL, *said.channels):
        workspace.known_channels[channel] = Channel(channel, channel.lower())
        workspace.channels.add(channel)
    workspace.url = f"http://127.0.0.1:{said.port}"
    listening = socket.create_server(("127.0.0.1", said.port))
    # Settings as the fake's own server has them.
    config = uvicorn.Config(
        stamped(workspace),
        log_level="critical",
        ws="websockets-sansio",
        ws_ping_interval=None,
        lifespan="off",
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
