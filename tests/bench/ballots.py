"""Words of people on their way in: signed presses, presses over the socket, and calls of the HTTP API."""

from __future__ import annotations

import copy
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from firedoor.channels.slack.card import card
from firedoor.channels.slack.reference import Reference
from firedoor.channels.slack.render_context import Around
from firedoor.domain.channel.messages import Notice
from firedoor.domain.response.messages import Report
from firedoor.testing.slack.delivery import payload_of
from firedoor.testing.slack.messages import Posted, usable
from firedoor.testing.slack.people import CHANNEL, WorkspaceConfig
from firedoor.testing.slack.workspace import Workspace
from tests.bench.office import PEOPLE, Office, account_of, token_of
from tests.bench.stamped_slack import SOCKET

Door = Literal["http", "socket", "api"]
_JSON = {"content-type": "application/json"}
_APPROVE = "firedoor.approve"
_OK = 200


@dataclass(frozen=True)
class Ask:
    """What people are asked: all that a button of its card refers to."""

    response: str
    ask: str
    generation: int
    plan_sha256: str

    @classmethod
    def told(cls, notice: Notice) -> Ask:
        """Read it off what the desk was told."""
        return cls(notice.response, notice.ask, notice.generation, notice.plan_sha256)


class Line:
    """A kept-alive connection; each request is timed from its first byte to the end of its answer."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=30)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[float, bytes]:
        """Return seconds and content; raises on anything but 200."""
        began = time.perf_counter()
        self._connection.request("POST", path, body, dict(headers))
        answer = self._connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - began
        if answer.status != _OK:
            raise RuntimeError(f"{path} answered {answer.status}: {content[:500]!r}")
        return took, content

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Ballots:
    """Says words through every door, and tells how long each took to be answered.

    `model` is a response that is being asked about: a press carries its whole card, as Slack's do.
    """

    def __init__(self, office: Office, model: Report) -> None:
        self._gateway = Line(str(office.here.http.base_url).rstrip("/"))
        self._slack = Line(office.slack)
        drawn = card(model, Around(page="https://firedoor.example.com"))
        self._card = Posted(CHANNEL, "1800000000.000001", drawn.text, list(drawn.blocks))
        # Its twin signs; the one that is served knows nothing of these presses, and needs not to.
        self._twin = Workspace(WorkspaceConfig(users={account_of(each): each for each in PEOPLE}))
        self._twin.url = office.slack

    def yes(self, who: str, ask: Ask, door: Door) -> float:
        """Say yes; returns the seconds until the ack. Raises where it is not acked."""
        if door == "api":
            return self.word(who, ask, {"decision": "approve"})
        signed = self._twin.press(account_of(who), self._pressed(ask), _APPROVE)
        if door == "http":
            took, content = self._gateway.post("/slack/interactions", signed.body, signed.headers)
            if content:
                raise RuntimeError(f"a press was answered {content[:500]!r}")
            return took
        _, content = self._slack.post(SOCKET, json.dumps(payload_of(signed)).encode(), _JSON)
        told: dict[str, Any] = json.loads(content)
        if (told["outcome"], told["answer"]) != ("ok", None):
            raise RuntimeError(f"a press over the socket came to {told}")
        return float(told["seconds"])

    def word(self, who: str, ask: Ask, word: Mapping[str, str]) -> float:
        """Say a word over the HTTP API, likewise."""
        body = json.dumps({**word, "fingerprint": ask.plan_sha256}).encode()
        headers = {**_JSON, "authorization": f"Bearer {token_of(who)}"}
        return self._gateway.post(f"/v1/responses/{ask.response}/votes", body, headers)[0]

    def _pressed(self, ask: Ask) -> Posted:
        shown = copy.deepcopy(self._card)
        reference = Reference(r=ask.response, a=ask.ask, g=ask.generation, h=ask.plan_sha256, d="approve")
        usable(shown.blocks, _APPROVE)[1]["value"] = reference.encode()
        return shown

    def close(self) -> None:
        """Hang up."""
        self._gateway.close()
        self._slack.close()
