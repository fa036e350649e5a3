"""What Slack refuses in messages and modals, with the pointer to each place it complains about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from firedoor.testing.slack.elements import Found, Json, complaint, elements_of, refuse_element, refuse_text
from firedoor.testing.slack.rich_text import refuse_rich_text

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
_TEXT = 40_000
#: Not documented; found by others: about this much JSON is taken as the blocks of one message.
_BLOCKS_JSON = 13_200
_VIEW_JSON = 250_000
_ID = 255
_METADATA = 3000
_FIELDS = 10

_KEYS = {
    "header": {"type", "block_id", "text", "level"},
    "section": {"type", "block_id", "text", "fields", "accessory", "expand"},
    "context": {"type", "block_id", "elements"},
    "actions": {"type", "block_id", "elements"},
    "divider": {"type", "block_id"},
    "rich_text": {"type", "block_id", "elements"},
    "image": {"type", "block_id", "image_url", "alt_text", "title"},
    "input": {"type", "block_id", "label", "hint", "element", "optional", "dispatch_action"},
}
_IN_MESSAGES = set(_KEYS) - {"input"}  # Slack takes inputs in messages too; nobody here posts one
_IN_ACTIONS = {"button", "overflow", "static_select", "radio_buttons", "checkboxes"}
_ACCESSORIES = _IN_ACTIONS | {"image"}
_INPUTS = {"plain_text_input", "static_select", "radio_buttons", "checkboxes"}


def refused_message(text: str, blocks: Any) -> tuple[str, list[str]] | None:
    """Return Slack's error code and its complaints; None when the message is taken."""
    if not text and not blocks:
        return "no_text", []
    if len(text) > _TEXT:
        return "msg_too_long", []
    if blocks is not None and not _objects(blocks):
        return "invalid_blocks_format", []
    found = list(complaints(blocks or [], _IN_MESSAGES, MESSAGE_BLOCKS))
    if found:
        return "invalid_blocks", found
    if len(json.dumps(blocks)) > _BLOCKS_JSON:
        return "msg_blocks_too_long", []
    return None


def refused_view(view: Any) -> list[str]:
    """Return Slack's complaints about a modal."""
    if not isinstance(view, dict) or not _objects(view.get("blocks")):
        return [complaint("missing required field: blocks", "/view")]
    found = [] if view.get("type") == "modal" else [complaint("unsupported type", "/view/type")]
    for key, needed in (("title", True), ("submit", False), ("close", False)):
        if key in view or needed:
            found += refuse_text(view.get(key), f"/view/{key}", 24, plain_only=True)
    found += [
        complaint(f"must be less than {most + 1} characters", f"/view/{key}")
        for key, most in (("private_metadata", _METADATA), ("callback_id", _ID), ("external_id", _ID))
        if len(view.get(key, "")) > most
    ]
    if any(block.get("type") == "input" for block in view["blocks"]) and "submit" not in view:
        found.append(complaint("missing required field: submit", "/view/submit"))
    return found + list(complaints(view["blocks"], set(_KEYS), VIEW_BLOCKS, "/view/blocks"))


def too_large(view: Json) -> bool:
    """Tell whether a view is larger than Slack takes."""
    return len(json.dumps(view)) > _VIEW_JSON


def complaints(blocks: list[Json], kinds: set[str], most: int, at: str = "/blocks") -> Iterator[str]:
    """List what is wrong with blocks, each with the JSON pointer to it."""
    if len(blocks) > most:
        yield complaint(f"no more than {most} items allowed", at)
        return
    yield from _doubled("block_id", [block["block_id"] for block in blocks if "block_id" in block], at)
    for number, block in enumerate(blocks):
        here = f"{at}/{number}"
        kind = block.get("type")
        if kind not in kinds:
            yield complaint(f"unsupported type: {kind}", f"{here}/type")
        elif set(block) - _KEYS[kind]:
            yield complaint(f"no such field: {', '.join(sorted(set(block) - _KEYS[kind]))}", here)
        else:
            yield from _CHECKS[kind](block, here)
    named = [each["action_id"] for block in blocks for each in elements_of(block) if "action_id" in each]
    yield from _doubled("action_id", named, at)


def _objects(blocks: Any) -> bool:
    return isinstance(blocks, list) and all(isinstance(block, dict) for block in blocks)


def _doubled(name: str, ids: list[Any], at: str) -> Iterator[str]:
    if any(not isinstance(each, str) or not 0 < len(each) <= _ID for each in ids):
        yield complaint(f"{name} must be 1 to {_ID} characters", at)
    elif len(ids) != len(set(ids)):
        twice = next(each for each in ids if ids.count(each) > 1)
        yield complaint(f'`{name}` "{twice}" already exists for another element', at)


def _header(block: Json, at: str) -> Found:
    return refuse_text(block.get("text"), f"{at}/text", 150, plain_only=True)


def _section(block: Json, at: str) -> Found:
    found = refuse_text(block["text"], f"{at}/text", 3000) if "text" in block else []
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        found.append(complaint("must define either `text` or `fields`", at))
    if len(fields) > _FIELDS:
        found.append(complaint(f"no more than {_FIELDS} items allowed", f"{at}/fields"))
    for number, field in enumerate(fields):
        found += refuse_text(field, f"{at}/fields/{number}", 2000)
    if "accessory" in block:
        found += refuse_element(block["accessory"], f"{at}/accessory", _ACCESSORIES)
    return found


def _context(block: Json, at: str) -> Found:
    elements = block.get("elements", [])
    found = _count(elements, 10, at)
    for number, each in enumerate(elements):
        here = f"{at}/elements/{number}"
        image = isinstance(each, dict) and each.get("type") == "image"
        found += refuse_element(each, here, {"image"}) if image else refuse_text(each, here, 3000)
    return found


def _actions(block: Json, at: str) -> Found:
    elements = block.get("elements", [])
    found = _count(elements, 25, at)
    for number, element in enumerate(elements):
        found += refuse_element(element, f"{at}/elements/{number}", _IN_ACTIONS)
    return found


def _input(block: Json, at: str) -> Found:
    found = refuse_text(block.get("label"), f"{at}/label", 2000, plain_only=True)
    if "hint" in block:
        found += refuse_text(block["hint"], f"{at}/hint", 2000, plain_only=True)
    return found + refuse_element(block.get("element"), f"{at}/element", _INPUTS)


def _count(elements: list[Any], most: int, at: str) -> Found:
    if not elements:
        return [complaint("must be more than 0 items", f"{at}/elements")]
    return [complaint(f"no more than {most} items allowed", f"{at}/elements")] if len(elements) > most else []


def _image(block: Json, at: str) -> Found:
    return refuse_element(
        {key: block[key] for key in block if key not in ("block_id", "title")}, at, {"image"}
    )


_CHECKS: dict[str, Callable[[Json, str], Found]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": lambda _block, _at: [],
    "rich_text": refuse_rich_text,
    "image": _image,
    "input": _input,
}
