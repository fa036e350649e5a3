"""Slack's own markup, mrkdwn, as Slack's clients show it: what turns bold or a mention there does so here."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from firedoor.testing.slack.emoji import SHORT_NAME, emoji

_PRE = re.compile(r"```(.+?)```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_TOKEN = re.compile(r"<([^<>\n]+)>")
_BARE_URL = re.compile(r"(?<![\w/])https?://[^\s<>|\ue000\ue001]+")
_EMPHASIS = tuple(
    (
        re.compile(rf"(?<![\w{mark}]){mark}(?! )([^{mark}\n]+?)(?<! ){mark}(?![\w{mark}])"),
        rf"<{tag}>\1</{tag}>",
    )
    for mark, tag in ((r"\*", "b"), ("_", "i"), ("~", "s"))
)
_QUOTE = re.compile(r"^&gt; ?(.*)$", re.MULTILINE)
_KEPT = re.compile("\ue000(\\d+)\ue001")
_PRIVATE = re.compile("[\ue000\ue001]")
_SCHEMES = {"http", "https", "mailto"}
_BROADCASTS = {"channel", "here", "everyone"}


class Names(Protocol):
    """Who and what the ids in markup are."""

    def user(self, user: str) -> str:
        """Return the name of a person."""

    def group(self, group: str) -> str:
        """Return the handle of a group."""

    def place(self, channel: str) -> str:
        """Return the name of a channel."""

    def now(self) -> datetime:
        """Tell the time, for "today" and "yesterday"."""


def mrkdwn(text: str, names: Names, *, verbatim: bool = False) -> str:
    """Return markup as HTML; `verbatim` leaves bare addresses alone."""
    kept: list[str] = []

    def keep(made: str) -> str:
        kept.append(made)
        return f"\ue000{len(kept) - 1}\ue001"

    rest = _PRIVATE.sub("", text)
    rest = _PRE.sub(lambda found: keep(f"<pre>{literal(unescape(found[1].strip(chr(10))))}</pre>"), rest)
    rest = _CODE.sub(lambda found: keep(f"<code>{literal(unescape(found[1]))}</code>"), rest)
    rest = _TOKEN.sub(lambda found: keep(_token(found[1], names)), rest)
    if not verbatim:
        rest = _BARE_URL.sub(lambda found: keep(link(unescape(found[0]), unescape(found[0]))), rest)
    rest = SHORT_NAME.sub(lambda found: keep(literal(emoji(found[1]))), rest)
    rest = literal(unescape(rest))
    for pattern, tagged in _EMPHASIS:
        rest = pattern.sub(tagged, rest)
    rest = _QUOTE.sub(r"<blockquote>\1</blockquote>", rest)
    while _KEPT.search(rest):  # code may be inside of bold, and a token inside of code is not
        rest = _KEPT.sub(lambda found: kept[int(found[1])], rest)
    return rest


def literal(text: str) -> str:
    """Return text as HTML that shows exactly it."""
    return html.escape(text, quote=True)


def unescape(text: str) -> str:
    """Undo the three escapes that Slack knows."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def link(url: str, label: str) -> str:
    """Return a link, or just its words when its scheme is none to follow."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in _SCHEMES:
        return literal(label)
    return (
        f'<a href="{literal(url)}" data-testid="link" rel="noreferrer noopener" target="_blank" '
        f'title="{literal(url)}">{literal(label)}</a>'
    )


def mention(text: str, kind: str) -> str:
    """Return a mention, which notifies somebody."""
    return f'<span class="mention {kind}" data-testid="mention">{literal(text)}</span>'


def _token(token: str, names: Names) -> str:
    body, _, label = token.partition("|")
    label = unescape(label)
    if body.startswith("@"):
        return mention(f"@{names.user(body[1:])}", "user")
    if body.startswith("#"):
        return mention(f"#{names.place(body[1:])}", "channel")
    if body.startswith("!"):
        return _command(body, label, names)
    return link(unescape(body), label or unescape(body))


def _command(body: str, label: str, names: Names) -> str:
    word, _, rest = body[1:].partition("^")
    if word in _BROADCASTS:
        return mention(f"@{word}", "broadcast")
    if word == "subteam":
        return mention(f"@{names.group(rest)}", "group")
    if word == "date":
        return _date_token(rest, label, names)
    return literal(label or f"<{body}>")


def _date_token(rest: str, label: str, names: Names) -> str:
    timestamp, _, form = rest.partition("^")
    form, _, url = form.partition("^")
    if not timestamp.isdigit():
        return literal(label)
    says = date(int(timestamp), form, names.now())
    shown = link(unescape(url), says) if url else literal(says)
    return f'<time title="{literal(label)}">{shown}</time>'


def date(timestamp: int, form: str, now: datetime) -> str:
    """Fill in a date format; the reader of the page lives in UTC."""
    try:
        at = datetime.fromtimestamp(timestamp, UTC)
    except (ValueError, OverflowError, OSError):
        return form
    near = _near(at, now)
    known = {
        "date_num": f"{at:%Y-%m-%d}",
        "date": f"{at:%B} {at.day}, {at.year}",
        "date_short": f"{at:%b} {at.day}, {at.year}",
        "date_long": f"{at:%A}, {at:%B} {at.day}, {at.year}",
        "date_pretty": near or f"{at:%B} {at.day}, {at.year}",
        "date_short_pretty": near or f"{at:%b} {at.day}, {at.year}",
        "date_long_pretty": near or f"{at:%A}, {at:%B} {at.day}, {at.year}",
        "time": f"{at:%H:%M}",
        "time_secs": f"{at:%H:%M:%S}",
    }
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], found[0]), form)


def _near(at: datetime, now: datetime) -> str:
    days = (at.date() - now.date()) / timedelta(days=1)
    return {-1: "yesterday", 0: "today", 1: "tomorrow"}.get(int(days), "")
