"""What Slack refuses, written down a second time so that our own limits are checked by somebody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_STYLES = {"bold", "italic", "strike", "code"}
_RICH_LEAVES = {
    "text": {"type", "text", "style"},
    "emoji": {"type", "name"},
    "link": {"type", "url", "text", "style"},
    "user": {"type", "user_id"},
    "date": {"type", "timestamp", "format", "fallback"},
}
_KEYS = {
    "header": {"type", "block_id", "text"},
    "section": {"type", "block_id", "text", "fields", "accessory"},
    "context": {"type", "block_id", "elements"},
    "actions": {"type", "block_id", "elements"},
    "divider": {"type", "block_id"},
    "rich_text": {"type", "block_id", "elements"},
    "input": {"type", "block_id", "label", "hint", "element", "optional"},
}
_IN_MESSAGES = {"header", "section", "context", "actions", "divider", "rich_text"}


def refused_message(text: str, blocks: Any) -> tuple[str, list[str]] | None:
    """Return Slack's error code and its complaints; None when the message is taken."""
    if not text and not blocks:
        return "no_text", []
    if len(text) > 40_000:
        return "msg_too_long", []
    found = list(complaints(blocks or [], _IN_MESSAGES, 50))
    if found:
        return "invalid_blocks", found
    if len(json.dumps(blocks)) > 13_200:
        return "msg_blocks_too_long", []
    return None


def refused_view(view: Any) -> list[str]:
    """Return Slack's complaints about a modal."""
    found = []
    if view.get("type") != "modal":
        found.append("[json-pointer:/view/type]")
    for key, needed in (("title", True), ("submit", False), ("close", False)):
        if key in view or needed:
            found += _text(view.get(key), f"/view/{key}", 24, plain_only=True)
    found += [
        f"[json-pointer:/view/{key}]"
        for key, most in (("private_metadata", 3000), ("callback_id", 255))
        if len(view.get(key, "")) > most
    ]
    if any(block.get("type") == "input" for block in view["blocks"]) and "submit" not in view:
        found.append("[json-pointer:/view/submit]")
    return found + list(complaints(view["blocks"], set(_KEYS), 100))


def complaints(blocks: Any, kinds: set[str], most: int) -> Iterator[str]:
    """List what is wrong with blocks, each with the JSON pointer to it."""
    if not isinstance(blocks, list) or len(blocks) > most:
        yield "[json-pointer:/blocks]"
        return
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)) or any(not 0 < len(each) <= 255 for each in ids):
        yield "block_id [json-pointer:/blocks]"
    actions = [each["action_id"] for block in blocks for each in _interactive(block)]
    if len(actions) != len(set(actions)) or any(not 0 < len(each) <= 255 for each in actions):
        yield "action_id [json-pointer:/blocks]"
    for number, block in enumerate(blocks):
        at = f"/blocks/{number}"
        kind = block.get("type")
        if kind not in kinds or set(block) - _KEYS[kind]:
            yield f"[json-pointer:{at}]"
        else:
            yield from _CHECKS[kind](block, at)


def _interactive(block: Json) -> list[Json]:
    return block.get("elements", []) if block.get("type") == "actions" else []


def _text(text: Any, at: str, most: int, *, plain_only: bool = False) -> list[str]:
    whole = isinstance(text, dict) and isinstance(text.get("text"), str)
    if not whole or set(text) - {"type", "text", "emoji", "verbatim"}:
        return [f"[json-pointer:{at}]"]
    kinds = {"plain_text"} if plain_only else {"plain_text", "mrkdwn"}
    wrong = text["type"] not in kinds or not 0 < _units(text["text"]) <= most
    return [f"must be 1 to {most} characters [json-pointer:{at}/text]"] if wrong else []


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _header(block: Json, at: str) -> list[str]:
    return _text(block.get("text"), f"{at}/text", 150, plain_only=True)


def _section(block: Json, at: str) -> list[str]:
    found = _text(block["text"], f"{at}/text", 3000) if "text" in block else []
    fields = block.get("fields", [])
    if len(fields) > 10 or ("text" not in block and not fields):
        found.append(f"[json-pointer:{at}/fields]")
    return found + [each for n, field in enumerate(fields) for each in _text(field, f"{at}/fields/{n}", 2000)]


def _context(block: Json, at: str) -> list[str]:
    elements = block.get("elements", [])
    found = [] if 0 < len(elements) <= 10 else [f"[json-pointer:{at}/elements]"]
    return found + [
        each for n, text in enumerate(elements) for each in _text(text, f"{at}/elements/{n}", 3000)
    ]


def _actions(block: Json, at: str) -> list[str]:
    elements = block.get("elements", [])
    found = [] if 0 < len(elements) <= 25 else [f"[json-pointer:{at}/elements]"]
    for number, element in enumerate(elements):
        found += _button(element, f"{at}/elements/{number}")
    return found


def _button(button: Json, at: str) -> list[str]:
    known = {"type", "action_id", "text", "value", "url", "style", "confirm", "accessibility_label"}
    found = _text(button.get("text"), f"{at}/text", 75, plain_only=True)
    if button.get("type") != "button" or set(button) - known:
        found.append(f"[json-pointer:{at}]")
    if len(button.get("value", "")) > 2000 or _units(button.get("accessibility_label", "")) > 75:
        found.append(f"[json-pointer:{at}/value]")
    if button.get("style", "primary") not in ("primary", "danger"):
        found.append(f"[json-pointer:{at}/style]")
    if "confirm" in button:
        confirm = button["confirm"]
        for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            found += _text(confirm.get(key), f"{at}/confirm/{key}", most, plain_only=key != "text")
    return found


def _rich(block: Json, at: str) -> list[str]:
    parts = block.get("elements", [])
    found = [] if parts else [f"[json-pointer:{at}/elements]"]
    for number, part in enumerate(parts):
        there = f"{at}/elements/{number}"
        if part.get("type") == "rich_text_list":
            if part.get("style") not in ("bullet", "ordered") or not part.get("elements"):
                found.append(f"[json-pointer:{there}]")
            sections = part.get("elements", [])
        else:
            sections = [part]
        for section in sections:
            if section.get("type") not in ("rich_text_section", "rich_text_preformatted", "rich_text_quote"):
                found.append(f"[json-pointer:{there}/type]")
            found += [each for leaf in section.get("elements", []) for each in _leaf(leaf, there)]
            if not section.get("elements"):
                found.append(f"[json-pointer:{there}/elements]")
    return found


def _leaf(leaf: Json, at: str) -> list[str]:
    kind = leaf.get("type")
    if kind not in _RICH_LEAVES or set(leaf) - _RICH_LEAVES[kind]:
        return [f"[json-pointer:{at}/leaf]"]
    if kind == "text" and (not leaf.get("text") or set(leaf.get("style", {})) - _STYLES):
        return [f"[json-pointer:{at}/text]"]
    return []


def _input(block: Json, at: str) -> list[str]:
    found = _text(block.get("label"), f"{at}/label", 2000, plain_only=True)
    if "hint" in block:
        found += _text(block["hint"], f"{at}/hint", 2000, plain_only=True)
    element = block.get("element", {})
    if element.get("type") == "static_select":
        options = element.get("options", [])
        if not 0 < len(options) <= 100:
            found.append(f"[json-pointer:{at}/element/options]")
        for option in options:
            found += _text(option.get("text"), f"{at}/element/options", 75)
            if not 0 < len(option.get("value", "")) <= 150:
                found.append(f"[json-pointer:{at}/element/options]")
    elif element.get("type") == "plain_text_input":
        if not 0 <= element.get("min_length", 0) <= element.get("max_length", 3000) <= 3000:
            found.append(f"[json-pointer:{at}/element]")
    else:
        found.append(f"[json-pointer:{at}/element/type]")
    return found


_CHECKS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": lambda _block, _at: [],
    "rich_text": _rich,
    "input": _input,
}
