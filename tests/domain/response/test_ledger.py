"""Ledger: what was begun is owed until it is taken back, whatever is heard of it."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.connectors.signing import SigningKey, check, generate
from firedoor.domain.evidence.pack import seal
from firedoor.domain.evidence.verify import verify
from firedoor.domain.response.ledger import SETTLING, UNFINISHED, Entry, EntryKind, owed, unsettled
from tests.harness import NOW

KINDS: tuple[EntryKind, ...] = get_args(EntryKind)
PAID = {"settled", "undone", "parked"}


def entry(kind: EntryKind, step: str | None = None) -> Entry:
    return Entry(at=NOW, kind=kind, says="so it was", step=step)


entries = st.lists(
    st.builds(entry, st.sampled_from(KINDS), st.sampled_from([None, "a", "b", "c"])), max_size=25
)


def last_begun(told: list[Entry], step: str) -> int:
    return max((n for n, one in enumerate(told) if one.step == step and one.kind == "begun"), default=-1)


@given(entries)
def test_a_step_is_owed_exactly_when_it_is_begun_and_not_paid_since(told: list[Entry]) -> None:
    for step in ("a", "b", "c"):
        begun = last_begun(told, step)
        paid = any(one.step == step and one.kind in PAID for one in told[begun + 1 :])
        assert (step in owed(told)) == (begun >= 0 and not paid)


@given(entries)
def test_what_is_owed_stands_newest_first_and_once(told: list[Entry]) -> None:
    places = [last_begun(told, step) for step in owed(told)]
    assert places == sorted(places, reverse=True)
    assert len(set(owed(told))) == len(owed(told))


@given(entries)
def test_nothing_but_paying_makes_a_debt_smaller(told: list[Entry]) -> None:
    for n, one in enumerate(told):
        lost = set(owed(told[:n])) - set(owed(told[: n + 1]))
        assert lost <= ({one.step} if one.kind in PAID else set())


@given(entries)
def test_a_step_is_unsettled_exactly_while_nothing_was_said_since_it_was_begun(told: list[Entry]) -> None:
    for step in ("a", "b", "c"):
        places = [n for n, one in enumerate(told) if one.step == step and one.kind in UNFINISHED]
        begun = max(places, default=-1)
        spoken = any(one.step == step and one.kind in SETTLING for one in told[begun + 1 :])
        assert (step in unsettled(told)) == (begun >= 0 and not spoken)


@given(entries)
def test_what_is_unsettled_is_owed_unless_a_freeze_kept_it_from_being_made(told: list[Entry]) -> None:
    parked = {
        step
        for step in unsettled(told)
        if [one.kind for one in told if one.step == step and one.kind in UNFINISHED][-1] == "parked"
    }
    assert set(unsettled(told)) - parked <= set(owed(told))


def test_a_parked_step_is_not_owed_except_where_an_earlier_try_may_have_made_it() -> None:
    begun, parked = entry("begun", "a"), entry("parked", "a")
    unsure = parked.model_copy(update={"data": {"unsure": True}})
    assert owed([begun, parked]) == ()
    assert owed([begun, unsure]) == ("a",)


def test_a_parked_step_is_settled_by_what_became_of_it_after_the_thaw_or_by_the_close() -> None:
    begun, parked = entry("begun", "a"), entry("parked", "a")
    assert unsettled([begun, parked]) == ("a",)
    assert unsettled([begun, parked, begun, entry("applied", "a")]) == ()
    assert unsettled([begun, parked, entry("settled", "a")]) == ()


@pytest.mark.parametrize(
    "kind", ["applied", "verified", "unverified", "failed", "stuck", "reverted", "drifted"]
)
def test_what_may_have_changed_the_world_is_still_owed(kind: EntryKind) -> None:
    assert owed([entry("begun", "a"), entry(kind, "a")]) == ("a",)


def test_a_step_begun_again_is_the_newest() -> None:
    told = [entry("begun", "a"), entry("begun", "b"), entry("settled", "a"), entry("begun", "a")]
    assert owed(told) == ("a", "b")


@pytest.mark.parametrize(
    "odd", [2.0**53, 1e16, -1e16, 1e20, 1e21, 1e300, 2**53, 10**40, float("inf"), float("nan")]
)
def test_numbers_that_json_readers_round_do_not_cost_the_evidence(odd: float) -> None:
    """A detector may send such a number in a resource's attributes."""
    key = SigningKey.from_pem(generate())
    told = [
        Entry(at=NOW, kind="received", says="a finding", data={"finding": {"attributes": {"n": odd}}}),
        Entry(at=NOW, kind="closed", says="closed as dismissed", data={"status": "dismissed"}),
    ]
    verdict = verify(seal("respond/toy/1", told, key), check, key.public_key)
    assert not verdict.objections
