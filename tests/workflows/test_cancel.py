"""A cancel in Temporal changes nothing by itself: it asks for undo like anybody, and needs a yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from firedoor.domain.evidence.rules import violations
from firedoor.domain.response.contract import JOIN
from firedoor.domain.response.messages import Report
from tests.harness import NOW, Response, begin, finding, house, playbook, settings_over
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

SHUT = "steps:\n  - {id: shut_it, action: toy.shut, params: {door: front}}\n"
SHUT_AND_WELD = SHUT + "  - {id: weld_it, action: toy.weld, params: {door: front}}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WorkflowEnvironment]:
    async with house(temporal.client, settings_over(tmp_path_factory.mktemp("house"))):
        yield temporal


def says(report: Report, kind: str) -> list[str]:
    return [entry.says for entry in report.entries if entry.kind == kind]


async def cancel(response: Response, reason: str = "somebody clicked") -> None:
    await response.handle.cancel(reason=reason)


async def test_a_cancel_while_it_holds_leaves_the_containment_and_asks_for_undo(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until("contained")
    await cancel(response)
    asked = await response.until_asking("undo")
    assert says(asked, "undo_requested") == [
        "cancelled in Temporal (somebody clicked): that asks for undo, which needs a yes"
    ]
    assert world.effects() == ["shut front"]
    await response.vote("alice")
    report = await response.result()
    assert report.status == "undone"
    assert world.effects() == ["shut front", "open front"]
    assert violations(report.id, report.entries) == []


async def test_a_no_to_a_cancel_keeps_the_containment_and_the_response_goes_on(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until("contained")
    await cancel(response)
    await response.until_asking("undo")
    await response.vote("bob", "reject")
    await response.until("contained")
    more = finding(uid="f-2", type="Intrusion:Door/Other", modified=NOW + timedelta(minutes=1))
    await response.handle.execute_update(JOIN, more)
    await response.until_seen("planned", times=2)
    assert world.effects() == ["shut front"]


async def test_silence_to_a_cancel_keeps_the_containment(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook("hold: 7d\n" + SHUT))
    await response.until("contained")
    await cancel(response)
    await response.until_asking("undo")
    await running.fast_forward(response.handle, timedelta(hours=2))
    await response.until("contained")
    assert world.effects() == ["shut front"]


async def test_a_second_cancel_changes_nothing(running: WorkflowEnvironment, world: ToyWorld) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until("contained")
    await cancel(response)
    first = (await response.until_asking("undo")).ask
    await cancel(response, "once more")
    report = await response.report()
    assert report.ask == first
    assert world.effects() == ["shut front"]


async def test_a_cancel_while_it_plans_is_asked_about_when_there_is_something_to_take_back(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    world.fault("plan", "front", "unavailable", 3)
    response = await begin(running.client, playbook(SHUT))
    await cancel(response)
    await response.until_asking("undo")
    assert world.effects() == ["shut front"]


async def test_a_cancel_while_it_asks_leaves_that_ask_open(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT_AND_WELD))
    await response.until_seen("verified")
    asked = (await response.until_asking()).ask
    assert asked is not None
    await cancel(response)
    await response.until_asking("undo")
    await response.vote("alice", fingerprint=asked.fingerprint, ask=asked.id, generation=asked.generation)
    await response.until_seen("verified", times=2)
    assert world.effects() == ["shut front", "weld front"]


async def test_a_cancel_while_it_asks_and_nothing_is_done_yet_takes_no_ask_away(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    world.door("front")
    weld = "steps:\n  - {id: weld_it, action: toy.weld, params: {door: front}}\n"
    response = await begin(running.client, playbook(weld))
    asked = (await response.until_asking()).ask
    await cancel(response)
    report = await response.until_seen("noted")
    assert report.ask == asked
    assert "the response goes on" in says(report, "noted")[0]
    assert world.effects() == []


async def test_a_cancel_while_a_vendor_is_down_stops_no_try(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    world.fault("apply", "front", "unavailable", 3)
    response = await begin(running.client, playbook(SHUT))
    await response.until_seen("begun")
    await cancel(response)
    await response.until_asking("undo")
    await response.until_seen("verified")
    assert world.effects() == ["shut front"]


async def test_a_cancel_while_it_is_taken_back_changes_nothing(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until("contained")
    world.fault("undo", "front", "unavailable", 3)
    await response.ask_undo("alice")
    await response.vote("bob")
    await response.until_seen("undoing")
    await cancel(response)
    assert (await response.result()).status == "undone"
    assert world.effects() == ["shut front", "open front"]
