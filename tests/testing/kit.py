"""The pieces that the tests of the fake Slack share."""

from __future__ import annotations

from typing import Any

from firedoor.testing.slack import Workspace
from firedoor.testing.slack.delivery import payload_of
from firedoor.testing.slack.messages import Posted
from firedoor.testing.slack.people import CHANNEL, TOKEN

Json = dict[str, Any]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_795_372_030.0

    def __call__(self) -> float:
        return self.now


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(action_id: str = "go", **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), "value": "v", **more}


def actions(*elements: Json) -> list[Json]:
    return [{"type": "actions", "block_id": "a", "elements": list(elements)}]


def modal(**more: Any) -> Json:
    view: Json = {
        "type": "modal",
        "title": plain("Say no"),
        "submit": plain("Send"),
        "blocks": [field("why")],
    }
    return view | more


def field(block_id: str, **more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "text", **more}
    return {"type": "input", "block_id": block_id, "label": plain("Why?"), "element": element}


def post(slack: Workspace, *blocks: Json, text: str = "hello", **more: Any) -> Posted:
    answer = slack.call(
        "chat.postMessage", TOKEN, {"channel": CHANNEL, "text": text, "blocks": list(blocks), **more}
    )
    assert answer["ok"], answer
    return slack.messages[-1]


def error(slack: Workspace, method: str, token: str = TOKEN, **body: Any) -> str:
    answer = slack.call(method, token, body)
    assert not answer["ok"]
    return str(answer["error"])


def trigger(slack: Workspace, by: str = "U0ALICE") -> str:
    message = post(slack, *actions(button()))
    return str(payload_of(slack.press(by, message, "go"))["trigger_id"])
