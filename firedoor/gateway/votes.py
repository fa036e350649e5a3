"""How a person's word reaches a response, whatever the door it was said through."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, Protocol

import structlog
from prometheus_client import Counter

from firedoor.domain.approval import Decision, RejectReason, Vote, Voter
from firedoor.domain.contract import Status
from firedoor.domain.errors import Absent, FiredoorError, Unavailable
from firedoor.domain.finding import Moment
from firedoor.domain.people import People
from firedoor.domain.response import Report, UndoRequest, VoteReceipt
from firedoor.domain.value import Value

Door = Literal["slack", "cli", "http", "page"]

#: The audit trail of who tried to decide what, and what became of it.
audit = structlog.get_logger("firedoor.audit")

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

    async def report(self, response_id: str) -> Report:
        """Tell how a response stands."""
        ...

    async def list(
        self, status: Status | None, playbook: str | None, since: datetime | None
    ) -> tuple[Listed, ...]:
        """List responses, newest first; a condition that is None holds for all of them."""
        ...


class Ballots:
    """Casts the words of people who are known: looks up who they are now, and leaves a trace of every try."""

    def __init__(
        self, people: Callable[[], People], engine: Votes, clock: Callable[[], datetime], *, within: float
    ) -> None:
        self._people = people
        self._engine = engine
        self._clock = clock
        self._within = within  # seconds until the person has to hear something

    def voter(self, find: Callable[[People], str | None], who: str) -> Voter:
        """Look a person up as they are in the directory now; raises `NotCounted` for a stranger."""
        try:
            people = self._people()
            person = find(people)
        except (FiredoorError, OSError, ValueError) as error:
            audit.exception("people.unreadable", exception=type(error).__name__)
            raise NotCounted(
                "the directory of people cannot be read, so nobody can decide now",
                mend="Mend config/people.yaml.",
            ) from None
        if person is None:
            raise NotCounted(
                f"{who} belongs to nobody in the directory of people",
                mend="Ask an administrator to add you to config/people.yaml.",
            )
        return people.voter(person)

    async def vote(
        self,
        voter: Voter,
        response: str,
        *,
        door: Door,
        ask: str,
        generation: int,
        seen: int | None,
        fingerprint: str,
        decision: Decision,
        reason: RejectReason | None = None,
        comment: str = "",
    ) -> VoteReceipt | Waiting:
        """Cast a vote. `seen` is the card's generation, None where the door shows the open ask."""

        async def send() -> VoteReceipt | Waiting:
            vote = Vote(
                # The same word of the same person about the same ask is one vote, however often it is said.
                id=f"{known(response)}/{ask or '-'}.{generation}/{voter.person}/{decision}",
                decision=decision,
                voter=voter,
                door=door,
                fingerprint=fingerprint,
                generation=seen,
                reason=reason,
                comment=comment,
                at=self._clock(),
            )
            return await self._engine.vote(response, vote)

        return await self._cast(send, voter, response, door, decision)

    async def undo(
        self, voter: Voter, response: str, *, door: Door, before: int, why: str = ""
    ) -> VoteReceipt | Waiting:
        """Ask for undo. `before` counts the earlier requests, so that a double click is one."""

        async def send() -> VoteReceipt | Waiting:
            request = UndoRequest(
                id=f"{known(response)}/undo.{before}/{voter.person}",
                person=voter.person,
                names=voter.names,
                door=door,
                why=why,
                at=self._clock(),
            )
            return await self._engine.undo(response, request)

        return await self._cast(send, voter, response, door, "undo")

    async def _cast(
        self,
        send: Callable[[], Awaitable[VoteReceipt | Waiting]],
        voter: Voter,
        response: str,
        door: Door,
        word: str,
    ) -> VoteReceipt | Waiting:
        outcome, why = "unavailable", ""
        try:
            async with asyncio.timeout(self._within):
                receipt = await send()
            outcome = "waiting" if isinstance(receipt, Waiting) else "counted"
        except TimeoutError:
            raise Unavailable("the engine did not answer in time", mend="say it again") from None
        except NotCounted as error:
            outcome, why = "refused", error.found
            raise
        except Absent as error:
            outcome, why = "absent", error.found
            raise
        finally:
            trace(door, outcome, word=word, person=voter.person, response=response, why=why)
        return receipt


def known(response: str) -> str:
    """Let only ids of responses through to Temporal; raises `Absent` for any other name."""
    if not _RESPONSE.fullmatch(response):
        raise Absent("no response has this id", expected="an id such as respond/leaked_access_key/…")
    return response


def trace(door: Door, outcome: str, **facts: str) -> None:
    """Count a try to decide, and write it into the audit log."""
    VOTES.labels(door, outcome).inc()
    audit.info("vote", door=door, outcome=outcome, **facts)
