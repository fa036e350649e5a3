"""Words of people: what a gateway signs, and what else its signature does not fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor.connectors import signing
from firedoor.domain.approval import words
from firedoor.domain.approval.vote import Proof, Vote, Voter
from firedoor.domain.approval.words import BROKEN, FOREIGN, SKEW, UNSIGNED, Doubt, Word
from firedoor.domain.channel.batches import leaves_of
from firedoor.domain.channel.messages import Member, VoteAll
from firedoor.domain.core import merkle
from firedoor.domain.finding.finding import Severity
from firedoor.domain.response.messages import ReassignRequest, SnoozeRequest, UndoRequest

NOW = datetime(2026, 11, 22, 3, 0, 0, 250_000, tzinfo=UTC)
OURS = signing.SigningKey.from_pem(signing.generate())
NEXT = signing.SigningKey.from_pem(signing.generate())
KEYS = (words.written(OURS.public_key),)
ALICE = Voter(person="alice", groups=("responders",), names=("alice@example.com",), account="T0/U0")
BOB = Voter(person="bob", groups=("responders",))
HERE, THERE = "respond/close_doors/" + "a" * 32, "respond/close_doors/" + "b" * 32


def vote(**changes: Any) -> Vote:
    base: dict[str, Any] = {
        "id": "v-1",
        "decision": "approve",
        "voter": ALICE,
        "door": "slack",
        "fingerprint": "c" * 64,
        "ask": "1",
        "generation": 1,
        "at": NOW,
    }
    return Vote(**{**base, **changes})


ALL: tuple[Word, ...] = (
    vote(),
    vote(break_glass=True, comment="nobody answers and it burns"),
    UndoRequest(id="u-1", person="alice", names=("alice@example.com",), door="cli", why="ours", at=NOW),
    SnoozeRequest(id="s-1", voter=ALICE, door="page", fingerprint="c" * 64, minutes=5, at=NOW),
    ReassignRequest(id="r-1", voter=ALICE, door="http", fingerprint="c" * 64, to=BOB, at=NOW),
    VoteAll(id="w-1", sha256="d" * 64, decision="approve", voter=ALICE, door="slack", at=NOW),
)


def signed(word: Word, about: str = HERE, by: signing.SigningKey = OURS) -> Any:
    return word.model_copy(update={"signed": words.signature(word.message(about), by)})


@pytest.mark.parametrize("word", ALL, ids=lambda word: word.id)
def test_a_word_that_our_gateway_signed_counts_also_after_its_way_through_temporal(word: Word) -> None:
    sent = signed(word)
    arrived = type(word).model_validate_json(sent.model_dump_json())
    assert words.doubt(arrived, HERE, KEYS) is None


@pytest.mark.parametrize("word", ALL, ids=lambda word: word.id)
def test_a_word_that_nobody_or_another_key_signed_does_not_count(word: Word) -> None:
    assert words.doubt(word, HERE, KEYS) == Doubt(UNSIGNED)
    assert words.doubt(signed(word, by=NEXT), HERE, KEYS) == Doubt(FOREIGN, foreign=True)
    assert words.doubt(signed(word), HERE, ()) == Doubt(FOREIGN, foreign=True)
    # The name of our key over somebody else's signature.
    forged = signed(word, by=NEXT)
    claimed = forged.signed.model_copy(update={"key": words.keyid(OURS.public_key)})
    assert words.doubt(forged.model_copy(update={"signed": claimed}), HERE, KEYS) == Doubt(BROKEN)


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "reject"},
        {"voter": BOB},
        {"voter": ALICE.model_copy(update={"groups": ("leads",)})},
        {"voter": ALICE.model_copy(update={"names": ()})},
        {"door": "cli"},
        {"fingerprint": "e" * 64},
        {"ask": "2"},
        {"generation": 2},
        {"reason": "bad_time"},
        {"comment": "really"},
        {"at": NOW + timedelta(seconds=1)},
        {"id": "v-2"},
        {"break_glass": True},
        {"unbound": "nobody"},
        {"proof": Proof(kind="passkey", by="x", plan_sha256="c" * 64, at=NOW)},
        {"among": "f" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_signature_fits_no_other_vote(change: dict[str, Any]) -> None:
    assert words.doubt(signed(vote()).model_copy(update=change), HERE, KEYS) == Doubt(BROKEN)


def test_a_signature_fits_no_other_response_and_no_other_kind_of_word() -> None:
    assert words.doubt(signed(vote()), THERE, KEYS) == Doubt(BROKEN)
    bodies = {words.signable(word.word, HERE, {"id": "x"}) for word in ALL}
    assert len(bodies) == len({word.word for word in ALL})
    assert all(word.message(HERE).startswith(words.DOMAIN) for word in ALL)


def test_junk_in_a_signature_is_no_error() -> None:
    for sig in ("", "%%%", "AAAA", "\u00e9"):
        broken = signed(vote()).signed.model_copy(update={"sig": sig})
        assert words.doubt(vote(signed=broken), HERE, KEYS) == Doubt(BROKEN)
    assert words.doubt(signed(vote()), HERE, ("junk", *KEYS)) is None


def test_a_word_said_before_the_response_began_is_another_responses() -> None:
    assert words.too_old(NOW, NOW + SKEW) is None
    told = words.too_old(NOW, NOW + SKEW + timedelta(seconds=1))
    assert told is not None
    assert "earlier response" in told


def test_a_vote_has_to_name_its_ask() -> None:
    assert vote().misses(HERE) == ""
    assert "does not name" in vote(ask="").misses(HERE)
    assert "does not name" in vote(generation=None).misses(HERE)


# ---- a word about many ---------------------------------------------------------------------


def member(number: int, response: str = "") -> Member:
    return Member(
        response=response or f"respond/close_doors/{number:032x}",
        ask=str(number),
        generation=1,
        plan_sha256=f"{number:064x}",
        says="shut it",
        severity=Severity.HIGH,
    )


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 1000])
def test_one_signature_over_a_set_counts_for_each_ask_in_it_and_for_no_other(count: int) -> None:
    members = [member(number) for number in range(count)]
    leaves = ["0" * 64, *leaves_of(members)]
    many = signed(ALL[-1].model_copy(update={"sha256": merkle.root(leaves)}))
    for place in {0, count // 2, count - 1}:
        one, way = members[place], merkle.ways(leaves)[place + 1]
        cast = vote(
            id="of-the-set",
            fingerprint=one.plan_sha256,
            ask=one.ask,
            among=many.sha256,
            way=way,
            signed=many.signed,
        )
        assert words.doubt(cast, one.response, KEYS) is None
        assert cast.misses(one.response) == ""
        assert "not one of that set" in cast.misses(THERE)
        for change in ({"ask": "999999"}, {"generation": 2}, {"fingerprint": "f" * 64}, {"way": way[:-1]}):
            assert "not one of that set" in cast.model_copy(update=change).misses(one.response)
        other = cast.model_copy(update={"decision": "reject"})
        assert words.doubt(other, one.response, KEYS) == Doubt(BROKEN)
        assert words.doubt(cast.model_copy(update={"among": "a" * 64}), one.response, KEYS) == Doubt(BROKEN)


def test_a_way_that_is_none_reaches_nothing() -> None:
    assert merkle.reached("0" * 64, ("X" + "0" * 64,)) is None
    assert merkle.reached("0" * 64, ("L00",)) is None
    assert merkle.reached("0" * 64, ("L" + "0" * 64,) * 33) is None
