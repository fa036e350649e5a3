"""What undo may believe: one look is no proof, and what was given back is seen to be back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor.domain.action.action import Undone, Verdict, Verified
from firedoor.domain.action.undoing import Look, Made, certain
from firedoor.domain.core.errors import Rejected

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SETTLES = timedelta(seconds=30)


def outcome(
    did: str, *, made: Made = "yes", back: bool = True, last: Look | None = None, after: int = 0
) -> Any:
    verdict = Verdict.YES if back else Verdict.NOT_YET
    return certain(
        Undone(outcome=did, says=f"it is {did}"),
        lambda: Verified(verdict=verdict, says="as it looks"),
        made=made,
        last=last,
        now=NOW + timedelta(seconds=after),
        settles_within=SETTLES,
    )


def look(seen: str) -> Look:
    return Look(outcome=seen, says=f"it is {seen}", since=NOW)


def test_what_is_given_back_and_seen_back_is_over() -> None:
    assert outcome("restored").outcome == "restored"


@pytest.mark.parametrize("first", ["nothing", "drifted"])
@pytest.mark.parametrize("made", ["yes", "perhaps"])
def test_one_look_that_finds_nothing_of_ours_is_not_believed(first: str, made: Made) -> None:
    assert outcome(first, made=made) == look(first)
    assert outcome(first, made=made, last=look(first), after=29) == look(first)


@pytest.mark.parametrize("first", ["nothing", "drifted"])
def test_what_every_look_finds_until_it_has_settled_is_believed(first: str) -> None:
    assert outcome(first, last=look(first), after=30).outcome == first


def test_another_answer_begins_anew() -> None:
    assert outcome("nothing", last=look("drifted"), after=29).since == NOW + timedelta(seconds=29)


def test_what_is_given_back_is_looked_at_until_it_is_seen_back() -> None:
    first = outcome("restored", back=False)
    assert first == look("restored")
    assert outcome("nothing", back=False, last=first, after=1) == first
    over = outcome("nothing", last=first, after=2)
    assert (over.outcome, over.says) == ("restored", "it is restored")


def test_what_is_given_back_and_never_seen_back_is_said_loudly() -> None:
    with pytest.raises(Rejected, match="not seen to be"):
        outcome("nothing", back=False, last=look("restored"), after=30)


def test_nothing_to_give_back_of_what_is_not_as_before_is_said_loudly() -> None:
    with pytest.raises(Rejected, match="as it looks"):
        outcome("nothing", back=False, last=look("nothing"), after=30)


def test_what_was_never_begun_or_never_happened_is_harmless() -> None:
    assert outcome("nothing", made="no", back=False).outcome == "nothing"
    assert outcome("nothing", made="perhaps", back=False, last=look("nothing"), after=30).outcome == "nothing"
