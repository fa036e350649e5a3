"""What somebody who pressed or submitted in Slack is told, whatever way their word came in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from firedoor.channels.slack import modal
from firedoor.channels.slack.blocks import Message
from firedoor.channels.slack.interaction import MoreSubmit, Press, RejectSubmit, Review, SetSubmit
from firedoor.channels.slack.notice import notice
from firedoor.domain.core.errors import FiredoorError

_log = structlog.get_logger("firedoor.gateway")

Pressed = Press | Review
Submitted = RejectSubmit | MoreSubmit | SetSubmit

_LONGEST = 600  # of a sentence under an input

FAILED = "This FAILED: the engine did not answer."
MAY_BE = "It may or may not be recorded. Send it again; it counts once."
WAITING = "Recorded, waiting for the engine: it counts by the time at which you gave it."


class SlackDoor(Protocol):
    """What this door says to Slack; the connector implements it."""

    async def open_view(self, trigger_id: str, view: dict[str, Any]) -> str:
        """Open a dialog for the person who pressed; returns its id."""
        ...

    async def update_view(self, view_id: str, view: dict[str, Any]) -> None:
        """Draw an open dialog anew."""
        ...

    async def ephemeral(self, response_url: str, text: str, blocks: Sequence[dict[str, Any]]) -> None:
        """Tell something to the person who pressed, and to nobody else."""
        ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What Slack is answered, over HTTP or over a socket.

    payload: what a dialog does then; None is an empty answer, and closes it.
    after:   what follows once Slack has its answer, for Slack waits three seconds for that alone.
    """

    payload: Mapping[str, Any] | None = None
    after: Callable[[], Awaitable[None]] | None = None


class Answers:
    """Tells people: whoever pressed by a message for them alone, whoever submitted in their dialog."""

    def __init__(self, slack: SlackDoor) -> None:
        self._slack = slack

    def say(
        self, to: Pressed | Submitted, picture: str, says: str, *, reason: str = "", then: str = ""
    ) -> Answer:
        """Say what happened, why, and what to do; a dialog stays open, so that nothing typed is lost."""
        if isinstance(to, (Press, Review)):
            message = notice(picture, says, reason, then)
            return Answer(after=lambda: self.tell(to, message))
        sentence = " ".join(part for part in (says, reason, then) if part)
        return errors({_place(to): sentence[:_LONGEST]})

    async def tell(self, press: Pressed, message: Message) -> None:
        """Tell the person who pressed; where Slack does not take it, the card itself still says how it is."""
        if not press.response_url:
            return
        try:
            await self._slack.ephemeral(press.response_url, message.text, message.blocks)
        except FiredoorError as error:
            _log.warning("slack.not_told", about=about(press), error=str(error))


def errors(found: Mapping[str, str]) -> Answer:
    """Say in a dialog what is wrong, each sentence under its input."""
    return Answer(payload={"response_action": "errors", "errors": dict(found)})


def closing(says: str) -> Answer:
    """Turn a dialog into a sentence that can only be closed."""
    return Answer(payload={"response_action": "update", "view": modal.told(says)})


def about(interaction: Pressed | Submitted) -> str:
    """Name what a press or a dialog is about: a response, a line of a digest, or a frozen set."""
    match interaction:
        case Review():
            return f"digest {interaction.digest}"
        case SetSubmit():
            return f"set {interaction.sha256[:12]}"
        case _:
            return interaction.reference.r


def word(interaction: Pressed | Submitted) -> str:
    """Name what somebody wants: the word of the audit log."""
    match interaction:
        case Press():
            return interaction.reference.d
        case Review():
            return "review"
        case RejectSubmit():
            return "reject"
        case MoreSubmit():
            return interaction.what
        case SetSubmit():
            return interaction.decision


def _place(submitted: Submitted) -> str:
    """Name the input under which a sentence can stand: one that each dialog of this kind has."""
    return modal.WHAT if isinstance(submitted, MoreSubmit) else modal.COMMENT
