"""The gateway with its Slack doors, an engine in memory, and Slack itself, all without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from fastapi import FastAPI

from firedoor.channels.slack.card import card
from firedoor.channels.slack.interaction import payload_of
from firedoor.domain.core.errors import Unavailable
from firedoor.domain.people.people import People
from firedoor.gateway.decisions.service import Ballots
from firedoor.gateway.slack.http import slack_router
from firedoor.gateway.slack.interactions import WITHIN, Presses
from firedoor.gateway.slack.socket import SocketDoor
from tests.channels.slack.reports import every_standing
from tests.fake_slack import APP, CHANNEL, SECRET, TEAM, TOKEN, FakeSlack, Posted, Signed
from tests.gateway.people_engine import PEOPLE, Clock, MemoryDirectory, MemoryEngine

Transport = Literal["http", "socket"]


@dataclass(frozen=True)
class Told:
    """What Slack was answered. `done`: an empty answer, which says nothing and closes a dialog."""

    acked: bool
    payload: dict[str, Any] | None = None
    status: int = 0

    @property
    def done(self) -> bool:
        return self.acked and self.payload is None

    @property
    def errors(self) -> dict[str, str]:
        assert self.payload is not None
        assert self.payload["response_action"] == "errors", self.payload
        errors: dict[str, str] = self.payload["errors"]
        return errors

    @property
    def shown(self) -> str:
        """The words of the dialog that a submitted one turned into."""
        assert self.payload is not None
        assert self.payload["response_action"] == "update", self.payload
        return json.dumps(self.payload["view"], ensure_ascii=False)


class Accounts:
    """What Slack says of accounts: full members, unless told otherwise."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.silent = False
        self.slow = False
        self.asked: list[str] = []

    async def barred(self, user: str) -> str:
        self.asked.append(user)
        if self.silent:
            raise Unavailable("slack:users.info gave no usable answer")
        if self.slow:
            await asyncio.sleep(60)
        return self.kinds.get(user, "")


class Door:
    """Both doors; `transport` is the one that `send` uses."""

    def __init__(self, transport: Transport = "http") -> None:
        self.transport = transport
        self.clock = Clock()
        self.slack = FakeSlack(self.clock.seconds)
        self.engine = MemoryEngine(self.clock)
        self.people: People | None = PEOPLE
        self.accounts = Accounts()
        self.secrets: tuple[bytes, ...] = (SECRET,)
        self.unreachable: set[str] = set()  # methods of Slack that do not answer
        self.opened: list[str] = []
        directory = MemoryDirectory(lambda: self.people)
        self.presses = Presses(
            app_id=APP,
            team_id=TEAM,
            channels=frozenset({CHANNEL}),
            ballots=Ballots(directory, self.engine, self.clock, within=WITHIN),
            report=self.engine.report,
            accounts=self.accounts,
            members=directory.members,
            slack=self,
        )
        self.socket = SocketDoor(self.presses)
        self.app = FastAPI()
        self.app.include_router(
            slack_router(signing_secrets=lambda: self.secrets, presses=self.presses, clock=self.clock)
        )
        self.pending = self.posted("pending")

    def posted(self, standing: str) -> Posted:
        """Return a card as Slack would hold it."""
        report = self.engine.report_now if standing == "pending" else every_standing()[standing]
        drawn = card(report)
        return self.kept(drawn.text, list(drawn.blocks))

    def kept(self, text: str, blocks: Sequence[dict[str, Any]], channel: str = CHANNEL) -> Posted:
        """Let Slack hold a message."""
        return self.slack.keep(
            Posted(channel, self.slack.stamp(), text, self.slack.with_ids(json.loads(json.dumps(blocks))))
        )

    # ---- what the door asks of Slack -----------------------------------------------------

    async def open_view(self, trigger_id: str, view: dict[str, Any]) -> str:
        answer = self._call("views.open", {"trigger_id": trigger_id, "view": view})
        self.opened.append(answer["view"]["id"])
        return self.opened[-1]

    async def update_view(self, view_id: str, view: dict[str, Any]) -> None:
        self._call("views.update", {"view_id": view_id, "view": view})

    async def ephemeral(self, response_url: str, text: str, blocks: Sequence[dict[str, Any]]) -> None:
        if "response_url" in self.unreachable:
            raise Unavailable("slack:response_url gave no usable answer")
        body = {"response_type": "ephemeral", "text": text, "blocks": list(blocks)}
        assert self.slack.answer(response_url.rsplit("/", 1)[1], json.loads(json.dumps(body))) == "ok"

    def _call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if method in self.unreachable:
            raise Unavailable(f"slack:{method} gave no usable answer")
        answer = self.slack.call(method, TOKEN, json.loads(json.dumps(body)))
        assert answer["ok"], answer
        return answer

    # ---- what people do ------------------------------------------------------------------

    async def send(self, signed: Signed) -> Told:
        """Send what Slack would send, by this door's way."""
        if self.transport == "http":
            answer = await self.request(signed)
            payload = json.loads(answer.content) if answer.content else None
            return Told(answer.status_code == 200, payload, answer.status_code)
        reply = await self.socket.take(json.loads(json.dumps(payload_of(signed.body))))
        if reply is None:
            return Told(acked=False)
        payload, after = reply
        if after is not None:
            await after()
        return Told(acked=True, payload=json.loads(json.dumps(payload)))

    async def request(self, signed: Signed) -> httpx.Response:
        """Send it over HTTP."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://firedoor.test") as client:
            return await client.post("/slack/interactions", content=signed.body, headers=signed.headers)

    async def press(self, by: str, action: str = "firedoor.approve", **other: Any) -> Told:
        """Press a button of the card."""
        return await self.send(self.slack.press(by, self.pending, action, **other))

    async def dialog(self, by: str, action: str) -> str:
        """Press a button that opens a dialog; returns its id."""
        before = len(self.opened)
        assert (await self.press(by, action)).done
        assert len(self.opened) == before + 1, self.said()
        return self.opened[-1]

    async def submit(self, by: str, view_id: str, **chosen: str | None) -> Told:
        """Submit a dialog; the value of each input by its name."""
        values: dict[str, Any] = {}
        for name, value in chosen.items():
            typed = name == "comment"
            option = None if value is None else {"value": value}
            values[name] = {name: {"value": value} if typed else {"selected_option": option}}
        return await self.send(self.slack.submit_view(by, view_id, values))

    # ---- what a test looks at ------------------------------------------------------------

    def said(self) -> str:
        """Return all that people were told."""
        return json.dumps(self.slack.ephemerals, ensure_ascii=False)

    def view(self, view_id: str) -> str:
        """Return what stands in a dialog now."""
        return json.dumps(self.slack.views[view_id], ensure_ascii=False)
