"""The dialogs over a card: Slack takes them, and what is submitted is complete or told what it lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from firedoor.channels.slack import modal
from firedoor.channels.slack.reference import Reference, decode
from firedoor.domain.core.canonical import canonical
from firedoor.domain.plan.plan import Plan
from tests.channels.slack.drawn import view_taken
from tests.channels.slack.injections import INJECTIONS, blocks_are_inert, nodes, shown
from tests.channels.slack.reports import DELETE, ID, RULE, asked, every_standing, report, step

REFERENCE = Reference(r=ID, a="1", g=1, h=asked().plan_sha256, d="more")
PEOPLE = {"bob": "Bob Ross", "carol": "Carol Danvers"}


def offered(view: dict[str, Any], name: str) -> list[str]:
    """List the values that an input of a dialog offers."""
    found = [block["element"]["options"] for block in view["blocks"] if block.get("block_id") == name]
    return [option["value"] for options in found for option in options]


def asks(view: dict[str, Any]) -> set[str]:
    return {block["block_id"] for block in view["blocks"] if block["type"] == "input"}


def test_slack_takes_our_dialogs() -> None:
    reference = REFERENCE.model_copy(update={"d": "reject"})
    view_taken(modal.reject(reference))
    view_taken(modal.told("Recorded."))
    view_taken(modal.loading("Exact plan"))
    view_taken(modal.more(REFERENCE, PEOPLE, glass=True))
    assert reference.fingerprint in json.dumps(modal.reject(reference)["blocks"])


def test_a_no_asks_for_a_reason_and_a_sentence() -> None:
    assert set(modal.errors(None, "short")) == {modal.REASON, modal.COMMENT}
    assert not modal.errors("bad_time", "x" * 10)
    assert set(modal.errors("bad_time", "x" * 1001)) == {modal.COMMENT}


# ---- the exact plan --------------------------------------------------------------------------


def test_details_show_exactly_what_a_vote_signs() -> None:
    params = {"user": "svc-deploy", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "deep": {"b": [2], "a": 1}}
    steps = (step(params=params),)
    made = every_standing()["pending"].model_copy(update={"ask": asked(steps), "asked_steps": steps})
    view = modal.details(made)
    view_taken(view)
    told = shown(view)
    for needed in (
        asked(steps).fingerprint,
        asked(steps).plan_sha256,
        "delete access key AKIAIOSFODNN7EXAMPLE of user svc-deploy",
        "aws.delete_access_key",
        "arn:aws:iam::123456789012:user/svc-deploy",
        "123456789012",
        "us-east-1",
        f"firedoor responses {ID}",
    ):
        assert needed in told, needed
    boxes = [node for node in nodes(view["blocks"]) if node.get("type") == "rich_text_preformatted"]
    assert [box["elements"][0]["text"] for box in boxes] == [canonical(params).decode()]
    assert not asks(view)


def test_details_of_a_response_that_asks_nothing_show_its_plan() -> None:
    told = shown(modal.details(every_standing()["failed"]))
    assert "Nothing is asked here. 3 steps are planned." in told
    assert "deactivate access key" in told
    view_taken(modal.details(every_standing()["planning"]))


def test_a_plan_too_long_for_a_dialog_says_where_the_rest_is() -> None:
    steps = tuple(step(f"s{n}", params={"policy": "x" * 4000}) for n in range(60))
    made = report(plan=Plan(steps=steps, undo_rule=RULE), ask=asked(steps), asked_steps=steps)
    view = modal.details(made)
    view_taken(view)
    assert f"… (40 more, see firedoor responses {ID})" in shown(view)


# ---- more ------------------------------------------------------------------------------------


def test_more_offers_reminders_people_and_the_glass_to_whoever_may_break_it() -> None:
    view = modal.more(REFERENCE, PEOPLE, glass=True)
    assert offered(view, modal.WHAT) == ["snooze.15", "snooze.30", "snooze.60", "reassign", "glass"]
    assert offered(view, modal.PERSON) == ["bob", "carol"]
    assert decode(view["private_metadata"]) == REFERENCE
    assert "without anybody else's yes" in shown(view)


def test_more_offers_nothing_that_cannot_be_done() -> None:
    view = modal.more(REFERENCE, {}, glass=False)
    view_taken(view)
    assert offered(view, modal.WHAT) == ["snooze.15", "snooze.30", "snooze.60"]
    assert asks(view) == {modal.WHAT}
    assert "glass" not in json.dumps(view).lower()
    assert asks(modal.more(REFERENCE, PEOPLE, glass=False)) == {modal.WHAT, modal.PERSON, modal.COMMENT}


def test_breaking_the_glass_is_never_chosen_beforehand() -> None:
    view = modal.more(REFERENCE, PEOPLE, glass=True)
    assert "initial_option" not in json.dumps(view)


@pytest.mark.parametrize("text", INJECTIONS, ids=lambda text: repr(text[:30]))
def test_names_of_people_stay_text(text: str) -> None:
    view = modal.more(REFERENCE, {f"p{n}": text for n in range(150)}, glass=True)
    view_taken(view)
    blocks_are_inert(view)
    assert len(offered(view, modal.PERSON)) == 100


def test_what_more_needs_is_said_at_the_input_that_lacks_it() -> None:
    assert not modal.more_errors("snooze", person=None, comment="")
    assert set(modal.more_errors("reassign", person=None, comment="")) == {modal.PERSON}
    assert not modal.more_errors("reassign", person="bob", comment="")
    assert set(modal.more_errors("glass", person=None, comment="too short")) == {modal.COMMENT}
    assert not modal.more_errors("glass", person=None, comment="the attacker is in")
    assert set(modal.more_errors("glass", person=None, comment="x" * 1001)) == {modal.COMMENT}


def test_the_exact_plan_of_an_undo_is_the_plan_of_the_undo() -> None:
    told = shown(modal.details(every_standing()["undo_pending"]))
    assert "end every session" in told
    assert DELETE.says not in told
