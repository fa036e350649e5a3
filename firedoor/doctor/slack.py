"""The doctor's look at Slack: the tokens, what they may do, the channels, and the open connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from firedoor.config.settings import Slack
from firedoor.connectors.slack import BOT_SCOPES
from firedoor.doctor.checkup import Check, failed
from firedoor.domain.core.errors import Absent, FiredoorError
from firedoor.domain.people.people import People

#: The key under `reports` of /readyz at which a gateway tells how its Socket Mode is.
SOCKET = "slack_socket"

_WANTED = frozenset(scope for scopes in BOT_SCOPES.values() for scope in scopes)
#: Without these there is only less to look at.
_LOOKING = frozenset(BOT_SCOPES["conversations.info"])
_INSTALL = "give the app the scopes of `firedoor slack manifest` and install it again"


class SlackSight(Protocol):
    """What the doctor asks Slack; each raises a `FiredoorError` when it cannot."""

    async def auth_test(self) -> Mapping[str, Any]:
        """Say whose token it is."""
        ...

    async def scopes(self) -> frozenset[str] | None:
        """Say what the token may do; None where Slack does not say."""
        ...

    async def channel(self, channel_id: str) -> Mapping[str, Any]:
        """Tell about a channel."""
        ...

    async def usergroup_members(self, group_id: str) -> tuple[str, ...]:
        """List the accounts of a user group."""
        ...

    async def open_connection(self, app_token: str) -> str:
        """Ask for an address of Socket Mode, which is not used."""
        ...


#: Asks a running gateway how it is; None where none answers.
Readiness = Callable[[str], Awaitable[Mapping[str, Any] | None]]


async def look(
    slack: Slack | None,
    sight: Callable[[Slack], SlackSight],
    readiness: Readiness,
    url: str,
    usergroups: Mapping[str, str] = MappingProxyType({}),
) -> list[Check]:
    """See that people can be asked in Slack, and that what they press arrives.

    `url` is the gateway's; `usergroups` are groups of people that Slack keeps, by our names for them.
    """
    if slack is None:
        mend = "people vote by `firedoor approve`; add slack: to firedoor.yaml for cards"
        return [Check(name="slack", state="warn", says="not configured", mend=mend)]
    there = sight(slack)
    bot = await _bot(slack, there)
    if bot.state == "fail":
        return [bot, *await _socket(slack, there, readiness, url)]
    looked = await asyncio.gather(
        _scopes(there),
        *(_channel(there, channel) for channel in sorted(slack.channels)),
        *(_usergroup(there, name, group) for name, group in usergroups.items()),
        _socket(slack, there, readiness, url),
    )
    return [bot, *(check for checks in looked for check in checks)]


def usergroups(people: People) -> dict[str, str]:
    """Name the groups that Slack keeps, with Slack's ids of them."""
    kept = {name: people.group(name).slack_usergroup for name in people.groups}
    return {name: group for name, group in kept.items() if group is not None}


async def _bot(slack: Slack, there: SlackSight) -> Check:
    try:
        told = await there.auth_test()
    except FiredoorError as error:
        return failed("slack", error)
    team, organisation = str(told.get("team_id", "")), str(told.get("enterprise_id", ""))
    if slack.team_id not in (team, organisation):
        says = f"the bot token is of team {team or '(unknown)'}, the configuration says {slack.team_id}"
        return Check(name="slack", state="fail", says=says, mend="correct slack.team_id or the token")
    if told.get("is_enterprise_install"):
        says = "the bot token is of an organisation-wide installation, which has no user groups of its own"
        mend = "install the app into one workspace, and set slack.team_id to it"
        return Check(name="slack", state="fail", says=says, mend=mend)
    if slack.base_url.startswith("http://") and "//127.0.0.1" not in slack.base_url:
        says = f"{slack.base_url} carries the bot token in the clear"
        return Check(name="slack", state="warn", says=says, mend="use https")
    return Check(name="slack", state="ok", says=f"team {team}, {_ways(slack)}")


def _ways(slack: Slack) -> str:
    ways = {"HTTP": slack.signing_secret, "Socket Mode": slack.app_token}
    return "presses come over " + " and ".join(way for way, secret in ways.items() if secret is not None)


async def _scopes(there: SlackSight) -> list[Check]:
    """Compare what the token may do with what is called: too little fails, and too much is told."""
    name = "slack scopes"
    try:
        given = await there.scopes()
    except FiredoorError as error:
        return [failed(name, error)]
    if given is None:
        return []  # a proxy may keep the header; each call still says when it lacks a scope
    missing, extra = sorted(_WANTED - given), sorted(given - _WANTED)
    if missing:
        says = f"the bot token lacks {', '.join(missing)}"
        needed = set(missing) - _LOOKING
        return [Check(name=name, state="fail" if needed else "warn", says=says, mend=_INSTALL)]
    if extra:
        says = f"the bot token may do more than is called: {', '.join(extra)}"
        return [Check(name=name, state="warn", says=says, mend=_INSTALL)]
    return [Check(name=name, state="ok", says=", ".join(sorted(given)))]


async def _channel(there: SlackSight, channel: str) -> list[Check]:
    """See that cards can be posted in a channel."""
    name = f"slack channel {channel}"
    try:
        told = await there.channel(channel)
    except Absent:
        says, mend = "the app does not see it", "check the id, and invite the app: /invite @Firedoor"
        return [Check(name=name, state="fail", says=says, mend=mend)]
    except FiredoorError as error:
        lacking = getattr(error, "code", "") == "missing_scope"
        return [failed(name, error).model_copy(update={"state": "warn"} if lacking else {})]
    called = f"#{told.get('name') or '?'}"
    if told.get("is_archived"):
        return [Check(name=name, state="fail", says=f"{called} is archived", mend="choose another channel")]
    if not told.get("is_member"):
        says = f"the app is not in {called}"
        return [Check(name=name, state="fail", says=says, mend="invite it there: /invite @Firedoor")]
    if told.get("is_ext_shared"):
        says = f"{called} is shared with another organisation, whose people see what is asked"
        return [Check(name=name, state="warn", says=says, mend="choose a channel of your own")]
    return [Check(name=name, state="ok", says=called)]


async def _usergroup(there: SlackSight, name: str, group: str) -> list[Check]:
    """See that a group that Slack keeps is there, with somebody in it."""
    check = f"slack user group {group}"
    try:
        count = len(await there.usergroup_members(group))
    except FiredoorError as error:
        return [failed(check, error)]
    if not count:
        says = f"nobody is in it, so nobody is in {name} by it"
        return [Check(name=check, state="warn", says=says, mend="add people to it in Slack")]
    return [Check(name=check, state="ok", says=f"{name}: {count} {'account' if count == 1 else 'accounts'}")]


async def _socket(slack: Slack, there: SlackSight, readiness: Readiness, url: str) -> list[Check]:
    """See that Slack takes the app token, and how the connection of a running gateway is."""
    if slack.app_token is None:
        return []
    name = "slack socket mode"
    try:
        await there.open_connection(slack.app_token.value())
    except FiredoorError as error:
        return [failed(name, error)]
    checks = [Check(name=name, state="ok", says="Slack takes the app token")]
    told = await readiness(url)
    reports = told.get("reports") if told is not None else None
    word = reports.get(SOCKET) if isinstance(reports, Mapping) else None
    if told is None or word == "ok":
        says = "healthy" if told else f"no gateway answers at {url}; its connection is not looked at"
        checks.append(Check(name="slack connection", state="ok", says=says))
    elif isinstance(word, str):
        mend = "it is tried again by itself; the gateway's log tells more"
        checks.append(Check(name="slack connection", state="fail", says=word[:300], mend=mend))
    else:
        says, mend = f"the gateway at {url} runs without Socket Mode", "restart it with this configuration"
        checks.append(Check(name="slack connection", state="warn", says=says, mend=mend))
    return checks
