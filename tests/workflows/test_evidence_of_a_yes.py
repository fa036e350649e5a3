"""The evidence of real responses: what an auditor asks about a yes is in it, and the laws hold."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from firedoor.connectors.signing import check
from firedoor.domain.approval.policy import ApprovalRule, BreakGlass, FloorRule
from firedoor.domain.evidence.approvals import AskTold
from firedoor.domain.evidence.pack import read
from firedoor.domain.evidence.summary import Summary, summarise
from firedoor.domain.evidence.verify import verify
from tests.harness import GATEWAY_KEY, POLICY, Response, begin, house, playbook, settings_over, write_people
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

DOOR = 'params: {door: "${{ finding.resources[0].name }}"}'
SHUT = f"steps:\n  - id: shut_it\n    action: toy.shut\n    {DOOR}\nhold: 1h\n"
WELD = (
    f"steps:\n  - id: weld_it\n    action: toy.weld\n    {DOOR}\n"
    "    approval: {quorum: 2, within: 30m, then: reject}\nhold: 1h\n"
)
REASON = "the data is leaving right now and nobody answers"
HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(temporal: WorkflowEnvironment, folder: Path) -> AsyncIterator[WorkflowEnvironment]:
    review = ApprovalRule(from_=("leads",), quorum=1, within=timedelta(hours=4))
    silent = ApprovalRule(from_=("responders",), quorum=1, within=HALF_AN_HOUR, then="proceed")
    policy = POLICY.model_copy(
        update={
            "break_glass": BreakGlass(people=("dave",), review=review),
            "floor": (FloorRule(reversibility=("full",), environment=("prod",), ask=silent),),
        }
    )
    async with house(temporal.client, dataclasses.replace(settings_over(folder), policy=policy)):
        yield temporal


async def proven(response: Response, folder: Path) -> Summary:
    """Wait for the end, and read its evidence; nothing may be said against it but that no key was given."""
    await response.result()
    for file in (folder / "evidence").glob("*.evidence.json"):
        data = file.read_bytes()
        verdict = verify(data, check, gateways=(GATEWAY_KEY,))
        if verdict.response == response.handle.id:
            assert [each.about for each in verdict.objections] == ["signature"], verdict
            return summarise(read(data))
    raise AssertionError("no evidence was sealed")


def about(summary: Summary, kind: str) -> list[AskTold]:
    return [ask for ask in summary.asks if ask.kind == kind]


async def test_who_was_asked_who_fell_at_the_recheck_and_who_made_the_quorum_is_proven(
    running: WorkflowEnvironment, world: ToyWorld, folder: Path
) -> None:
    response = await begin(running.client, playbook(WELD))
    await response.until_asking()
    await response.snooze("bob", 20)
    await response.reassign("bob", "alice")
    await response.vote("alice")
    write_people(folder, without=("alice",))
    await response.vote("bob")
    await response.until_seen("voided")
    write_people(folder)
    await response.vote("alice")
    await response.until("contained")
    await running.fast_forward(response.handle, timedelta(hours=2))
    summary = await proven(response, folder)
    first, second = about(summary, "apply")
    fallen = {vote.person: (vote.fell, vote.groups_again) for vote in first.votes}
    assert fallen["alice"] == ("not in a group that is asked", ())
    assert (second.outcome, [vote.person for vote in second.votes]) == ("granted", ["bob", "alice"])
    assert {vote.groups for vote in second.votes} == {vote.groups_again for vote in second.votes}
    kinds = [row.kind for row in summary.timeline]
    assert {"snoozed", "reassigned", "voided"} <= set(kinds)
    assert world.effects() == ["weld front"]


async def test_a_broken_glass_with_its_reason_and_its_review_is_proven(
    running: WorkflowEnvironment, world: ToyWorld, folder: Path
) -> None:
    response = await begin(running.client, playbook(WELD))
    await response.until_asking()
    await response.vote("dave", break_glass=True, comment=REASON)
    report = await response.until("contained")
    assert report.review is not None
    await response.vote("carol", fingerprint=report.review.fingerprint, ask=report.review.id)
    await running.fast_forward(response.handle, timedelta(hours=5))
    summary = await proven(response, folder)
    [alone], [review] = about(summary, "apply"), about(summary, "review")
    assert (alone.votes[0].break_glass, alone.votes[0].comment) == (True, REASON)
    assert (review.requester, review.outcome, review.votes[0].person) == ("dave", "granted", "carol")


async def test_silence_that_meant_yes_and_the_undo_that_others_let_are_proven(
    running: WorkflowEnvironment, world: ToyWorld, folder: Path
) -> None:
    response = await begin(running.client, playbook(SHUT))
    await response.until_asking()
    await running.fast_forward(response.handle, timedelta(minutes=31))
    await response.until("contained")
    await response.ask_undo("alice")
    await response.until_asking("undo")
    await response.vote("bob")
    summary = await proven(response, folder)
    [silent], [undo] = about(summary, "apply"), about(summary, "undo")
    assert (silent.outcome, silent.silent, silent.votes) == ("granted", True, ())
    assert (undo.requester, undo.outcome, undo.votes[0].person) == ("alice", "granted", "bob")
    assert world.effects() == ["shut front", "open front"]
