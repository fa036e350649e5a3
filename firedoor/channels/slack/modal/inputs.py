"""What dialogs ask for, one input each; block and action have the same name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firedoor.channels.slack.limits import BUTTON, Block
from firedoor.channels.slack.text import plain
from firedoor.presentation.phrases import REASONS

REASON = "reason"
COMMENT = "comment"
DECISION = "decision"
WHAT = "what"
PERSON = "person"
SHORTEST, LONGEST = 10, 1000  # characters of a sentence that somebody has to write

Choice = tuple[str, str]  # the value, and what is written beside it


def reason(label: str = "Reason", *, optional: bool = False) -> Block:
    """Ask why somebody says no."""
    return menu(REASON, label, [(key, says) for key, says in REASONS.items()], optional=optional)


def comment(label: str, hint: str, *, optional: bool = False) -> Block:
    """Ask for a sentence; one that may be left out may also be short."""
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": COMMENT,
        "multiline": True,
        "max_length": LONGEST,
    }
    if not optional:
        element["min_length"] = SHORTEST
    return {**_input(COMMENT, label, element, optional=optional), "hint": plain(hint, BUTTON)}


def menu(name: str, label: str, choices: Sequence[Choice], *, optional: bool = False) -> Block:
    """Ask for one of many."""
    element = {"type": "static_select", "action_id": name, "options": _options(choices)}
    return _input(name, label, element, optional=optional)


def radio(name: str, label: str, choices: Sequence[Choice]) -> Block:
    """Ask for one of a few, all of them in sight and none chosen beforehand."""
    return _input(name, label, {"type": "radio_buttons", "action_id": name, "options": _options(choices)})


def _options(choices: Sequence[Choice]) -> list[Block]:
    return [{"text": plain(says, BUTTON), "value": value} for value, says in choices]


def _input(name: str, label: str, element: Block, *, optional: bool = False) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label, BUTTON),
        "element": element,
        "optional": optional,
    }
