"""Saying yes in Slack, over both of its ways into a real Temporal, with a Slack as strict as Slack."""

from __future__ import annotations

from datetime import datetime

import pytest

from firedoor.testing.slack.block_kit import refused_message, refused_view
from tests.approvals import Approvals, Way, has_button, text_of, until, within

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_two_people_press_approve_and_the_card_follows_to_done(office: Approvals, way: Way) -> None:
    asked = office.start("close_doors")
    card = asked.asking()
    way.yes("alice", card)
    assert asked.voters() == [("alice", "slack")]
    assert "1 of 2" in text_of(asked.card("Not enough people have said yes yet"))
    assert asked.effects() == [f"shut {asked.door}"]
    way.yes("bob", card)
    asked.until_status("contained")
    assert asked.effects() == [f"shut {asked.door}", f"weld {asked.door}"]
    done = asked.card("Contained", button="undo")
    assert done.ts == card.ts, "it is the same message, drawn anew"
    assert not has_button(done, "approve")
    until(lambda: "verified" in "".join(map(text_of, office.slack.thread(card.ts))), "the timeline")


def test_the_exact_plan_is_shown_with_the_fingerprint_that_a_yes_signs(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    card = asked.asking()
    ask = asked.report()["ask"]
    fingerprint = asked.report()["fingerprint"]
    shown = way.view(way.dialog("alice", card, "details"))
    assert ask["plan_sha256"] in shown
    assert fingerprint in shown
    assert f"weld door {asked.door}" in shown
    assert fingerprint in text_of(card)
    assert fingerprint in str(card.button("firedoor.approve")["confirm"])
    assert asked.voters() == [], "looking decides nothing"


def test_a_card_is_posted_at_once_after_its_plan_in_a_quiet_channel(office: Approvals) -> None:
    def seconds() -> float:
        office.until_quiet()
        asked = office.start("weld_two")
        asked.asking()
        (planned,) = (entry["at"] for entry in asked.report()["ledger"] if entry["kind"] == "planned")
        first = office.slack.written(asked.response)[0]
        assert first.method == "chat.postMessage"
        return (first.at - datetime.fromisoformat(planned)).total_seconds()

    assert within(2.5, seconds)


def test_every_message_of_these_tests_is_within_slacks_limits(office: Approvals) -> None:
    asked = office.start("shut_asked")
    office.way("http").yes("alice", asked.asking())
    asked.card("Contained", button="undo")
    written = [each for each in office.slack.recorded if each.method in ("chat.postMessage", "chat.update")]
    assert len(written) >= 2
    for each in written:
        assert refused_message(each.body.get("text") or "", each.body.get("blocks")) is None, each
    for view in office.slack.views.values():
        assert refused_view(view) == []
    # Those that a test lets expire are the only ones that Slack ever refused.
    assert office.slack.complaints("expired_trigger_id") == []
