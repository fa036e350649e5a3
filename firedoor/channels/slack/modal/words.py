"""Dialogs that only say something."""

from __future__ import annotations

from typing import Any

from firedoor.channels.slack.blocks import rich, section
from firedoor.channels.slack.limits import MODAL_TITLE, Block
from firedoor.channels.slack.text import emoji, plain, quoted, words


def loading(title: str) -> dict[str, Any]:
    """Return what is opened at once, for a trigger lives three seconds; its contents follow."""
    return view(title, [rich("loading", section(emoji("hourglass_flowing_sand"), words(" One moment…")))])


def told(says: str, *, title: str = "Firedoor") -> dict[str, Any]:
    """Return what a dialog turns into when there is something to say and nothing to ask."""
    return view(title, [rich("told", section(quoted(says, 600)))])


def view(title: str, blocks: list[Block]) -> dict[str, Any]:
    """Return a dialog that can only be closed."""
    return {
        "type": "modal",
        "title": plain(title, MODAL_TITLE),
        "close": plain("Close", MODAL_TITLE),
        "blocks": blocks,
    }
