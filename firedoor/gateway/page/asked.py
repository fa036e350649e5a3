"""One ask as the page shows it: who is asked, who has said what, until when, and who may still speak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Decision, Proof, Vote, Voter
from firedoor.presentation.phrases import REASONS, escalates_to, listed, people
from firedoor.presentation.times import utc

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True)
class Said:
    """One vote."""

    person: str
    decision: str
    door: str
    why: str


@dataclass(frozen=True)
class Asked:
    """One ask: what a form about it has to carry, and what a person has to know to answer."""

    id: str
    generation: int
    plan_sha256: str
    fingerprint: str
    kind: str
    open: bool
    step_up: bool
    needs: tuple[str, ...]
    notes: tuple[str, ...]
    said: tuple[Said, ...]
    deadline: datetime
    left: str
    then: str


def asked_of(ask: Approval | None, now: datetime, *, fell: tuple[str, ...] = ()) -> Asked | None:
    """Return an ask as the page shows it; `fell` tells of votes that no longer count."""
    if ask is None:
        return None
    return Asked(
        id=ask.id,
        generation=ask.generation,
        plan_sha256=ask.plan_sha256,
        fingerprint=ask.fingerprint,
        kind=ask.kind,
        open=ask.state(now) in ("pending", "confirming"),
        step_up=ask.step_up,
        needs=tuple(_need(ask, rule) for rule in ask.effective_rules()),
        notes=(*_notes(ask), *(f"no longer counts: {each}" for each in fell)),
        said=tuple(said_of(vote) for vote in ask.votes),
        deadline=ask.deadline,
        left=span(ask.deadline - now),
        then=_then(ask),
    )


def _need(ask: Approval, rule: ApprovalRule) -> str:
    missing = max(0, rule.quorum - len(ask.approvers(rule)))
    groups = listed(ask.eligible(rule), "or")
    return f"{people(rule.quorum)} of {groups}: {f'{missing} to go' if missing else 'complete'}"


def _notes(ask: Approval) -> Iterator[str]:
    if ask.requester:
        yield f"asked for by {ask.requester}, who cannot say yes to it"
    if ask.escalated:
        yield "too few answered in time, so more people are asked now"
    if ask.assigned_to:
        yield f"{ask.assigned_to} was asked to look"
    if ask.remind_at:
        yield f"people are reminded at {utc(ask.remind_at)}"


def _then(ask: Approval) -> str:
    if ask.kind == "review":
        return "After that it is on record that nobody looked."
    if ask.missing() == 0:
        return "Enough people have said yes."
    undo = ask.kind == "undo"
    meanwhile = "it stays contained" if undo else "nothing is done"
    if ask.silence_means_yes():
        return f"After that silence means yes: {'it is taken back' if undo else 'it is done'} without you."
    more = escalates_to(ask)
    if more:
        return f"After that {listed(list(more))} are asked too; until they answer {meanwhile}."
    return f"After that silence means no: {meanwhile}."


def said_of(vote: Vote) -> Said:
    """Return a vote as the page shows it."""
    reason = REASONS[vote.reason] if vote.reason else ""
    why = f"{reason}: {vote.comment}" if reason and vote.comment else reason or vote.comment
    decision = "said yes" if vote.decision == "approve" else "said no"
    if vote.break_glass:
        decision = "broke the glass and said yes alone"
    return Said(person=vote.voter.person, decision=decision, door=vote.door, why=why)


def objection(
    ask: Approval, voter: Voter, now: datetime, decision: Decision, *, break_glass: bool = False
) -> str:
    """Say why a word of this person would not count now, "" where it would; the rules are the domain's."""
    vote = Vote(
        id="-",
        decision=decision,
        voter=voter,
        door="page",
        fingerprint=ask.plan_sha256,
        ask=ask.id,
        generation=ask.generation,
        reason="other" if decision == "reject" else None,
        comment="a reason that is long enough",
        at=now,
        proof=Proof(kind="passkey", by="-", plan_sha256=ask.plan_sha256, at=now),
        break_glass=break_glass,
    )
    return ask.objection(vote, now) or ""


def span(duration: timedelta) -> str:
    """Say how long in at most two units: `2 h 5 min`; "" for what is over."""
    left = int(duration.total_seconds())
    said: list[str] = []
    for unit, seconds in _UNITS:
        count, left = divmod(max(0, left), seconds)
        if count:
            said.append(f"{count} {unit}")
        if said and unit != "d":
            break
    return " ".join(said[:2])
