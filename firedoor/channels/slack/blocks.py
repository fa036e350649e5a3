"""The few Block Kit shapes that cards are built of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from firedoor.channels.slack import limits
from firedoor.channels.slack.limits import Block
from firedoor.channels.slack.text import Element, plain, words
from firedoor.domain.core.value import Value
from firedoor.presentation.text import clip, inert, width
from firedoor.presentation.times import utc

_FIXED = re.compile(r"[A-Za-z0-9 ._:/@,-]*")
_GROUP_ID = re.compile(r"S[A-Z0-9]{1,20}")
_USER_ID = re.compile(r"[UW][A-Z0-9]{1,20}")
#: Our own origin and a path of ours: what a link button may open.
_OUR_PAGE = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._/-]*)?")


class Message(Value):
    """What is posted: blocks, and the words that notifications show.

    `text` is read as markup by Slack, so it holds our own words and fixed-format values only.
    """

    text: str
    blocks: tuple[Block, ...] = Field(max_length=limits.BLOCKS)


def header(block_id: str, text: str) -> Block:
    """Return a headline."""
    return {"type": "header", "block_id": block_id, "text": plain(text, limits.HEADER)}


def section(*elements: Element) -> Block:
    """Return lines of running text inside a rich_text block; Slack refuses an empty text, so none is kept."""
    return {"type": "rich_text_section", "elements": [each for each in elements if each.get("text") != ""]}


def bullets(items: Iterable[Sequence[Element]]) -> Block:
    """Return a list inside a rich_text block."""
    return {
        "type": "rich_text_list",
        "style": "bullet",
        "indent": 0,
        "elements": [section(*item) for item in items],
    }


def preformatted(text: str, most: int) -> Block:
    """Return text as written, in a box of its own inside a rich_text block; each line of it is inert."""
    room, lines = most, []
    for line in text.splitlines():
        if room <= 1:
            break
        lines.append(inert(line, room) if line.strip() else "")
        room -= width(lines[-1]) + 1
    return {"type": "rich_text_preformatted", "elements": [words("\n".join(lines) or inert(""))]}


def usergroup(id_: str) -> Element | None:
    """Return what notifies everyone in a Slack user group; None for what is no id of one."""
    return {"type": "usergroup", "usergroup_id": id_} if _GROUP_ID.fullmatch(id_) else None


def user(id_: str) -> Element | None:
    """Return what notifies one Slack account; None for what is no id of one."""
    return {"type": "user", "user_id": id_} if _USER_ID.fullmatch(id_) else None


def page_link(text: str, url: str) -> Element | None:
    """Return a link in running text to a page of ours; None for an address that is none of ours."""
    if not _OUR_PAGE.fullmatch(url) or len(url) > limits.URL:
        return None
    return {"type": "link", "url": url, "text": text}


def rich(block_id: str, *parts: Block) -> Block:
    """Return a rich_text block of sections and lists; empty ones are left out, neighbours get a line each."""
    joined: list[Block] = []
    for part in parts:
        if not part["elements"]:
            continue
        if joined and part["type"] == joined[-1]["type"] == "rich_text_section":
            joined[-1] = section(*joined[-1]["elements"], words("\n"), *part["elements"])
        else:
            joined.append(part)
    return {"type": "rich_text", "block_id": block_id, "elements": joined}


def context(block_id: str, text: str) -> Block:
    """Return a small line of markup: only for our own words and values that passed `fixed`."""
    return {
        "type": "context",
        "block_id": block_id,
        "elements": [{"type": "mrkdwn", "text": clip(text, limits.TEXT), "verbatim": True}],
    }


def actions(block_id: str, *buttons: Block | None) -> Block | None:
    """Return a row of buttons; None where there are none."""
    shown = [each for each in buttons if each is not None]
    return {"type": "actions", "block_id": block_id, "elements": shown} if shown else None


def button(
    action_id: str,
    text: str,
    value: str,
    *,
    label: str,
    style: str | None = None,
    confirm: Block | None = None,
) -> Block:
    """Return a button; `label` is what a screen reader says, `value` a reference and no parameter."""
    made: dict[str, Any] = {
        "type": "button",
        "action_id": action_id,
        "text": plain(text, limits.BUTTON),
        "accessibility_label": plain(label, limits.BUTTON)["text"],
        "value": value,
    }
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def link(action_id: str, text: str, url: str, *, label: str, style: str | None = None) -> Block | None:
    """Return a button that opens a page of ours; None for an address that is none of ours."""
    if not _OUR_PAGE.fullmatch(url) or len(url) > limits.URL:
        return None
    made: dict[str, Any] = {
        "type": "button",
        "action_id": action_id,
        "text": plain(text, limits.BUTTON),
        "accessibility_label": plain(label, limits.BUTTON)["text"],
        "url": url,
    }
    return {**made, "style": style} if style else made


def confirm(title: str, text: str, yes: str, no: str = "Cancel", *, style: str = "primary") -> Block:
    """Return the dialog that asks once more before a button counts."""
    return {
        "title": plain(title, limits.CONFIRM_TITLE),
        "text": {"type": "plain_text", "text": clip(text, limits.CONFIRM_TEXT), "emoji": False},
        "confirm": plain(yes, limits.CONFIRM_BUTTON),
        "deny": plain(no, limits.CONFIRM_BUTTON),
        "style": style,
    }


def fixed(value: str) -> str:
    """Let a value of a fixed format into markup; what has any other letter is not shown there."""
    return value if _FIXED.fullmatch(value) else "(see above)"


def moment(at: datetime) -> str:
    """Write a time that each reader's own client puts into their zone."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{utc(at)}>"
