"""The fake Slack's page in a real browser: what is pressed there arrives signed, dialogs open and close."""

from __future__ import annotations

import hmac
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect

from firedoor.testing.slack import Workspace, running
from firedoor.testing.slack.people import CHANNEL, SECRET, TOKEN
from tests.browser import chromium, page
from tests.testing.kit import Json, actions, button, field, modal, plain, post
from tests.testing.stub_gateway import Gateway, stub

__all__ = ["chromium", "page"]

pytestmark = pytest.mark.integration

REASONS = [{"text": plain("False positive"), "value": "fp"}, {"text": plain("Bad time"), "value": "bad_time"}]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with stub() as made:
        yield made


@pytest.fixture
def slack(gateway: Gateway) -> Iterator[Workspace]:
    with running(Workspace(deliver_to=gateway.url)) as made:
        yield made


def payload(gateway: Gateway, number: int = -1) -> Json:
    """Return a payload that arrived, once its signature is checked."""
    headers, body = gateway.requests[number]
    base = b"v0:" + headers["x-slack-request-timestamp"].encode() + b":" + body
    assert headers["x-slack-signature"] == "v0=" + hmac.digest(SECRET, base, "sha256").hex()
    told: Json = json.loads(parse_qs(body.decode())["payload"][0])
    return told


def reject_dialog() -> Json:
    select = {"type": "static_select", "action_id": "reason", "options": REASONS}
    boxes = {"type": "checkboxes", "action_id": "also", "options": [{"text": plain("Mute"), "value": "mute"}]}
    return modal(
        blocks=[
            {"type": "input", "block_id": "reason", "label": plain("Reason"), "element": select},
            field("why", multiline=True, min_length=10, max_length=1000),
            {"type": "input", "block_id": "also", "label": plain("Also"), "element": boxes, "optional": True},
        ]
    )


async def test_a_button_pressed_in_the_browser_arrives_signed(
    page: Page, slack: Workspace, gateway: Gateway
) -> None:
    confirm = {
        "title": plain("Sure?"),
        "text": plain("Plan A41B"),
        "confirm": plain("Yes"),
        "deny": plain("No"),
    }
    card = post(slack, *actions(button("approve", value="ref", confirm=confirm)))
    await page.goto(slack.url)
    await page.get_by_test_id("act-as").select_option("U0BOB")
    await page.get_by_test_id("button").click()
    await page.get_by_test_id("deny").click()
    await expect(page.get_by_test_id("confirm")).to_be_hidden()
    assert gateway.requests == [], "a no in the confirmation sends nothing"
    await page.get_by_test_id("button").click()
    async with page.expect_response("**/page/press"):
        await page.get_by_test_id("confirm-yes").click()
    told = payload(gateway)
    assert (told["user"]["id"], told["actions"][0]["value"]) == ("U0BOB", "ref")
    assert told["message"]["ts"] == card.ts


async def test_a_dialog_opens_complains_and_is_submitted(
    page: Page, slack: Workspace, gateway: Gateway
) -> None:
    post(slack, *actions(button("reject")))

    def opens(body: bytes) -> bytes:
        told = json.loads(parse_qs(body.decode())["payload"][0])
        if told["type"] == "block_actions":
            view = {"trigger_id": told["trigger_id"], "view": reject_dialog()}
            assert slack.call("views.open", TOKEN, view)["ok"]
            return b""
        short = len(told["view"]["state"]["values"]["why"]["text"]["value"]) < 15
        return b'{"response_action": "errors", "errors": {"why": "Say more."}}' if short else b""

    gateway.answers = opens
    await page.goto(f"{slack.url}/?as=U0ALICE")
    await page.get_by_test_id("button").click()
    await expect(page.get_by_test_id("modal-title")).to_have_text("Say no")
    await page.get_by_test_id("modal-submit").click()
    assert len(gateway.requests) == 1, "what is required is asked for before anything is sent"
    await page.locator("select[data-block=reason]").select_option("bad_time")
    await page.locator("textarea").fill("too short!")
    await page.get_by_label("Mute").check()
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("error")).to_have_text("Say more.")
    await expect(page.locator("textarea")).to_have_value("too short!")
    await page.locator("textarea").fill("the release is running until four")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal")).to_be_hidden()
    values = payload(gateway)["view"]["state"]["values"]
    assert values["reason"]["reason"]["selected_option"] == REASONS[1]
    assert values["why"]["text"]["value"] == "the release is running until four"
    assert [each["value"] for each in values["also"]["also"]["selected_options"]] == ["mute"]


async def test_a_card_drawn_anew_a_reply_and_a_private_word_appear_by_themselves(
    page: Page, slack: Workspace
) -> None:
    card = post(slack, {"type": "header", "text": plain("Approve?")}, *actions(button()))
    await page.goto(f"{slack.url}/?as=U0BOB")
    await expect(page.get_by_test_id("header")).to_have_text("Approve?")
    blocks = [{"type": "header", "text": plain("Done")}]
    slack.call("chat.update", TOKEN, {"channel": CHANNEL, "ts": card.ts, "text": "done", "blocks": blocks})
    slack.call("chat.postMessage", TOKEN, {"channel": CHANNEL, "text": "bob said yes", "thread_ts": card.ts})
    slack.call("chat.postEphemeral", TOKEN, {"channel": CHANNEL, "user": "U0BOB", "text": "only you"})
    slack.call("chat.postEphemeral", TOKEN, {"channel": CHANNEL, "user": "U0CAROL", "text": "not you"})
    await expect(page.get_by_test_id("header")).to_have_text("Done")
    await expect(page.get_by_test_id("button")).to_have_count(0)
    await page.get_by_test_id("thread").locator("summary").click()
    await expect(page.get_by_test_id("thread")).to_contain_text("bob said yes")
    await expect(page.get_by_test_id("ephemeral")).to_have_count(1)
    await expect(page.get_by_test_id("ephemeral")).to_contain_text("only you")


async def test_an_option_of_a_menu_is_pressed_and_a_failing_app_is_shown(
    page: Page, slack: Workspace, gateway: Gateway
) -> None:
    option = {"text": plain("Escalate now"), "value": "escalate"}
    post(slack, *actions({"type": "overflow", "action_id": "more", "options": [option]}))
    gateway.status = 500
    await page.goto(f"{slack.url}/?as=U0BOB")
    await page.get_by_test_id("menu").locator("summary").click()
    await page.get_by_text("Escalate now").click()
    await expect(page.get_by_text("Status Code 500")).to_be_visible()
    assert payload(gateway)["actions"][0]["selected_option"] == option


async def test_what_an_attacker_wrote_runs_nothing(page: Page, slack: Workspace) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    leaf = {"type": "text", "text": evil}
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [leaf]}]}
    post(slack, rich, {"type": "section", "text": {"type": "mrkdwn", "text": "*bold* <!channel>"}})
    await page.goto(slack.url)
    await expect(page.get_by_test_id("rich_text")).to_have_text(evil)
    await expect(page.get_by_test_id("mention")).to_have_text("@channel")
    assert await page.title() == "Fake Slack"


async def test_a_permalink_leads_to_the_message_on_the_page(page: Page, slack: Workspace) -> None:
    card = post(slack, text="find me")
    link = slack.call("chat.getPermalink", TOKEN, {"channel": CHANNEL, "message_ts": card.ts})["permalink"]
    await page.goto(link)
    await expect(page.locator("article.goal")).to_contain_text("find me")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.test", "content-type": "application/json"},
        {"origin": "http://evil.test", "content-type": "application/json"},
        {"origin": "null", "content-type": "application/json"},
        {"content-type": "text/plain"},
    ],
)
def test_another_site_in_the_same_browser_cannot_press(
    slack: Workspace, gateway: Gateway, headers: dict[str, str]
) -> None:
    card = post(slack, *actions(button()))
    press: dict[str, Any] = {"as": "U0BOB", "channel": CHANNEL, "ts": card.ts, "action_id": "go"}
    assert status(slack, press, headers) == 403
    assert gateway.requests == []
    assert status(slack, press, {"content-type": "application/json", "origin": slack.url}) == 200


def status(slack: Workspace, body: Json, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(urlsplit(slack.url).netloc, timeout=5)
    try:
        connection.request("POST", "/page/press", json.dumps(body).encode(), headers)
        return connection.getresponse().status
    finally:
        connection.close()
