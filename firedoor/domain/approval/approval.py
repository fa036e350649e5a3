"""Approval: the rules by which votes become a yes, a no, or silence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import FRESH, SHORTEST_REASON, Vote, Voter
from firedoor.domain.core.canonical import fingerprint
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment

#: apply: may this be done? undo: may it be taken back? review: was breaking the glass right?
AskKind = Literal["apply", "undo", "review"]
#: confirming: enough people said yes, and each of them is looked up once more before anything is done.
State = Literal["pending", "confirming", "granted", "rejected", "expired"]


class Approval(Value):
    """One ask: for which plan, of whom, until when, and what has been said.

    Granted only when every rule has its quorum of distinct eligible people and
    each of them has been looked up once more; one eligible no is a no; silence
    until the deadline is a no, unless every rule without its quorum says otherwise.
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
    owners: tuple[str, ...] = ()  # names of whom the targets belong to, likewise
    editors: tuple[str, ...] = ()  # names of who last changed the playbook, likewise
    storm: ApprovalRule | None = None  # asked as well where it is answered among many
    glass: tuple[str, ...] = ()  # people who may say yes alone, with a written reason
    votes: tuple[Vote, ...] = ()
    escalated: bool = False
    confirmed: bool = False  # everyone who said yes was looked up again when the quorum was complete
    unconfirmed: bool = False  # … and could not be: unreachable means no
    remind_at: Moment | None = None  # when people are reminded; None when nobody is any more
    assigned_to: str | None = None  # the person somebody asked to look at it

    @property
    def fingerprint(self) -> str:
        """The plan's short name that people compare."""
        return fingerprint(self.plan_sha256)

    @property
    def step_up(self) -> bool:
        """Whether a yes has to be signed by a fresh sign-in or a passkey."""
        return any(rule.step_up for rule in self.effective_rules())

    def effective_rules(self) -> tuple[ApprovalRule, ...]:
        """The rules in force: one tier higher as soon as a yes was given to many asks at once."""
        if not any(vote.among and vote.decision == "approve" for vote in self.votes):
            return self.rules
        return self.raised_rules()

    def raised_rules(self) -> tuple[ApprovalRule, ...]:
        """The rules one tier higher: the storm's as well, or one more person for each."""
        if self.storm is not None:
            return tuple(dict.fromkeys((*self.rules, self.storm)))
        return tuple(rule.model_copy(update={"quorum": rule.quorum + 1}) for rule in self.rules)

    def eligible(self, rule: ApprovalRule) -> tuple[str, ...]:
        """Groups whose people count for a rule: its own, after escalation those of `to` as well."""
        return (*rule.from_, *rule.to) if self.escalated else rule.from_

    def groups(self) -> tuple[str, ...]:
        """All groups that are asked, in order, without repeats."""
        return tuple(dict.fromkeys(group for rule in self.effective_rules() for group in self.eligible(rule)))

    # ---- does a vote count -----------------------------------------------------------

    def objection(self, vote: Vote, now: datetime) -> str | None:
        """Why this vote does not count, said to the person who cast it; None when it does.

        The order is the order of the house, whatever the door: is it this ask, is it
        still open, who are you, may you.
        """
        return (
            self._another_ask(vote)
            or self._over(vote, now)
            or vote.unbound
            or self._not_eligible(vote.voter, vote)
            or self._conflict(vote)
            or self._incomplete(vote)
            or None
        )

    def _another_ask(self, vote: Vote) -> str:
        if (vote.ask and vote.ask != self.id) or vote.generation not in (None, self.generation):
            return "this card is out of date; a newer one was posted, please answer that one"
        if vote.fingerprint not in (self.fingerprint, self.plan_sha256):
            named = vote.fingerprint[:14]
            return f"the plan has changed: it is now {self.fingerprint}, and your vote names {named}"
        return ""

    def _over(self, vote: Vote, now: datetime) -> str:
        state = self.state(now)
        if state == "expired":
            return "the time to answer is over; silence meant no, and nothing was done"
        if state == "confirming" and vote.decision == "approve":
            return "enough people have said yes already; each of them is being looked up once more"
        if state in ("granted", "rejected"):
            return f"this was already {state}; nothing more is needed"
        return ""

    def _not_eligible(self, voter: Voter, vote: Vote | None = None) -> str:
        """Why this person is not one of those who are asked."""
        if vote is not None and vote.break_glass:
            return (
                ""
                if voter.person in self.glass
                else "only people whom the policy names may break the glass here"
            )
        groups = dict.fromkeys(
            (*self.groups(), *(self.storm.from_ if vote and vote.among and self.storm else ()))
        )
        if not set(voter.groups) & set(groups):
            if unread := [group for group in groups if group in voter.unread]:
                return f"who is in {' or '.join(unread)} cannot be read now, which means no; try again soon"
            return f"you are not in {' or '.join(groups)}, whose people decide this"
        return ""

    def _conflict(self, vote: Vote) -> str:
        voter = vote.voter
        if _named(voter, self.subjects):
            return "the finding is about you; somebody else has to decide"
        if vote.decision == "approve":
            if voter.person == self.requester:
                return "you asked for this yourself; somebody else has to say yes"
            if _named(voter, self.owners):
                return "what would be changed is yours; somebody else has to say yes"
            if _named(voter, self.editors):
                return "you were the last to change this playbook; somebody else has to say yes"
        if any(earlier.voter.person == voter.person for earlier in self.votes):
            return "you have voted already; one person has one vote"
        return ""

    def _incomplete(self, vote: Vote) -> str:
        if vote.decision == "reject":
            if vote.reason is None:
                return "a no needs its reason: false_positive, wrong_action, bad_time or handled_elsewhere"
            return ""
        if vote.break_glass and len(vote.comment.strip()) < SHORTEST_REASON:
            return f"breaking the glass needs its reason in writing, {SHORTEST_REASON} characters or more"
        rules = self.raised_rules() if vote.among else self.effective_rules()
        if any(rule.step_up for rule in rules) and not self._proven(vote):
            return (
                "a yes to this is signed by a fresh sign-in or a passkey, on the page that the card links to"
            )
        return ""

    def _proven(self, vote: Vote) -> bool:
        proof = vote.proof
        return (
            proof is not None
            and proof.plan_sha256 == self.plan_sha256
            and timedelta() <= vote.at - proof.at + _SKEW <= FRESH + _SKEW
        )

    def is_about(self, voter: Voter) -> bool:
        """Whether the finding is about this human. Case is ignored: detectors write e-mails as they like."""
        return _named(voter, self.subjects)

    def may_decide(self, voter: Voter) -> bool:
        """Whether a yes of this person could count, by who they are."""
        return not (
            self._not_eligible(voter)
            or voter.person == self.requester
            or any(_named(voter, names) for names in (self.subjects, self.owners, self.editors))
        )

    # ---- votes -----------------------------------------------------------------------

    def with_vote(self, vote: Vote) -> Approval:
        """Count a vote. The caller has asked `objection` first."""
        return self.model_copy(update={"votes": (*self.votes, vote)})

    def glass_broken_by(self) -> Vote | None:
        """The vote of the person who acted alone; None where nobody did."""
        return next(
            (
                vote
                for vote in self.votes
                if vote.break_glass and vote.decision == "approve" and vote.voter.person in self.glass
            ),
            None,
        )

    def approvers(self, rule: ApprovalRule) -> frozenset[str]:
        """Distinct people whose yes counts for a rule."""
        groups = set(self.eligible(rule))
        return frozenset(
            vote.voter.person
            for vote in self.votes
            if vote.decision == "approve"
            and not vote.unbound
            and not vote.break_glass
            and groups & set(vote.voter.groups)
            and vote.voter.person != self.requester
            and not any(_named(vote.voter, names) for names in (self.subjects, self.owners, self.editors))
            and (not rule.step_up or self._proven(vote))
        )

    def missing(self) -> int:
        """How many more people are needed at the least."""
        if self.glass_broken_by() is not None:
            return 0
        return max(max(0, rule.quorum - len(self.approvers(rule))) for rule in self.effective_rules())

    def confirm(self, now_known: Mapping[str, Voter]) -> tuple[Approval, tuple[Vote, ...]]:
        """Count again with everyone who said yes as they are known now; returns the votes that fell as well.

        Somebody whom the directory does not know any more, or who is no longer in a group
        that is asked, has no vote.
        """
        kept: list[Vote] = []
        fallen: list[Vote] = []
        for vote in self.votes:
            if vote.decision == "reject":
                kept.append(vote)
                continue
            known = now_known.get(vote.voter.person)
            if known is None or self._not_eligible(known, vote):
                fallen.append(vote)
            else:
                kept.append(vote.model_copy(update={"voter": known}))
        counted = self.model_copy(update={"votes": tuple(kept)})
        return counted.model_copy(update={"confirmed": counted.missing() == 0}), tuple(fallen)

    def state(self, now: datetime) -> State:
        """Where the ask stands at a moment. A decision made in time outlives the deadline."""
        if any(vote.decision == "reject" for vote in self.votes):
            return "rejected"
        if self.unconfirmed:
            return "expired"
        if self.missing() == 0:
            return "granted" if self.confirmed else "confirming"
        if now < self.deadline:
            return "pending"
        return "granted" if self.silence_means_yes() else "expired"

    def silence_means_yes(self) -> bool:
        """Whether nobody has to say anything: every rule that lacks a yes says so."""
        return all(rule.then == "proceed" for rule in self._wanting())

    def _wanting(self) -> tuple[ApprovalRule, ...]:
        return tuple(rule for rule in self.effective_rules() if len(self.approvers(rule)) < rule.quorum)

    def escalation(self, now: datetime) -> Approval | None:
        """The same ask to more people with a new deadline, when every rule that lacks a yes wants that.

        Where one of them says that silence is a no, there is none: nobody else could grant the whole.
        """
        wanting = self._wanting()
        if self.escalated or self.state(now) != "expired" or self.unconfirmed:
            return None
        if any(rule.then == "reject" for rule in wanting) or not any(
            rule.then == "escalate" for rule in wanting
        ):
            return None
        within = min(rule.within for rule in wanting)
        return self.model_copy(
            update={
                "escalated": True,
                "generation": self.generation + 1,
                "asked_at": now,
                "deadline": now + within,
                "remind_at": now + within / 2,
                "assigned_to": None,
            }
        )


_SKEW = timedelta(seconds=30)  # between the clocks of a gateway and of an identity provider


def _named(voter: Voter, names: tuple[str, ...]) -> bool:
    known = {name.casefold() for name in names}
    return any(name.casefold() in known for name in voter.names)


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
    owners: tuple[str, ...] = (),
    editors: tuple[str, ...] = (),
    storm: ApprovalRule | None = None,
    glass: tuple[str, ...] = (),
) -> Approval:
    """Open an ask: its deadline is the shortest of its rules, and people are reminded at half time."""
    distinct = tuple(dict.fromkeys(rules))
    within = min(rule.within for rule in distinct)
    return Approval(
        id=str(number),
        kind=kind,
        generation=generation,
        plan_sha256=plan_sha256,
        rules=distinct,
        asked_at=now,
        deadline=now + within,
        requester=requester,
        subjects=subjects,
        owners=owners,
        editors=editors,
        storm=storm,
        glass=glass,
        remind_at=now + within / 2,
    )
