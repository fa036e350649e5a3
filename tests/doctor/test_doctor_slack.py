"""The doctor says whether people can be asked in Slack, and whether what they press arrives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from firedoor.config.secret import Secret, SecretName
from firedoor.config.settings import Slack
from firedoor.connectors.readiness import readiness
from firedoor.connectors.slack import SlackDesk
from firedoor.doctor.checkup import Check
from firedoor.doctor.slack import look, usergroups
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.domain.people.people import Group, People
from firedoor.testing.slack.people import APP_TOKEN
from tests.fake_slack import CHANNEL, TEAM, TOKEN, FakeSlack, running
from tests.servers import free_port

SCOPES = frozenset({"chat:write", "users:read", "usergroups:read", "channels:read", "groups:read"})
URL = "https://firedoor.example.com"


def secret(value: str) -> Secret:
    return Secret((SecretName(env="HELD"),), {"HELD": value}, Path())


SLACK = Slack(
    bot_token=secret(TOKEN),
    signing_secret=secret("made-up"),
    app_id="A0",
    team_id="T0",
    channel="C0",
    base_url="https://slack.com/api/",
)
BY_SOCKET = replace(SLACK, signing_secret=None, app_token=secret(APP_TOKEN))


class Sight:
    """What Slack answers the doctor, all well unless told otherwise."""

    def __init__(self, **other: Any) -> None:
        self.team: Mapping[str, Any] | Exception = {"team_id": "T0"}
        self.given: frozenset[str] | Exception | None = SCOPES
        self.told: Mapping[str, Any] | Exception = {"name": "soc", "is_member": True}
        self.members: tuple[str, ...] | Exception = ("U1", "U2")
        self.connection: str | Exception = "wss://wss-primary.slack.com/link/?ticket=made-up"
        self.ready: Mapping[str, Any] | None = None
        vars(self).update(other)

    async def auth_test(self) -> Mapping[str, Any]:
        return _or_raise(self.team)

    async def scopes(self) -> frozenset[str] | None:
        return _or_raise(self.given)

    async def channel(self, channel_id: str) -> Mapping[str, Any]:
        return _or_raise(self.told)

    async def usergroup_members(self, group_id: str) -> tuple[str, ...]:
        return _or_raise(self.members)

    async def open_connection(self, app_token: str) -> str:
        assert app_token == APP_TOKEN
        return _or_raise(self.connection)

    async def readiness(self, url: str) -> Mapping[str, Any] | None:
        assert url == URL
        return self.ready


T = TypeVar("T")


def _or_raise(answer: T | Exception) -> T:
    if isinstance(answer, Exception):
        raise answer
    return answer


async def looked(
    slack: Slack | None = SLACK, *, groups: Mapping[str, str] | None = None, **other: Any
) -> dict[str, Check]:
    sight = Sight(**other)
    checks = await look(slack, lambda _: sight, sight.readiness, URL, groups or {})
    return {check.name: check for check in checks}


async def test_without_slack_the_other_ways_to_vote_are_named() -> None:
    (check,) = (await looked(None)).values()
    assert check.state == "warn"
    assert "firedoor approve" in check.mend


async def test_all_is_well() -> None:
    checks = await looked()
    assert {name: check.state for name, check in checks.items()} == {
        "slack": "ok",
        "slack scopes": "ok",
        "slack channel C0": "ok",
    }
    assert checks["slack"].says == "team T0, presses come over HTTP"


async def test_a_token_that_is_refused_is_told_and_the_rest_is_not_asked() -> None:
    checks = await looked(team=Rejected("Slack refused the token", mend="install the app again"))
    assert list(checks) == ["slack"]
    assert (checks["slack"].state, checks["slack"].mend) == ("fail", "install the app again")


async def test_a_token_of_another_team_fails_and_of_our_organisation_does_not() -> None:
    other = (await looked(team={"team_id": "T9"}))["slack"]
    assert (other.state, other.says) == ("fail", "the bot token is of team T9, the configuration says T0")
    organisation = replace(SLACK, team_id="E0")
    told = {"team_id": "T9", "enterprise_id": "E0"}
    assert (await looked(organisation, team=told))["slack"].state == "ok"


async def test_an_organisation_wide_token_fails_for_it_has_no_user_groups() -> None:
    told = {"team_id": None, "enterprise_id": "E0", "is_enterprise_install": True}
    check = (await looked(replace(SLACK, team_id="E0"), team=told))["slack"]
    assert (check.state, "one workspace" in (check.mend or "")) == ("fail", True)


async def test_a_proxy_in_the_clear_is_told() -> None:
    clear = replace(SLACK, base_url="http://proxy.example/api/")
    assert "in the clear" in (await looked(clear))["slack"].says


@pytest.mark.parametrize(
    ("given", "state", "says"),
    [
        (SCOPES - {"users:read"}, "fail", "lacks users:read"),
        (SCOPES - {"groups:read"}, "warn", "lacks groups:read"),
        (SCOPES | {"channels:history"}, "warn", "more than is called: channels:history"),
        (Unavailable("no answer"), "fail", "no answer"),
    ],
)
async def test_scopes_are_those_that_are_used(given: Any, state: str, says: str) -> None:
    check = (await looked(given=given))["slack scopes"]
    assert check.state == state
    assert says in check.says


async def test_scopes_that_slack_does_not_tell_are_no_matter() -> None:
    assert "slack scopes" not in await looked(given=None)


@pytest.mark.parametrize(
    ("told", "state", "says"),
    [
        ({"name": "soc", "is_member": False}, "fail", "the app is not in #soc"),
        ({"name": "soc", "is_member": True, "is_archived": True}, "fail", "archived"),
        ({"name": "soc", "is_member": True, "is_ext_shared": True}, "warn", "another organisation"),
        (Absent("channel_not_found"), "fail", "does not see it"),
        (Rejected("missing_scope", code="missing_scope"), "warn", "missing_scope"),
        (Unavailable("no answer"), "fail", "no answer"),
    ],
)
async def test_a_channel_where_no_card_can_be_posted_is_told(told: Any, state: str, says: str) -> None:
    check = (await looked(told=told))["slack channel C0"]
    assert check.state == state
    assert says in check.says


async def test_the_fallback_channel_is_looked_at_as_well() -> None:
    assert "slack channel C1" in await looked(replace(SLACK, fallback_channel="C1"))


@pytest.mark.parametrize(
    ("members", "state", "says"),
    [
        (("U1",), "ok", "secops: 1 account"),
        ((), "warn", "nobody is in it"),
        (Absent("slack:usergroups.users.list was answered no_such_subteam"), "fail", "no_such_subteam"),
        (Unavailable("no answer"), "fail", "no answer"),
    ],
)
async def test_a_group_that_slack_keeps_is_looked_at(members: Any, state: str, says: str) -> None:
    check = (await looked(groups={"secops": "S1"}, members=members))["slack user group S1"]
    assert check.state == state
    assert says in check.says


def test_the_groups_that_slack_keeps_are_those_of_the_people() -> None:
    people = People(groups={"secops": Group(slack_usergroup="S0SECOPS"), "leads": (), "ops": Group()})
    assert usergroups(people) == {"secops": "S0SECOPS"}


async def test_an_app_token_that_slack_refuses_fails_and_is_not_shown() -> None:
    error = Rejected("slack:apps.connections.open was answered invalid_auth", mend="set slack.app_token")
    checks = await looked(BY_SOCKET, connection=error)
    assert checks["slack socket mode"].state == "fail"
    assert APP_TOKEN not in str(checks)


@pytest.mark.parametrize(
    ("ready", "state", "says"),
    [
        (None, "ok", "no gateway answers"),
        ({"status": "ok", "checks": {}, "reports": {"slack_socket": "ok"}}, "ok", "healthy"),
        (
            {"status": "ok", "reports": {"slack_socket": "backing off: no answer"}},
            "fail",
            "backing off: no answer",
        ),
        ({"status": "ok", "checks": {}}, "warn", "runs without Socket Mode"),
        ({"reports": ["junk"]}, "warn", "runs without Socket Mode"),
    ],
)
async def test_the_connection_of_a_running_gateway_is_told(ready: Any, state: str, says: str) -> None:
    checks = await looked(BY_SOCKET, ready=ready)
    assert checks["slack"].says == "team T0, presses come over Socket Mode"
    assert checks["slack socket mode"].state == "ok"
    assert checks["slack connection"].state == state
    assert says in checks["slack connection"].says


async def test_without_socket_mode_no_connection_is_looked_at() -> None:
    assert not any("socket" in name or "connection" in name for name in await looked())


@pytest.fixture
def workspace() -> Iterator[FakeSlack]:
    with running(FakeSlack()) as there:
        yield there


@pytest.mark.integration
async def test_a_whole_workspace_is_all_ok(workspace: FakeSlack) -> None:
    slack = replace(BY_SOCKET, team_id=TEAM, channel=CHANNEL, base_url=f"{workspace.url}/api/")

    def sight(slack: Slack) -> SlackDesk:
        return SlackDesk(slack.bot_token.value, base_url=slack.base_url)

    checks = await look(slack, sight, readiness, f"http://127.0.0.1:{free_port()}")
    assert {check.state for check in checks} == {"ok"}
    assert len(checks) == 5
    workspace.channels.clear()
    checks = await look(slack, sight, readiness, f"http://127.0.0.1:{free_port()}")
    assert [check.name for check in checks if check.state == "fail"] == [f"slack channel {CHANNEL}"]
