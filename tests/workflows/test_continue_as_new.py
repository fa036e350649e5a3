"""A long life: a response hands on to its next run wherever it is, and forgets nothing."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from activities.evidence import verify_file
from firedoor.config.settings import Settings
from firedoor.connectors import signing
from firedoor.domain.evidence.rules import violations
from firedoor.domain.finding.finding import Resource
from firedoor.domain.guard.clearance import FreezeOrder, ThawOrder
from firedoor.domain.response.contract import FREEZE, JOIN, THAW
from firedoor.domain.response.messages import Report
from firedoor.temporal.calls import stand_up
from tests.conftest import temporal_environment
from tests.harness import GATEWAY_KEY, NOW, Response, begin, finding, house, playbook, say, settings_over
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

SHUT = "hold: 7d\nsteps:\n  - {id: shut_it, action: toy.shut, params: {door: front}}\n"
SHUT_AND_WELD = SHUT + "  - {id: weld_it, action: toy.weld, params: {door: back}}\n"
#: The server suggests it after so many events here, instead of 4 096.
FEW = 25


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    async with temporal_environment(f"limit.historyCount.suggestContinueAsNew={FEW}") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def settings(env: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Settings]:
    made = settings_over(tmp_path)
    async with house(env.client, made):
        yield made


async def the_run(response: Response) -> str:
    described = await response.client.get_workflow_handle(response.handle.id).describe()
    assert described.status == WorkflowExecutionStatus.RUNNING
    assert described.run_id is not None
    return described.run_id


async def long(env: WorkflowEnvironment, response: Response) -> None:
    """Let a response live until it has handed on, by messages that change nothing in the world."""
    response.handle = env.client.get_workflow_handle(response.handle.id, result_type=Report)
    first = await the_run(response)
    for number in range(FEW):
        more = finding(
            uid=f"g-{number}",
            modified=NOW + timedelta(minutes=number + 1),
            resources=(Resource(kind="Toy::Door", uid=f"arn:toy:door:::other{number}", name=f"o{number}"),),
        )
        await response.handle.execute_update(JOIN, more)
        if await the_run(response) != first:
            return
    raise AssertionError("it never continued as new")


def proven(settings: Settings) -> bool:
    key = signing.SigningKey.from_pem(settings.evidence.signing_key.value().encode())
    (path,) = settings.evidence.store.glob("*.json")
    verdict = verify_file(path, key.public_pem(), gateways=(GATEWAY_KEY,))
    assert verdict.ok, verdict.objections
    return True


async def test_while_it_holds(env: WorkflowEnvironment, settings: Settings, world: ToyWorld) -> None:
    response = await begin(env.client, playbook(SHUT))
    first = await response.until("contained")
    await long(env, response)
    report = await response.until("contained")
    assert report.entries[: len(first.entries)] == first.entries
    assert report.owed == ("shut_it",)
    assert report.version > first.version
    await response.ask_undo("alice")
    await response.until_asking("undo")
    await response.vote("bob")
    await response.until_seen("undone")
    assert (await response.result()).status == "undone"
    assert world.effects() == ["shut front", "open front"]
    assert proven(settings)


async def test_while_people_are_asked_the_open_card_stays_valid(
    env: WorkflowEnvironment, settings: Settings, world: ToyWorld
) -> None:
    world.door("back")
    response = await begin(env.client, playbook(SHUT_AND_WELD))
    await response.until_seen("verified")
    asked = (await response.until_asking()).ask
    assert asked is not None
    await long(env, response)
    again = (await response.until_asking()).ask
    assert again == asked
    await response.vote("alice", fingerprint=asked.fingerprint, ask=asked.id, generation=asked.generation)
    await response.until_seen("verified", times=2)
    assert world.effects() == ["shut front", "weld back"]


async def test_votes_given_before_it_count_after_it(
    env: WorkflowEnvironment, settings: Settings, world: ToyWorld
) -> None:
    text = SHUT.replace("{door: front}}", "{door: front}, approval: {quorum: 2, within: 30m}}")
    response = await begin(env.client, playbook(text))
    await response.until_asking()
    await response.vote("alice")
    await long(env, response)
    report = await response.until_asking()
    assert report.ask is not None
    assert [vote.voter.person for vote in report.ask.votes] == ["alice"]
    await response.vote("bob")
    await response.until("contained")
    assert world.effects() == ["shut front"]


async def test_the_deadline_of_an_ask_stays_where_it_is(
    env: WorkflowEnvironment, settings: Settings, world: ToyWorld
) -> None:
    world.door("back")
    response = await begin(env.client, playbook(SHUT_AND_WELD))
    asked = (await response.until_asking()).ask
    await long(env, response)
    await env.fast_forward(response.handle, timedelta(minutes=31))
    report = await response.until_asking(generation=2)
    assert report.ask is not None
    assert asked is not None
    assert report.ask.escalated
    assert report.ask.asked_at < asked.deadline + timedelta(minutes=5)
    assert world.effects() == ["shut front"]


async def test_while_undo_is_asked(env: WorkflowEnvironment, settings: Settings, world: ToyWorld) -> None:
    response = await begin(env.client, playbook(SHUT))
    await response.until("contained")
    await response.ask_undo("alice")
    asked = (await response.until_asking("undo")).ask
    await long(env, response)
    assert (await response.until_asking("undo")).ask == asked
    await response.vote("bob")
    assert (await response.result()).status == "undone"
    assert world.effects() == ["shut front", "open front"]


async def test_while_the_kill_switch_parks_it(
    env: WorkflowEnvironment, settings: Settings, world: ToyWorld
) -> None:
    await stand_up(env.client)
    freeze = FreezeOrder(id=uuid.uuid4().hex, person="bob", door="cli", why="a bug in a playbook", at=NOW)
    await say(env.client, FREEZE, freeze)
    response = await begin(env.client, playbook(SHUT))
    await response.until("parked")
    await long(env, response)
    await response.until("parked")
    assert world.effects() == []
    thaw = ThawOrder(id=uuid.uuid4().hex, person="alice", door="cli", at=datetime.now(UTC))
    await say(env.client, THAW, thaw)
    report = await response.until("contained")
    assert world.effects() == ["shut front"]
    assert violations(report.id, report.entries) == []


async def test_between_the_steps_of_an_undo_each_is_taken_back_once(
    env: WorkflowEnvironment, settings: Settings, world: ToyWorld
) -> None:
    names = [f"d{number}" for number in range(8)]
    for name in names:
        world.door(name)
    many = finding(resources=tuple(Resource(kind="D", uid=f"arn:toy:door:::{n}", name=n) for n in names))
    text = "hold: 7d\nsteps:\n  - id: shut_all\n    for_each: finding.resources\n    as: door\n"
    text += "    max_targets: 9\n"
    text += '    action: toy.shut\n    params: {door: "${{ door.name }}"}\n'
    response = await begin(env.client, playbook(text), many)
    await response.until("contained")
    response.handle = env.client.get_workflow_handle(response.handle.id, result_type=Report)
    await response.ask_undo("alice")
    await response.until_asking("undo")
    await response.vote("bob")
    report = await response.result()
    assert report.status == "undone"
    assert sorted(world.effects()) == sorted(f"{what} {name}" for what in ("shut", "open") for name in names)
    runs = [each async for each in env.client.list_workflows(f"WorkflowId = '{response.handle.id}'")]
    assert len(runs) > 1, "it never continued as new"
    assert proven(settings)


async def test_what_is_not_seen_contained_yet_is_looked_at_by_the_next_run(
    env: WorkflowEnvironment, settings: Settings, world: ToyWorld
) -> None:
    world.door("back")
    world.fault("verify", "front", "not_yet", 10_000)
    response = await begin(env.client, playbook(SHUT_AND_WELD))
    await response.until_asking()
    await long(env, response)
    report = await response.until_seen("unverified")
    assert [entry.step for entry in report.entries if entry.kind == "unverified"] == ["shut_it"]


async def test_a_cancel_is_carried_until_there_is_something_to_take_back(
    env: WorkflowEnvironment, settings: Settings, world: ToyWorld
) -> None:
    text = SHUT.replace("{door: front}}", "{door: front}, approval: {quorum: 1, within: 30m}}")
    response = await begin(env.client, playbook(text))
    await response.until_asking()
    await response.handle.cancel()
    await response.until_seen("noted")
    await long(env, response)
    await response.vote("alice")
    await response.until_asking("undo")
    assert world.effects() == ["shut front"]
