"""The fake Slack refuses messages and dialogs beyond Block Kit's limits, with the pointer to the place."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.testing.slack import Workspace
from firedoor.testing.slack.block_kit import refused_message
from firedoor.testing.slack.people import TOKEN
from tests.testing.kit import Json, button, field, modal, plain, trigger


@pytest.mark.parametrize(
    ("text", "blocks", "code"),
    [
        ("", [], "no_text"),
        ("x" * 40_001, None, "msg_too_long"),
        ("x", "[]", "invalid_blocks_format"),
        ("x", [1], "invalid_blocks_format"),
        (
            "x",
            [{"type": "section", "text": {"type": "mrkdwn", "text": "y" * 2900}}] * 5,
            "msg_blocks_too_long",
        ),
    ],
)
def test_a_message_that_is_too_much_or_none_is_refused(text: str, blocks: Any, code: str) -> None:
    refused = refused_message(text, blocks)
    assert refused
    assert refused[0] == code


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}
RICH = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]}


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (
            {"type": "header", "text": plain("x" * 151)},
            "less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "[json-pointer:/blocks/0/text/type]"),
        ({"type": "header", "text": plain("")}, "more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ({"type": "section"}, "`text` or `fields` [json-pointer:/blocks/0]"),
        (
            {"type": "section", "fields": [plain("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        ({"type": "section", "fields": [plain("x" * 2001)]}, "[json-pointer:/blocks/0/fields/0/text]"),
        ({**SECTION, "colour": "red"}, "no such field: colour [json-pointer:/blocks/0]"),
        ({"type": "context", "elements": [plain("x")] * 11}, "no more than 10 items allowed"),
        (
            {"type": "actions", "elements": [button(str(n)) for n in range(26)]},
            "no more than 25 items allowed",
        ),
        ({"type": "actions", "elements": []}, "more than 0 items"),
        ({"type": "actions", "elements": [button(value="x" * 2001)]}, "elements/0/value"),
        ({"type": "actions", "elements": [button(style="red")]}, "elements/0/style"),
        ({"type": "actions", "elements": [button(text=plain("x" * 76))]}, "elements/0/text/text"),
        ({"type": "actions", "elements": [button(accessibility_label="x" * 76)]}, "accessibility_label"),
        (
            {"type": "actions", "elements": [button(confirm={"title": plain("x" * 101)})]},
            "confirm/title/text",
        ),
        ({"type": "actions", "elements": [button(), button()]}, '`action_id` "go" already exists'),
        (
            {"type": "actions", "elements": [{"type": "overflow", "action_id": "m", "options": [{}] * 6}]},
            "no more than 5",
        ),
        (
            {"type": "actions", "elements": [{"type": "plain_text_input", "action_id": "t"}]},
            "unsupported type",
        ),
        ({"type": "input", "label": plain("x"), "element": {}}, "unsupported type: input"),
        ({"type": "carousel"}, "unsupported type: carousel [json-pointer:/blocks/0/type]"),
        (RICH, "[json-pointer:/blocks/0/elements/0/elements]"),
    ],
)
def test_a_block_beyond_the_limits_is_refused_with_the_pointer_to_it(block: Json, says: str) -> None:
    refused = refused_message("x", [block])
    assert refused
    assert refused[0] == "invalid_blocks"
    assert any(says in each and each.startswith("[ERROR] ") for each in refused[1]), refused[1]


def test_fifty_blocks_are_taken_and_one_more_is_not() -> None:
    assert refused_message("x", [{"type": "divider"}] * 50) is None
    refused = refused_message("x", [{"type": "divider"}] * 51)
    assert refused == ("invalid_blocks", ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"])


def test_slack_counts_utf_16_units() -> None:
    assert refused_message("x", [{"type": "header", "text": plain("🔥" * 75)}]) is None
    assert refused_message("x", [{"type": "header", "text": plain("🔥" * 76)}])


def test_doubled_block_ids_are_refused() -> None:
    refused = refused_message("x", [{"type": "divider", "block_id": "d"}] * 2)
    assert refused
    assert '`block_id` "d" already exists' in refused[1][0]


@pytest.mark.parametrize(
    "view",
    [
        modal(type="home"),
        modal(title=plain("x" * 25)),
        modal(private_metadata="x" * 3001),
        modal(callback_id="x" * 256),
        {key: value for key, value in modal().items() if key != "submit"},
        modal(blocks=[field(str(n)) for n in range(101)]),
        modal(blocks=[field("a", min_length=5, max_length=4)]),
        modal(blocks=[field("a", max_length=3001)]),
        modal(blocks=None),
    ],
)
def test_a_dialog_beyond_the_limits_is_refused(slack: Workspace, view: Json) -> None:
    answer = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": view})
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"]
    assert not slack.views
