"""People's words on their way into responses, and how responses stand on the way out, through Temporal."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast, get_args

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.approval.vote import Vote
from firedoor.domain.approval.words import Signer, Word, signature
from firedoor.domain.channel.messages import FrozenSet, GatherOrder, VoteAll
from firedoor.domain.core.errors import Absent, Unavailable
from firedoor.domain.response.contract import (
    FOREIGN_KEY,
    GATHER,
    LEARN_KEY,
    REASSIGN,
    RESPOND,
    SNOOZE,
    UNDO,
    UNDO_SIGNAL,
    VOTE,
    VOTE_ALL,
    VOTE_SIGNAL,
    Status,
    desk_id,
)
from firedoor.domain.response.messages import (
    KeyOffer,
    Nudged,
    ReassignRequest,
    Report,
    SnoozeRequest,
    UndoRequest,
    VoteReceipt,
)
from firedoor.gateway.decisions.port import Listed, NotCounted, Waiting
from firedoor.temporal.calls import PATIENCE, answered, report_of, unavailable, updated
from firedoor.temporal.recovery import ENDED_FROM_OUTSIDE

R = TypeVar("R")
W = TypeVar("W", bound=Word)

_MOST = 200  # responses of one list
#: How long a vote waits to be counted before it is left as a signal; Slack waits three seconds.
_COUNTED_WITHIN = timedelta(seconds=1.4)


class _Foreign(NotCounted):
    """A word that is signed with a key the response does not know yet."""


class Talk:
    """The doors' side of Temporal: votes and requests as updates, reports as queries.

    Every word is signed here, whatever its door, with the gateway's own key: Temporal carries it, and
    cannot make one up. `channel` names the desk; None where there is no Slack.
    """

    def __init__(self, client: Client, signer: Signer, channel: str | None = None) -> None:
        self._client = client
        self._signer = signer
        self._channel = channel

    async def vote(self, response_id: str, vote: Vote) -> VoteReceipt | Waiting:
        """Count a vote. With no worker to count it, it is left as a signal: durable, and the same vote.

        A vote that nobody stands behind is never left: it could not count, whatever the response says.
        """
        vote = self._signed(vote, response_id)
        try:
            return await self._say(response_id, VOTE, vote, VoteReceipt)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            if vote.unbound:
                raise NotCounted(vote.unbound) from None
            await self._leave(response_id, VOTE_SIGNAL, vote)
            return Waiting(fingerprint=vote.fingerprint)

    async def undo(self, response_id: str, request: UndoRequest) -> VoteReceipt | Waiting:
        """Ask for the approval of taking a response back; left as a signal where no worker answers."""
        request = self._signed(request, response_id)
        try:
            return await self._say(response_id, UNDO, request, VoteReceipt)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            await self._leave(response_id, UNDO_SIGNAL, request)
            return Waiting()

    async def snooze(self, response_id: str, request: SnoozeRequest) -> Nudged:
        """Put a reminder off."""
        return await self._nudge(response_id, SNOOZE, request)

    async def reassign(self, response_id: str, request: ReassignRequest) -> Nudged:
        """Ask somebody who may decide to look."""
        return await self._nudge(response_id, REASSIGN, request)

    async def _nudge(self, response_id: str, name: str, request: Word) -> Nudged:
        try:
            return await self._say(response_id, name, self._signed(request, response_id), Nudged)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise Unavailable("no worker answers", mend="say it again in a moment") from None

    async def gather(self, order: GatherOrder) -> FrozenSet:
        """Freeze what a digest line stands for now."""
        id_ = f"gather/{uuid.uuid4()}"  # each look freezes its own set
        try:
            return await self._update(self._desk(), GATHER, order, id_, FrozenSet)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise Unavailable("no worker answers", mend="say it again in a moment") from None

    async def vote_all(self, word: VoteAll) -> Waiting:
        """Leave a word about every ask of a frozen set; durable once this returns."""
        try:
            signed = self._signed(word, self._desk())
            await self._update(self._desk(), VOTE_ALL, signed, word.id, None)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise Unavailable("no worker answers", mend="say it again; the same word counts once") from None
        return Waiting(fingerprint=word.sha256)

    def _desk(self) -> str:
        if self._channel is None:
            raise NotCounted("there is no desk here: Slack is not configured")
        return desk_id(self._channel)

    def _signed(self, word: W, about: str) -> W:
        return word.model_copy(update={"signed": signature(word.message(about), self._signer)})

    async def _say(self, response_id: str, name: str, word: Word, result: type[R]) -> R:
        """Say a signed word. A response that is older than this gateway's key is let know of it first."""
        try:
            return await self._update(response_id, name, word, word.id, result)
        except _Foreign:
            if word.signed is None:
                raise
            await self._update(
                response_id, LEARN_KEY, KeyOffer(key=word.signed.key), f"learn/{uuid.uuid4()}", None
            )
            return await self._update(response_id, name, word, word.id, result)

    async def _leave(self, response_id: str, name: str, value: Any) -> None:
        handle = self._client.get_workflow_handle(response_id)
        await answered(handle.signal(name, value, rpc_timeout=PATIENCE))

    async def _update(self, workflow: str, name: str, value: Any, id_: str, result: type[R] | None) -> R:
        handle = self._client.get_workflow_handle(workflow)

        def update() -> Awaitable[R]:
            sent: Awaitable[R] = handle.execute_update(
                name, value, id=id_, result_type=result, rpc_timeout=_COUNTED_WITHIN
            )
            return sent

        try:
            return await updated(update, _COUNTED_WITHIN)
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.type == FOREIGN_KEY:
                raise _Foreign(cause.message, mend="`firedoor doctor` compares the gateway's keys") from None
            raise NotCounted(cause.message if isinstance(cause, ApplicationError) else str(cause)) from None
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise await self._over(workflow) from None
            raise unavailable(error) from None

    async def _over(self, workflow: str) -> NotCounted | Absent:
        """Tell a closed response from one that never was."""
        try:
            await answered(self._client.get_workflow_handle(workflow).describe(rpc_timeout=PATIENCE))
        except Unavailable:
            return Absent("no response has this id", expected="an id from `firedoor responses`")
        return NotCounted("this response is closed; nothing is being asked here any more")

    async def report(self, response_id: str) -> Report:
        """Tell how a response stands: an open one is asked, a closed one left its last word."""
        return await report_of(self._client, response_id)

    async def list(
        self, status: Status | None, playbook: str | None, since: datetime | None, *, asking: bool = False
    ) -> tuple[Listed, ...]:
        """List responses, newest first, from Temporal's own index."""
        # A run that handed on to the next one is the same response.
        wanted = [f"WorkflowType = '{RESPOND}'", "ExecutionStatus != 'ContinuedAsNew'"]
        if status is not None:
            # Bare, the server takes it for a column of its own that does not exist (server 1.32).
            wanted.append(f"`Status` = '{status}'")
        if asking:
            # A run that was ended from outside keeps its last status in the index, and asks nothing.
            wanted.append("ExecutionStatus = 'Running'")
            wanted.append("(`Status` = 'awaiting_approval' OR Review = 'open')")
        if playbook is not None:
            # The doors let only names through; this keeps a quote from ever ending the text.
            wanted.append(f"Playbook = '{''.join(c for c in playbook if c.isalnum() or c == '_')}'")
        if since is not None:
            wanted.append(f"StartTime >= '{since.astimezone(UTC).isoformat()}'")
        listing = self._client.list_workflows(" AND ".join(wanted), limit=_MOST)
        try:
            found = [execution async for execution in listing]
        except RPCError as error:
            raise unavailable(error) from None
        newest: dict[str, datetime] = {}
        for each in found:
            newest[each.id] = max(each.start_time, newest.get(each.id, each.start_time))
        # One that was ended from outside and taken up again is told once.
        kept = (
            _listed(each)
            for each in found
            if each.status not in ENDED_FROM_OUTSIDE or each.start_time == newest[each.id]
        )
        told = (each for each in kept if status is None or each.status == status)
        return tuple(sorted(told, key=lambda each: each.started, reverse=True))


def _listed(execution: WorkflowExecution) -> Listed:
    def told(name: str) -> str:
        return execution.typed_search_attributes.get(SearchAttributeKey.for_keyword(name)) or ""

    # What was ended from outside keeps its last status in the index, and stands still.
    status = "failed" if execution.status in ENDED_FROM_OUTSIDE else told("Status")
    return Listed(
        id=execution.id,
        playbook=told("Playbook"),
        status=cast("Status", status) if status in get_args(Status) else "planning",
        severity=told("Severity"),
        account=told("Account"),
        started=execution.start_time,
        closed=execution.close_time,
    )
