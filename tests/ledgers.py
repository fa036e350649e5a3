"""Ledgers of responses as the workflow writes them, made from the domain's own values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from firedoor.domain.action import FULL, Consequence, Reversibility, Risk
from firedoor.domain.approval import Approval, Vote, Voter, ask
from firedoor.domain.canonical import plain
from firedoor.domain.contract import incident_key, workflow_id
from firedoor.domain.finding import Actor, Finding, PrincipalKind, Resource, Severity
from firedoor.domain.ledger import Entry, EntryKind
from firedoor.domain.plan import Plan, PlannedStep, plan_digest
from firedoor.domain.playbook import Playbook, Step, Trigger
from firedoor.domain.policy import ApprovalRule

ACCOUNT = "123456789012"
KEY = "AKIAIOSFODNN7EXAMPLE"
START = datetime(2026, 11, 22, 2, 14, 7, 250_000, tzinfo=UTC)
RESPONSE = workflow_id("leaked_access_key", incident_key("leaked_access_key", ACCOUNT, KEY))
RULE = ApprovalRule(from_=("secops-leads",), quorum=2, within=timedelta(minutes=30))
IRREVERSIBLE = Reversibility(kind="none", says="AWS keeps no copy of a deleted key")


def finding() -> Finding:
    """Return what GuardDuty saw; the title is text from outside, and looks like it."""
    return Finding(
        uid="f2c1a4",
        source="aws.guardduty",
        type="UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        title='Grüße <b>"bob"</b> \u202e [red]\n],"head":{ \\ 😀',
        severity=Severity.HIGH,
        confidence=0.9,
        account=ACCOUNT,
        region="eu-west-1",
        resources=(
            Resource(
                kind="AWS::IAM::AccessKey",
                uid=KEY,
                attributes={"tags": {"owner": "team-a"}, "kind": 'x","kind":"closed', "huge": 2**60},
            ),
        ),
        actor=Actor(kind=PrincipalKind.IAM_USER, user_name="bob", access_key_id=KEY),
        first_seen=START - timedelta(minutes=9),
        last_seen=START - timedelta(minutes=4),
        modified=START - timedelta(minutes=3),
        raw_sha256="ab" * 32,
    )


def playbook() -> Playbook:
    """Return the playbook that answers it."""
    return Playbook(
        playbook="leaked_access_key",
        summary="A long-lived AWS key is in the wrong hands; stop it.",
        responds_to=(Trigger(source="aws.guardduty", types=("UnauthorizedAccess:IAMUser/*",)),),
        incident="${{ finding.actor.access_key_id }}",
        mode="active",
        steps=(
            Step(id="stop_key", action="aws.deactivate_access_key"),
            Step(id="delete_key", action="aws.delete_access_key"),
        ),
    )


def step(name: str, *, asked: bool = False) -> PlannedStep:
    """Plan one step over the key."""
    return PlannedStep(
        id=name,
        step=name,
        action=f"aws.{'delete' if asked else 'deactivate'}_access_key",
        stage=1 if asked else 0,
        account=ACCOUNT,
        region="us-east-1",
        target=f"arn:aws:iam::{ACCOUNT}:user/bob",
        params={"user": "bob", "access_key_id": KEY},
        outcome="change",
        says=f"{'delete' if asked else 'deactivate'} access key {KEY} of bob",
        before={"status": {"state": "value", "value": "Active"}},
        consequences=(Consequence(says="whatever signs with it stops", observed="last used 3 minutes ago"),),
        reversibility=IRREVERSIBLE if asked else FULL,
        risk=Risk.LOW,
        settles_within=timedelta(seconds=30),
        approval=RULE if asked else None,
    )


@dataclass
class Telling:
    """Writes a ledger entry by entry; every entry is a second after the one before."""

    entries: list[Entry] = field(default_factory=list)
    asked: Approval | None = None

    def note(self, kind: EntryKind, says: str, *, step: str | None = None, **data: Any) -> Telling:
        """Write one entry."""
        self.entries.append(Entry(at=self.now(), kind=kind, says=says, step=step, data=plain(data)))
        return self

    def now(self) -> datetime:
        """Return when the next entry is written."""
        return START + timedelta(seconds=len(self.entries))

    def receive(self) -> Telling:
        """Begin: a finding, and the plan over it."""
        plan = Plan(steps=(step("stop_key"), step("delete_key", asked=True)), undo_rule=RULE)
        book = playbook()
        self.note(
            "received",
            "aws.guardduty reported UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
            finding=finding(),
            playbook=book,
            playbook_sha256=book.sha256,
            source="guardduty",
            received=(START - timedelta(milliseconds=250)).isoformat(),
            caution="",
        )
        return self.note("planned", "; ".join(each.says for each in plan.steps), plan=plan)

    def ask(self, *, rule: ApprovalRule = RULE) -> Telling:
        """Ask for the irreversible step."""
        digest = plan_digest(f"apply {RESPONSE}", (step("delete_key", asked=True),))
        self.asked = ask(number=1, kind="apply", plan_sha256=digest, rules=(rule,), now=self.now())
        return self.note("asked", f"secops-leads asked to approve {self.asked.fingerprint}", ask=self.asked)

    def escalate(self) -> Telling:
        """Nobody answered: more people are asked."""
        assert self.asked
        self.asked = self.asked.escalation(self.asked.deadline)
        assert self.asked
        return self.note("asked", "nobody answered in time; secops-managers are asked now", ask=self.asked)

    def vote(self, person: str, decision: str = "approve", *, whole: bool = False) -> Telling:
        """One person answers; a door may name the plan by its whole digest."""
        assert self.asked
        vote = Vote(
            id=f"vote-{person}",
            decision=decision,
            voter=Voter(person=person, groups=("secops-leads", "everyone")),
            door="slack",
            fingerprint=self.asked.plan_sha256 if whole else self.asked.fingerprint,
            reason="false_positive" if decision == "reject" else None,
            at=self.now(),
        )
        self.asked = self.asked.with_vote(vote)
        return self.note("voted", f"{person} said {decision}", vote=vote)

    def decide(self, state: str) -> Telling:
        """The ask is over."""
        assert self.asked
        return self.note("decided", f"apply {self.asked.fingerprint}: {state}", ask=self.asked)

    def carry_out(self, name: str, *, asked: bool = False) -> Telling:
        """Begin, apply and verify one step."""
        says = step(name, asked=asked).says
        self.note("begun", says, step=name)
        return self.note("applied", "the key is off", step=name).note("verified", "the key is off", step=name)

    def close(self, status: str = "closed") -> Telling:
        """End."""
        return self.note("closed", f"closed as {status}", status=status)


def whole() -> tuple[Entry, ...]:
    """Return a response that went its whole way: stopped at once, deleted after two said yes."""
    telling = (
        Telling().receive().ask().carry_out("stop_key").vote("ada").vote("lin", whole=True).decide("granted")
    )
    return tuple(telling.carry_out("delete_key", asked=True).close().entries)
