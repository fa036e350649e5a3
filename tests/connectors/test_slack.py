"""The calls to Slack: what is sent, what is refused, and what is said when something goes wrong."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import threading
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from firedoor.connectors import slack as slack_connector
from firedoor.connectors.slack import APP_SCOPES, BOT_SCOPES, SlackDesk
from firedoor.domain.core.errors import Absent, FiredoorError, Misconfigured, Rejected, Unavailable
from firedoor.testing.slack.people import APP_TOKEN
from firedoor.testing.slack.workspace import Workspace
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


async def test_answers_of_govslack_go_to_its_own_host_and_only_where_it_is_configured() -> None:
    url = "https://hooks.slack-gov.com/actions/1"
    gov = SlackDesk(lambda: TOKEN, base_url="https://slack-gov.com/api/")
    gov._check_home(url)
    with pytest.raises(Rejected, match="not Slack's"):
        SlackDesk(lambda: TOKEN)._check_home(url)


async def test_dialogs_that_slack_is_slow_about_do_not_hold_up_the_question_who_votes(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, held = desk(slack), threading.Event()
    calls = SlackDesk._call_now

    def slow(self: SlackDesk, method: str, *rest: Any, **more: Any) -> Any:
        if method == "views.update":
            held.wait(20)
        return calls(self, method, *rest, **more)

    monkeypatch.setattr(SlackDesk, "_call_now", slow)
    dialogs = [asyncio.create_task(there.update_view("V1", {"type": "modal"})) for _ in range(40)]
    try:
        async with asyncio.timeout(5):
            assert (await there.user("U0ALICE"))["id"] == "U0ALICE"
            await asyncio.to_thread(lambda: None)  # what reads people.yaml has threads as well
    finally:
        held.set()
        await asyncio.gather(*dialogs, return_exceptions=True)


@pytest.mark.parametrize("url", ["ftp://slack.com/api/", "slack.com", ""])
def test_an_address_that_is_no_url_does_not_start(url: str) -> None:
    with pytest.raises(Misconfigured):
        SlackDesk(lambda: TOKEN, base_url=url)


def _response_url(body: bytes) -> str:
    from urllib.parse import parse_qs

    return str(json.loads(parse_qs(body.decode())["payload"][0])["response_url"])


VIEW = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "One moment"},
    "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "…"}}],
}


async def test_a_dialog_is_opened_and_filled_afterwards(slack: FakeSlack) -> None:
    view_id = await desk(slack).open_view(slack.new_trigger("U1"), VIEW)
    assert slack.shown("U1") == view_id
    await desk(slack).update_view(view_id, {**VIEW, "title": {"type": "plain_text", "text": "Plan"}})
    assert slack.views[view_id]["title"]["text"] == "Plan"
    with pytest.raises(Absent):
        await desk(slack).update_view("V0NONE", VIEW)


async def test_a_trigger_that_is_spent_is_said(slack: FakeSlack) -> None:
    trigger = slack.new_trigger("U1")
    await desk(slack).open_view(trigger, VIEW)
    with pytest.raises(Rejected, match="trigger"):
        await desk(slack).open_view(trigger, VIEW)


async def test_an_account_is_told_as_slack_knows_it(slack: FakeSlack) -> None:
    assert (await desk(slack).user("U0GUEST"))["is_restricted"] is True
    assert (await desk(slack).user("U0GONE"))["deleted"] is True


async def test_an_account_that_nobody_has_is_absent() -> None:
    with running(Workspace()) as strict, pytest.raises(Absent, match="user_not_found"):
        await SlackDesk(lambda: TOKEN, base_url=f"{strict.url}/api/").user("U0NOBODY")


async def test_an_answer_without_the_account_is_no_account(slack: FakeSlack) -> None:
    slack.fail("users.info", body={"ok": True})
    with pytest.raises(Unavailable):
        await desk(slack).user("U0ALICE")


async def test_the_members_of_a_user_group_are_listed(slack: FakeSlack) -> None:
    assert await desk(slack).usergroup_members("S0SECOPS") == ("U0ALICE", "U0BOB")
    assert await desk(slack).usergroup_members("S0NOBODY") == ()


@pytest.mark.parametrize("group", ["S0FORMER", "S0UNKNOWN"])
async def test_a_user_group_that_is_disabled_or_unknown_is_absent(slack: FakeSlack, group: str) -> None:
    with pytest.raises(Absent, match="no_such_subteam"):
        await desk(slack).usergroup_members(group)


@pytest.mark.parametrize("users", [None, "U0ALICE", [7], {}])
async def test_a_list_of_members_that_is_none_is_not_an_empty_group(slack: FakeSlack, users: object) -> None:
    slack.fail("usergroups.users.list", body={"ok": True, "users": users})
    with pytest.raises(Unavailable):
        await desk(slack).usergroup_members("S0SECOPS")


async def test_whether_the_bot_is_in_a_channel_is_told(slack: FakeSlack) -> None:
    assert (await desk(slack).channel(CHANNEL))["is_member"] is True
    assert (await desk(slack).channel("C0OTHER"))["is_member"] is False
    with pytest.raises(Absent):
        await desk(slack).channel("C0NOWHERE")


async def test_what_the_token_may_do_is_told_where_slack_says_it(slack: FakeSlack) -> None:
    assert await desk(slack).scopes() == frozenset(slack.scopes)
    slack.fail("auth.test", body={"ok": True})
    assert await desk(slack).scopes() is None


async def test_a_connection_is_opened_with_the_app_token_and_no_other(slack: FakeSlack) -> None:
    url = await desk(slack).open_connection(APP_TOKEN)
    assert url.startswith("ws://127.0.0.1:")
    for token, code in ((TOKEN, "not_allowed_token_type"), ("xapp-wrong", "invalid_auth")):
        with pytest.raises(Rejected, match=code) as caught:
            await desk(slack).open_connection(token)
        assert "slack.app_token" in caught.value.mend
        assert token not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(
    "url", ["ws://wss-primary.slack.com/link", "https://slack.com/", "http://[::1", "", None, 7]
)
async def test_presses_do_not_travel_in_the_clear(slack: FakeSlack, url: object) -> None:
    slack.fail("apps.connections.open", body={"ok": True, "url": url})
    with pytest.raises(Unavailable):
        await desk(slack).open_connection(APP_TOKEN)


@pytest.mark.parametrize("method", ["users.info", "usergroups.users.list", "apps.connections.open"])
async def test_each_call_is_made_once_and_says_when_to_come_again(slack: FakeSlack, method: str) -> None:
    slack.fail(
        method,
        status=429,
        body={"ok": False, "error": "ratelimited"},
        headers={"Retry-After": "9"},
        times=3,
    )
    calls: dict[str, Awaitable[object]] = {
        "users.info": desk(slack).user("U0ALICE"),
        "usergroups.users.list": desk(slack).usergroup_members("S0SECOPS"),
        "apps.connections.open": desk(slack).open_connection(APP_TOKEN),
    }
    for name, call in calls.items():
        if name != method:
            await call
    slack.calls.clear()
    with pytest.raises(Unavailable) as caught:
        await calls[method]
    assert caught.value.retry_after == 9
    assert slack.calls == [method]


async def test_every_method_that_is_called_is_in_the_table_of_scopes_and_no_other(slack: FakeSlack) -> None:
    there = desk(slack)
    ts = await there.post(CHANNEL, "one", BLOCKS)
    await there.update(CHANNEL, ts, "two", BLOCKS)
    await there.auth_test()
    await there.user("U0ALICE")
    await there.usergroup_members("S0SECOPS")
    await there.channel(CHANNEL)
    await there.update_view(await there.open_view(slack.new_trigger("U1"), VIEW), VIEW)
    await there.open_connection(APP_TOKEN)
    assert set(slack.calls) == {*BOT_SCOPES, *APP_SCOPES}
    named = set(re.findall(r'"([a-z]+(?:\.[a-zA-Z]+)+)"', inspect.getsource(slack_connector)))
    assert named - {"hooks.slack.com"} == set(slack.calls), "a method is named that this test does not call"


async def test_the_scopes_of_the_table_are_enough_for_every_call(slack: FakeSlack) -> None:
    slack.scopes = {scope for scopes in BOT_SCOPES.values() for scope in scopes}
    slack.app_scopes = {scope for scopes in APP_SCOPES.values() for scope in scopes}
    await desk(slack).user("U0ALICE")
    await desk(slack).usergroup_members("S0SECOPS")
    await desk(slack).channel(CHANNEL)
    await desk(slack).open_connection(APP_TOKEN)
    assert await desk(slack).post(CHANNEL, "one", BLOCKS)
    slack.scopes.discard("users:read")
    with pytest.raises(Rejected, match="missing_scope"):
        await desk(slack).user("U0ALICE")
