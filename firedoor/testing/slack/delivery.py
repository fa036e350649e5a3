"""How a payload reaches the app, how long Slack waits for it, and what the person sees of it."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from firedoor.testing.slack.messages import Signed
from firedoor.testing.slack.state import State
from firedoor.testing.slack.views import TROUBLE, Views

Json = dict[str, Any]
Outcome = Literal["ok", "operation_timeout", "failed"]

ANSWER_WITHIN = 3.0
_OK = 200
_LATE = "Operation timed out. Apps need to respond within 3 seconds."
_SILENT = "This app did not respond."


@dataclass(frozen=True)
class Delivered:
    """What came back. `status` is 0 where nothing did, and over Socket Mode."""

    outcome: Outcome
    seconds: float
    status: int = 0
    answer: Any = None  # the JSON of the answer; None when it was empty


class Delivery:
    """Hands payloads over, and does what the answers say."""

    def __init__(self, state: State, views: Views) -> None:
        self._state = state
        self._views = views
        self.within = ANSWER_WITHIN
        self.delivered: list[Delivered] = []

    def post(self, url: str, signed: Signed) -> Delivered:
        """Send a signed payload over HTTP, and wait as long as Slack waits."""
        began = time.monotonic()
        try:
            status, body = _exchange(url, signed, self.within)
        except TimeoutError:
            return self.conclude(payload_of(signed), Delivered("operation_timeout", time.monotonic() - began))
        except (OSError, http.client.HTTPException):
            return self.conclude(payload_of(signed), Delivered("failed", time.monotonic() - began))
        took = time.monotonic() - began
        outcome: Outcome = "ok" if status == _OK else "failed"
        outcome = "operation_timeout" if took > self.within else outcome
        try:
            answer = json.loads(body) if body.strip() else None
        except ValueError:
            answer = body.decode("utf-8", "replace")
        return self.conclude(payload_of(signed), Delivered(outcome, took, status, answer))

    def conclude(self, payload: Json, delivered: Delivered) -> Delivered:
        """Show the person what came of it, and change the dialog as the app wishes."""
        with self._state.lock:
            self.delivered.append(delivered)
            kind, user = payload.get("type"), str((payload.get("user") or {}).get("id", ""))
            if delivered.outcome != "ok":
                if kind != "view_closed":
                    says = TROUBLE if kind == "view_submission" else _why(delivered)
                    self._state.notice(user, says, delivered.outcome)
            elif kind == "view_submission":
                self._views.answered(payload["view"]["id"], user, delivered.answer)
        return delivered


def payload_of(signed: Signed) -> Json:
    """Read a signed payload back."""
    payload: Json = json.loads(parse_qs(signed.body.decode())["payload"][0])
    return payload


def _why(delivered: Delivered) -> str:
    if delivered.outcome == "operation_timeout":
        return _LATE
    return f"This app responded with Status Code {delivered.status}." if delivered.status else _SILENT


def _exchange(url: str, signed: Signed, within: float) -> tuple[int, bytes]:
    """Make one request; http.client, for it follows no redirect and no proxy of the environment."""
    there = urlsplit(url)
    if there.scheme not in ("http", "https") or not there.hostname:
        raise ValueError(f"{url!r} is no address of an app; expected http://host:port/path")
    kind = http.client.HTTPSConnection if there.scheme == "https" else http.client.HTTPConnection
    connection = kind(there.hostname, there.port, timeout=within)
    path = f"{there.path or '/'}{'?' + there.query if there.query else ''}"
    try:
        connection.request("POST", path, signed.body, signed.headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
