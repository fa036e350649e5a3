"""A card that asks says who said yes, what silence means, who may act alone, and calls nobody twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from firedoor.channels.slack.card import card
from firedoor.channels.slack.reference import decode
from firedoor.channels.slack.render_context import Around
from firedoor.presentation.standing import ASKING
from tests.channels.slack.drawn import buttons, marked_up, of_type, pressable, said, taken
from tests.channels.slack.reports import (
    DELETE,
    ID,
    NOW,
    RULE,
    START,
    STOP,
    asked,
    done,
    entry,
    every_standing,
    report,
    step,
    vote,
)

PAGE = "https://firedoor.example.com"
OPEN = Around(page=PAGE)


# ---- one of two, recording, silence, escalation ---------------------------------------------


def test_one_of_two_is_a_sentence_of_its_own_that_says_who_and_how_many_to_go() -> None:
    message = card(every_standing()["counting"])
    assert message.blocks[0]["text"]["text"].startswith("Approve too? (1 of 2) delete access key")
    assert "Yes from alice; 1 more to go." in said(message)


def test_while_the_votes_are_recorded_nothing_can_be_pressed_and_nothing_is_called_done() -> None:
    message = card(every_standing()["confirming"])
    assert "being looked up once more before anything is done" in said(message)
    assert "alice said yes" in said(message)
    assert pressable(message) == {"firedoor.details"}


def test_a_directory_that_cannot_be_read_is_a_no_in_its_own_words() -> None:
    says = said(card(every_standing()["unconfirmed"]))
    assert "could be looked up again, and unreachable means no" in says
    assert "Too few answered" not in says


def test_where_silence_means_yes_the_card_says_so_loudly() -> None:
    rule = RULE.model_copy(update={"then": "proceed", "to": ()})
    made = report(
        status="awaiting_approval",
        ask=asked((STOP,), rules=(rule,)),
        asking=True,
        asked_steps=(STOP,),
        entries=START,
    )
    says = said(card(made))
    assert "SILENCE MEANS YES HERE" in says
    assert "*IT IS DONE WITHOUT YOU*: silence means yes" in says
    assert "Nothing of this is done until" not in says


def test_what_silence_allowed_is_not_called_approved() -> None:
    rule = RULE.model_copy(update={"then": "proceed", "to": ()})
    ask = asked((STOP,), rules=(rule,))
    made = report(
        status="containing",
        ask=ask,
        asked_steps=(STOP,),
        entries=(
            *START,
            entry("decided", ask=ask.model_dump(mode="json"), state="granted"),
            entry("begun", "stop_key"),
        ),
    )
    says = said(card(made))
    assert "Nobody said no in time, and here silence means yes" in says
    assert "approved by" not in says


def test_where_one_rule_says_that_silence_is_a_no_the_deadline_does_not_promise_more_people() -> None:
    strict = RULE.model_copy(update={"then": "reject", "to": (), "from_": ("owners",)})
    made = every_standing()["pending"].model_copy(update={"ask": asked(rules=(RULE, strict))})
    says = said(card(made))
    assert "silence means no" in says
    assert "are asked too" not in says


def test_a_vote_that_fell_is_told_on_the_card() -> None:
    made = every_standing()["pending"]
    says = "alice may not decide this any more; the yes does not count"
    made = made.model_copy(update={"entries": (*made.entries, entry("voided", None, says))})
    assert f"No longer counts: {says}" in said(card(made))


def test_who_was_asked_to_look_stands_on_the_card() -> None:
    made = every_standing()["pending"].model_copy(update={"ask": asked(assigned_to="carol")})
    assert "carol is asked to look at it" in said(card(made))


def test_how_sensitive_the_data_is_stands_beside_where_it_is() -> None:
    steps = (step(data="restricted"),)
    made = every_standing()["pending"].model_copy(update={"ask": asked(steps), "asked_steps": steps})
    assert "RESTRICTED data" in said(card(made))


# ---- signing, breaking the glass, freezing, muting ------------------------------------------


def test_a_yes_that_has_to_be_signed_is_a_link_to_the_page_and_no_button() -> None:
    signed = RULE.model_copy(update={"step_up": True})
    made = every_standing()["pending"].model_copy(update={"ask": asked(rules=(signed,))})
    message = card(made, OPEN)
    taken(message)
    assert pressable(message) == {"firedoor.page", "firedoor.reject", "firedoor.details", "firedoor.more"}
    link = next(each for each in buttons(message) if each["action_id"] == "firedoor.page")
    assert link["text"]["text"] == "Sign in to approve…"
    assert link["url"] == f"{PAGE}/responses/{ID}"
    assert "has to be signed by a fresh sign-in or a passkey" in said(message)
    assert "firedoor.approve" not in pressable(card(made))


@pytest.mark.parametrize(
    "page", ["javascript:alert(1)", "https://a.test/?q=1", "https://a.test\n/x", "file:///etc/passwd"]
)
def test_an_address_that_is_no_origin_is_no_link(page: str) -> None:
    assert "firedoor.page" not in pressable(card(every_standing()["pending"], Around(page=page)))


def glass() -> dict[str, object]:
    broken = asked(glass=("erin",), confirmed=True).with_vote(
        vote("erin", comment="the attacker is in, nobody answers the phone", break_glass=True)
    )
    review = asked(kind="review", number="2", requester="erin")
    return {"ask": broken, "review": review, "asked_steps": (DELETE,), "owed": ("stop_key",)}


def test_a_broken_glass_is_loud_on_the_card_with_who_and_why() -> None:
    made = report(entries=(*START, *done("stop_key", "end_sessions", "delete_key")), **glass())
    says = said(card(made))
    assert "THE GLASS WAS BROKEN by erin, alone: “the attacker is in, nobody answers the phone”" in says
    assert "2 people of secops still have to say whether it was right" in says


def test_a_broken_glass_is_told_still_when_another_ask_is_shown() -> None:
    told = entry(
        "voted", vote=vote("erin", comment="nobody answers", break_glass=True).model_dump(mode="json")
    )
    made = every_standing()["undo_pending"]
    made = made.model_copy(
        update={"review": asked(kind="review", number="2"), "entries": (*made.entries, told)}
    )
    assert "THE GLASS WAS BROKEN by erin, alone: “nobody answers”" in said(card(made))


def test_others_say_on_the_card_whether_breaking_the_glass_was_right() -> None:
    made = report(entries=(*START, *done("stop_key", "end_sessions", "delete_key")), **glass())
    message = card(made)
    taken(message)
    values = {each["action_id"]: decode(each["value"]) for each in buttons(message)}
    assert set(values) == {"firedoor.approve", "firedoor.reject", "firedoor.undo", "firedoor.details"}
    assert made.review is not None
    assert values["firedoor.approve"].a == made.review.id
    assert values["firedoor.approve"].h == made.review.plan_sha256


def test_a_review_that_is_over_asks_nobody_and_tells_how_it_ended() -> None:
    facts = glass()
    review = asked(kind="review", number="2").with_vote(
        vote("bob", "reject", reason="wrong_action", comment="the key was rotated an hour before")
    )
    entries = (*START, *done("stop_key", "end_sessions", "delete_key"), entry("reviewed"))
    message = card(report(entries=entries, **{**facts, "review": review}))
    assert "firedoor.approve" not in pressable(message)
    assert "bob said it was WRONG: “the key was rotated an hour before”" in said(message)
    silent = card(report(entries=entries, **facts))
    assert "nobody looked at it in time" in said(silent)


@pytest.mark.parametrize("name", [*sorted(ASKING), "confirming", "running", "contained", "undoing"])
def test_a_freeze_is_shown_on_every_open_card_and_a_yes_is_still_possible(name: str) -> None:
    made = every_standing()[name]
    message = card(made, Around(frozen="dora: the on-call rotation is being changed"))
    taken(message)
    says = said(message)
    assert "FROZEN: dora: the on-call rotation is being changed" in says
    assert "No change is made there until it is thawed. A yes still counts" in says
    assert pressable(message) == pressable(card(made))
    if name in ASKING:
        waits = "it waits until it is thawed" in buttons(message)[0]["confirm"]["text"]["text"]
        assert waits == (name != "undo_pending"), "an undo is not stopped"
    names = [{block["block_id"] for block in each.blocks} for each in (message, card(made))]
    assert not names[0] & names[1]


@pytest.mark.parametrize("name", ["kept", "undone", "stuck", "withdrawn", "dismissed"])
def test_what_is_over_is_not_called_frozen(name: str) -> None:
    assert "FROZEN" not in said(card(every_standing()[name], Around(frozen="dora: because")))


def test_a_false_positive_says_until_when_it_is_not_asked_about_again() -> None:
    until = NOW + timedelta(hours=24)
    made = every_standing()["rejected"].model_copy(update={"muted_until": until})
    assert f"not asked about again until <date^{int(until.timestamp())}" in marked_up(card(made)).replace(
        "!", ""
    )


# ---- whom a card calls -----------------------------------------------------------------------


def test_a_card_that_newly_asks_calls_the_group_and_one_that_was_answered_does_not() -> None:
    around = Around(mentions={"secops": "S0SECOPS1", "secops-leads": "S0LEADS01"})
    called = [
        [each["usergroup_id"] for each in of_type(card(every_standing()[name], around), "usergroup")]
        for name in ("pending", "escalated", "counting", "contained")
    ]
    assert called == [["S0SECOPS1"], ["S0SECOPS1", "S0LEADS01"], [], []]


@pytest.mark.parametrize("id_", ["", "channel", "U0ALICE01", "S1> <!channel", "s0secops1"])
def test_what_is_no_user_group_is_not_called(id_: str) -> None:
    message = card(every_standing()["pending"], Around(mentions={"secops": id_}))
    taken(message)
    assert not of_type(message, "usergroup")
