"""Saying yes in Slack, over both of its ways into a real Temporal, with a Slack as strict as Slack."""

from __future__ import annotations

import pytest

from tests.approvals import Approvals, Way, has_button, text_of, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_two_people_press_approve_and_the_card_follows_to_done(office: Approvals, way: Way) -> None:
    asked = office.start("close_doors")
    card = asked.asking()
    way.yes("alice", card)
    assert asked.voters() == [("alice", "slack")]
    way.yes("bob", card)
    asked.until_status("contained")
    assert asked.effects() == [f"shut {asked.door}", f"weld {asked.door}"]
    done = asked.card("Contained", button="undo")
    assert done.ts == card.ts, "it is the same message, drawn anew"
    assert not has_button(done, "approve")
    until(lambda: "verified" in "".join(map(text_of, office.slack.thread(card.ts))), "the timeline")
