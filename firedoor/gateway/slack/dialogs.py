"""Dialogs over a card: opened at once, because a trigger lives three seconds, and filled afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from firedoor.channels.slack import modal
from firedoor.channels.slack.interaction import Press, Review
from firedoor.channels.slack.notice import notice
from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import Voter
from firedoor.domain.core.errors import Absent, FiredoorError, Unavailable
from firedoor.domain.people.identity import Identity
from firedoor.domain.response.messages import Report
from firedoor.gateway.decisions.port import NotCounted, known, trace
from firedoor.gateway.decisions.service import Ballots
from firedoor.gateway.slack.replies import Answers, Pressed, SlackDoor, about, word

_log = structlog.get_logger("firedoor.gateway")

View = dict[str, Any]

_OPENED_WITHIN = 1.6  # seconds after the ack; with what came before it, less than the three of a trigger
_FILLED_WITHIN = 15.0


class Dialogs:
    """Opens what a button leads to; nothing here decides, and nothing is recorded by opening."""

    def __init__(
        self,
        *,
        slack: SlackDoor,
        ballots: Ballots,
        report: Callable[[str], Awaitable[Report]],
        members: Callable[[tuple[str, ...]], Awaitable[Mapping[str, str]]],
    ) -> None:
        self._slack = slack
        self._ballots = ballots
        self._report = report
        self._members = members
        self._answers = Answers(slack)

    async def reject(self, press: Press, who: Identity) -> None:
        """Ask for the reason of a no; whoever is nobody here is told so before they have typed it."""

        async def contents() -> View:
            await self._voter(press, who)
            return modal.reject(press.reference)

        # Nothing has to be looked up to ask for a reason: it is there at once, and goes where it may not be.
        await self._filled(press, modal.reject(press.reference), contents)

    async def details(self, press: Press, who: Identity) -> None:
        """Show the exact plan."""

        async def contents() -> View:
            await self._voter(press, who)
            return modal.details(await self._report(known(press.reference.r)))

        await self._filled(press, modal.loading("Exact plan"), contents)

    async def more(self, press: Press, who: Identity) -> None:
        """Offer what else can be done about an ask: whom to ask to look is looked up now."""

        async def contents() -> View:
            voter = await self._voter(press, who)
            ask = _open_ask(await self._report(known(press.reference.r)))
            people = await self._members(ask.groups())
            others = {id_: name for id_, name in people.items() if id_ != voter.person}
            return modal.more(press.reference, others, glass=voter.person in ask.glass)

        await self._filled(press, modal.loading("More"), contents)

    async def review(self, press: Review, who: Identity) -> None:
        """Freeze what a line of a digest stands for, and show it whole."""

        async def contents() -> View:
            frozen = await self._ballots.gather(who, door="slack", digest=press.digest, key=press.key)
            if not frozen.members:
                raise NotCounted("nothing of this line is asked any more")
            ask = (await self._report(known(frozen.members[0].response))).ask
            return modal.set(frozen, _raised(ask))

        await self._filled(press, modal.loading("Review"), contents)

    async def _voter(self, press: Press, who: Identity) -> Voter:
        """Look up who wants to see a dialog; a refusal leaves its trace."""
        try:
            return await self._ballots.voter(who)
        except NotCounted as error:
            facts = {"word": word(press), "person": str(who), "response": about(press), "why": error.found}
            trace("slack", "refused", **facts)
            raise

    async def _filled(self, press: Pressed, first: View, contents: Callable[[], Awaitable[View]]) -> None:
        """Open a dialog with what it shows first, for a trigger lives three seconds; the contents follow."""
        try:
            async with asyncio.timeout(_OPENED_WITHIN):
                view_id = await self._slack.open_view(press.trigger_id, first)
        except (FiredoorError, TimeoutError) as error:
            await self._not_opened(press, error)
            return
        try:
            async with asyncio.timeout(_FILLED_WITHIN):
                view = await contents()
        except (NotCounted, Absent) as error:
            view = modal.told(f"{error.found}. {error.mend}".strip())
        except (Unavailable, TimeoutError) as error:
            _log.warning("slack.not_filled", about=about(press), error=str(error) or "timeout")
            view = modal.told(_NOTHING)
        if view == first:
            return
        try:
            await self._slack.update_view(view_id, view)
        except FiredoorError as error:  # closed meanwhile, or Slack did not answer: the next press shows it
            _log.info("slack.not_drawn", about=about(press), error=str(error))

    async def _not_opened(self, press: Pressed, error: Exception) -> None:
        _log.warning("slack.no_dialog", about=about(press), error=str(error) or "timeout")
        then = "Press again."
        if isinstance(press, Press):
            verb = "reject" if press.reference.d == "reject" else "responses"
            then = f"Press again, or use: firedoor {verb} {press.reference.r}"
        says = "The dialog did not open; nothing is recorded."
        await self._answers.tell(press, notice("warning", says, then=then))


_NOTHING = "The engine did not answer, and nothing is recorded. Close this, and press again in a moment."


def _open_ask(report: Report) -> Approval:
    if report.ask is None or not report.asking:
        raise NotCounted("nothing is asked here any more")
    return report.ask


def _raised(ask: Approval | None) -> str:
    """Say who has to say yes to all of a set; those in it are alike, so one ask tells it."""
    if ask is None:
        return "one person more than each of them needs by itself"
    return ", and ".join(f"{rule.quorum} of {' or '.join(ask.eligible(rule))}" for rule in ask.raised_rules())
