"""The parts of a payload of Slack's, each as what it has to be or not at all."""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import parse_qsl

from firedoor.domain.core.errors import Unreadable
from firedoor.domain.core.value import Value

Part = dict[str, Any]

_ID = 64


class Clicker(Value):
    """Who pressed, by the payload's own word, which its signature vouches for. Never a name or an e-mail."""

    user: str
    team: str  # the workspace it happened in, "" for an organisation-wide app
    enterprise: str = ""
    installed: str = ""  # the workspace whose app a dialog is of, wherever in its organisation it was sent
    home: str = ""  # where the account belongs to: a workspace or an organisation; a foreign one is external
    app: str
    barred: str = ""  # what kind of account may not decide: bot, guest, external


def payload_of(body: bytes) -> object:
    """Return the JSON of a form body's one `payload` field."""
    try:
        fields = parse_qsl(body.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=8)
        payloads = [value for name, value in fields if name == "payload"]
        if len(payloads) == 1:
            return cast("object", json.loads(payloads[0]))
    except (ValueError, RecursionError) as error:
        raise unreadable(f"a body that is no form with JSON in it ({type(error).__name__})") from None
    raise unreadable(f"{len(payloads)} payload fields")


def clicker(payload: Part) -> Clicker:
    """Return who pressed or submitted."""
    user, team, enterprise = (part(payload, key) for key in ("user", "team", "enterprise"))
    return Clicker(
        user=text(user, "id"),
        team=text(team, "id", missing=""),
        # A dialog tells its organisation in `team`.
        enterprise=text(enterprise, "id", missing="") or text(team, "enterprise_id", missing=""),
        installed=text(part(payload, "view"), "app_installed_team_id", missing=""),
        home=text(user, "team_id", missing=""),
        app=text(payload, "api_app_id"),
        barred=_barred(user),
    )


def _barred(user: Part) -> str:
    if user.get("is_bot"):
        return "bot"
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "guest"
    return "external" if user.get("is_stranger") else ""


def channel(payload: Part) -> str:
    """Return where a message stands whose button was pressed; "" where it was no message's."""
    told = text(part(payload, "channel"), "id", missing="")
    held = text(part(payload, "container"), "channel_id", missing="")
    if told and held and told != held:
        raise unreadable("a press in two channels at once")
    return told or held


def chosen(values: Part, name: str) -> object:
    """Return the value of the option that was chosen in an input of that name; None where none was."""
    return part(part(part(values, name), name), "selected_option").get("value")


def typed(values: Part, name: str) -> str:
    """Return what was typed, on one line; half a surrogate pair, which no JSON of ours carries, as `?`."""
    value = part(part(values, name), name).get("value")
    whole = value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
    return " ".join(whole.split())


def part(holder: Part, key: str) -> Part:
    """Return an inner object; what is absent or null is empty."""
    inner = holder.get(key)
    if inner is None:
        return {}
    if not isinstance(inner, dict):
        raise unreadable(f"{key} that is no JSON object")
    return inner


def text(holder: Part, key: str, *, missing: str | None = None, most: int = _ID) -> str:
    """Return a printable text of at most so many characters; `missing` in its absence, where that may be."""
    value = holder.get(key, missing)
    if value is None and missing is not None:
        return missing
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise unreadable(f"no usable {key}")
    return value


def unreadable(found: str) -> Unreadable:
    """Say what is wrong with a payload."""
    return Unreadable(found, expected="an interaction payload as Slack sends it")
