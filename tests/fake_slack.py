"""A Slack workspace on loopback: refuses what Slack refuses, remembers, presses buttons, breaks on demand."""

from __future__ import annotations

import hmac
import itertools
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.servers import free_port
from tests.slack_rules import refused_message, refused_view

Json = dict[str, Any]

TEAM = "T0ACME001"
APP = "A0FIREDOOR1"
BOT = "U0FIREDOOR1"
CHANNEL = "C0SOC00001"
TOKEN = "xoxb-made-up-for-tests"
SECRET = b"made-up-signing-secret"

_TRIGGER_LIVES = 3.0
_RESPONSES_LIVE = 30 * 60.0
_RESPONSES = 5


@dataclass
class Posted:
    """A message as Slack holds it now, and how often it was drawn anew."""

    channel: str
    ts: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    edits: int = 0

    def button(self, action_id: str) -> Json:
        """Find a button by its action."""
        return next(button for button in self.buttons() if button["action_id"] == action_id)

    def buttons(self) -> list[Json]:
        """List all buttons."""
        return [each for block in self.blocks if block["type"] == "actions" for each in block["elements"]]


@dataclass
class Fault:
    """What goes wrong with the next calls of one method."""

    method: str
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False  # it is done, and the answer never arrives
    times: int = 1


@dataclass(frozen=True)
class Signed:
    """A request as Slack would send it."""

    body: bytes
    headers: dict[str, str]


class FakeSlack:
    """One workspace with one app in it. `clock` tells the seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.url = ""
        self.channels = {CHANNEL}
        self.messages: list[Posted] = []
        self.ephemerals: list[Json] = []
        self.views: dict[str, Json] = {}
        self.calls: list[str] = []
        self.faults: list[Fault] = []
        self._triggers: dict[str, float] = {}
        self._answers: dict[str, tuple[float, int]] = {}
        self._number = itertools.count(1)

    # ---- what the test looks at ----------------------------------------------------

    def cards(self) -> list[Posted]:
        """List the messages of the channel itself, oldest first."""
        return [message for message in self.messages if message.thread_ts is None]

    def thread(self, ts: str) -> list[Posted]:
        """List the replies to a message, oldest first."""
        return [message for message in self.messages if message.thread_ts == ts]

    def fail(self, method: str, **how: Any) -> None:
        """Let the next call of a method go wrong."""
        self.faults.append(Fault(method, **how))

    # ---- what people do ------------------------------------------------------------

    def press(self, by: str, message: Posted, action_id: str, **other: Any) -> Signed:
        """Press a button of a message that is there; `other` replaces parts of the payload."""
        button = message.button(action_id)
        trigger = f"{next(self._number)}.{secrets.token_hex(8)}"
        self._triggers[trigger] = self.clock() + _TRIGGER_LIVES
        payload = {
            "type": "block_actions",
            **self._who(by),
            "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
            "trigger_id": trigger,
            "channel": {"id": message.channel, "name": "soc"},
            "message": {"ts": message.ts, "text": message.text, "blocks": message.blocks},
            "response_url": self._response_url(),
            "actions": [{**button, "action_ts": f"{self.clock():.6f}"}],
            **other,
        }
        return self.sign(payload)

    def submit(
        self, by: str, view_id: str, *, reason: str | None, comment: str | None, **other: Any
    ) -> Signed:
        """Submit an open dialog."""
        view = self.views[view_id]
        option = None if reason is None else {"text": {"type": "plain_text", "text": reason}, "value": reason}
        payload = {
            "type": "view_submission",
            **self._who(by),
            "trigger_id": f"{next(self._number)}.{secrets.token_hex(8)}",
            "view": {
                **view,
                "id": view_id,
                "state": {
                    "values": {
                        "reason": {"reason": {"type": "static_select", "selected_option": option}},
                        "comment": {"comment": {"type": "plain_text_input", "value": comment}},
                    }
                },
            },
            "response_urls": [],
            **other,
        }
        return self.sign(payload)

    def sign(self, payload: Any, *, secret: bytes = SECRET, at: float | None = None) -> Signed:
        """Sign a payload as Slack does."""
        body = payload if isinstance(payload, bytes) else urlencode({"payload": json.dumps(payload)}).encode()
        stamp = str(int(self.clock() if at is None else at))
        signature = hmac.digest(secret, b"v0:" + stamp.encode() + b":" + body, "sha256").hex()
        return Signed(
            body,
            {
                "content-type": "application/x-www-form-urlencoded",
                "x-slack-request-timestamp": stamp,
                "x-slack-signature": f"v0={signature}",
            },
        )

    def _who(self, user: str) -> Json:
        return {
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM},
            "api_app_id": APP,
            "token": "legacy",
            "team": {"id": TEAM, "domain": "acme"},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _response_url(self) -> str:
        token = secrets.token_urlsafe(12)
        self._answers[token] = (self.clock() + _RESPONSES_LIVE, _RESPONSES)
        return f"{self.url or 'https://hooks.slack.com'}/actions/{TEAM}/1/{token}"

    # ---- what the app calls --------------------------------------------------------

    def call(self, method: str, token: str, body: Json) -> Json:
        """Answer one Web API call."""
        if token != TOKEN:
            return {"ok": False, "error": "invalid_auth" if token else "not_authed"}
        known: dict[str, Callable[[Json], Json]] = {
            "auth.test": lambda _: {"ok": True, "team_id": TEAM, "user_id": BOT, "bot_id": "B0FIREDOOR1"},
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._ephemeral,
            "views.open": self._open,
        }
        return known[method](body) if method in known else {"ok": False, "error": "unknown_method"}

    def _post(self, body: Json) -> Json:
        if body.get("channel") not in self.channels:
            return {"ok": False, "error": "not_in_channel"}
        refused = _refused(body)
        if refused:
            return refused
        ts = f"{int(self.clock())}.{next(self._number):06d}"
        thread = body.get("thread_ts")
        self.messages.append(
            Posted(body["channel"], ts, body.get("text", ""), body.get("blocks", []), thread)
        )
        return {"ok": True, "channel": body["channel"], "ts": ts}

    def _update(self, body: Json) -> Json:
        found = [each for each in self.messages if (each.channel, each.ts) == (body["channel"], body["ts"])]
        if not found:
            return {"ok": False, "error": "message_not_found"}
        refused = _refused(body)
        if refused:
            return refused
        found[0].text, found[0].blocks = body.get("text", ""), body.get("blocks", [])
        found[0].edits += 1
        return {"ok": True, "channel": body["channel"], "ts": body["ts"]}

    def _ephemeral(self, body: Json) -> Json:
        if body.get("channel") not in self.channels:
            return {"ok": False, "error": "not_in_channel"}
        refused = _refused(body)
        if refused:
            return refused
        self.ephemerals.append(body)
        return {"ok": True, "message_ts": f"{self.clock():.6f}"}

    def _open(self, body: Json) -> Json:
        expires = self._triggers.pop(body.get("trigger_id", ""), None)
        if expires is None:
            return {"ok": False, "error": "invalid_trigger_id"}
        if self.clock() > expires:
            return {"ok": False, "error": "expired_trigger_id"}
        found = refused_view(body["view"])
        if found:
            return {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": found}}
        view_id = f"V{next(self._number):08d}"
        self.views[view_id] = body["view"]
        return {"ok": True, "view": {**body["view"], "id": view_id}}

    def answer(self, token: str, body: Json) -> str:
        """Answer a response_url; "ok", or why not."""
        expires, left = self._answers.get(token, (0.0, 0))
        if self.clock() > expires:
            return "expired_url"
        if not left:
            return "used_url"
        self._answers[token] = (expires, left - 1)
        refused = _refused(body)
        if refused:
            return str(refused["error"])
        self.ephemerals.append(body)
        return "ok"

    # ---- the server ----------------------------------------------------------------

    def app(self) -> Starlette:
        """Return the HTTP side."""
        return Starlette(
            routes=[
                Route("/api/{method}", self._serve_call, methods=["POST"]),
                Route("/actions/{team}/{number}/{token}", self._serve_answer, methods=["POST"]),
            ]
        )

    async def _serve_call(self, request: Request) -> Response:
        method = request.path_params["method"]
        body = await request.body()
        self.calls.append(method)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        fault = self._fault(method)
        if fault and not fault.lost:
            if isinstance(fault.body, (bytes, str)):
                return Response(fault.body, fault.status, headers=fault.headers, media_type="text/html")
            return JSONResponse(fault.body or {"ok": False}, fault.status, headers=fault.headers)
        answer = self.call(method, token, json.loads(body) if body else {})
        if fault:
            request.scope["hang_up"]()
        return JSONResponse(answer)

    async def _serve_answer(self, request: Request) -> Response:
        fault = self._fault("response_url")
        if fault:
            return Response(fault.body or "", fault.status, headers=fault.headers)
        said = self.answer(request.path_params["token"], json.loads(await request.body()))
        return PlainTextResponse(said, 200 if said == "ok" else 404)

    def _fault(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method and fault.times > 0:
                fault.times -= 1
                return fault
        return None


def _with_hangup(app: Starlette) -> Any:
    """Let a route cut the connection, as a proxy does that dies before the answer passed it."""

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        scope["hang_up"] = send.__self__.transport.abort  # uvicorn's own connection
        await app(scope, receive, send)

    return outer


def _refused(body: Json) -> Json | None:
    refused = refused_message(body.get("text") or "", body.get("blocks"))
    if refused is None:
        return None
    code, messages = refused
    return {"ok": False, "error": code, "response_metadata": {"messages": messages}}


@contextmanager
def running(slack: FakeSlack) -> Iterator[FakeSlack]:
    """Serve a workspace on a free loopback port."""
    port = free_port()
    config = uvicorn.Config(
        _with_hangup(slack.app()),
        host="127.0.0.1",
        port=port,
        log_level="critical",
        ws="none",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the fake Slack did not start")
        with socket.socket() as wait:
            wait.settimeout(0.02)
            wait.connect_ex(("127.0.0.1", port))
        time.sleep(0.01)
    slack.url = f"http://127.0.0.1:{port}"
    try:
        yield slack
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def moment(slack: FakeSlack) -> datetime:
    """Tell the workspace's time as the house writes it."""
    return datetime.fromtimestamp(slack.clock(), UTC)
