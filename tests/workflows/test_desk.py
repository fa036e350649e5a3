"""The on-call desk over a real Temporal and a strict Slack: one writer, paced, and nothing lost."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from firedoor.domain.channel.messages import VoteAll
from firedoor.domain.evidence.pack import witness_in
from firedoor.domain.guard.clearance import FreezeOrder, ThawOrder
from firedoor.domain.response.contract import (
    FREEZE,
    THAW,
    VOTE_ALL,
    desk_id,
)
from firedoor.gateway.decisions.temporal import Talk
from firedoor.temporal.calls import stand_up
from firedoor.temporal.recovery import taken_up
from tests.fake_slack import Posted
from tests.harness import (
    GATEWAY,
    NOW,
    PEOPLE,
    Response,
    say,
    signed,
)
from tests.office import Office, opened, text_of
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

DOOR = "${{ finding.resources[0].name }}"
SHUT = f'steps:\n  - id: shut_it\n    action: toy.shut\n    params: {{door: "{DOOR}"}}\n'
WELD = f'steps:\n  - id: weld_it\n    action: toy.weld\n    params: {{door: "{DOOR}"}}\n'
TWO = WELD + "    approval: {quorum: 2, within: 30m, then: reject}\n"


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with opened(temporal, tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def busy_office(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """An office as it runs in production: a sandbox for each of two hundred responses is another test's."""
    async with opened(temporal, tmp_path_factory.mktemp("office"), strict=False) as made:
        yield made


# ---- one card, drawn anew ---------------------------------------------------------------------


async def test_a_response_is_one_card_from_ask_to_done_with_its_thread(
    office: Office, world: ToyWorld
) -> None:
    response = await office.begin(TWO)
    await office.card("Approve")
    await response.vote("alice")
    await office.card("1 of 2")
    await response.vote("bob")
    card = await office.card("Contained")
    assert len(office.cards()) == 1
    assert world.effects() == ["weld front"]
    thread = await office.until(lambda: office.slack.thread(card.ts), "the thread")
    await office.until(lambda: "verified" in " ".join(map(text_of, office.slack.thread(card.ts))), "all told")
    assert thread


async def test_the_head_of_the_evidence_is_told_in_the_thread_once_it_is_sealed(
    office: Office, world: ToyWorld
) -> None:
    """An outside witness: whoever holds the signing key cannot change what Slack was told."""
    response = await office.begin("hold: 1m\n" + SHUT)
    card = await office.card("Contained")
    await office.env.fast_forward(response.handle, timedelta(minutes=2))
    sealed = (await response.result()).sealed
    assert sealed is not None

    def told() -> list[str]:
        return [text_of(each) for each in office.slack.thread(card.ts) if "evidence sealed" in text_of(each)]

    (line,) = await office.until(told, "the head in the thread")
    witness = witness_in(line)
    assert (witness.head, witness.entries, witness.last) == (sealed.head, sealed.entries, sealed.last)
    assert len(office.cards()) == 1


async def test_done_is_never_said_before_it_is_verified(office: Office, world: ToyWorld) -> None:
    response = await office.begin(WELD)
    card = await office.card("Approve")
    seen: list[str] = []

    async def watch() -> None:
        while True:
            contained = "Contained" in text_of(card)  # read first: the report is then newer than the card
            report = await response.report()
            if contained and not any(entry.kind == "verified" for entry in report.entries):
                seen.append("too early")
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    await response.vote("alice")
    await office.card("Contained")
    watching.cancel()
    assert seen == []


async def test_the_buttons_are_gone_at_once_after_the_deciding_vote(office: Office, world: ToyWorld) -> None:
    response = await office.begin(WELD)
    card = await office.card("Approve")
    loop = asyncio.get_running_loop()
    started = loop.time()
    await response.vote("alice")
    await office.until(
        lambda: not any(each["action_id"] == "firedoor.approve" for each in card.buttons()), "buttons"
    )
    # `make bench` tells the figure; a desk that does not write at once waits three seconds.
    assert loop.time() - started < 2.5


async def test_an_escalation_is_a_new_message_and_the_old_card_has_no_buttons(
    office: Office, world: ToyWorld
) -> None:
    response = await office.begin(WELD + "    approval: {within: 30m, then: escalate, to: [leads]}\n")
    first = await office.card("Approve")
    await office.env.fast_forward(response.handle, timedelta(minutes=31))
    await office.until(lambda: len(office.cards()) == 2, "a new message")
    assert first.buttons() == [] or all(each.get("url") for each in first.buttons())
    assert any(each["action_id"] == "firedoor.approve" for each in office.cards()[1].buttons())
    await response.vote("carol", "reject")


async def test_a_reminder_is_said_in_the_thread_and_in_the_channel(office: Office, world: ToyWorld) -> None:
    response = await office.begin(TWO)
    card = await office.card("Approve")
    await office.env.fast_forward(response.handle, timedelta(minutes=16))
    await response.until_seen("reminded")
    await office.until(
        lambda: any("Reminder" in text_of(each) for each in office.slack.thread(card.ts)), "a reminder"
    )
    await response.vote("alice", "reject")


async def test_a_broken_glass_calls_those_who_review_it_and_is_listed_until_they_did(
    office: Office, world: ToyWorld
) -> None:
    response = await office.begin(TWO)
    card = await office.card("Approve")
    await response.vote("dave", break_glass=True, comment="nobody answers and it is burning")
    await response.until("contained")
    await office.until(
        lambda: any("glass was broken" in text_of(each) for each in office.slack.thread(card.ts)),
        "a call to the reviewers",
    )
    assert "nobody answers and it is burning" in text_of(await office.card("Contained"))
    talk = Talk(office.env.client, GATEWAY, office.channel)

    async def listed() -> int:
        found = await talk.list(None, None, None, asking=True)
        return sum(each.id == response.handle.id for each in found)

    await office.until_async(listed, 1)
    report = await response.report()
    assert [ask.kind for ask in report.open_asks()] == ["review"]
    assert report.review is not None
    await response.vote("carol", fingerprint=report.review.fingerprint, ask=report.review.id)
    await response.until_seen("reviewed")

    async def over() -> int:
        return 1 - await listed()

    await office.until_async(over, 1)


# ---- Slack at its worst -----------------------------------------------------------------------


async def test_a_post_whose_answer_is_lost_is_one_logical_approval(office: Office, world: ToyWorld) -> None:
    office.slack.fail("chat.postMessage", lost=True)
    response = await office.begin(WELD)
    await office.until(lambda: len(office.cards()) == 2, "the card and its double")
    await response.vote("alice")
    await office.card("Contained")
    report = await response.report()
    assert sum(entry.kind == "asked" for entry in report.entries) == 1
    assert world.effects() == ["weld front"]


async def test_a_rate_limit_is_obeyed_for_as_long_as_slack_says(office: Office, world: ToyWorld) -> None:
    office.slack.fail("chat.postMessage", status=429, headers={"Retry-After": "2"})
    loop = asyncio.get_running_loop()
    started = loop.time()
    response = await office.begin(WELD)
    await office.card("Approve")
    assert loop.time() - started >= 2.0
    assert len(office.cards()) == 1
    await response.vote("alice", "reject")


async def test_a_slack_that_is_down_is_told_when_it_is_back(office: Office, world: ToyWorld) -> None:
    office.slack.fail("chat.postMessage", status=503, times=2)
    response = await office.begin(WELD)
    await response.until_asking()
    await response.vote("alice")
    await response.until("contained")
    await office.card("Contained")
    assert len(office.cards()) == 1


async def test_a_channel_we_were_put_out_of_is_replaced_by_the_fallback(
    office: Office, world: ToyWorld
) -> None:
    office.slack.channels.discard(office.channel)
    response = await office.begin(WELD)
    fallback = office.channel.replace("SOC", "ALT")
    await office.until(
        lambda: [each for each in office.slack.cards() if each.channel == fallback], "a card elsewhere"
    )
    await response.vote("alice", "reject")


@pytest.mark.parametrize("closed", ["archived", "private"])
async def test_what_a_card_has_to_say_goes_to_the_fallback_when_its_channel_closed_meanwhile(
    office: Office, world: ToyWorld, closed: str
) -> None:
    """An escalation or a failure that is told nowhere is worse than a card that stands twice."""
    response = await office.begin(WELD)
    await office.card("Approve")
    known = office.slack.known_channels[office.channel]
    office.slack.known_channels[office.channel] = dataclasses.replace(
        known, archived=closed == "archived", private=closed == "private"
    )
    office.slack.channels.discard(office.channel)
    await response.vote("alice", "reject")
    fallback = office.channel.replace("SOC", "ALT")

    def told() -> list[Posted]:
        cards = [each for each in office.slack.cards() if each.channel == fallback]
        return [each for each in cards if "Rejected" in text_of(each)]

    await office.until(told, "the outcome elsewhere")


async def test_what_was_decided_elsewhere_is_on_the_card(office: Office, world: ToyWorld) -> None:
    response = await office.begin(WELD)
    await office.card("Approve")
    await response.vote("alice", "reject", door="cli", reason="bad_time", comment="the release is running")
    card = await office.card("Rejected")
    assert "the release is running" in text_of(card)


# ---- a storm ----------------------------------------------------------------------------------


async def test_two_hundred_findings_make_at_most_five_messages_and_one_word_decides_about_them(
    busy_office: Office, world: ToyWorld
) -> None:
    office = busy_office
    doors = [f"door{number}" for number in range(200)]
    for door in doors:
        world.door(door)
    responses: list[Response] = []
    for start in range(0, 200, 20):
        responses += await asyncio.gather(*(office.begin(WELD, door) for door in doors[start : start + 20]))
    await office.until_async(office.known, 200)
    await office.card("Review")
    assert len(office.slack.messages) <= 5
    desk = office.env.client.get_workflow_handle(desk_id(office.channel))
    frozen = await office.gathered()
    assert len(frozen.members) >= 196
    ids = {member.response for member in frozen.members}
    members = [each for each in responses if each.handle.id in ids]
    for person in ("alice", "bob"):  # one tier higher than a word about one: two people
        word = VoteAll(
            id=f"w-{person}",
            sha256=frozen.sha256,
            decision="approve",
            voter=PEOPLE.voter(person),
            door="cli",
            at=datetime.now(UTC),
        )
        await desk.execute_update(VOTE_ALL, signed(word, "desk"), id=word.id)
        if person == "alice":
            await members[-1].until_seen("voted")
            assert (await members[-1].report()).asking, "one person alone does not decide about many"
    for response in members:
        await response.until("contained")
    assert len(world.effects()) == len(members)
    assert len(office.slack.messages) <= 5


async def test_a_word_about_a_set_that_has_moved_on_counts_for_what_is_still_the_same(
    office: Office, world: ToyWorld
) -> None:
    doors = [f"door{number}" for number in range(8)]
    for door in doors:
        world.door(door)
    responses = await asyncio.gather(*(office.begin(WELD, door) for door in doors))
    await office.until_async(office.known, 8)
    await office.card("Review")
    desk = office.env.client.get_workflow_handle(desk_id(office.channel))
    frozen = await office.gathered()
    first = next(each for each in responses if each.handle.id == frozen.members[0].response)
    await first.vote("bob", "reject")
    word = VoteAll(
        id="w-1",
        sha256=frozen.sha256,
        decision="reject",
        voter=PEOPLE.voter("alice"),
        door="cli",
        reason="false_positive",
        at=datetime.now(UTC),
    )
    await desk.execute_update(VOTE_ALL, signed(word, "desk"), id=word.id)
    ids = {member.response for member in frozen.members}
    for response in responses:
        if response.handle.id not in ids:
            await response.vote("alice", "reject")
        assert (await response.result()).status == "dismissed"
    told = await first.result()
    assert told.ask is not None
    assert [vote.voter.person for vote in told.ask.votes] == ["bob"]


# ---- the kill switch --------------------------------------------------------------------------


async def test_a_freeze_stops_what_was_approved_a_second_ago_and_is_on_every_open_card(
    office: Office, world: ToyWorld
) -> None:
    response = await office.begin(WELD)
    await office.card("Approve")
    client = office.env.client
    await stand_up(client)
    order = FreezeOrder(
        id=f"f-{office.channel}",
        person="bob",
        door="cli",
        why="a bug in a playbook",
        desk=office.channel,
        at=NOW,
    )
    await say(client, FREEZE, order)
    try:
        await office.card("a bug in a playbook")
        await response.vote("alice")
        await response.until("parked")
        await office.card("frozen by bob because a bug in a playbook")
        assert world.effects() == []
        mine = ThawOrder(id=f"t-{office.channel}", person="bob", door="cli", desk=office.channel, at=NOW)
        with pytest.raises(Exception, match="Workflow update failed"):
            await say(client, THAW, mine)
    finally:
        other = ThawOrder(id=f"u-{office.channel}", person="alice", door="cli", desk=office.channel, at=NOW)
        await say(client, THAW, other)
    await response.until("contained")
    assert len(world.effects()) == 1


# ---- ended from outside ------------------------------------------------------------------------


async def test_a_cancel_of_the_desk_changes_nothing(office: Office, world: ToyWorld) -> None:
    response = await office.begin(WELD)
    await office.card("Approve")
    await office.env.client.get_workflow_handle(desk_id(office.channel)).cancel()
    await response.vote("alice")
    await office.card("Contained")
    assert len(office.cards()) == 1


async def test_a_desk_that_a_limit_ended_goes_on_with_its_messages(office: Office, world: ToyWorld) -> None:
    response = await office.begin(WELD)
    await office.card("Approve")
    # The server calls itself so where a history has reached its limit.
    config = office.env.client.service_client.config
    server = await Client.connect(
        config.target_host, namespace=office.env.client.namespace, identity="history-service"
    )
    await server.get_workflow_handle(desk_id(office.channel)).terminate(reason="history size exceeds limit")
    await response.vote("alice")
    await office.card("Contained")
    assert len(office.cards()) == 1, "no card is posted a second time"


async def test_after_a_terminate_the_card_says_so_and_asks_nothing(office: Office, world: ToyWorld) -> None:
    response = await office.begin(WELD)
    card = await office.card("Approve")
    await response.handle.terminate(reason="stop it")
    assert await taken_up(office.env.client, response.handle.id)
    await office.until(
        lambda: not any(each["action_id"] == "firedoor.approve" for each in card.buttons()), "buttons"
    )
    await office.until(
        lambda: "stop it" in " ".join(map(text_of, office.slack.thread(card.ts))), "the thread"
    )
    assert world.effects() == []
