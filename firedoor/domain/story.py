"""Story: what a response decides; the workflow gives it time, and carries out what it says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from firedoor.domain.approval import Approval, AskKind, Vote, ask
from firedoor.domain.canonical import plain
from firedoor.domain.contract import Status
from firedoor.domain.finding import Finding
from firedoor.domain.memory import Memory, Slot
from firedoor.domain.patience import REST, WATCHES
from firedoor.domain.plan import PlannedStep, plan_digest
from firedoor.domain.policy import ApprovalRule
from firedoor.domain.response import (
    Carried,
    Incident,
    Report,
    UndoRequest,
    VoteReceipt,
    finding_version,
    seen,
    subjects_of,
    taken_back,
)
from firedoor.domain.unfold import merged

NOTHING_ASKED = "nothing is being asked here now"


class Story(Memory):
    """What a response decides from what it remembers: asks, votes, joins, how it rests and how it ends."""

    # ---- asking ----------------------------------------------------------------------

    def open_ask(
        self,
        now: datetime,
        slot: Slot,
        steps: tuple[PlannedStep, ...],
        rules: tuple[ApprovalRule, ...],
        *,
        requester: str | None = None,
    ) -> Approval:
        """Ask people for some steps: for the first time, or anew with the next generation."""
        before = self.asks.get(slot)
        self.asks_opened += 1
        kind: AskKind = slot
        opened = ask(
            number=self.asks_opened,
            kind=kind,
            plan_sha256=plan_digest(f"{kind} {self.response}", steps),
            rules=rules,
            now=now,
            generation=before.generation + 1 if before else 1,
            requester=requester,
            subjects=subjects_of(self.findings),
        )
        self.asks[slot], self.asked_steps[slot] = opened, steps
        self._note_ask(now, f"{' and '.join(opened.groups())} asked to approve {opened.fingerprint}", opened)
        return opened

    def is_asking(self, steps: tuple[PlannedStep, ...]) -> bool:
        """Whether exactly these steps are being asked for already."""
        return "apply" in self.asks and [step.effect for step in self.asked_steps["apply"]] == [
            step.effect for step in steps
        ]

    def escalate(self, now: datetime, slot: Slot) -> bool:
        """Ask more people when the first ones were silent and the rule says so."""
        escalated = self.asks[slot].escalation(now)
        if escalated is None:
            return False
        self.asks[slot] = escalated
        self._note_ask(
            now, f"nobody answered in time; {' and '.join(escalated.groups())} are asked now", escalated
        )
        return True

    def answered(self, slot: Slot, now: datetime) -> bool:
        """Whether waiting for this answer is over."""
        held = self.asks.get(slot)
        return self.give_back != "" or held is None or held.state(now) != "pending"

    def decide(self, now: datetime, slot: Slot) -> bool:
        """Close an ask and say whether it was granted."""
        held = self.asks.get(slot)
        if held is None or self.give_back:
            return False
        state = held.state(now)
        self.note(
            now, "decided", f"{slot} {held.fingerprint}: {state}", data={"ask": plain(held), "state": state}
        )
        return state == "granted"

    def withdraw(self, now: datetime) -> None:
        """Stop asking for steps; what was granted or refused stays as it was decided."""
        held = self.asks.get("apply")
        if held is not None and held.state(now) == "pending":
            self.note(
                now,
                "decided",
                f"apply {held.fingerprint}: withdrawn",
                data={"ask": plain(held), "state": "withdrawn"},
            )
            del self.asks["apply"]

    def _note_ask(self, now: datetime, says: str, opened: Approval) -> None:
        self.note(now, "asked", says, data={"ask": plain(opened)})

    def slot_of(self, vote: Vote) -> Slot | None:
        """Which open ask a vote is about: the one whose fingerprint it names, else the newest."""
        for slot in ("undo", "apply"):
            held = self.asks.get(slot)
            if held is not None and vote.fingerprint in (held.fingerprint, held.plan_sha256):
                return slot
        return "undo" if "undo" in self.asks else "apply" if "apply" in self.asks else None

    def objection(self, vote: Vote, now: datetime) -> str | None:
        """Why a vote does not count; None when it does."""
        slot = self.slot_of(vote)
        return NOTHING_ASKED if slot is None else self.asks[slot].objection(vote, now)

    def count(self, vote: Vote, now: datetime) -> VoteReceipt:
        """Count a vote; the caller has asked for objections."""
        slot = self.slot_of(vote) or "apply"
        counted = self.asks[slot].with_vote(vote)
        self.asks[slot] = counted
        self.note(now, "voted", f"{vote.voter.person} said {vote.decision}", data={"vote": plain(vote)})
        return VoteReceipt(
            state=counted.state(now), missing=counted.missing(), fingerprint=counted.fingerprint
        )

    def undo_objection(self) -> str | None:
        """Why undo cannot be asked for; None when it can."""
        if "undo" in self.asks:
            return f"undo {self.asks['undo'].fingerprint} is asked for already"
        if self.give_back:
            return "everything is being taken back already"
        if self.plan is None or not self.owed():
            return "there is nothing to take back here"
        return None

    def ask_undo(self, request: UndoRequest, now: datetime) -> VoteReceipt:
        """Open the ask for taking everything back; somebody else than the requester has to say yes."""
        self.note(now, "undo_requested", f"{request.person} asked for it", data={"request": plain(request)})
        rules = (self.plan.undo_rule,) if self.plan else ()
        opened = self.open_ask(now, "undo", self.owed(), rules, requester=request.person)
        return VoteReceipt(state="pending", missing=opened.missing(), fingerprint=opened.fingerprint)

    def undo_moved(self, now: datetime) -> bool:
        """Whether more (or less) would be taken back than was approved; if so, it is asked anew."""
        asked = [step.effect for step in self.asked_steps["undo"]]
        if self.plan is None or asked == [step.effect for step in self.owed()]:
            return False
        requester = self.asks["undo"].requester
        self.note(now, "noted", "what would be taken back has changed since it was approved")
        self.open_ask(now, "undo", self.owed(), (self.plan.undo_rule,), requester=requester)
        return True

    def next_lift(self) -> datetime | None:
        """When people are asked whether a containment with a `ttl` may be lifted; None without one."""
        ttl = self.incident.playbook.ttl
        if ttl is None or self.held_from is None:
            return None
        return self.held_from + ttl * (self.lifts_asked + 1)

    def ask_lift(self, now: datetime) -> bool:
        """Ask whether the containment may be lifted: its time is over, and it is never lifted unasked."""
        self.lifts_asked += 1
        if self.undo_objection() is not None or self.plan is None:
            return False
        self.note(now, "undo_requested", "the containment's time is over; may it be lifted?")
        self.open_ask(now, "undo", self.owed(), (self.plan.undo_rule,))
        return True

    def hold_ends(self) -> datetime | None:
        """When the hold is over; None while only an answer can end it."""
        if self.held_from is None or self.incident.playbook.ttl is not None or "undo" in self.asks:
            return None
        return self.held_from + self.incident.playbook.hold

    # ---- joining ---------------------------------------------------------------------

    def knows(self, finding: Finding) -> bool:
        """Whether a finding brings nothing: this version is here already, or all it says is known.

        To a response that is closing, every newer version brings something: it begins the next one.
        """
        if self.closing:
            return self.seen(finding)
        known = frozenset[str]().union(*(earlier.facts() for earlier in self.findings))
        return finding_version(finding) in self.versions or finding.facts() <= known

    def join(self, finding: Finding, now: datetime) -> None:
        """Take a finding in; its facts are planned next, or answered by the next response."""
        if self.closing:
            self.late.append(finding)
            self.versions.append(finding_version(finding))
            return
        self.findings.append(finding)
        self.versions.append(finding_version(finding))
        self.fresh = True
        self.note(
            now,
            "joined",
            f"{finding.source} reported {finding.type} as well",
            data={"finding": plain(finding)},
        )

    def seen(self, finding: Finding) -> bool:
        """Whether this version of a finding, or a later one, is part of the response."""
        return seen(self.versions, finding)

    def next_incident(self, now: datetime) -> Incident | None:
        """What came while this response closed, as the start of the next; None when nothing did."""
        if not self.late:
            return None
        caution = taken_back(self.entries) if self.give_back else ""
        return self.incident.model_copy(
            update={
                "finding": merged(self.late),
                "received": now,
                "caution": caution,
                "carried": None,
                "next": True,
            }
        )

    # ---- holding and closing ---------------------------------------------------------

    def next_look(self) -> datetime:
        """When to look again at what is held."""
        since = self.held_from or self.started
        if self.looks < len(WATCHES):
            return since + WATCHES[self.looks]
        return since + WATCHES[-1] + REST * (self.looks - len(WATCHES) + 1)

    def looked(
        self, now: datetime, held: Sequence[PlannedStep], reverted: dict[str, str], unknown: dict[str, str]
    ) -> None:
        """Note what a look found: newly open, or shut again. What could not be read is neither."""
        last = {entry.step: entry.kind for entry in self.entries if entry.kind in ("reverted", "verified")}
        for step, says in reverted.items():
            if last.get(step) != "reverted":
                self.note(now, "reverted", says, step=step)
        for planned in held:
            if (
                planned.id not in reverted
                and planned.id not in unknown
                and last.get(planned.id) != "verified"
            ):
                self.note(now, "verified", "it is contained", step=planned.id)

    def resting_status(self) -> Status:
        """How the held containment stands."""
        last = {entry.step: entry.kind for entry in self.entries if entry.step and entry.kind != "begun"}
        held = [last.get(step.id) for step in self.held()]
        if "reverted" in held:
            return "reverted"
        if self.failed:
            return "failed"
        return "unverified" if "unverified" in held else "contained"

    def final_status(self) -> Status:
        """How the response ends."""
        kinds = {entry.kind for entry in self.entries}
        if self.give_back:
            if "stuck" in kinds:
                return "stuck"
            return "undone" if "undone" in kinds else ("failed" if self.failed else "closed")
        if self.failed:
            return "failed"
        return "closed" if self.held() else "dismissed"

    def worth_telling(self) -> bool:
        """Whether the desk has something to hear: an ask, or a response that came to rest.

        Planning and containing take milliseconds; a message about them would be the first
        one people see, and editing it later notifies nobody.
        """
        return self.ref is not None or bool(self.asks) or self.status not in ("planning", "containing")

    # ---- telling ---------------------------------------------------------------------

    def report(self, now: datetime) -> Report:
        """Tell how the response stands."""
        slot: Slot = "undo" if "undo" in self.asks else "apply"
        shown = self.asks.get(slot)
        playbook = self.incident.playbook
        return Report(
            id=self.response,
            playbook=playbook.playbook,
            playbook_sha256=self.incident.playbook_sha256,
            summary=playbook.summary,
            status=self.status,
            finding=self.incident.finding,
            findings_seen=len(self.versions),
            started=self.started,
            plan=self.plan,
            ask=shown,
            asking=shown is not None and not self.answered(slot, now),
            asked_steps=self.asked_steps.get(slot, ()),
            held_until=self.next_lift() or self.hold_ends(),
            owed=tuple(step.id for step in self.owed()),
            entries=tuple(self.entries),
            versions_seen=tuple(self.versions),
        )

    def carry(self) -> Carried:
        """What the next run of the same response needs."""
        return Carried(
            findings=tuple(self.findings),
            versions=tuple(self.versions),
            started=self.started,
            entries=tuple(self.entries),
            plan=self.plan,
            status=self.status,
            held_from=self.held_from,
            looks=self.looks,
            lifts_asked=self.lifts_asked,
            ref=self.ref,
            asks_opened=self.asks_opened,
            ask=self.asks.get("apply"),
            asked_steps=self.asked_steps.get("apply", ()),
            refused=tuple(self.refused),
        )


def rules_of(steps: Sequence[PlannedStep]) -> tuple[ApprovalRule, ...]:
    """All rules that some steps must satisfy."""
    return tuple(step.approval for step in steps if step.approval is not None)
