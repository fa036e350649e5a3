"""What Slack sends when somebody presses or submits, read without trusting any of it."""

from __future__ import annotations

import json
from typing import Any, Literal, cast, get_args
from urllib.parse import parse_qsl

from firedoor.domain.approval import RejectReason
from firedoor.domain.errors import Unreadable
from firedoor.domain.value import Value
from firedoor.slack import modal
from firedoor.slack.reference import Reference, decode

_ACTIONS = {"firedoor.approve": "approve", "firedoor.reject": "reject", "firedoor.undo": "undo"}
_ID = 64
_URL = 2000


class Clicker(Value):
    """Who pressed, by the payload's own word, which its signature vouches for. Never a name or an e-mail."""

    user: str
    team: str  # the workspace it happened in, "" for an organisation-wide app
    enterprise: str = ""
    home: str = ""  # the workspace the account belongs to; another one than ours is an external person
    app: str
    barred: str = ""  # what kind of account may not decide: bot, guest, external


class Press(Value):
    """A button of a card was pressed."""

    kind: Literal["press"] = "press"
    by: Clicker
    reference: Reference
    trigger_id: str
    response_url: str  # a capability: never logged


class RejectSubmit(Value):
    """The dialog of a no was submitted."""

    kind: Literal["reject"] = "reject"
    by: Clicker
    reference: Reference
    reason: RejectReason | None
    comment: str


class Ignored(Value):
    """Something that needs no answer, such as a closed dialog or a link button."""

    kind: Literal["ignored"] = "ignored"
    by: Clicker
    why: str


Interaction = Press | RejectSubmit | Ignored


def payload_of(body: bytes) -> object:
    """Return the JSON of a form body's one `payload` field."""
    try:
        fields = parse_qsl(body.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=8)
        payloads = [value for name, value in fields if name == "payload"]
        if len(payloads) == 1:
            return cast("object", json.loads(payloads[0]))
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"a body that is no form with JSON in it ({type(error).__name__})") from None
    raise _unreadable(f"{len(payloads)} payload fields")


def read(payload: object) -> Interaction:
    """Read a payload; raises `Unreadable` on anything that Slack would not send."""
    if not isinstance(payload, dict):
        raise _unreadable("a payload that is no JSON object")
    by = _clicker(payload)
    kind = payload.get("type")
    if kind == "block_actions":
        return _press(payload, by)
    if kind == "view_submission":
        return _submit(payload, by)
    return Ignored(by=by, why="not a press and not a submitted dialog")


def _clicker(payload: dict[str, Any]) -> Clicker:
    user, team, enterprise = (_object(payload, key) for key in ("user", "team", "enterprise"))
    return Clicker(
        user=_text(user, "id"),
        team=_text(team, "id", missing=""),
        enterprise=_text(enterprise, "id", missing=""),
        home=_text(user, "team_id", missing=""),
        app=_text(payload, "api_app_id"),
        barred=_barred(user),
    )


def _barred(user: dict[str, Any]) -> str:
    if user.get("is_bot"):
        return "bot"
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "guest"
    return "external" if user.get("is_stranger") else ""


def _press(payload: dict[str, Any], by: Clicker) -> Press | Ignored:
    pressed = payload.get("actions")
    if not isinstance(pressed, list) or len(pressed) != 1 or not isinstance(pressed[0], dict):
        raise _unreadable("a press of not exactly one button")
    action_id = pressed[0].get("action_id")
    verb = _ACTIONS.get(action_id) if isinstance(action_id, str) else None
    if verb is None:
        return Ignored(by=by, why="not a button that decides anything")
    reference = decode(pressed[0].get("value"))
    if reference.d != verb:
        raise _unreadable("a button whose value belongs to another button")
    return Press(
        by=by,
        reference=reference,
        trigger_id=_text(payload, "trigger_id", most=200),
        response_url=_text(payload, "response_url", missing="", most=_URL),
    )


def _submit(payload: dict[str, Any], by: Clicker) -> RejectSubmit | Ignored:
    view = _object(payload, "view")
    if view.get("callback_id") != modal.REJECT_VIEW:
        return Ignored(by=by, why="not a dialog of ours")
    reference = decode(view.get("private_metadata"))
    if reference.d != "reject":
        raise _unreadable("a dialog that belongs to another button")
    values = _object(_object(view, "state"), "values")
    chosen = _object(_object(_object(values, modal.REASON), modal.REASON), "selected_option").get("value")
    comment = _object(_object(values, modal.COMMENT), modal.COMMENT).get("value")
    return RejectSubmit(
        by=by,
        reference=reference,
        reason=chosen if chosen in get_args(RejectReason) else None,
        comment=_sentence(comment),
    )


def _sentence(value: object) -> str:
    """Return typed text on one line; half a surrogate pair, which no JSON of ours could carry, as `?`."""
    whole = value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
    return " ".join(whole.split())


def _object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    """Return an inner object; what is absent or null is empty."""
    inner = holder.get(key)
    if inner is None:
        return {}
    if not isinstance(inner, dict):
        raise _unreadable(f"{key} that is no JSON object")
    return inner


def _text(holder: dict[str, Any], key: str, *, missing: str | None = None, most: int = _ID) -> str:
    value = holder.get(key, missing)
    if value is None and missing is not None:
        return missing
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise _unreadable(f"no usable {key}")
    return value


def _unreadable(found: str) -> Unreadable:
    return Unreadable(found, expected="an interaction payload as Slack sends it")
