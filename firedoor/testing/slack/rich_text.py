"""What Slack refuses in a rich_text block."""

from __future__ import annotations

from firedoor.testing.slack.elements import Found, Json, complaint

_STYLES = {"bold", "italic", "strike", "code", "underline"}
_INDENT = 8
_SECTIONS = ("rich_text_section", "rich_text_preformatted", "rich_text_quote")
_LEAVES = {
    "text": {"type", "text", "style"},
    "emoji": {"type", "name", "unicode", "style", "skin_tone"},
    "link": {"type", "url", "text", "style", "unsafe"},
    "user": {"type", "user_id", "style"},
    "usergroup": {"type", "usergroup_id", "style"},
    "channel": {"type", "channel_id", "style"},
    "broadcast": {"type", "range", "style"},
    "date": {"type", "timestamp", "format", "fallback", "url", "style"},
}
_NEEDED = {
    "text": "text",
    "emoji": "name",
    "link": "url",
    "user": "user_id",
    "usergroup": "usergroup_id",
    "channel": "channel_id",
    "broadcast": "range",
    "date": "timestamp",
}


def refuse_rich_text(block: Json, at: str) -> Found:
    """Complain about the sections, lists and leaves of a rich_text block."""
    parts = block.get("elements", [])
    if not parts:
        return [complaint("must be more than 0 items", f"{at}/elements")]
    found: Found = []
    for number, part in enumerate(parts):
        here = f"{at}/elements/{number}"
        if part.get("type") == "rich_text_list":
            found += _list(part, here)
        else:
            found += _section(part, here)
    return found


def _list(part: Json, at: str) -> Found:
    if part.get("style") not in ("bullet", "ordered"):
        return [complaint("must be a valid enum value", f"{at}/style")]
    if not 0 <= part.get("indent", 0) <= _INDENT:
        return [complaint(f"must be 0 to {_INDENT}", f"{at}/indent")]
    items = part.get("elements", [])
    if not items:
        return [complaint("must be more than 0 items", f"{at}/elements")]
    return [each for n, item in enumerate(items) for each in _section(item, f"{at}/elements/{n}")]


def _section(part: Json, at: str) -> Found:
    if part.get("type") not in _SECTIONS:
        return [complaint(f"unsupported type: {part.get('type')}", f"{at}/type")]
    leaves = part.get("elements", [])
    if not leaves:
        return [complaint("must be more than 0 items", f"{at}/elements")]
    return [each for n, leaf in enumerate(leaves) for each in _leaf(leaf, f"{at}/elements/{n}")]


def _leaf(leaf: Json, at: str) -> Found:
    kind = leaf.get("type", "")
    if kind not in _LEAVES:
        return [complaint(f"unsupported type: {kind}", f"{at}/type")]
    if set(leaf) - _LEAVES[kind]:
        return [complaint(f"no such field: {', '.join(sorted(set(leaf) - _LEAVES[kind]))}", at)]
    if not leaf.get(_NEEDED[kind]):
        return [complaint("must be more than 0 characters", f"{at}/{_NEEDED[kind]}")]
    if set(leaf.get("style", {})) - _STYLES:
        return [complaint("must be a valid style", f"{at}/style")]
    if kind == "broadcast" and leaf["range"] not in ("here", "channel", "everyone"):
        return [complaint("must be a valid enum value", f"{at}/range")]
    return []
