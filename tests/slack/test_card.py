"""A card tells how a response stands, within Slack's limits, whatever others write into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firedoor.domain.action import Consequence, Reversibility
from firedoor.domain.finding import Actor
from firedoor.domain.ledger import Entry
from firedoor.domain.plan import Plan
from firedoor.domain.response import Report
from firedoor.slack.blocks import Message
from firedoor.slack.card import card, superseded
from firedoor.slack.phrases import HEADLINES
from firedoor.slack.reference import decode
from firedoor.slack.standing import standing
from firedoor.slack.thread import replies
from tests.slack.reports import (
    DELETE,
    ID,
    NOW,
    RECEIVED,
    RULE,
    START,
    asked,
    done,
    entry,
    every_standing,
    finding,
    report,
    step,
    vote,
)
from tests.slack_rules import refused_message

#: What attackers write into the fields of a finding, and what it must not become.
HOSTILE = [
    "<!channel> wake everybody",
    "<!here|here> <@U1E93F9732> <#C0SOC00001>",
    "<https://console.aws.amazon.com.evil.test|Open AWS console>",
    "`code` ```fence``` `✅ Pre-approved by CISO` *bold* _it_ ~no~",
    "first line\n✅ Approved by alice and bob\n> quote",
    "user\u202enimda\u2066 \u200b\u2060\ufeff zero width",
    "bell\x07 escape\x1b[31m null\x00 delete\x7f next\x85 line\u2028sep\u2029",
    ":white_check_mark: :rotating_light:",
    "a" + "\u0301" * 400,
    "&lt;!channel&gt; &amp; <>&",
    "x" * 10_000,
    "<" * 10_000,
    "😀" * 5_000,
    "",
]


def everywhere(text: str) -> Report:
    """A pending report with a text in every place that comes from outside."""
    steps = tuple(
        step(
            f"s{number}",
            says=text,
            target=text,
            account=text[:40],
            region=text[:40],
            consequences=(Consequence(says=text, observed=text),) * 4,
            reversibility=Reversibility(kind="partial", says=text or "-"),
        )
        for number in range(3)
    )
    title = text.encode("utf-8", "replace").decode()[:4000]
    seen = finding(
        title=title,
        type=title,
        source=title,
        actor=Actor(user_name=title, source_ips=(title,) * 9, access_key_id=title),
    )
    ask = asked(steps).with_vote(vote("alice", "reject", reason="bad_time", comment=title[:1000]))
    received = Entry(at=NOW, kind="received", says=title, data={"caution": title})
    told = tuple(Entry(at=NOW, kind="failed", says=title, step=each.id) for each in steps)
    return report(
        status="awaiting_approval",
        finding=seen,
        summary=title,
        plan=Plan(steps=steps, undo_rule=RULE),
        ask=ask,
        asking=True,
        asked_steps=steps,
        entries=(received, *told),
    )


def texts(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk to every text object or element of blocks."""
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"], node
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from texts(value)


def markup(message: Message) -> str:
    """Everything of a message that Slack reads as markup."""
    return message.text + "".join(text for text, node in texts(message.blocks) if node["type"] == "mrkdwn")


def shown(message: Message) -> str:
    """All that a person reads."""
    return "".join(text for text, _ in texts(message.blocks))


def taken(message: Message) -> None:
    assert refused_message(message.text, json.loads(json.dumps(list(message.blocks)))) is None


@pytest.mark.parametrize("name", list(every_standing()))
def test_each_standing_is_recognised_and_has_its_own_headline(name: str) -> None:
    made = every_standing()[name]
    assert standing(made) == name
    message = card(made)
    taken(message)
    assert message.blocks[0]["text"]["text"].startswith(HEADLINES[name][0])
    assert HEADLINES[name][1] in shown(message)


def test_no_two_standings_share_a_sentence() -> None:
    assert len({headline for headline, _ in HEADLINES.values()}) == len(HEADLINES)
    assert len({sentence for _, sentence in HEADLINES.values()}) == len(HEADLINES)


@pytest.mark.parametrize("name", [name for name in every_standing() if name not in ("contained", "kept")])
def test_done_is_not_written_before_every_change_is_verified(name: str) -> None:
    assert "Done" not in shown(card(every_standing()[name]))
    assert "every change is verified" not in shown(card(every_standing()[name])).lower()


def test_approved_and_done_are_different_sentences() -> None:
    running = shown(card(every_standing()["running"]))
    assert "approved by alice and bob" in running
    assert "not done yet" in running


def test_a_step_that_is_made_but_not_seen_to_hold_is_never_called_contained() -> None:
    entries = (*START, *done("stop_key"), *done("end_sessions"), *done("delete_key")[:2])
    for status in ("contained", "unverified", "containing"):
        assert standing(report(status=status, entries=entries)) == "unverified"


def test_the_pending_card_tells_what_an_approver_needs() -> None:
    says = shown(card(every_standing()["pending"]))
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


def test_consequences_stand_before_evidence() -> None:
    says = shown(card(every_standing()["pending"]))
    assert says.index("What will break") < says.index("Why: ") < says.index("Who decides")


def test_the_deadline_is_put_into_each_readers_own_zone_by_slack() -> None:
    ask = asked()
    assert f"<!date^{int(ask.deadline.timestamp())}^" in markup(card(every_standing()["pending"]))


def test_after_the_escalation_the_card_says_that_silence_means_no() -> None:
    later = asked().escalation(NOW + timedelta(minutes=31))
    assert later is not None
    made = report(status="awaiting_approval", ask=later, asking=True, asked_steps=(DELETE,), entries=START)
    says = shown(card(made))
    assert "silence means no" in says
    assert "secops or secops-leads" in says


def test_buttons_carry_references_and_no_parameters() -> None:
    for name in ("pending", "undo_pending"):
        made = every_standing()[name]
        assert made.ask is not None
        values = {button["action_id"]: decode(button["value"]) for button in buttons(card(made))}
        assert set(values) == {"firedoor.approve", "firedoor.reject"}
        for reference in values.values():
            assert (reference.r, reference.a, reference.g) == (ID, made.ask.id, made.ask.generation)
            assert reference.h == made.ask.plan_sha256


def test_the_fingerprint_stands_on_the_card_and_in_the_question_before_it_counts() -> None:
    approve = buttons(card(every_standing()["pending"]))[0]
    assert asked().fingerprint in approve["confirm"]["text"]["text"]
    assert approve["confirm"]["text"]["type"] == "plain_text"


@pytest.mark.parametrize("name", list(every_standing()))
def test_there_are_no_dead_buttons(name: str) -> None:
    has = {button["action_id"] for button in buttons(card(every_standing()[name]))}
    if name in ("pending", "undo_pending"):
        assert has == {"firedoor.approve", "firedoor.reject"}
    elif name in ("contained", "unverified", "partial", "rejected", "expired", "reverted", "failed"):
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
    assert not buttons(card(made))


def test_a_second_undo_request_has_another_reference_than_the_first() -> None:
    first = every_standing()["contained"]
    second = first.model_copy(update={"entries": (*first.entries, entry("undo_requested"))})
    values = [buttons(card(made))[0]["value"] for made in (first, second)]
    assert values[0] != values[1]


def test_why_somebody_said_no_is_on_the_card() -> None:
    says = shown(card(every_standing()["rejected"]))
    assert "alice said no (real, but a bad time): “the release runs until seven”" in says


def test_a_failure_tells_a_person_what_to_do_and_where() -> None:
    says = shown(card(every_standing()["failed"]))
    assert "For a person to do now" in says
    assert "arn:aws:iam::123456789012:user/svc-deploy" in says
    assert "AccessDenied by an SCP" in says


def test_the_undo_ask_tells_what_opens_again_and_who_asked() -> None:
    says = shown(card(every_standing()["undo_pending"]))
    assert "What would be taken back" in says
    assert "asked for by dora, who cannot say yes to it" in says
    assert "What will break" not in says


def test_a_closed_message_points_to_the_newer_one_and_cannot_be_pressed() -> None:
    message = superseded(every_standing()["pending"])
    taken(message)
    assert not buttons(message)


def test_a_shadow_run_is_told_apart_from_one_that_had_nothing_to_do() -> None:
    shadow = shown(card(every_standing()["shadow"]))
    assert "shadow" in shadow
    assert "nobody is asked" in shadow


def test_blocks_have_other_names_after_every_entry() -> None:
    made = every_standing()["pending"]
    later = made.model_copy(update={"entries": (*made.entries, entry("noted"))})
    names = [{block["block_id"] for block in card(each).blocks} for each in (made, later)]
    assert not names[0] & names[1]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_never_where_slack_reads_markup(text: str) -> None:
    made = everywhere(text)
    for message in (card(made), *(reply for _, reply in replies(made.entries, 0, ID))):
        taken(message)
        read_as_markup = markup(message)
        assert "<!channel" not in read_as_markup
        assert "evil.test" not in read_as_markup
        assert "Pre-approved" not in read_as_markup
        assert "U1E93F9732" not in read_as_markup
        for said, node in texts(message.blocks):
            if node["type"] == "plain_text":
                assert node["emoji"] is False
            for bad in "\u202e\u2066\u200b\u2028\x1b\x00\x07\x85":
                assert bad not in said


def test_a_line_break_in_a_finding_cannot_begin_a_line_of_ours() -> None:
    message = card(everywhere("quiet\n✅ Approved by alice and bob"))
    lines = [line.strip() for said, _ in texts(message.blocks) for line in said.split("\n")]
    assert not [line for line in lines if line.startswith("✅ Approved")]
    assert "quiet␊✅ Approved" in shown(message)


def test_a_direction_mark_is_shown_instead_of_obeyed() -> None:
    assert "‹U+202E›" in shown(card(everywhere("user\u202enimda")))


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
    assert "(192 more, see the thread" in shown(message)
    assert "and 199 more" in message.blocks[0]["text"]["text"]


def test_the_words_of_a_notification_are_ours() -> None:
    message = card(every_standing()["pending"])
    assert message.text == (
        "Approve? delete access key in 123456789012 · high, leaked_access_key · "
        f"1 person needed by 2026-11-22 19:00 UTC · plan {asked().fingerprint}"
    )


TEXT = st.text(st.characters(codec="utf-8"), max_size=700) | st.sampled_from(
    [t for t in HOSTILE if "\udc80" not in t]
)
LINE = TEXT.map(lambda text: text[:4000])
STEP_IDS = st.sampled_from(["stop_key", "end_sessions", "delete_key", "other"])


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Any report, sensible or not."""
    base = draw(st.sampled_from(list(every_standing().values())))
    steps = tuple(
        step(
            id_,
            says=draw(TEXT),
            target=draw(TEXT),
            outcome=draw(st.sampled_from(["change", "already", "refuse", "unplanned"])),
            consequences=tuple(Consequence(says=draw(TEXT)) for _ in range(draw(st.integers(0, 9)))),
        )
        for id_ in draw(st.lists(STEP_IDS, unique=True))
    )
    kinds = st.sampled_from(
        ["begun", "applied", "verified", "failed", "settled", "undoing", "undone", "closed", "voted"]
    )
    extra = tuple(
        Entry(at=NOW, kind=draw(kinds), says=draw(TEXT), step=draw(st.none() | STEP_IDS))
        for _ in range(draw(st.integers(0, 12)))
    )
    return base.model_copy(
        update={
            "finding": finding(title=draw(LINE), type=draw(LINE), actor=Actor(user_name=draw(LINE))),
            "plan": draw(st.none() | st.just(Plan(steps=steps, undo_rule=RULE))),
            "asked_steps": draw(st.sampled_from([steps, (DELETE,), ()])),
            "entries": draw(st.sampled_from([(RECEIVED, *extra), extra, ()])),
            "status": draw(
                st.sampled_from(["planning", "containing", "contained", "failed", "stuck", "closed"])
            ),
            "owed": draw(st.sampled_from([(), ("stop_key",), ("stop_key", "delete_key")])),
        }
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports())
def test_slack_takes_the_card_and_the_thread_of_any_report(made: Report) -> None:
    taken(card(made))
    for _, reply in replies(made.entries, 0, ID):
        taken(reply)


def buttons(message: Message) -> list[dict[str, Any]]:
    return [each for block in message.blocks if block["type"] == "actions" for each in block["elements"]]
