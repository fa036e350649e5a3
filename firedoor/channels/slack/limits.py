"""Slack's limits, which its SDK does not enforce: what is too long is shortened here, never refused there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from firedoor.presentation.text import clip, width

Block = dict[str, Any]

BLOCKS = 50
HEADER = 150
TEXT = 3000  # a text object of a section or context block
FIELDS = 10
FIELD = 2000
BUTTON = 75
VALUE = 2000
URL = 3000
ID = 255
ACTIONS = 25
CONTEXT = 10
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
MODAL_TITLE = 24
PRIVATE_METADATA = 3000
MODAL_BLOCKS = 100
FALLBACK = 4000  # `text` beside blocks: Slack recommends this much and cuts at ten times as much
RICH_TEXT = 3000  # all text of one rich_text block; Slack names no number, so the one of its other texts

#: All blocks together, as JSON. Slack documents no such limit and answers `msg_blocks_too_long` from about
#: 13 200 characters on (slackapi/bolt-js issue 2509).
WHOLE = 12_000
#: The same for a dialog, of which Slack takes 250 kB.
WHOLE_VIEW = 100_000

_COPIED = "rich_text_preformatted"
_LEAST = 60  # a block shorter than this has nothing left to give


def size(blocks: Sequence[Block]) -> int:
    """Return how long blocks are on their way, every non-ASCII letter written as an escape."""
    return len(json.dumps(blocks))


def fit(blocks: Sequence[Block], more: str, whole: int = WHOLE) -> tuple[Block, ...]:
    """Shorten what would break a limit; `more` names where the rest can be read.

    Only rich text can grow without bound: everything else is short by
    construction, so it alone pays. What is there to be copied pays last.
    """
    fitted = _fitted(blocks, RICH_TEXT, RICH_TEXT, more)
    for copied in (False, True):
        room = RICH_TEXT
        while size(fitted) > whole and room > _LEAST:
            room = room * 3 // 4
            fitted = _fitted(blocks, _LEAST if copied else room, room if copied else RICH_TEXT, more)
    return tuple(fitted)


def _fitted(blocks: Sequence[Block], room: int, copied: int, more: str) -> list[Block]:
    """Cut rich text to a room, and what holds something to be copied to another."""
    return [
        _shortened(block, copied if _is_copied(block) else room, more)
        if block["type"] == "rich_text"
        else block
        for block in blocks
    ]


def _is_copied(block: Block) -> bool:
    return any(part["type"] == _COPIED for part in block["elements"])


def _shortened(block: Block, most: int, more: str) -> Block:
    """Cut a rich_text block at a width and say how many items are not shown; what is copied comes first."""
    if text_width(block) <= most:
        return block
    ending = f"… (more, see {more})"
    room = most - width(ending)
    kept: dict[int, Block] = {}
    dropped = 0
    for number, part in sorted(enumerate(block["elements"]), key=lambda each: each[1]["type"] != _COPIED):
        shortened, room, lost = _cut(part, room)
        dropped += lost
        if shortened is not None:
            kept[number] = shortened
    says = f"… ({dropped} more, see {more})" if dropped else ending
    parts = [kept[number] for number in sorted(kept)]
    return {**block, "elements": [*parts, {"type": "rich_text_section", "elements": [_italic(says)]}]}


def _italic(text: str) -> Block:
    return {"type": "text", "text": text, "style": {"italic": True}}


def _cut(part: Block, room: int) -> tuple[Block | None, int, int]:
    """Return what fits of a section or list, the room left, and how many list items were dropped.

    What is preformatted is there to be copied, so it is there whole or not at all.
    """
    if part["type"] == _COPIED:
        fits = text_width(part) <= room
        return (part, room - text_width(part), 0) if fits else (None, room, 1)
    kept: list[Block] = []
    dropped = 0
    for element in part["elements"]:
        if room <= 1:
            dropped += element["type"] == "rich_text_section"
            continue
        if element["type"] == "rich_text_section":
            shortened, _, _ = _cut(element, room)
        else:
            shortened = {**element, "text": clip(element["text"], room)} if "text" in element else element
        if shortened is not None:
            kept.append(shortened)
            room -= text_width(shortened)
    return ({**part, "elements": kept} if kept else None), room, dropped


def text_width(part: Mapping[str, Any]) -> int:
    """Add up the width of every text in a rich_text part."""
    own = part.get("text")
    return (width(own) if isinstance(own, str) else 0) + sum(map(text_width, part.get("elements", ())))
