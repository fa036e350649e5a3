"""Calls to Temporal that gateway and hands share: bounded in time, failures in the house's words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.clearance import Freezes
from firedoor.domain.contract import CLEARANCE_ID, FREEZES, REPORT
from firedoor.domain.errors import Absent, Unavailable
from firedoor.domain.response import Report

T = TypeVar("T")

#: One call; a detector waits at most five seconds for its answer, Slack three.
PATIENCE = timedelta(seconds=2)
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
    return report


async def freezes_of(client: Client) -> Freezes:
    """Tell what the kill switch is thrown over now; raises `Unavailable` where that cannot be known."""
    handle = client.get_workflow_handle(CLEARANCE_ID)
    try:
        now: Freezes = await asyncio.wait_for(
            handle.query(FREEZES, result_type=Freezes, rpc_timeout=PATIENCE),
            timeout=PATIENCE.total_seconds() + 0.5,
        )
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return Freezes()  # nobody ever threw it
        raise unavailable(error) from None
    except (WorkflowQueryFailedError, TimeoutError):
        raise Unavailable(
            "whether the kill switch is thrown is not known", mend="Temporal does not answer"
        ) from None
    return now
