"""Text that others wrote, made harmless: one line, visible, bounded, and never markup."""

from __future__ import annotations

import unicodedata
from typing import Any

from firedoor.slack.limits import clip

Element = dict[str, Any]

#: How much of one foreign text is shown.
MOST = 300

_MOST_MARKS = 2  # combining marks on one letter; more of them paint over the lines around
_CONTROL_PICTURES = 0x2400
_DELETE = 0x7F
_EMPTY = "(empty)"
_VARIATION = range(0xFE00, 0xFE10)


def inert(text: str, most: int = MOST) -> str:
    """Return text as one visible line: no control, format or direction character survives as itself.

    Newlines could draw a second line that looks like ours, direction marks can
    turn a name around, and invisible letters make two names look the same.
    """
    shown: list[str] = []
    marks = 0
    for each in text[: most * 2]:
        category = unicodedata.category(each)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _MOST_MARKS or ord(each) in _VARIATION:
            continue
        shown.append(_visible(each, category))
    line = "".join(shown).strip()
    return clip(line + ("…" if len(text) > most * 2 else ""), most) or _EMPTY


def _visible(each: str, category: str) -> str:
    code = ord(each)
    if category == "Zs":
        return " "
    if category == "Cc" and code < ord(" "):
        return chr(_CONTROL_PICTURES + code)
    if code == _DELETE:
        return chr(_CONTROL_PICTURES + 0x21)
    if category in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return f"‹U+{code:04X}›"
    return each


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
