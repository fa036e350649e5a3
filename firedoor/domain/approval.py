"""Approval: the rules by which votes become a yes, a no, or silence."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from firedoor.domain.canonical import fingerprint
from firedoor.domain.finding import Moment
from firedoor.domain.policy import ApprovalRule
from firedoor.domain.value import Value

Decision = Literal["approve", "reject"]
AskKind = Literal["apply", "undo", "lift"]
State = Literal["pending", "granted", "rejected", "expired"]

#: Why a person says no; `other` is a sentence of their own.
RejectReason = Literal["false_positive", "wrong_action", "bad_time", "handled_elsewhere", "other"]


class Voter(Value):
    """One human, as looked up in the people directory at the moment of the vote.

    `names` are all names this human goes by in a cloud or a detector (e-mail, IAM
    user names and ARNs); they decide who is the subject of a finding.
    """

    person: str
    groups: tuple[str, ...]
    names: tuple[str, ...] = ()


class Vote(Value):
    """One yes or no through one door. `id` is the door's own; the same id twice is one vote."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    decision: Decision
    voter: Voter
    door: Literal["slack", "cli", "http", "page"]
    fingerprint: str
    generation: int | None = None  # what the card said; None for doors that show the current one
    reason: RejectReason | None = None
    comment: Annotated[str, StringConstraints(max_length=1000)] = ""
    at: Moment


class Approval(Value):
    """One ask: for which plan, of whom, until when, and what has been said.

    Granted only when every rule has its quorum of distinct eligible people; one
    eligible no is a no; silence until the deadline is a no.
    """

    id: str
    kind: AskKind = "apply"
    generation: int = 1
    plan_sha256: str
    rules: tuple[ApprovalRule, ...] = Field(min_length=1)
    asked_at: Moment
    deadline: Moment
    requester: str | None = None  # the person who asked for it; a detector is nobody
    subjects: tuple[str, ...] = ()  # names of whom the finding is about; they cannot say yes to it
    votes: tuple[Vote, ...] = ()
    escalated: bool = False

    @property
    def fingerprint(self) -> str:
        """The plan's short name that people compare."""
        return fingerprint(self.plan_sha256)

    def eligible(self, rule: ApprovalRule) -> tuple[str, ...]:
        """Groups whose people count for a rule: its own, after escalation those of `to` as well."""
        return (*rule.from_, *rule.to) if self.escalated else rule.from_

    def groups(self) -> tuple[str, ...]:
        """All groups that are asked, in order, without repeats."""
        return tuple(dict.fromkeys(group for rule in self.rules for group in self.eligible(rule)))

    def objection(self, vote: Vote, now: datetime) -> str | None:  # noqa: PLR0911 - one sentence a reason
        """Why this vote does not count, said to the person who cast it; None when it does."""
        state = self.state(now)
        if state != "pending":
            return (
                f"this was already {state}; nothing more is needed"
                if state != "expired"
                else ("the time to answer is over; silence meant no, and nothing was done")
            )
        if vote.generation is not None and vote.generation != self.generation:
            return "this card is out of date; a newer one was posted, please answer that one"
        if vote.fingerprint not in (self.fingerprint, self.plan_sha256):
            named = vote.fingerprint[:14]
            return f"the plan has changed: it is now {self.fingerprint}, and your vote names {named}"
        if not set(vote.voter.groups) & set(self.groups()):
            return f"you are not in {' or '.join(self.groups())}, whose people decide this"
        if vote.decision == "approve" and vote.voter.person == self.requester:
            return "you asked for this yourself; somebody else has to say yes"
        if self.is_about(vote.voter):
            return "the finding is about you; somebody else has to decide"
        if any(earlier.voter.person == vote.voter.person for earlier in self.votes):
            return "you have voted already; one person has one vote"
        if vote.decision == "reject" and vote.reason is None:
            return "a no needs its reason: false_positive, wrong_action, bad_time or handled_elsewhere"
        return None

    def is_about(self, voter: Voter) -> bool:
        """Whether the finding is about this human. Case is ignored: detectors write e-mails as they like."""
        subjects = {name.casefold() for name in self.subjects}
        return any(name.casefold() in subjects for name in voter.names)

    def with_vote(self, vote: Vote) -> Approval:
        """Count a vote. The caller has asked `objection` first."""
        return self.model_copy(update={"votes": (*self.votes, vote)})

    def approvers(self, rule: ApprovalRule) -> frozenset[str]:
        """Distinct people whose yes counts for a rule."""
        groups = set(self.eligible(rule))
        return frozenset(
            vote.voter.person
            for vote in self.votes
            if vote.decision == "approve"
            and groups & set(vote.voter.groups)
            and vote.voter.person != self.requester
            and not self.is_about(vote.voter)
        )

    def missing(self) -> int:
        """How many more people are needed at the least."""
        return max(max(0, rule.quorum - len(self.approvers(rule))) for rule in self.rules)

    def state(self, now: datetime) -> State:
        """Where the ask stands at a moment. A decision made in time outlives the deadline."""
        if any(vote.decision == "reject" for vote in self.votes):
            return "rejected"
        if self.missing() == 0:
            return "granted"
        return "expired" if now >= self.deadline else "pending"

    def escalation(self, now: datetime) -> Approval | None:
        """The same ask to more people with a new deadline, when every rule that lacks a yes wants that.

        Where one of them says that silence is a no, there is none: nobody else could grant the whole.
        """
        wanting = [rule for rule in self.rules if len(self.approvers(rule)) < rule.quorum]
        if self.escalated or self.state(now) != "expired" or any(rule.then == "reject" for rule in wanting):
            return None
        return self.model_copy(
            update={
                "escalated": True,
                "generation": self.generation + 1,
                "asked_at": now,
                "deadline": now + min(rule.within for rule in wanting),
            }
        )


def ask(
    *,
    number: int,
    kind: AskKind,
    plan_sha256: str,
    rules: tuple[ApprovalRule, ...],
    now: datetime,
    generation: int = 1,
    requester: str | None = None,
    subjects: tuple[str, ...] = (),
) -> Approval:
    """Open an ask: its deadline is the shortest of its rules."""
    distinct = tuple(dict.fromkeys(rules))
    return Approval(
        id=str(number),
        kind=kind,
        generation=generation,
        plan_sha256=plan_sha256,
        rules=distinct,
        asked_at=now,
        deadline=now + min(rule.within for rule in distinct),
        requester=requester,
        subjects=subjects,
    )
