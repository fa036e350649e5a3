"""What people do in the fake Slack is told to the app, and answered by it, as in Slack."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.testing.slack import Workspace, WorkspaceConfig
from firedoor.testing.slack.block_kit import refused_view
from firedoor.testing.slack.delivery import payload_of
from firedoor.testing.slack.messages import Posted
from firedoor.testing.slack.people import TEAM, TOKEN
from tests.testing.kit import Clock, actions, button, error, field, modal, plain, post, trigger

# ---- dialogs -----------------------------------------------------------------------


def test_a_dialog_opens_for_the_person_who_pressed(slack: Workspace) -> None:
    assert not refused_view(modal())
    answer = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack, "U0BOB"), "view": modal()})
    assert slack.shown("U0BOB") == answer["view"]["id"]
    assert slack.shown("U0ALICE") is None
    assert answer["view"]["root_view_id"] == answer["view"]["id"]


def test_a_trigger_lives_three_seconds_and_serves_once(slack: Workspace, clock: Clock) -> None:
    first, second = trigger(slack), trigger(slack)
    clock.now += 2.9
    assert slack.call("views.open", TOKEN, {"trigger_id": first, "view": modal()})["ok"]
    assert error(slack, "views.open", trigger_id=first, view=modal()) == "exchanged_trigger_id"
    clock.now += 0.2
    assert error(slack, "views.open", trigger_id=second, view=modal()) == "expired_trigger_id"
    assert error(slack, "views.open", trigger_id="1.2.3", view=modal()) == "invalid_trigger_id"


def test_a_dialog_is_drawn_anew_while_it_is_open_and_not_over_a_newer_state(slack: Workspace) -> None:
    view = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": modal()})["view"]
    changed = modal(title=plain("Filled"))
    first = {"view_id": view["id"], "hash": view["hash"], "view": changed}
    assert slack.call("views.update", TOKEN, first)["view"]["title"] == plain("Filled")
    assert error(slack, "views.update", **first) == "hash_conflict"
    slack.close("U0ALICE", view["id"])
    assert error(slack, "views.update", view_id=view["id"], view=changed) == "not_found"


def test_three_dialogs_stand_on_each_other_and_no_fourth(slack: Workspace) -> None:
    view_id = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": modal()})["view"]["id"]
    for _ in range(2):
        slack.dialogs.answered(view_id, "U0ALICE", {"response_action": "push", "view": modal()})
    assert len(slack.views) == 3
    slack.dialogs.answered(view_id, "U0ALICE", {"response_action": "push", "view": modal()})
    assert len(slack.views) == 3
    assert slack.noticed("U0ALICE")[-1].code == "invalid_response_action"
    slack.dialogs.close(str(slack.shown("U0ALICE")))
    assert slack.shown("U0ALICE") is not None, "the one below is seen again"
    slack.dialogs.answered(view_id, "U0ALICE", {"response_action": "clear"})
    assert slack.shown("U0ALICE") is None


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {}},
        {"response_action": "errors", "errors": {"no_such_block": "x"}},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "dance"},
        "<html>",
        ["errors"],
    ],
)
def test_an_answer_that_slack_does_not_understand_is_trouble_for_the_person(
    slack: Workspace, answer: Any
) -> None:
    view_id = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": modal()})["view"]["id"]
    slack.dialogs.answered(view_id, "U0ALICE", answer)
    assert "trouble" in slack.noticed("U0ALICE")[0].text
    assert slack.shown("U0ALICE") == view_id


def test_inputs_that_nobody_touched_are_sent_as_empty(slack: Workspace) -> None:
    option = {"text": plain("One"), "value": "1"}
    boxes = {"type": "checkboxes", "action_id": "b", "options": [option]}
    radio = {"type": "radio_buttons", "action_id": "r", "options": [option], "initial_option": option}
    blocks = [
        field("why"),
        {"type": "input", "block_id": "b", "label": plain("x"), "element": boxes},
        {"type": "input", "block_id": "r", "label": plain("x"), "element": radio},
    ]
    answer = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": modal(blocks=blocks)})
    signed = slack.submit_view(
        "U0ALICE", answer["view"]["id"], {"why": {"text": {"type": "plain_text_input", "value": "so"}}}
    )
    assert payload_of(signed)["view"]["state"]["values"] == {
        "why": {"text": {"type": "plain_text_input", "value": "so"}},
        "b": {"b": {"type": "checkboxes", "selected_options": []}},
        "r": {"r": {"type": "radio_buttons", "selected_option": option}},
    }


# ---- presses -----------------------------------------------------------------------


def test_a_press_carries_what_slack_sends_and_nothing_about_the_kind_of_account(slack: Workspace) -> None:
    message = post(slack, *actions(button(value="ref")))
    payload = payload_of(slack.press("U0GUEST", message, "go"))
    assert payload["user"] == {"id": "U0GUEST", "username": "greta", "name": "greta", "team_id": TEAM}
    assert payload["message"]["blocks"] == message.blocks
    assert (payload["actions"][0]["value"], payload["actions"][0]["block_id"]) == ("ref", "a")
    assert payload["container"]["message_ts"] == message.ts
    assert (payload["enterprise"], payload["is_enterprise_install"]) == (None, False)


def test_a_menu_is_pressed_by_one_of_its_options(slack: Workspace) -> None:
    options = [
        {"text": plain("Escalate"), "value": "escalate"},
        {"text": plain("Reassign"), "value": "reassign"},
    ]
    message = post(slack, *actions({"type": "overflow", "action_id": "more", "options": options}))
    pressed = payload_of(slack.press("U0BOB", message, "more", option="reassign"))["actions"][0]
    assert (pressed["type"], pressed["selected_option"]) == ("overflow", options[1])
    assert "options" not in pressed
    with pytest.raises(LookupError, match="does not offer 'delete'"):
        slack.press("U0BOB", message, "more", option="delete")


def test_a_button_in_a_dialog_tells_the_dialog_and_can_put_another_on_top(slack: Workspace) -> None:
    view = modal(blocks=[field("why"), *actions(button())])
    view_id = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": view})["view"]["id"]
    payload = payload_of(slack.press_in_view("U0ALICE", view_id, "go"))
    assert (payload["container"], payload["view"]["id"]) == ({"type": "view", "view_id": view_id}, view_id)
    assert "response_url" not in payload
    pushed = slack.call("views.push", TOKEN, {"trigger_id": payload["trigger_id"], "view": modal()})
    assert pushed["view"]["previous_view_id"] == view_id


def test_nobody_presses_what_is_not_there_and_nobody_unknown_presses(slack: Workspace) -> None:
    message = post(slack, *actions(button()))
    with pytest.raises(LookupError, match="no undo; there is"):
        slack.press("U0BOB", message, "undo")
    with pytest.raises(LookupError, match="nobody in the workspace"):
        slack.press("U0NOBODY", message, "go")


def test_an_app_of_the_whole_organisation_is_told_so() -> None:
    slack = Workspace(WorkspaceConfig(enterprise="E0ACME", org_install=True))
    payload = payload_of(slack.press("U0BOB", post(slack, *actions(button())), "go"))
    assert (payload["team"], payload["enterprise"]["id"]) == (None, "E0ACME")
    assert payload["is_enterprise_install"] is True


# ---- answering ---------------------------------------------------------------------


def answer_token(slack: Workspace, message: Posted) -> str:
    return str(payload_of(slack.press("U0BOB", message, "go"))["response_url"]).rsplit("/", 1)[1]


def test_an_answer_url_serves_five_times(slack: Workspace) -> None:
    token = answer_token(slack, post(slack, *actions(button())))
    body = {"response_type": "ephemeral", "text": "no"}
    assert [slack.answer(token, body) for _ in range(6)] == ["ok"] * 5 + ["used_url"]
    assert {each["user"] for each in slack.ephemerals} == {"U0BOB"}


def test_an_answer_url_serves_half_an_hour(slack: Workspace, clock: Clock) -> None:
    token = answer_token(slack, post(slack, *actions(button())))
    clock.now += 1800
    assert slack.answer(token, {"text": "in time"}) == "ok"
    clock.now += 1
    assert slack.answer(token, {"text": "late"}) == "expired_url"
    assert slack.answer("guessed", {"text": "x"}) == "expired_url"


def test_an_answer_can_replace_the_message_delete_it_or_be_seen_by_all(slack: Workspace) -> None:
    message = post(slack, *actions(button()))
    token = answer_token(slack, message)
    assert slack.answer(token, {"replace_original": True, "text": "recording"}) == "ok"
    assert (message.text, message.blocks, message.edits) == ("recording", [], 1)
    assert slack.answer(token, {"response_type": "in_channel", "text": "done"}) == "ok"
    assert slack.cards()[-1].text == "done"
    assert slack.answer(token, {"delete_original": True}) == "ok"
    assert message not in slack.messages
    assert slack.answer(token, {"text": ""}) == "no_text"
