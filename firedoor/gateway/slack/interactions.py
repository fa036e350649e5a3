"""One decision path for what people press and submit in Slack, by whatever way it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final, Protocol

import structlog

from firedoor.channels.slack import modal
from firedoor.channels.slack.interaction import (
    Clicker,
    Ignored,
    Interaction,
    MoreSubmit,
    Press,
    RejectSubmit,
    Review,
    SetSubmit,
)
from firedoor.domain.core.errors import Absent, FiredoorError
from firedoor.domain.people.identity import Identity
from firedoor.domain.response.messages import Report, VoteReceipt
from firedoor.gateway.decisions.port import NotCounted, Waiting, trace
from firedoor.gateway.decisions.service import Ballots
from firedoor.gateway.intake.refusal import Refusal
from firedoor.gateway.slack.dialogs import Dialogs
from firedoor.gateway.slack.replies import (
    FAILED,
    MAY_BE,
    WAITING,
    Answer,
    Answers,
    Pressed,
    SlackDoor,
    Submitted,
    about,
    closing,
    errors,
    word,
)

_log = structlog.get_logger("firedoor.gateway")

#: Seconds in which a word is durable or its sender hears that it may not be; Slack gives up after three.
WITHIN: Final = 2.4
_KNOWN_WITHIN = 1.2  # seconds for what kind of account it is, which is usually remembered


class SlackAccounts(Protocol):
    """What Slack itself knows about an account, as of this minute."""

    async def barred(self, user: str) -> str:
        """Return "" for a full member, else what it is: deleted, bot, guest, external, unknown.

        Raises `Unavailable` when Slack does not say.
        """
        ...


class NotOurs(Refusal):
    """Sent by Slack, and yet about another app or workspace."""

    status, error = HTTPStatus.FORBIDDEN, "not_ours"


class Presses:
    """Who pressed, may they speak here, what becomes of it, and what they are told."""

    def __init__(
        self,
        *,
        app_id: str,
        team_id: str,
        channels: frozenset[str],
        ballots: Ballots,
        report: Callable[[str], Awaitable[Report]],
        accounts: SlackAccounts,
        members: Callable[[tuple[str, ...]], Awaitable[Mapping[str, str]]],
        slack: SlackDoor,
    ) -> None:
        self._app_id = app_id
        self._team_id = team_id
        self._channels = channels
        self._ballots = ballots
        self._accounts = accounts
        self._answers = Answers(slack)
        self._dialogs = Dialogs(slack=slack, ballots=ballots, report=report, members=members)

    async def answer(self, interaction: Interaction) -> Answer:
        """Answer one interaction within Slack's three seconds; raises `NotOurs`, and nothing else."""
        by = interaction.by
        if by.app != self._app_id or self._team_id not in (by.team, by.enterprise, by.installed):
            raise NotOurs("a press in another app or workspace", expected="our app in our workspace")
        if isinstance(interaction, Ignored):
            return Answer()
        try:
            async with asyncio.timeout(WITHIN):
                await self._admit(interaction)
                if isinstance(interaction, (Press, Review)):
                    return await self._pressed(interaction)
                return await self._submitted(interaction)
        except (NotCounted, Absent) as error:
            return self._answers.say(
                interaction,
                "no_entry_sign",
                "This does not count:",
                reason=f"{error.found}.",
                then=error.mend,
            )
        except TimeoutError:
            self._trace(interaction, "late", "no answer in time")
            return self._may_be(interaction)
        except FiredoorError as error:
            _log.warning("slack.unavailable", about=about(interaction), error=str(error))
            return self._may_be(interaction)

    # ---- may this account speak here -------------------------------------------------

    async def _admit(self, interaction: Pressed | Submitted) -> None:
        """Let full members of our workspace through, in our channels; raises `NotCounted` for others."""
        barred = await self._barred(interaction)
        if barred:
            raise self._refused(
                interaction,
                f"{barred} accounts cannot decide here",
                "Ask a full member of this workspace to decide.",
            )
        if isinstance(interaction, (Press, Review)) and interaction.channel not in self._channels:
            raise self._refused(
                interaction,
                "this message stands in a channel where nothing is decided",
                "Answer the card in the channel that Firedoor posts to.",
            )

    async def _barred(self, interaction: Pressed | Submitted) -> str:
        """Say what kind of account may not decide: by the payload's own word first, then by Slack's."""
        by = interaction.by
        # In an organisation `home` may be its id, or another workspace of it: there users.info tells, below.
        barred = by.barred or ("" if by.enterprise or by.home == self._team_id else "external")
        if barred:
            return barred
        try:
            async with asyncio.timeout(_KNOWN_WITHIN):
                return await self._accounts.barred(by.user)
        except (FiredoorError, TimeoutError) as error:
            _log.warning("slack.account_unknown", error=str(error) or "timeout")
            raise self._refused(
                interaction,
                "Slack does not say what kind of account this is, so it cannot decide now",
                "Try again in a moment, or decide on the command line: firedoor responses",
            ) from None

    # ---- presses ---------------------------------------------------------------------

    async def _pressed(self, press: Pressed) -> Answer:
        who = _identity(press.by)
        if isinstance(press, Review):
            return Answer(after=lambda: self._dialogs.review(press, who))
        match press.reference.d:
            case "reject":
                return Answer(after=lambda: self._dialogs.reject(press, who))
            case "details":
                return Answer(after=lambda: self._dialogs.details(press, who))
            case "more":
                return Answer(after=lambda: self._dialogs.more(press, who))
            case "undo":
                said = await self._ballots.undo(
                    who, press.reference.r, door="slack", before=press.reference.g
                )
            case "approve":
                said = await self._vote(press)
        if isinstance(said, Waiting):
            return self._answers.say(press, "hourglass", WAITING)
        return Answer()  # the card itself tells the rest

    # ---- submitted dialogs -----------------------------------------------------------

    async def _submitted(self, submitted: Submitted) -> Answer:
        missing = _missing(submitted)
        if missing:
            self._trace(submitted, "refused", "; ".join(missing.values()))
            return errors(missing)
        match submitted:
            case RejectSubmit():
                said = await self._vote(submitted)
                return closing(WAITING) if isinstance(said, Waiting) else Answer()
            case SetSubmit():
                await self._ballots.vote_all(
                    _identity(submitted.by),
                    door="slack",
                    sha256=submitted.sha256,
                    decision=submitted.decision,
                    reason=submitted.reason,
                    comment=submitted.comment,
                )
                return closing(f"{WAITING} {_EACH}")
            case MoreSubmit():
                return await self._more(submitted)

    async def _more(self, wish: MoreSubmit) -> Answer:
        who, reference = _identity(wish.by), wish.reference
        match wish.what:
            case "glass":
                said = await self._vote(wish)
                return closing(WAITING if isinstance(said, Waiting) else _BROKEN)
            case "snooze":
                nudged = await self._ballots.snooze(
                    who,
                    reference.r,
                    door="slack",
                    fingerprint=reference.h,
                    minutes=wish.minutes or 15,
                )
                at = nudged.remind_at
                return closing(f"You are reminded at {at:%H:%M} UTC." if at else _NO_REMINDER)
            case "reassign":
                other = Identity(kind="person", keys=(wish.person or "",))
                nudged = await self._ballots.reassign(
                    who, reference.r, door="slack", fingerprint=reference.h, to=other, comment=wish.comment
                )
                return closing(f"{nudged.assigned_to or wish.person} is asked to look at it.")

    async def _vote(self, said: Press | RejectSubmit | MoreSubmit) -> VoteReceipt | Waiting:
        reference = said.reference
        return await self._ballots.vote(
            _identity(said.by),
            reference.r,
            door="slack",
            ask=reference.a,
            generation=reference.g,
            fingerprint=reference.h,
            decision="reject" if isinstance(said, RejectSubmit) else "approve",
            reason=said.reason if isinstance(said, RejectSubmit) else None,
            comment="" if isinstance(said, Press) else said.comment,
            break_glass=isinstance(said, MoreSubmit) and said.what == "glass",
        )

    # ---- what is told ----------------------------------------------------------------

    def _refused(self, interaction: Pressed | Submitted, found: str, mend: str) -> NotCounted:
        self._trace(interaction, "refused", found)
        return NotCounted(found, mend=mend)

    def _trace(self, interaction: Pressed | Submitted, outcome: str, why: str) -> None:
        trace(
            "slack",
            outcome,
            word=word(interaction),
            person=str(_identity(interaction.by)),
            response=about(interaction),
            why=why,
        )

    def _may_be(self, interaction: Pressed | Submitted) -> Answer:
        """Say that nobody knows; the other ways to say the same are named where they are the same word."""
        then = MAY_BE
        if isinstance(interaction, Press):
            reference = interaction.reference
            undo = reference.d == "undo"
            command = "undo" if undo else f"approve --fingerprint {reference.fingerprint}"
            then = f"{MAY_BE} Or use: firedoor {command} {reference.r}"
        return self._answers.say(interaction, "warning", FAILED, then=then)


_EACH = "Each ask counts it by its own rules; the thread of the digest tells how many did."
_BROKEN = "Recorded. Your name and your reason stand on the card, and others review it afterwards."
_NO_REMINDER = "There is no reminder left before the deadline."


def _identity(by: Clicker) -> Identity:
    """Say whose account it is: by organisation and by workspace, never by a name."""
    places = dict.fromkeys(filter(None, (by.enterprise, by.team, by.installed)))
    return Identity(kind="slack", keys=tuple(f"{place}/{by.user}" for place in places))


def _missing(submitted: Submitted) -> dict[str, str]:
    match submitted:
        case RejectSubmit():
            return modal.errors(submitted.reason, submitted.comment)
        case MoreSubmit():
            return modal.more_errors(submitted.what, person=submitted.person, comment=submitted.comment)
        case SetSubmit():
            return modal.set_errors(submitted.decision, submitted.reason, submitted.comment)
