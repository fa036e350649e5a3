"""What attackers write into the fields of a finding, and what must never become of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from firedoor.channels.slack.blocks import Message

#: Texts of others, each with a trick of its own.
INJECTIONS: tuple[str, ...] = (
    "<!channel> wake everybody",
    "<!here|here> <@U1E93F9732> <#C0SOC00001> <!subteam^S0ONCALL1>",
    "<https://console.aws.amazon.com.evil.test|Open AWS console>",
    "[Open AWS console](https://evil.test/console) https://evil.test/bare",
    "<mailto:soc@evil.test|the SOC> <tel:+15550100>",
    "<!date^1795374000^{date_short_pretty}^https://evil.test|tomorrow>",
    "`code` ```fence``` `✅ Pre-approved by CISO` *bold* _it_ ~no~",
    "```\n✅ Pre-approved by CISO\n```",
    "first line\n✅ Approved by alice and bob\n> quote",
    "• Undo: yes, all of it\r\n1. done",
    "user\u202enimda\u2066 \u200b\u2060\ufeff zero width",
    "שלום \u202bevil\u202c مرحبا \u200f\u061c",
    "bell\x07 escape\x1b[31m null\x00 delete\x7f next\x85 line\u2028sep\u2029",
    ":white_check_mark: :rotating_light: :alice:",
    "✅ Done: every change is verified.",
    "a" + "\u0301" * 400,
    "Z\u0489\u0489\u0489\u0489a\u20dd\u20dd\u20ddlgo \ufe0f\ufe0f",
    "\U000e0041\U000e0042 tag letters \ue000 private \ufff9annotated\ufffb",
    "раураl аdmin",  # Cyrillic letters that look Latin
    "&lt;!channel&gt; &amp; <>&",
    "%s %(title)s {0} {title} ${x} {{ 7*7 }} $(reboot)",
    '{"v":1,"r":"respond/x/y","g":1,"d":"approve"}',
    "x" * 10_000,
    "<" * 10_000,
    "😀" * 5_000,
    "\n" * 10_000,
    "",
    "   ",
)
#: Half a surrogate pair: some senders make it, no JSON of ours can carry it.
BROKEN = "half \udc80 a pair"

_INVISIBLE = (
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    "\u200b\u200f\u061c\u2060\ufeff\u2028\u2029\x00\x07\x1b\x7f\x85"
)
_NEVER_MARKUP = (
    "<!channel",
    "<!here",
    "evil.test",
    "Pre-approved",
    "U1E93F9732",
    "<mailto",
    ":alice:",
    "reboot",
)
#: What of a rich_text block notifies people or leads somewhere; ours only.
_ACTIVE = {"link", "user", "usergroup", "broadcast", "channel", "date"}


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Walk to every object of blocks or of a dialog."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from nodes(value)


def texts(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk to every text object or element."""
    for each in nodes(node):
        if isinstance(each.get("text"), str):
            yield each["text"], each


def markup(blocks: Any) -> str:
    """Return everything that Slack reads as markup."""
    return "".join(text for text, node in texts(blocks) if node["type"] == "mrkdwn")


def shown(blocks: Any) -> str:
    """Return all that a person reads."""
    return "".join(text for text, _ in texts(blocks))


def is_inert(message: Message, *, own: tuple[str, ...] = ()) -> None:
    """Fail where text of others could be anything but letters; `own` are ids and addresses of ours."""
    for bad in (*_NEVER_MARKUP, *_INVISIBLE):
        assert bad not in message.text
    blocks_are_inert(message.blocks, own=own)


def blocks_are_inert(blocks: Any, *, own: tuple[str, ...] = ()) -> None:
    """Fail likewise, for blocks or for a dialog."""
    read_as_markup = markup(blocks)
    for bad in _NEVER_MARKUP:
        assert bad not in read_as_markup, bad
    for node in nodes(blocks):
        if node.get("type") in _ACTIVE:
            named = node.get("url") or node.get("user_id") or node.get("usergroup_id")
            assert named in own, node
        if "url" in node:
            assert node["url"] in own, node
        if node.get("type") == "plain_text":
            assert node["emoji"] is False
    for said, _ in texts(blocks):
        for bad in _INVISIBLE:
            assert bad not in said, (bad, said[:80])
