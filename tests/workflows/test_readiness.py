"""/readyz asks a worker through Temporal whether the work can be done, and leaves nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from temporalio import workflow
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.common import RetryPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from firedoor.gateway.api.readiness import Readiness
from tests.harness import house, settings_over

pytestmark = pytest.mark.integration


class Usage(NamedTuple):
    """What the system tells of a disk, in bytes."""

    total: int
    used: int
    free: int


class Moved:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_house_that_works_is_ready_and_its_probe_is_deleted(
    temporal: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal deletes within a minute what it was asked to: the test waits for the asking."""
    deleted: list[str] = []
    delete = temporal.client.workflow_service.delete_workflow_execution

    async def asked(request: DeleteWorkflowExecutionRequest, **more: Any) -> Any:
        deleted.append(request.workflow_execution.workflow_id)
        return await delete(request, **more)

    monkeypatch.setattr(temporal.client.workflow_service, "delete_workflow_execution", asked)
    async with house(temporal.client, settings_over(tmp_path)):
        checks = await Readiness(temporal.client).checks()
    assert checks == {"temporal": "ok", "worker": "ok", "evidence": "ok", "workflows": "ok"}
    assert [each.partition("/")[0] for each in deleted] == ["probe"]
    assert list((tmp_path / "evidence").iterdir()) == []


async def test_no_worker_is_said(temporal: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.gateway.api.readiness._WAIT", 0.2)
    checks = await Readiness(temporal.client).checks()
    assert checks == {"temporal": "ok", "worker": "no worker answers"}


async def test_evidence_that_cannot_be_written_is_said_with_its_folder(
    temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    settings = settings_over(tmp_path)
    settings.evidence.store.write_text("a file stands where the folder should be")
    async with house(temporal.client, settings):
        checks = await Readiness(temporal.client).checks()
    assert checks["evidence"].startswith(f"evidence cannot be written to {settings.evidence.store}")


async def test_a_disk_that_is_nearly_full_is_said_before_evidence_is_lost(
    temporal: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 5, 5))
    async with house(temporal.client, settings_over(tmp_path)):
        checks = await Readiness(temporal.client).checks()
    assert "is nearly full: 0 MiB are free" in checks["evidence"]


async def test_what_was_well_is_asked_again_and_what_broke_meanwhile_is_seen(
    temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    clock = Moved()
    readiness = Readiness(temporal.client, clock)
    settings = settings_over(tmp_path)
    async with house(temporal.client, settings):
        assert (await readiness.checks())["evidence"] == "ok"
        shutil.rmtree(settings.evidence.store)
        settings.evidence.store.write_text("gone")
        assert (await readiness.checks())["evidence"] == "ok", "an answer holds for some seconds"
        clock.now += 60
        assert (await readiness.checks())["evidence"] != "ok"


async def test_a_worker_that_is_gone_is_seen(
    temporal: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firedoor.gateway.api.readiness._WAIT", 0.2)
    clock = Moved()
    readiness = Readiness(temporal.client, clock)
    async with house(temporal.client, settings_over(tmp_path)):
        assert (await readiness.checks())["worker"] == "ok"
    clock.now += 60
    assert (await readiness.checks())["worker"] == "no worker answers"


@workflow.defn(name="broken")
class Broken:
    """A workflow whose code a new version broke."""

    @workflow.run
    async def run(self) -> None:
        """Fail the task, not the workflow."""
        raise ValueError("what no version before did")


async def test_workflows_that_cannot_go_on_are_counted(temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    client = temporal.client
    clock = Moved()
    readiness = Readiness(client, clock)
    async with (
        Worker(client, task_queue="b", workflows=[Broken], workflow_runner=UnsandboxedWorkflowRunner()),
        house(client, settings_over(tmp_path)),
    ):
        stuck = await client.start_workflow("broken", id="broken", task_queue="b", retry_policy=RetryPolicy())
        try:
            for _ in range(600):  # Temporal marks it after its second failure, about ten seconds later
                clock.now += 60
                said = (await readiness.checks())["workflows"]
                if said != "ok":
                    break
        finally:
            await stuck.terminate()
    assert said == "1 workflow cannot go on: its tasks fail; look at the worker's log"
