"""Memory: the ledger and the plan of one response, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import JsonValue

from firedoor.domain.approval import Approval
from firedoor.domain.canonical import digest, plain
from firedoor.domain.contract import Status
from firedoor.domain.facts import fields_read
from firedoor.domain.finding import Finding
from firedoor.domain.ledger import SETTLING, UNFINISHED, Entry, EntryKind, is_unsure, owed
from firedoor.domain.plan import Plan, PlannedStep
from firedoor.domain.response import Carried, Incident, Sealed, finding_version
from firedoor.domain.words import PublicKey, Word

Slot = Literal["apply", "undo", "review"]


class Memory:
    """The ledger and the plan of one response. Every method that needs the time is given it."""

    def __init__(self, response: str, incident: Incident, now: datetime) -> None:
        past = incident.carried or Carried(
            findings=(incident.finding,), started=now, asks_opened=incident.asks_before
        )
        self.response = response
        self.incident = incident
        self.started = past.started
        self.findings = list(past.findings)
        self.versions = list(past.versions) or [finding_version(incident.finding)]
        self.entries = list(past.entries)
        self.plan = past.plan
        self.status: Status = past.status
        self.held_from = past.held_from
        self.looks = past.looks
        self.lifts_asked = past.lifts_asked
        self.asks_opened = past.asks_opened
        self.asks: dict[Slot, Approval] = {"apply": past.ask} if past.ask else {}
        if past.review:
            self.asks["review"] = past.review
        self.asked_steps: dict[Slot, tuple[PlannedStep, ...]] = (
            {"apply": past.asked_steps} if past.asked_steps else {}
        )
        self.give_back = ""  # why everything is taken back, "" while nobody wants that
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
        self.told = bool(past.entries)  # the desk was told of it before
        self.fresh = False  # a joined finding brought a fact that is not planned yet
        self.told_of_hold = any(
            entry.kind == "noted" and "stays open until the thaw" in entry.says for entry in self.entries
        )
        self.failed = any(entry.kind == "failed" for entry in self.entries)
        self.version = len(self.entries)  # grows with everything there is to tell

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
        self.entries.append(Entry(at=now, kind=kind, says=says, step=step, data=data or {}))
        self.version += 1

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

    # ---- the plan --------------------------------------------------------------------

    def steps(self) -> tuple[PlannedStep, ...]:
        """All planned steps."""
        return self.plan.steps if self.plan else ()

    def begun(self) -> frozenset[str | None]:
        """Ids of the steps that were begun; one that drifted or is parked is to do again."""
        begun: dict[str | None, bool] = {}
        for entry in self.entries:
            if entry.kind in ("begun", "drifted", "parked"):
                begun[entry.step] = entry.kind == "begun" or is_unsure(entry)
        return frozenset(step for step, yes in begun.items() if yes)

    def take_plan(self, now: datetime, plan: Plan) -> None:
        """Take a new plan; what is begun already keeps the plan that it was begun with."""
        begun = self.begun()
        kept = {step.id: step for step in self.steps() if step.id in begun}
        plan = plan.model_copy(update={"steps": tuple(_apart(step, kept) for step in plan.steps)})
        fresh = (step for step in plan.steps if step.id not in begun)
        self.plan = plan.model_copy(update={"steps": (*kept.values(), *fresh)})
        self.note(now, "planned", _summary(plan), data={"plan": plain(plan)})
        for step in plan.steps:
            if step.outcome == "unplanned":
                self.failed = True
                self.note(now, "failed", step.says, step=step.id)

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


def _about(step: PlannedStep) -> list[JsonValue]:
    return [step.action, step.account, step.region, step.params]


def _summary(plan: Plan) -> str:
    told = [f"{step.id}: {step.says}" for step in plan.steps]
    if not told:
        told = ["there is nothing to do", *(f"{step}: {why}" for step, why in plan.left_aside.items())]
    return "; ".join(told)
