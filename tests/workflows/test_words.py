"""Whoever merely reaches Temporal cannot speak for people: words that no gateway of ours signed."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from firedoor.config.settings import Gateway
from firedoor.connectors import signing
from firedoor.domain.approval import words
from firedoor.domain.approval.vote import Vote
from firedoor.domain.approval.words import BROKEN, FOREIGN, UNSIGNED, Word
from firedoor.domain.response.contract import (
    REASSIGN,
    RESPOND,
    SNOOZE,
    TASK_QUEUE,
    UNDO,
    UNDO_SIGNAL,
    VOTE,
    VOTE_SIGNAL,
    workflow_id,
)
from firedoor.domain.response.messages import ReassignRequest, Report, SnoozeRequest, UndoRequest
from firedoor.gateway.decisions.port import NotCounted
from firedoor.gateway.decisions.temporal import Talk
from tests.harness import (
    GATEWAY,
    GATEWAY_KEY,
    PEOPLE,
    FixedSecret,
    Response,
    begin,
    finding,
    house,
    incident_for,
    playbook,
    settings_over,
    signed,
)
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

DOOR = "${{ finding.resources[0].name }}"
SHUT = f'steps:\n  - id: shut_it\n    action: toy.shut\n    params: {{door: "{DOOR}"}}\n'
WELD = f'steps:\n  - id: weld_it\n    action: toy.weld\n    params: {{door: "{DOOR}"}}\n'
NEXT = signing.SigningKey.from_pem(signing.generate())
NEXT_KEY = words.written(NEXT.public_key)
ATTACKER = signing.SigningKey.from_pem(signing.generate())


class Nowhere(FixedSecret):
    """A key that is not where the worker runs."""

    def value(self) -> str:
        raise AssertionError("the worker read the gateway's signing key")

    def values(self) -> tuple[str, ...]:
        raise AssertionError("the worker read the gateway's signing key")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WorkflowEnvironment]:
    # The worker knows the next key already, as the first step of a rotation has it. It needs no signing key.
    keys = Gateway(signing_key=Nowhere(""), keys=(GATEWAY_KEY, NEXT_KEY))  # type: ignore[arg-type]
    async with house(temporal.client, settings_over(tmp_path_factory.mktemp("house"), gateway=keys)):
        yield temporal


def vote(report: Report, person: str = "alice", **changes: Any) -> Vote:
    assert report.ask is not None
    base: dict[str, Any] = {
        "id": f"forged-{person}-{uuid.uuid4().hex}",
        "decision": "approve",
        "voter": PEOPLE.voter(person),
        "door": "cli",
        "fingerprint": report.ask.plan_sha256,
        "ask": report.ask.id,
        "generation": report.ask.generation,
        "at": datetime.now(UTC),
    }
    return Vote(**{**base, **changes})


async def refusal(response: Response, name: str, word: Word) -> str:
    """Send an update as anybody can who reaches Temporal; returns why it is refused."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await response.handle.execute_update(name, word, id=f"any-{uuid.uuid4().hex}")
    return str(refused.value.cause)


async def length(handle: WorkflowHandle[Any, Any]) -> int:
    return (await handle.describe()).history_length


class TestVotes:
    async def test_an_invented_vote_is_refused_without_history_whoever_it_names_and_the_world_stays(
        self, running: WorkflowEnvironment, world: ToyWorld, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        report = await response.until_asking()
        before = await length(response.handle)
        with caplog.at_level(logging.ERROR):
            assert UNSIGNED in await refusal(response, VOTE, vote(report))
        forged = signed(vote(report), response.handle.id, ATTACKER)
        assert FOREIGN in await refusal(response, VOTE, forged)
        claimed = words.Signature(key=words.keyid(GATEWAY.public_key), sig=forged.signed.sig)  # type: ignore[union-attr]
        assert BROKEN in await refusal(response, VOTE, forged.model_copy(update={"signed": claimed}))
        assert "REFUSED a word (vote) said in the name of 'alice'" in caplog.text
        report = await response.report()
        assert report.ask is not None
        assert (report.asking, report.ask.votes, world.effects()) == (True, (), [])
        assert await length(response.handle) == before
        await response.vote("alice")
        await response.until("contained")

    async def test_a_signed_vote_counts_for_the_response_and_the_ask_it_was_said_about_alone(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("side")
        one = await begin(running.client, playbook(WELD))
        other = await begin(running.client, playbook(WELD, "close_others"))
        report = await one.until_asking()
        theirs = await other.until_asking()
        heard = signed(vote(report), one.handle.id)
        assert BROKEN in await refusal(other, VOTE, heard)
        assert BROKEN in await refusal(
            other,
            VOTE,
            heard.model_copy(update={"fingerprint": theirs.ask.plan_sha256}),  # type: ignore[union-attr]
        )
        assert BROKEN in await refusal(one, VOTE, heard.model_copy(update={"generation": 2}))
        unnamed = signed(vote(report, ask="", generation=None), one.handle.id)
        assert "does not name the ask" in await refusal(one, VOTE, unnamed)
        assert world.effects() == []

    async def test_a_vote_that_an_earlier_response_to_the_same_incident_heard_does_not_count_in_a_later_one(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        report = await response.until_asking()
        old = signed(vote(report, at=datetime.now(UTC) - timedelta(minutes=10)), response.handle.id)
        assert "before" in await refusal(response, VOTE, old) or "began" in await refusal(response, VOTE, old)
        assert world.effects() == []

    async def test_a_flood_of_invented_signals_acts_on_nothing_is_counted_and_noted_in_few_words(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        report = await response.until_asking()
        for number in range(25):
            await response.handle.signal(VOTE_SIGNAL, vote(report, id=f"n-{number}"))
            await response.handle.signal(VOTE_SIGNAL, signed(vote(report), response.handle.id, ATTACKER))
        await response.vote("bob")
        report = await response.until("contained")
        assert report.words_refused == 50
        noted = [entry.says for entry in report.entries if "refused a word" in entry.says]
        assert len(noted) == 2, "the first and the tenth"
        assert report.ask is not None
        assert [each.voter.person for each in report.ask.votes] == ["bob"]
        assert world.effects() == ["weld front"]


class TestOtherWords:
    async def test_an_invented_undo_opens_no_ask_and_gives_nothing_back(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT))
        await response.until("contained")
        request = UndoRequest(id="u", person="alice", door="cli", at=datetime.now(UTC))
        assert UNSIGNED in await refusal(response, UNDO, request)
        await response.handle.signal(UNDO_SIGNAL, request)
        await response.handle.signal(UNDO_SIGNAL, signed(request, "respond/other", GATEWAY))
        report = await response.until_seen("noted")
        assert (report.words_refused > 0, report.asking, report.ask) == (True, False, None)
        assert world.effects() == ["shut front"]

    async def test_an_undo_that_was_heard_once_is_not_said_again_by_replaying_it(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT))
        await response.until("contained")
        request = signed(
            UndoRequest(id="u", person="alice", door="cli", at=datetime.now(UTC)), response.handle.id
        )
        await response.handle.execute_update(UNDO, request, id="first")
        await response.until_asking("undo")
        await response.vote("bob", "reject")
        await response.until("contained")
        assert "said already" in await refusal(response, UNDO, request)

    async def test_an_invented_snooze_or_reassignment_moves_nothing(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        ask = (await response.until_asking()).ask
        assert ask is not None
        told: dict[str, Any] = {
            "id": "x",
            "voter": PEOPLE.voter("alice"),
            "door": "cli",
            "fingerprint": ask.fingerprint,
            "at": datetime.now(UTC),
        }
        assert UNSIGNED in await refusal(response, SNOOZE, SnoozeRequest(minutes=20, **told))
        assert UNSIGNED in await refusal(response, REASSIGN, ReassignRequest(to=PEOPLE.voter("bob"), **told))
        assert (await response.report()).ask == ask


class TestKeys:
    async def test_a_response_that_names_a_key_of_its_own_is_never_planned(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        mine = words.written(ATTACKER.public_key)
        incident = incident_for(playbook(SHUT), finding()).model_copy(
            update={"gateway_keys": (GATEWAY_KEY, mine)}
        )
        handle = await running.client.start_workflow(
            RESPOND,
            incident,
            id=workflow_id("close_doors", uuid.uuid4().hex * 2),
            task_queue=TASK_QUEUE,
            result_type=Report,
        )
        report = await Response(running.client, incident, handle).result()
        assert report.status == "failed"
        assert any("none of ours" in entry.says for entry in report.entries if entry.kind == "failed")
        assert world.effects() == []

    async def test_a_response_that_is_older_than_the_gateways_key_learns_it_from_the_worker(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        report = await response.until_asking()
        talk = Talk(running.client, NEXT)
        await talk.vote(response.handle.id, vote(report))
        report = await response.until("contained")
        assert report.gateway_keys == (GATEWAY_KEY, NEXT_KEY)
        assert any("gateway_keys" in entry.data for entry in report.entries if entry.kind == "noted")
        assert world.effects() == ["weld front"]

    async def test_so_does_one_that_is_told_while_no_worker_answered(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        report = await response.until_asking()
        await response.handle.signal(VOTE_SIGNAL, signed(vote(report), response.handle.id, NEXT))
        await response.until("contained")
        assert world.effects() == ["weld front"]

    async def test_a_key_that_no_worker_knows_is_not_learnt(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        report = await response.until_asking()
        with pytest.raises(NotCounted, match="no worker knows this key"):
            await Talk(running.client, ATTACKER).vote(response.handle.id, vote(report))
        assert (await response.report()).asking
        assert world.effects() == []
