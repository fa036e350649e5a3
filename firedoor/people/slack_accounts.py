"""Whether a Slack account may speak at all: a member of ours, neither guest, bot, stranger nor gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from firedoor.domain.core.errors import Absent
from firedoor.people.answers import Answers
from firedoor.people.directory import WITHIN

Bar = Literal["", "deleted", "bot", "guest", "external", "unknown"]

#: Slack's own bot says of itself that it is none.
_SLACKBOT = "USLACKBOT"


class SlackUsers(Protocol):
    """What we need of Slack; `firedoor.connectors.slack` has it."""

    async def user(self, user_id: str) -> Mapping[str, Any]:
        """Return `user` of users.info. Raises `Absent` where there is none, else `Unavailable`."""
        ...


class SlackAccounts:
    """Asks Slack about accounts, and believes each answer for at most a minute.

    `teams` are the ids that are ours: the workspace's, and the organisation's where there is one.
    """

    def __init__(
        self,
        slack: SlackUsers,
        *,
        teams: Collection[str],
        clock: Callable[[], datetime],
        within: float = WITHIN,
    ) -> None:
        self._slack = slack
        self._teams = frozenset(teams)
        self._answers = Answers(self._ask, what="Slack", clock=clock, within=within)

    async def barred(self, user: str) -> Bar:
        """Say why the account `user` may not speak; "" where it may. Raises `Unavailable`, which means no."""
        return await self._answers.of(user)

    async def _ask(self, user: str) -> Bar:
        try:
            return bar(await self._slack.user(user), user, self._teams)
        except Absent:
            return "unknown"


def bar(told: Mapping[str, Any], user: str, teams: Collection[str]) -> Bar:
    """Judge what users.info tells of `user`: "" for a full member of one of our `teams`."""
    if told.get("id") != user:
        return "unknown"
    if told.get("deleted"):
        return "deleted"
    if user == _SLACKBOT or any(told.get(key) for key in ("is_bot", "is_workflow_bot", "is_connector_bot")):
        return "bot"
    if told.get("is_stranger") or not set(places(told)) & set(teams):
        return "external"
    if told.get("is_restricted") or told.get("is_ultra_restricted"):
        return "guest"
    return ""


def places(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Name where an account is a member, by what users.info tells: its workspaces and its organisation.

    In an organisation `team_id` is one of its workspaces, or none; `enterprise_user` names the others.
    """
    organisation = told.get("enterprise_user")
    inside = organisation if isinstance(organisation, Mapping) else {}
    teams = inside.get("teams")
    every = (told.get("team_id"), inside.get("enterprise_id"), *(teams if isinstance(teams, list) else ()))
    return tuple(dict.fromkeys(each for each in every if isinstance(each, str) and each))
