"""What a terminal shows of who decides: the rules in force, what was said, silence, what a person does."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from firedoor.cli import show
from firedoor.cli.phrases import who
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Proof, Voter
from firedoor.domain.plan.plan import Plan
from firedoor.domain.response.messages import Report
from tests.channels.slack.reports import DELETE, ID, NOW, RULE, START, STOP, asked, done, entry, finding, vote

ONE = ApprovalRule(from_=("secops",), quorum=1, within=timedelta(minutes=30))


def report(**changes: Any) -> Report:
    base: dict[str, Any] = {
        "id": ID,
        "playbook": "leaked_access_key",
        "playbook_sha256": "0" * 64,
        "summary": "Stop the key.",
        "status": "awaiting_approval",
        "finding": finding(),
        "findings_seen": 1,
        "started": NOW,
        "plan": Plan(steps=(STOP, DELETE), undo_rule=RULE),
        "ask": asked(),
        "asking": True,
        "asked_steps": (DELETE,),
        "entries": (*START, *done("stop_key")),
    }
    return Report(**{**base, **changes})


def shown(told: Report) -> str:
    written = StringIO()
    console = Console(file=written, width=200, highlight=False, markup=False, emoji=False)
    for part in show.response(told, NOW):
        console.print(part)
    return written.getvalue()


def said(**changes: Any) -> str:
    return shown(report(ask=asked(**changes)))


def test_the_rules_in_force_are_shown_and_not_only_those_of_the_plan() -> None:
    storm = ApprovalRule(from_=("secops-leads",), quorum=1, within=timedelta(minutes=30))
    before = said(rules=(ONE,), storm=storm)
    after = said(rules=(ONE,), storm=storm, votes=(vote("ada", among="ab" * 32),))
    assert "1 person of secops-leads · 1 to go" not in before
    assert "1 person of secops-leads · 1 to go" in after
    assert "one word about many" in after


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "then secops-leads too"),
        ({"escalated": True}, "silence is no"),
        ({"rules": (ONE,)}, "silence is no"),
        ({"rules": (ONE.model_copy(update={"then": "proceed"}),)}, "SILENCE IS YES: done without you"),
        ({"rules": (RULE, ONE)}, "silence is no"),
    ],
)
def test_what_silence_means_is_what_it_will_do(changes: dict[str, Any], words: str) -> None:
    assert f"(in 30 min); {words}" in said(**changes)


def test_a_yes_that_has_to_be_signed_says_so_and_where() -> None:
    signed = ONE.model_copy(update={"step_up": True})
    text = said(rules=(signed,))
    assert "1 person of secops · 1 to go · signed" in text
    assert "signed on the page" in text
    proof = Proof(kind="passkey", by="laptop", plan_sha256=asked().plan_sha256, at=NOW)
    assert "signed (passkey)" in said(rules=(signed,), votes=(vote("ada", proof=proof),))


def test_who_was_asked_to_look_and_when_people_are_reminded_is_shown() -> None:
    text = said(assigned_to="lin", remind_at=NOW + timedelta(minutes=15))
    assert "lin was asked to look" in text
    assert "people are reminded at 2026-11-22 18:45:00Z" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"votes": (vote("ada"),)}, "Approve too?"),
        ({"escalated": True}, "Approve now?"),
        ({"votes": (vote("ada"), vote("lin"))}, "Recording"),
    ],
)
def test_each_standing_of_an_ask_has_its_own_words(changes: dict[str, Any], words: str) -> None:
    assert said(**changes).startswith(words)


def test_a_broken_glass_is_shown_with_its_reason_and_what_others_are_asked() -> None:
    alone = vote("dave", break_glass=True, comment="data is leaving").model_copy(
        update={"voter": Voter(person="dave", groups=())}
    )
    granted = asked(glass=("dave",), votes=(alone,), confirmed=True)
    review = asked(number="2", kind="review", rules=(ONE,), requester="dave")
    text = shown(report(ask=granted, asking=False, review=review, status="contained"))
    assert "Glass broken  by dave; was that right?" in text
    assert review.fingerprint in text
    assert "1 person of secops · 1 to go" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"votes": (vote("lin"),), "confirmed": True}, "it was found right"),
        ({"votes": (vote("lin", "reject", reason="wrong_action"),)}, "it was found WRONG"),
        ({"deadline": NOW}, "nobody reviewed it in time"),
    ],
)
def test_what_others_found_about_a_broken_glass_is_shown(changes: dict[str, Any], words: str) -> None:
    review = asked(number="2", kind="review", rules=(ONE,), requester="dave", **changes)
    assert words in shown(report(asking=False, review=review, status="contained"))


def test_until_when_a_false_positive_is_left_alone_is_shown() -> None:
    text = shown(report(asking=False, status="dismissed", muted_until=NOW + timedelta(hours=24)))
    assert "left alone until 2026-11-23 18:30:00Z" in text


def test_the_command_by_which_a_person_does_what_failed_is_shown() -> None:
    command = "aws iam delete-access-key --user-name svc-deploy"
    failed = DELETE.model_copy(update={"by_hand": command})
    text = shown(
        report(
            asking=False,
            ask=asked(votes=(vote("ada"), vote("lin")), confirmed=True),
            status="failed",
            plan=Plan(steps=(STOP, failed), undo_rule=RULE),
            entries=(*START, *done("stop_key"), entry("begun", "delete_key"), entry("failed", "delete_key")),
        )
    )
    assert "By hand" in text
    assert command in text


def test_a_plan_says_who_is_asked_how_and_what_their_silence_means() -> None:
    assert who(ONE) == "1 person of secops within 30 min; silence is no"
    assert who(ONE.model_copy(update={"then": "proceed"})).endswith("; silence is YES")
    assert ", signed" in who(ONE.model_copy(update={"step_up": True}))
