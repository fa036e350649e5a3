"""The life of an ask: answered, refused, put off, escalated, frozen, and always told as it is."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from firedoor.channels.slack.interaction import payload_of
from firedoor.channels.slack.reference import Reference, decode
from tests.approvals import ACCOUNTS, Approvals, Asked, Way, has_button, text_of, until, within
from tests.fake_slack import Posted

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

OVER = timedelta(minutes=31)
REASON = "the data is leaving right now and nobody answers"


def changed(card: Posted, **changes: Any) -> Posted:
    """Return a card whose Approve button is about something else."""
    other = copy.deepcopy(card)
    pressed = other.button("firedoor.approve")
    reference: Reference = decode(pressed["value"])
    pressed["value"] = reference.model_copy(update=changes).encode()
    return other


# ---- it is about exactly this ---------------------------------------------------------------------


def test_a_yes_to_an_older_generation_is_refused_and_the_newer_card_asks(office: Approvals, way: Way) -> None:
    asked = office.start("escalating")
    first, seen = asked.asking(), asked.as_seen()
    office.here.fast_forward(asked.response, OVER)
    second = asked.card("more people are asked", button="approve")
    assert second.ts != first.ts, "an edit notifies nobody"
    assert not has_button(first, "approve")
    assert "Asked again below, with more people" in text_of(first)
    assert "this card is out of date" in way.refused("alice", seen)
    assert asked.voters() == []
    way.yes("carol", second)
    asked.until_status("contained")


def test_a_yes_to_another_plan_is_refused_with_the_plan_that_is_asked(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    told = way.refused("alice", changed(asked.asking(), h="0" * 64))
    assert f"the plan has changed: it is now {asked.report()['fingerprint']}" in told
    assert asked.vote("alice", fingerprint="0" * 64).status_code == 409
    assert asked.voters() == []


def test_a_yes_to_a_plan_that_the_world_moved_under_is_not_carried_out(office: Approvals, way: Way) -> None:
    asked = office.start()
    first, seen = asked.asking(), asked.as_seen()
    (office.world.folder / f"{asked.door}.note").write_text("somebody stands in it")
    way.yes("alice", first)
    second = asked.card("although somebody stands in it", button="approve")
    assert second.ts != first.ts
    assert asked.effects() == []
    assert "out of date" in way.refused("bob", seen)
    way.yes("bob", second)
    asked.until_status("contained")
    assert asked.effects() == [f"weld {asked.door}"]


# ---- until then ------------------------------------------------------------------------------------


def test_a_click_after_the_deadline_does_not_count_and_the_card_says_what_silence_meant(
    office: Approvals, way: Way
) -> None:
    asked = office.start("close_doors")
    seen = asked.as_seen()
    office.here.fast_forward(asked.response, OVER)
    told = asked.card("Silence means no")
    assert not has_button(told, "approve")
    assert "the time to answer is over; silence meant no" in way.refused("alice", seen)
    assert asked.effects() == [f"shut {asked.door}"]


def test_a_click_after_the_close_does_not_count(office: Approvals, way: Way) -> None:
    asked = office.start()
    seen = asked.as_seen()
    office.here.fast_forward(asked.response, OVER)
    asked.until_status("dismissed")
    assert "this response is closed" in way.refused("alice", seen)
    assert asked.effects() == []


# ---- a no ------------------------------------------------------------------------------------------


def test_a_no_needs_its_reason_and_a_sentence_and_counts_once(office: Approvals, way: Way) -> None:
    asked = office.start("close_doors")
    view = way.dialog("alice", asked.asking(), "reject")
    short = way.submit("alice", view, reason="bad_time", comment="no")
    assert short.answer["response_action"] == "errors"
    assert "10 to 1000 characters" in short.answer["errors"]["comment"]
    without = way.submit("alice", view, comment="the release is running until four")
    assert "choose one of the reasons" in without.answer["errors"]["reason"]
    assert asked.voters() == []
    for _ in range(2):  # Slack sends a submission again whose answer it did not get
        told = way.submit("alice", view, reason="bad_time", comment="the release is running until four")
        assert (told.outcome, told.answer) == ("ok", None)
    (vote,) = asked.report()["votes"]
    assert (vote["decision"], vote["reason"]) == ("reject", "bad_time")
    assert "until four" in text_of(asked.card("Somebody said no"))
    assert asked.effects() == [f"shut {asked.door}"]


def test_a_trigger_that_expired_opens_nothing_and_the_person_is_told(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    signed = office.slack.press(ACCOUNTS["alice"], asked.asking(), "firedoor.reject")
    payload: Any = payload_of(signed.body)
    trigger = payload["trigger_id"]
    office.slack.triggers[trigger] = replace(office.slack.triggers[trigger], expires=0.0)
    views = len(office.slack.views)
    told = way.told("alice", lambda: way.send(signed))
    assert "The dialog did not open; nothing is recorded." in told
    assert len(office.slack.views) == views
    assert asked.voters() == []


def test_a_false_positive_mutes_the_incident_for_a_newer_finding(office: Approvals, way: Way) -> None:
    asked = office.start()
    view = way.dialog("alice", asked.asking(), "reject")
    told = way.submit("alice", view, reason="false_positive", comment="this is the fire drill of today")
    assert told.answer is None
    asked.until_status("dismissed")
    minutes = itertools.count()

    def dismissed() -> list[dict[str, str]]:
        """Report ever newer versions: those that come while it closes are part of it."""
        hour, minute = divmod(next(minutes), 60)
        modified = f"2026-11-22T{4 + hour:02}:{minute:02}:00Z"
        newer = office.finding("weld_one", asked.door, modified=modified)
        found: list[dict[str, str]] = office.post(newer)["dismissed"]
        return found

    (reason,) = until(dismissed, "the closed response answers")
    assert "alice" in reason["reason"]
    assert "false positive" in reason["reason"]
    assert len(asked.says("asked")) == 1, "nobody was asked about it again"
    worse = office.finding("weld_one", asked.door, modified="2026-11-22T23:00:00Z", severity="critical")
    (again,) = office.post(worse)["responses"]
    assert (again["id"], again["joined"]) == (asked.response, False)
    asked.until_status("awaiting_approval")
    assert asked.effects() == []


# ---- elsewhere ---------------------------------------------------------------------------------------


def test_what_is_decided_on_the_command_line_is_on_the_card(office: Approvals) -> None:
    asked = office.start()
    card = asked.asking()
    told = office.here.cli("alice", "approve", asked.response, "--fingerprint", asked.report()["fingerprint"])
    assert told.returncode == 0, told.stderr
    done = asked.card("Contained")
    assert done.ts == card.ts
    assert not has_button(done, "approve")
    assert "alice" in text_of(done)
    assert asked.voters() == [("alice", "cli")]


def test_a_no_on_the_command_line_is_on_the_card_with_its_reason(office: Approvals) -> None:
    asked = office.start("weld_two")
    asked.asking()
    told = office.here.cli(
        "bob",
        *("reject", asked.response, "--fingerprint", asked.report()["fingerprint"]),
        *("--reason", "handled_elsewhere", "--comment", "the network team has it"),
    )
    assert told.returncode == 0, told.stderr
    assert "the network team has it" in text_of(asked.card("Rejected"))
    assert asked.effects() == []


def test_a_fingerprint_of_another_plan_is_refused_on_the_command_line(office: Approvals) -> None:
    asked = office.start("weld_two")
    told = office.here.cli("alice", "approve", asked.response, "--fingerprint", "0000-0000-0000")
    assert told.returncode == 1
    assert "the plan has changed" in told.stderr
    assert asked.voters() == []


# ---- not now, or not me --------------------------------------------------------------------------------


def test_a_reminder_is_put_off_in_slack(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    view = way.dialog("alice", asked.asking(), "more")
    told = way.submit("alice", view, what="snooze.15")
    assert "You are reminded at" in str(told.answer)
    assert "alice wants to be reminded" in asked.says("snoozed")[0]
    assert asked.report()["ask"]["deadline"], "its deadline stays"
    late = way.submit("alice", way.dialog("alice", asked.asking(), "more"), what="snooze.60")
    assert "the time to answer is over before that" in str(late.answer["errors"])


def test_somebody_is_asked_to_look_in_slack_and_is_mentioned(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    card = asked.asking()
    view = way.dialog("alice", card, "more")
    assert "Break the glass" not in way.view(view), "only those whom the policy names may"
    told = way.submit("alice", view, what="reassign", person="bob")
    assert "bob is asked to look at it" in str(told.answer)
    assert asked.says("reassigned") == ["alice asked bob to look"]
    until(
        lambda: ACCOUNTS["bob"] in "".join(map(text_of, office.slack.thread(card.ts))),
        "bob is mentioned: an edit would notify nobody",
    )


# ---- alone ----------------------------------------------------------------------------------------------


def _reviewed(office: Approvals, way: Way, asked: Asked) -> None:
    """See that a broken glass is loud, and that others look at it."""
    until(asked.effects, "the weld")
    loud = asked.card("THE GLASS WAS BROKEN", button="approve")
    assert REASON in text_of(loud)
    assert "you are not in leads" in way.refused("dave", loud)
    way.yes("carol", loud)
    asked.until(lambda _: asked.says("reviewed"), "the review")
    assert "found right" in asked.says("reviewed")[0]
    asked.card("said it was right")


def test_the_glass_is_broken_in_slack_with_a_written_reason_and_reviewed(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    view = way.dialog("dave", asked.asking(), "more")
    short = way.submit("dave", view, what="glass", comment="now")
    assert "10 characters or more" in short.answer["errors"]["comment"]
    assert asked.voters() == []
    told = way.submit("dave", view, what="glass", comment=REASON)
    assert "others review it afterwards" in str(told.answer)
    _reviewed(office, way, asked)
    assert asked.voters() == [("dave", "slack")]


def test_the_glass_is_broken_on_the_command_line_and_reviewed(office: Approvals) -> None:
    asked = office.start("weld_two")
    asked.asking()
    words = ("approve", asked.response, "--fingerprint", asked.report()["fingerprint"], "--break-glass")
    assert office.here.cli("dave", *words, "now").returncode == 2
    assert office.here.cli("bob", *words, REASON).returncode == 1
    assert asked.voters() == []
    told = office.here.cli("dave", *words, REASON)
    assert told.returncode == 0, told.stderr
    _reviewed(office, office.way("http"), asked)
    assert asked.voters() == [("dave", "cli")]


# ---- the kill switch -------------------------------------------------------------------------------------


@pytest.fixture
def thawed(office: Approvals) -> Iterator[None]:
    """Whatever happens, nothing stays frozen."""
    yield
    for who in ("carol", "dave"):
        office.here.http.post("/v1/thaw", headers=office.here.bearer(who))


def _throw(office: Approvals, door: str, why: str) -> None:
    if door == "cli":
        told = office.here.cli("bob", "freeze", "--why", why)
        assert told.returncode == 0, told.stderr
        assert "frozen: everything by bob" in told.stdout
        return
    answer = office.here.http.post("/v1/freeze", json={"why": why}, headers=office.here.bearer("bob"))
    assert answer.status_code == 200, answer.text


def _release(office: Approvals, door: str, who: str) -> tuple[bool, str]:
    if door == "cli":
        told = office.here.cli(who, "thaw")
        return told.returncode == 0, told.stderr
    answer = office.here.http.post("/v1/thaw", headers=office.here.bearer(who))
    return answer.status_code == 200, answer.text


@pytest.mark.parametrize("door", ["http", "cli"])
def test_a_freeze_is_on_every_open_card_stops_what_is_approved_and_needs_somebody_else_to_thaw(
    office: Approvals, thawed: None, door: str
) -> None:
    asked, other = office.start(), office.start("weld_two")
    asked.asking()
    other.asking()
    _throw(office, door, "a bug in a playbook")
    for each in (asked, other):
        assert "bob froze everything: a bug in a playbook" in text_of(each.card("FROZEN"))
    office.way("http").yes("alice", asked.asking())
    asked.until_status("parked")
    assert any("frozen by bob because a bug in a playbook" in says for says in asked.says("parked"))
    assert "frozen by bob because a bug in a playbook" in text_of(asked.card("Parked"))
    assert asked.effects() == []
    done, says = _release(office, door, "bob")
    assert not done
    assert "somebody else has to thaw it" in says
    assert "FROZEN" in text_of(other.asking())
    assert _release(office, door, "alice")[0]
    until(lambda: "FROZEN" not in text_of(other.asking()), "a card that is not frozen any more")
    asked.until_status("contained")
    assert len(asked.effects()) == 1
    again = office.start()
    office.way("socket").yes("alice", again.asking())
    again.until_status("contained")


# ---- told as it is -----------------------------------------------------------------------------------------


def test_the_buttons_are_gone_at_once_after_the_deciding_vote(office: Approvals, way: Way) -> None:
    def seconds() -> float:
        asked = office.start()
        card = asked.asking()
        began = time.monotonic()
        way.yes("alice", card)
        until(lambda: not has_button(card, "approve"), "no more buttons")
        return time.monotonic() - began

    assert within(2.5, seconds)


def test_done_is_never_said_before_it_is_verified(office: Approvals, way: Way) -> None:
    asked = office.start("shut_asked")
    card = asked.asking()
    office.world.fault("verify", asked.door, "not_yet", times=3)
    way.yes("alice", card)
    asked.card("Contained")
    seen = next(entry["at"] for entry in asked.report()["ledger"] if entry["kind"] == "verified")
    states = office.slack.written(asked.response)
    early = [each for each in states if each.at < datetime.fromisoformat(seen)]
    assert any("not seen to hold" in text_of(each) for each in early), "it was told as changed, and no more"
    assert not any("Contained" in text_of(each) or "Done" in text_of(each) for each in early)


def test_people_are_reminded_at_half_time_in_the_thread_and_in_the_channel(office: Approvals) -> None:
    asked = office.start("weld_two")
    card = asked.asking()
    office.here.fast_forward(asked.response, timedelta(minutes=16))

    def calls() -> list[Any]:
        posted = (each for each in office.slack.recorded if each.method == "chat.postMessage")
        return [
            each for each in posted if each.body.get("thread_ts") == card.ts and each.body["reply_broadcast"]
        ]

    (call,) = until(calls, "a reminder that the channel sees: a reply alone is read by nobody")
    assert "Still waiting" in text_of(call)
    assert "responders" in text_of(call)


def test_what_somebody_changed_since_stands_on_the_card_that_asks_for_the_undo(
    office: Approvals, way: Way
) -> None:
    asked = office.start("shut_asked")
    way.yes("alice", asked.asking())
    done = asked.card("Contained", button="undo")
    office.world.door(asked.door, "bricked up")
    assert way.press("alice", done, "undo").outcome == "ok"
    undo = asked.card("changed by somebody else since", button="approve")
    assert f"shut door {asked.door}" not in str(undo.button("firedoor.approve")["confirm"]), (
        "it is left alone"
    )
    way.yes("bob", undo)
    asked.until_status("stuck")
    assert office.world.state(asked.door) == "bricked up"


def test_what_cannot_be_undone_is_not_told_as_what_would_be_opened(office: Approvals, way: Way) -> None:
    asked = office.start("close_doors")
    card = asked.asking()
    way.yes("alice", card)
    way.yes("bob", card)
    done = asked.card("Contained", button="undo")
    assert way.press("alice", done, "undo").outcome == "ok"
    undo = asked.card("What stays, for it cannot be undone", button="approve")
    assert f"weld door {asked.door}" not in str(undo.blocks[0])
    assert f"weld door {asked.door}" not in str(undo.button("firedoor.approve")["confirm"])
