"""Calls to Temporal that gateway and hands share: bounded in time, failures in the house's words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.core.errors import Absent, Unavailable
from firedoor.domain.guard.clearance import ClearanceState, Freezes, unknown_state
from firedoor.domain.response.contract import (
    CLEARANCE,
    CLEARANCE_ID,
    CLEARANCE_STATE,
    FREEZES,
    REPORT,
    RESPOND,
    TASK_QUEUE,
)
from firedoor.domain.response.messages import Report

T = TypeVar("T")

#: One call; a detector waits at most five seconds for its answer, Slack three.
PATIENCE = timedelta(seconds=2)
#: A response that is older than this was begun by a house that ran before, and had its kill switch.
_A_WHILE = timedelta(hours=1)
_LOG = logging.getLogger("firedoor.temporal.calls")
_DROPPED = 0.02  # seconds until an update that the server dropped is sent again


async def answered(call: Awaitable[T]) -> T:
    """Wait for one call to Temporal; what it cannot do now is Unavailable."""
    try:
        return await asyncio.wait_for(call, timeout=PATIENCE.total_seconds() + 0.5)
    except TimeoutError:
        raise Unavailable("Temporal does not answer", mend="send it again", retry_after=5) from None
    except RPCError as error:
        raise unavailable(error) from None


async def updated(call: Callable[[], Awaitable[T]], within: timedelta) -> T:
    """Make one update, at most so long in all. `call` sends it, each time under the same id.

    Raises `WorkflowUpdateRPCTimeoutOrCancelledError` where no worker answered in time; the update may still
    land. An `rpc_timeout` alone does not bound it: the server may answer a call early and without an
    outcome, and the client then asks anew, with the whole time again (temporalio 1.35, server 1.32).
    An update that meets a workflow task that fails, as one does that closes the workflow while something
    else arrives, is dropped by the server with FAILED_PRECONDITION: it is sent again.
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            while True:
                try:
                    return await call()
                except RPCError as error:
                    if error.status != RPCStatusCode.FAILED_PRECONDITION:
                        raise
                await asyncio.sleep(_DROPPED)
    except TimeoutError:
        raise WorkflowUpdateRPCTimeoutOrCancelledError from None


def unavailable(error: RPCError) -> Unavailable:
    """Say that Temporal did not take it, and what to look at."""
    return Unavailable(
        f"Temporal does not take it ({error.status.name.lower()})",
        expected="a reachable Temporal with the namespace and search attributes of Firedoor",
        mend="send it again; `firedoor doctor` tells what is wrong",
        retry_after=5,
    )


async def report_of(client: Client, response: str) -> Report:
    """Tell how a response stands: an open one is asked, a closed one left its last word.

    Raises `Absent` for a response that nobody knows, `Unavailable` where no answer comes.
    """
    handle = client.get_workflow_handle(response, result_type=Report)
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
    if described.status not in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW):
        return report.after_end(described.status.name.lower() if described.status else "ended")
    return report


async def freezes_of(client: Client) -> Freezes:
    """Tell what the kill switch is thrown over now.

    Raises `Absent` where it does not run, `Unavailable` where no answer comes: then nothing may be changed.
    """
    handle = client.get_workflow_handle(CLEARANCE_ID)
    try:
        now: Freezes = await asyncio.wait_for(
            handle.query(
                FREEZES,
                result_type=Freezes,
                # One that was ended by force would answer what it held, and could not be thrown any more.
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=PATIENCE,
            ),
            timeout=PATIENCE.total_seconds() + 0.5,
        )
    except WorkflowQueryRejectedError:
        raise Absent("the kill switch does not run") from None
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise Absent("the kill switch does not run") from None
        raise unavailable(error) from None
    except (WorkflowQueryFailedError, TimeoutError):
        raise Unavailable(
            "whether the kill switch is thrown is not known", mend="Temporal does not answer"
        ) from None
    return now


async def stand_up(client: Client, known: Freezes | None = None) -> None:
    """Have the kill switch run, without ever releasing it by that.

    Where there never was one it is started. One that was ended by force is started again with what it held.
    Where that cannot be known, everything is frozen until a person has looked. `known` is what this process
    saw it hold last. Raises `Unavailable` where Temporal or a worker does not answer.
    """
    handle = client.get_workflow_handle(CLEARANCE_ID)
    try:
        described = await handle.describe(rpc_timeout=PATIENCE)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise unavailable(error) from None
        state = ClearanceState(now=known) if known is not None else await _never_there(client)
    else:
        if described.status == WorkflowExecutionStatus.RUNNING:
            return
        state = await _left_behind(client, described.run_id or "")
        _LOG.error(
            "the kill switch was ended (%s); it is started again. Frozen: %s",
            described.status.name.lower() if described.status else "unknown",
            state.now.says() or "nothing",
        )
    try:
        await client.start_workflow(
            CLEARANCE,
            state,
            id=CLEARANCE_ID,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary="the kill switch",
            rpc_timeout=PATIENCE,
        )
    except RPCError as error:
        raise unavailable(error) from None


async def _never_there(client: Client) -> ClearanceState:
    """Say what to begin with: nothing frozen, except where this house has answered findings before."""
    now = datetime.now(UTC)
    since = (now - _A_WHILE).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = f"WorkflowType = '{RESPOND}' AND StartTime < '{since}'"
    before = await answered(client.count_workflows(query, rpc_timeout=PATIENCE))
    if not before.count:
        return ClearanceState()
    _LOG.error("the record of the kill switch is gone; everything is frozen until somebody thaws it")
    return unknown_state("the record of the kill switch is gone; look at what was frozen, then thaw", now)


async def _left_behind(client: Client, run_id: str) -> ClearanceState:
    """Ask a run that is over what it held; a worker reads that from its history."""
    handle = client.get_workflow_handle(CLEARANCE_ID, run_id=run_id)
    try:
        state: ClearanceState = await asyncio.wait_for(
            handle.query(CLEARANCE_STATE, result_type=ClearanceState, rpc_timeout=PATIENCE),
            timeout=PATIENCE.total_seconds() + 0.5,
        )
    except TimeoutError:
        raise Unavailable("no worker answers what the kill switch held", mend="start a worker") from None
    except RPCError as error:
        if error.status not in (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.INVALID_ARGUMENT):
            raise unavailable(error) from None
    except WorkflowQueryFailedError as error:
        _LOG.error("what the kill switch held cannot be read: %s", error)
    else:
        return state
    why = "what the kill switch held when it was ended cannot be read; look at what was frozen, then thaw"
    return unknown_state(why, datetime.now(UTC))
