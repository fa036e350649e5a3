"""How a person's word reaches a response, whatever the door it was said through."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal, Protocol, TypeVar

import structlog
from prometheus_client import Counter

from firedoor.domain.approval.vote import Door, Vote
from firedoor.domain.channel.messages import FrozenSet, GatherOrder, VoteAll
from firedoor.domain.core.errors import Absent, FiredoorError
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment
from firedoor.domain.response.contract import Status
from firedoor.domain.response.messages import (
    Nudged,
    ReassignRequest,
    Report,
    SnoozeRequest,
    UndoRequest,
    VoteReceipt,
)

#: The audit trail of who tried to decide what, and what became of it.
audit = structlog.get_logger("firedoor.audit")

R = TypeVar("R")

VOTES = Counter(
    "firedoor_votes_total",
    "Votes and undo requests, by door and by what became of them.",
    ["door", "outcome"],
)

_RESPONSE = re.compile(r"respond/[a-z][a-z0-9_]{0,63}/[0-9a-f]{32}")


class NotCounted(FiredoorError):
    """A word that does not count; `found` is the reason, said to the person, `mend` what to do."""


class Waiting(Value):
    """A word that is durable, and that the engine has not counted yet: no worker answered in time."""

    state: Literal["waiting"] = "waiting"
    fingerprint: str = ""


class Listed(Value):
    """One response in a list: what Temporal's own index knows of it."""

    id: str
    playbook: str
    status: Status
    severity: str = ""
    account: str = ""
    started: Moment
    closed: Moment | None = None


class Votes(Protocol):
    """What the doors need of the engine; the gateway's Temporal side implements it.

    Each raises `Absent` for a response that nobody knows and `Unavailable` when
    Temporal gave no answer. A `vote` or `undo` that is not counted at once either
    is durable (`Waiting`) or raises `Unavailable`, after which it may still be
    counted: the ids make a repetition the same word. They answer within two seconds.
    """

    async def vote(self, response_id: str, vote: Vote) -> VoteReceipt | Waiting:
        """Count a vote; raises `NotCounted` with the reason when it does not count."""
        ...

    async def undo(self, response_id: str, request: UndoRequest) -> VoteReceipt | Waiting:
        """Ask for the approval of taking a response back; raises `NotCounted` likewise."""
        ...

    async def snooze(self, response_id: str, request: SnoozeRequest) -> Nudged:
        """Put a reminder off; raises `NotCounted` likewise."""
        ...

    async def reassign(self, response_id: str, request: ReassignRequest) -> Nudged:
        """Ask somebody who may decide to look; raises `NotCounted` likewise."""
        ...

    async def gather(self, order: GatherOrder) -> FrozenSet:
        """Freeze what a digest line stands for now; raises `NotCounted` when there is nothing left of it."""
        ...

    async def vote_all(self, word: VoteAll) -> Waiting:
        """Leave a word about every ask of a frozen set, durably; raises `NotCounted` likewise."""
        ...

    async def report(self, response_id: str) -> Report:
        """Tell how a response stands."""
        ...

    async def list(
        self, status: Status | None, playbook: str | None, since: datetime | None, *, asking: bool = False
    ) -> tuple[Listed, ...]:
        """List responses, newest first; a condition that is None holds for all of them.

        `asking` lists those alone that wait for people: for a yes, or for a review.
        """
        ...


def known(response: str) -> str:
    """Let only ids of responses through to Temporal; raises `Absent` for any other name."""
    if not _RESPONSE.fullmatch(response):
        raise Absent("no response has this id", expected="an id such as respond/leaked_access_key/…")
    return response


def trace(door: Door, outcome: str, **facts: str) -> None:
    """Count a try to decide, and write it into the audit log."""
    VOTES.labels(door, outcome).inc()
    audit.info("vote", door=door, outcome=outcome, **facts)
