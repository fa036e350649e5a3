"""Texts of a message: our own words, and those of others, which are never markup."""

from __future__ import annotations

from typing import Any

from firedoor.presentation.text import MOST, inert

Element = dict[str, Any]


def words(text: str, *, bold: bool = False, italic: bool = False) -> Element:
    """Return our own words as a rich_text element; they may hold line breaks."""
    return _element(text, {"bold": bold, "italic": italic})


def quoted(text: str, most: int = MOST, *, bold: bool = False, code: bool = False) -> Element:
    """Return foreign text as a rich_text element."""
    return _element(inert(text, most), {"bold": bold, "code": code})


def emoji(name: str) -> Element:
    """Return one of our own pictures."""
    return {"type": "emoji", "name": name}


def plain(text: str, most: int) -> dict[str, Any]:
    """Return a plain_text object; Slack draws no markup, mention or picture in it."""
    return {"type": "plain_text", "text": inert(text, most), "emoji": False}


def _element(text: str, style: dict[str, bool]) -> Element:
    wanted = {name: True for name, on in style.items() if on}
    return {"type": "text", "text": text, **({"style": wanted} if wanted else {})}
