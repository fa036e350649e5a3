"""A card tells how a response stands, and every state is another sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from firedoor.channels.slack.card import card, superseded
from firedoor.channels.slack.reference import decode
from firedoor.channels.slack.render_context import Around
from firedoor.domain.plan.plan import Plan
from firedoor.presentation.phrases import HEADLINES
from firedoor.presentation.standing import ASKING, standing
from tests.channels.slack.drawn import buttons, marked_up, pressable, said, taken
from tests.channels.slack.reports import (
    DELETE,
    ID,
    NOW,
    RULE,
    START,
    asked,
    done,
    entry,
    every_standing,
    report,
    step,
)


@pytest.mark.parametrize("name", list(every_standing()))
def test_each_standing_is_recognised_and_has_its_own_headline(name: str) -> None:
    made = every_standing()[name]
    assert standing(made) == name
    message = card(made)
    taken(message)
    assert message.blocks[0]["text"]["text"].startswith(HEADLINES[name][0])
    assert HEADLINES[name][1] in said(message)


def test_no_two_standings_share_a_sentence() -> None:
    assert len({headline for headline, _ in HEADLINES.values()}) == len(HEADLINES)
    assert len({sentence for _, sentence in HEADLINES.values()}) == len(HEADLINES)


@pytest.mark.parametrize("name", [name for name in every_standing() if name not in ("contained", "kept")])
def test_done_is_not_written_before_every_change_is_verified(name: str) -> None:
    assert "Done" not in said(card(every_standing()[name]))
    assert "every change is verified" not in said(card(every_standing()[name])).lower()


def test_approved_and_done_are_different_sentences() -> None:
    running = said(card(every_standing()["running"]))
    assert "approved by alice and bob" in running
    assert "not done yet" in running


def test_a_step_that_is_made_but_not_seen_to_hold_is_never_called_contained() -> None:
    entries = (*START, *done("stop_key"), *done("end_sessions"), *done("delete_key")[:2])
    for status in ("contained", "unverified", "containing"):
        assert standing(report(status=status, entries=entries)) == "unverified"


def test_an_open_card_tells_what_an_approver_needs() -> None:
    says = said(card(every_standing()["counting"]))
    for needed in (
        "delete access key AKIAIOSFODNN7EXAMPLE of user svc-deploy",
        "arn:aws:iam::123456789012:user/svc-deploy",
        "us-east-1",
        "CI deploys of 3 services stop",
        "last used 4 min ago by s3",
        "NO, it cannot be undone",
        "AWS keeps no copy of a deleted secret",
        "Access key used from a Tor exit node",
        "HIGH",
        "2 people of ",
        "yes from alice",
        "1 to go",
        "secops-leads are asked too",
        asked().fingerprint,
        "leaked_access_key@9f2c41d0",
        ID,
    ):
        assert needed in says, needed


def test_the_footer_names_the_role_we_act_as() -> None:
    around = Around(roles={"123456789012": "arn:aws:iam::123456789012:role/firedoor/respond"})
    assert "as role/firedoor/respond" in said(card(every_standing()["pending"], around)).replace("`", "")
    assert "role/" not in said(card(every_standing()["pending"], Around(roles={"999999999999": "x:role/y"})))


def test_consequences_stand_before_evidence() -> None:
    says = said(card(every_standing()["pending"]))
    assert says.index("What will break") < says.index("Why: ") < says.index("Who decides")


def test_the_deadline_is_put_into_each_readers_own_zone_by_slack() -> None:
    ask = asked()
    assert f"<!date^{int(ask.deadline.timestamp())}^" in marked_up(card(every_standing()["pending"]))


def test_after_the_escalation_the_card_says_that_silence_means_no() -> None:
    later = asked().escalation(NOW + timedelta(minutes=31))
    assert later is not None
    made = report(status="awaiting_approval", ask=later, asking=True, asked_steps=(DELETE,), entries=START)
    says = said(card(made))
    assert "silence means no" in says
    assert "secops or secops-leads" in says


def test_buttons_carry_references_and_no_parameters() -> None:
    for name in ("pending", "counting", "escalated", "undo_pending"):
        made = every_standing()[name]
        assert made.ask is not None
        values = {button["action_id"]: decode(button["value"]) for button in buttons(card(made))}
        assert set(values) == {
            "firedoor.approve",
            "firedoor.reject",
            "firedoor.details",
            "firedoor.more",
        }
        for action_id, reference in values.items():
            assert action_id == f"firedoor.{reference.d}"
            assert (reference.r, reference.a, reference.g) == (ID, made.ask.id, made.ask.generation)
            assert reference.h == made.ask.plan_sha256


def test_the_fingerprint_stands_on_the_card_and_in_the_question_before_it_counts() -> None:
    approve = buttons(card(every_standing()["pending"]))[0]
    assert asked().fingerprint in approve["confirm"]["text"]["text"]
    assert approve["confirm"]["text"]["type"] == "plain_text"


@pytest.mark.parametrize("name", list(every_standing()))
def test_there_are_no_dead_buttons(name: str) -> None:
    has = pressable(card(every_standing()[name])) - {"firedoor.details"}  # looking is never in vain
    if name in ASKING:
        assert has == {"firedoor.approve", "firedoor.reject", "firedoor.more"}
    elif name in (
        "contained",
        "unverified",
        "partial",
        "rejected",
        "expired",
        "unconfirmed",
        "reverted",
        "failed",
    ):
        assert has == {"firedoor.undo"}
    else:
        assert not has


def test_undo_is_not_offered_for_what_cannot_be_undone() -> None:
    made = report(
        plan=Plan(steps=(DELETE,), undo_rule=RULE),
        entries=(*START, *done("delete_key")),
        owed=("delete_key",),
    )
    assert standing(made) == "contained"
    assert pressable(card(made)) == {"firedoor.details"}


def test_a_second_undo_request_has_another_reference_than_the_first() -> None:
    first = every_standing()["contained"]
    second = first.model_copy(update={"entries": (*first.entries, entry("undo_requested"))})
    values = [buttons(card(made))[0]["value"] for made in (first, second)]
    assert values[0] != values[1]


def test_why_somebody_said_no_is_on_the_card() -> None:
    says = said(card(every_standing()["rejected"]))
    assert "alice said no (real, but a bad time): “the release runs until seven”" in says


def test_a_failure_tells_a_person_what_to_do_and_where() -> None:
    says = said(card(every_standing()["failed"]))
    assert "For a person to do now" in says
    assert "arn:aws:iam::123456789012:user/svc-deploy" in says
    assert "AccessDenied by an SCP" in says


def test_the_undo_ask_tells_what_opens_again_and_who_asked() -> None:
    says = said(card(every_standing()["undo_pending"]))
    assert "What would be opened again" in says
    assert "asked for by dora, who cannot say yes to it" in says
    assert "What will break" not in says


def test_a_closed_message_points_to_the_newer_one_and_cannot_be_pressed() -> None:
    message = superseded(every_standing()["pending"])
    taken(message)
    assert not buttons(message)


def test_a_shadow_run_is_told_apart_from_one_that_had_nothing_to_do() -> None:
    shadow = said(card(every_standing()["shadow"]))
    assert "shadow" in shadow
    assert "nobody is asked" in shadow


def test_blocks_have_other_names_after_every_entry() -> None:
    made = every_standing()["pending"]
    later = made.model_copy(update={"entries": (*made.entries, entry("noted"))})
    names = [{block["block_id"] for block in card(each).blocks} for each in (made, later)]
    assert not names[0] & names[1]


def test_what_does_not_fit_says_how_to_see_the_rest() -> None:
    steps = tuple(step(f"s{n}", says=f"delete access key number {n}") for n in range(200))
    made = report(
        status="awaiting_approval",
        plan=Plan(steps=steps, undo_rule=RULE),
        ask=asked(steps),
        asking=True,
        asked_steps=steps,
    )
    message = card(made)
    taken(message)
    assert "(192 more, see the thread" in said(message)
    assert "and 199 more" in message.blocks[0]["text"]["text"]


def test_the_words_of_a_notification_are_ours() -> None:
    message = card(every_standing()["pending"])
    assert message.text == (
        "Approve? delete access key in 123456789012 · high, leaked_access_key · "
        f"2 people needed by 2026-11-22 19:00 UTC · plan {asked().fingerprint}"
    )
