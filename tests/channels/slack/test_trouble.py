"""What went wrong is shown with what a person does about it; what is asked anew says why."""

from __future__ import annotations

import pytest

from firedoor.channels.slack.card import card, superseded
from firedoor.channels.slack.superseded import Why, why_anew
from firedoor.domain.plan.plan import Plan
from tests.channels.slack.drawn import of_type, said, taken
from tests.channels.slack.reports import (
    RULE,
    SESSIONS,
    START,
    STOP,
    entry,
    every_standing,
    step,
)

# ---- undo, by hand, superseded ---------------------------------------------------------------


def test_drift_is_shown_before_an_undo_is_approved() -> None:
    made = every_standing()["undo_pending"]
    entries = (*made.entries, entry("reverted", "stop_key", "the key was activated again by mallory"))
    says = said(card(made.model_copy(update={"entries": entries})))
    assert (
        "changed by somebody else since: the key was activated again by mallory; it will be left alone"
        in says
    )
    assert "end every session of user svc-deploy" in says
    assert "contained when last looked at, 18:30 UTC; what is not as we made it is left alone" in says


def test_a_plan_that_drifted_before_it_was_made_is_no_drift_of_what_we_wrote() -> None:
    made = every_standing()["undo_pending"]
    entries = (*START, entry("begun", "stop_key"), entry("drifted", "stop_key", "the key is another one"))
    assert "changed by somebody else" not in said(card(made.model_copy(update={"entries": entries})))


def failed_by_hand(command: str) -> str:
    steps = (STOP, SESSIONS, step(by_hand=command))
    made = every_standing()["failed"].model_copy(update={"plan": Plan(steps=steps, undo_rule=RULE)})
    message = card(made)
    taken(message)
    return "\n".join(each["elements"][0]["text"] for each in of_type(message, "rich_text_preformatted"))


def test_a_failure_names_the_command_to_run() -> None:
    command = "aws iam delete-access-key --user-name svc-deploy --access-key-id AKIAIOSFODNN7EXAMPLE"
    assert failed_by_hand(command) == command


def test_a_command_is_shown_whole_or_not_at_all() -> None:
    assert failed_by_hand("aws iam put-user-policy " + "x" * 2000) == ""


def test_when_there_is_too_much_to_say_the_command_is_what_stays() -> None:
    command = "aws iam delete-access-key --user-name svc-deploy"
    long = [step(f"s{n}", says="ü" * 300, consequences=()) for n in range(30)]
    steps = (*long, step(by_hand=command, says="ü" * 300))
    entries = (
        *START,
        *(entry("failed", each.id, "ö" * 300) for each in long[:6]),
        entry("failed", "delete_key"),
    )
    made = every_standing()["failed"].model_copy(
        update={"plan": Plan(steps=steps, undo_rule=RULE), "entries": entries}
    )
    message = card(made)
    taken(message)
    assert [each["elements"][0]["text"] for each in of_type(message, "rich_text_preformatted")] == [command]


def test_a_command_cannot_hide_what_it_holds() -> None:
    assert failed_by_hand("echo a\u202eb ```\nsecond <!channel>") == "echo a‹U+202E›b ```\nsecond <!channel>"


def test_what_could_not_be_taken_back_does_not_offer_the_command_that_does_it_again() -> None:
    made = every_standing()["stuck"]
    plan = Plan(steps=(step("stop_key", by_hand="aws iam update-access-key"),), undo_rule=RULE)
    assert not of_type(card(made.model_copy(update={"plan": plan})), "rich_text_preformatted")


def ask_entry(**facts: object) -> object:
    return entry("asked", ask={"kind": "apply", "escalated": False, **facts})


@pytest.mark.parametrize(
    ("why", "since", "says"),
    [
        ("drift", [entry("drifted", "delete_key")], "The world changed under the plan"),
        ("joined", [entry("joined")], "Another finding joined"),
        ("vote", [entry("voided")], "that yes does not count"),
        ("next", [entry("decided", state="granted")], "asks for the next steps"),
        ("drift", [entry("decided", state="withdrawn"), entry("planned")], "The world changed"),
    ],
)
def test_a_closed_card_says_why_it_is_asked_anew(why: Why, since: list[object], says: str) -> None:
    made = every_standing()["pending"]
    made = made.model_copy(update={"entries": (*made.entries, ask_entry(), *since, ask_entry())})
    assert why_anew(made) == why
    message = superseded(made)
    taken(message)
    assert says in said(message)


def test_a_card_closed_by_an_escalation_or_an_undo_says_so() -> None:
    escalated = every_standing()["escalated"]
    entries = (*escalated.entries, ask_entry(), ask_entry(escalated=True))
    assert "asked again with more people" in said(
        superseded(escalated.model_copy(update={"entries": entries}))
    )
    undo = every_standing()["undo_pending"]
    entries = (*undo.entries, ask_entry(), entry("decided"), ask_entry(kind="undo"))
    assert "Somebody asked to take it back" in said(superseded(undo.model_copy(update={"entries": entries})))
