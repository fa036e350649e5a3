"""A head that was told elsewhere shows what the holder of the signing key did to a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from firedoor.connectors.signing import SigningKey, check, generate
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.evidence.pack import Witness, read, seal, witness_in
from firedoor.domain.evidence.verify import Verdict, verify
from firedoor.domain.response.ledger import Entry
from tests.ledgers import GATEWAYS, RESPONSE, whole

KEY = SigningKey.from_pem(generate())
ENTRIES = whole()
TOLD = read(seal(RESPONSE, ENTRIES, KEY)).head.witness()


def judged(entries: Sequence[Entry], witness: Witness | None = TOLD) -> Verdict:
    """Judge a file that the holder of the key sealed over these entries."""
    return verify(seal(RESPONSE, entries, KEY), check, KEY.public_key, witness, GATEWAYS)


def objections(entries: Sequence[Entry], witness: Witness | None = TOLD) -> list[str]:
    return [each.says for each in judged(entries, witness).objections if each.about == "witness"]


def test_the_head_that_was_told_proves_the_file() -> None:
    verdict = judged(ENTRIES)
    assert verdict.ok
    assert verdict.witnessed is True


def test_without_it_the_verdict_says_that_nothing_was_compared() -> None:
    assert judged(ENTRIES, None).witnessed is None


def test_a_close_that_the_keys_holder_left_out_is_found() -> None:
    """Without a witness the shorter ledger is as good as any."""
    shorter = ENTRIES[:-1]
    assert ENTRIES[-1].kind == "closed"
    assert judged(shorter, None).ok
    verdict = judged(shorter)
    assert not verdict.ok
    assert verdict.intact, "the bytes agree with each other: it is the key that lies"
    assert verdict.witnessed is False
    (says,) = objections(shorter)
    assert says == (
        f"entries were left out: {len(ENTRIES)} were told when it was sealed, {len(shorter)} are here; "
        "somebody with the signing key has sealed it anew"
    )


def test_a_time_that_was_rewritten_is_found() -> None:
    last = ENTRIES[-1]
    later = (*ENTRIES[:-1], last.model_copy(update={"at": last.at + timedelta(seconds=1)}))
    (says,) = objections(later)
    assert "are not those that were told" in says


def test_an_entry_that_was_added_is_found() -> None:
    (says,) = objections((*ENTRIES, ENTRIES[-1]))
    assert says.startswith("entries were added")


@pytest.mark.parametrize("rest", [("entries", "last"), ("last",), ()])
def test_the_hash_alone_is_enough_to_compare(rest: tuple[str, ...]) -> None:
    less = TOLD.model_copy(update=dict.fromkeys(rest))
    assert judged(ENTRIES, less).ok
    assert objections(ENTRIES[:-1], less)


def test_a_count_or_a_time_that_does_not_fit_its_own_hash_is_an_objection() -> None:
    assert objections(ENTRIES, TOLD.model_copy(update={"entries": len(ENTRIES) + 1}))
    assert objections(ENTRIES, TOLD.model_copy(update={"last": "2026-01-01T00:00:00.000000Z"}))


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "02:14:07 noted evidence sealed, head {}",
        'evidence.sealed response=respond/x/y witness="{}"',
        "  {}.",
    ],
)
def test_the_line_may_be_pasted_as_it_was_told(line: str) -> None:
    assert witness_in(line.format(TOLD)) == TOLD


def test_the_hash_may_be_pasted_in_capitals() -> None:
    assert witness_in(TOLD.head.upper()) == Witness(head=TOLD.head)


@pytest.mark.parametrize("line", ["", "no head here", "ab" * 31, "ab" * 33, f"{'a' * 64} {'b' * 64}"])
def test_what_is_no_head_is_refused_with_what_is_expected(line: str) -> None:
    with pytest.raises(Unreadable, match="the line of the Slack thread"):
        witness_in(line)
