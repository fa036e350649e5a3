"""The kill switch parks: what a freeze refused waits, and is taken up after the thaw, once."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

import worker
from activities.clearance import KillSwitch
from firedoor.connectors.signing import SigningKey, generate
from firedoor.domain.approval import words
from firedoor.domain.core.errors import Absent, Unavailable
from firedoor.domain.evidence.rules import violations
from firedoor.domain.guard.clearance import ClearanceState, Freeze, FreezeOrder, Freezes, ThawOrder, Waiting
from firedoor.domain.response.contract import (
    CLEARANCE_ID,
    CLEARANCE_STATE,
    FREEZE,
    JOIN,
    THAW,
    WAIT,
)
from firedoor.domain.response.ledger import unsettled
from firedoor.domain.response.messages import Report
from firedoor.temporal import calls as temporal_side
from firedoor.temporal.calls import freezes_of, stand_up
from tests.conftest import temporal_environment
from tests.harness import (
    NOW,
    REGISTRY,
    Response,
    begin,
    finding,
    house,
    playbook,
    say,
    settings_over,
    signed,
    strict_sandbox,
    write_people,
)
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

SHUT = "steps:\n  - {id: shut_it, action: toy.shut, params: {door: front}}\n"
WELD = "steps:\n  - {id: weld_it, action: toy.weld, params: {door: front}}\n"
BOTH = SHUT + "  - {id: weld_back, action: toy.weld, params: {door: back}}\n"
TWO = SHUT + "  - {id: shut_back, action: toy.shut, params: {door: back}}\n"
WHY = "a bug in a playbook"


class Switch:
    """The kill switch, thrown and released as the gateway does it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def _say(self, name: str, order: FreezeOrder | ThawOrder) -> Freezes:
        return await say(self.client, name, order)

    async def freeze(self, person: str = "bob", **scope: Any) -> Freezes:
        await stand_up(self.client)
        return await self._say(
            FREEZE, FreezeOrder(id=uuid.uuid4().hex, person=person, door="cli", why=WHY, at=NOW, **scope)
        )

    async def thaw(self, person: str = "alice", **scope: Any) -> Freezes:
        return await self._say(
            THAW, ThawOrder(id=uuid.uuid4().hex, person=person, door="cli", at=datetime.now(UTC), **scope)
        )

    async def state(self) -> ClearanceState:
        handle = self.client.get_workflow_handle(CLEARANCE_ID)
        told: ClearanceState = await handle.query(CLEARANCE_STATE, result_type=ClearanceState)
        return told


async def until(true: Callable[[], Awaitable[bool]], what: str) -> None:
    for _ in range(1500):
        if await true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(what)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(temporal: WorkflowEnvironment, folder: Path) -> AsyncIterator[WorkflowEnvironment]:
    async with house(temporal.client, settings_over(folder)):
        yield temporal


@pytest_asyncio.fixture(loop_scope="session")
async def switch(running: WorkflowEnvironment) -> AsyncIterator[Switch]:
    """Whatever happens, nothing stays frozen."""
    made = Switch(running.client)
    yield made
    with contextlib.suppress(WorkflowUpdateFailedError):
        await made.thaw("carol")


def told(report: Report, kind: str) -> list[str]:
    return [entry.says for entry in report.entries if entry.kind == kind]


def holds(report: Report) -> bool:
    """Whether the ledger keeps its own laws."""
    return violations(report.id, report.entries) == [] and unsettled(report.entries) == ()


# ---- what a freeze refused waits -----------------------------------------------------------------


async def test_an_automatic_step_that_a_freeze_refused_is_made_after_the_thaw(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    await switch.freeze()
    response = await begin(running.client, playbook(SHUT))
    parked = await response.until("parked")
    assert "frozen by bob because a bug in a playbook" in parked.parked
    assert world.effects() == []
    await switch.thaw()
    done = await response.until("contained")
    assert world.effects() == ["shut front"]
    assert done.parked == ""
    assert holds(done)


async def test_a_step_approved_before_the_freeze_waits_and_needs_no_second_yes_where_the_plan_is_the_same(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(WELD))
    await response.until_asking()
    await switch.freeze()
    await response.vote("alice")
    await response.until("parked")
    assert world.effects() == []
    await switch.thaw()
    done = await response.until("contained")
    assert world.effects() == ["weld front"]
    assert len(told(done, "asked")) == 1
    assert holds(done)


async def test_a_yes_that_waited_does_not_count_when_its_giver_may_not_decide_any_more(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld, folder: Path
) -> None:
    response = await begin(running.client, playbook(WELD))
    await response.until_asking()
    await switch.freeze()
    await response.vote("alice")
    await response.until("parked")
    try:
        write_people(folder, without=("alice",))
        await switch.thaw("carol")
        asked = await response.until_asking()
    finally:
        write_people(folder)
    assert world.effects() == []
    assert told(asked, "voided") == ["alice may not decide this any more; it is asked for again"]
    await response.vote("bob")
    done = await response.until("contained")
    assert world.effects() == ["weld front"]
    assert holds(done)


async def test_a_plan_that_changed_meanwhile_is_asked_for_again(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(WELD))
    first = await response.until_asking()
    await switch.freeze()
    await response.vote("alice")
    await response.until("parked")
    (world.folder / "front.note").write_text("it is the fire exit")
    await switch.thaw("carol")
    again = await response.until_asking()
    assert first.ask is not None
    assert again.ask is not None
    assert again.ask.plan_sha256 != first.ask.plan_sha256
    assert world.effects() == []
    await response.vote("bob")
    done = await response.until("contained")
    assert world.effects() == ["weld front"]
    assert holds(done)


async def test_people_are_asked_during_a_freeze_and_their_yes_waits_behind_what_is_parked(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    world.door("back")
    await switch.freeze()
    response = await begin(running.client, playbook(BOTH))
    await response.until_asking()
    await response.vote("alice")
    parked = await response.until("parked")
    assert not parked.asking
    assert world.effects() == []
    await switch.thaw()
    done = await response.until("contained")
    assert world.effects() == ["shut front", "weld back"]
    assert holds(done)


async def test_a_no_during_a_freeze_holds_for_what_was_asked_and_not_for_what_nobody_was_asked_about(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    world.door("back")
    await switch.freeze()
    response = await begin(running.client, playbook(BOTH))
    await response.until_asking()
    await response.vote("alice", "reject")
    await response.until("parked")
    await switch.thaw()
    done = await response.until("contained")
    assert world.effects() == ["shut front"]
    assert holds(done)


async def test_a_no_while_the_thaw_comes_loses_nothing_that_needs_no_yes(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    world.door("back")
    await switch.freeze()
    response = await begin(running.client, playbook(BOTH))
    await response.until_asking()
    await switch.thaw()
    await response.until_seen("verified")
    assert world.effects() == ["shut front"]
    assert (await response.report()).asking
    await response.vote("alice", "reject")
    assert holds(await response.until("contained"))


async def test_silence_during_a_freeze_is_not_a_no_it_is_asked_again_after_the_thaw(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    response = await begin(
        running.client, playbook(WELD.rstrip()[:-1] + ", approval: {within: 30m, then: reject}}\n")
    )
    await response.until_asking()
    await switch.freeze()
    await running.fast_forward(response.handle, timedelta(minutes=31))
    parked = await response.until("parked")
    assert "nobody answered in time, so it is asked for again after the thaw" in parked.parked
    assert not parked.asking
    await switch.thaw()
    await response.until_asking()
    await response.vote("alice")
    done = await response.until("contained")
    assert world.effects() == ["weld front"]
    assert holds(done)


async def test_silence_after_the_thaw_is_a_no_as_ever(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    response = await begin(
        running.client, playbook(WELD.rstrip()[:-1] + ", approval: {within: 30m, then: reject}}\n")
    )
    await response.until_asking()
    await switch.freeze()
    await switch.thaw()
    await running.fast_forward(response.handle, timedelta(minutes=31))
    assert (await response.result()).status == "dismissed"
    assert world.effects() == []


async def test_a_response_whose_steps_are_all_parked_never_closes_as_contained_whatever_time_passes(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    await switch.freeze()
    response = await begin(running.client, playbook("hold: 1h\n" + SHUT))
    await response.until("parked")
    for _ in range(3):
        await running.fast_forward(response.handle, timedelta(hours=9))
    assert (await response.report()).status == "parked"
    await switch.thaw()
    done = await response.until("contained")
    assert world.effects() == ["shut front"]
    assert holds(done)


async def test_what_was_contained_before_a_freeze_can_be_taken_back_during_it(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    world.door("back")
    response = await begin(running.client, playbook(TWO))
    await response.until("contained")
    await switch.freeze()
    await response.ask_undo("alice")
    await response.vote("bob")
    assert (await response.result()).status == "undone"
    assert world.effects()[-2:] == ["open back", "open front"]


async def test_a_response_that_is_taken_back_makes_nothing_of_what_was_parked_and_says_so(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    """The second stage meets the freeze; the first is there to be taken back."""
    world.door("back")
    response = await begin(running.client, playbook(BOTH))
    await response.until_asking()
    await response.until_seen("verified")
    await switch.freeze()
    await response.vote("alice")
    await response.until("parked")
    await response.ask_undo("alice")
    await response.vote("bob")
    done = await response.result()
    assert world.effects() == ["shut front", "open front"]
    assert "not made: the response is over, and it was parked until then" in told(done, "settled")
    assert holds(done)
    await switch.thaw()
    assert world.effects() == ["shut front", "open front"]


async def test_a_finding_that_joins_a_parked_response_is_planned_with_it_and_made_once_after_the_thaw(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    text = SHUT.replace("params: {door: front}", 'params: {door: "${{ finding.resources[0].name }}"}')
    await switch.freeze(playbook="close_doors")
    response = await begin(running.client, playbook(text))
    await response.until("parked")
    joined = finding(uid="f-2", type="Intrusion:Door/Kicked", modified=NOW + timedelta(minutes=1))
    await response.handle.execute_update(JOIN, joined)
    report = await response.until_seen("parked", times=2)
    assert len(told(report, "planned")) == 2
    await switch.thaw(playbook="close_doors")
    await response.until("contained")
    assert world.effects() == ["shut front"]


async def test_only_what_is_frozen_waits(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    await switch.freeze(playbook="another")
    response = await begin(running.client, playbook(SHUT))
    await response.until("contained")
    await switch.freeze(account="999999999999")
    world.door("back")
    other = await begin(running.client, playbook(SHUT.replace("front", "back")))
    await other.until("contained")
    assert world.effects() == ["shut front", "shut back"]


# ---- the switch itself ---------------------------------------------------------------------------


async def test_a_switch_that_was_terminated_while_frozen_comes_back_frozen_and_wakes_those_who_wait(
    running: WorkflowEnvironment, switch: Switch, world: ToyWorld
) -> None:
    await switch.freeze()
    waits = await begin(running.client, playbook(SHUT))
    await waits.until("parked")
    await until(lambda: _waits(switch, waits), "it waits for the thaw")
    await running.client.get_workflow_handle(CLEARANCE_ID).terminate("by an operator")
    with pytest.raises(Absent):
        await freezes_of(running.client)
    world.door("back")
    later = await begin(running.client, playbook(SHUT.replace("front", "back")))
    await later.until("parked")
    assert world.effects() == []
    assert [each.by for each in (await freezes_of(running.client)).freezes] == ["bob"]
    await switch.thaw()
    await waits.until("contained")
    await later.until("contained")
    assert sorted(world.effects()) == ["shut back", "shut front"]


async def _waits(switch: Switch, response: Response) -> bool:
    return response.handle.id in [each.response for each in (await switch.state()).waiting]


async def test_a_cancel_ends_the_switch_as_little_as_it_thaws_it(
    running: WorkflowEnvironment, switch: Switch
) -> None:
    await switch.freeze()
    await running.client.get_workflow_handle(CLEARANCE_ID).cancel(reason="by mistake")
    assert await switch.freeze(account="123456789012")
    assert len((await freezes_of(running.client)).freezes) == 2


async def test_thousands_of_words_neither_end_the_switch_nor_release_it(
    running: WorkflowEnvironment, switch: Switch
) -> None:
    await switch.freeze()
    for number in range(60):
        await asyncio.gather(
            *(switch.freeze(account=f"{10 * number + each:012}") for each in range(2)), return_exceptions=True
        )
    handle = running.client.get_workflow_handle(CLEARANCE_ID)
    before = (await handle.describe()).run_id
    for start in range(0, 600, 50):
        await asyncio.gather(
            *(
                handle.signal(WAIT, Waiting(response=f"nobody/{each}", playbook="p", accounts=("1",)))
                for each in range(start, start + 50)
            )
        )

    async def goes_on() -> bool:
        return (await handle.describe()).run_id != before

    await until(goes_on, "a run hands on to the next")
    now = await freezes_of(running.client)
    assert len(now.freezes) == 101
    assert now.freezes[0].scope == "everything"


async def test_a_switch_whose_record_is_gone_freezes_everything_where_this_house_answered_before(
    world: ToyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted in Temporal: nobody knows what was frozen, so everything is until a person has looked."""
    async with temporal_environment() as env:
        client = env.client
        async with house(client, settings_over(tmp_path)):
            response = await begin(client, playbook(SHUT))
            await response.until("contained")
            assert (await freezes_of(client)).freezes == ()
        await _delete(client)
        monkeypatch.setattr(temporal_side, "_A_WHILE", timedelta(0))
        async with house(client, settings_over(tmp_path)):
            world.door("back")
            later = await begin(client, playbook(SHUT.replace("front", "back")))
            parked = await later.until("parked")
            assert "frozen by firedoor because the record of the kill switch is gone" in parked.parked
            await Switch(client).thaw("alice")
            await later.until("contained")


async def test_what_a_process_saw_last_is_what_a_deleted_switch_comes_back_with(
    running: WorkflowEnvironment, switch: Switch
) -> None:
    asks = KillSwitch(running.client)
    await switch.freeze()
    assert (await asks.freezes()).says() == f"bob froze everything: {WHY}"
    await _delete(running.client)
    assert (await asks.freezes()).says() == f"bob froze everything: {WHY}"


async def _delete(client: Client) -> None:
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=CLEARANCE_ID)
        )
    )
    async with asyncio.timeout(30):
        while True:
            try:
                await client.get_workflow_handle(CLEARANCE_ID).describe()
            except RPCError as error:
                assert error.status == RPCStatusCode.NOT_FOUND  # noqa: PT017
                return
            await asyncio.sleep(0.05)


async def test_whether_it_is_frozen_is_not_known_without_a_worker() -> None:
    async with temporal_environment() as env:
        with pytest.raises(Absent):
            await freezes_of(env.client)
        await stand_up(env.client)
        with pytest.raises(Unavailable):
            await freezes_of(env.client)


async def test_parking_survives_that_the_worker_goes_away_and_another_comes(
    world: ToyWorld, tmp_path: Path
) -> None:
    settings = settings_over(tmp_path)
    async with temporal_environment() as env:
        switch, hands = Switch(env.client), worker.hands_of(settings, REGISTRY)
        async with worker.worker_of(env.client, settings, hands, strict_sandbox()):
            await switch.freeze()
            response = await begin(env.client, playbook(SHUT))
            await response.until("parked")
        async with house(env.client, settings):
            assert (await response.report()).status == "parked"
            assert world.effects() == []
            await switch.thaw()
            done = await response.until("contained")
            assert world.effects() == ["shut front"]
            assert holds(done)


# ---- what it costs ---------------------------------------------------------------------------------


class Alone(KillSwitch):
    """Without Temporal."""

    def __init__(self) -> None:
        super().__init__(cast("Client", None))

    async def _begin(self) -> None:
        pass


async def test_however_many_ask_at_once_one_question_answers_all_who_asked_before_it_was_sent() -> None:
    sent: list[asyncio.Future[Freezes]] = []

    async def question() -> Freezes:
        sent.append(asyncio.get_running_loop().create_future())
        return await sent[-1]

    asks = Alone()
    asks._question = question  # type: ignore[method-assign]
    first = [asyncio.create_task(asks.freezes()) for _ in range(100)]
    await _turns()
    late = [asyncio.create_task(asks.freezes()) for _ in range(100)]
    await _turns()
    assert len(sent) == 1, "while one is on its way, nobody sends another"
    sent[0].set_result(Freezes())
    assert {each.freezes for each in await asyncio.gather(*first)} == {()}
    await _turns()
    assert len(sent) == 2
    assert not any(each.done() for each in late), "whoever asked after it was sent gets a newer answer"
    thrown = Freezes(freezes=(Freeze(by="bob", why=WHY, at=NOW),))
    sent[1].set_result(thrown)
    assert set(await asyncio.gather(*late)) == {thrown}


async def test_a_question_that_fails_fails_those_who_asked_it_and_nobody_after() -> None:
    answers: list[Any] = [Unavailable("no answer"), Freezes()]

    async def question() -> Freezes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast("Freezes", answer)

    asks = Alone()
    asks._question = question  # type: ignore[method-assign]
    told_ = await asyncio.gather(*(asks.freezes() for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in told_] == [Unavailable] * 3
    assert await asks.freezes() == Freezes()


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


# ---- whose words count -------------------------------------------------------------------------


async def refused(client: Client, name: str, order: FreezeOrder | ThawOrder) -> str:
    """Send a word straight to Temporal, as whoever reaches it could; says why it did not count."""
    handle = client.get_workflow_handle(CLEARANCE_ID)
    with pytest.raises(WorkflowUpdateFailedError) as told:
        await handle.execute_update(name, order, id=uuid.uuid4().hex, result_type=Freezes)
    return str(told.value.cause)


async def test_a_thaw_that_no_gateway_signed_releases_nothing(switch: Switch) -> None:
    client = switch.client
    await switch.freeze("bob")
    thaw = ThawOrder(id="forged", person="alice", door="cli", at=NOW)
    assert "no gateway of ours signed this word" in await refused(client, THAW, thaw)
    stranger = SigningKey.from_pem(generate())
    forged = thaw.model_copy(update={"signed": words.signature(thaw.message(CLEARANCE_ID), stranger)})
    assert "a key that is not known here" in await refused(client, THAW, forged)
    other = signed(thaw, "another workflow")
    assert "the signature over this word does not hold" in await refused(client, THAW, other)
    changed = signed(thaw, CLEARANCE_ID).model_copy(update={"person": "carol"})
    assert "does not hold" in await refused(client, THAW, changed)
    assert (await switch.state()).now.freezes
    await switch.thaw("alice")


async def test_a_freeze_that_no_gateway_signed_stops_nothing(switch: Switch) -> None:
    await stand_up(switch.client)
    order = FreezeOrder(id="forged", person="bob", door="cli", why=WHY, at=NOW)
    assert "no gateway of ours signed this word" in await refused(switch.client, FREEZE, order)
    assert not (await switch.state()).now.freezes


async def test_a_thaw_of_before_does_not_count_once_more(switch: Switch) -> None:
    """Whoever reaches Temporal has seen what was signed, and can send it again."""
    client = switch.client
    await switch.freeze("bob")
    thaw = signed(ThawOrder(id=uuid.uuid4().hex, person="alice", door="cli", at=NOW), CLEARANCE_ID)
    await say(client, THAW, thaw)
    later = NOW + timedelta(hours=1)
    await say(client, FREEZE, FreezeOrder(id=uuid.uuid4().hex, person="bob", door="cli", why=WHY, at=later))
    assert "this was said already" in await refused(client, THAW, thaw)
    old = signed(ThawOrder(id=uuid.uuid4().hex, person="alice", door="cli", at=NOW), CLEARANCE_ID)
    assert "this was said before everything was frozen" in await refused(client, THAW, old)
    assert (await switch.state()).now.freezes
    await say(client, THAW, ThawOrder(id=uuid.uuid4().hex, person="alice", door="cli", at=later))
