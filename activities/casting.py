"""The hand that casts one word about many: a vote for each ask of a frozen set."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from temporalio import activity
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.faults import translated
from firedoor.domain import merkle
from firedoor.domain.contract import CAST, VOTE
from firedoor.domain.desk import Cast, CastOrder, Member, VoteAll
from firedoor.domain.errors import Unavailable
from firedoor.domain.gathering import leaves_of
from firedoor.domain.response import VoteReceipt
from firedoor.domain.vote import NOBODY, Vote
from firedoor.domain.words import Doubt, PublicKey, doubt
from firedoor.temporal import unavailable, updated

_AT_ONCE = 16  # votes of one word that are under way together
_NAMED = 80  # characters of a name that nobody vouches for
_WITHIN = timedelta(seconds=10)  # for one vote: shorter than what the activity may be silent for


class Casting:
    """Hands out words about many. It may run again: a vote has the same id each time and counts once.

    `gateways` are the keys whose words the worker knows. A desk knows none and takes every word, so what none
    of them signed is refused here: no response is asked, and nobody is told to have said it.
    """

    def __init__(self, client: Client, gateways: Sequence[PublicKey]) -> None:
        self._client = client
        self._gateways = tuple(gateways)

    @activity.defn(name=CAST)
    async def cast(self, order: CastOrder) -> Cast:
        """Hand one word to each ask of a frozen set; each counts it by its own rules, and once.

        Where one does not answer, all others are tried before all is tried again.
        """
        if (told := doubt(order.word, order.word.sha256, self._gateways)) is not None:
            return self._unheard(order, told)
        turns = asyncio.Semaphore(_AT_ONCE)
        ways = merkle.ways([order.opening, *leaves_of(order.members)])[1:]

        async def one(member: Member, way: tuple[str, ...]) -> str:
            async with turns:
                says = await self._vote(order.word, member, way)
                activity.heartbeat()
                return says

        with translated():
            outcomes = await asyncio.gather(*map(one, order.members, ways), return_exceptions=True)
            refused: Counter[str] = Counter()
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                if outcome:
                    refused[outcome] += 1
        return Cast(word=order.word, counted=len(outcomes) - refused.total(), refused=dict(refused))

    def _unheard(self, order: CastOrder, told: Doubt) -> Cast:
        activity.logger.error(
            "REFUSED a word (%s) said in the name of %r: %s",
            order.word.word,
            order.word.speaker[:_NAMED],
            told.says,
        )
        activity.metric_meter().create_counter(
            "firedoor_words_refused",
            "Words that no known gateway signed, or that its signature does not fit.",
        ).add(1, {"word": order.word.word, "why": "foreign_key" if told.foreign else "unsigned"})
        word = order.word.model_copy(update={"voter": NOBODY.model_copy(update={"person": "nobody"})})
        return Cast(word=word, counted=0, refused={told.says: len(order.members)})

    async def _vote(self, word: VoteAll, member: Member, way: tuple[str, ...]) -> str:
        """Cast one vote; returns why it does not count, "" where it does.

        The worker signs nothing: the vote carries the signature over the word about all of them,
        and the way that shows this ask to be one of them.
        """
        vote = Vote(
            id=f"{member.response}/{member.ask}.{member.generation}/{word.voter.person}/{word.decision}",
            decision=word.decision,
            voter=word.voter,
            door=word.door,
            fingerprint=member.plan_sha256,
            ask=member.ask,
            generation=member.generation,
            reason=word.reason,
            comment=word.comment,
            at=word.at,
            among=word.sha256,
            way=way,
            signed=word.signed,
        )
        handle = self._client.get_workflow_handle(member.response)
        try:
            await updated(
                lambda: handle.execute_update(VOTE, vote, id=vote.id, result_type=VoteReceipt), _WITHIN
            )
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise Unavailable("a response does not answer", mend="it is asked again") from None
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            return cause.message if isinstance(cause, ApplicationError) else str(cause)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return "this response is closed; nothing is being asked here any more"
            raise unavailable(error) from None
        return ""
