"""The calls to Slack: what is sent, what is refused, and what is said when something goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from firedoor.connectors.slack import SlackDesk
from firedoor.domain.errors import Absent, FiredoorError, Misconfigured, Rejected, Unavailable
from tests.fake_slack import CHANNEL, TEAM, TOKEN, FakeSlack, Posted, running

pytestmark = pytest.mark.integration

BLOCKS = [
    {"type": "header", "block_id": "h", "text": {"type": "plain_text", "text": "Approve?", "emoji": False}}
]


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with running(FakeSlack()) as there:
        yield there


def desk(slack: FakeSlack, token: str = TOKEN) -> SlackDesk:
    return SlackDesk(lambda: token, base_url=f"{slack.url}/api/")


async def test_a_message_is_posted_drawn_anew_and_answered_in_its_thread(slack: FakeSlack) -> None:
    ts = await desk(slack).post(CHANNEL, "one", BLOCKS)
    await desk(slack).update(CHANNEL, ts, "two", BLOCKS)
    await desk(slack).post(CHANNEL, "line", BLOCKS, thread=ts)
    assert [(card.text, card.edits) for card in slack.cards()] == [("two", 1)]
    assert [reply.text for reply in slack.thread(ts)] == ["line"]


async def test_who_we_are_is_told(slack: FakeSlack) -> None:
    assert (await desk(slack).auth_test())["team_id"] == TEAM


async def test_a_rotated_token_counts_at_once(slack: FakeSlack) -> None:
    tokens = ["xoxb-old", TOKEN]
    there = SlackDesk(lambda: tokens[0], base_url=f"{slack.url}/api/")
    with pytest.raises(Rejected, match="invalid_auth"):
        await there.post(CHANNEL, "one", BLOCKS)
    tokens.pop(0)
    assert await there.post(CHANNEL, "one", BLOCKS)


async def test_a_post_whose_answer_is_lost_is_not_sent_again_by_itself(slack: FakeSlack) -> None:
    slack.fail("chat.postMessage", lost=True)
    with pytest.raises(Unavailable):
        await desk(slack).post(CHANNEL, "one", BLOCKS)
    assert slack.calls == ["chat.postMessage"]
    assert len(slack.messages) == 1


async def test_too_many_means_later_and_says_when(slack: FakeSlack) -> None:
    slack.fail(
        "chat.update", status=429, body={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "7"}
    )
    with pytest.raises(Unavailable) as caught:
        await desk(slack).update(CHANNEL, "1.1", "one", BLOCKS)
    assert caught.value.retry_after == 7
    assert slack.calls == ["chat.update"]


@pytest.mark.parametrize(
    "how",
    [
        {"status": 500, "body": {"ok": False, "error": "internal_error"}},
        {"status": 502, "body": "<html>bad gateway</html>"},
        {"status": 200, "body": "<html>maintenance</html>"},
        {"status": 200, "body": "[]"},
        {"status": 200, "body": {"ok": False, "error": "an_error_nobody_knows"}},
        {"status": 200, "body": {"ok": False, "error": 7}},
        {"status": 200, "body": {"ok": False}},
        {"status": 404, "body": ""},
    ],
)
async def test_an_answer_nobody_knows_is_tried_again(slack: FakeSlack, how: dict[str, object]) -> None:
    slack.fail("chat.postMessage", **how)
    with pytest.raises(Unavailable):
        await desk(slack).post(CHANNEL, "one", BLOCKS)


async def test_nobody_there_is_tried_again() -> None:
    with pytest.raises(Unavailable):
        await SlackDesk(lambda: TOKEN, base_url="http://127.0.0.1:9/api/").post(CHANNEL, "one", BLOCKS)


async def test_final_answers_name_the_call_the_code_and_the_mend(slack: FakeSlack) -> None:
    with pytest.raises(Rejected, match="not_in_channel") as caught:
        await desk(slack).post("C0OTHER", "one", BLOCKS)
    assert (caught.value.code, "invite" in caught.value.mend) == ("not_in_channel", True)
    with pytest.raises(Absent) as gone:
        await desk(slack).update(CHANNEL, "1.1", "one", BLOCKS)
    assert gone.value.code == "message_not_found"


async def test_what_slack_complains_about_is_named_by_its_place(slack: FakeSlack) -> None:
    long = [{"type": "header", "text": {"type": "plain_text", "text": "secret " * 100}}]
    with pytest.raises(Rejected, match="/blocks/0/text/text") as caught:
        await desk(slack).post(CHANNEL, "one", long)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "how", [{"status": 500, "body": TOKEN}, {"body": {"ok": False, "error": TOKEN}}, {"lost": True}]
)
async def test_the_token_is_in_no_error(
    slack: FakeSlack, how: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    slack.fail("chat.postMessage", **how)
    with pytest.raises(FiredoorError) as caught:
        await desk(slack).post(CHANNEL, "one", BLOCKS)
    assert TOKEN not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {caplog.text}"


async def test_only_the_person_who_pressed_is_told(slack: FakeSlack) -> None:
    posted = Posted(CHANNEL, "1.1", "x", [{"type": "actions", "elements": [{"action_id": "a"}]}])
    url = _response_url(slack.press("U1", posted, "a").body)
    await desk(slack).ephemeral(url, "no", BLOCKS)
    assert slack.ephemerals[0]["response_type"] == "ephemeral"
    assert slack.ephemerals[0]["replace_original"] is False


async def test_an_answer_url_that_is_used_up_is_said(slack: FakeSlack) -> None:
    posted = Posted(CHANNEL, "1.1", "x", [{"type": "actions", "elements": [{"action_id": "a"}]}])
    url = _response_url(slack.press("U1", posted, "a").body)
    for _ in range(5):
        await desk(slack).ephemeral(url, "no", BLOCKS)
    with pytest.raises(FiredoorError) as caught:
        await desk(slack).ephemeral(url, "no", BLOCKS)
    assert url.rsplit("/", 1)[1] not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com.evil.test/actions/1",
        "https://hooks.slack.com@evil.test/actions/1",
        "http://hooks.slack.com/actions/1",
        "https://hooks.slack.com:8443/actions/1",
        "https://slack.com.evil.test/",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:1/actions",
        "http://[::1",
        "file:///etc/passwd",
        "//hooks.slack.com/actions",
        "",
    ],
)
async def test_an_answer_goes_to_slack_and_to_nobody_else(slack: FakeSlack, url: str) -> None:
    with pytest.raises(Rejected, match="not Slack's"):
        await desk(slack).ephemeral(url, "no", BLOCKS)


@pytest.mark.parametrize("url", ["ftp://slack.com/api/", "slack.com", ""])
def test_an_address_that_is_no_url_does_not_start(url: str) -> None:
    with pytest.raises(Misconfigured):
        SlackDesk(lambda: TOKEN, base_url=url)


def _response_url(body: bytes) -> str:
    from urllib.parse import parse_qs

    return str(json.loads(parse_qs(body.decode())["payload"][0])["response_url"])
