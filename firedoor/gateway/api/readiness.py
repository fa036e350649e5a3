"""Whether the house can do its work: Temporal, a worker that answers, its evidence, workflows that go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import Priority
from temporalio.service import RPCError

from firedoor.domain.response.contract import PROBE, TASK_QUEUE
from firedoor.temporal.calls import PATIENCE

OK: Final = "ok"

_FRESH = 5.0  # seconds for which an answer holds
_STALE = 20.0  # seconds after which an old answer says nothing any more
_WAIT = 3.0  # seconds that somebody who asks waits for a new answer
_LIFE = timedelta(seconds=15)  # of a probe that no worker takes up
#: Temporal marks a running workflow whose tasks keep failing (server 1.30 and later).
_FAILING = "ExecutionStatus = 'Running' AND TemporalReportedProblems IN ('category=WorkflowTaskFailed')"

Checks = dict[str, str]


class Readiness:
    """Sends a probe through Temporal to a worker when somebody asks, one at a time.

    An answer holds for some seconds, and while the next one is under way, so that a storm of findings,
    behind which a probe may have to wait for a moment, does not look like a failure.
    """

    def __init__(self, client: Client, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._last: Checks = {}
        self._at = float("-inf")
        self._going: asyncio.Task[None] | None = None

    async def checks(self) -> Checks:
        """Say of each part `ok`, or what is wrong with it."""
        if not await self._temporal():
            return {"temporal": "Temporal does not answer"}
        age = self._monotonic() - self._at
        if age > _FRESH:
            if self._going is None or self._going.done():
                self._going = asyncio.create_task(self._look())
            if age > _STALE:
                await asyncio.wait({self._going}, timeout=_WAIT)
        if self._monotonic() - self._at > _STALE:
            return {"temporal": OK, "worker": "no worker answers"}
        return {"temporal": OK, **self._last}

    async def _temporal(self) -> bool:
        with suppress(RPCError, RuntimeError, OSError, TimeoutError):
            return await asyncio.wait_for(self._client.service_client.check_health(), 2)
        return False

    async def _look(self) -> None:
        with suppress(RPCError, WorkflowFailureError):
            found = await self._probe()
            found["workflows"] = await self._failing()
            self._last = {part: wrong or OK for part, wrong in found.items()}
            self._at = self._monotonic()

    async def _probe(self) -> Checks:
        handle = await self._client.start_workflow(
            PROBE,
            id=f"probe/{uuid4()}",
            task_queue=TASK_QUEUE,
            execution_timeout=_LIFE,
            priority=Priority(priority_key=1, fairness_key="probe"),
            result_type=Checks,
            rpc_timeout=PATIENCE,
        )
        try:
            found: Checks = await handle.result()
        finally:
            await self._forget(handle.id, handle.first_execution_run_id or "")
        return {"worker": "", **found}

    async def _forget(self, workflow: str, run: str) -> None:
        """Have it deleted, which Temporal does within a minute: a probe is no record of anything."""
        execution = WorkflowExecution(workflow_id=workflow, run_id=run)
        request = DeleteWorkflowExecutionRequest(
            namespace=self._client.namespace, workflow_execution=execution
        )
        with suppress(RPCError):
            await self._client.workflow_service.delete_workflow_execution(request, timeout=PATIENCE)

    async def _failing(self) -> str:
        """Say how many workflows cannot go on; "" where none, or where this server does not tell."""
        try:
            counted = (await self._client.count_workflows(_FAILING, rpc_timeout=PATIENCE)).count
        except RPCError:
            return ""
        if not counted:
            return ""
        who = "1 workflow cannot go on: its" if counted == 1 else f"{counted} workflows cannot go on: their"
        return f"{who} tasks fail; look at the worker's log"
