"""Reports of one response in each of its standings, with any text in every place that others write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from firedoor.domain.action.action import FULL, Consequence, Reversibility, Risk
from firedoor.domain.approval.approval import Approval, AskKind
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Decision, RejectReason, Vote, Voter
from firedoor.domain.core.canonical import plain
from firedoor.domain.finding.finding import Actor, Finding, PrincipalKind, Severity
from firedoor.domain.plan.plan import Plan, PlannedStep, plan_digest
from firedoor.domain.response.ledger import Entry, EntryKind
from firedoor.domain.response.messages import Report

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
ID = "respond/leaked_access_key/0b7d5c1e9f2a4b6c8d0e1f2a3b4c5d6e"
RULE = ApprovalRule(
    from_=("secops",), quorum=2, within=timedelta(minutes=30), then="escalate", to=("secops-leads",)
)
SETTLES = timedelta(seconds=10)


def finding(**other: Any) -> Finding:
    facts: dict[str, Any] = {
        "uid": "f-88",
        "source": "aws.guardduty",
        "type": "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        "title": "Access key used from a Tor exit node and an unusual network",
        "severity": Severity.HIGH,
        "confidence": 0.93,
        "account": "123456789012",
        "region": "us-east-1",
        "actor": Actor(
            kind=PrincipalKind.IAM_USER,
            user_name="svc-deploy",
            access_key_id="AKIAIOSFODNN7EXAMPLE",
            source_ips=("185.220.101.4",),
        ),
        "first_seen": NOW - timedelta(minutes=9),
        "last_seen": NOW - timedelta(minutes=4),
        "modified": NOW - timedelta(minutes=4),
        "count": 37,
        "raw_sha256": "0" * 64,
    }
    return Finding(**{**facts, **other})


def step(id_: str = "delete_key", **other: Any) -> PlannedStep:
    facts: dict[str, Any] = {
        "id": id_,
        "step": id_,
        "action": "aws.delete_access_key",
        "stage": 2,
        "account": "123456789012",
        "region": "us-east-1",
        "target": "arn:aws:iam::123456789012:user/svc-deploy",
        "params": {},
        "outcome": "change",
        "says": "delete access key AKIAIOSFODNN7EXAMPLE of user svc-deploy",
        "before": {},
        "consequences": (
            Consequence(
                says="whatever still signs with this key fails for good", observed="last used 4 min ago by s3"
            ),
            Consequence(says="CI deploys of 3 services stop until a new key is rolled out"),
        ),
        "reversibility": Reversibility(kind="none", says="AWS keeps no copy of a deleted secret"),
        "risk": Risk.HIGH,
        "settles_within": SETTLES,
        "approval": RULE,
    }
    return PlannedStep(**{**facts, **other})


STOP = step(
    "stop_key",
    action="aws.deactivate_access_key",
    stage=0,
    says="deactivate access key AKIAIOSFODNN7EXAMPLE of user svc-deploy",
    reversibility=FULL,
    consequences=(Consequence(says="CI deploys of 3 services stop until a new key is rolled out"),),
    approval=None,
)
SESSIONS = step(
    "end_sessions",
    action="aws.revoke_user_sessions",
    stage=1,
    says="end every session of user svc-deploy that began before now",
    reversibility=FULL,
    consequences=(),
    approval=None,
)
DELETE = step()
STEPS = (STOP, SESSIONS, DELETE)


def asked(
    steps: tuple[PlannedStep, ...] = (DELETE,), *, number: str = "1", kind: AskKind = "apply", **other: Any
) -> Approval:
    facts: dict[str, Any] = {
        "id": number,
        "kind": kind,
        "plan_sha256": plan_digest(f"{kind} {ID}", steps),
        "rules": (RULE,),
        "asked_at": NOW,
        "deadline": NOW + timedelta(minutes=30),
        "subjects": ("svc-deploy",),
    }
    return Approval(**{**facts, **other})


def vote(
    person: str,
    decision: Decision = "approve",
    *,
    reason: RejectReason | None = None,
    comment: str = "",
    **other: Any,
) -> Vote:
    return Vote(
        id=f"{person[:99]} {decision}",
        decision=decision,
        voter=Voter(person=person, groups=("secops",)),
        door="slack",
        fingerprint=asked().plan_sha256,
        reason=reason,
        comment=comment,
        at=NOW,
        **other,
    )


def entry(kind: EntryKind, step_id: str | None = None, says: str = "so it is", **data: Any) -> Entry:
    return Entry(at=NOW, kind=kind, says=says, step=step_id, data=plain(data))


def done(*ids: str) -> tuple[Entry, ...]:
    """Tell of steps that were begun, made and verified."""
    kinds: tuple[EntryKind, ...] = ("begun", "applied", "verified")
    return tuple(entry(kind, id_) for id_ in ids for kind in kinds)


RECEIVED = entry(
    "received", says="aws.guardduty reported a leaked key", playbook={"mode": "active"}, caution=""
)
START = (RECEIVED, entry("planned"))


def report(**other: Any) -> Report:
    facts: dict[str, Any] = {
        "id": ID,
        "playbook": "leaked_access_key",
        "playbook_sha256": "9f2c41d07a" + "0" * 54,
        "summary": "A long-lived AWS key is in the wrong hands; stop it.",
        "status": "contained",
        "finding": finding(),
        "findings_seen": 1,
        "started": NOW - timedelta(seconds=9),
        "plan": Plan(steps=STEPS, undo_rule=RULE),
        "entries": START,
        "held_until": None,
    }
    return Report(**{**facts, **other})


def every_standing() -> dict[str, Report]:
    """One report for each standing, as the workflow would give it."""
    ask = asked()
    undo = asked((SESSIONS, STOP), number="2", kind="undo", requester="dora")
    held = NOW + timedelta(hours=24)
    contained = (*START, *done("stop_key", "end_sessions"))
    granted = ask.with_vote(vote("alice")).with_vote(vote("bob"))
    confirmed = granted.model_copy(update={"confirmed": True})
    escalated = ask.escalation(NOW + timedelta(minutes=31))
    decided = entry("decided", ask=plain(ask), state="expired")
    whole = (*contained, *done("delete_key"))
    resting: dict[str, Any] = {"held_until": held, "owed": ("end_sessions", "stop_key")}
    asking: dict[str, Any] = {
        "status": "awaiting_approval",
        "asking": True,
        "asked_steps": (DELETE,),
        "entries": contained,
        "owed": ("end_sessions", "stop_key"),
    }
    shadow = entry("received", playbook={"mode": "shadow"})
    return {
        "planning": report(status="planning", plan=None, entries=(RECEIVED,)),
        "shadow": report(status="dismissed", entries=(shadow, entry("planned"), entry("closed"))),
        "pending": report(ask=ask, **asking),
        "counting": report(ask=ask.with_vote(vote("alice")), **asking),
        "escalated": report(ask=escalated, **asking),
        "confirming": report(ask=granted, **asking),
        "undo_pending": report(
            status="awaiting_approval",
            ask=undo,
            asking=True,
            asked_steps=(SESSIONS, STOP),
            entries=whole,
            **resting,
        ),
        "running": report(
            status="containing",
            ask=confirmed,
            asked_steps=(DELETE,),
            entries=(*contained, entry("begun", "delete_key")),
        ),
        "unverified": report(
            status="unverified",
            entries=(*START, *done("stop_key"), *done("end_sessions")[:2], *done("delete_key")),
            **resting,
        ),
        "contained": report(
            ask=confirmed,
            entries=whole,
            asked_steps=(DELETE,),
            **resting,
        ),
        "partial": report(
            entries=(
                *contained,
                entry("begun", "delete_key"),
                entry("settled", "delete_key", outcome="refused"),
            ),
            **resting,
        ),
        "rejected": report(
            ask=ask.with_vote(
                vote("alice", "reject", reason="bad_time", comment="the release runs until seven")
            ),
            asked_steps=(DELETE,),
            entries=(*contained, decided),
            **resting,
        ),
        "unconfirmed": report(
            ask=granted.model_copy(update={"unconfirmed": True}),
            asked_steps=(DELETE,),
            entries=(*contained, decided),
            **resting,
        ),
        "expired": report(ask=ask, asked_steps=(DELETE,), entries=(*contained, decided), **resting),
        "reverted": report(
            status="reverted",
            entries=(*whole, entry("reverted", "stop_key", "the key is active again")),
            **resting,
        ),
        "failed": report(
            status="failed",
            entries=(
                *contained,
                entry("begun", "delete_key"),
                entry("failed", "delete_key", "AccessDenied by an SCP"),
            ),
            **resting,
        ),
        "undoing": report(status="containing", entries=(*whole, entry("undoing", "stop_key")), **resting),
        "undone": report(
            status="undone",
            entries=(*whole, entry("undone", "end_sessions"), entry("undone", "stop_key"), entry("closed")),
        ),
        "stuck": report(
            status="stuck",
            entries=(
                *whole,
                entry("undoing", "stop_key"),
                entry("stuck", "stop_key", "AccessDenied"),
                entry("closed"),
            ),
            owed=("stop_key",),
        ),
        "withdrawn": report(status="closed", entries=(*START, entry("closed"))),
        "dismissed": report(
            status="dismissed",
            plan=Plan(
                steps=(step("stop_key", outcome="already", says="key is inactive already", approval=None),),
                undo_rule=RULE,
            ),
            entries=(*START, entry("closed")),
        ),
        "kept": report(status="closed", entries=(*whole, entry("closed")), owed=("end_sessions", "stop_key")),
    }
