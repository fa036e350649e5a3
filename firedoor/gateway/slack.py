"""Slack's door: a signed press becomes a vote, and what does not count is answered with its reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog
from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect

from firedoor.domain.approval import Voter
from firedoor.domain.errors import Absent, FiredoorError, Unavailable, Unreadable
from firedoor.domain.people import People
from firedoor.domain.response import VoteReceipt
from firedoor.gateway.exchange import body_of, respond
from firedoor.gateway.refusal import Refusal, problem
from firedoor.gateway.slack_signature import SlackSignatures
from firedoor.gateway.votes import Ballots, NotCounted, Votes, Waiting, trace
from firedoor.slack import modal
from firedoor.slack.blocks import Message
from firedoor.slack.interaction import Clicker, Ignored, Interaction, Press, RejectSubmit, payload_of, read
from firedoor.slack.notice import notice

_log = structlog.get_logger("firedoor.gateway")

_MOST: Final = 256 * 1024  # a press echoes its whole message
_WITHIN: Final = 2.4  # seconds; Slack tells the person that it failed after three


class SlackDoor(Protocol):
    """What this door says to Slack; the connector implements it."""

    async def open_view(self, trigger_id: str, view: dict[str, Any]) -> None:
        """Open a dialog for the person who pressed."""

    async def ephemeral(self, response_url: str, text: str, blocks: Sequence[dict[str, Any]]) -> None:
        """Tell something to the person who pressed, and to nobody else."""


class NotOurs(Refusal):
    """Signed by Slack, and yet about another app or workspace."""

    status, error = HTTPStatus.FORBIDDEN, "not_ours"


def slack_router(
    *,
    signing_secrets: Callable[[], tuple[bytes, ...]],
    app_id: str,
    team_id: str,
    people: Callable[[], People],
    engine: Votes,
    slack: SlackDoor,
    clock: Callable[[], datetime],
) -> APIRouter:
    """Build the door; raises `Misconfigured` on an empty signing secret."""
    router = APIRouter(tags=["slack"])
    signatures = SlackSignatures(signing_secrets, clock)
    desk = _Presses(app_id, team_id, Ballots(people, engine, clock, within=_WITHIN), slack)

    @router.post("/slack/interactions", response_class=Response, summary="Take what people press in Slack")
    async def interactions(request: Request) -> Response:
        """Take a press or a submitted dialog; an empty 200 means that a vote is durable or was answered."""
        try:
            body = await body_of(request, _MOST)
            signatures.check(request, body)
            interaction = read(payload_of(body))
            return await desk.answer(interaction)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it
        except Refusal as refusal:
            trace("slack", refusal.error, why=refusal.found)
            return respond(refusal.answer())
        except Unreadable as error:
            trace("slack", "unreadable", why=error.found)
            status = HTTPStatus.BAD_REQUEST
            return respond(problem(status, "unreadable", found=error.found, expected=error.expected))

    return router


class _Presses:
    """Who pressed, may they speak here, and what they are told."""

    def __init__(self, app_id: str, team_id: str, ballots: Ballots, slack: SlackDoor) -> None:
        self._app_id = app_id
        self._team_id = team_id
        self._ballots = ballots
        self._slack = slack

    async def answer(self, interaction: Interaction) -> Response:
        """Answer one interaction within Slack's three seconds."""
        self._check_ours(interaction.by)
        match interaction:
            case Ignored():
                return Response()
            case RejectSubmit():
                return await self._submitted(interaction)
            case Press() if interaction.reference.d == "reject":
                return await self._open_dialog(interaction)
            case Press():
                return await self._pressed(interaction)

    def _check_ours(self, by: Clicker) -> None:
        if by.app != self._app_id or self._team_id not in (by.team, by.enterprise):
            raise NotOurs("a press in another app or workspace", expected="our app in our workspace")

    def _voter(self, by: Clicker) -> Voter:
        """Bind the account to a person; raises `NotCounted` for whoever may not decide at all."""
        barred = by.barred or ("" if self._team_id in (by.home, by.enterprise) else "external")
        if barred:
            raise NotCounted(
                f"{barred} accounts cannot decide here", mend="Ask a full member of this workspace to decide."
            )
        teams = [team for team in (by.enterprise, by.team) if team]

        def find(people: People) -> str | None:
            found = (people.person_by_slack(team, by.user) for team in teams)
            return next((person for person in found if person is not None), None)

        return self._ballots.voter(find, f"the Slack account {by.team or by.enterprise}/{by.user}")

    def _refused(self, by: Clicker, error: NotCounted) -> None:
        """Leave a trace of a press that never reached the engine."""
        trace("slack", "refused", why=error.found, slack=f"{by.team or by.enterprise}/{by.user}")

    async def _open_dialog(self, press: Press) -> Response:
        try:
            self._voter(press.by)
        except NotCounted as error:
            self._refused(press.by, error)
            return self._tell(press, _why_not(error))
        try:
            async with asyncio.timeout(_WITHIN):
                await self._slack.open_view(press.trigger_id, modal.reject(press.reference))
        except (FiredoorError, TimeoutError) as error:
            _log.warning("slack.no_dialog", response=press.reference.r, error=str(error) or "timeout")
            says = f"Press again, or use: firedoor reject {press.reference.r}"
            return self._tell(
                press, notice("warning", "The dialog did not open; nothing is recorded.", then=says)
            )
        return Response()

    async def _pressed(self, press: Press) -> Response:
        """Approve, or ask for undo."""
        try:
            voter = self._voter(press.by)
        except NotCounted as error:
            self._refused(press.by, error)
            return self._tell(press, _why_not(error))
        reference = press.reference
        try:
            if reference.d == "undo":
                said = await self._ballots.undo(voter, reference.r, door="slack", before=reference.g)
            else:
                said = await self._vote(voter, press)
        except (NotCounted, Absent) as error:
            return self._tell(press, _why_not(error))
        except Unavailable as error:
            _log.warning("slack.vote_unavailable", response=reference.r, error=str(error))
            return self._tell(press, _may_be(press))
        if isinstance(said, Waiting):
            return self._tell(press, notice("hourglass", _WAITING))
        return Response()  # the card itself tells the rest

    async def _submitted(self, submit: RejectSubmit) -> Response:
        missing = modal.errors(submit.reason, submit.comment)
        if missing:
            return _json({"response_action": "errors", "errors": missing})
        try:
            voter = self._voter(submit.by)
        except NotCounted as error:
            self._refused(submit.by, error)
            return _field_error(_sentence(error))
        try:
            said = await self._vote(voter, submit)
        except (NotCounted, Absent) as error:
            return _field_error(_sentence(error))
        except Unavailable as error:
            _log.warning("slack.vote_unavailable", response=submit.reference.r, error=str(error))
            return _field_error(f"{_FAILED} {_AGAIN}")
        if isinstance(said, Waiting):
            return _json({"response_action": "update", "view": modal.told(_WAITING)})
        return Response()

    async def _vote(self, voter: Voter, word: Press | RejectSubmit) -> VoteReceipt | Waiting:
        reference = word.reference
        rejecting = isinstance(word, RejectSubmit)
        return await self._ballots.vote(
            voter,
            reference.r,
            door="slack",
            ask=reference.a,
            generation=reference.g,
            seen=reference.g,
            fingerprint=reference.h,
            decision="reject" if rejecting else "approve",
            reason=word.reason if isinstance(word, RejectSubmit) else None,
            comment=word.comment if isinstance(word, RejectSubmit) else "",
        )

    def _tell(self, press: Press, message: Message) -> Response:
        """Ack at once; what there is to say follows, for Slack waits three seconds for the ack alone."""

        async def tell() -> None:
            if not press.response_url:
                return
            try:
                await self._slack.ephemeral(press.response_url, message.text, message.blocks)
            except FiredoorError as error:
                _log.warning("slack.not_told", response=press.reference.r, error=str(error))

        return Response(background=BackgroundTask(tell))


_FAILED = "This FAILED: the engine did not answer, and it may or may not be recorded."
_AGAIN = "Send it again; the same answer counts once."
_WAITING = "Recorded. It waits for the engine, which will count it by the time you gave it."


def _may_be(press: Press) -> Message:
    reference = press.reference
    command = "undo" if reference.d == "undo" else f"approve --fingerprint {reference.fingerprint}"
    return notice("warning", _FAILED, then=f"{_AGAIN} Or use: firedoor {command} {reference.r}")


def _why_not(error: FiredoorError) -> Message:
    return notice("no_entry_sign", "This does not count:", f"{error.found}.", error.mend)


def _sentence(error: FiredoorError) -> str:
    return f"This does not count: {error.found}. {error.mend}".strip()


def _field_error(says: str) -> Response:
    return _json({"response_action": "errors", "errors": {modal.COMMENT: says[:600]}})


def _json(value: Mapping[str, Any]) -> Response:
    return Response(json.dumps(value), media_type="application/json")
