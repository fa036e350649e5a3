"""Questions: what a response asks of people, what they answer, and what follows from their silence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from firedoor.domain.approval.approval import Approval, AskKind, ask
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Vote, Voter
from firedoor.domain.core.canonical import plain
from firedoor.domain.plan.plan import PlannedStep, plan_digest
from firedoor.domain.response.memory import Memory, Slot
from firedoor.domain.response.messages import (
    Nudged,
    ReassignRequest,
    SnoozeRequest,
    VoteReceipt,
    reviewed,
    subjects_of,
)
from firedoor.domain.response.mute import Muted

NOTHING_ASKED = "nothing is being asked here now"
ASKED_AFTER_THE_THAW = (
    "nothing is being asked here now: it is parked, and what needs a yes is asked after the thaw"
)
#: An ask in one of these is still waiting for something.
OPEN = ("pending", "confirming")
_SLOTS: tuple[Slot, ...] = ("undo", "apply", "review")


class Questions(Memory):
    """The asks of a response. Every method that needs the time is given it."""

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
            owners=tuple(dict.fromkeys(owner for step in steps for owner in (*step.owners, step.target)))
            if slot != "review"
            else (),
            editors=self.incident.editors if slot == "apply" else (),
            storm=self.plan.storm if self.plan and slot == "apply" else None,
            glass=self.plan.break_glass.people
            if self.plan and self.plan.break_glass and slot == "apply"
            else (),
        )
        self.asks[slot], self.asked_steps[slot] = opened, steps
        self._note_ask(now, f"{' and '.join(opened.groups())} asked to approve {opened.fingerprint}", opened)
        return opened

    def is_asking(self, steps: tuple[PlannedStep, ...]) -> bool:
        """Whether exactly these steps are being asked for already."""
        held = self.asks.get("apply")
        # Whom a finding that joined is about cannot decide either, also where the plan stays as it was.
        return (
            held is not None
            and held.subjects == subjects_of(self.findings)
            and [step.effect for step in self.asked_steps["apply"]] == [step.effect for step in steps]
        )

    def granted(self, steps: tuple[PlannedStep, ...]) -> bool:
        """Whether all of these steps, as they are planned now, had their yes already."""
        held = self.asks.get("apply")
        if held is None or held.subjects != subjects_of(self.findings):
            return False
        asked = {step.effect for step in self.asked_steps["apply"]}
        return self._decided_as(held) == "granted" and all(step.effect in asked for step in steps)

    def yeses(self, slot: Slot) -> tuple[Vote, ...]:
        """The yeses of an ask."""
        held = self.asks.get(slot)
        return tuple(vote for vote in held.votes if vote.decision == "approve") if held else ()

    def confirm_after_thaw(self, now: datetime, voters: Mapping[str, Voter]) -> bool:
        """Whether a yes that waited for a thaw still counts, with people as they are known now.

        Where it does not, the ask is over, and the steps are asked for anew.
        """
        held = self.asks["apply"]
        counted, fallen = held.confirm(voters)
        if counted.confirmed:
            self.asks["apply"] = counted
            self.note(now, "noted", f"thawed: the plan is as it was approved, {held.fingerprint} counts")
            return True
        for vote in fallen:
            self.note(
                now,
                "voided",
                f"{vote.voter.person} may not decide this any more; it is asked for again",
                data={"vote": plain(vote), "now": plain(voters.get(vote.voter.person))},
            )
        del self.asks["apply"]
        return False

    def is_silent(self, now: datetime) -> bool:
        """Whether the time to answer about steps is over, and silence would mean no."""
        held = self.asks.get("apply")
        return held is not None and held.state(now) == "expired" and not held.unconfirmed

    def park_silent(self, now: datetime, why: str) -> None:
        """Silence during a freeze is not a no: the steps wait, and are asked for again after the thaw."""
        steps = self.asked_steps["apply"]
        says = f"parked: {why}; nobody answered in time, so it is asked for again after the thaw"
        held = self.asks.pop("apply")
        self.note(
            now,
            "decided",
            f"apply {held.fingerprint}: withdrawn, its time was over during a freeze",
            data={"ask": plain(held), "state": "withdrawn"},
        )
        for step in steps:
            self.note(now, "parked", says, step=step.id, data={"asked_again": True})

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
        # A review is about what was done: nothing that happens to the response ends it.
        over = self.give_back != "" and slot != "review"
        return over or held is None or held.state(now) not in OPEN

    def decide(self, now: datetime, slot: Slot) -> bool:
        """Close an ask and say whether it was granted."""
        held = self.asks.get(slot)
        if held is None or (self.give_back and slot != "review"):
            return False
        state = held.state(now)
        silent = state == "granted" and held.missing() > 0
        says = f"{slot} {held.fingerprint}: {state}" + (
            ", for nobody answered in time and the policy lets silence mean yes" if silent else ""
        )
        self.note(now, "decided", says, data={"ask": plain(held), "state": state})
        if slot == "apply" and self._called_false(held):
            self.muted_until = now + (self.plan.mute if self.plan else timedelta())
            self.muted = Muted.of(self.findings)
            self.note(
                now,
                "noted",
                f"a false positive: it is not asked about again until {self.muted_until:%F %R} UTC",
            )
        if state == "granted" and slot == "apply":
            self._ask_review(now, held)
        return state == "granted"

    def _called_false(self, held: Approval) -> bool:
        return any(vote.decision == "reject" and vote.reason == "false_positive" for vote in held.votes)

    # ---- everyone is looked up once more ----------------------------------------------

    def to_confirm(self, slot: Slot, now: datetime) -> tuple[Vote, ...]:
        """The yeses that complete a quorum and are looked up once more; none while it is not complete."""
        held = self.asks.get(slot)
        if held is None or held.state(now) != "confirming":
            return ()
        return tuple(vote for vote in held.votes if vote.decision == "approve")

    def confirm(self, now: datetime, slot: Slot, voters: Mapping[str, Voter]) -> None:
        """Count again with people as they are known now. A vote that falls is told, and the ask goes on.

        It goes on as the next generation: a new card, for whoever said yes may do so again
        when they are back, and a vote for the old card is another one.
        """
        held = self.asks.get(slot)
        if held is None:
            return
        counted, fallen = held.confirm(voters)
        for vote in fallen:
            self.note(
                now,
                "voided",
                f"{vote.voter.person} may not decide this any more; the yes does not count",
                data={"vote": plain(vote), "now": plain(voters.get(vote.voter.person))},
            )
        # Also where no vote fell, and one counts for fewer rules than it did.
        if not counted.confirmed:
            counted = counted.model_copy(update={"generation": counted.generation + 1})
        self.asks[slot] = counted
        if not counted.confirmed:
            self._note_ask(now, f"{counted.missing()} more needed to approve {counted.fingerprint}", counted)
        self.version += 1

    def unconfirmed(self, now: datetime, slot: Slot) -> None:
        """Nobody could be looked up again in time: unreachable means no."""
        held = self.asks.get(slot)
        if held is not None:
            self.asks[slot] = held.model_copy(update={"unconfirmed": True})
            self.note(now, "noted", "the directory of people could not be read; unreachable means no")

    # ---- a broken glass ----------------------------------------------------------------

    def _ask_review(self, now: datetime, held: Approval) -> None:
        broken = held.glass_broken_by()
        rule = self.plan.break_glass.review if self.plan and self.plan.break_glass else None
        if broken is not None and rule is not None:
            steps = self.asked_steps["apply"]
            self.open_ask(now, "review", steps, (rule,), requester=broken.voter.person)

    def end_review(self, now: datetime) -> None:
        """Write down how the review of a broken glass ended."""
        held = self.asks["review"]
        state = held.state(now)
        says = {
            "granted": "it was reviewed and found right",
            "rejected": "it was reviewed and found wrong; a person should look whether to take it back",
        }.get(state, "nobody reviewed in time that the glass was broken")
        self.note(now, "reviewed", says, data={"ask": plain(held), "state": state})

    def reviewing(self, now: datetime) -> bool:
        """Whether others still have to look at a broken glass."""
        held = self.asks.get("review")
        return held is not None and held.state(now) in OPEN

    def review_over(self) -> bool:
        """Whether no review of a broken glass is owed any more."""
        held = self.asks.get("review")
        return held is None or reviewed(self.entries, held)

    # ---- reminding ---------------------------------------------------------------------

    def next_wake(self, slot: Slot) -> datetime:
        """When to look at an open ask again: to remind people, or because its time is over."""
        held = self.asks[slot]
        return min(held.deadline, held.remind_at or held.deadline)

    def remind(self, now: datetime, slot: Slot) -> None:
        """Remind people of an open ask."""
        held = self.asks[slot]
        self.asks[slot] = held.model_copy(update={"remind_at": None})
        whom = held.assigned_to or " and ".join(held.groups())
        self.note(
            now,
            "reminded",
            f"{whom}: {held.missing()} more needed by {held.deadline:%H:%M} UTC",
            data={"fingerprint": held.fingerprint},
        )

    def _nudged(self, fingerprint: str, now: datetime) -> Slot | None:
        for slot, held in self.asks.items():
            if fingerprint in (held.fingerprint, held.plan_sha256) and held.state(now) == "pending":
                return slot
        return None

    def snooze_objection(self, request: SnoozeRequest, now: datetime) -> str | None:
        """Why a reminder is not put off; None when it is."""
        slot = self._nudged(request.fingerprint, now)
        if slot is None:
            return NOTHING_ASKED
        if not set(request.voter.groups) & set(self.asks[slot].groups()):
            return f"you are not in {' or '.join(self.asks[slot].groups())}, who are reminded"
        if self.asks[slot].is_about(request.voter):
            return "the finding is about you; others are reminded when they were to be"
        if now + timedelta(minutes=request.minutes) >= self.asks[slot].deadline:
            return f"the time to answer is over before that, at {self.asks[slot].deadline:%H:%M} UTC"
        return None

    def snooze(self, request: SnoozeRequest, now: datetime) -> Nudged:
        """Put the reminder off; the deadline stays."""
        slot = self._nudged(request.fingerprint, now) or "apply"
        at = now + timedelta(minutes=request.minutes)
        self.asks[slot] = self.asks[slot].model_copy(update={"remind_at": at})
        self.note(
            now,
            "snoozed",
            f"{request.voter.person} wants to be reminded at {at:%H:%M} UTC",
            data={"request": plain(request)},
        )
        return Nudged(remind_at=at, assigned_to=self.asks[slot].assigned_to)

    def reassign_objection(self, request: ReassignRequest, now: datetime) -> str | None:
        """Why nobody is asked to look; None when somebody is."""
        slot = self._nudged(request.fingerprint, now)
        if slot is None:
            return NOTHING_ASKED
        held = self.asks[slot]
        if not set(request.voter.groups) & set(held.groups()):
            return f"you are not in {' or '.join(held.groups())}, whose people decide this"
        if held.is_about(request.voter):
            return "the finding is about you; somebody else has to choose who looks"
        if not held.may_decide(request.to):
            return f"{request.to.person} may not decide this, so it cannot be given to them"
        if any(vote.voter.person == request.to.person for vote in held.votes):
            return f"{request.to.person} has voted already"
        return None

    def reassign(self, request: ReassignRequest, now: datetime) -> Nudged:
        """Ask one of those who may decide to look at it."""
        slot = self._nudged(request.fingerprint, now) or "apply"
        self.asks[slot] = self.asks[slot].model_copy(update={"assigned_to": request.to.person})
        why = f": {request.comment.strip()}" if request.comment.strip() else ""
        self.note(
            now,
            "reassigned",
            f"{request.voter.person} asked {request.to.person} to look{why}",
            data={"request": plain(request)},
        )
        return Nudged(remind_at=self.asks[slot].remind_at, assigned_to=request.to.person)

    def withdraw(self, now: datetime) -> None:
        """Stop asking for steps; what was granted or refused stays as it was decided."""
        held = self.asks.get("apply")
        if held is not None and held.state(now) in OPEN:
            self.note(
                now,
                "decided",
                f"apply {held.fingerprint}: withdrawn",
                data={"ask": plain(held), "state": "withdrawn"},
            )
            del self.asks["apply"]

    def _note_ask(self, now: datetime, says: str, opened: Approval) -> None:
        steps = [step.id for step in self.asked_steps.get(opened.kind, ())]
        self.note(now, "asked", says, data={"ask": plain(opened), "steps": steps})

    def slot_of(self, vote: Vote) -> Slot | None:
        """Which ask a vote is about: the one it names by number, by fingerprint, else the newest."""
        for slot in _SLOTS:
            if vote.ask and slot in self.asks and self.asks[slot].id == vote.ask:
                return slot
        for slot in _SLOTS:
            held = self.asks.get(slot)
            if held is not None and vote.fingerprint in (held.fingerprint, held.plan_sha256):
                return slot
        return "undo" if "undo" in self.asks else "apply" if "apply" in self.asks else None

    def objection(self, vote: Vote, now: datetime) -> str | None:
        """Why a vote does not count; None when it does."""
        slot = self.slot_of(vote)
        if slot is None:
            return ASKED_AFTER_THE_THAW if self.parked() else NOTHING_ASKED
        return self.asks[slot].objection(vote, now) or self._decided_already(slot) or self._second_glass(vote)

    def _second_glass(self, vote: Vote) -> str | None:
        """Why a glass is not broken: one review at a time, or the first would be nobody's."""
        if not vote.break_glass or self.review_over():
            return None
        return "the glass was broken here already and that is not reviewed yet; those who are asked decide"

    def _decided_already(self, slot: Slot) -> str | None:
        """Why no vote counts any more, whenever it was given: what is decided stays decided."""
        state = self._decided_as(self.asks[slot])
        return None if state is None else f"this was already {state}; nothing more is needed"

    def _decided_as(self, held: Approval) -> str | None:
        """As what the ledger decided this very ask; None while it has not."""
        for entry in reversed(self.entries):
            told = entry.data.get("ask") if entry.kind == "decided" else None
            if isinstance(told, dict) and (told.get("id"), told.get("generation")) == (
                held.id,
                held.generation,
            ):
                return str(entry.data.get("state"))
        return None

    def count(self, vote: Vote, now: datetime) -> VoteReceipt:
        """Count a vote; the caller has asked for objections."""
        slot = self.slot_of(vote) or "apply"
        counted = self.asks[slot].with_vote(vote)
        self.asks[slot] = counted
        self.note(now, "voted", f"{vote.voter.person} said {vote.decision}", data={"vote": plain(vote)})
        if vote.break_glass:
            says = f"{vote.voter.person} acts alone: {vote.comment.strip()}"
            self.note(now, "glass", says, data={"vote": vote.id})
        return VoteReceipt(
            state=counted.state(now), missing=counted.missing(), fingerprint=counted.fingerprint
        )
