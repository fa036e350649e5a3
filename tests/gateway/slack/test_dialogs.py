"""Dialogs in Slack: opened at once, filled when the engine answers, and answered where they stand."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.channels.slack import modal
from firedoor.channels.slack.reference import LineReference
from firedoor.domain.core.errors import Unavailable
from tests.gateway.slack_door import Door
from tests.gateway.test_slack_presses import actions, counted

REASON = "the release is running"


@pytest.fixture(params=["http", "socket"])
def door(request: pytest.FixtureRequest) -> Door:
    return Door(request.param)


# ---- no ---------------------------------------------------------------------------------


async def test_reject_opens_a_dialog_and_its_answer_is_the_vote(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.reject")
    assert not door.engine.votes
    assert (await door.submit("U1", view, reason="bad_time", comment=REASON)).done
    (vote,) = door.engine.votes.values()
    assert (vote.decision, vote.reason, vote.comment) == ("reject", "bad_time", REASON)
    assert vote.voter.person == "alice"


async def test_a_dialog_that_is_submitted_twice_is_one_vote(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.reject")
    for _ in range(2):
        assert (await door.submit("U1", view, reason="bad_time", comment=REASON)).done
    assert len(door.engine.votes) == 1


async def test_a_no_without_a_reason_or_a_sentence_is_answered_in_the_dialog(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.reject")
    before = counted("refused")
    told = await door.submit("U1", view, reason=None, comment="too short")
    assert set(told.errors) == {"reason", "comment"}
    assert counted("refused") == before + 1
    assert not door.engine.votes


async def test_a_no_that_does_not_count_is_answered_in_the_dialog(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.reject")
    other = await door.submit("U3", view, reason="bad_time", comment=REASON)
    assert "you are not in secops" in other.errors["comment"]
    stranger = await door.submit("U9", view, reason="bad_time", comment=REASON)
    assert "belongs to nobody" in stranger.errors["comment"]
    door.accounts.kinds["U1"] = "guest"
    guest = await door.submit("U1", view, reason="bad_time", comment=REASON)
    assert "guest accounts cannot decide" in guest.errors["comment"]
    assert not door.engine.votes


async def test_a_no_that_could_not_be_made_durable_is_answered_in_the_dialog(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.reject")
    door.engine.broken = Unavailable("Temporal does not answer")
    told = await door.submit("U1", view, reason="bad_time", comment=REASON)
    assert "FAILED" in told.errors["comment"]
    assert "may or may not be recorded" in told.errors["comment"]


async def test_a_no_that_waits_for_the_engine_is_told_so(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.reject")
    door.engine.waiting = True
    told = await door.submit("U1", view, reason="bad_time", comment=REASON)
    assert "Recorded, waiting for the engine" in told.shown


async def test_a_stranger_is_not_left_the_dialog(door: Door) -> None:
    before = counted("refused")
    assert (await door.press("U9", "firedoor.reject")).done
    (view,) = door.slack.views.values()
    assert "belongs to nobody" in str(view)
    assert "submit" not in view, "there is nothing to send"
    assert counted("refused") == before + 1


async def test_the_reason_of_a_no_is_asked_for_before_anybody_is_looked_up(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trigger lives three seconds: what a directory takes must not be taken from it."""
    door.people = None  # it cannot be read
    first: list[str] = []
    opens = door.open_view

    async def opened(trigger_id: str, view: dict[str, Any]) -> str:
        first.append(view.get("callback_id", ""))
        return await opens(trigger_id, view)

    monkeypatch.setattr(door, "open_view", opened)
    assert (await door.press("U1", "firedoor.reject")).done
    assert first == [modal.REJECT_VIEW]


@pytest.mark.parametrize("action", ["firedoor.reject", "firedoor.details", "firedoor.more"])
async def test_a_dialog_that_does_not_open_is_told_and_counts_nothing(door: Door, action: str) -> None:
    door.unreachable.add("views.open")
    assert (await door.press("U1", action)).done
    assert "The dialog did not open; nothing is recorded" in door.said()
    assert not door.engine.votes


# ---- details ----------------------------------------------------------------------------


async def test_details_show_the_exact_plan_of_the_open_ask(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.details")
    assert door.engine.report_now.ask.plan_sha256 in door.view(view)  # type: ignore[union-attr]
    assert not door.engine.votes


async def test_details_are_shown_to_nobody_whom_we_do_not_know(door: Door) -> None:
    view = await door.dialog("U9", "firedoor.details")
    assert "belongs to nobody" in door.view(view)
    assert door.engine.report_now.ask.plan_sha256 not in door.view(view)  # type: ignore[union-attr]


async def test_a_dialog_says_so_when_the_engine_is_silent(door: Door) -> None:
    door.engine.mute = Unavailable("Temporal does not answer")
    view = await door.dialog("U1", "firedoor.details")
    assert "The engine did not answer, and nothing is recorded" in door.view(view)


async def test_a_dialog_that_was_closed_meanwhile_is_left_alone(door: Door) -> None:
    door.unreachable.add("views.update")
    assert (await door.press("U1", "firedoor.details")).done
    assert not door.said().count("FAILED")


# ---- more -------------------------------------------------------------------------------


async def test_more_offers_those_who_may_decide_and_not_oneself(door: Door) -> None:
    view = door.view(await door.dialog("U1", "firedoor.more"))
    assert '"value": "bob"' in view
    assert '"value": "alice"' not in view
    assert '"value": "eve"' not in view
    assert "Break the glass" not in view


async def test_the_glass_is_offered_to_whom_the_policy_names(door: Door) -> None:
    door.engine.ask_now(glass=("alice",))
    assert "Break the glass" in door.view(await door.dialog("U1", "firedoor.more"))
    assert "Break the glass" not in door.view(await door.dialog("U2", "firedoor.more"))


async def test_more_about_what_is_asked_no_more_is_told(door: Door) -> None:
    door.engine.report_now = door.engine.report_now.model_copy(update={"asking": False})
    assert "nothing is asked here any more" in door.view(await door.dialog("U1", "firedoor.more"))


async def test_a_reminder_is_put_off(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.more")
    told = await door.submit("U1", view, what="snooze.30")
    assert "You are reminded at 19:01 UTC." in told.shown
    (nudge,) = door.engine.nudges.values()
    assert (nudge.voter.person, getattr(nudge, "minutes", None)) == ("alice", 30)


async def test_somebody_is_asked_to_look(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.more")
    missing = await door.submit("U1", view, what="reassign")
    assert set(missing.errors) == {"person"}
    told = await door.submit("U1", view, what="reassign", person="bob")
    assert "bob is asked to look at it" in told.shown
    (nudge,) = door.engine.nudges.values()
    assert nudge.voter.person == "alice"


async def test_the_glass_is_broken_with_a_written_reason_by_whom_the_policy_names(door: Door) -> None:
    door.engine.ask_now(glass=("alice",))
    view = await door.dialog("U1", "firedoor.more")
    short = await door.submit("U1", view, what="glass", comment="now")
    assert set(short.errors) == {"comment"}
    other = await door.submit("U2", view, what="glass", comment="nobody else is awake")
    assert "only people whom the policy names" in other.errors["what"]
    assert not door.engine.votes
    told = await door.submit("U1", view, what="glass", comment="nobody else is awake")
    assert "your name and your reason" in told.shown.lower()
    (vote,) = door.engine.votes.values()
    assert (vote.break_glass, vote.decision, vote.comment) == (True, "approve", "nobody else is awake")


async def test_a_reminder_that_may_not_be_put_off_is_told_in_the_dialog(door: Door) -> None:
    view = await door.dialog("U1", "firedoor.more")
    door.engine.broken = Unavailable("Temporal does not answer")
    told = await door.submit("U1", view, what="snooze.15")
    assert "FAILED" in told.errors["what"]


# ---- many at once -----------------------------------------------------------------------


def digest_line(door: Door) -> Any:
    value = LineReference(n=7, k="leaked_access_key 123456789012").encode()
    return door.kept("many", [actions("firedoor.review.0", value)])


async def review(door: Door, by: str = "U1") -> str:
    door.pending = digest_line(door)
    return await door.dialog(by, "firedoor.review.0")


async def test_a_digest_line_is_frozen_when_somebody_looks_at_it(door: Door) -> None:
    door.engine.line = (door.engine.member(),)
    view = door.view(await review(door))
    (order,) = door.engine.gathered
    assert (order.digest, order.key) == (7, "leaked_access_key 123456789012")
    assert "delete a key" in view
    assert "3 of secops" in view, "one tier higher than a single one"


async def test_one_word_is_said_about_all_of_a_frozen_set(door: Door) -> None:
    door.engine.line = (door.engine.member(),)
    view = await review(door)
    told = await door.submit("U1", view, decision="approve")
    assert "Recorded, waiting for the engine" in told.shown
    (word,) = door.engine.words.values()
    assert (word.voter.person, word.decision, word.door) == ("alice", "approve", "slack")
    assert (await door.submit("U1", view, decision="approve")).acked
    assert len(door.engine.words) == 1


async def test_a_no_to_a_set_needs_its_reason_as_well(door: Door) -> None:
    door.engine.line = (door.engine.member(),)
    view = await review(door)
    told = await door.submit("U1", view, decision="reject")
    assert set(told.errors) == {"reason", "comment"}
    assert not door.engine.words


async def test_a_line_of_which_nothing_is_left_is_told(door: Door) -> None:
    assert "nothing of this line is asked any more" in door.view(await review(door))


async def test_a_stranger_freezes_nothing(door: Door) -> None:
    door.engine.line = (door.engine.member(),)
    assert "belongs to nobody" in door.view(await review(door, "U9"))
    assert not door.engine.gathered


async def test_a_word_about_many_that_may_not_have_arrived_is_told(door: Door) -> None:
    door.engine.line = (door.engine.member(),)
    view = await review(door)
    door.engine.broken = Unavailable("Temporal does not answer")
    told = await door.submit("U1", view, decision="approve")
    assert "may or may not be recorded" in told.errors["comment"]
