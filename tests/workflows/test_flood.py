"""Nothing that a detector sends ends a response: a flood is taken in as far as there is room, and told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.evidence import verify_file
from firedoor.config.settings import Settings
from firedoor.connectors import signing
from firedoor.domain.core.errors import Unavailable
from firedoor.domain.evidence.pack import read
from firedoor.domain.finding.finding import Finding, Resource, Severity
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.response.messages import Report
from firedoor.gateway.intake import dispatch as engine_module
from firedoor.gateway.intake.dispatch import Engine
from tests.conftest import temporal_environment
from tests.harness import GATEWAY_KEY, NOW, Response, finding, house, incident_for, playbook, settings_over
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

TEXT = """
hold: 7d
incident: "${{ finding.actor.user_name }}"
steps:
  - {id: shut_it, action: toy.shut, params: {door: front}}
  - {id: weld_it, action: toy.weld, params: {door: back}}
"""
_names = itertools.count()


@dataclass
class House:
    env: WorkflowEnvironment
    settings: Settings
    key: bytes


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    settings = settings_over(tmp_path_factory.mktemp("house"))
    key = signing.SigningKey.from_pem(settings.evidence.signing_key.value().encode())
    # As in production: the strict sandbox takes several times as long, and a flood is about many.
    async with house(temporal.client, settings, strict=False):
        yield House(temporal, settings, key.public_pem())


def words(size: int, number: int) -> str:
    """Text that differs from finding to finding and does not compress to nothing."""
    return (f"{number:x}-{number * 7919 % 104729:x} " * (size // 8))[:size]


def fact(number: int, size: int, **changes: object) -> Finding:
    resource = Resource(
        kind="Toy::Door",
        uid=f"arn:toy:door:::d{number}",
        name=f"d{number}",
        attributes={f"note{part}": words(2400, number * 100 + part) for part in range(size // 2400)},
    )
    at = NOW + timedelta(seconds=number)
    told = {"uid": f"f-{number}", "modified": at, "resources": (resource,), "title": words(300, number)}
    return finding(**{**told, **changes})


class Flood:
    """One incident, as the gateway's engine brings findings to it."""

    def __init__(self, here: House, world: ToyWorld) -> None:
        self.here = here
        world.door("back")
        self.playbook: Playbook = playbook(TEXT, name=f"flooded_{next(_names)}")
        self.engine = Engine(
            here.env.client, lambda: [self.playbook], lambda: datetime.now(UTC), gateway_keys=(GATEWAY_KEY,)
        )

    async def send(self, *findings: Finding) -> Response:
        taken = await asyncio.gather(*(self.engine.take(each, source="acme") for each in findings))
        ids = {response.id for intake in taken for response in intake.responses}
        assert len(ids) == 1, [intake.dismissed for intake in taken]
        handle: WorkflowHandle[object, Report] = self.here.env.client.get_workflow_handle(
            ids.pop(), result_type=Report
        )
        return Response(self.here.env.client, incident_for(self.playbook, findings[0]), handle)

    async def evidence(self, report: Report) -> Path:
        (path,) = (
            path
            for path in self.here.settings.evidence.store.glob("*.json")
            if read(path.read_bytes()).head.response == report.id
        )
        return path


async def ends_as_it_should(flood: Flood, response: Response, world: ToyWorld) -> Report:
    """A yes to the open ask counts, undo works, and the evidence is whole and proven."""
    await response.vote("alice")
    await response.until_seen("verified", times=2)
    assert world.effects() == ["shut front", "weld back"]
    await response.ask_undo("carol")
    await response.until_asking("undo")
    await response.vote("bob")
    report = await response.result()
    assert report.status == "stuck"  # what is welded cannot be undone, and that is told
    assert world.effects()[-1] == "open front"
    path = await flood.evidence(report)
    verdict = verify_file(path, flood.here.key, gateways=(GATEWAY_KEY,))
    assert verdict.ok, verdict.objections
    return report


async def test_276_findings_of_3_kb_while_people_are_asked_end_nothing(
    running: House, world: ToyWorld
) -> None:
    flood = Flood(running, world)
    response = await flood.send(fact(0, 3_000))
    asked = (await response.until_asking()).ask
    for start in range(1, 277, 23):
        await flood.send(*(fact(number, 3_000) for number in range(start, start + 23)))
    report = await response.report()
    assert report.findings_seen == 277
    assert report.ask == asked, "the open card stays valid"
    described = await response.handle.describe()
    assert described.status == WorkflowExecutionStatus.RUNNING
    assert described.history_length < 3_000
    await ends_as_it_should(flood, response, world)


async def test_20_findings_of_60_kb_end_nothing_and_what_has_no_room_is_counted_and_told(
    running: House, world: ToyWorld
) -> None:
    flood = Flood(running, world)
    response = await flood.send(fact(0, 3_000))
    await response.until_asking()
    for number in range(1, 21):
        await flood.send(fact(number, 59_000))
    report = await response.until_seen("noted")
    assert report.findings_seen == 21
    assert report.spilled.count == len(report.spilled.named) > 0
    assert any("this response is full" in entry.says for entry in report.entries)
    worse = fact(99, 50_000, severity=Severity.FATAL)
    await flood.send(worse)
    after = await response.report()
    assert after.spilled == report.spilled, "what is worse is taken in all the same"
    closed = await ends_as_it_should(flood, response, world)
    entries = read((await flood.evidence(closed)).read_bytes()).entries
    told = [entry.data["finding"] for entry in entries if entry.kind == "joined"]
    assert worse.uid in [each["uid"] for each in told if isinstance(each, dict)]
    assert any(report.spilled.named[-1] in str(entry.data) for entry in entries if entry.kind == "noted")


async def test_findings_that_come_together_are_planned_together(running: House, world: ToyWorld) -> None:
    flood = Flood(running, world)
    response = await flood.send(fact(0, 100))
    await response.until_asking()
    await flood.send(*(fact(number, 100) for number in range(1, 60)))
    report = await response.report()
    assert report.findings_seen == 60
    assert sum(entry.kind == "planned" for entry in report.entries) < 12


async def test_while_no_worker_answers_only_so_much_is_left_as_one_history_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "_JOINED_WITHIN", timedelta(seconds=0.05))
    monkeypatch.setattr(engine_module, "_MOST_BYTES", 300_000)
    async with temporal_environment() as env:
        book = playbook(TEXT, name="nobody_works")
        engine = Engine(env.client, lambda: [book], lambda: datetime.now(UTC), gateway_keys=(GATEWAY_KEY,))

        async def send(*numbers: int) -> None:
            for number in numbers:
                await engine.take(fact(number, 50_000), source="acme")

        await send(*range(4))
        with pytest.raises(Unavailable, match="no worker answers"):  # it is sent again by its detector
            await send(*range(4, 12))
        with pytest.raises(Unavailable, match="no worker answers"):
            await send(99)
