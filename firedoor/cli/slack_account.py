"""A Slack account that an administrator is about to bind to a person, looked at first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter, ValidationError

from firedoor.cli.terminal import err, safe
from firedoor.cli.written import configuration
from firedoor.config.configuration import SlackSettings
from firedoor.config.secret import Secret
from firedoor.config.settings import child_environment
from firedoor.connectors.slack import SlackDesk
from firedoor.domain.core.errors import Absent, Misconfigured, Rejected
from firedoor.domain.people.people import SlackIdentity
from firedoor.people.slack_accounts import bar, places

_BARRED = {
    "deleted": "was deactivated",
    "bot": "is a bot",
    "guest": "is a guest's",
    "external": "is of another workspace",
    "unknown": "does not exist",
}


def written_account(account: str) -> str:
    """Return an account as it was written; raises `Misconfigured` where it is none."""
    try:
        return TypeAdapter(SlackIdentity).validate_python(account)
    except ValidationError:
        raise Misconfigured(
            "that is no Slack account",
            expected="TEAM/USER, such as T0123456789/U0123456789",
            mend="in Slack: the person's profile, ⋮, Copy member ID",
        ) from None


def account_of(directory: Path, user: str) -> str:
    """Return the account of a user of our own team; raises `Misconfigured` without `slack:`."""
    slack = _settings(directory)
    if slack is None:
        raise Misconfigured(
            "which team that user is of is not known: firedoor.yaml has no `slack:`",
            mend="use --slack TEAM/USER",
        )
    return written_account(f"{slack.team_id}/{user}")


def look_at(directory: Path, person: str, account: str, *, ask: bool) -> None:
    """See that Slack knows an account as a full member's, and have its name confirmed.

    Raises `Rejected` where it may not speak, `Unavailable` where Slack does not answer. Without
    `slack:` in the configuration there is nobody to ask.
    """
    slack = _settings(directory)
    if slack is None:
        err().print(safe("! not looked at: firedoor.yaml has no `slack:`", "yellow"))
        return
    told, why = _told(directory, slack, account)
    if why:
        raise Rejected(
            f"the Slack account {account} {_BARRED[why]}",
            expected="a full member's account",
            mend="nothing was changed",
        )
    known_as = _keys(told)
    if account not in known_as:
        raise Rejected(
            f"Slack does not know {account.partition('/')[2]} in {account.partition('/')[0]}",
            expected=" or ".join(known_as),
            mend="nothing was changed",
        )
    err().print(safe(f"{account} is {told.get('real_name') or '-'} (@{told.get('name') or '-'})", "bold"))
    if ask and not typer.confirm(f"Is that {person}?", err=True):
        raise Rejected("not confirmed", mend="nothing was changed")


def _settings(directory: Path) -> SlackSettings | None:
    written = configuration(directory)
    return written.slack if written is not None else None


def _told(directory: Path, slack: SlackSettings, account: str) -> tuple[Mapping[str, Any], str]:
    secret = Secret((slack.bot_token,), child_environment(), directory.absolute().parent)
    user = account.partition("/")[2]
    try:
        told = asyncio.run(SlackDesk(secret.value, base_url=slack.base_url).user(user))
    except Absent:
        return {}, "unknown"
    return told, bar(told, user, (slack.team_id,))


def _keys(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names by which an account may be bound: by its workspaces, and by its organisation."""
    return tuple(f"{place}/{told.get('id')}" for place in places(told))
