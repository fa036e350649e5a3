"""A reminder says what, until when and who is missing, and calls whoever can do something about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from firedoor.channels.slack.card import reminder
from firedoor.channels.slack.render_context import Around
from firedoor.channels.slack.thread import line, replies
from firedoor.domain.response.ledger import EntryKind
from tests.channels.slack.drawn import of_type, pressable, said, taken
from tests.channels.slack.reports import ID, NOW, asked, entry, every_standing, vote

AROUND = Around(
    page="https://firedoor.example.com",
    mentions={"secops": "S0SECOPS1", "secops-leads": "S0LEADS01"},
    users={"carol": "U0CAROL01"},
)


def test_a_reminder_says_what_until_when_and_who_is_missing() -> None:
    message = reminder(every_standing()["counting"], AROUND)
    taken(message)
    says = said(message)
    for needed in (
        "Still waiting: ",
        "delete access key AKIAIOSFODNN7EXAMPLE of user svc-deploy",
        "1 person of secops still needed",
        "secops-leads are asked too",
        asked().fingerprint,
        f"<!date^{int(asked().deadline.timestamp())}^",
    ):
        assert needed in says, needed
    assert message.text == (
        "Reminder: approve delete access key in 123456789012 · high, leaked_access_key · "
        f"1 person needed by 2026-11-22 19:00 UTC · plan {asked().fingerprint}"
    )
    assert pressable(message) == {"firedoor.page"}


def test_a_reminder_calls_the_groups_that_lack_a_yes() -> None:
    called = of_type(reminder(every_standing()["pending"], AROUND), "usergroup")
    assert [each["usergroup_id"] for each in called] == ["S0SECOPS1"]
    later = asked().escalation(NOW + timedelta(minutes=31))
    made = every_standing()["pending"].model_copy(update={"ask": later})
    called = of_type(reminder(made, AROUND), "usergroup")
    assert [each["usergroup_id"] for each in called] == ["S0SECOPS1", "S0LEADS01"]


def test_whoever_was_asked_to_look_is_called_instead_of_everybody() -> None:
    made = every_standing()["pending"].model_copy(update={"ask": asked(assigned_to="carol")})
    message = reminder(made, AROUND)
    taken(message)
    assert [each["user_id"] for each in of_type(message, "user")] == ["U0CAROL01"]
    assert not of_type(message, "usergroup")
    assert "For carol, who is asked to look at it" in said(reminder(made))


@pytest.mark.parametrize("name", ["contained", "confirming", "rejected"])
def test_a_reminder_that_came_late_calls_nobody(name: str) -> None:
    message = reminder(every_standing()[name], AROUND)
    taken(message)
    assert said(message) == "Nothing is asked here any more"
    assert not of_type(message, "usergroup")


def test_every_kind_of_entry_has_a_line_of_its_own() -> None:
    kinds: list[EntryKind] = ["reminded", "snoozed", "reassigned", "voided", "glass", "reviewed"]
    words = ["reminded", "reminder put off", "asked to look", "NO LONGER COUNTS", "GLASS BROKEN", "reviewed"]
    for kind, says in zip(kinds, words, strict=True):
        assert says in [each.get("text") for each in line(entry(kind))]


def test_a_broken_glass_is_told_in_the_thread_with_its_reason() -> None:
    told = vote("erin", comment="nobody answers the phone", break_glass=True).model_dump(mode="json")
    entries = (entry("voted", None, "erin said approve", vote=told), entry("glass", None, "erin acts alone"))
    message = replies(entries, 0, ID)[0][1]
    taken(message)
    assert "nobody answers the phone" in said(message)
    assert message.text == "voted, GLASS BROKEN"
