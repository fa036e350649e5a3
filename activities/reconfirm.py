"""People as a response's activity: everyone who said yes, looked up once more."""

from __future__ import annotations

import asyncio
from typing import Protocol

from temporalio import activity

from activities.error_translation import translated
from firedoor.domain.approval.vote import Vote, Voter
from firedoor.domain.core.errors import Absent, Unavailable
from firedoor.domain.response.contract import CONFIRM
from firedoor.domain.response.messages import Confirmed, ConfirmOrder


class Known(Protocol):
    """What we need of the directory; `firedoor.people.directory` has it."""

    async def again(self, voter: Voter) -> Voter:
        """Look a voter up once more; `account` is empty where it is not theirs any more."""
        ...


class Accounts(Protocol):
    """What we need to know of Slack accounts; `firedoor.people.slack_accounts` has it."""

    async def barred(self, user: str) -> str:
        """Say why an account may not speak; "" where it may."""
        ...


class Confirming:
    """Looks up who said yes. `accounts` is None without Slack: nothing said there can be confirmed then."""

    def __init__(self, directory: Known, accounts: Accounts | None) -> None:
        self._directory = directory
        self._accounts = accounts

    @activity.defn(name=CONFIRM)
    async def confirm(self, order: ConfirmOrder) -> Confirmed:
        """Return everyone who said yes as the directory knows them now.

        Missing is who is nobody any more, and who spoke with a Slack account that is not theirs
        any more or may not speak. Where that cannot be read it is tried again.
        """
        with translated():
            known = await asyncio.gather(
                *(
                    self._again(vote, frozenset(order.groups))
                    for vote in order.votes
                    if vote.decision == "approve"
                )
            )
            return Confirmed(voters={voter.person: voter for voter in known if voter is not None})

    async def _again(self, vote: Vote, asked: frozenset[str]) -> Voter | None:
        try:
            now = await self._directory.again(vote.voter)
        except Absent:
            return None
        if vote.door == "slack" and not await self._may_speak(now):
            return None
        if not vote.break_glass and _undecided(vote.voter, now, asked):
            raise Unavailable(
                f"who is in {' or '.join(now.unread)} cannot be read now",
                mend="`firedoor doctor` tells why",
            )
        return now

    async def _may_speak(self, voter: Voter) -> bool:
        if not voter.account or self._accounts is None:
            return False
        return not await self._accounts.barred(voter.account.partition("/")[2])


def _undecided(then: Voter, now: Voter, asked: frozenset[str]) -> bool:
    """Whether all that made the vote count may still hold, and nothing of it can be proven."""
    counted = set(then.groups) & asked if asked else set(then.groups)
    return not counted & set(now.groups) and bool(counted & set(now.unread))
