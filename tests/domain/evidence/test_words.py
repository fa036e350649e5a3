"""Words in evidence: only what a gateway signed, whose key the reader vouches for, was said by people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from firedoor.connectors import signing
from firedoor.connectors.signing import SigningKey, check, generate
from firedoor.domain.approval import words
from firedoor.domain.approval.vote import Vote, member_leaf
from firedoor.domain.core import merkle
from firedoor.domain.core.canonical import plain
from firedoor.domain.evidence.pack import seal
from firedoor.domain.evidence.verify import Verdict, verify
from firedoor.domain.response.ledger import Entry
from tests.ledgers import GATEWAY, GATEWAYS, RESPONSE, Lived, lived, said

KEY = SigningKey.from_pem(generate())
ATTACKER = SigningKey.from_pem(signing.generate())
_TOLD = lived().undo("ada").vote("lin", slot="undo").vote("bea", slot="undo").confirm(slot="undo")
ENTRIES = _TOLD.decide("undo").give_back("stop_key").close("undone").entries


def judged(entries: Sequence[Entry], gateways: Sequence[str] | None = GATEWAYS) -> Verdict:
    return verify(seal(RESPONSE, entries, KEY), check, KEY.public_key, gateways=gateways)


def about_words(entries: Sequence[Entry], gateways: Sequence[str] | None = GATEWAYS) -> list[str]:
    return [each.says for each in judged(entries, gateways).objections if each.about == "word"]


def changed(kind: str, change: Callable[[dict[str, Any]], None]) -> tuple[Entry, ...]:
    """Change what the first entry of a kind tells."""
    copies = [entry.model_copy(update={"data": plain(entry.data)}) for entry in ENTRIES]
    change(next(entry.data for entry in copies if entry.kind == kind))
    return tuple(copies)


def test_words_that_our_gateway_signed_are_proven() -> None:
    verdict = judged(ENTRIES)
    assert (verdict.objections, verdict.ok) == ((), True)
    assert (verdict.words, verdict.heard) == (5, "vouched")


def test_words_that_only_the_file_vouches_for_are_not_proven() -> None:
    verdict = judged(ENTRIES, None)
    assert (verdict.ok, verdict.intact, verdict.heard) == (False, True, "named")
    assert "only the file itself names" in about_words(ENTRIES, None)[0]


def test_a_file_from_before_words_were_signed_says_so_and_proves_nothing_about_them() -> None:
    def unsigned(entry: Entry) -> Entry:
        data = plain(entry.data)
        data.pop("gateway_keys", None)
        for told in (data.get("vote"), data.get("request"), *((data.get("ask") or {}).get("votes") or ())):
            if isinstance(told, dict):
                told.pop("signed", None)
        return entry.model_copy(update={"data": data})

    old = tuple(map(unsigned, ENTRIES))
    verdict = judged(old)
    assert (verdict.ok, verdict.intact, verdict.heard) == (False, True, "unsigned")
    assert [each.about for each in verdict.objections] == ["word"]
    assert "not signed" in verdict.objections[0].says


def test_where_nobody_said_anything_nothing_has_to_be_signed() -> None:
    verdict = judged(Lived().carry_out("stop_key").close().entries, None)
    assert (verdict.ok, verdict.heard, verdict.words) == (True, "none", 0)


@pytest.mark.parametrize("kind", ["voted", "undo_requested"])
@pytest.mark.parametrize(
    ("by", "expected"),
    [(None, "no gateway of ours"), (ATTACKER, "not known here")],
    ids=["unsigned", "foreign"],
)
def test_an_invented_word_among_signed_ones_is_named(kind: str, by: SigningKey | None, expected: str) -> None:
    def forge(data: dict[str, Any]) -> None:
        told = data["vote" if kind == "voted" else "request"]
        made = words.Signature(key=words.keyid(by.public_key), sig="AAAA") if by else None
        told["signed"] = plain(made)

    (says,) = about_words(changed(kind, forge))
    assert expected in says
    assert f"({kind})" in says


def test_a_response_that_lets_a_key_of_its_own_speak_is_not_proven() -> None:
    """Whoever starts a response of their own signs all its words, and has it sealed by our worker."""
    mine = words.written(ATTACKER.public_key)

    def own(entry: Entry) -> Entry:
        data = plain(entry.data)
        if "gateway_keys" in data:
            data["gateway_keys"] = [mine]
        if entry.kind == "voted":
            data["vote"] = plain(said(Vote.model_validate(data["vote"]), ATTACKER))
        return entry.model_copy(update={"data": data})

    told = about_words([own(entry) for entry in ENTRIES if entry.kind != "undo_requested"])
    assert len(told) == 4
    assert all("nobody vouches" in each for each in told)


@pytest.mark.parametrize(
    "change", [{"decision": "reject"}, {"generation": 7}, {"comment": "x"}, {"door": "page"}], ids=str
)
def test_a_signed_vote_that_was_changed_is_named(change: dict[str, Any]) -> None:
    (says,) = about_words(changed("voted", lambda data: data["vote"].update(change)))
    assert "signature over this word does not hold" in says


def test_a_vote_of_an_earlier_response_to_the_same_incident_is_named() -> None:
    def older(data: dict[str, Any]) -> None:
        vote = Vote.model_validate(data["vote"])
        data["vote"] = plain(said(vote.model_copy(update={"at": vote.at - timedelta(hours=1)})))

    assert "before this response began" in about_words(changed("voted", older))[0]


def test_an_undo_that_was_said_once_does_not_count_twice() -> None:
    request = next(entry for entry in ENTRIES if entry.kind == "undo_requested")
    place = ENTRIES.index(request)
    twice = (*ENTRIES[:place], request, *ENTRIES[place:])
    assert any("said once" in each for each in about_words(twice))


def test_a_key_counts_from_where_the_response_learnt_it() -> None:
    after = words.written(ATTACKER.public_key)

    def newer(data: dict[str, Any]) -> None:
        data["vote"] = plain(said(Vote.model_validate(data["vote"]), ATTACKER))

    entries = changed("voted", newer)
    place = next(number for number, entry in enumerate(entries) if entry.kind == "voted")
    learnt = Entry(
        at=entries[place].at, kind="noted", says="learnt", data={"gateway_keys": [*GATEWAYS, after]}
    )
    both = (*GATEWAYS, after)
    assert about_words((*entries[:place], learnt, *entries[place:]), both) == []
    assert "not known here" in about_words((*entries[: place + 1], learnt, *entries[place + 1 :]), both)[0]


def test_a_word_about_many_counts_for_an_ask_of_its_set_alone() -> None:
    asked = next(entry for entry in ENTRIES if entry.kind == "asked").data["ask"]
    assert isinstance(asked, dict)
    mine = member_leaf(RESPONSE, str(asked["id"]), 1, str(asked["plan_sha256"]))
    leaves = ["0" * 64, mine, "1" * 64]

    def many(response: str) -> tuple[Entry, ...]:
        leaf = member_leaf(response, str(asked["id"]), 1, str(asked["plan_sha256"]))
        among = merkle.root(["0" * 64, leaf, "1" * 64])
        way = merkle.ways(leaves)[1]

        def change(data: dict[str, Any]) -> None:
            vote = Vote.model_validate(data["vote"])
            data["vote"] = plain(said(vote.model_copy(update={"among": among, "way": way}), GATEWAY))

        return changed("voted", change)

    assert about_words(many(RESPONSE)) == []
    assert "a set that this ask was not in" in about_words(many("respond/other"))[0]
