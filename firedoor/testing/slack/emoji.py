"""The few emoji that are likely on a card, by their short names."""

from __future__ import annotations

import re

_KNOWN = {
    "alarm_clock": "⏰",
    "arrow_down": "⬇️",
    "arrow_right": "➡️",
    "arrows_counterclockwise": "🔄",
    "ballot_box_with_ballot": "🗳️",
    "bell": "🔔",
    "black_circle": "⚫",
    "bulb": "💡",
    "bust_in_silhouette": "👤",
    "busts_in_silhouette": "👥",
    "door": "🚪",
    "exclamation": "❗",
    "eyes": "👀",
    "fire": "🔥",
    "fire_extinguisher": "🧯",
    "ghost": "👻",
    "heavy_check_mark": "✔️",
    "heavy_minus_sign": "➖",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "inbox_tray": "📥",
    "information_source": "ℹ️",
    "key": "🔑",
    "large_blue_circle": "🔵",
    "large_green_circle": "🟢",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "leftwards_arrow_with_hook": "↩️",
    "link": "🔗",
    "lock": "🔒",
    "mag": "🔍",
    "memo": "📝",
    "no_bell": "🔕",
    "no_entry": "⛔",
    "no_entry_sign": "🚫",
    "ocean": "🌊",
    "octagonal_sign": "🛑",
    "point_right": "👉",
    "question": "❓",
    "raised_hand": "✋",
    "red_circle": "🔴",
    "rotating_light": "🚨",
    "scales": "⚖️",
    "shield": "🛡️",
    "snowflake": "❄️",
    "tada": "🎉",
    "thumbsup": "👍",
    "unlock": "🔓",
    "warning": "⚠️",
    "white_check_mark": "✅",
    "white_circle": "⚪",
    "wrench": "🔧",
    "x": "❌",
    "zap": "⚡",
    "zzz": "💤",
    "+1": "👍",
    "-1": "👎",
}
#: Exactly one colon on each side of a name.
SHORT_NAME = re.compile(r":([a-z0-9_+-]{1,40}):")


def emoji(name: str) -> str:
    """Return the picture of a short name; the name between colons when it is not known here."""
    return _KNOWN.get(name, f":{name}:")


def with_emoji(text: str) -> str:
    """Put pictures in for short names."""
    return SHORT_NAME.sub(lambda found: emoji(found[1]), text)
