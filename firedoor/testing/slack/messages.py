"""What is kept about messages, dialogs and the things that people were told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from firedoor.testing.slack.elements import elements_of
from firedoor.testing.slack.people import BOT

Json = dict[str, Any]


@dataclass
class Posted:
    """A message as Slack holds it now, and how often it was drawn anew."""

    channel: str
    ts: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    edits: int = 0
    user: str = BOT
    metadata: Json | None = None

    def button(self, action_id: str) -> Json:
        """Find a button, or a menu, by its action."""
        return usable(self.blocks, action_id)[1]

    def buttons(self) -> list[Json]:
        """List all that can be used: buttons and menus."""
        return [each for block in self.blocks for each in elements_of(block) if "action_id" in each]


def usable(blocks: list[Json], action_id: str) -> tuple[Json, Json]:
    """Find a button, or a menu, with the block it stands in."""
    found = [(block, each) for block in blocks for each in elements_of(block) if "action_id" in each]
    for block, each in found:
        if each["action_id"] == action_id:
            return block, each
    raise LookupError(f"there is no {action_id}; there is {[each['action_id'] for _, each in found]}")


@dataclass
class OpenView:
    """Where a dialog stands: whose it is, what is below it, and what it complains about."""

    id: str
    owner: str
    root: str
    previous: str | None = None
    version: int = 1
    open: bool = True
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Name this state of the dialog."""
        return f"{self.id}.{self.version}"


@dataclass(frozen=True)
class Notice:
    """What Slack itself told somebody, because the app did not answer as it should."""

    user: str
    text: str
    code: str
    at: float = 0.0


@dataclass(frozen=True)
class Trigger:
    """The right to open one dialog for one person, for three seconds."""

    user: str
    expires: float
    view: str | None = None


@dataclass
class AnswerUrl:
    """A response_url: whom and what it answers, how long and how often it still may."""

    user: str
    channel: str
    message: str
    expires: float
    left: int


@dataclass(frozen=True)
class Signed:
    """A request as Slack would send it."""

    body: bytes
    headers: dict[str, str]
