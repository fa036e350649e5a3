"""Story: what a response decides; the workflow gives it time, and carries out what it says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from firedoor.domain.approval.approval import AskKind
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.channel.messages import Notice
from firedoor.domain.core.canonical import digest, plain
from firedoor.domain.core.packed import pack_whole
from firedoor.domain.finding.finding import Finding
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.playbook.expand import merged
from firedoor.domain.response.bounds import MOST_LATE, NAMED, weight
from firedoor.domain.response.contract import Status
from firedoor.domain.response.facts import facts_of
from firedoor.domain.response.ledger import Entry, unsettled
from firedoor.domain.response.memory import TAKEN_UP, Slot
from firedoor.domain.response.messages import (
    Carried,
    Ended,
    Incident,
    Report,
    Spilled,
    UndoRequest,
    VoteReceipt,
    finding_version,
    seen,
    subjects_of,
    taken_back,
    worse_than_muted,
)
from firedoor.domain.response.questions import OPEN, Questions
from firedoor.domain.response.telling import MOST_TOLD, fitted
from firedoor.domain.response.timeouts import REST, WATCHES


class Story(Questions):
    """What a response decides from what it remembers: undo, joins, how it rests and how it ends."""

    # ---- taking back -----------------------------------------------------------------

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

    def cancel(self, why: str, now: datetime) -> bool:
        """Take in that an operator cancelled the run: it asks for undo, as anybody does.

        Returns whether that ask is open now. Where there is nothing to take back yet, it is asked later.
        """
        self.cancelled = why
        if self.undo_objection() is None:
            return self.ask_cancelled(now)
        says = f"cancelled in Temporal ({why}): {self.undo_objection()}; the response goes on"
        self.note(now, "noted", says)
        if self.give_back or "undo" in self.asks:
            self.cancelled = ""
        return False

    def ask_cancelled(self, now: datetime) -> bool:
        """Ask for the undo that a cancel wants, as soon as there is something to take back."""
        if not self.cancelled or self.undo_objection() is not None or self.plan is None:
            return False
        says = f"cancelled in Temporal ({self.cancelled}): that asks for undo, which needs a yes"
        self.cancelled = ""
        self.note(now, "undo_requested", says)
        self.open_ask(now, "undo", self.owed(), (self.plan.undo_rule,))
        return True

    def to_hold(self) -> bool:
        """Whether there is something to hold: what changed the world, or may have when its run was ended."""
        return bool(self.held() or (self.taken_up and self.owed()))

    def resume(self, ended: Ended, now: datetime) -> None:
        """Take up a run that was ended from outside: with caution, and nothing that was asked is asked still.

        An operator who ended it wants it to rest: nothing is planned or asked any more, what is
        contained is held, undo is offered, and the evidence tells it. What a limit or a fault ended goes on.
        """
        self.taken_up = True
        caution = f"{ended.says()}; nothing is automatic from here on"
        self.incident = self.incident.model_copy(update={"caution": caution})
        self.note(
            now,
            "noted",
            f"{ended.says()}; it is taken up again, with all that it knew",
            data={TAKEN_UP: True},
        )
        for step in unsettled(self.entries):
            if step in self.begun():
                self.failed = True
                self.note(now, "failed", "its run ended before it was heard done", step=step)
        for slot in ("apply", "undo"):
            held = self.asks.get(slot)
            if held is not None and held.state(now) in OPEN:
                data = {"ask": plain(held), "state": "withdrawn"}
                self.note(now, "decided", f"{slot} {held.fingerprint}: withdrawn", data=data)
                del self.asks[slot]
        self.asks.pop("undo", None)
        self.fresh = not ended.by_operator and (self.carrying or self.fresh) and not self.give_back
        if ended.by_operator:
            self.refuse(self.todo())
            self.settle_parked(now)
            self.carrying = False
        elif self.fresh and self.plan is not None:
            begun = self.begun()  # what is not is planned anew, with caution, before anything is done
            steps = tuple(step for step in self.plan.steps if step.id in begun)
            self.plan = self.plan.model_copy(update={"steps": steps})

    def given_up(self) -> frozenset[str | None]:
        """Steps whose undo was tried and ended stuck: a next run does not try them again."""
        last = {
            entry.step: entry.kind for entry in self.entries if entry.kind in ("undoing", "stuck", "begun")
        }
        return frozenset(step for step, kind in last.items() if kind == "stuck")

    def to_settle(self) -> list[tuple[PlannedStep, datetime]]:
        """Steps that are applied and not known to be contained, each with when: a next run looks on."""
        since: dict[str | None, datetime | None] = {}
        for entry in self.entries:
            if entry.step is not None:
                since[entry.step] = entry.at if entry.kind == "applied" else None
        told = ((step, since.get(step.id)) for step in self.steps())
        return [(step, at) for step, at in told if at is not None]

    def undo_moved(self, now: datetime) -> bool:
        """Whether more (or less) would be taken back than was approved; if so, it is asked anew."""
        asked = [step.effect for step in self.asked_steps["undo"]]
        same = self.asks["undo"].subjects == subjects_of(self.findings)
        if self.plan is None or (same and asked == [step.effect for step in self.owed()]):
            return False
        requester = self.asks["undo"].requester
        what = "what would be taken back" if same else "whom the findings are about"
        self.note(now, "noted", f"{what} has changed since it was approved")
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
        end = self.held_from + self.incident.playbook.hold
        review = self.asks.get("review")
        # Others still have their time to look at a broken glass.
        return max(end, review.deadline) if review and not self.review_over() else end

    def hold_anew(self) -> None:
        """Begin the hold again where it had begun: what is taken up after a thaw has its whole time."""
        if self.held_from is not None:
            self.held_from, self.looks = None, 0
            self.version += 1

    def hold_over_while_parked(self, now: datetime) -> None:
        """Say once that the hold is over and the response stays open, for something waits for a thaw."""
        end = self.hold_ends()
        if end is None or now < end or self.told_of_hold:
            return
        self.told_of_hold = True
        count = len(self.parked())
        steps = "1 step is" if count == 1 else f"{count} steps are"
        self.note(
            now, "noted", f"the hold is over, and {steps} parked: the response stays open until the thaw"
        )

    # ---- joining ---------------------------------------------------------------------

    def knows(self, finding: Finding) -> bool:
        """Whether a finding brings nothing: this version is here already, or all it says is known.

        To a response that is closing, every newer version brings something: it begins the next one.
        """
        if self.closing:
            return self.seen(finding)
        if finding_version(finding) in self.versions:
            return True
        for earlier in self.findings[self.counted :]:
            self.known |= facts_of(earlier, self.read)
        self.counted = len(self.findings)
        return facts_of(finding, self.read) <= self.known and not self.reaches_further(finding)

    def has_room(self, finding: Finding) -> bool:
        """Whether a finding that brings something is taken in; else it is counted and named by its hash."""
        if self.closing:
            return weight([*self.late, finding]) <= MOST_LATE
        return self.intake.has_room(finding)

    def spill(self, hashes: Sequence[str], now: datetime) -> None:
        """Count findings that came when this response was full; the 1st, 10th, 100th … is written down."""
        before, spilled = self.spilled.count, self.spilled
        chain, named = spilled.chain, spilled.named
        for each in hashes:
            if each in named:
                continue  # delivered again
            chain = sha256(f"{chain}{each}".encode()).hexdigest()
            named = (*named, each)[-NAMED:]
            spilled = Spilled(count=spilled.count + 1, chain=chain, named=named)
        self.spilled = spilled
        self.version += spilled.count > before
        if not self.closing and len(str(spilled.count)) > len(str(before or "")):
            self._note_spilled(now)

    def _note_spilled(self, now: datetime) -> None:
        one = self.spilled.count == 1
        count = "1 more finding is" if one else f"{self.spilled.count} more findings are"
        says = (
            f"this response is full: {count} counted and named by hash; only what is worse is still taken in"
        )
        self.note(now, "noted", says, data={"spilled": plain(self.spilled)})

    def tell_spilled(self, now: datetime) -> None:
        """Write down at the close how many there were in all."""
        if self.spilled.count > 1:
            self._note_spilled(now)

    def join(self, finding: Finding, now: datetime) -> None:
        """Take a finding in; its facts are planned next, or answered by the next response."""
        if self.closing:
            self.late.append(finding)
            self.versions.append(finding_version(finding))
            return
        self.hurry = self.hurry or self.intake.is_worse(finding)
        self.intake.add(finding)
        self.findings.append(finding)
        self.versions.append(finding_version(finding))
        muted = self._is_muted(now)
        worse = self.muted.worse(finding) if muted and self.muted else None
        self.fresh = self.fresh or not muted or worse is not None
        says = f"{finding.source} reported {finding.type} as well"
        if worse is not None:
            says += f"; it was called a false positive, but {worse}: it is asked about"
        elif muted:
            says += "; it was called a false positive and is not asked about"
        self.note(now, "joined", says, data={"finding": plain(finding)})
        if worse is not None:
            self._ask_again(now, worse)

    def _is_muted(self, now: datetime) -> bool:
        return self.muted_until is not None and now < self.muted_until

    def _ask_again(self, now: datetime, worse: str) -> None:
        """Forget that people said no, for it was to less than this; nothing of it is automatic."""
        self.incident = self.incident.model_copy(update={"caution": worse_than_muted(worse)})
        if self.answered("apply", now):  # else people are being asked about the worse already
            self.refused.clear()
            self.asks.pop("apply", None)
            self.asked_steps.pop("apply", None)

    def seen(self, finding: Finding) -> bool:
        """Whether this version of a finding, or a later one, is part of the response."""
        return seen(self.versions, finding)

    def next_incident(self, now: datetime) -> Incident | None:
        """What came while this response closed, as the start of the next; None when nothing did.

        What was called a false positive is not asked about again, also not where it comes just now;
        what is worse is.
        """
        late, caution = self.late, taken_back(self.entries) if self.give_back else ""
        if self._is_muted(now):
            told = [(each, self.muted.worse(each) if self.muted else None) for each in late]
            late = [each for each, worse in told if worse is not None]
            caution = next((worse_than_muted(worse) for _, worse in told if worse is not None), caution)
        if not late:
            return None
        return self.incident.model_copy(
            update={
                "finding": merged(late),
                "received": now,
                "caution": caution,
                "missed": self.missed,
                "asks_before": self.asks_opened,
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
        if self.parked():
            return "parked"
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
        return self.told or bool(self.asks) or self.status not in ("planning", "containing")

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
            findings_seen=len(self.versions) + self.spilled.count,
            started=self.started,
            plan=self.plan,
            ask=shown,
            asking=shown is not None and not self.answered(slot, now),
            version=self.version,
            review=self.asks.get("review"),
            muted_until=self.muted_until,
            muted=self.muted,
            asked_steps=self.asked_steps.get(slot, ()),
            held_until=self.next_lift() or self.hold_ends(),
            owed=tuple(step.id for step in self.owed()),
            entries=self._told(),
            versions_seen=tuple(self.versions),
            sealed=self.sealed,
            gateway_keys=self.incident.gateway_keys,
            words_refused=self.words_refused,
            spilled=self.spilled,
            asks_opened=self.asks_opened,
            parked="" if self.closing else next(iter(self.parked().values()), ""),
        )

    def _told(self) -> tuple[Entry, ...]:
        """Tell the ledger whole while it is short; a long one in its short form, for a report holds 2 MB."""
        if not self.parts and self.whole <= MOST_TOLD:
            return tuple(self.entries)
        return fitted(self.told_short, self.told_bytes)

    def carry(self) -> Carried:
        """What the next run of the same response needs: the only place of state that travels."""
        return Carried(
            findings=tuple(self.findings),
            versions=tuple(self.versions),
            started=self.started,
            entries=tuple(self.entries),
            parts=tuple(self.parts),
            plan=self.plan,
            status=self.status,
            version=self.version,
            held_from=self.held_from,
            looks=self.looks,
            lifts_asked=self.lifts_asked,
            asks_opened=self.asks_opened,
            asks=self.asks,
            asked_steps=self.asked_steps,
            refused=tuple(self.refused),
            give_back=self.give_back,
            carrying=self.carrying,
            fresh=self.fresh,
            cancelled=self.cancelled,
            muted_until=self.muted_until,
            muted=self.muted,
            words_refused=self.words_refused,
            spilled=self.spilled,
        )

    def next_run(self) -> Incident:
        """Return the input of the next run of this response."""
        return self.incident.model_copy(update={"packed": pack_whole(self.carry()), "next": False})

    def notice(self, now: datetime) -> Notice:
        """Tell the desk that there is something to show, in few words."""
        report = self.report(now)
        ask = report.ask if report.asking else None
        steps = report.asked_steps if ask else self.steps()
        urgent = ask is None or ask.state(now) == "confirming"
        opening = "take back: " if ask is not None and ask.kind == "undo" else ""
        return Notice(
            response=self.response,
            run=self.started,
            version=self.version,
            urgency="outcome" if urgent else "ask",
            playbook=report.playbook,
            account=self.incident.account or self.incident.finding.account or "",
            severity=self.incident.finding.severity,
            status=self.status,
            says=(opening + (steps[0].says if steps else report.summary))[:150],
            asking=ask is not None,
            reviewing=report.review_open(),
            ask=ask.id if ask else "",
            generation=ask.generation if ask else 0,
            plan_sha256=ask.plan_sha256 if ask else "",
            deadline=ask.deadline if ask else None,
            alike=_alike(ask.kind, steps) if ask else "",
            reminded=sum(entry.kind in ("reminded", "reassigned", "glass") for entry in self.entries),
            closed=self.over,
        )


def _alike(kind: AskKind, steps: Sequence[PlannedStep]) -> str:
    """Digest of what makes two asks alike: what is done, how bad it may be, who is asked, not to whom."""
    told: list[object] = [
        kind,  # to take it back is the opposite of doing it
        *(
            [
                step.action,
                step.reversibility.kind,
                step.risk.value,
                step.data or "",
                bool(step.consequences),
                plain(step.approval) if step.approval else None,
            ]
            for step in steps
        ),
    ]
    return digest(told)[:16]


def rules_of(steps: Sequence[PlannedStep]) -> tuple[ApprovalRule, ...]:
    """All rules that some steps must satisfy."""
    return tuple(step.approval for step in steps if step.approval is not None)
