"""The one decision service: looks people up, casts their words, leaves a trace of every try."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from firedoor.domain.approval.vote import NOBODY, Decision, Door, Proof, RejectReason, Vote, Voter
from firedoor.domain.channel.messages import FrozenSet, GatherOrder, VoteAll
from firedoor.domain.core.canonical import fingerprint as shortened
from firedoor.domain.core.errors import Absent, FiredoorError, Unavailable
from firedoor.domain.people.identity import Directory, Identity
from firedoor.domain.response.messages import (
    Nudged,
    ReassignRequest,
    SnoozeRequest,
    UndoRequest,
    VoteReceipt,
)
from firedoor.gateway.decisions.port import NotCounted, Votes, Waiting, audit, known, trace

R = TypeVar("R")


class Ballots:
    """What every door says its people's words to."""

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
            id_ = f"{known(response)}/snooze/{voter.person}/{minutes}/{int(at.timestamp())}"
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
