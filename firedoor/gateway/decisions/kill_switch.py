"""The kill switch over HTTP: those who may say yes may throw it, and somebody else of them releases it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import Field
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.approval.vote import Door, Voter
from firedoor.domain.approval.words import Signer, signature
from firedoor.domain.core.errors import Absent, FiredoorError, Unavailable
from firedoor.domain.core.value import Value
from firedoor.domain.guard.clearance import FreezeOrder, Freezes, ThawOrder
from firedoor.domain.people.identity import Directory
from firedoor.domain.response.contract import CLEARANCE_ID, FOREIGN_KEY, FREEZE, LEARN_KEY, THAW
from firedoor.domain.response.messages import KeyOffer
from firedoor.domain.yaml.problem import did_you_mean
from firedoor.gateway.api.bearer import Bearers, Tokens
from firedoor.gateway.api.bodies import read
from firedoor.gateway.api.body_limit import body_of
from firedoor.gateway.api.problem_details import door_of, refused
from firedoor.gateway.api.tries import Tries
from firedoor.gateway.crowd import prove
from firedoor.gateway.decisions.membership import member
from firedoor.gateway.decisions.port import NotCounted, trace
from firedoor.gateway.intake.refusal import Refusal
from firedoor.temporal.calls import PATIENCE, freezes_of, stand_up, unavailable, updated

R = TypeVar("R")

_MOST = 16 * 1024

_MOST_NAMED = 30  # accounts or playbooks in one answer

#: Bounded only: what is not configured here is refused with what is, whatever it looks like.
Account = Annotated[str, Field(min_length=1, max_length=64)]
PlaybookName = Annotated[str, Field(min_length=1, max_length=64)]


class FreezeBody(Value):
    """The body of a freeze: why, and over what; without `account` and `playbook` over everything."""

    why: Annotated[str, Field(min_length=1, max_length=500)]
    account: Account | None = None
    playbook: PlaybookName | None = None


class ThawBody(Value):
    """The body of a thaw: over what; an empty body releases everything."""

    account: Account | None = None
    playbook: PlaybookName | None = None


class NotThere(Refusal):
    """An account or a playbook that is not configured here: to freeze it would stop nothing."""

    status, error = HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_scope"


class NotAllowed(Refusal):
    """Somebody who is known, and may neither freeze nor thaw."""

    status, error = HTTPStatus.FORBIDDEN, "not_allowed"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What may be frozen here, and by whom; playbooks and groups are read anew at each word.

    `accounts` gives each its name. `groups` are those whose people may freeze and thaw, `people`
    those who may alone.
    """

    accounts: Mapping[str, str]
    playbooks: Callable[[], Collection[str]]
    groups: Callable[[], Collection[str]]
    people: Collection[str] = ()

    def check(self, body: FreezeBody) -> None:
        """Raise `NotThere` for a scope that does not exist here."""
        if body.account is not None and body.account not in self.accounts:
            ids = {name: id_ for id_, name in self.accounts.items()}
            mend = did_you_mean(body.account, [*self.accounts, *ids])
            named = ids.get(body.account)
            told = [f"{id_} ({name})" if name else id_ for id_, name in self.accounts.items()]
            raise _not_there(
                "account", body.account, told, f"did you mean {named!r}, its id?" if named else mend
            )
        known = sorted(self.playbooks())
        if body.playbook is not None and body.playbook not in known:
            raise _not_there("playbook", body.playbook, known, did_you_mean(body.playbook, known))

    def allow(self, voter: Voter) -> None:
        """Raise `NotAllowed` for whoever may neither freeze nor thaw."""
        groups = self.groups()
        if voter.person in self.people or set(voter.groups) & set(groups):
            return
        names = " or ".join(groups) or "a group that is asked"
        if unread := [group for group in groups if group in voter.unread]:
            raise Unavailable(
                f"who is in {' or '.join(unread)} cannot be read now, which means no", mend="try again soon"
            )
        raise NotAllowed(
            f"you are not in {names}, whose people throw and release the kill switch",
            expected=f"somebody of {names}",
            mend="ask one of them; `freeze: {from: [...]}` in policy.yaml says whose people may",
        )


def _not_there(kind: str, found: str, known: Sequence[str], mend: str) -> NotThere:
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return NotThere(
        f"there is no {kind} {found!r} here, so freezing it would stop nothing",
        expected=f"one of {', '.join(known[:_MOST_NAMED])}{more}" if known else f"a configured {kind}",
        mend=mend or f"leave out the {kind} to freeze everything",
    )


class _Foreign(NotCounted):
    """A word that is signed with a key the switch does not know yet."""


class Switch:
    """The gateway's side of the kill switch; `channel` names the desk that is told.

    Every word is signed here with the gateway's own key, as people's other words are.
    """

    def __init__(self, client: Client, signer: Signer, channel: str | None) -> None:
        self._client = client
        self._signer = signer
        self._channel = channel

    async def freezes(self) -> Freezes:
        """Tell what is frozen now; raises `Unavailable` where that cannot be known."""
        try:
            return await freezes_of(self._client)
        except Absent:
            await stand_up(self._client)
            raise Unavailable("the kill switch is being started", mend="ask again", retry_after=2) from None

    async def freeze(self, by: Voter, door: Door, body: FreezeBody, at: datetime) -> Freezes:
        """Throw the switch; durable, and in force for every hand, when this returns."""
        order = FreezeOrder(
            id=str(uuid.uuid4()),
            person=by.person,
            door=door,
            why=body.why,
            account=body.account,
            playbook=body.playbook,
            desk=self._channel,
            at=at,
        )
        return await self._update(FREEZE, order)

    async def thaw(self, by: Voter, door: Door, body: ThawBody, at: datetime) -> Freezes:
        """Release the switch; raises `NotCounted` for whoever threw it."""
        order = ThawOrder(
            id=str(uuid.uuid4()),
            person=by.person,
            door=door,
            account=body.account,
            playbook=body.playbook,
            desk=self._channel,
            at=at,
        )
        return await self._update(THAW, order)

    async def _update(self, name: str, order: FreezeOrder | ThawOrder) -> Freezes:
        """Say a signed word; a switch that is older than this gateway's key is let know of it first."""
        signed = signature(order.message(CLEARANCE_ID), self._signer)
        order = order.model_copy(update={"signed": signed})
        try:
            return await self._say(name, order, order.id, Freezes)
        except _Foreign:
            offer = KeyOffer(key=signed.key)
            await self._say(LEARN_KEY, offer, f"learn/{uuid.uuid4()}", None)
            return await self._say(name, order, f"{order.id}/again", Freezes)

    async def _say(self, name: str, value: Value, id_: str, result: type[R] | None) -> R:
        handle = self._client.get_workflow_handle(CLEARANCE_ID)

        async def update() -> R:
            try:
                return await sent()
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
            # It does not run: never with less frozen than it held, so it is not started with the order.
            await stand_up(self._client)
            return await sent()

        def sent() -> Awaitable[R]:
            made: Awaitable[R] = handle.execute_update(
                name, value, id=id_, result_type=result, rpc_timeout=2 * PATIENCE
            )
            return made

        try:
            return await updated(update, 2 * PATIENCE)
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.type == FOREIGN_KEY:
                raise _Foreign(cause.message, mend="`firedoor doctor` compares the gateway's keys") from None
            raise NotCounted(cause.message if isinstance(cause, ApplicationError) else str(cause)) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise Unavailable("no worker answers", mend="say it again; look at /v1/freeze") from None
        except RPCError as error:
            raise unavailable(error) from None


def clearance_router(
    *,
    directory: Directory,
    switch: Switch,
    reach: Reach,
    clock: Callable[[], datetime],
    tokens: Tokens | None = None,
    tries: Tries | None = None,
) -> APIRouter:
    """Build the door."""
    router = APIRouter(prefix="/v1", tags=["kill switch"])
    bearers, counted = Bearers(tokens), tries or Tries(clock)

    async def serve(
        request: Request, word: str, work: Callable[[Voter, Door], Awaitable[Freezes]]
    ) -> Response:
        door, person = door_of(request), ""
        try:
            identity = await bearers.identity(request, clock())
            voter = await member(directory, identity)
            prove(request)
            person = voter.person
            now = await work(voter, door)
        except FiredoorError as error:
            told = counted.told(request, error)
            if told is error:
                trace(door, "refused", word=word, person=person, response="", why=error.found)
            return refused(told)
        if word != "look":
            trace(door, "counted", word=word, person=person, response="", why=now.says())
        body: dict[str, Any] = now.model_dump(mode="json")
        return Response(json.dumps(body, ensure_ascii=False), HTTPStatus.OK, media_type="application/json")

    @router.get("/freeze", response_class=Response, summary="What is frozen?")
    async def look(request: Request) -> Response:
        """Tell what the kill switch is thrown over, by whom and why."""
        return await serve(request, "look", lambda _, __: switch.freezes())

    @router.post(
        "/freeze", response_class=Response, summary="Throw the kill switch", openapi_extra=_body(FreezeBody)
    )
    async def freeze(request: Request) -> Response:
        """Stop every change at once, also those approved a second ago; undo stays possible.

        What it stops waits for the thaw. 403 for whoever may not, 422 for a scope that does not exist here.
        """

        async def work(voter: Voter, door: Door) -> Freezes:
            reach.allow(voter)
            body = read(FreezeBody, await body_of(request, _MOST))
            reach.check(body)
            return await switch.freeze(voter, door, body, clock())

        return await serve(request, "freeze", work)

    @router.post(
        "/thaw", response_class=Response, summary="Release the kill switch", openapi_extra=_body(ThawBody)
    )
    async def thaw(request: Request) -> Response:
        """Let changes be made again; 409 for whoever threw the switch."""

        async def work(voter: Voter, door: Door) -> Freezes:
            reach.allow(voter)
            given = await body_of(request, _MOST)
            body = read(ThawBody, given) if given.strip() else ThawBody()
            return await switch.thaw(voter, door, body, clock())

        return await serve(request, "thaw", work)

    return router


def _body(model: type[Value]) -> dict[str, Any]:
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": model is FreezeBody, "content": content}}
