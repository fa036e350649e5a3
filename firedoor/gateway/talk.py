"""People's words on their way into responses, and how responses stand on the way out, through Temporal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.approval import Vote
from firedoor.domain.contract import REPORT, RESPOND, UNDO, VOTE, VOTE_SIGNAL, Status
from firedoor.domain.errors import Absent, Unavailable
from firedoor.domain.response import Report, UndoRequest, VoteReceipt
from firedoor.gateway.temporal import PATIENCE, answered, unavailable
from firedoor.gateway.votes import Listed, NotCounted, Waiting

_MOST = 200  # responses of one list
#: How long a vote waits to be counted before it is left as a signal; Slack waits three seconds.
_COUNTED_WITHIN = timedelta(seconds=1.4)


class Talk:
    """The doors' side of Temporal: votes and undo requests as updates, reports as queries."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def vote(self, response_id: str, vote: Vote) -> VoteReceipt | Waiting:
        """Count a vote. With no worker to count it, it is left as a signal: durable, and the same vote."""
        try:
            return await self._update(response_id, VOTE, vote, vote.id)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            signal = self._client.get_workflow_handle(response_id).signal(
                VOTE_SIGNAL, vote, rpc_timeout=PATIENCE
            )
            await answered(signal)
            return Waiting(fingerprint=vote.fingerprint)

    async def undo(self, response_id: str, request: UndoRequest) -> VoteReceipt | Waiting:
        """Ask for the approval of taking a response back."""
        try:
            return await self._update(response_id, UNDO, request, request.id)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise Unavailable(
                "no worker answers", mend="say it again; the same request counts once"
            ) from None

    async def _update(self, response_id: str, name: str, value: Any, id_: str) -> VoteReceipt:
        handle = self._client.get_workflow_handle(response_id)
        try:
            receipt: VoteReceipt = await handle.execute_update(
                name, value, id=id_, result_type=VoteReceipt, rpc_timeout=_COUNTED_WITHIN
            )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            raise NotCounted(cause.message if isinstance(cause, ApplicationError) else str(cause)) from None
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise await self._over(response_id) from None
            raise unavailable(error) from None
        return receipt

    async def _over(self, response_id: str) -> NotCounted | Absent:
        """Tell a closed response from one that never was."""
        try:
            await answered(self._client.get_workflow_handle(response_id).describe(rpc_timeout=PATIENCE))
        except Unavailable:
            return Absent("no response has this id", expected="an id from `firedoor responses`")
        return NotCounted("this response is closed; nothing is being asked here any more")

    async def report(self, response_id: str) -> Report:
        """Tell how a response stands: an open one is asked, a closed one left its last word."""
        handle = self._client.get_workflow_handle(response_id, result_type=Report)
        try:
            described = await handle.describe(rpc_timeout=PATIENCE)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise Absent("no response has this id", expected="an id from `firedoor responses`") from None
            raise unavailable(error) from None
        if described.status == WorkflowExecutionStatus.COMPLETED:
            closed: Report = await answered(handle.result(rpc_timeout=PATIENCE))
            return closed
        try:
            report: Report = await answered(handle.query(REPORT, result_type=Report, rpc_timeout=PATIENCE))
        except (WorkflowQueryFailedError, WorkflowFailureError):
            raise Unavailable(
                "the response does not answer", mend="ask again, or look at Temporal's page"
            ) from None
        return report

    async def list(
        self, status: Status | None, playbook: str | None, since: datetime | None
    ) -> tuple[Listed, ...]:
        """List responses, newest first, from Temporal's own index."""
        wanted = [f"WorkflowType = '{RESPOND}'"]
        if status is not None:
            # Bare, the server takes it for a column of its own that does not exist (server 1.32).
            wanted.append(f"`Status` = '{status}'")
        if playbook is not None:
            # The doors let only names through; this keeps a quote from ever ending the text.
            wanted.append(f"Playbook = '{''.join(c for c in playbook if c.isalnum() or c == '_')}'")
        if since is not None:
            wanted.append(f"StartTime >= '{since.astimezone(UTC).isoformat()}'")
        listing = self._client.list_workflows(" AND ".join(wanted), limit=_MOST)
        try:
            found = [_listed(execution) async for execution in listing]
        except RPCError as error:
            raise unavailable(error) from None
        return tuple(sorted(found, key=lambda each: each.started, reverse=True))


def _listed(execution: WorkflowExecution) -> Listed:
    def told(name: str) -> str:
        return execution.typed_search_attributes.get(SearchAttributeKey.for_keyword(name)) or ""

    status = told("Status")
    return Listed(
        id=execution.id,
        playbook=told("Playbook"),
        status=cast("Status", status) if status in get_args(Status) else "planning",
        severity=told("Severity"),
        account=told("Account"),
        started=execution.start_time,
        closed=execution.close_time,
    )
