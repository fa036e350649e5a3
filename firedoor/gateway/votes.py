"""How a person's word reaches a response, whatever the door it was said through."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, Protocol, TypeVar

import structlog
from prometheus_client import Counter

from firedoor.domain.approval import NOBODY, Decision, Door, Proof, RejectReason, Vote, Voter
from firedoor.domain.canonical import fingerprint as shortened
from firedoor.domain.contract import Status
from firedoor.domain.desk import FrozenSet, GatherOrder, VoteAll
from firedoor.domain.errors import Absent, FiredoorError, Unavailable
from firedoor.domain.finding import Moment
from firedoor.domain.identity import Directory, Identity
from firedoor.domain.response import (
    Nudged,
    ReassignRequest,
    Report,
    SnoozeRequest,
    UndoRequest,
    VoteReceipt,
)
from firedoor.domain.value import Value

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


class Ballots:
    """The one decision service: looks people up, casts their words, leaves a trace of every try."""

    def __init__(
        self, directory: Directory, engine: Votes, clock: Callable[[], datetime], *, within: float
    ) -> None:
        self._directory = directory
        self._engine = engine
        self._clock = clock
        self._within = within  # seconds until the person has to hear something

    async def voter(self, identity: Identity) -> Voter:
        """Look up who somebody is now; raises `NotCounted` where that is nobody, or cannot be read."""
        try:
            async with asyncio.timeout(self._within):
                return await self._directory.voter(identity)
        except Absent:
            raise NotCounted(
                f"{identity} belongs to nobody in the directory of people",
                mend="Ask an administrator to add you to config/people.yaml (firedoor people link).",
            ) from None
        except (FiredoorError, OSError, ValueError, TimeoutError) as error:
            why = error.found if isinstance(error, FiredoorError) else type(error).__name__
            audit.error("people.unreadable", why=why)
            raise NotCounted(
                "the directory of people cannot be read, so nobody can decide now",
                mend="Try again in a moment; `firedoor doctor` tells what is wrong.",
            ) from None

    async def vote(
        self,
        who: Identity,
        response: str,
        *,
        door: Door,
        ask: str,
        generation: int | None,
        fingerprint: str,
        decision: Decision,
        reason: RejectReason | None = None,
        comment: str = "",
        proof: Proof | None = None,
        break_glass: bool = False,
    ) -> VoteReceipt | Waiting:
        """Cast a vote about one ask of one plan; `generation` is None where a door shows the open ask.

        Who it is, is told after whether it still matters: a stranger who presses an old card hears
        that the card is old.
        """
        unbound, mend = "", ""
        try:
            voter = await self.voter(who)
        except NotCounted as error:
            voter, unbound, mend = NOBODY, error.found, error.mend

        # A door that shows the open ask need not know its number: then the plan tells the asks apart.
        about = ask or (fingerprint if "-" in fingerprint else shortened(fingerprint))

        async def send() -> VoteReceipt | Waiting:
            word = "glass" if break_glass else decision
            vote = Vote(
                # The same word of the same person about the same ask is one vote, however often it is said.
                id=f"{known(response)}/{about}.{generation or 0}/{voter.person or 'nobody'}/{word}",
                decision=decision,
                voter=voter,
                door=door,
                fingerprint=fingerprint,
                ask=ask,
                generation=generation,
                reason=reason,
                comment=comment,
                at=self._clock(),
                unbound=unbound,
                proof=proof,
                break_glass=break_glass,
            )
            try:
                return await self._engine.vote(response, vote)
            except NotCounted as error:
                raise NotCounted(error.found, mend=mend if error.found == unbound else error.mend) from None

        return await self._cast(send, voter.person or str(who), response, door, decision)

    async def undo(
        self, who: Identity, response: str, *, door: Door, before: int, why: str = ""
    ) -> VoteReceipt | Waiting:
        """Ask for undo. `before` counts the earlier requests, so that a double click is one."""
        voter = await self._known(who, door, response, "undo")

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

        return await self._cast(send, voter.person, response, door, "undo")

    async def snooze(
        self, who: Identity, response: str, *, door: Door, fingerprint: str, minutes: int
    ) -> Nudged:
        """Put the reminder of an ask off for some minutes."""
        voter = await self._known(who, door, response, "snooze")
        at = self._clock()

        async def send() -> Nudged:
            id_ = f"{known(response)}/snooze/{voter.person}/{int(at.timestamp())}"
            request = SnoozeRequest(
                id=id_, voter=voter, door=door, fingerprint=fingerprint, minutes=minutes, at=at
            )
            return await self._engine.snooze(response, request)

        return await self._cast(send, voter.person, response, door, "snooze")

    async def reassign(
        self,
        who: Identity,
        response: str,
        *,
        door: Door,
        fingerprint: str,
        to: Identity,
        comment: str = "",
    ) -> Nudged:
        """Ask one of those who may decide to look at it."""
        voter = await self._known(who, door, response, "reassign")
        other = await self._known(to, door, response, "reassign")

        async def send() -> Nudged:
            request = ReassignRequest(
                id=f"{known(response)}/reassign/{voter.person}/{other.person}/{fingerprint}",
                voter=voter,
                door=door,
                fingerprint=fingerprint,
                to=other,
                comment=comment,
                at=self._clock(),
            )
            return await self._engine.reassign(response, request)

        return await self._cast(send, voter.person, response, door, "reassign")

    async def gather(self, who: Identity, *, door: Door, digest: int, key: str) -> FrozenSet:
        """Freeze what a digest line stands for now, for somebody who is about to decide on it."""
        voter = await self._known(who, door, f"digest {digest}", "gather")
        return await self._cast(
            lambda: self._engine.gather(GatherOrder(digest=digest, key=key)),
            voter.person,
            f"digest {digest}",
            door,
            "gather",
        )

    async def vote_all(
        self,
        who: Identity,
        *,
        door: Door,
        sha256: str,
        decision: Decision,
        reason: RejectReason | None = None,
        comment: str = "",
    ) -> Waiting:
        """Cast one word about every ask of a frozen set; each ask counts it by its own rules."""
        voter = await self._known(who, door, sha256[:12], decision)

        async def send() -> Waiting:
            word = VoteAll(
                id=f"{sha256[:32]}/{voter.person}/{decision}",
                sha256=sha256,
                decision=decision,
                voter=voter,
                door=door,
                reason=reason,
                comment=comment,
                at=self._clock(),
            )
            return await self._engine.vote_all(word)

        return await self._cast(send, voter.person, f"set {sha256[:12]}", door, decision)

    async def _known(self, who: Identity, door: Door, response: str, word: str) -> Voter:
        try:
            return await self.voter(who)
        except NotCounted as error:
            trace(door, "refused", word=word, person=str(who), response=response, why=error.found)
            raise

    async def _cast(
        self, send: Callable[[], Awaitable[R]], person: str, response: str, door: Door, word: str
    ) -> R:
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
            trace(door, outcome, word=word, person=person, response=response, why=why)
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
