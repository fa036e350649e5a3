"""What tests ask of a drawn message: what it says, what can be pressed, and that Slack takes it."""

from __future__ import annotations

import json
from typing import Any

from firedoor.channels.slack.blocks import Message
from firedoor.testing.slack.block_kit import refused_message, refused_view
from tests.channels.slack.injections import markup, nodes, shown


def taken(message: Message) -> None:
    """Fail where Slack would refuse the message."""
    assert refused_message(message.text, json.loads(json.dumps(list(message.blocks)))) is None


def view_taken(view: dict[str, Any]) -> None:
    """Fail where Slack would refuse the dialog."""
    assert not refused_view(json.loads(json.dumps(view)))


def said(message: Message) -> str:
    """Return all that a person reads."""
    return shown(message.blocks)


def marked_up(message: Message) -> str:
    """Return what Slack reads as markup."""
    return message.text + markup(message.blocks)


def buttons(message: Message) -> list[dict[str, Any]]:
    """List the buttons, in their order."""
    return [each for block in message.blocks if block["type"] == "actions" for each in block["elements"]]


def pressable(message: Message) -> set[str]:
    """Name the buttons by their actions."""
    return {each["action_id"] for each in buttons(message)}


def of_type(message: Message, kind: str) -> list[dict[str, Any]]:
    """List the elements of a kind, such as `usergroup`."""
    return [node for node in nodes(message.blocks) if node.get("type") == kind]
