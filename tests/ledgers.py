"""Ledgers of responses as the workflow writes them, made from the domain's own values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from firedoor.connectors import signing
from firedoor.domain.action.action import FULL, Consequence, Reversibility, Risk
from firedoor.domain.approval import words
from firedoor.domain.approval.approval import Approval, ask
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Vote, Voter
from firedoor.domain.core.canonical import plain
from firedoor.domain.finding.finding import Actor, Finding, PrincipalKind, Resource, Severity
from firedoor.domain.plan.plan import Plan, PlannedStep, plan_digest, stretches
from firedoor.domain.playbook.playbook import Playbook, Step, Trigger
from firedoor.domain.response.contract import incident_key, workflow_id
from firedoor.domain.response.ledger import Entry, EntryKind
from firedoor.domain.response.memory import Slot
from firedoor.domain.response.messages import Incident, UndoRequest
from firedoor.domain.response.story import Story, rules_of

ACCOUNT = "123456789012"
GATEWAY = signing.SigningKey.from_pem(signing.generate())
GATEWAYS = (words.written(GATEWAY.public_key),)
KEY = "AKIAIOSFODNN7EXAMPLE"
START = datetime(2026, 11, 22, 2, 14, 7, 250_000, tzinfo=UTC)
RESPONSE = workflow_id("leaked_access_key", incident_key("leaked_access_key", ACCOUNT, KEY))
RULE = ApprovalRule(from_=("secops-leads",), quorum=2, within=timedelta(minutes=30))
W = TypeVar("W", bound=words.Word)
IRREVERSIBLE = Reversibility(kind="none", says="AWS keeps no copy of a deleted key")


def said(word: W, by: words.Signer = GATEWAY) -> W:
    """Sign a word as our gateway does."""
    return word.model_copy(update={"signed": words.signature(word.message(RESPONSE), by)})


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
            gateway_keys=GATEWAYS,
        )
        return self.note("planned", "; ".join(each.says for each in plan.steps), plan=plan)

    def ask(self, *, rule: ApprovalRule = RULE) -> Telling:
        """Ask for the irreversible step."""
        step_ = step("delete_key", asked=True)
        digest = plan_digest(f"apply {RESPONSE}", (step_,))
        self.asked = ask(
            number=1,
            kind="apply",
            plan_sha256=digest,
            rules=(rule,),
            now=self.now(),
            subjects=("bob",),
            owners=(step_.target,),
        )
        says = f"secops-leads asked to approve {self.asked.fingerprint}"
        return self.note("asked", says, ask=self.asked, steps=[step_.id])

    def escalate(self) -> Telling:
        """Nobody answered: more people are asked."""
        assert self.asked
        self.asked = self.asked.escalation(self.asked.deadline)
        assert self.asked
        says = "nobody answered in time; secops-managers are asked now"
        return self.note("asked", says, ask=self.asked, steps=["delete_key"])

    def vote(self, person: str, decision: str = "approve", *, whole: bool = False) -> Telling:
        """One person answers; a door may name the plan by its whole digest."""
        assert self.asked
        vote = Vote(
            id=f"vote-{person}",
            decision=decision,
            voter=Voter(person=person, groups=("secops-leads", "everyone")),
            door="slack",
            fingerprint=self.asked.plan_sha256 if whole else self.asked.fingerprint,
            ask=self.asked.id,
            generation=self.asked.generation,
            reason="false_positive" if decision == "reject" else None,
            at=self.now(),
        )
        vote = said(vote)
        self.asked = self.asked.with_vote(vote)
        return self.note("voted", f"{person} said {decision}", vote=vote)

    def decide(self, state: str) -> Telling:
        """The ask is over; who said yes was looked up once more."""
        assert self.asked
        decided = self.asked.model_copy(update={"confirmed": state == "granted"})
        return self.note("decided", f"apply {decided.fingerprint}: {state}", ask=decided, state=state)

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


# ---- a response that is lived, not written --------------------------------------------


def incident(**changes: Any) -> Incident:
    """Return what starts the response to the leaked key."""
    book = playbook()
    base: dict[str, Any] = {
        "finding": finding(),
        "playbook": book,
        "playbook_sha256": book.sha256,
        "key": incident_key("leaked_access_key", ACCOUNT, KEY),
        "source": "guardduty",
        "received": START,
        "editors": ("mona@example.com",),
        "gateway_keys": GATEWAYS,
    }
    return Incident(**{**base, **changes})


class Lived:
    """A ledger as the product writes it: the domain's own story, told what people said and when.

    `policy` is what the plan says of all of it: `storm`, `break_glass`, `undo_rule`.
    """

    def __init__(self, *steps: PlannedStep, **policy: Any) -> None:
        self.at = START
        self.story = Story(RESPONSE, incident(), START)
        self.story.receive(self.later())
        self.plan(*(steps or (step("stop_key"), step("delete_key", asked=True))), **policy)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The ledger so far."""
        return tuple(self.story.entries)

    def later(self, by: timedelta = timedelta(seconds=1)) -> datetime:
        """Let time pass."""
        self.at += by
        return self.at

    def plan(self, *steps: PlannedStep, **policy: Any) -> Lived:
        """Plan, or plan anew."""
        plan = Plan(**{"steps": steps, "undo_rule": RULE, **policy})
        self.story.take_plan(self.later(), plan)
        return self

    def ask(self) -> Lived:
        """Ask for the first stretch that needs a yes."""
        stretch = stretches(self.story.todo())[0]
        self.story.open_ask(self.later(), "apply", stretch, rules_of(stretch))
        return self

    def undo(self, person: str = "ada") -> Lived:
        """Somebody asks to take it back."""
        now = self.later()
        self.story.ask_undo(
            said(UndoRequest(id=f"undo-{person}-{now}", person=person, door="cli", at=now)), now
        )
        return self

    def vote(self, person: str, decision: str = "approve", *, slot: Slot = "apply", **changes: Any) -> Lived:
        """One person answers, and it counts."""
        held, now = self.story.asks[slot], self.later()
        base: dict[str, Any] = {
            "id": f"{RESPONSE}/{held.id}.{held.generation}/{person}/{decision}",
            "decision": decision,
            "voter": Voter(person=person, groups=("secops-leads",), names=(f"{person}@example.com",)),
            "door": "slack",
            "fingerprint": held.plan_sha256,
            "ask": held.id,
            "generation": held.generation,
            "reason": "wrong_action" if decision == "reject" else None,
            "at": now,
        }
        vote = said(Vote(**{**base, **changes}))
        assert self.story.objection(vote, now) is None, self.story.objection(vote, now)
        self.story.count(vote, now)
        return self

    def confirm(self, *, without: tuple[str, ...] = (), slot: Slot = "apply") -> Lived:
        """Everyone who said yes is looked up again; some are not known any more."""
        now = self.later()
        voters = {each.voter.person: each.voter for each in self.story.to_confirm(slot, now)}
        known = {person: voter for person, voter in voters.items() if person not in without}
        self.story.confirm(now, slot, known)
        return self

    def decide(self, slot: Slot = "apply") -> Lived:
        """The ask is over."""
        self.story.decide(self.later(), slot)
        return self

    def wait(self) -> Lived:
        """Nobody says anything until the deadline."""
        self.at = max(self.at, self.story.asks["apply"].deadline)
        return self

    def escalate(self) -> Lived:
        """Ask more people, for the first ones were silent."""
        assert self.wait().story.escalate(self.at, "apply")
        return self

    def carry_out(self, name: str) -> Lived:
        """Begin, apply and verify one step."""
        planned = next(each for each in self.story.steps() if each.id == name)
        self.story.note(self.later(), "begun", planned.says, step=name)
        self.story.note(self.later(), "applied", "the key is off", step=name)
        self.story.note(self.later(), "verified", "the key is off", step=name)
        return self

    def give_back(self, name: str) -> Lived:
        """Take one step back."""
        self.story.note(self.later(), "undoing", "take it back", step=name)
        self.story.note(self.later(), "undone", "it is as it was", step=name)
        return self

    def close(self, status: str = "closed") -> Lived:
        """End."""
        self.story.note(self.later(), "closed", f"closed as {status}", data={"status": status})
        return self


def lived() -> Lived:
    """Return a response that went its whole way, up to its close."""
    told = Lived().ask().carry_out("stop_key").vote("ada").vote("lin").confirm().decide()
    return told.carry_out("delete_key")
