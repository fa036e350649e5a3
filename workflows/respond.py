"""One durable response: plan, ask, apply, verify, hold, give back or close."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError

from firedoor.domain.approval import Approval, AskKind, Vote, ask
from firedoor.domain.canonical import plain
from firedoor.domain.contract import JOIN, JOIN_SIGNAL, PLAN, REPORT, RESPOND, SEAL, SHOW, UNDO, VOTE, VOTE_SIGNAL, WATCH, Status
from firedoor.domain.finding import Finding
from firedoor.domain.ledger import Entry, EntryKind, owed
from firedoor.domain.patience import PATIENCE, REST, WATCHES
from firedoor.domain.plan import Plan, PlannedStep, plan_digest
from firedoor.domain.response import (
    Applied,
    Carried,
    Incident,
    MessageRef,
    PlanOrder,
    Report,
    SealOrder,
    Sealed,
    ShowOrder,
    StepOrder,
    UndoRequest,
    VoteReceipt,
    Watched,
    finding_version,
    subjects_of,
)
from firedoor.domain.action import Undone, Verified

_STATUS = SearchAttributeKey.for_keyword("Status")
_LAST_LOOK = timedelta(seconds=3)  # what the last look of a settling time may take
_MOST_DRIFTS = 3  # how often an automatic step follows a world that moves under it


@workflow.defn(name=RESPOND)
class Respond:
    """The response to one incident. Decisions are the domain's; this is their order in time."""

    @workflow.init
    def __init__(self, incident: Incident) -> None:
        """Have all state before the first message arrives."""
        self.incident = incident
        past = incident.carried or Carried(findings=(incident.finding,), started=workflow.now())
        self.started = past.started
        self.findings = list(past.findings)
        self.versions = list(past.versions) or [finding_version(incident.finding)]
        self.entries = list(past.entries)
        self.plan = past.plan
        self.status: Status = past.status
        self.held_from = past.held_from
        self.looks = past.looks
        self.ref = past.ref
        self.asks_opened = past.asks_opened
        self.ask: Approval | None = None
        self.ask_steps: tuple[PlannedStep, ...] = ()
        self.undo_ask: Approval | None = None
        self.give_back = ""  # why everything is taken back, "" while nobody wants that
        self.fresh = False  # a joined finding brought a fact that is not planned yet
        self.resumed = incident.carried is not None
        self.version = 0
        self.settling: list[asyncio.Task[None]] = []
        self.failed = False

    # ---- the story, top to bottom -------------------------------------------------

    @workflow.run
    async def run(self, incident: Incident) -> Report:
        """Tell the story to its end; a cancel is heard here and gives everything back."""
        story = asyncio.create_task(self._story())
        while not story.done():
            try:
                await workflow.wait_condition(story.done)
            except asyncio.CancelledError:
                self.give_back = f"cancelled: {workflow.cancellation_reason() or 'no reason given'}"
                self._note("noted", f"the response was {self.give_back}; everything is given back")
        return story.result()

    async def _story(self) -> Report:
        if not self.resumed:
            self._receive()
        while True:
            if not (self.resumed and self.status == "contained"):
                await self._plan()
                await self._carry_out()
            self.resumed = False
            if not self.give_back and self.held_steps():
                await self._hold()
            if self.give_back:
                await self._undo_everything()
            elif self.fresh:
                continue
            return await self._close()

    def _receive(self) -> None:
        finding = self.incident.finding
        self._note(
            "received",
            f"{finding.source} reported {finding.type}",
            data={
                "finding": plain(finding),
                "playbook": plain(self.incident.playbook),
                "playbook_sha256": self.incident.playbook_sha256,
                "source": self.incident.source,
                "received": self.incident.received.isoformat(),
                "caution": self.incident.caution,
            },
        )
        if self.incident.announce:
            self.herald = asyncio.create_task(self._herald())

    # ---- plan ----------------------------------------------------------------------

    async def _plan(self) -> None:
        """Plan every step, reading only. What is begun already keeps the plan it was begun with."""
        self.fresh = False
        self._enter("planning")
        order = PlanOrder(
            response=workflow.info().workflow_id, incident=self.incident, findings=tuple(self.findings)
        )
        try:
            plan: Plan = await self._do(PLAN, "plan", order, Plan, says="plan every step, reading only")
        except ActivityError as error:
            self.failed = True
            self._note("failed", f"the plan could not be made: {_reason(error)}")
            return
        begun = {entry.step for entry in self.entries if entry.kind == "begun"}
        kept = tuple(step for step in (self.plan.steps if self.plan else ()) if step.id in begun)
        self.plan = plan.model_copy(
            update={"steps": (*kept, *(step for step in plan.steps if step.id not in begun))}
        )
        self._note("planned", _summary(plan), data={"plan": plain(plan)})

    # ---- carry out -----------------------------------------------------------------

    async def _carry_out(self) -> None:
        """Run what needs nobody at once, ask for the rest, and act on the answer."""
        if self.plan is None or self.incident.playbook.mode == "shadow":
            return
        begun = {entry.step for entry in self.entries if entry.kind == "begun"}
        todo = [step for step in self.plan.changes() if step.id not in begun]
        automatic = [step for step in todo if step.approval is None]
        stretches = _stretches(todo)
        if stretches:
            self._open_ask(stretches[0])
        await self._apply_all(automatic)
        for index, stretch in enumerate(stretches):
            if self._stopped():
                break
            if index:
                self._open_ask(stretch)
            if not await self._ask_and_apply(stretch):
                break
        self._withdraw_ask()
        if self.settling:
            await asyncio.gather(*self.settling)
            self.settling.clear()

    async def _ask_and_apply(self, stretch: tuple[PlannedStep, ...]) -> bool:
        """Wait for the answer to one stretch; a drift voids the votes and asks again."""
        while True:
            if not await self._decided("apply"):
                return False
            drifted = await self._apply_all(stretch)
            if not drifted or self._stopped():
                return not self._stopped()
            stretch = drifted
            self._open_ask(stretch, generation=(self.ask.generation + 1 if self.ask else 1))

    async def _apply_all(self, steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
        """Apply stage by stage, each stage in parallel; returns the asked steps that drifted.

        One target's failure does not stop its siblings; what it means for the
        rest, the step's `on_failure` says.
        """
        drifted: list[PlannedStep] = []
        for stage in sorted({step.stage for step in steps}):
            if self._stopped():
                break
            siblings = [step for step in steps if step.stage == stage]
            results = await asyncio.gather(*(self._apply(step) for step in siblings), return_exceptions=True)
            for step, result in zip(siblings, results, strict=True):
                if isinstance(result, BaseException):
                    raise result
                if isinstance(result, PlannedStep):
                    drifted.append(result)
                elif result == "failed":
                    self._after_failure(step)
            if drifted:
                waiting = {step.id for step in drifted}
                drifted.extend(step for step in steps if step.stage > stage and step.id not in waiting)
                break
        return tuple(drifted)

    async def _apply(self, step: PlannedStep) -> PlannedStep | Literal["done", "failed"]:
        """Carry out one step, write-ahead; an automatic one follows a world that moves, a few times."""
        for _ in range(_MOST_DRIFTS):
            if self.give_back:
                return "done"
            self._enter("containing")
            self._note("begun", step.says, step=step.id)
            try:
                applied: Applied = await self._do(
                    f"{step.action}.apply", "apply", self._order(step), Applied, says=step.says
                )
            except ActivityError as error:
                self._note("failed", _reason(error), step=step.id)
                return "failed"
            if applied.outcome == "applied":
                self._note("applied", applied.says, step=step.id)
                if applied.verified:
                    self._note("verified", applied.says, step=step.id)
                else:
                    self.settling.append(asyncio.create_task(self._settle(step)))
                return "done"
            self._note("settled", applied.says, step=step.id, data={"outcome": applied.outcome})
            if applied.outcome != "drifted" or applied.now is None:
                return "done"
            self._note("drifted", applied.now.says, step=step.id, data={"plan": plain(applied.now)})
            step = self._replace(applied.now)
            if step.outcome != "change":
                return "done"
            if step.approval is not None:
                return step
        self._note("failed", "the world kept moving under this step; a person should look", step=step.id)
        return "failed"

    async def _settle(self, step: PlannedStep) -> None:
        """Ask again until the vendor made it true, or its settling time is over."""
        self._enter("unverified")
        try:
            verified: Verified = await self._do(
                f"{step.action}.verify",
                "verify",
                self._order(step),
                Verified,
                says=f"verify until settled: {step.says}",
                overall=step.settles_within + _LAST_LOOK,
            )
        except ActivityError as error:
            self._note("unverified", f"not seen contained in time: {_reason(error)}", step=step.id)
            return
        self._note("verified", verified.says, step=step.id)

    def _after_failure(self, step: PlannedStep) -> None:
        self.failed = True
        if step.on_failure == "undo":
            self.give_back = f"step {step.id} failed"

    def _stopped(self) -> bool:
        """Whether nothing more may be begun."""
        if self.give_back:
            return True
        failed = {entry.step for entry in self.entries if entry.kind == "failed"}
        return any(step.id in failed and step.on_failure == "stop" for step in self._steps())

    # ---- ask -----------------------------------------------------------------------

    def _open_ask(self, steps: tuple[PlannedStep, ...], generation: int = 1) -> None:
        rules = tuple(step.approval for step in steps if step.approval is not None)
        self.ask_steps = steps
        self.ask = self._new_ask("apply", steps, rules, generation)
        self._enter("awaiting_approval")

    def _new_ask(
        self,
        kind: AskKind,
        steps: tuple[PlannedStep, ...],
        rules: tuple[Any, ...],
        generation: int = 1,
        requester: str | None = None,
    ) -> Approval:
        self.asks_opened += 1
        opened = ask(
            number=self.asks_opened,
            kind=kind,
            plan_sha256=plan_digest(f"{kind} {workflow.info().workflow_id}", steps),
            rules=rules,
            now=workflow.now(),
            generation=generation,
            requester=requester,
            subjects=subjects_of(self.findings),
        )
        self._note("asked", f"{' and '.join(opened.groups())} asked to approve {opened.fingerprint}", data={"ask": plain(opened)})
        return opened

    async def _decided(self, kind: Literal["apply", "undo"]) -> bool:
        """Wait for the quorum, a no, or the deadline; escalate once to more people if the rule says so."""
        while True:
            current = self._slot(kind)
            if current is None:
                return False
            answered = lambda: (  # noqa: E731 - read anew at each wake-up
                self.give_back != "" or (held := self._slot(kind)) is None or held.state(workflow.now()) != "pending"
            )
            try:
                await workflow.wait_condition(answered, timeout=max(current.deadline - workflow.now(), timedelta()))
            except asyncio.TimeoutError:
                escalated = current.escalation(workflow.now())
                if escalated is not None:
                    self._hold_ask(kind, escalated)
                    self._note(
                        "asked",
                        f"nobody answered in time; {' and '.join(escalated.groups())} are asked now",
                        data={"ask": plain(escalated)},
                    )
                    continue
            closed = self._slot(kind)
            if closed is None or self.give_back:
                return False
            state = closed.state(workflow.now())
            self._note("decided", f"{kind} {closed.fingerprint}: {state}", data={"ask": plain(closed)})
            return state == "granted"

    def _slot(self, kind: str) -> Approval | None:
        return self.ask if kind == "apply" else self.undo_ask

    def _hold_ask(self, kind: str, value: Approval) -> None:
        if kind == "apply":
            self.ask = value
        else:
            self.undo_ask = value

    def _withdraw_ask(self) -> None:
        if self.ask is not None and self.ask.state(workflow.now()) == "pending":
            self._note("decided", f"apply {self.ask.fingerprint}: withdrawn", data={"ask": plain(self.ask)})
            self.ask = None

    # ---- hold ----------------------------------------------------------------------

    async def _hold(self) -> None:
        """Keep the containment, look at it again and again, accept undo, until the hold is over."""
        if self.held_from is None:
            self.held_from = workflow.now()
        self._enter(self._resting_status())
        end = self.held_from + self.incident.playbook.hold
        while not self.give_back and not self.fresh:
            look_at = self.held_from + self._next_look()
            if workflow.now() >= end:
                return
            try:
                await workflow.wait_condition(
                    lambda: bool(self.give_back) or self.fresh, timeout=min(look_at, end) - workflow.now()
                )
            except asyncio.TimeoutError:
                if workflow.now() >= look_at:
                    self.looks += 1
                    await self._look()
            if workflow.info().is_continue_as_new_suggested() and self.undo_ask is None and not self.fresh:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.incident.model_copy(update={"carried": self._carry()}))

    def _next_look(self) -> timedelta:
        if self.looks < len(WATCHES):
            return WATCHES[self.looks]
        return WATCHES[-1] + REST * (self.looks - len(WATCHES) + 1)

    async def _look(self) -> None:
        """Look whether somebody re-opened what is held. It is said loudly, never silently closed again."""
        held = [step for step in self._steps() if step.id in self.held_steps()]
        orders = [self._order(step) for step in held]
        try:
            seen: Watched = await self._do(WATCH, "watch", orders, Watched, says="look whether it is still contained")
        except ActivityError as error:
            self._note("noted", f"could not look whether it is still contained: {_reason(error)}")
            return
        open_now = {entry.step: entry.kind for entry in self.entries if entry.kind in ("reverted", "verified")}
        for step_id, says in seen.reverted.items():
            if open_now.get(step_id) != "reverted":
                self._note("reverted", says, step=step_id)
        for step in held:
            known = step.id in seen.reverted or step.id in seen.unknown
            if not known and open_now.get(step.id) != "verified":
                self._note("verified", "it is contained again", step=step.id)
        self._enter(self._resting_status())

    def _resting_status(self) -> Status:
        last = {entry.step: entry.kind for entry in self.entries if entry.step and entry.kind != "begun"}
        held = [last.get(step) for step in self.held_steps()]
        if "reverted" in held:
            return "reverted"
        if self.failed:
            return "failed"
        return "unverified" if "unverified" in held else "contained"

    # ---- give back and close ---------------------------------------------------------

    async def _undo_everything(self) -> None:
        """Take back newest first, each with its own long patience; what cannot be is STUCK, loudly."""
        self._withdraw_ask()
        self._enter("containing")
        by_id = {step.id: step for step in self._steps()}
        for step_id in owed(self.entries):
            step = by_id[step_id]
            if not step.reversible:
                self._note("stuck", f"it cannot be undone: {step.reversibility.says}", step=step_id)
                continue
            self._note("undoing", f"take back: {step.says}", step=step_id)
            try:
                undone: Undone = await self._do(
                    f"{step.action}.undo", "undo", self._order(step), Undone, says=f"take back: {step.says}"
                )
            except ActivityError as error:
                self._note("stuck", f"it could not be given back: {_reason(error)}", step=step_id)
                continue
            if undone.outcome == "drifted":
                self._note("drifted", undone.says, step=step_id)
                self._note("stuck", "somebody changed it since; it was left alone and needs a person", step=step_id)
            else:
                self._note("undone", undone.says, step=step_id, data={"outcome": undone.outcome})

    async def _close(self) -> Report:
        status = self._final_status()
        self._note("closed", f"closed as {status}", data={"status": status})
        self._enter(status)
        order = SealOrder(response=workflow.info().workflow_id, entries=tuple(self.entries))
        try:
            sealed: Sealed = await self._do(SEAL, "seal", order, Sealed, says="seal the evidence")
            workflow.logger.info("evidence sealed as %s", sealed.name)
        except ActivityError as error:
            workflow.logger.error("the evidence could not be written: %s", _reason(error))
        if self.incident.announce:
            await self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.report()

    def _final_status(self) -> Status:
        kinds = {entry.kind for entry in self.entries}
        if "stuck" in kinds and self.give_back:
            return "stuck"
        if self.give_back:
            return "undone" if "undone" in kinds else ("failed" if self.failed else "closed")
        if self.failed:
            return "failed"
        return "closed" if self.held_steps() else "dismissed"

    # ---- messages --------------------------------------------------------------------

    @workflow.update(name=JOIN)
    def join(self, finding: Finding) -> bool:
        """Take in a later finding that brings a fact."""
        return self._join(finding)

    @join.validator
    def _check_join(self, finding: Finding) -> None:
        if not self._brings_something(finding):
            raise ApplicationError("this response knows all of that", type="Known")

    @workflow.signal(name=JOIN_SIGNAL)
    def join_later(self, finding: Finding) -> None:
        """Take in a later finding while no worker could answer."""
        if self._brings_something(finding):
            self._join(finding)

    def _brings_something(self, finding: Finding) -> bool:
        known = frozenset[str]().union(*(earlier.facts() for earlier in self.findings))
        return finding_version(finding) not in self.versions and not finding.facts() <= known

    def _join(self, finding: Finding) -> bool:
        self.findings.append(finding)
        self.versions.append(finding_version(finding))
        self.fresh = True
        self._note("joined", f"{finding.source} reported {finding.type} as well", data={"finding": plain(finding)})
        return True

    @workflow.update(name=VOTE)
    def vote(self, vote: Vote) -> VoteReceipt:
        """Count a vote; the validator has let it through."""
        return self._count(vote)

    @vote.validator
    def _check_vote(self, vote: Vote) -> None:
        objection = self._objection(vote)
        if objection is not None:
            raise ApplicationError(objection, type="Objection")

    @workflow.signal(name=VOTE_SIGNAL)
    def vote_later(self, vote: Vote) -> None:
        """Count a vote that was given while no worker could answer, by the time it was given."""
        if self._objection(vote) is None:
            self._count(vote)

    def _objection(self, vote: Vote) -> str | None:
        kind = self._kind_asked(vote)
        if kind is None:
            return "nothing is being asked here now"
        held = self._slot(kind)
        return held.objection(vote, workflow.now()) if held else "nothing is being asked here now"

    def _kind_asked(self, vote: Vote) -> Literal["apply", "undo"] | None:
        if self.undo_ask is not None and (
            vote.fingerprint in (self.undo_ask.fingerprint, self.undo_ask.plan_sha256) or self.ask is None
        ):
            return "undo"
        if self.ask is not None:
            return "apply"
        return None

    def _count(self, vote: Vote) -> VoteReceipt:
        kind = self._kind_asked(vote) or "apply"
        held = self._slot(kind)
        if held is None:
            raise ApplicationError("nothing is being asked here now", type="Objection")
        counted = held.with_vote(vote)
        self._hold_ask(kind, counted)
        self._note("voted", f"{vote.voter.person} said {vote.decision}", data={"vote": plain(vote)})
        return VoteReceipt(
            state=counted.state(workflow.now()), missing=counted.missing(), fingerprint=counted.fingerprint
        )

    @workflow.update(name=UNDO)
    def undo(self, request: UndoRequest) -> VoteReceipt:
        """Ask for the approval of taking everything back."""
        self._note("undo_requested", f"{request.person} asked for it", data={"request": plain(request)})
        by_id = {step.id: step for step in self._steps()}
        steps = tuple(by_id[step] for step in owed(self.entries))
        assert self.plan is not None  # noqa: S101 - the validator found steps that are owed
        self.undo_ask = self._new_ask("undo", steps, (self.plan.undo_rule,), requester=request.person)
        self._enter("awaiting_approval")
        self.undo_wait = asyncio.create_task(self._wait_for_undo())
        return VoteReceipt(
            state="pending", missing=self.undo_ask.missing(), fingerprint=self.undo_ask.fingerprint
        )

    @undo.validator
    def _check_undo(self, request: UndoRequest) -> None:
        if self.undo_ask is not None:
            raise ApplicationError(f"undo {self.undo_ask.fingerprint} is asked for already", type="Objection")
        if self.give_back or not owed(self.entries):
            raise ApplicationError("there is nothing to take back here", type="Objection")

    async def _wait_for_undo(self) -> None:
        granted = await self._decided("undo")
        if granted:
            self.give_back = "a person asked for it and others agreed"
        else:
            self.undo_ask = None
            self._enter(self._resting_status())

    @workflow.query(name=REPORT)
    def report(self) -> Report:
        """Tell how the response stands, exactly, at any moment."""
        shown = self.undo_ask or self.ask
        held = self.held_from + self.incident.playbook.hold if self.held_from else None
        return Report(
            id=workflow.info().workflow_id,
            playbook=self.incident.playbook.playbook,
            playbook_sha256=self.incident.playbook_sha256,
            summary=self.incident.playbook.summary,
            status=self.status,
            finding=self.incident.finding,
            findings_seen=len(self.versions),
            started=self.started,
            plan=self.plan,
            ask=shown,
            asking=shown is not None and shown.state(workflow.now()) == "pending" and not self.give_back,
            asked_steps=self._steps_owed() if self.undo_ask else self.ask_steps,
            held_until=held,
            owed=owed(self.entries),
            entries=tuple(self.entries),
            versions_seen=tuple(self.versions),
        )

    # ---- the desk ----------------------------------------------------------------------

    async def _herald(self) -> None:
        """Tell the desk of every change, one message at a time; what piles up is told at once."""
        shown = -1
        while True:
            await workflow.wait_condition(lambda: self.version != shown)  # noqa: B023 - read at each wake-up
            shown = self.version
            await self._show()

    async def _show(self) -> None:
        order = ShowOrder(report=self.report(), version=self.version, ref=self.ref)
        try:
            self.ref = await self._do(SHOW, "show", order, MessageRef, says="tell the desk")
        except ActivityError as error:
            # The desk being down never delays containment; people have the CLI and the HTTP API.
            workflow.logger.warning("the desk was not told: %s", _reason(error))

    # ---- small pieces --------------------------------------------------------------------

    def held_steps(self) -> tuple[str, ...]:
        """Step ids that changed the world and are not taken back."""
        changed = {entry.step for entry in self.entries if entry.kind in ("applied", "verified", "unverified")}
        return tuple(step for step in owed(self.entries) if step in changed)

    def _steps(self) -> tuple[PlannedStep, ...]:
        return self.plan.steps if self.plan else ()

    def _steps_owed(self) -> tuple[PlannedStep, ...]:
        by_id = {step.id: step for step in self._steps()}
        return tuple(by_id[step] for step in owed(self.entries))

    def _replace(self, now: PlannedStep) -> PlannedStep:
        if self.plan is not None:
            steps = tuple(now if step.id == now.id else step for step in self.plan.steps)
            self.plan = self.plan.model_copy(update={"steps": steps})
        return now

    def _order(self, step: PlannedStep) -> StepOrder:
        return StepOrder(
            response=workflow.info().workflow_id,
            artefact=self.incident.artefact,
            source=self.incident.source,
            playbook=self.incident.playbook.playbook,
            step=step,
        )

    async def _do(
        self, name: str, verb: str, order: Any, result: type[Any], *, says: str, overall: timedelta | None = None
    ) -> Any:
        """Run one activity by its name, with the patience of its verb."""
        patience = PATIENCE[verb]
        return await workflow.execute_activity(
            name,
            order,
            result_type=result,
            summary=says[:200],
            start_to_close_timeout=patience.attempt,
            schedule_to_close_timeout=overall or patience.overall,
            heartbeat_timeout=patience.heartbeat,
            retry_policy=RetryPolicy(
                initial_interval=patience.first_pause, maximum_interval=patience.longest_pause
            ),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=self._priority(),
        )

    def _priority(self) -> Priority:
        finding = self.incident.finding
        return Priority(priority_key=max(1, 6 - finding.severity.rank), fairness_key=finding.account or "none")

    def _note(self, kind: EntryKind, says: str, *, step: str | None = None, data: dict[str, Any] | None = None) -> None:
        self.entries.append(Entry(at=workflow.now(), kind=kind, says=says, step=step, data=data or {}))
        self.version += 1

    def _enter(self, status: Status) -> None:
        """Move to a status. Temporal's list is written when the response comes to rest, its page always."""
        if status == self.status:
            return
        self.status = status
        workflow.set_current_details(f"**{status}** · {self.incident.playbook.summary}")
        if status not in ("planning", "containing", "unverified"):
            workflow.upsert_search_attributes([_STATUS.value_set(status)])

    def _carry(self) -> Carried:
        return Carried(
            findings=tuple(self.findings),
            versions=tuple(self.versions),
            started=self.started,
            entries=tuple(self.entries),
            plan=self.plan,
            status=self.status,
            held_from=self.held_from,
            looks=self.looks,
            ref=self.ref,
            asks_opened=self.asks_opened,
        )


def _stretches(steps: Sequence[PlannedStep]) -> list[tuple[PlannedStep, ...]]:
    """Group consecutive steps that need a yes: one ask each."""
    stretches: list[list[PlannedStep]] = []
    before_asked = False
    for step in steps:
        if step.approval is not None:
            if before_asked:
                stretches[-1].append(step)
            else:
                stretches.append([step])
        before_asked = step.approval is not None
    return [tuple(stretch) for stretch in stretches]


def _summary(plan: Plan) -> str:
    if plan.refused:
        return f"nothing may be done: {plan.refused}"
    return "; ".join(f"{step.id}: {step.says}" for step in plan.steps) or "there is nothing to do"


def _reason(error: ActivityError) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (ApplicationError, CancelledError)) and cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause)
