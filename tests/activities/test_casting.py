"""One word about many: handed to every ask, told as it was counted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.casting import Casting
from firedoor.connectors.signing import SigningKey, generate
from firedoor.domain.desk import Cast, CastOrder, Member, VoteAll
from firedoor.domain.finding import Severity
from firedoor.domain.vote import Vote, Voter
from firedoor.domain.words import written
from firedoor.slack.digest import casts
from tests.harness import GATEWAY, signed

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
STRANGER = SigningKey.from_pem(generate())
KEYS = (written(GATEWAY.public_key),)


class Responses:
    """A Temporal that holds responses; `answers` are errors to raise, each once, by response."""

    def __init__(self, **answers: list[Exception]) -> None:
        self.answers = answers
        self.votes: list[str] = []

    def get_workflow_handle(self, response: str) -> Handle:
        return Handle(self, response)


class Handle:
    def __init__(self, there: Responses, response: str) -> None:
        self.there, self.response = there, response

    async def execute_update(self, name: str, vote: Vote, *, id: str, result_type: Any) -> None:  # noqa: A002 - temporalio's name
        assert (name, id) == ("vote", vote.id)
        waiting = self.there.answers.get(self.response, [])
        if waiting:
            raise waiting.pop(0)
        await asyncio.sleep(0.01)  # an answer takes longer than a failure here
        self.there.votes.append(self.response)


def order(*responses: str) -> CastOrder:
    members = tuple(
        Member(
            response=each,
            ask="1",
            generation=1,
            plan_sha256="a" * 64,
            says="shut it",
            severity=Severity.HIGH,
        )
        for each in responses
    )
    voter = Voter(person="alice", groups=("responders",))
    word = VoteAll(id="w", sha256="b" * 64, decision="approve", voter=voter, door="slack", at=NOW)
    return CastOrder(word=signed(word, "desk"), members=members)


async def hand_out(there: Responses, order_: CastOrder) -> Cast:
    told: Cast = await ActivityEnvironment().run(Casting(cast("Client", there), KEYS).cast, order_)
    return told


def rpc(status: RPCStatusCode) -> RPCError:
    return RPCError("no", status, b"")


async def test_each_ask_has_its_vote_and_those_that_refuse_it_are_counted_with_their_reason() -> None:
    there = Responses(
        r2=[WorkflowUpdateFailedError(ApplicationError("you have voted already"))],
        r3=[rpc(RPCStatusCode.NOT_FOUND)],
    )
    told = await hand_out(there, order("r1", "r2", "r3", "r4"))
    assert sorted(there.votes) == ["r1", "r4"]
    assert told.counted == 2
    assert told.refused == {
        "you have voted already": 1,
        "this response is closed; nothing is being asked here any more": 1,
    }


async def test_a_vote_that_the_server_dropped_is_cast_again() -> None:
    there = Responses(r1=[rpc(RPCStatusCode.FAILED_PRECONDITION)])
    assert (await hand_out(there, order("r1", "r2"))).counted == 2


async def test_where_one_does_not_answer_all_others_are_tried_before_all_is_tried_again() -> None:
    there = Responses(r1=[rpc(RPCStatusCode.UNAVAILABLE)])
    order_ = order(*(f"r{number}" for number in range(1, 41)))
    with pytest.raises(ApplicationError) as failed:
        await hand_out(there, order_)
    assert not failed.value.non_retryable
    assert len(there.votes) == 39
    assert (await hand_out(there, order_)).counted == 40


@pytest.mark.parametrize("forged", ["unsigned", "foreign", "retargeted", "rewritten"])
async def test_a_word_that_no_gateway_signed_is_handed_to_nobody_and_told_as_nobodys(
    forged: str, caplog: pytest.LogCaptureFixture
) -> None:
    there, genuine = Responses(), order("r1", "r2")
    word = {
        "unsigned": genuine.word.model_copy(update={"signed": None}),
        "foreign": signed(genuine.word, "desk", STRANGER),
        "retargeted": genuine.word.model_copy(update={"sha256": "c" * 64}),
        "rewritten": genuine.word.model_copy(update={"decision": "reject", "reason": "bad_time"}),
    }[forged]
    told = await hand_out(there, genuine.model_copy(update={"word": word}))
    assert there.votes == []
    assert (told.counted, sum(told.refused.values())) == (0, 2)
    assert told.word.voter.person == "nobody"
    assert "alice" not in str(casts([told]))
    assert "REFUSED a word (vote_all) said in the name of 'alice'" in caplog.text
