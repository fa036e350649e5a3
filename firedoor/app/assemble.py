"""What the gateway and the worker build alike of the settings: Slack, and the directory of people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from firedoor.channels.slack.render_context import Around
from firedoor.config.settings import Settings
from firedoor.connectors.slack import SlackDesk
from firedoor.domain.core.errors import FiredoorError
from firedoor.people.directory import LiveDirectory
from firedoor.people.slack_accounts import SlackAccounts
from firedoor.systems.okta.groups import Okta


def utc_now() -> datetime:
    """Tell the time; the only clock of the entrances."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Together:
    """The connectors that look people up; `slack` and `accounts` are None without Slack."""

    directory: LiveDirectory
    slack: SlackDesk | None
    accounts: SlackAccounts | None


def together(settings: Settings) -> Together:
    """Build them once per process, for they remember what they were told for up to a minute."""
    slack, okta = settings.slack, settings.okta
    desk = SlackDesk(slack.bot_token.value, base_url=slack.base_url) if slack else None
    return Together(
        directory=LiveDirectory(
            settings.directory / "people.yaml",
            clock=utc_now,
            slack=desk,
            okta=Okta(okta.url, okta.token.value) if okta else None,
        ),
        slack=desk,
        accounts=SlackAccounts(desk, teams=(slack.team_id,), clock=utc_now) if slack and desk else None,
    )


async def around(settings: Settings, directory: LiveDirectory) -> Around:
    """Tell what a card needs to know besides its response; without people it mentions nobody."""
    try:
        mentions, users = await directory.usergroups(), await directory.slack_users()
    except FiredoorError:
        mentions, users = {}, {}
    roles = {account.id: account.role for account in settings.accounts.values() if account.role}
    return Around(page=settings.url, mentions=mentions, users=users, roles=roles)
