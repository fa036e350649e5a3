"""Recovery: a response whose run was ended from outside is taken up again, with all that it knew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import structlog
from prometheus_client import Counter
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHistoryEventFilterType,
    WorkflowQueryFailedError,
)
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.core.errors import Rejected, Unavailable
from firedoor.domain.response.contract import CARRIED, RESPOND, TASK_QUEUE
from firedoor.domain.response.messages import Ended, Incident
from firedoor.temporal.calls import PATIENCE, answered, unavailable

log = structlog.get_logger("firedoor.temporal.recovery")

#: How a run ends that did not end itself.
ENDED_FROM_OUTSIDE = frozenset(
    {
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.TIMED_OUT,
        WorkflowExecutionStatus.CANCELED,
    }
)
#: A reason that begins so ends a response without a next run: nothing of it can be taken back here then.
FOR_GOOD = "for good"
#: What the server itself calls itself when a history reached its limit.
_SERVER = "history-service"
_REASON = 300  # characters

_NAME = "firedoor_responses_ended_from_outside_total"
_SAYS = "Responses whose run was terminated, failed or timed out, and whether they were taken up again."
ENDED = Counter(_NAME, _SAYS, ["how", "outcome"])


async def taken_up(client: Client, response: str, *, within: timedelta = PATIENCE) -> bool:
    """Begin a run that goes on with what an ended one knew; False where there is none to go on with.

    Its state is what a worker reads from the history of the ended run. Raises `Unavailable` where no worker
    answers in time, and `Rejected` where none can read that history.
    """
    described = await answered(client.get_workflow_handle(response).describe(rpc_timeout=PATIENCE))
    if described.status not in ENDED_FROM_OUTSIDE:
        return False
    how = described.status.name.lower() if described.status else "ended"
    ended = await ended_how(client, described)
    if ended.for_good:
        _count(how, "for_good")
        log.error("response.ended_for_good", response=response, run=described.run_id, how=ended.how)
        return False
    try:
        incident = await _carried(client, described, within)
        begun = await _begin(client, described, incident.model_copy(update={"ended": ended}))
    except Rejected as error:
        _count(how, "unreadable")
        log.exception("response.unreadable", response=response, how=ended.how, why=str(error))
        raise
    if begun:
        _count(how, "taken_up")
        log.error("response.taken_up", response=response, run=described.run_id, how=ended.how)
    return True


async def ended_how(client: Client, described: WorkflowExecutionDescription) -> Ended:
    """Tell who ended a run, and why, from its last event."""
    how = described.status.name.lower() if described.status else "ended"
    handle = client.get_workflow_handle(described.id, run_id=described.run_id)
    last: HistoryEvent | None = None
    try:
        async for event in handle.fetch_history_events(
            event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT, rpc_timeout=PATIENCE
        ):
            last = event
    except RPCError as error:
        raise unavailable(error) from None
    if last is None or not last.HasField("workflow_execution_terminated_event_attributes"):
        return Ended(how=how)
    told = last.workflow_execution_terminated_event_attributes
    who = f"{how} by {told.identity}" if told.identity else how
    reason = f"{who}: {told.reason}" if told.reason else who
    operator = told.identity != _SERVER
    return Ended(
        how=reason[:_REASON],
        by_operator=operator,
        for_good=operator and told.reason.strip().lower().startswith(FOR_GOOD),
    )


async def _carried(client: Client, described: WorkflowExecutionDescription, within: timedelta) -> Incident:
    handle = client.get_workflow_handle(described.id, run_id=described.run_id)
    asked: Awaitable[Incident] = handle.query(CARRIED, result_type=Incident, rpc_timeout=within)
    try:
        return await asyncio.wait_for(asked, within.total_seconds() + 0.5)
    except TimeoutError:
        raise _nobody() from None
    except WorkflowQueryFailedError as error:
        raise Rejected(
            f"the history of {described.id} cannot be read: {error}",
            expected="a history that this worker's code can replay",
            mend="what it contained is still contained; look at its run in Temporal's page, and undo by hand",
        ) from None
    except RPCError as error:
        if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            raise _nobody() from None
        raise unavailable(error) from None


def _nobody() -> Unavailable:
    return Unavailable("no worker answers in time", mend="send it again", retry_after=5)


async def _begin(client: Client, described: WorkflowExecutionDescription, incident: Incident) -> bool:
    severity, account = incident.finding.severity, incident.account or "none"
    more: dict[str, Any] = {"search_attributes": described.typed_search_attributes}
    try:
        await answered(
            client.start_workflow(
                RESPOND,
                incident,
                id=described.id,
                task_queue=TASK_QUEUE,
                # One that was taken up by another worker, and is over already, does not begin a second time.
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=f"{incident.playbook.playbook}: {incident.playbook.summary}"[:200],
                priority=Priority(priority_key=severity.urgency, fairness_key=account),
                rpc_timeout=PATIENCE,
                **more,
            )
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


def _count(how: str, outcome: str) -> None:
    """Count it for whoever asks this process: the gateway's /metrics, or what Temporal's SDK exports."""
    labels = {"how": how, "outcome": outcome}
    ENDED.labels(**labels).inc()
    Runtime.default().metric_meter.create_counter(_NAME, _SAYS).add(1, labels)
