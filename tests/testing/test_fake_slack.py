"""The fake Slack refuses calls as Slack refuses them, in Slack's own words."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import firedoor.testing.slack as slack_package
from firedoor.testing.slack import Channel, Person, Workspace, WorkspaceConfig
from firedoor.testing.slack.delivery import payload_of
from firedoor.testing.slack.people import APP_TOKEN, BOT, CHANNEL, TEAM, TOKEN
from tests.testing.kit import Clock, Json, actions, button, error, plain, post

# ---- tokens, scopes, rates ----------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "token", "code"),
    [
        ("auth.test", "", "not_authed"),
        ("auth.test", "xoxb-somebody-elses", "invalid_auth"),
        ("auth.test", APP_TOKEN, "not_allowed_token_type"),
        ("apps.connections.open", "", "not_authed"),
        ("apps.connections.open", "xapp-somebody-elses", "invalid_auth"),
        ("apps.connections.open", TOKEN, "not_allowed_token_type"),
        ("chat.shout", TOKEN, "unknown_method"),
    ],
)
def test_a_token_that_is_wrong_is_refused_by_what_is_wrong_with_it(
    slack: Workspace, method: str, token: str, code: str
) -> None:
    assert error(slack, method, token) == code


@pytest.mark.parametrize(
    ("method", "scope"),
    [
        ("chat.postMessage", "chat:write"),
        ("chat.update", "chat:write"),
        ("users.info", "users:read"),
        ("usergroups.users.list", "usergroups:read"),
        ("conversations.info", "channels:read"),
    ],
)
def test_a_scope_that_was_not_given_is_named(slack: Workspace, method: str, scope: str) -> None:
    slack.scopes.discard(scope)
    answer = slack.call(method, TOKEN, {})
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
    assert scope not in answer["provided"].split(",")


def test_an_app_token_without_its_scope_opens_no_connection(slack: Workspace) -> None:
    slack.app_scopes.clear()
    assert error(slack, "apps.connections.open", APP_TOKEN) == "missing_scope"


def test_a_channel_takes_a_short_burst_and_then_a_message_a_second(clock: Clock) -> None:
    slack = Workspace(WorkspaceConfig(strict_rates=True), clock)
    body = {"channel": CHANNEL, "text": "x"}
    assert all(slack.call("chat.postMessage", TOKEN, body)["ok"] for _ in range(5))
    late = slack.web.answer("chat.postMessage", TOKEN, body)
    assert (late.status, late.body["error"], late.headers["Retry-After"]) == (429, "ratelimited", "1")
    assert error(slack, "chat.postMessage", channel="C0OTHER", text="x") == "not_in_channel"
    clock.now += 0.9
    assert error(slack, "chat.postMessage", **body) == "ratelimited"
    clock.now += 0.2
    assert slack.call("chat.postMessage", TOKEN, body)["ok"]
    assert error(slack, "chat.postMessage", **body) == "ratelimited"


def test_fifty_updates_a_minute_are_taken(clock: Clock) -> None:
    slack = Workspace(WorkspaceConfig(strict_rates=True), clock)
    message = post(slack)
    body = {"channel": CHANNEL, "ts": message.ts, "text": "y"}
    assert all(slack.call("chat.update", TOKEN, body)["ok"] for _ in range(50))
    assert slack.web.answer("chat.update", TOKEN, body).headers["Retry-After"] == "2"
    clock.now += 60
    assert slack.call("chat.update", TOKEN, body)["ok"]


# ---- messages ----------------------------------------------------------------------


def test_a_channel_that_cannot_be_posted_to_says_why(slack: Workspace) -> None:
    slack.known_channels["C0PRIVATE"] = Channel("C0PRIVATE", "secret", private=True)
    slack.known_channels["C0OLD"] = Channel("C0OLD", "old", archived=True)
    slack.channels.add("C0OLD")
    told = {
        channel: error(slack, "chat.postMessage", channel=channel, text="x")
        for channel in ("C0NOWHERE", "C0PRIVATE", "C0OTHER", "C0OLD")
    }
    assert told == {
        "C0NOWHERE": "channel_not_found",
        "C0PRIVATE": "channel_not_found",
        "C0OTHER": "not_in_channel",
        "C0OLD": "is_archived",
    }
    assert slack.messages == []


def test_only_our_own_messages_can_be_drawn_anew(slack: Workspace) -> None:
    hers = slack.say("U0ALICE", "good morning")
    assert error(slack, "chat.update", channel=CHANNEL, ts=hers.ts, text="x") == "cant_update_message"
    assert error(slack, "chat.update", channel=CHANNEL, ts="1.1", text="x") == "message_not_found"
    assert hers.text == "good morning"


def test_a_reply_needs_its_message(slack: Workspace) -> None:
    assert error(slack, "chat.postMessage", channel=CHANNEL, text="x", thread_ts="1.1") == "thread_not_found"
    card = post(slack)
    reply = post(slack, text="more", thread_ts=card.ts)
    assert slack.thread(card.ts) == [reply]


def test_a_permalink_names_the_message_and_the_thread(slack: Workspace) -> None:
    card = post(slack)
    reply = post(slack, text="more", thread_ts=card.ts)
    answer = slack.call("chat.getPermalink", TOKEN, {"channel": CHANNEL, "message_ts": reply.ts})
    assert answer["permalink"].endswith(f"/p{reply.ts.replace('.', '')}?thread_ts={card.ts}&cid={CHANNEL}")
    assert error(slack, "chat.getPermalink", channel=CHANNEL, message_ts="1.1") == "message_not_found"


def test_what_only_one_sees_needs_somebody_who_is_there(slack: Workspace) -> None:
    assert (
        error(slack, "chat.postEphemeral", channel=CHANNEL, user="U0GONE", text="x") == "user_not_in_channel"
    )
    assert slack.call("chat.postEphemeral", TOKEN, {"channel": CHANNEL, "user": "U0BOB", "text": "x"})["ok"]
    assert [body["user"] for body in slack.ephemerals] == ["U0BOB"]


def test_blocks_without_ids_get_them(slack: Workspace) -> None:
    card = post(
        slack, {"type": "divider"}, {"type": "actions", "elements": [{"type": "button", "text": plain("x")}]}
    )
    assert card.blocks[0]["block_id"]
    assert card.buttons()[0]["action_id"]


# ---- people and groups -------------------------------------------------------------


def info(slack: Workspace, user: str) -> Json:
    answer = slack.call("users.info", TOKEN, {"user": user})
    assert answer["ok"], answer
    told: Json = answer["user"]
    return told


def test_every_kind_of_account_is_told_as_slack_tells_it(slack: Workspace) -> None:
    flags = ("is_bot", "deleted", "is_restricted", "is_ultra_restricted", "is_stranger")
    set_flags = {user: [flag for flag in flags if info(slack, user).get(flag)] for user in slack.people}
    assert set_flags == {
        "U0ALICE": [],
        "U0BOB": [],
        "U0CAROL": [],
        "U0STRANGER": [],
        "U0GUEST": ["is_restricted"],
        "U0SINGLE": ["is_restricted", "is_ultra_restricted"],
        "U0ROBOT": ["is_bot"],
        "U0GONE": ["deleted"],
        "U0PARTNER": ["is_stranger"],
        BOT: ["is_bot"],
    }
    assert info(slack, "U0PARTNER")["team_id"] != TEAM
    assert error(slack, "users.info", user="U0NOBODY") == "user_not_found"


def test_an_account_of_an_organisation_names_its_organisation_and_its_workspace() -> None:
    elsewhere = Person("U0EMEA", "erik", team="T0ACMEEMEA")
    slack = Workspace(WorkspaceConfig(enterprise="E0ACME", others=[elsewhere]))
    told = info(slack, "U0EMEA")
    assert (told["team_id"], told["enterprise_user"]["enterprise_id"]) == ("T0ACMEEMEA", "E0ACME")
    payload = payload_of(slack.press("U0EMEA", post(slack, *actions(button())), "go"))
    assert (payload["user"]["team_id"], payload["team"]["id"]) == ("T0ACMEEMEA", TEAM)


def test_anybody_is_a_member_only_where_that_is_wished(clock: Clock) -> None:
    assert info(Workspace(WorkspaceConfig(open_membership=True), clock), "U7")["is_restricted"] is False


def members(slack: Workspace, group: str, **more: Any) -> Any:
    answer = slack.call("usergroups.users.list", TOKEN, {"usergroup": group, **more})
    return answer["users"] if answer["ok"] else answer["error"]


def test_a_user_group_is_found_by_its_id_and_a_disabled_one_only_when_asked_for(slack: Workspace) -> None:
    assert members(slack, "S0SECOPS") == ["U0ALICE", "U0BOB"]
    assert members(slack, "S0NOBODY") == []
    assert members(slack, "S0UNKNOWN") == "no_such_subteam"
    assert members(slack, "S0FORMER") == "no_such_subteam"
    assert members(slack, "S0FORMER", include_disabled="true") == ["U0CAROL"]


def test_user_groups_are_listed_without_the_disabled_ones(slack: Workspace) -> None:
    listed = slack.call("usergroups.list", TOKEN, {"include_users": True})["usergroups"]
    assert {group["handle"]: group["users"] for group in listed} == {
        "secops": ["U0ALICE", "U0BOB"],
        "nobody": [],
    }
    assert len(slack.call("usergroups.list", TOKEN, {"include_disabled": True})["usergroups"]) == 3


def test_a_channel_says_whether_we_are_in_it(slack: Workspace) -> None:
    here = slack.call("conversations.info", TOKEN, {"channel": CHANNEL})["channel"]
    there = slack.call("conversations.info", TOKEN, {"channel": "C0OTHER"})["channel"]
    assert (here["name"], here["is_member"], there["is_member"]) == ("soc", True, False)
    assert error(slack, "conversations.info", channel="C0NOWHERE") == "channel_not_found"


def test_who_we_are_is_told(slack: Workspace) -> None:
    answer = slack.web.answer("auth.test", TOKEN, {})
    assert (answer.body["team_id"], answer.body["user_id"]) == (TEAM, BOT)
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


def test_no_secret_is_in_the_text_of_a_configuration() -> None:
    config = WorkspaceConfig(signing_secret=b"hush-hush")
    assert "hush-hush" not in repr(config)
    assert json.dumps(sorted(config.users)) == '["U0ALICE", "U0BOB", "U0CAROL", "U0STRANGER"]'


def test_the_fake_knows_no_other_room_of_the_house() -> None:
    allowed = {"starlette", "uvicorn", "websockets", *sys.stdlib_module_names}
    for path in Path(slack_package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                # Who may reach a page of this machine is one rule for all such pages.
                ours = name.startswith("firedoor.testing.slack") or name == "firedoor.app.loopback"
                assert ours or name.partition(".")[0] in allowed, f"{path.name} imports {name}"
