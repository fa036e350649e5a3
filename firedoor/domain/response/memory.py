"""Memory: the ledger and the plan of one response, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import JsonValue

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.words import PublicKey, Word
from firedoor.domain.core.canonical import digest, plain
from firedoor.domain.core.packed import unpack_whole
from firedoor.domain.finding.finding import Finding
from firedoor.domain.plan.plan import Plan, PlannedStep
from firedoor.domain.response.bounds import (
    MOST_PLAN,
    MOST_WHOLE,
    PART_BYTES,
    WINDOW,
    Intake,
    pause_before_plan,
    weight,
)
from firedoor.domain.response.contract import Status
from firedoor.domain.response.facts import fields_read
from firedoor.domain.response.ledger import SETTLING, UNFINISHED, Entry, EntryKind, is_unsure, owed
from firedoor.domain.response.messages import Carried, Incident, Part, Sealed, finding_version
from firedoor.domain.response.telling import short

Slot = Literal["apply", "undo", "review"]
TAKEN_UP = "taken_up"  # in the data of the entry that tells it
_SAID = 20  # steps of a plan whose clauses its entry repeats


class Memory:
    """The ledger and the plan of one response. Every method that needs the time is given it."""

    def __init__(self, response: str, incident: Incident, now: datetime) -> None:
        past = _past(incident, now)
        self.response = response
        # What was handed on is laid out below; it must not travel with every order once more.
        self.incident = incident.model_copy(update={"carried": None, "packed": "", "ended": None})
        self.started = past.started
        self.findings = list(past.findings)
        self.versions = list(past.versions) or [finding_version(incident.finding)]
        self.intake = Intake(self.findings)
        self.spilled = past.spilled
        self.entries = list(past.entries)
        self.parts = list(past.parts)
        self.parted = sum(part.entries for part in past.parts)
        self.whole = sum(weight(entry) for entry in self.entries[self.parted :])  # bytes
        self.told_short = [short(entry) for entry in self.entries]
        self.told_bytes = sum(weight(entry) for entry in self.told_short)
        self.plan = past.plan
        self.status: Status = past.status
        self.held_from = past.held_from
        self.looks = past.looks
        self.lifts_asked = past.lifts_asked
        self.asks_opened = past.asks_opened
        self.asks: dict[Slot, Approval] = dict(past.asks)
        self.asked_steps: dict[Slot, tuple[PlannedStep, ...]] = dict(past.asked_steps)
        self.give_back = past.give_back  # why everything is taken back, "" while nobody wants that
        self.carrying = past.carrying  # it plans, asks and applies: a next run goes on with that
        self.cancelled = past.cancelled  # why an operator cancelled it, until that is an ask for undo
        self.refused = list(past.refused)  # effects that people said no to
        self.muted_until = past.muted_until  # people called it a false positive
        self.muted = past.muted
        self.words_refused = past.words_refused  # signals that no gateway of ours signed
        self.read = fields_read(incident.playbook)
        self.known: set[str] = set()  # facts of the first `counted` findings
        self.counted = 0
        self.closing = False  # everything is decided; what comes now is the next response's
        self.sealed: Sealed | None = None  # the evidence, once it is written
        self.over = False  # the evidence is written, or cannot be: nothing more will be told
        self.late: list[Finding] = []
        self.missed = 0  # findings that came while it closed, and were too many
        self.told = bool(past.entries)  # the desk was told of it before
        self.fresh = past.fresh  # a joined finding brought a fact that is not planned yet
        self.hurry = False  # … and it is worse than all before: its plan waits for nothing
        self.told_of_hold = any(
            entry.kind == "noted" and "stays open until the thaw" in entry.says for entry in self.entries
        )
        self.taken_up = any(entry.data.get(TAKEN_UP) is True for entry in self.entries)
        self.failed = any(entry.kind == "failed" for entry in self.entries)
        self.version = past.version  # grows with everything there is to tell

    # ---- the ledger ------------------------------------------------------------------

    def enter(self, status: Status) -> bool:
        """Move to a status; False when it is the same one."""
        if status == self.status:
            return False
        self.status = status
        self.version += 1
        return True

    def hold_from(self, now: datetime) -> datetime:
        """Begin to hold, unless that was begun before; returns since when."""
        if self.held_from is None:
            self.held_from = now
            self.version += 1
        return self.held_from

    def note(
        self,
        now: datetime,
        kind: EntryKind,
        says: str,
        *,
        step: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Append to the ledger."""
        entry = Entry(at=now, kind=kind, says=says, step=step, data=data or {})
        told = short(entry)
        self.entries.append(entry)
        self.told_short.append(told)
        self.whole += weight(entry)
        self.told_bytes += weight(told)
        self.version += 1

    def next_part(self, most: int = MOST_WHOLE) -> tuple[Entry, ...]:
        """Return the oldest entries that are to be written to a part; none while the whole ones are few."""
        if self.whole <= most:
            return ()
        taken, size = 0, 0
        for entry in self.entries[self.parted :]:
            size += weight(entry)
            if taken and size > PART_BYTES:
                break
            taken += 1
        return tuple(self.entries[self.parted : self.parted + taken])

    def take_part(self, part: Part) -> None:
        """Keep the short form of entries that the evidence store holds now."""
        end = self.parted + part.entries
        self.whole -= sum(weight(entry) for entry in self.entries[self.parted : end])
        self.entries[self.parted : end] = self.told_short[self.parted : end]
        self.parts.append(part)
        self.parted = end

    def receive(self, now: datetime) -> None:
        """Open the ledger with what was received and what answers it."""
        incident, finding = self.incident, self.incident.finding
        self.note(
            now,
            "received",
            f"{finding.source} reported {finding.type}",
            data={
                "finding": plain(finding),
                "playbook": plain(incident.playbook),
                "playbook_sha256": incident.playbook_sha256,
                "source": incident.source,
                "received": incident.received.isoformat(),
                "caution": incident.caution,
                "gateway_keys": list(incident.gateway_keys),
            },
        )
        if incident.missed:
            says = f"{incident.missed} more findings came while the last response closed; they were too many"
            self.note(now, "noted", says)

    def seal(self, sealed: Sealed) -> None:
        """Take in where the evidence is: its head is told where nobody with the signing key can change it."""
        self.sealed = sealed
        self.version += 1

    # ---- whose words count -----------------------------------------------------------

    def learn(self, keys: tuple[PublicKey, ...], now: datetime) -> None:
        """Take in which gateways the worker knows now; what was not so before is written down."""
        if keys == self.incident.gateway_keys:
            return
        self.incident = self.incident.model_copy(update={"gateway_keys": keys})
        says = f"words of {len(keys)} gateway keys count from now on: a worker's configuration says so"
        self.note(now, "noted", says, data={"gateway_keys": list(keys)})

    def refuse_word(self, word: Word, why: str, now: datetime) -> None:
        """Count a signal that does not count; the 1st, 10th, 100th … is written down: a flood is bounded."""
        self.words_refused += 1
        count = str(self.words_refused)
        if count.strip("0") == "1":
            self.note(now, "noted", f"refused a word ({word.word}), {count} by now: {why}")

    def said_before(self, word: Word) -> bool:
        """Whether this very word was heard before: said once, it counts once."""
        told = (entry.data.get("request") for entry in self.entries)
        return any(isinstance(request, dict) and request.get("id") == word.id for request in told)

    def owed(self) -> tuple[PlannedStep, ...]:
        """Steps that are left to undo, newest first."""
        by_id = {step.id: step for step in self.steps()}
        return tuple(by_id[step] for step in owed(self.entries))

    def held(self) -> tuple[PlannedStep, ...]:
        """Steps that changed the world and are not taken back."""
        changed = {
            entry.step for entry in self.entries if entry.kind in ("applied", "verified", "unverified")
        }
        return tuple(step for step in self.owed() if step.id in changed)

    def reaches_further(self, finding: Finding) -> bool:
        """Whether a finding tells of something later than what is held was made to reach."""
        begun = {entry.step: entry.at for entry in self.entries if entry.kind == "begun"}
        return any(
            step.covers is not None and finding.last_seen > max(step.covers, begun.get(step.id, self.started))
            for step in self.held()
        )

    def to_renew(self) -> tuple[PlannedStep, ...]:
        """Steps that were begun before what could make more of what they end was seen to be stopped."""
        last = {(entry.kind, entry.step): n for n, entry in enumerate(self.entries)}
        held = self.held()
        return tuple(
            step
            for step in held
            if any(
                other.action in step.again_after
                and f"{other.target}/".startswith(f"{step.target}/")
                and last.get(("verified", other.id), -1) > last.get(("begun", step.id), -1)
                for other in held
            )
            and last.get(("applied", step.id), -1) > last.get(("begun", step.id), -1)
        )

    # ---- the plan --------------------------------------------------------------------

    def steps(self) -> tuple[PlannedStep, ...]:
        """All planned steps."""
        return self.plan.steps if self.plan else ()

    def begun(self) -> frozenset[str | None]:
        """Ids of the steps that were begun; one that drifted or is parked is to do again."""
        begun: dict[str | None, bool] = {}
        for entry in self.entries:
            if entry.kind in ("begun", "drifted", "moved", "parked"):
                begun[entry.step] = entry.kind == "begun" or is_unsure(entry)
        return frozenset(step for step, yes in begun.items() if yes)

    def take_plan(self, now: datetime, plan: Plan) -> None:
        """Take a new plan; what is begun already keeps the plan that it was begun with."""
        begun = self.begun()
        kept = {step.id: step for step in self.steps() if step.id in begun}
        old = {step.id: step for step in self.steps()}
        apart = (_apart(step, kept) for step in plan.steps)
        plan = plan.model_copy(update={"steps": tuple(_as_before(step, old) for step in apart)})
        fresh = [step for step in plan.steps if step.id not in begun]
        left_out = _too_many(kept.values(), fresh)
        if left_out:
            fresh = fresh[:-left_out]
            plan = plan.model_copy(update={"steps": plan.steps[:-left_out]})
        self._note_plan(now, plan)
        self.plan = plan.model_copy(update={"steps": (*kept.values(), *fresh)})
        if left_out:
            self.failed = True
            says = f"{left_out} steps do not fit into one response any more; a person should look"
            self.note(now, "failed", says)
        for step in plan.steps:
            if step.id in kept and (moved := _moved(kept[step.id], step)) is not None:
                self.note(
                    now, "moved", f"a later fact: {moved.says}", step=step.id, data={"plan": plain(moved)}
                )
                self.replace(moved)
        for step in plan.steps:
            if step.outcome == "unplanned":
                self.failed = True
                if not self._said_last(step.id, "failed", step.says):
                    self.note(now, "failed", step.says, step=step.id)

    def _note_plan(self, now: datetime, plan: Plan) -> None:
        """Write down what of a plan differs from the one before; what is as it was is named."""
        before = {step.id: step for step in self.steps()}
        changed = tuple(step for step in plan.steps if before.get(step.id) != step)
        data: dict[str, Any] = {"plan": plain(plan.model_copy(update={"steps": changed}))}
        same = [step.id for step in plan.steps if before.get(step.id) == step]
        if self.plan is not None:
            data["same"] = same
            if self.plan.lookups == plan.lookups:
                del data["plan"]["lookups"]
        self.note(now, "planned", _summary(plan), data=data)

    def _said_last(self, step: str, kind: EntryKind, says: str) -> bool:
        """Whether this very thing is the last that was said of a step: a flood does not repeat it."""
        last = next((entry for entry in reversed(self.entries) if entry.step == step), None)
        return last is not None and (last.kind, last.says) == (kind, says)

    def plan_due(self, now: datetime) -> datetime:
        """When the next plan may be made: at once, but in a flood after an ever longer pause."""
        if self.hurry:
            return now
        made = [entry.at for entry in self.entries if entry.kind == "planned"]
        recent = [at for at in made if now - at < WINDOW]
        return max(now, recent[-1] + pause_before_plan(len(recent))) if recent else now

    def due(self, now: datetime) -> bool:
        """Whether there is something new to plan, and it may be planned now."""
        return self.fresh and self.plan_due(now) <= now

    def todo(self) -> list[PlannedStep]:
        """Steps that would change something and are not begun; none in shadow mode."""
        if self.plan is None or self.incident.playbook.mode == "shadow":
            return []
        begun = self.begun()
        return [
            step for step in self.plan.changes() if step.id not in begun and step.effect not in self.refused
        ]

    # ---- parked ----------------------------------------------------------------------

    def parked(self) -> dict[str, str]:
        """Steps that wait for a thaw, each with why; a new plan is made when it comes."""
        waiting: dict[str, str] = {}
        for entry in self.entries:
            if entry.kind == "planned":
                waiting.clear()
            elif entry.step is not None and entry.kind == "parked":
                waiting[entry.step] = entry.says
            elif entry.step is not None:
                waiting.pop(entry.step, None)
        return waiting

    def to_finish(self) -> list[PlannedStep]:
        """Steps that an earlier try may have made before a freeze: they are finished as they were begun."""
        last = {entry.step: entry for entry in self.entries if entry.step is not None}
        waiting = self.parked()
        return [
            step
            for step in self.steps()
            if step.id in last and is_unsure(last[step.id]) and step.id not in waiting
        ]

    def is_before_parked(self, step: PlannedStep) -> bool:
        """Whether a step may begin: it is not parked, and nothing of an earlier stage is."""
        waiting = self.parked()
        stages = [each.stage for each in self.steps() if each.id in waiting]
        return step.id not in waiting and (not stages or step.stage <= min(stages))

    def frozen_accounts(self) -> tuple[str, ...]:
        """Accounts in which something waits for a thaw."""
        waiting = self.parked()
        return tuple(dict.fromkeys(step.account for step in self.steps() if step.id in waiting))

    def settle_parked(self, now: datetime) -> None:
        """Say at the close what became of steps that were parked and are not made any more."""
        last = {
            entry.step: entry.kind
            for entry in self.entries
            if entry.step is not None and (entry.kind in UNFINISHED or entry.kind in SETTLING)
        }
        for step, kind in last.items():
            if kind == "parked":
                self.note(
                    now,
                    "settled",
                    "not made: the response is over, and it was parked until then",
                    step=step,
                    data={"outcome": "refused"},
                )

    def refuse(self, steps: Sequence[PlannedStep]) -> None:
        """Remember a no, or silence: these steps are not asked for again, unless they become others."""
        self.refused.extend(step.effect for step in steps)

    def replace(self, now: PlannedStep) -> PlannedStep:
        """Put a newer plan of a step in the place of the old one."""
        if self.plan is not None:
            steps = tuple(now if step.id == now.id else step for step in self.plan.steps)
            self.plan = self.plan.model_copy(update={"steps": steps})
        return now

    def step_failed(self, step: PlannedStep) -> None:
        """Remember a failure, and what it means for the rest."""
        self.failed = True
        if step.on_failure == "undo":
            self.give_back = self.give_back or f"step {step.id} failed"

    def stopped(self) -> bool:
        """Whether nothing more may be begun."""
        if self.give_back:
            return True
        failed = {entry.step for entry in self.entries if entry.kind == "failed"}
        return any(step.id in failed and step.on_failure == "stop" for step in self.steps())


def _apart(step: PlannedStep, begun: Mapping[str, PlannedStep]) -> PlannedStep:
    """Give a step an id of its own where the one begun under its id was about something else.

    Else whoever was first with a wrong name would have used up the step that the right one needs.
    """
    before = begun.get(step.id)
    if before is None or _about(before) == _about(step):
        return step
    return step.model_copy(update={"id": f"{step.id}.{digest(_about(step))[:12]}"})


def _as_before(step: PlannedStep, old: Mapping[str, PlannedStep]) -> PlannedStep:
    """Keep a step that would do the same as before, so that nobody is asked again about it."""
    before = old.get(step.id)
    return before if before is not None and before.effect == step.effect and before.first is None else step


def _moved(before: PlannedStep, step: PlannedStep) -> PlannedStep | None:
    """Return what is to do again because a later fact reaches further; undo gives back the first `before`."""
    if (
        before.covers is None
        or step.covers is None
        or step.covers <= before.covers
        or step.outcome != "change"
    ):
        return None
    return step.model_copy(update={"first": before.first or before.before})


def _about(step: PlannedStep) -> list[JsonValue]:
    return [step.action, step.account, step.region, step.params]


def _too_many(kept: Iterable[PlannedStep], fresh: Sequence[PlannedStep]) -> int:
    """How many of the fresh steps do not fit beside those that are begun."""
    room = MOST_PLAN - sum(weight(step) for step in kept)
    for number, step in enumerate(fresh):
        room -= weight(step)
        if room < 0:
            return len(fresh) - number
    return 0


def _past(incident: Incident, now: datetime) -> Carried:
    if incident.carried is not None:
        return incident.carried
    if incident.packed:
        return unpack_whole(incident.packed, Carried)
    return Carried(findings=(incident.finding,), started=now, asks_opened=incident.asks_before)


def _summary(plan: Plan) -> str:
    told = [f"{step.id}: {step.says}" for step in plan.steps[:_SAID]]
    if len(plan.steps) > _SAID:
        told.append(f"and {len(plan.steps) - _SAID} more")
    if not told:
        told = ["there is nothing to do", *(f"{step}: {why}" for step, why in plan.left_aside.items())]
    return "; ".join(told)
