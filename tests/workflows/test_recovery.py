"""A run that was ended from outside is seen and taken up again, with what it knew and with caution."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from activities.evidence import verify_file
from firedoor.app.reconciler import Reconciler
from firedoor.config.settings import Settings
from firedoor.connectors import signing
from firedoor.domain.evidence.pack import read
from firedoor.domain.response.contract import CARRIED, RESPOND, TASK_QUEUE, Joined
from firedoor.domain.response.messages import Ended, Incident, Report
from firedoor.gateway.decisions.temporal import Talk
from firedoor.gateway.intake.dispatch import Engine
from firedoor.temporal.calls import report_of
from firedoor.temporal.recovery import ENDED, taken_up
from tests.conftest import temporal_environment
from tests.harness import (
    GATEWAY,
    GATEWAY_KEY,
    NOW,
    Response,
    begin,
    end_later,
    finding,
    house,
    incident_for,
    playbook,
    settings_over,
)
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

SHUT = "hold: 7d\nsteps:\n  - {id: shut_it, action: toy.shut, params: {door: front}}\n"
SHUT_AND_WELD = SHUT + "  - {id: weld_it, action: toy.weld, params: {door: back}}\n"


@dataclass
class House:
    env: WorkflowEnvironment
    settings: Settings
    reconciler: Reconciler

    async def taken_up(self, response: Response) -> Response:
        """Have the reconciler look until it saw that run: Temporal's index is a moment behind."""
        for _ in range(200):
            await self.reconciler.look()
            described = await self.env.client.get_workflow_handle(response.handle.id).describe()
            if described.run_id != response.handle.first_execution_run_id:
                response.handle = self.env.client.get_workflow_handle(response.handle.id, result_type=Report)
                end_later(response.handle)
                return response
        raise AssertionError("nobody took it up")

    def proven(self, report: Report) -> bool:
        key = signing.SigningKey.from_pem(self.settings.evidence.signing_key.value().encode())
        for path in self.settings.evidence.store.glob("*.json"):
            if read(path.read_bytes()).head.response == report.id:
                verdict = verify_file(path, key.public_pem(), gateways=(GATEWAY_KEY,))
                assert verdict.ok, verdict.objections
                return True
        return False


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A Temporal of its own: what other tests end would be taken up here."""
    settings = settings_over(tmp_path_factory.mktemp("house"))
    async with temporal_environment() as env, house(env.client, settings):
        yield House(env, settings, Reconciler(env.client))


async def until(told: Callable[[], Awaitable[list[str]]], wanted: list[str]) -> None:
    """Wait for Temporal's index, which is a moment behind."""
    async with asyncio.timeout(30):
        while await told() != wanted:  # noqa: ASYNC110 - nothing here is told of a change
            await asyncio.sleep(0.05)


def said(report: Report, text: str) -> bool:
    return any(text in entry.says for entry in report.entries)


async def test_what_it_contained_is_held_and_can_be_taken_back_as_it_was(
    running: House, world: ToyWorld
) -> None:
    world.door("front", "ajar")
    response = await begin(running.env.client, playbook(SHUT))
    await response.until("contained")
    before = ENDED.labels(how="terminated", outcome="taken_up")._value.get()
    await response.handle.terminate(reason="an operator's mistake")
    response = await running.taken_up(response)
    report = await response.until("contained")
    assert said(report, "an operator's mistake")
    assert report.owed == ("shut_it",)
    assert ENDED.labels(how="terminated", outcome="taken_up")._value.get() == before + 1
    await response.ask_undo("alice")
    await response.until_asking("undo")
    await response.vote("bob")
    report = await response.result()
    assert report.status == "undone"
    assert world.state("front") == "ajar"
    assert running.proven(report)


async def test_after_a_terminate_nothing_is_asked_any_more_and_that_is_told(
    running: House, world: ToyWorld
) -> None:
    world.door("back")
    response = await begin(running.env.client, playbook(SHUT_AND_WELD))
    await response.until_seen("verified")
    await response.until_asking()
    await response.handle.terminate(reason="stop it")
    at_once = await report_of(running.env.client, response.handle.id)
    assert not at_once.asking
    assert at_once.open_asks() == ()
    assert at_once.ended == "terminated"
    response = await running.taken_up(response)
    report = await response.until("contained")
    assert not report.asking
    assert said(report, "withdrawn")
    assert world.effects() == ["shut front"]


async def test_one_that_held_nothing_is_closed_and_its_evidence_sealed(
    running: House, world: ToyWorld
) -> None:
    world.door("back")
    weld = "steps:\n  - {id: weld_it, action: toy.weld, params: {door: back}}\n"
    response = await begin(running.env.client, playbook(weld))
    await response.until_asking()
    await response.handle.terminate(reason="stop it")
    report = await (await running.taken_up(response)).result()
    assert said(report, "stop it")
    assert world.effects() == []
    assert running.proven(report)


async def test_a_step_under_way_is_owed_to_an_undo(running: House, world: ToyWorld) -> None:
    world.fault("reply", "front", "lost", 10_000)
    response = await begin(running.env.client, playbook(SHUT))
    await response.until_seen("begun")
    await response.handle.terminate(reason="stop it")
    world.fault("reply", "front", "lost", 0)
    response = await running.taken_up(response)
    report = await response.until_seen("failed")
    assert report.owed == ("shut_it",)
    await response.ask_undo("alice")
    await response.until_asking("undo")
    await response.vote("bob")
    assert (await response.result()).status in ("undone", "stuck")


async def test_what_a_limit_ended_asks_again_and_begins_nothing_by_itself(
    running: House, world: ToyWorld
) -> None:
    world.door("back")
    response = await begin(running.env.client, playbook(SHUT_AND_WELD))
    await response.until_seen("verified")
    await response.until_asking()
    carried = await response.handle.query(CARRIED, result_type=Incident)
    await response.handle.terminate(reason="as if the server had")
    handle = await running.env.client.start_workflow(
        RESPOND,
        carried.model_copy(update={"ended": Ended(how="history too large")}),
        id=response.handle.id,
        task_queue=TASK_QUEUE,
        result_type=Report,
    )
    end_later(handle)
    again = Response(running.env.client, response.incident, handle)
    asked = await again.until_asking()
    assert asked.ask is not None
    assert asked.ask.id == "2"
    assert said(asked, "its run was ended from outside (history too large)")
    await again.vote("alice")
    await again.until_seen("verified", times=2)
    assert world.effects() == ["shut front", "weld back"]


async def test_a_redelivery_joins_what_can_act_and_never_what_was_ended(
    running: House, world: ToyWorld
) -> None:
    book = playbook(SHUT, name="ended_and_told_again")
    clock = [datetime.now(UTC)]
    engine = Engine(running.env.client, lambda: [book], lambda: clock[0], gateway_keys=(GATEWAY_KEY,))
    (first,) = (await engine.take(finding(), source="acme")).responses
    handle = running.env.client.get_workflow_handle(first.id, result_type=Report)
    end_later(handle)
    response = Response(running.env.client, incident_for(book, finding()), handle)
    await response.until("contained")
    await handle.terminate(reason="a mistake")
    clock[0] += timedelta(seconds=6)  # what the gateway remembers for a moment is looked at again
    (again,) = (await engine.take(finding(), source="acme")).responses
    assert isinstance(again, Joined)
    described = await handle.describe()
    assert described.status == WorkflowExecutionStatus.RUNNING
    report = await response.until("contained")
    assert report.owed == ("shut_it",)
    assert world.effects() == ["shut front"]


async def test_a_newer_finding_joins_it_as_well(running: House, world: ToyWorld) -> None:
    book = playbook(SHUT, name="ended_and_told_more")
    engine = Engine(
        running.env.client, lambda: [book], lambda: datetime.now(UTC), gateway_keys=(GATEWAY_KEY,)
    )
    (first,) = (await engine.take(finding(), source="acme")).responses
    handle = running.env.client.get_workflow_handle(first.id, result_type=Report)
    end_later(handle)
    response = Response(running.env.client, incident_for(book, finding()), handle)
    await response.until("contained")
    await handle.terminate(reason="a mistake")
    more = finding(uid="f-2", type="Intrusion:Door/Other", modified=NOW + timedelta(minutes=1))
    (again,) = (await engine.take(more, source="acme")).responses
    assert again.joined
    assert (await response.until_seen("joined")).findings_seen == 2


async def test_it_is_taken_up_once_however_many_look(running: House, world: ToyWorld) -> None:
    response = await begin(running.env.client, playbook(SHUT))
    await response.until("contained")
    await response.handle.terminate(reason="a mistake")
    await running.taken_up(response)
    run = (await response.handle.describe()).run_id
    for _ in range(3):
        assert await Reconciler(running.env.client).look() >= 0
    assert (await response.handle.describe()).run_id == run


async def test_after_a_terminate_it_leaves_the_lists_and_is_listed_once_when_it_is_taken_up(
    running: House, world: ToyWorld
) -> None:
    world.door("back")
    talk = Talk(running.env.client, GATEWAY)
    response = await begin(running.env.client, playbook(SHUT_AND_WELD))
    id_ = response.handle.id
    await response.until_asking()

    async def listed(*, asking: bool) -> list[str]:
        found = await talk.list(None, None, None, asking=asking)
        return [each.status for each in found if each.id == id_]

    await until(lambda: listed(asking=True), ["awaiting_approval"])
    await response.handle.terminate(reason="stop it")
    await until(lambda: listed(asking=True), [])
    assert await listed(asking=False) == ["failed"]
    await running.taken_up(response)
    await response.until("contained")
    await until(lambda: listed(asking=False), ["contained"])
    assert await listed(asking=True) == []


async def test_one_that_is_ended_for_good_is_told_and_left(running: House, world: ToyWorld) -> None:
    response = await begin(running.env.client, playbook(SHUT))
    await response.until("contained")
    run = (await response.handle.describe()).run_id
    before = ENDED.labels(how="terminated", outcome="for_good")._value.get()
    await response.handle.terminate(reason="For good: it was a test")
    assert not await taken_up(running.env.client, response.handle.id)
    assert ENDED.labels(how="terminated", outcome="for_good")._value.get() == before + 1
    latest = await running.env.client.get_workflow_handle(response.handle.id).describe()
    assert latest.run_id == run
    assert world.effects() == ["shut front"]
