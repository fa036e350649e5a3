"""Whether a Slack account may speak: full members of ours may, and nobody whom Slack does not vouch for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.people.slack_accounts import SlackAccounts, bar, places
from firedoor.testing.slack.people import EVERY_KIND, Person, WorkspaceConfig
from tests.people.test_directory import Clock

WORKSPACE = WorkspaceConfig()
TEAM = WORKSPACE.team


class Users:
    """A users.info that counts how often it is asked."""

    def __init__(self, *users: str, team: str = TEAM) -> None:
        self.people: dict[str, dict[str, Any]] = {
            user: Person(user, user.lower(), team=team).info(WORKSPACE) for user in users
        }
        self.error: Exception | None = None
        self.calls = 0

    async def user(self, user_id: str) -> Mapping[str, Any]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        if user_id not in self.people:
            raise Absent("user_not_found")
        return self.people[user_id]


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.kind)
def test_no_kind_of_account_but_a_member_may_speak(person: Person) -> None:
    expected = {
        "guest": "guest",
        "single_channel_guest": "guest",
        "bot": "bot",
        "deleted": "deleted",
        "stranger": "external",
    }[person.kind]
    assert bar(person.info(WORKSPACE), person.id, (TEAM,)) == expected


def test_a_full_member_of_our_workspace_or_our_organisation_may_speak() -> None:
    assert bar(Person("U1", "ann").info(WORKSPACE), "U1", (TEAM,)) == ""
    grid = WorkspaceConfig(enterprise="E1")
    elsewhere = Person("U1", "ann", team="T0OTHER").info(grid)
    assert bar(elsewhere, "U1", (TEAM,)) == "external"
    assert bar(elsewhere, "U1", (TEAM, "E1")) == ""
    assert bar(elsewhere, "U1", (TEAM, "E2")) == "external"


def test_a_member_of_several_workspaces_of_an_organisation_may_speak_in_ours() -> None:
    sister = {"id": "U1", "team_id": "T0SISTER", "enterprise_user": {"enterprise_id": "E1"}}
    assert bar(sister, "U1", (TEAM,)) == "external"
    inside = {"enterprise_id": "E1", "teams": ["T0SISTER", TEAM]}
    assert bar({**sister, "enterprise_user": inside}, "U1", (TEAM,)) == ""
    assert bar({**sister, "team_id": None, "enterprise_user": inside}, "U1", (TEAM,)) == ""
    assert places({**sister, "enterprise_user": inside}) == ("T0SISTER", "E1", TEAM)
    assert places({"id": "U1", "team_id": 7, "enterprise_user": {"teams": TEAM}}) == ()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, "unknown"),
        ({"id": "U2", "team_id": TEAM}, "unknown"),
        ({"id": "U1"}, "external"),
        ({"id": "U1", "team_id": None}, "external"),
        ({"id": "U1", "team_id": TEAM, "is_ultra_restricted": True}, "guest"),
        ({"id": "U1", "team_id": TEAM, "is_workflow_bot": True}, "bot"),
        ({"id": "U1", "team_id": TEAM, "enterprise_user": "E1", "is_stranger": True}, "external"),
    ],
)
def test_what_slack_does_not_say_is_no_yes(told: dict[str, Any], expected: str) -> None:
    assert bar(told, "U1", (TEAM,)) == expected


def test_slackbot_is_a_bot_whatever_it_says() -> None:
    told = {"id": "USLACKBOT", "team_id": TEAM, "is_bot": False}
    assert bar(told, "USLACKBOT", (TEAM,)) == "bot"


async def test_an_answer_is_believed_for_a_minute_and_not_longer() -> None:
    users, clock = Users("U1"), Clock()
    accounts = SlackAccounts(users, teams=(TEAM,), clock=clock)
    assert await accounts.barred("U1") == ""
    users.people["U1"]["deleted"] = True
    clock.move(59)
    assert await accounts.barred("U1") == ""
    assert users.calls == 1
    clock.move(1)
    assert await accounts.barred("U1") == "deleted"


async def test_an_account_that_slack_does_not_know_is_unknown() -> None:
    accounts = SlackAccounts(Users(), teams=(TEAM,), clock=Clock())
    assert await accounts.barred("U1") == "unknown"


@pytest.mark.parametrize("error", [Unavailable("HTTP 503"), Rejected("missing_scope"), OSError()])
async def test_slack_that_cannot_be_asked_means_no(error: Exception) -> None:
    users, clock = Users("U1"), Clock()
    accounts = SlackAccounts(users, teams=(TEAM,), clock=clock)
    assert await accounts.barred("U1") == ""
    clock.move(60)
    users.error = error
    with pytest.raises(Unavailable):
        await accounts.barred("U1")
