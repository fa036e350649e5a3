"""A small plan is made where the workflow runs; what is slow or large, by an ordinary activity."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from firedoor.domain.finding.finding import Resource
from firedoor.domain.response.contract import PLAN
from tests.harness import Response, begin, finding, house, playbook, settings_over
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

SHUT = 'steps:\n  - {id: shut_it, action: toy.shut, params: {door: "${{ finding.resources[0].name }}"}}\n'
EACH = """
steps:
  - id: shut_all
    for_each: finding.resources
    as: door
    max_targets: 20
    action: toy.shut
    params: {door: "${{ door.name }}"}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WorkflowEnvironment]:
    async with house(temporal.client, settings_over(tmp_path_factory.mktemp("house"))):
        yield temporal


async def activities(response: Response) -> list[str]:
    """Name the ordinary activities that a history holds."""
    history = await response.handle.fetch_history()
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


async def test_a_small_plan_costs_no_ordinary_activity(running: WorkflowEnvironment, world: ToyWorld) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until("contained")
    assert await activities(response) == ["toy.shut.apply"]


async def test_a_slow_plan_lets_the_workflow_hear_others_and_is_made_by_an_ordinary_activity(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    gate = world.gate("plan", "front")
    response = await begin(running.client, playbook(SHUT))
    while await activities(response) != [PLAN]:
        await response.report()  # a workflow task that is held would not answer
    gate.unlink()
    await response.until("contained")
    assert world.effects() == ["shut front"]


async def test_a_vendor_that_is_away_is_asked_again_with_all_patience(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    world.fault("plan", "front", "unavailable", 2)
    response = await begin(running.client, playbook(SHUT))
    report = await response.until("contained")
    assert await activities(response) == [PLAN, "toy.shut.apply"]
    assert [entry.kind for entry in report.entries].count("planned") == 1


async def test_a_plan_of_many_targets_is_an_ordinary_activity_from_the_start(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    names = [f"d{number}" for number in range(9)]
    for name in names:
        world.door(name)
    many = finding(resources=tuple(Resource(kind="D", uid=f"arn:toy:door:::{n}", name=n) for n in names))
    response = await begin(running.client, playbook(EACH), many)
    await response.until("contained")
    history = await response.handle.fetch_history()
    assert not any(event.HasField("marker_recorded_event_attributes") for event in history.events)
    assert (await activities(response))[0] == PLAN
