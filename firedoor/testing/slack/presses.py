"""What people do, as Slack tells it to the app: signed presses, submitted dialogs and closed ones."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from firedoor.testing.slack.elements import elements_of
from firedoor.testing.slack.messages import Posted, Signed, usable
from firedoor.testing.slack.state import State
from firedoor.testing.slack.views import Views

Json = dict[str, Any]
#: What an input holds before somebody touches it.
_UNTOUCHED: Mapping[str, Json] = {
    "plain_text_input": {"value": None},
    "static_select": {"selected_option": None},
    "radio_buttons": {"selected_option": None},
    "checkboxes": {"selected_options": []},
}


class Presses:
    """Makes the payloads; `other` replaces parts of them, for what Slack would never send."""

    def __init__(self, state: State, views: Views) -> None:
        self._state = state
        self._views = views

    def press(self, by: str, message: Posted, action_id: str, option: str | None, other: Json) -> Json:
        """Press a button, or choose an option of a menu, in a message that is there."""
        state = self._state
        channel = state.channel(message.channel)
        return {
            "type": "block_actions",
            **self._who(by),
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": False,
            },
            "trigger_id": state.new_trigger(by),
            "channel": {"id": message.channel, "name": channel.name if channel else "elsewhere"},
            "message": self._message(message),
            "state": {"values": {}},
            "response_url": state.new_response_url(by, message),
            "actions": [self._action(message.blocks, action_id, option)],
            **other,
        }

    def press_in_view(self, by: str, view_id: str, action_id: str, option: str | None, other: Json) -> Json:
        """Press a button in a dialog; there is no message, and nowhere to answer but the dialog."""
        view = self._views.told(view_id, self._untouched(view_id))
        return {
            "type": "block_actions",
            **self._who(by),
            "container": {"type": "view", "view_id": view_id},
            "trigger_id": self._state.new_trigger(by, view_id),
            "view": view,
            "actions": [self._action(view["blocks"], action_id, option)],
            **other,
        }

    def submit(self, by: str, view_id: str, values: Json, other: Json) -> Json:
        """Submit an open dialog; inputs that `values` does not name are as nobody touched them."""
        return {
            "type": "view_submission",
            **self._who(by),
            "trigger_id": self._state.new_trigger(by, view_id),
            "view": self._views.told(view_id, self._untouched(view_id) | values),
            "response_urls": [],
            **other,
        }

    def close(self, by: str, view_id: str, other: Json) -> Json:
        """Close a dialog without submitting it."""
        view = self._views.told(view_id, self._untouched(view_id))
        return {"type": "view_closed", **self._who(by), "view": view, "is_cleared": False, **other}

    def sign(self, payload: Any, *, secret: bytes | None, at: float | None) -> Signed:
        """Sign a payload as Slack does."""
        body = payload if isinstance(payload, bytes) else urlencode({"payload": json.dumps(payload)}).encode()
        stamp = str(int(self._state.clock() if at is None else at))
        key = self._state.config.signing_secret if secret is None else secret
        signature = hmac.digest(key, b"v0:" + stamp.encode() + b":" + body, "sha256").hex()
        return Signed(
            body,
            {
                "content-type": "application/x-www-form-urlencoded",
                "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
                "x-slack-request-timestamp": stamp,
                "x-slack-signature": f"v0={signature}",
            },
        )

    def _who(self, by: str) -> Json:
        config, person = self._state.config, self._state.somebody(by)
        organisation = {"id": config.enterprise, "name": "Acme"} if config.enterprise else None
        return {
            "user": {
                "id": by,
                "username": person.name,
                "name": person.name,
                "team_id": person.home(config),
            },
            "api_app_id": config.app,
            "token": "legacy",
            "team": None if config.org_install else {"id": config.team, "domain": config.team_name},
            "enterprise": organisation,
            "is_enterprise_install": config.org_install,
        }

    def _message(self, message: Posted) -> Json:
        config = self._state.config
        told: Json = {"type": "message", "user": message.user, "team": config.team, "ts": message.ts}
        told |= {"bot_id": config.bot_id, "app_id": config.app, "text": message.text}
        told["blocks"] = message.blocks
        if message.thread_ts:
            told["thread_ts"] = message.thread_ts
        if message.metadata:
            told["metadata"] = message.metadata
        return told

    def _action(self, blocks: list[Json], action_id: str, option: str | None) -> Json:
        block, element = usable(blocks, action_id)
        pressed = {**element, "block_id": block.get("block_id", "")}
        pressed["action_ts"] = f"{self._state.clock():.6f}"
        if option is not None:
            chosen = [each for each in element.get("options", []) if each["value"] == option]
            if not chosen:
                offered = [each["value"] for each in element.get("options", [])]
                raise LookupError(f"{action_id} does not offer {option!r}; it offers {offered}")
            del pressed["options"]
            many = element["type"] == "checkboxes"
            pressed |= {"selected_options": chosen} if many else {"selected_option": chosen[0]}
        return pressed

    def _untouched(self, view_id: str) -> Json:
        values: Json = {}
        for block in self._state.views[view_id]["blocks"]:
            for element in elements_of(block) if block.get("type") == "input" else []:
                kind = element["type"]
                values[block["block_id"]] = {element["action_id"]: {"type": kind, **_initial(element)}}
        return values


def _initial(element: Json) -> Json:
    """Return what an input holds when the dialog opens."""
    for key, first in (("value", "initial_value"), ("selected_option", "initial_option")):
        if first in element:
            return {key: element[first]}
    if "initial_options" in element:
        return {"selected_options": element["initial_options"]}
    return dict(_UNTOUCHED[element["type"]])
