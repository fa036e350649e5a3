"""Payloads are read without trusting any of them."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.channels.slack import modal
from firedoor.channels.slack.card import card
from firedoor.channels.slack.interaction import (
    Ignored,
    MoreSubmit,
    Press,
    RejectSubmit,
    Review,
    SetSubmit,
    payload_of,
    read,
)
from firedoor.channels.slack.reference import LineReference, Reference, SetReference, decode
from firedoor.domain.core.errors import Unreadable
from tests.channels.slack.drawn import buttons
from tests.channels.slack.reports import ID, asked, every_standing

TEAM, APP, CHANNEL = "T0ACME001", "A0FIREDOOR1", "C0SOC00001"
SHA = "b1" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def who() -> dict[str, Any]:
    return {
        "user": {"id": "U1", "username": "alice", "name": "alice", "team_id": TEAM},
        "api_app_id": APP,
        "token": "legacy",
        "team": {"id": TEAM, "domain": "acme"},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def pressed(button: dict[str, Any]) -> dict[str, Any]:
    """What Slack sends when somebody presses a button."""
    return {
        "type": "block_actions",
        **who(),
        "container": {"type": "message", "message_ts": "1795372030.000001", "channel_id": CHANNEL},
        "trigger_id": "1795372030723.155517450437.1cb96e1d",
        "channel": {"id": CHANNEL, "name": "soc"},
        "message": {"ts": "1795372030.000001", "text": "Approve?", "blocks": []},
        "response_url": "https://hooks.slack.com/actions/T0ACME001/1/x",
        "actions": [{**button, "action_ts": "1795372031.000001"}],
    }


def submitted(view: dict[str, Any], **chosen: str | None) -> dict[str, Any]:
    """What Slack sends when somebody submits a dialog; an input that is left alone has no value."""
    values: dict[str, Any] = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            name, element, said = block["block_id"], block["element"], chosen.get(block["block_id"])
            if element["type"] == "plain_text_input":
                state = {"value": said}
            else:
                option = next((each for each in element["options"] if each["value"] == said), None)
                assert said is None or option is not None, f"{said} is not offered"
                state = {"selected_option": option}
            values[name] = {element["action_id"]: {"type": element["type"], **state}}
    return {
        "type": "view_submission",
        **who(),
        "trigger_id": "1795372030723.155517450437.1cb96e1d",
        "view": {**view, "id": "V1", "hash": "1.a", "state": {"values": values}},
        "response_urls": [],
    }


def button(action_id: str) -> dict[str, Any]:
    drawn = buttons(card(every_standing()["pending"]))
    return next(each for each in drawn if each["action_id"] == action_id)


def reference(verb: Any) -> Reference:
    return Reference(r=ID, a="1", g=1, h=asked().plan_sha256, d=verb)


@pytest.mark.parametrize("verb", ["approve", "reject", "details", "more"])
def test_a_press_is_read_from_the_button_that_was_posted(verb: str) -> None:
    press = read(pressed(button(f"firedoor.{verb}")))
    assert isinstance(press, Press)
    assert press.reference == reference(verb)
    assert press.channel == CHANNEL
    assert (press.by.user, press.by.team, press.by.home, press.by.app) == ("U1", TEAM, TEAM, APP)


def test_where_a_message_stands_is_read_from_the_press_and_must_be_one_place() -> None:
    made = pressed(button("firedoor.approve"))
    assert read({**made, "channel": None}).channel == CHANNEL  # type: ignore[union-attr]
    assert read({**made, "container": None}).channel == CHANNEL  # type: ignore[union-attr]
    with pytest.raises(Unreadable, match="two channels"):
        read({**made, "channel": {"id": "C0OTHER001"}})


@pytest.mark.parametrize("action_id", ["firedoor.review", "firedoor.review.0", "firedoor.review.499"])
def test_the_button_of_a_digest_line_is_read_as_the_wish_to_look_at_it(action_id: str) -> None:
    value = LineReference(n=3, k="leaked_access_key/123456789012").encode()
    review = read(pressed({"action_id": action_id, "value": value}))
    assert isinstance(review, Review)
    assert (review.digest, review.key, review.channel) == (3, "leaked_access_key/123456789012", CHANNEL)


def test_a_value_of_one_kind_is_unreadable_on_a_button_of_another() -> None:
    line = LineReference(n=3, k="x/1").encode()
    with pytest.raises(Unreadable):
        read(pressed({"action_id": "firedoor.approve", "value": line}))
    with pytest.raises(Unreadable):
        read(pressed({"action_id": "firedoor.review.1", "value": reference("approve").encode()}))


def test_a_submitted_no_is_read_from_the_dialog_that_was_opened() -> None:
    made = submitted(modal.reject(reference("reject")), reason="bad_time", comment=" the release\n runs ")
    said = read(made)
    assert isinstance(said, RejectSubmit)
    assert said.reference == reference("reject")
    assert (said.reason, said.comment) == ("bad_time", "the release runs")


MORE = modal.more(reference("more"), {"bob": "Bob", "carol": "Carol"}, glass=True)


@pytest.mark.parametrize(
    ("chosen", "what", "minutes", "person"),
    [
        ({"what": "snooze.15"}, "snooze", 15, None),
        ({"what": "snooze.60"}, "snooze", 60, None),
        ({"what": "reassign", "person": "bob"}, "reassign", None, "bob"),
        ({"what": "glass", "comment": "the attacker is in"}, "glass", None, None),
    ],
)
def test_more_is_read_from_the_dialog_that_was_opened(
    chosen: dict[str, str], what: str, minutes: int | None, person: str | None
) -> None:
    said = read(submitted(MORE, **chosen))
    assert isinstance(said, MoreSubmit)
    assert said.reference == reference("more")
    assert (said.what, said.minutes, said.person) == (what, minutes, person)
    assert said.comment == chosen.get("comment", "")


def test_a_word_about_a_frozen_set_is_read_by_the_hash_of_the_set() -> None:
    view = {**MORE, "callback_id": modal.SET_VIEW, "private_metadata": SetReference(s=SHA).encode()}
    values = {
        "decision": {"decision": {"selected_option": {"value": "reject"}}},
        "reason": {"reason": {"selected_option": {"value": "bad_time"}}},
        "comment": {"comment": {"value": "the release runs"}},
    }
    made = submitted(MORE)
    made["view"] = {**view, "state": {"values": values}}
    said = read(made)
    assert isinstance(said, SetSubmit)
    assert (said.sha256, said.decision, said.reason) == (SHA, "reject", "bad_time")
    made["view"]["state"] = {"values": {}}
    with pytest.raises(Unreadable, match="neither yes nor no"):
        read(made)


@pytest.mark.parametrize("person", ["../etc/passwd", "Bob", "<!channel>", 7, "x" * 65])
def test_a_person_who_is_no_id_is_unreadable(person: object) -> None:
    made = submitted(MORE, what="reassign", person="bob")
    made["view"]["state"]["values"]["person"]["person"]["selected_option"] = {"value": person}
    with pytest.raises(Unreadable):
        read(made)


@pytest.mark.parametrize("what", [None, "approve", "snooze.9999", 7])
def test_a_wish_that_was_not_offered_is_unreadable(what: object) -> None:
    made = submitted(MORE, what="glass")
    made["view"]["state"]["values"]["what"]["what"]["selected_option"] = {"value": what}
    with pytest.raises(Unreadable):
        read(made)


@pytest.mark.parametrize("kind", ["view_closed", "shortcut", "block_suggestion", None, 7, ["block_actions"]])
def test_what_needs_no_answer_is_ignored(kind: object) -> None:
    made = pressed(button("firedoor.approve"))
    assert isinstance(read({**made, "type": kind}), Ignored)


def test_a_link_button_is_ignored() -> None:
    made = pressed(button("firedoor.approve"))
    assert isinstance(read({**made, "actions": [{"action_id": "timeline", "value": "t"}]}), Ignored)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        "{}",
        "null",
        "[" * 5000,
        '{"v":1}',
        '{"v":2,"r":"respond/x/y","g":1,"d":"approve"}',
        '{"v":1,"r":"../../x y","g":1,"d":"approve"}',
        '{"v":1,"r":"respond/x/y","g":"1","d":"approve"}',
        '{"v":1,"r":"respond/x/y","g":1,"h":"abc","d":"approve"}',
        '{"v":1,"r":"respond/x/y","g":1,"d":"approve","params":{"user":"root"}}',
        '{"v":1,"r":"respond/x/y","g":1,"d":"approve"}' + " " * 3000 + "x",
        "\ud800",
    ],
)
def test_a_value_that_we_did_not_write_is_unreadable(value: object) -> None:
    made = pressed(button("firedoor.approve"))
    made["actions"][0]["value"] = value
    with pytest.raises(Unreadable):
        read(made)


def test_the_value_of_another_button_is_unreadable() -> None:
    made = pressed(button("firedoor.reject"))
    made["actions"][0]["action_id"] = "firedoor.approve"
    with pytest.raises(Unreadable, match="another button"):
        read(made)


@given(st.binary(max_size=200))
def test_any_body_is_a_payload_or_unreadable(body: bytes) -> None:
    try:
        payload_of(body)
    except Unreadable:
        return


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload=%7B",
        b"payload=%FF",
        b"payload=1&payload=2",
        b"other=1",
        "payload=ü".encode(),
        urlencode({"payload": "[" * 200_000}).encode(),
        urlencode({"payload": '{"a":' * 60_000}).encode(),
        b"&".join(b"a=1" for _ in range(100)),
    ],
)
def test_junk_bodies_are_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        payload_of(body)


@settings(max_examples=300)
@given(JSON)
def test_any_json_is_read_or_unreadable(value: Any) -> None:
    try:
        read(value)
    except Unreadable:
        return


VALID = (
    pressed(button("firedoor.approve")),
    pressed({"action_id": "firedoor.review.1", "value": LineReference(n=1, k="x/1").encode()}),
    submitted(modal.reject(reference("reject")), reason="bad_time", comment="because it is"),
    submitted(MORE, what="reassign", person="bob"),
)


@settings(max_examples=500)
@given(st.data())
def test_a_payload_with_any_part_replaced_is_read_or_unreadable(data: st.DataObject) -> None:
    made = copy.deepcopy(data.draw(st.sampled_from(VALID)))
    node: Any = made
    key: Any = data.draw(st.sampled_from(sorted(made)))
    while isinstance(node[key], (dict, list)) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    if isinstance(node, dict) and data.draw(st.booleans()):
        del node[key]
    else:
        node[key] = data.draw(JSON | st.sampled_from(["\ud800", "x" * 5000, "a\nb", '{"v":1,"n":-1,"k":""}']))
    try:
        read(made)
    except Unreadable:
        return


def test_a_reference_survives_its_way_through_slack() -> None:
    reference = Reference(r=ID, a="12", g=3, h="a" * 64, d="undo")
    assert decode(reference.encode()) == reference
    assert len(reference.encode()) < 400
