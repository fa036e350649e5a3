"""What a workspace remembers, and the few questions that every part of it asks."""

from __future__ import annotations

import copy
import itertools
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from firedoor.testing.slack.faults import Faults
from firedoor.testing.slack.messages import AnswerUrl, Notice, OpenView, Posted, Trigger
from firedoor.testing.slack.people import Channel, Person, UserGroup, WorkspaceConfig

Json = dict[str, Any]

TRIGGER_LIVES = 3.0
ANSWERS_LIVE = 30 * 60.0
ANSWERS = 5
#: A channel that exists and that nobody invited the app to.
ELSEWHERE = "C0OTHER"


class State:
    """One workspace with one app in it. `clock` tells the seconds since 1970."""

    def __init__(self, config: WorkspaceConfig, clock: Callable[[], float] = time.time) -> None:
        self.config = config
        self.clock = clock
        self.url = ""
        self.lock = threading.RLock()
        self.people = {id_: Person(id_, name) for id_, name in config.users.items()}
        self.people |= {each.id: each for each in config.others}
        self.people[config.bot] = Person(config.bot, config.bot_name, "bot")
        self.usergroups: dict[str, UserGroup] = {group.id: group for group in config.usergroups}
        self.known_channels = {
            config.channel: Channel(config.channel, config.channel_name),
            ELSEWHERE: Channel(ELSEWHERE, "elsewhere"),
        }
        self.channels = {config.channel}  # those the app is in
        self.scopes = set(config.scopes)
        self.app_scopes = set(config.app_scopes)
        self.messages: list[Posted] = []
        self.ephemerals: list[Json] = []
        self.views: dict[str, Json] = {}
        self.view_states: dict[str, OpenView] = {}
        self.notices: list[Notice] = []
        self.calls: list[str] = []
        self.faults = Faults()
        self.triggers: dict[str, Trigger] = {}
        self.exchanged: set[str] = set()
        self.answers: dict[str, AnswerUrl] = {}
        self._numbers = itertools.count(1)

    def number(self) -> int:
        """Return a number that was never given out before."""
        return next(self._numbers)

    def person(self, user: str) -> Person | None:
        """Find an account; None when nobody has this id."""
        known = self.people.get(user)
        if known is None and self.config.open_membership and user:
            return Person(user, user.lower())
        return known

    def somebody(self, user: str) -> Person:
        """Find an account that has to be there."""
        found = self.person(user)
        if found is None:
            raise LookupError(f"nobody in the workspace has the id {user!r}; there are {sorted(self.people)}")
        return found

    def message(self, channel: str, ts: str) -> Posted | None:
        """Find a message."""
        return next((each for each in self.messages if (each.channel, each.ts) == (channel, ts)), None)

    def channel(self, id_or_name: object) -> Channel | None:
        """Find a channel by its id, or by its name with a hash."""
        if not isinstance(id_or_name, str):
            return None
        if id_or_name in self.known_channels:
            return self.known_channels[id_or_name]
        named = (each for each in self.known_channels.values() if f"#{each.name}" == id_or_name)
        return next(named, None)

    def keep(self, message: Posted) -> Posted:
        """Take a message into its channel."""
        self.messages.append(message)
        return message

    def stamp(self) -> str:
        """Return the ts of a new message; no two are the same."""
        return f"{int(self.clock())}.{self.number():06d}"

    def notice(self, user: str, text: str, code: str) -> None:
        """Tell somebody that the app did not do what it should."""
        self.notices.append(Notice(user, text, code, self.clock()))

    def new_trigger(self, user: str, view: str | None = None) -> str:
        """Hand out the right to open one dialog within three seconds."""
        trigger = f"{self.number()}.{secrets.token_hex(8)}"
        self.triggers[trigger] = Trigger(user, self.clock() + TRIGGER_LIVES, view)
        return trigger

    def new_response_url(self, user: str, message: Posted) -> str:
        """Hand out the right to answer a press."""
        token = secrets.token_urlsafe(12)
        self.answers[token] = AnswerUrl(
            user, message.channel, message.ts, self.clock() + ANSWERS_LIVE, ANSWERS
        )
        return f"{self.url or 'https://hooks.slack.com'}/actions/{self.config.team}/1/{token}"

    def with_ids(self, blocks: Any) -> list[Json]:
        """Return a copy in which every block and element has an id, as Slack gives them."""
        made: list[Json] = copy.deepcopy(list(blocks or []))
        for block in made:
            block.setdefault("block_id", secrets.token_urlsafe(4))
            inner = block.get("elements", []) if block["type"] == "actions" else []
            for each in [*inner, *(block[key] for key in ("element", "accessory") if key in block)]:
                if each.get("type") != "image":
                    each.setdefault("action_id", secrets.token_urlsafe(4))
        return made
