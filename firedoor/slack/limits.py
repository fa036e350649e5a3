"""Slack's limits, which its SDK does not enforce: what is too long is shortened here, never refused there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Block = dict[str, Any]

BLOCKS = 50
HEADER = 150
TEXT = 3000  # a text object of a section or context block
FIELDS = 10
FIELD = 2000
BUTTON = 75
VALUE = 2000
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

_LEAST = 60  # a block shorter than this has nothing left to give

_ESCAPED = {"&": 5, "<": 4, ">": 4}  # Slack stores these as entities, and may count them so


def width(text: str) -> int:
    """Count text as the strictest reader would: UTF-16 units, with Slack's entities written out."""
    return sum(_ESCAPED.get(each) or (2 if ord(each) > 0xFFFF else 1) for each in text)  # noqa: PLR2004


def clip(text: str, most: int) -> str:
    """Shorten text to a width, ending in `…` where something was cut."""
    if len(text) * 5 <= most or width(text) <= most:
        return text
    kept, room = 0, most - 1
    for each in text:
        room -= width(each)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def size(blocks: Sequence[Block]) -> int:
    """Return how long blocks are on their way, every non-ASCII letter written as an escape."""
    return len(json.dumps(blocks))


def fit(blocks: Sequence[Block], more: str) -> tuple[Block, ...]:
    """Shorten what would break a limit; `more` names where the rest can be read.

    Only rich text can grow without bound: everything else is short by
    construction, so it alone pays.
    """
    room = RICH_TEXT
    fitted = _fitted(blocks, room, more)
    while size(fitted) > WHOLE and room > _LEAST:
        room = room * 3 // 4
        fitted = _fitted(blocks, room, more)
    return tuple(fitted)


def _fitted(blocks: Sequence[Block], room: int, more: str) -> list[Block]:
    return [_shortened(block, room, more) if block["type"] == "rich_text" else block for block in blocks]


def _shortened(block: Block, most: int, more: str) -> Block:
    """Cut a rich_text block at a width, and say how many items are not shown."""
    if text_width(block) <= most:
        return block
    ending = f"… (more, see {more})"
    room = most - width(ending)
    parts: list[Block] = []
    dropped = 0
    for part in block["elements"]:
        kept, room, lost = _cut(part, room)
        dropped += lost
        if kept is not None:
            parts.append(kept)
    says = f"… ({dropped} more, see {more})" if dropped else ending
    parts.append({"type": "rich_text_section", "elements": [_italic(says)]})
    return {**block, "elements": parts}


def _italic(text: str) -> Block:
    return {"type": "text", "text": text, "style": {"italic": True}}


def _cut(part: Block, room: int) -> tuple[Block | None, int, int]:
    """Return what fits of a section or list, the room left, and how many list items were dropped."""
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
