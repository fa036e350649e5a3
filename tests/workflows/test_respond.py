"""The response, end to end over a toy world, in Temporal's strict sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.harness import begin, finding, house, playbook, settings_over
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

SHUT = """
steps:
  - id: shut_it
    action: toy.shut
    params: {door: "${{ finding.resources[0].name }}"}
"""


@pytest_asyncio.fixture
async def running(temporal: WorkflowEnvironment, world: ToyWorld, tmp_path: Path) -> AsyncIterator[WorkflowEnvironment]:
    async with house(temporal.client, settings_over(tmp_path)):
        yield temporal


async def test_a_reversible_step_that_needs_nobody_runs_at_once(running: WorkflowEnvironment, world: ToyWorld) -> None:
    response = await begin(running.client, playbook(SHUT))
    report = await response.until("contained")
    assert world.state("front") == f"shut {response.incident.artefact}"
    assert world.effects() == ["shut front"]
    assert [entry.kind for entry in report.entries] == ["received", "planned", "begun", "applied", "verified"]


async def test_after_the_hold_the_response_closes_and_leaves_the_containment(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT + "hold: 1h\n"))
    await response.until("contained")
    await running.fast_forward(response.handle, timedelta(hours=2))
    report = await response.result()
    assert report.status == "closed"
    assert world.effects() == ["shut front"]
