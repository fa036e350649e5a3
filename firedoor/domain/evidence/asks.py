"""One ask as a ledger tells it: what was asked, what was said, and whether that makes the decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import Vote

#: What may differ between two tellings of one ask: it grows, and it is reminded of.
_MOVES = {
    "generation",
    "votes",
    "escalated",
    "asked_at",
    "deadline",
    "remind_at",
    "assigned_to",
    "confirmed",
    "unconfirmed",
}
#: What stands still between its opening and its decision.
_STANDS = ("id", "generation", "asked_at", "deadline", "escalated")
_QUOTED = 160  # characters of a reason, which may name groups as the file spells them


def quoted(text: str, most: int = _QUOTED) -> str:
    """Quote text of a file so that it is safe to print."""
    return repr(text[:most])


@dataclass
class Told:
    """An ask that was opened, and what the ledger has said of it since. Methods tell what does not fit."""

    ask: Approval
    steps: dict[str, Any]  # step id -> the plan that was asked about
    voided: bool = False  # a vote fell since it was asked last
    over: bool = False
    fallen: list[str] = field(default_factory=list)  # ids of the votes that fell

    def vote(self, vote: Vote, at: datetime) -> Iterator[str]:
        """Count a vote as it was counted then; one that came when all was decided changes nothing."""
        if self.over:
            return
        objection = self.ask.objection(vote, at)
        if objection is not None:
            yield f"is a vote that cannot have counted: {quoted(objection)}"
        self.ask = self.ask.with_vote(vote)

    def void(self, vote: Vote) -> Iterator[str]:
        """Take a vote back that fell when everyone was looked up again."""
        left = tuple(each for each in self.ask.votes if each.id != vote.id)
        if len(left) == len(self.ask.votes):
            yield "takes back a vote that nobody gave"
        self.ask = self.ask.model_copy(update={"votes": left})
        self.voided = True
        self.fallen.append(vote.id)

    def ask_again(self, now: Approval, at: datetime) -> Iterator[str]:
        """Ask more people after silence, or once more after a vote fell: the votes so far stay."""
        if not _same(self.ask, now):
            yield "changes what is asked, or of whom, in the middle of the ask"
        yield from self._against_votes(now.votes)
        if now.escalated and not self.ask.escalated:
            expected = self.ask.escalation(at)
            if expected is None or expected.deadline != now.deadline:
                yield "asks more people, and the rules did not let it"
        elif now.deadline != self.ask.deadline or now.escalated != self.ask.escalated:
            yield "moves the deadline of an ask that is open"
        elif not self.voided and _unmoved(self.ask.votes, now.votes):
            yield "asks once more although no vote fell"
        if now.generation != self.ask.generation + 1 or now.confirmed or now.unconfirmed:
            yield "is not the next generation of that ask"
        self.ask, self.voided = now, False

    def decide(self, decided: Approval, state: str, at: datetime) -> Iterator[str]:
        """Count what the ledger holds once more, and compare it with what was decided."""
        self.over = True
        if state == "withdrawn":
            return
        moved = [name for name in _STANDS if getattr(decided, name) != getattr(self.ask, name)]
        if moved or not _same(self.ask, decided):
            yield "decides something else than what was asked"
        yield from self._against_votes(decided.votes)
        counted = self.ask.model_copy(
            update={
                # Those who said yes as the directory knew them when it was complete, and no vote that fell.
                "votes": tuple(each for each in decided.votes if each.id not in self.fallen),
                "confirmed": decided.confirmed,
                "unconfirmed": decided.unconfirmed,
            }
        )
        real = counted.state(at)
        if real != state:
            yield f"says {quoted(state, 20)}, and the votes in the ledger make it {_made(counted, real)}"
        elif state == "granted" and counted.missing() and not self.all_reversible():
            yield "lets silence mean yes for something that cannot be taken back in full"
        self.ask = counted

    def all_reversible(self) -> bool:
        """Whether every step that was asked about can be taken back in full."""
        return all(step["reversibility"]["kind"] == "full" for step in self.steps.values())

    def _against_votes(self, votes: Sequence[Vote]) -> Iterator[str]:
        """Compare votes with those in the ledger: only what the directory says of a voter may be newer."""
        mine = {each.id: _said(each) for each in self.ask.votes}
        theirs = {each.id: _said(each) for each in votes}
        if len(theirs) != len(votes):
            yield "counts a vote twice"
        if missing := mine.keys() - theirs.keys():
            yield f"leaves out {_count(len(missing))} that the ledger holds"
        if added := theirs.keys() - mine.keys():
            yield f"counts {_count(len(added))} that the ledger does not hold"
        if any(mine[id_] != theirs[id_] for id_ in mine.keys() & theirs.keys()):
            yield "tells a vote otherwise than it was cast"


def _same(one: Approval, other: Approval) -> bool:
    return one.model_dump(exclude=_MOVES) == other.model_dump(exclude=_MOVES)


def _said(vote: Vote) -> Any:
    """Return all that a vote says itself, and who gave it."""
    return vote.model_dump(exclude={"voter"}), vote.voter.person


def _unmoved(before: Sequence[Vote], now: Sequence[Vote]) -> bool:
    return [each.voter.groups for each in before] == [each.voter.groups for each in now]


def _made(counted: Approval, state: str) -> str:
    return f"{state}, {counted.missing()} short" if counted.missing() else state


def _count(votes: int) -> str:
    return "1 vote" if votes == 1 else f"{votes} votes"
