"""The page of the fake Slack, read and pressed as its own script does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Final

from firedoor.domain.core.errors import Rejected
from firedoor.testing.slack.people import CHANNEL

_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta"})
#: Of a message: what only a click opens, and who wrote it when.
_FOLDED: Final = frozenset({"dialog", "details", "header"})
_FOLDED_CLASSES: Final = frozenset({"avatar", "edited"})
_LINES: Final = frozenset({"div", "h3", "p", "li", "pre", "blockquote"})


@dataclass(frozen=True, kw_only=True)
class Card:
    """A message as its page draws it: its lines, and the ids of what can be pressed."""

    ts: str
    lines: tuple[str, ...]
    actions: frozenset[str]


class SlackPage:
    """The page of the fake Slack, spoken to as its own script does."""

    def __init__(self, url: str, accounts: Mapping[str, str]) -> None:
        self.url = url
        self._accounts = accounts
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def cards(self) -> tuple[Card, ...]:
        """Read every message of the channel, oldest first."""
        return tuple(_card(each["key"], each["html"]) for each in self._ask("/page/state")["messages"])

    def press(self, person: str, card: Card, action: str) -> None:
        """Press a button as somebody; raises `Rejected` where the page or the app does not take it."""
        told = {
            "as": self._accounts[person],
            "channel": CHANNEL,
            "ts": card.ts,
            "action_id": action,
        }
        outcome = self._ask("/page/press", told)["outcome"]
        if outcome != "ok":
            raise Rejected(f"a press in Slack was answered {outcome}", expected="ok")

    def _ask(self, path: str, told: Mapping[str, str] | None = None) -> dict[str, Any]:
        body = None if told is None else json.dumps(told).encode()
        request = urllib.request.Request(self.url + path, data=body)  # noqa: S310  our own page on loopback
        if body is not None:
            request.add_header("content-type", "application/json")
        try:
            with self._direct.open(request, timeout=10) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            raise Rejected(f"the fake Slack's page answered {error.code}") from error


def _card(ts: str, html: str) -> Card:
    reading = _Reading()
    reading.feed(html)
    reading.close()
    lines = (" ".join(line.split()) for line in "".join(reading.text).split("\n"))
    return Card(ts=ts, lines=tuple(line for line in lines if line), actions=frozenset(reading.actions))


class _Reading(HTMLParser):
    """Reads what a message says before anything in it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.actions: list[str] = []
        self._folded = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line, a button, or what is folded away."""
        known = dict(attrs)
        if tag in _VOID:
            self.text.append("\n")
        elif self._folded or tag in _FOLDED or known.get("class") in _FOLDED_CLASSES:
            self._folded += 1
        elif tag in _LINES:
            self.text.append("\n• " if tag == "li" else "\n")
        elif tag == "button":
            self.text.append(" [")
            self.actions.append(known.get("data-action-id") or "")

    def handle_endtag(self, tag: str) -> None:
        """End it."""
        if tag in _VOID:
            return
        if self._folded:
            self._folded -= 1
        elif tag in _LINES:
            self.text.append("\n")
        elif tag == "button":
            self.text.append("] ")

    def handle_data(self, data: str) -> None:
        """Keep what stands there."""
        if not self._folded:
            self.text.append(data)
