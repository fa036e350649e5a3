"""Responses over HTTP: list, look, vote and ask for undo, for people with a personal token."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar, cast, get_args

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from firedoor.domain import duration
from firedoor.domain.approval import Decision, RejectReason, Voter
from firedoor.domain.canonical import fingerprint as shortened
from firedoor.domain.contract import Status
from firedoor.domain.errors import Absent, FiredoorError, Unavailable, Unreadable
from firedoor.domain.finding import Moment
from firedoor.domain.people import People
from firedoor.domain.response import Report, VoteReceipt
from firedoor.domain.value import Value
from firedoor.findings.json_reader import read_json
from firedoor.gateway.exchange import body_of, respond
from firedoor.gateway.refusal import Refusal, problem
from firedoor.gateway.votes import Ballots, NotCounted, Votes, Waiting, known, trace

V = TypeVar("V", bound=Value)

_MOST: Final = 64 * 1024
_WITHIN: Final = 10.0  # seconds; a script waits longer than a person in Slack
_TOKEN = re.compile(r"[Bb]earer +([!-~]{1,512})", re.ASCII)
_MOMENT = TypeAdapter(Moment)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Ballot(Value):
    """The body of a vote.

    `reason` of a no is one of false_positive, wrong_action, bad_time and
    handled_elsewhere, with a sentence for the next responder after a colon.
    """

    decision: Decision
    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{14,64}$")]
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""


class Wish(Value):
    """The body of an undo request; an empty body will do."""

    why: Annotated[str, Field(max_length=1000)] = ""


class NotKnown(Refusal):
    """No token, or nobody's."""

    status, error = HTTPStatus.UNAUTHORIZED, "unauthenticated"


def responses_router(
    *, people: Callable[[], People], engine: Votes, clock: Callable[[], datetime]
) -> APIRouter:
    """Build the door. Ids hold slashes: `/v1/responses/respond/leaked_access_key/<32 hex>/votes`."""
    router = APIRouter(prefix="/v1/responses", tags=["responses"])
    desk = _Desk(Ballots(people, engine, clock, within=_WITHIN), engine, clock)

    @router.get("", response_class=Response, summary="List responses")
    async def listed(request: Request) -> Response:
        """List responses, newest first; `status`, `playbook` and `since` (a time, or `24h`) narrow it."""
        return await desk.serve(request, desk.list)

    @router.post(
        "/{id:path}/votes", response_class=Response, summary="Say yes or no", openapi_extra=_body(Ballot)
    )
    async def vote(id: str, request: Request) -> Response:  # noqa: A002
        """Cast a vote; 409 names the reason when it does not count."""
        return await desk.serve(request, lambda voter, request: desk.vote(voter, request, id))

    @router.post(
        "/{id:path}/undo", response_class=Response, summary="Ask for undo", openapi_extra=_body(Wish)
    )
    async def undo(id: str, request: Request) -> Response:  # noqa: A002
        """Ask for the approval of taking a response back."""
        return await desk.serve(request, lambda voter, request: desk.undo(voter, request, id))

    @router.get("/{id:path}", response_class=Response, summary="Look at one response")
    async def one(id: str, request: Request) -> Response:  # noqa: A002
        """Tell the plan, the votes, the ledger and the fingerprint."""
        return await desk.serve(request, lambda voter, request: desk.one(voter, request, id))

    return router


class _Desk:
    """Who asks, what they ask, and the answer in HTTP's words."""

    def __init__(self, ballots: Ballots, engine: Votes, clock: Callable[[], datetime]) -> None:
        self._ballots = ballots
        self._engine = engine
        self._clock = clock

    async def serve(
        self, request: Request, work: Callable[[Voter, Request], Awaitable[Response]]
    ) -> Response:
        """Let people with a token in, and answer every refusal as problem details."""
        try:
            return await work(self._voter(request), request)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it
        except FiredoorError as error:
            return _refused(error)

    def _voter(self, request: Request) -> Voter:
        """Bind a token to a person; only its hash is compared, and in constant time."""
        given = request.headers.getlist("authorization")
        match = _TOKEN.fullmatch(given[0]) if len(given) == 1 else None
        if match is None:
            trace("http", "unauthenticated")
            raise NotKnown("no bearer token", expected="Authorization: Bearer and a personal token")
        sha256 = hashlib.sha256(match[1].encode()).hexdigest()
        try:
            return self._ballots.voter(lambda people: people.person_by_token(sha256), "this token")
        except NotCounted as error:
            trace("http", "unauthenticated", why=error.found)
            raise NotKnown(error.found, expected="a token of a person", mend=error.mend) from None

    async def list(self, _: Voter, request: Request) -> Response:
        """List responses."""
        asked = request.query_params
        unknown = sorted(set(asked) - {"status", "playbook", "since"})
        if unknown:
            raise Unreadable("an unknown query parameter", expected="status, playbook or since")
        status, playbook = asked.get("status") or None, asked.get("playbook") or None
        if status is not None and status not in get_args(Status):
            raise Unreadable("an unknown status", expected=f"one of {', '.join(get_args(Status))}")
        if playbook is not None and not _NAME.fullmatch(playbook):
            raise Unreadable("what is no playbook's name", expected="a name such as leaked_access_key")
        found = await self._engine.list(
            cast("Status | None", status), playbook, self._since(asked.get("since"))
        )
        return _json({"responses": [each.model_dump(mode="json") for each in found]})

    def _since(self, text: str | None) -> datetime | None:
        if not text:
            return None
        try:
            return self._clock() - duration.parse(text)
        except (ValueError, OverflowError):
            return _moment(text)

    async def one(self, _: Voter, __: Request, response: str) -> Response:
        """Look at one response."""
        return _json(_view(await self._engine.report(known(response))))

    async def vote(self, voter: Voter, request: Request, response: str) -> Response:
        """Cast a vote on what is asked now: the fingerprint says which plan the person has seen."""
        ballot = _read(Ballot, await body_of(request, _MOST))
        asked = (await self._engine.report(known(response))).ask
        reason, comment = _reason(ballot)
        fingerprint = _fingerprint(ballot.fingerprint)
        # Two asks may be open at once, a step and an undo: a vote that is not about the shown one is named by
        # its fingerprint, so that the same person's votes on both are two.
        named = asked is not None and fingerprint in (asked.fingerprint, asked.plan_sha256)
        said = await self._ballots.vote(
            voter,
            response,
            door="http",
            ask=asked.id if named and asked else _short(fingerprint),
            generation=asked.generation if named and asked else 0,
            seen=None,
            fingerprint=fingerprint,
            decision=ballot.decision,
            reason=reason,
            comment=comment,
        )
        return _said(said)

    async def undo(self, voter: Voter, request: Request, response: str) -> Response:
        """Ask for undo."""
        body = await body_of(request, _MOST)
        wish = _read(Wish, body) if body.strip() else Wish()
        report = await self._engine.report(known(response))
        before = sum(entry.kind == "undo_requested" for entry in report.entries)
        said = await self._ballots.undo(voter, response, door="http", before=before, why=wish.why)
        return _said(said)


def _view(report: Report) -> dict[str, Any]:
    """What people and scripts look at: the report, with what is a property of the ask written out."""
    view = report.model_dump(mode="json")
    view["ledger"] = view.pop("entries")
    view["fingerprint"] = report.ask.fingerprint if report.ask else None
    view["votes"] = view["ask"]["votes"] if report.ask else []
    return view


def _read(model: type[V], body: bytes) -> V:
    """Read a JSON body; what it held is never repeated."""
    try:
        return model.model_validate(read_json(body))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(ascii(part) for part in first["loc"]) or "the body"
        expected = f"a JSON object with {', '.join(model.model_fields)}"
        raise Unreadable(f"{where}: {first['msg'][:200]}", expected=expected) from None


def _fingerprint(written: str) -> str:
    """Forgive the case in which a person typed it."""
    return written.upper() if "-" in written else written.lower()


def _short(fingerprint: str) -> str:
    return fingerprint if "-" in fingerprint else shortened(fingerprint)


def _reason(ballot: Ballot) -> tuple[RejectReason | None, str]:
    """Split `bad time: the release is running` into the reason and the sentence."""
    head, _, tail = ballot.reason.partition(":")
    code = "_".join(head.lower().replace("-", " ").replace("_", " ").split())
    if code in get_args(RejectReason):
        return cast("RejectReason", code), tail.strip()
    sentence = ballot.reason.strip()
    return ("other" if sentence else None), sentence


def _moment(text: str) -> datetime:
    try:
        return _MOMENT.validate_python(text)
    except ValidationError:
        raise Unreadable(
            "a `since` that cannot be read",
            expected="a time with its zone such as 2026-11-22T02:14:07Z, or 24h",
        ) from None


def _said(said: VoteReceipt | Waiting) -> Response:
    status = HTTPStatus.ACCEPTED if isinstance(said, Waiting) else HTTPStatus.OK
    return _json(said.model_dump(mode="json"), status)


def _json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, media_type="application/json")


#: Errors as HTTP says them; what is in none of these classes is a mistake of ours.
_REFUSALS: Final[tuple[tuple[type[FiredoorError], HTTPStatus, str, dict[str, str]], ...]] = (
    (NotKnown, NotKnown.status, NotKnown.error, {"WWW-Authenticate": 'Bearer realm="firedoor"'}),
    (NotCounted, HTTPStatus.CONFLICT, "not_counted", {}),
    (Absent, HTTPStatus.NOT_FOUND, "unknown_response", {}),
    (Unreadable, HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable", {}),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", {"Retry-After": "2"}),
)


def _refused(error: FiredoorError) -> Response:
    """Say a refusal as problem details."""
    for kind, status, word, headers in _REFUSALS:
        if isinstance(error, kind):
            return respond(
                problem(
                    status, word, found=error.found, expected=error.expected, mend=error.mend, headers=headers
                )
            )
    if isinstance(error, Refusal):
        return respond(error.answer())
    raise error


def _body(model: type[Value]) -> dict[str, Any]:
    """Document a body that is read by us: the token is checked before it, which FastAPI would do after."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": model is Ballot, "content": content}}
