"""Responses over HTTP: list, look, vote, put off, hand over and ask for undo, for people with a token."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, cast, get_args

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from firedoor.domain.approval.vote import Door, Voter
from firedoor.domain.core import duration
from firedoor.domain.core.errors import FiredoorError, Unreadable
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment
from firedoor.domain.people.identity import Directory, Identity
from firedoor.domain.response.contract import Status
from firedoor.domain.response.messages import Nudged, Report, VoteReceipt
from firedoor.gateway.api.bearer import Bearers, Tokens
from firedoor.gateway.api.bodies import Ballot, Reassign, Snooze, Wish, fingerprint_of, read, reason_of
from firedoor.gateway.api.body_limit import body_of
from firedoor.gateway.api.problem_details import door_of, refused
from firedoor.gateway.api.tries import Tries
from firedoor.gateway.crowd import prove
from firedoor.gateway.decisions.membership import NotKnown, member
from firedoor.gateway.decisions.port import Votes, Waiting, known, trace
from firedoor.gateway.decisions.service import Ballots

_MOST: Final = 64 * 1024
_WITHIN: Final = 10.0  # seconds; a script waits longer than a person in Slack
_MOMENT = TypeAdapter(Moment)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class _Who:
    """Who asks, and through which door."""

    identity: Identity
    voter: Voter
    door: Door


def responses_router(
    *,
    directory: Directory,
    engine: Votes,
    clock: Callable[[], datetime],
    tokens: Tokens | None = None,
    tries: Tries | None = None,
) -> APIRouter:
    """Build the door. Ids hold slashes: `/v1/responses/respond/leaked_access_key/<32 hex>/votes`.

    `tokens` lets tokens of the identity provider in as well, beside personal ones.
    `tries` are shared by the doors that take them.
    """
    router = APIRouter(prefix="/v1/responses", tags=["responses"])
    desk = _Desk(directory, engine, clock, Bearers(tokens), tries or Tries(clock))

    @router.get("", response_class=Response, summary="List responses")
    async def listed(request: Request) -> Response:
        """List responses, newest first, narrowed by `status`, `playbook`, `since` (or `24h`), `asking`."""
        return await desk.serve(request, desk.list)

    @router.post(
        "/{id:path}/votes", response_class=Response, summary="Say yes or no", openapi_extra=_body(Ballot)
    )
    async def vote(id: str, request: Request) -> Response:  # noqa: A002
        """Cast a vote; 409 names the reason when it does not count."""
        return await desk.serve(request, lambda who, request: desk.vote(who, request, id))

    @router.post(
        "/{id:path}/undo", response_class=Response, summary="Ask for undo", openapi_extra=_body(Wish)
    )
    async def undo(id: str, request: Request) -> Response:  # noqa: A002
        """Ask for the approval of taking a response back."""
        return await desk.serve(request, lambda who, request: desk.undo(who, request, id))

    @router.post(
        "/{id:path}/snooze", response_class=Response, summary="Remind later", openapi_extra=_body(Snooze)
    )
    async def snooze(id: str, request: Request) -> Response:  # noqa: A002
        """Put the reminder of the open ask off; its deadline stays."""
        return await desk.serve(request, lambda who, request: desk.snooze(who, request, id))

    @router.post(
        "/{id:path}/reassign",
        response_class=Response,
        summary="Ask somebody to look",
        openapi_extra=_body(Reassign),
    )
    async def reassign(id: str, request: Request) -> Response:  # noqa: A002
        """Ask one of those who may decide to look at the open ask."""
        return await desk.serve(request, lambda who, request: desk.reassign(who, request, id))

    @router.get("/{id:path}", response_class=Response, summary="Look at one response")
    async def one(id: str, request: Request) -> Response:  # noqa: A002
        """Tell the plan, the votes, the ledger and the fingerprint."""
        return await desk.serve(request, lambda who, request: desk.one(who, request, id))

    return router


class _Desk:
    """Who asks, what they ask, and the answer in HTTP's words."""

    def __init__(
        self,
        directory: Directory,
        engine: Votes,
        clock: Callable[[], datetime],
        bearers: Bearers,
        tries: Tries,
    ) -> None:
        self._directory = directory
        self._ballots = Ballots(directory, engine, clock, within=_WITHIN)
        self._engine = engine
        self._clock = clock
        self._bearers = bearers
        self._tries = tries

    async def serve(self, request: Request, work: Callable[[_Who, Request], Awaitable[Response]]) -> Response:
        """Let people with a token in, and answer every refusal as problem details."""
        try:
            return await work(await self._who(request), request)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it
        except FiredoorError as error:
            return refused(error)

    async def _who(self, request: Request) -> _Who:
        """Bind a token to a person, before anything of the request is read."""
        door = door_of(request)
        try:
            identity = await self._bearers.identity(request, self._clock())
            voter = await member(self._directory, identity)
        except NotKnown as error:
            answer = self._tries.failed(request, error)
            if answer is error:
                trace(door, "unauthenticated", why=error.found)
            raise answer from None
        prove(request)
        return _Who(identity, voter, door)

    async def list(self, _: _Who, request: Request) -> Response:
        """List responses."""
        asked = request.query_params
        unknown = sorted(set(asked) - {"status", "playbook", "since", "asking"})
        if unknown:
            raise Unreadable("an unknown query parameter", expected="status, playbook, since or asking")
        if asked.get("asking") not in (None, "", "true"):
            raise Unreadable("an `asking` that is not true", expected="asking=true, or none")
        status, playbook = asked.get("status") or None, asked.get("playbook") or None
        if status is not None and status not in get_args(Status):
            raise Unreadable("an unknown status", expected=f"one of {', '.join(get_args(Status))}")
        if playbook is not None and not _NAME.fullmatch(playbook):
            raise Unreadable("what is no playbook's name", expected="a name such as leaked_access_key")
        found = await self._engine.list(
            cast("Status | None", status),
            playbook,
            self._since(asked.get("since")),
            asking=asked.get("asking") == "true",
        )
        return _json({"responses": [each.model_dump(mode="json") for each in found]})

    def _since(self, text: str | None) -> datetime | None:
        if not text:
            return None
        try:
            return self._clock() - duration.parse(text)
        except (ValueError, OverflowError):
            return _moment(text)

    async def one(self, _: _Who, __: Request, response: str) -> Response:
        """Look at one response."""
        return _json(_view(await self._engine.report(known(response))))

    async def vote(self, who: _Who, request: Request, response: str) -> Response:
        """Cast a vote on what is asked now: the fingerprint says which plan the person has seen."""
        ballot = read(Ballot, await body_of(request, _MOST))
        if ballot.break_glass and ballot.decision != "approve":
            raise Unreadable("a no that breaks the glass", expected="break_glass with approve alone")
        reason, comment = (None, ballot.reason.strip()) if ballot.break_glass else reason_of(ballot)
        fingerprint = fingerprint_of(ballot.fingerprint)
        report = await self._engine.report(known(response))
        # More than one may be open at once: the shown ask, and the review of a broken glass.
        asks = [ask for ask in (report.ask, report.review) if ask is not None]
        named = next((ask for ask in asks if fingerprint in (ask.fingerprint, ask.plan_sha256)), None)
        said = await self._ballots.vote(
            who.identity,
            response,
            door=who.door,
            ask=named.id if named else "",
            generation=named.generation if named else None,
            fingerprint=fingerprint,
            decision=ballot.decision,
            reason=reason,
            comment=comment,
            break_glass=ballot.break_glass,
        )
        return _said(said)

    async def undo(self, who: _Who, request: Request, response: str) -> Response:
        """Ask for undo."""
        body = await body_of(request, _MOST)
        wish = read(Wish, body) if body.strip() else Wish()
        report = await self._engine.report(known(response))
        before = sum(entry.kind == "undo_requested" for entry in report.entries)
        said = await self._ballots.undo(who.identity, response, door=who.door, before=before, why=wish.why)
        return _said(said)

    async def snooze(self, who: _Who, request: Request, response: str) -> Response:
        """Put the reminder off."""
        wish = read(Snooze, await body_of(request, _MOST))
        said = await self._ballots.snooze(
            who.identity,
            response,
            door=who.door,
            fingerprint=fingerprint_of(wish.fingerprint),
            minutes=wish.minutes,
        )
        return _said(said)

    async def reassign(self, who: _Who, request: Request, response: str) -> Response:
        """Ask somebody to look."""
        wish = read(Reassign, await body_of(request, _MOST))
        said = await self._ballots.reassign(
            who.identity,
            response,
            door=who.door,
            fingerprint=fingerprint_of(wish.fingerprint),
            to=Identity(kind="person", keys=(wish.to,)),
        )
        return _said(said)


def _view(report: Report) -> dict[str, Any]:
    """What people and scripts look at: the report, with what is a property of the ask written out."""
    view = report.model_dump(mode="json")
    view["ledger"] = view.pop("entries")
    view["fingerprint"] = report.ask.fingerprint if report.ask else None
    view["votes"] = view["ask"]["votes"] if report.ask else []
    return view


def _moment(text: str) -> datetime:
    try:
        return _MOMENT.validate_python(text)
    except ValidationError:
        raise Unreadable(
            "a `since` that cannot be read",
            expected="a time with its zone such as 2026-11-22T02:14:07Z, or 24h",
        ) from None


def _said(said: VoteReceipt | Waiting | Nudged) -> Response:
    status = HTTPStatus.ACCEPTED if isinstance(said, Waiting) else HTTPStatus.OK
    return _json(said.model_dump(mode="json"), status)


def _json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, media_type="application/json")


def _body(model: type[Value]) -> dict[str, Any]:
    """Document a body that is read by us: the token is checked before it, which FastAPI would do after."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": model is not Wish, "content": content}}
