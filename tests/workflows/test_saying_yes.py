"""Saying yes, as a response lives it: looked up again, reminded, handed on, alone, and by silence."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from firedoor.domain.approval.policy import ApprovalRule, BreakGlass, FloorRule
from firedoor.domain.response.contract import UNDO_SIGNAL
from firedoor.domain.response.messages import Report, UndoRequest
from tests.harness import (
    NOW,
    POLICY,
    begin,
    finding,
    house,
    playbook,
    settings_over,
    signed,
    write_people,
)
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

DOOR = "${{ finding.resources[0].name }}"
SHUT = f'steps:\n  - id: shut_it\n    action: toy.shut\n    params: {{door: "{DOOR}"}}\n'
WELD = f'steps:\n  - id: weld_it\n    action: toy.weld\n    params: {{door: "{DOOR}"}}\n'
TWO = WELD + "    approval: {quorum: 2, within: 30m, then: reject}\n"
HALF_AN_HOUR = timedelta(minutes=30)
REASON = "the data is leaving right now and nobody answers"


def _rule(**changes: Any) -> ApprovalRule:
    return ApprovalRule(**{"from_": ("responders",), "quorum": 1, "within": HALF_AN_HOUR, **changes})


REVIEW = _rule(from_=("leads",), within=timedelta(hours=4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(temporal: WorkflowEnvironment, folder: Path) -> AsyncIterator[WorkflowEnvironment]:
    policy = POLICY.model_copy(
        update={
            "break_glass": BreakGlass(
                people=("dave",), review=_rule(from_=("leads",), within=timedelta(hours=4))
            ),
            "floor": (FloorRule(reversibility=("full",), environment=("prod",), ask=_rule(then="proceed")),),
        }
    )
    async with house(temporal.client, dataclasses.replace(settings_over(folder), policy=policy)):
        yield temporal


@pytest.fixture(autouse=True)
def everyone_is_back(folder: Path) -> None:
    write_people(folder)


def says(report: Report, kind: str) -> list[str]:
    return [entry.says for entry in report.entries if entry.kind == kind]


# ---- looked up once more -------------------------------------------------------------------


async def test_who_left_between_vote_and_quorum_does_not_count_and_it_is_asked_anew(
    running: WorkflowEnvironment, world: ToyWorld, folder: Path
) -> None:
    response = await begin(running.client, playbook(TWO))
    await response.until_asking()
    await response.vote("alice")
    write_people(folder, without=("alice",))
    await response.vote("bob")
    report = await response.until_seen("voided")
    assert report.ask is not None
    assert (report.asking, report.ask.generation, report.ask.missing()) == (True, 2, 1)
    assert world.effects() == []
    write_people(folder)  # and when alice is back, her yes counts again
    await response.vote("alice")
    await response.until("contained")
    assert world.effects() == ["weld front"]


async def test_a_directory_that_cannot_be_read_means_no(
    running: WorkflowEnvironment, world: ToyWorld, folder: Path
) -> None:
    response = await begin(running.client, playbook(WELD))
    await response.until_asking()
    (folder / "people.yaml").write_text("people: {alice: {nmae: Alice}}\n")
    await response.vote("alice")
    await running.fast_forward(response.handle, timedelta(minutes=3))
    report = await response.result()
    assert report.status == "dismissed"
    assert world.effects() == []
    assert any("unreachable means no" in each for each in says(report, "noted"))


async def test_a_directory_that_comes_back_in_time_delays_and_loses_nothing(
    running: WorkflowEnvironment, world: ToyWorld, folder: Path
) -> None:
    response = await begin(running.client, playbook(WELD))
    await response.until_asking()
    (folder / "people.yaml").unlink()
    await response.vote("alice")
    assert (await response.report()).status == "awaiting_approval"
    write_people(folder)
    await response.until("contained")
    assert world.effects() == ["weld front"]


# ---- reminding and handing on --------------------------------------------------------------


async def test_people_are_reminded_at_half_time_once(running: WorkflowEnvironment, world: ToyWorld) -> None:
    response = await begin(running.client, playbook(TWO))
    await response.until_asking()
    await running.fast_forward(response.handle, timedelta(minutes=16))
    report = await response.until_seen("reminded")
    assert "2 more needed" in says(report, "reminded")[0]
    await running.fast_forward(response.handle, timedelta(minutes=10))
    assert len(says(await response.report(), "reminded")) == 1
    await response.vote("alice", "reject")


async def test_a_snooze_moves_the_reminder_and_not_the_deadline(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(TWO))
    before = (await response.until_asking()).ask
    nudged = await response.snooze("alice", 25)
    after = (await response.report()).ask
    assert before is not None
    assert after is not None
    assert nudged.remind_at == after.remind_at
    assert after.deadline == before.deadline
    await running.fast_forward(response.handle, timedelta(minutes=17))
    assert says(await response.report(), "reminded") == []
    await running.fast_forward(response.handle, timedelta(minutes=9))
    await response.until_seen("reminded")
    await response.vote("alice", "reject")


@pytest.mark.parametrize(
    ("person", "minutes", "why"), [("carol", 5, "you are not in"), ("bob", 40, "before that")]
)
async def test_a_snooze_of_somebody_else_or_past_the_deadline_is_refused(
    running: WorkflowEnvironment, world: ToyWorld, person: str, minutes: int, why: str
) -> None:
    response = await begin(running.client, playbook(TWO))
    await response.until_asking()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await response.snooze(person, minutes)
    assert why in str(refused.value.cause)
    await response.vote("alice", "reject")


async def test_an_ask_can_be_handed_to_one_who_may_decide_and_to_nobody_else(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(TWO))
    await response.until_asking()
    assert (await response.reassign("alice", "bob")).assigned_to == "bob"
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await response.reassign("alice", "carol")
    assert "may not decide this" in str(refused.value.cause)
    report = await response.report()
    assert says(report, "reassigned") == ["alice asked bob to look"]
    await response.vote("alice", "reject")


# ---- alone, with a reason ---------------------------------------------------------------------


async def test_one_named_person_acts_alone_and_others_look_at_it_afterwards(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(TWO + "hold: 1h\n"))
    await response.until_asking()
    with pytest.raises(WorkflowUpdateFailedError):
        await response.vote("alice", break_glass=True, comment=REASON)
    await response.vote("dave", break_glass=True, comment=REASON)
    report = await response.until("contained")
    assert world.effects() == ["weld front"]
    assert says(report, "glass") == [f"dave acts alone: {REASON}"]
    assert report.review is not None
    with pytest.raises(WorkflowUpdateFailedError):  # nobody reviews themselves
        await response.vote("dave", fingerprint=report.review.fingerprint, ask=report.review.id)
    await running.fast_forward(response.handle, timedelta(minutes=100))
    assert (await response.report()).status == "contained", "it stays open until it is reviewed"
    await response.vote("carol", fingerprint=report.review.fingerprint, ask=report.review.id)
    await response.until_seen("reviewed")
    closed = await response.result()
    assert says(closed, "reviewed") == ["it was reviewed and found right"]


async def test_a_review_nobody_makes_is_written_down_as_that(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(TWO + "hold: 1h\n"))
    await response.until_asking()
    await response.vote("dave", break_glass=True, comment=REASON)
    await response.until("contained")
    await running.fast_forward(response.handle, timedelta(hours=5))
    closed = await response.result()
    assert says(closed, "reviewed") == ["nobody reviewed in time that the glass was broken"]


# ---- silence ----------------------------------------------------------------------------------


async def test_silence_is_a_yes_where_the_policy_says_so_and_it_can_all_be_taken_back(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT))
    report = await response.until_asking()
    assert report.ask is not None
    assert report.ask.rules[0].then == "proceed"
    assert world.effects() == []
    await running.fast_forward(response.handle, timedelta(minutes=31))
    report = await response.until("contained")
    assert world.effects() == ["shut front"]
    assert "lets silence mean yes" in says(report, "decided")[0]


async def test_a_no_stops_what_silence_would_have_let_through(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until_asking()
    await response.vote("alice", "reject")
    assert (await response.result()).status == "dismissed"
    assert world.effects() == []


# ---- a false positive -------------------------------------------------------------------------


async def test_a_false_positive_is_left_alone_for_a_while(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(WELD))
    await response.until_asking()
    await response.vote("alice", "reject", reason="false_positive")
    closed = await response.result()
    asked_at = closed.ask.asked_at if closed.ask else NOW
    assert closed.muted_until is not None
    assert closed.muted_until - asked_at >= timedelta(hours=24)
    assert any("not asked about again" in each for each in says(closed, "noted"))


# ---- undo -------------------------------------------------------------------------------------


async def test_what_somebody_changed_since_is_seen_before_anybody_lets_it_be_taken_back(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until_asking()
    await response.vote("alice")
    await response.until("contained")
    world.door("front", "open")
    await response.ask_undo("alice")
    report = await response.until_seen("reverted")
    assert report.ask is not None
    assert (report.asking, report.ask.kind) == (True, "undo")
    await response.vote("bob", "reject")


async def test_undo_asked_for_while_no_worker_answers_is_asked_when_one_does(
    running: WorkflowEnvironment, world: ToyWorld
) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until_asking()
    await response.vote("alice")
    await response.until("contained")
    unsigned = UndoRequest(id="u-1", person="alice", door="slack", at=datetime.now(UTC))
    request = signed(unsigned, response.handle.id)
    await response.handle.signal(UNDO_SIGNAL, request)
    await response.handle.signal(UNDO_SIGNAL, request)
    report = await response.until_asking("undo")
    assert len(says(report, "undo_requested")) == 1
    await response.vote("bob")
    await response.until("undone")
    assert finding().resources[0].name == "front"
    assert world.effects() == ["shut front", "open front"]
