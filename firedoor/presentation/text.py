"""Text that others wrote, made harmless: one line, visible and bounded, whatever draws it."""

from __future__ import annotations

import unicodedata

#: How much of one foreign text is shown.
MOST = 300

_MOST_MARKS = 2  # combining marks on one letter; more of them paint over the lines around
_CONTROL_PICTURES = 0x2400
_DELETE = 0x7F
_EMPTY = "(empty)"
_VARIATION = range(0xFE00, 0xFE10)
_ESCAPED = {"&": 5, "<": 4, ">": 4}  # Slack stores these as entities, and may count them so


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
