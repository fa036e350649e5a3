"""Slack at its worst, and an engine without a worker: nothing is lost, nothing is said that is not so."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.approvals import (
    FALLBACK,
    PLAYBOOKS,
    TRANSPORTS,
    Approvals,
    Way,
    approvals,
    has_button,
    playbook,
    until,
)
from tests.fake_slack import CHANNEL

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

QUICK = 12  # seconds to answer one kind of ask


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Approvals]:
    playbooks = {**PLAYBOOKS, "quick": playbook("quick", weld=f"within: {QUICK}s")}
    with approvals(tmp_path_factory.mktemp("faults"), playbooks) as made:
        yield made


@pytest.fixture
def office(alone: Approvals) -> Iterator[Approvals]:
    """An installation of its own, quiet, so that a fault meets the call it is meant for."""
    alone.until_quiet()
    alone.new_desk()
    yield alone
    alone.slack.faults.clear()
    alone.end_all()
    expected = ("not_in_channel", "expired_trigger_id")
    assert alone.slack.complaints(*expected) == [], "every message is within Slack's limits"


# ---- Slack ----------------------------------------------------------------------------------------


def test_a_post_whose_answer_is_lost_is_one_approval_and_a_click_on_either_card_counts(
    office: Approvals, way: Way
) -> None:
    office.slack.fail("chat.postMessage", lost=True)
    asked = office.start("weld_two")
    until(lambda: len(asked.cards()) == 2, "the card and its duplicate")
    duplicate, card = asked.cards()
    way.yes("alice", duplicate)
    way.yes("alice", card)
    assert asked.voters() == [("alice", "slack")]
    way.yes("bob", duplicate)
    asked.until_status("contained")
    assert len(asked.says("asked")) == 1
    assert asked.effects() == [f"weld {asked.door}"]


def test_an_answer_with_429_is_tried_again_when_slack_says(office: Approvals) -> None:
    office.slack.fail("chat.postMessage", status=429, headers={"Retry-After": "2"})
    before = office.slack.calls.count("chat.postMessage")
    began = time.monotonic()
    asked = office.start()
    asked.asking()
    assert time.monotonic() - began >= 2
    assert office.slack.calls.count("chat.postMessage") == before + 2
    assert len(asked.cards()) == 1


def test_an_answer_with_503_is_tried_again_and_delays_no_decision(office: Approvals) -> None:
    office.slack.fail("chat.postMessage", status=503, times=4)  # 1 + 2 + 4 + 8 seconds
    asked = office.start("close_doors")
    for who in ("alice", "bob"):
        assert asked.vote(who).is_success
    asked.until_status("contained")
    assert asked.effects() == [f"shut {asked.door}", f"weld {asked.door}"]
    assert asked.cards() == [], "Slack is still down"
    asked.card("Contained", button="undo")
    assert len(asked.cards()) == 1


def test_out_of_its_channel_the_desk_goes_to_the_fallback_where_a_press_counts(
    office: Approvals, way: Way
) -> None:
    office.slack.channels.discard(CHANNEL)
    try:
        asked = office.start("weld_two")
        card = asked.asking()
        assert card.channel == FALLBACK
        way.yes("alice", card)
        way.yes("bob", card)
        done = asked.card("Contained")
        assert (done.ts, done.channel) == (card.ts, FALLBACK)
    finally:
        office.slack.channels.add(CHANNEL)


def test_a_refusal_that_slack_does_not_deliver_is_still_a_refusal(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    office.slack.fail("response_url", status=500)
    assert way.press("carol", asked.asking()).outcome == "ok"
    assert asked.voters() == []


# ---- no worker ---------------------------------------------------------------------------------------


def test_a_vote_without_a_worker_is_told_as_recorded_and_is_counted_when_one_is_back(
    office: Approvals,
) -> None:
    asked = office.start("weld_two")
    card = asked.asking()
    office.until_quiet()
    office.here.kill("worker")
    try:
        for who, transport in zip(("alice", "bob"), TRANSPORTS, strict=True):
            told = office.way(transport).refused(who, card)
            assert "Recorded, waiting for the engine" in told
            assert "does not count" not in told
        assert office.slack.noticed("U0ALICE") == [], "it was answered in time"
        assert has_button(card, "approve")
    finally:
        office.here.start("worker")
    asked.until_status("contained")
    assert sorted(asked.voters()) == [("alice", "slack"), ("bob", "slack")]
    assert asked.effects() == [f"weld {asked.door}"]
    asked.card("Contained")


def test_a_vote_that_was_left_before_the_deadline_counts_although_the_worker_came_after_it(
    office: Approvals, way: Way
) -> None:
    asked = office.start("quick")
    card = asked.asking()
    began = time.monotonic()
    office.here.kill("worker")
    try:
        assert "Recorded, waiting for the engine" in way.refused("alice", card)
        # The hour passes while there is nobody who could move a clock.
        time.sleep(max(0.0, QUICK - (time.monotonic() - began)))
    finally:
        office.here.start("worker")
    asked.until_status("contained")
    assert asked.voters() == [("alice", "slack")]
    assert asked.effects() == [f"weld {asked.door}"]
