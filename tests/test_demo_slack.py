"""The demo reads the fake Slack's page as people do, and presses what stands on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from firedoor.demo.slack_page import SlackPage
from firedoor.domain.core.errors import Rejected
from firedoor.testing.slack import Workspace, running
from firedoor.testing.slack.delivery import payload_of
from firedoor.testing.slack.messages import Signed
from tests.testing.kit import actions, button, plain, post
from tests.testing.stub_gateway import Gateway, stub

pytestmark = pytest.mark.integration


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with stub() as made:
        yield made


@pytest.fixture
def slack(gateway: Gateway) -> Iterator[Workspace]:
    with running(Workspace(deliver_to=gateway.url)) as made:
        yield made


def leaf(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def test_a_card_is_read_in_lines_without_what_only_a_click_opens(slack: Workspace) -> None:
    sure = {"title": plain("Sure?"), "text": plain("Plan A41B"), "confirm": plain("Yes"), "deny": plain("No")}
    bullets = [
        {"type": "rich_text_section", "elements": [leaf(text)]} for text in ("breaks <b>this</b>", "and that")
    ]
    rich = [
        {"type": "rich_text_section", "elements": [leaf("Who: two of secops")]},
        {"type": "rich_text_list", "style": "bullet", "elements": bullets},
    ]
    more = {
        "type": "overflow",
        "action_id": "more",
        "options": [{"text": plain("Escalate now"), "value": "escalate"}],
    }
    (row,) = actions(button("firedoor.approve", confirm=sure))
    row["elements"].append(more)
    message = post(
        slack,
        {"type": "header", "text": plain("Approve: delete the key")},
        {"type": "rich_text", "elements": rich},
        row,
    )
    slack.say("U0BOB", "looks right", thread=message.ts)
    (card,) = SlackPage(slack.url, {"alice": "U0ALICE"}).cards()
    label = row["elements"][0]["text"]["text"]
    assert card.lines == (
        "Approve: delete the key",
        "Who: two of secops",
        "• breaks <b>this</b>",
        "• and that",
        f"[{label}]",
    )
    assert card.ts == message.ts
    assert card.actions == {"firedoor.approve"}


def test_a_press_arrives_as_the_account_of_the_person(slack: Workspace, gateway: Gateway) -> None:
    post(slack, *actions(button("firedoor.approve", value="ref")))
    page = SlackPage(slack.url, {"alice": "U0ALICE", "bob": "U0BOB"})
    (card,) = page.cards()
    page.press("bob", card, "firedoor.approve")
    told = payload_of(Signed(gateway.requests[0][1], {}))
    assert (told["user"]["id"], told["actions"][0]["value"]) == ("U0BOB", "ref")


def test_a_press_that_is_not_taken_is_no_success(slack: Workspace, gateway: Gateway) -> None:
    post(slack, *actions(button("firedoor.approve")))
    page = SlackPage(slack.url, {"alice": "U0ALICE"})
    (card,) = page.cards()
    gateway.status = 500
    with pytest.raises(Rejected, match="answered failed"):
        page.press("alice", card, "firedoor.approve")
    with pytest.raises(Rejected, match="answered 409"):
        page.press("alice", card, "no.such.button")
