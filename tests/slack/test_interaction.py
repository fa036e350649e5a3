"""Payloads are read without trusting any of them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.domain.errors import Unreadable
from firedoor.slack import modal
from firedoor.slack.card import card
from firedoor.slack.interaction import Ignored, Press, RejectSubmit, payload_of, read
from firedoor.slack.reference import Reference, decode
from tests.fake_slack import APP, CHANNEL, TEAM, FakeSlack, Posted, Signed
from tests.slack.reports import ID, asked, every_standing
from tests.slack_rules import refused_view

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack()


@pytest.fixture
def message() -> Posted:
    drawn = card(every_standing()["pending"])
    return Posted(CHANNEL, "1795372030.000001", drawn.text, json.loads(json.dumps(list(drawn.blocks))))


def payload(signed: Signed) -> Any:
    return payload_of(signed.body)


def test_a_press_is_read_from_the_button_that_was_posted(slack: FakeSlack, message: Posted) -> None:
    press = read(payload(slack.press("U1", message, "firedoor.approve")))
    assert isinstance(press, Press)
    ask = asked()
    assert press.reference == Reference(r=ID, a="1", g=1, h=ask.plan_sha256, d="approve")
    assert (press.by.user, press.by.team, press.by.home, press.by.app) == ("U1", TEAM, TEAM, APP)


def test_a_submitted_dialog_is_read_from_the_dialog_that_was_opened(slack: FakeSlack) -> None:
    reference = Reference(r=ID, a="1", g=1, h=asked().plan_sha256, d="reject")
    slack.views["V1"] = modal.reject(reference)
    submitted = read(payload(slack.submit("U1", "V1", reason="bad_time", comment=" the release\n runs ")))
    assert isinstance(submitted, RejectSubmit)
    assert submitted.reference == reference
    assert (submitted.reason, submitted.comment) == ("bad_time", "the release runs")


def test_slack_takes_our_dialogs() -> None:
    reference = Reference(r=ID, a="1", g=1, h=asked().plan_sha256, d="reject")
    assert not refused_view(modal.reject(reference))
    assert not refused_view(modal.told("Recorded."))
    assert reference.fingerprint in json.dumps(modal.reject(reference)["blocks"])


def test_a_reason_and_a_sentence_are_asked_for() -> None:
    assert set(modal.errors(None, "short")) == {modal.REASON, modal.COMMENT}
    assert not modal.errors("bad_time", "x" * 10)
    assert set(modal.errors("bad_time", "x" * 1001)) == {modal.COMMENT}


@pytest.mark.parametrize("kind", ["view_closed", "shortcut", "block_suggestion", None, 7, ["block_actions"]])
def test_what_needs_no_answer_is_ignored(slack: FakeSlack, message: Posted, kind: object) -> None:
    made = payload(slack.press("U1", message, "firedoor.approve"))
    assert isinstance(read({**made, "type": kind}), Ignored)


def test_a_link_button_is_ignored(slack: FakeSlack, message: Posted) -> None:
    made = payload(slack.press("U1", message, "firedoor.approve"))
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
def test_a_value_that_we_did_not_write_is_unreadable(
    slack: FakeSlack, message: Posted, value: object
) -> None:
    made = payload(slack.press("U1", message, "firedoor.approve"))
    made["actions"][0]["value"] = value
    with pytest.raises(Unreadable):
        read(made)


def test_the_value_of_another_button_is_unreadable(slack: FakeSlack, message: Posted) -> None:
    made = payload(slack.press("U1", message, "firedoor.reject"))
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


@settings(max_examples=300)
@given(st.data())
def test_a_press_with_any_part_replaced_is_read_or_unreadable(data: st.DataObject) -> None:
    slack = FakeSlack()
    drawn = card(every_standing()["pending"])
    posted = Posted(CHANNEL, "1.1", drawn.text, json.loads(json.dumps(list(drawn.blocks))))
    slack.views["V1"] = modal.reject(Reference(r=ID, a="1", g=1, h="", d="reject"))
    made = payload(
        data.draw(
            st.sampled_from(
                [
                    slack.press("U1", posted, "firedoor.approve"),
                    slack.submit("U1", "V1", reason="bad_time", comment="because it is"),
                ]
            )
        )
    )
    node, key = made, data.draw(st.sampled_from(sorted(made)))
    while isinstance(node[key], (dict, list)) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    node[key] = data.draw(JSON | st.sampled_from(["\ud800", "x" * 5000, "a\nb"]))
    try:
        read(made)
    except Unreadable:
        return


def test_a_reference_survives_its_way_through_slack() -> None:
    reference = Reference(r=ID, a="12", g=3, h="a" * 64, d="undo")
    assert decode(reference.encode()) == reference
    assert len(reference.encode()) < 400
