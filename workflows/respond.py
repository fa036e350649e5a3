"""One durable response: plan, ask, apply, verify, hold, give back or close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.common import Priority, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from firedoor.domain.action.action import Undone, Verified
from firedoor.domain.approval.vote import Vote
from firedoor.domain.approval.words import Doubt, Word, doubt, keyid_of, too_old
from firedoor.domain.channel.messages import ShowOrder
from firedoor.domain.core.canonical import plain
from firedoor.domain.finding.finding import Finding
from firedoor.domain.guard.clearance import Places, Waiting
from firedoor.domain.plan.plan import Plan, PlannedStep, stretches
from firedoor.domain.response.bounds import MOST_CARRIED, MOST_WHOLE, RUN_BYTES, RUN_EVENTS, RUN_UPDATES
from firedoor.domain.response.contract import (
    CARRIED,
    CLEARANCE_ID,
    CONFIRM,
    IS_FROZEN,
    JOIN,
    JOIN_SIGNAL,
    KEEP,
    KEYS,
    LEARN_KEY,
    PLAN,
    REASSIGN,
    REPORT,
    RESPOND,
    SEAL,
    SHOW,
    SNOOZE,
    SPILL,
    THAWED,
    UNDO,
    UNDO_SIGNAL,
    VOTE,
    VOTE_SIGNAL,
    WAIT,
    WATCH,
    Status,
)
from firedoor.domain.response.ledger import EntryKind
from firedoor.domain.response.memory import Slot
from firedoor.domain.response.messages import (
    Applied,
    Confirmed,
    ConfirmOrder,
    GatewayKeys,
    Incident,
    KeyOffer,
    Nudged,
    Part,
    PartOrder,
    PlanOrder,
    ReassignRequest,
    Report,
    Sealed,
    SealOrder,
    SnoozeRequest,
    StepOrder,
    UndoRequest,
    VoteReceipt,
    Watched,
    finding_hash,
)
from firedoor.domain.response.story import Story, rules_of
from firedoor.domain.response.timeouts import LONGEST_PARK, PARK, WAKES_A_SECOND
from workflows.calling import at_once_only, patient, reason, refuse
from workflows.hearing import hear, unheard

_STATUS = SearchAttributeKey.for_keyword("Status")
_REVIEW = SearchAttributeKey.for_keyword("Review")  # open while others owe a look at a broken glass
_LAST_LOOK = timedelta(seconds=3)  # what the last look of a settling time may take
_LEARNS_AGAIN = timedelta(minutes=1)  # how soon a response asks again which gateways are ours
_AT_ONCE = 500  # activities of one stage: Temporal takes 2 000 that are under way, and 4 MB in one task
_TRIES_AGAIN = timedelta(minutes=1)
_REASON = 300  # characters of what an operator wrote to a cancel
_DONE_AGAIN = ("show", "verify")  # what a next run does again
#: In a flood the desk is told at this pace; else at once.
_SHOWN_AT_ONCE, _BUSY, _BETWEEN_SHOWS = 20, timedelta(minutes=1), timedelta(seconds=2)
_MOST_DRIFTS = 3  # how often an automatic step follows a world that moves under it
#: Passing states are on Temporal's page only: an entry in its list costs an event each.
_PASSING: frozenset[Status] = frozenset({"planning", "containing"})


@workflow.defn(name=RESPOND)
class Respond:
    """The response to one incident. Decisions are the domain's; this is their order in time."""

    @workflow.init
    def __init__(self, incident: Incident) -> None:
        """Have all state before the first message arrives."""
        self.incident = incident
        self.story = Story(workflow.info().workflow_id, incident, workflow.now())
        self.incident = self.story.incident  # without what was handed on
        self.ended = incident.ended
        self.busy = 0  # activities that a next run could not do again
        self.updates = 0  # that this run accepted
        self.rests_until: datetime | None = None  # it could not hand on: it tries again then
        self.passing = False  # what waits makes room for the next run
        self.resumed = bool(incident.carried or incident.packed)
        self.nudged = False  # somebody put a reminder off: its hour is another one now
        self.thawed = False  # what is parked may go on
        self.parkings = 0  # how often something was parked; the last one is the one that waits
        self.tasks: list[asyncio.Task[None]] = []  # held, so that none is collected while it waits
        self.settling: list[asyncio.Task[None]] = []
        self.in_flight: list[workflow.ActivityHandle[Any]] = []
        self.learnt: datetime | None = None  # when it asked last which gateways are ours

    # ---- the story, top to bottom ----------------------------------------------------

    @workflow.run
    async def run(self, incident: Incident) -> Report:
        """Tell the story to its end; a cancel is heard here, and asks for undo like anybody."""
        del incident  # it came to __init__
        if self.incident.desk:
            self.tasks.append(asyncio.create_task(self._herald()))
        told = asyncio.create_task(self._tell())
        while not told.done():
            try:
                await workflow.wait_condition(told.done)
            except asyncio.CancelledError:
                why = (workflow.cancellation_reason() or "no reason given")[:_REASON]
                if self.story.cancel(why, workflow.now()):
                    self.tasks.append(asyncio.create_task(self._wait_for_undo()))
        return told.result()

    async def _tell(self) -> Report:
        if self.incident.next:
            workflow.upsert_search_attributes([_STATUS.value_set("planning")])
        if not self.resumed:
            self.story.receive(workflow.now())
            await self._contain()
        else:
            self._take_up()
            if self.ended is not None and self.story.fresh:
                await self._plan()
            if self.story.carrying or self.story.parked():
                await self._carry_out()
        while True:
            if not self.story.give_back and self.story.to_hold():
                await self._hold()
            if self.story.give_back:
                await self._undo_everything()
            elif self.story.fresh:
                await self._until_due(lambda: bool(self.story.give_back))
                await self._contain()
                continue
            if not self.story.review_over():
                await workflow.wait_condition(
                    lambda: (
                        self.story.review_over()
                        or (self.story.fresh and not self.story.give_back)
                        or self._is_long()
                    )
                )
                await self._pass_on()
                continue
            return await self._close()

    async def _until_due(self, over: Callable[[], bool]) -> None:
        """In a flood, plan what came together: wait for the hour of the next plan, or for what is worse."""
        story = self.story
        while not story.due(workflow.now()) and not over():
            try:
                await workflow.wait_condition(
                    lambda: over() or story.hurry, timeout=story.plan_due(workflow.now()) - workflow.now()
                )
            except TimeoutError:
                return

    async def _contain(self) -> None:
        self.story.carrying = True
        await self._plan()
        await self._carry_out()

    # ---- a long life -----------------------------------------------------------------

    def _take_up(self) -> None:
        """Go on where the last run stopped: what was asked is asked, what was applied is looked at."""
        story, now = self.story, workflow.now()
        if self.ended is not None:
            story.resume(self.ended, now)
        if "undo" in story.asks:
            self.tasks.append(asyncio.create_task(self._wait_for_undo()))
        if not story.review_over():
            self.tasks.append(asyncio.create_task(self._wait_for_review()))
        if not story.give_back:
            for step, since in story.to_settle():
                left = since + step.settles_within - now
                self.settling.append(asyncio.create_task(self._settle(step, left)))

    def _is_long(self) -> bool:
        """Whether this run should hand on to the next one, well before any limit."""
        info = workflow.info()
        if self.rests_until is not None and workflow.now() < self.rests_until:
            return False
        return (
            info.is_continue_as_new_suggested()
            or info.get_current_history_length() > RUN_EVENTS
            or info.get_current_history_size() > RUN_BYTES
            or self.updates > RUN_UPDATES
        )

    async def _pass_on(self) -> None:
        """Continue as new where it is time: at a safe point, with all that is open, losing no message.

        Nothing that changes the world is under way here. What only looks, and what tells the desk, the
        next run does again.
        """
        if not self._is_long():
            return
        await self._keep_parts()
        self.passing = True
        await workflow.wait_condition(lambda: self.busy == 0 and workflow.all_handlers_finished())
        self.passing = False
        following = self.story.next_run()
        if len(following.packed) <= MOST_CARRIED:
            workflow.continue_as_new(following)
        self.rests_until = workflow.now() + _TRIES_AGAIN
        workflow.logger.error("the ledger is too long to hand on; is the evidence store full?")

    async def _keep_parts(self, most: int = MOST_WHOLE) -> None:
        """Write what is old in a long ledger to the evidence store, from where sealing takes it."""
        while entries := self.story.next_part(most):
            order = PartOrder(response=self.story.response, entries=entries)
            try:
                part: Part = await self._do(KEEP, "seal", order, Part, says="keep a part of the ledger")
            except ActivityError as error:
                workflow.logger.error("a part of the ledger could not be kept: %s", reason(error))
                return
            self.story.take_part(part)

    # ---- plan ------------------------------------------------------------------------

    async def _plan(self) -> None:
        """Plan every step, reading only."""
        self.story.fresh = self.story.hurry = False
        self._enter("planning")
        order = PlanOrder.of(self.story.response, self.story.incident, self.story.findings)
        try:
            plan = await self._planned(order)
        except ActivityError as error:
            self.story.failed = True
            self._note("failed", f"the plan could not be made: {reason(error)}")
            return
        self.story.take_plan(workflow.now(), plan)

    async def _planned(self, order: PlanOrder) -> Plan:
        """Plan at once in the worker that has the workflow; what is large or slow, by an ordinary activity.

        Reads are harmless to repeat, so a first try may end without a trace. It holds a workflow task, in
        which nothing else is heard: so it has little time, and few targets.
        """
        if order.is_small():
            try:
                at_once: Plan = await workflow.execute_local_activity(
                    PLAN,
                    order,
                    result_type=Plan,
                    summary="plan every step, reading only",
                    **at_once_only(),
                )
            except (
                FailureError
            ):  # of a local activity it is the failure itself, without an ActivityError around
                workflow.logger.info("the plan is not made at once; an ordinary activity makes it")
            else:
                return at_once
        plan: Plan = await self._do(PLAN, "plan", order, Plan, says="plan every step, reading only")
        return plan

    # ---- carry out -------------------------------------------------------------------

    async def _carry_out(self) -> None:
        """Run what needs nobody at once, ask for the rest meanwhile, and act on the answers.

        A fact that joins while people think is planned and contained at once; it
        does not wait for them.
        """
        story = self.story
        story.carrying = True
        while not story.stopped():
            await self._pass_on()
            todo = story.todo()
            stretch = next(iter(stretches(todo)), ())
            if stretch and not (story.is_asking(stretch) or story.granted(stretch) or self._waits(stretch)):
                story.open_ask(workflow.now(), "apply", stretch, rules_of(stretch))
            await self._apply_all([*story.to_finish(), *(step for step in todo if step.approval is None)])
            if story.stopped():
                break
            if story.parked():
                self._park()
            answer = await self._answer(stretch)
            if answer == "granted" and story.reviewing(workflow.now()):
                self.tasks.append(asyncio.create_task(self._wait_for_review()))
            if answer in ("granted", "confirmed"):
                await self._apply_all(stretch)  # what drifted is to do again, and is asked again
            elif answer == "plan":
                self.thawed = False
                await self._plan()
            elif answer == "refused":
                story.refuse([step for step in todo if step.approval is not None])
            if answer == "over" or (answer == "refused" and not story.parked()):
                break
        self.story.withdraw(workflow.now())
        await self._settled()

    async def _settled(self) -> None:
        while self.settling:  # what settles may make something else due again
            settling, self.settling = self.settling, []
            await asyncio.gather(*settling)
        self.story.carrying = False

    async def _answer(
        self, stretch: tuple[PlannedStep, ...]
    ) -> Literal["granted", "confirmed", "refused", "plan", "again", "over"]:
        """Wait for people, for the thaw, or for a finding that brings something new to plan."""
        story = self.story
        if stretch and not story.granted(stretch) and not self._waits(stretch):
            if await self._decided("apply"):
                return "granted"
            if story.answered("apply", workflow.now()):
                return "again" if self._waits(stretch) else "refused"
            return "plan" if story.due(workflow.now()) or self.thawed else "again"
        if story.parked():
            await self._until_thaw()
            return "over" if story.stopped() else "plan"
        if not stretch:
            return "over"
        return "confirmed" if await self._still_granted() else "again"

    async def _apply_all(self, steps: Sequence[PlannedStep]) -> None:
        """Apply stage by stage, each stage in parallel, until one drifts and has to be asked again.

        One target's failure does not stop its siblings; what it means for the
        rest, the step's `on_failure` says. Nothing overtakes what is parked.
        """
        for stage in sorted({step.stage for step in steps}):
            if self.story.stopped():
                break
            siblings = [step for step in steps if step.stage == stage and self.story.is_before_parked(step)]
            results = []
            for first in range(0, len(siblings), _AT_ONCE):
                some = siblings[first : first + _AT_ONCE]
                became = await asyncio.gather(*(self._apply(step) for step in some))
                for step, result in zip(some, became, strict=True):
                    if result == "failed":
                        self.story.step_failed(step)
                results += became
            if "drifted" in results:
                break

    async def _apply(self, step: PlannedStep) -> Literal["done", "failed", "drifted"]:
        """Carry out one step, write-ahead; an automatic one follows a world that moves, a few times."""
        resumed = step in self.story.to_finish()
        for _ in range(_MOST_DRIFTS):
            if self.story.give_back:
                return "done"
            self._enter("containing")
            self._note("begun", step.says, step=step.id)
            order = self._order(step).model_copy(update={"resumed": resumed})
            try:
                applied: Applied = await self._do(
                    f"{step.action}.apply", "apply", order, Applied, says=step.says
                )
            except ActivityError as error:
                self._note("failed", reason(error), step=step.id)
                return "failed"
            self._tell_outcome(step, applied)
            if applied.outcome != "drifted" or applied.now is None:
                return "done"
            self._note("drifted", applied.now.says, step=step.id, data={"plan": plain(applied.now)})
            step = self.story.replace(applied.now)
            if step.approval is not None:
                return "drifted"
        self._note("failed", "the world kept moving under this step; a person should look", step=step.id)
        return "failed"

    def _tell_outcome(self, step: PlannedStep, applied: Applied) -> None:
        if applied.outcome == "parked":
            self._note("parked", f"parked: {applied.says}", step=step.id, data={"unsure": applied.unsure})
            return
        if applied.outcome != "applied":
            self._note("settled", applied.says, step=step.id, data={"outcome": applied.outcome})
            return
        self._note("applied", applied.says, step=step.id)
        if applied.verified:
            self._note("verified", applied.says, step=step.id)
        else:
            self.settling.append(asyncio.create_task(self._settle(step)))
        self._renew_what_is_due()

    def _renew_what_is_due(self) -> None:
        """Make again what was made before a credential that could mint more was seen to be dead."""
        for step in () if self.story.stopped() else self.story.to_renew():
            self._note("begun", f"again, now that no more can be made: {step.says}", step=step.id)
            self.settling.append(asyncio.create_task(self._renew(step)))

    async def _renew(self, step: PlannedStep) -> None:
        order = self._order(step).model_copy(update={"again": True})
        try:
            applied: Applied = await self._do(
                f"{step.action}.apply", "apply", order, Applied, says=f"again: {step.says}"
            )
        except ActivityError as error:
            self.story.failed = True
            self._note("failed", f"it stands, and could not be renewed: {reason(error)}", step=step.id)
            return
        if applied.outcome != "applied":  # the kill switch: what stands stays, and people are told
            self.story.failed = True
            self._note("failed", f"it stands, and was not renewed: {applied.says}", step=step.id)
            return
        self._tell_outcome(step, applied)

    async def _settle(self, step: PlannedStep, left: timedelta | None = None) -> None:
        """Ask again until the vendor made it true, or its settling time (or what is left of it) is over."""
        if not self.story.parked():
            self._enter("unverified")
        try:
            verified: Verified = await self._do(
                f"{step.action}.verify",
                "verify",
                self._order(step),
                Verified,
                says=f"verify until settled: {step.says}",
                overall=max(step.settles_within if left is None else left, timedelta()) + _LAST_LOOK,
            )
        except ActivityError as error:
            self._note("unverified", f"not seen contained in time: {reason(error)}", step=step.id)
            return
        self._note("verified", verified.says, step=step.id)
        self._renew_what_is_due()

    # ---- ask -------------------------------------------------------------------------

    async def _decided(self, slot: Slot) -> bool:
        """Wait for the quorum, a no, or the deadline; remind, and escalate once if the rule says so.

        A complete quorum counts after everyone in it was looked up once more.
        """
        if slot != "review":
            self._enter("awaiting_approval")
        story = self.story
        while not self._is_over(slot):
            if self._confirms(slot):
                await self._confirm(slot)
                continue
            self.nudged = False
            wake = story.next_wake(slot)
            if slot == "apply" and story.fresh:
                wake = min(wake, story.plan_due(workflow.now()))
            try:
                await workflow.wait_condition(
                    lambda: self._is_over(slot) or self._confirms(slot) or self.nudged,
                    timeout=max(wake - workflow.now(), timedelta()),
                )
            except TimeoutError:
                self._silence(slot)
        if not story.answered(slot, workflow.now()):
            return False  # not answered yet: there is something new to plan first, or this run is long
        if slot == "apply" and await self._parked_by_silence():
            return False
        return story.decide(workflow.now(), slot)

    def _is_over(self, slot: Slot) -> bool:
        """Whether waiting for an answer ends now. The main line also plans, and hands on to the next run."""
        now = workflow.now()
        other = slot == "apply" and (self.story.due(now) or self.thawed or self._is_long())
        return other or self.story.answered(slot, now)

    def _confirms(self, slot: Slot) -> bool:
        return bool(self.story.to_confirm(slot, workflow.now())) and not self.passing

    def _silence(self, slot: Slot) -> None:
        """Remind people, or ask more of them, when it is time for that."""
        story, now = self.story, workflow.now()
        if now < story.next_wake(slot):
            return  # it was something else that is due
        if now < story.asks[slot].deadline:
            story.remind(now, slot)
        else:
            story.escalate(now, slot)

    async def _confirm(self, slot: Slot) -> None:
        """Look everyone up who said yes; a directory that cannot be read in time means no."""
        order = ConfirmOrder(
            votes=self.story.to_confirm(slot, workflow.now()),
            groups=self.story.asks[slot].groups(),
            gateway_keys=self.incident.gateway_keys,
        )
        try:
            confirmed: Confirmed = await self._do(
                CONFIRM, "confirm", order, Confirmed, says="look up everyone who said yes once more"
            )
        except ActivityError as error:
            workflow.logger.error("nobody could be looked up again: %s", reason(error))
            self.story.unconfirmed(workflow.now(), slot)
            return
        self.story.confirm(workflow.now(), slot, confirmed.voters)

    async def _wait_for_review(self) -> None:
        """Let others look at a broken glass; what they find is written down."""
        workflow.upsert_search_attributes([_REVIEW.value_set("open")])
        await self._decided("review")
        self.story.end_review(workflow.now())
        workflow.upsert_search_attributes([_REVIEW.value_set("over")])

    # ---- parked ----------------------------------------------------------------------

    def _waits(self, steps: Sequence[PlannedStep]) -> bool:
        return any(step.id in self.story.parked() for step in steps)

    async def _frozen(self, steps: Sequence[PlannedStep]) -> str:
        """Say why nothing may be changed where these steps would; "" where it may."""
        accounts = tuple(dict.fromkeys(step.account for step in steps))
        places = Places(playbook=self.incident.playbook.playbook, accounts=accounts)
        try:
            why: str = await self._do(
                IS_FROZEN, "frozen", places, str, says="is the kill switch thrown here?"
            )
        except ActivityError as error:
            return f"whether the kill switch is thrown is not known: {reason(error)}"
        return why

    async def _parked_by_silence(self) -> bool:
        """Whether nobody answered during a freeze: that is not a no, it is asked again after the thaw."""
        story = self.story
        if not story.is_silent(workflow.now()):
            return False
        frozen = await self._frozen(story.asked_steps["apply"])
        if not frozen or not story.is_silent(workflow.now()):
            return False
        story.park_silent(workflow.now(), frozen)
        return True

    def _park(self) -> None:
        """Say that something waits for the thaw, and have the kill switch wake this response."""
        self.thawed = False
        self.parkings += 1
        self.tasks.append(asyncio.create_task(self._ask_to_be_woken(self.parkings)))

    async def _ask_to_be_woken(self, mine: int) -> None:
        """Ask the kill switch for a wake, and ask again, ever more rarely: a wake can be lost with it.

        Nothing is polled: where nothing is frozen any more, the answer is the wake.
        """
        story, pause = self.story, PARK

        def over() -> bool:
            return self.thawed or bool(story.give_back) or mine != self.parkings or not story.parked()

        while not over():
            told = Waiting(
                response=story.response,
                playbook=self.incident.playbook.playbook,
                accounts=story.frozen_accounts()[:20],
            )
            try:
                await workflow.get_external_workflow_handle(CLEARANCE_ID).signal(WAIT, told)
            except FailureError:
                workflow.logger.error("the kill switch does not run; %s waits for it", story.response)
            again = workflow.now() + pause * workflow.random().uniform(1, 2)
            pause = min(2 * pause, LONGEST_PARK)
            while workflow.now() < again and not over():
                wake = min(again, story.next_look()) if story.held() else again
                try:
                    await workflow.wait_condition(over, timeout=max(wake - workflow.now(), timedelta()))
                except TimeoutError:
                    self._look_while_parked()

    def _look_while_parked(self) -> None:
        """Watch what is contained already, and say it when the hold is over and something is parked still."""
        story = self.story
        if story.held() and workflow.now() >= story.next_look():
            story.looks += 1
            self.tasks.append(asyncio.create_task(self._look()))
        story.hold_over_while_parked(workflow.now())

    async def _until_thaw(self) -> None:
        """Rest until what is parked may go on; of many that are woken, each waits for its turn."""
        story = self.story

        def over() -> bool:
            return self.thawed or story.due(workflow.now()) or story.stopped()

        while not over():
            if "undo" not in story.asks:
                self._enter(story.resting_status())
            await self._pass_on()
            if story.fresh:
                await self._until_due(over)
                continue
            await workflow.wait_condition(lambda: over() or story.fresh or self._is_long())
        story.hold_anew()

    async def _still_granted(self) -> bool:
        """Look everyone up who said yes before the thaw; a directory that cannot be read means: ask again."""
        votes = self.story.yeses("apply")
        if not votes:
            return True  # silence meant yes
        order = ConfirmOrder(votes=votes, groups=self.story.asks["apply"].groups())
        try:
            confirmed: Confirmed = await self._do(
                CONFIRM, "confirm", order, Confirmed, says="look up everyone who said yes before the thaw"
            )
        except ActivityError as error:
            workflow.logger.error("nobody could be looked up again: %s", reason(error))
            confirmed = Confirmed(voters={})
        return self.story.confirm_after_thaw(workflow.now(), confirmed.voters)

    @workflow.signal(name=THAWED)
    async def thaw(self, among: int) -> None:
        """Go on with what is parked; where many are woken, not all of them in the same second."""
        mine = self.parkings
        if among > WAKES_A_SECOND:
            await workflow.sleep(workflow.random().uniform(0, among / WAKES_A_SECOND))
        if mine == self.parkings and self.story.parked():
            self.thawed = True

    # ---- hold ------------------------------------------------------------------------

    async def _hold(self) -> None:
        """Keep the containment, look at it again and again, accept undo, until the hold is over."""
        story = self.story
        story.hold_from(workflow.now())
        self._enter(story.resting_status())
        while not story.give_back and not story.due(workflow.now()):
            await self._pass_on()
            if story.ask_cancelled(workflow.now()):
                self.tasks.append(asyncio.create_task(self._wait_for_undo()))
            planned = story.plan_due(workflow.now()) if story.fresh else None
            moments = [story.next_look(), story.next_lift(), story.hold_ends(), planned]
            wake = min(moment for moment in moments if moment is not None)
            owed = not story.review_over()
            try:
                await workflow.wait_condition(
                    # A review that is over may let the hold be over as well.
                    lambda: (
                        bool(story.give_back)
                        or (story.fresh and planned is None)  # noqa: B023
                        or (owed and story.review_over())  # noqa: B023
                        or self._is_long()
                    ),
                    timeout=max(wake - workflow.now(), timedelta()),
                )
            except TimeoutError:
                if await self._woken():
                    return

    async def _woken(self) -> bool:
        """Do what the hour asks for; says whether the hold is over."""
        story = self.story
        if workflow.now() >= story.next_look():
            story.looks += 1
            await self._look()
        lift_at = story.next_lift()
        if lift_at is not None and workflow.now() >= lift_at and story.ask_lift(workflow.now()):
            self.tasks.append(asyncio.create_task(self._wait_for_undo()))
        end = story.hold_ends()
        return end is not None and workflow.now() >= end

    async def _look(self) -> None:
        """Look whether somebody re-opened what is held. It is said loudly, never silently closed again."""
        held = self.story.held()
        orders = [self._order(step) for step in held]
        try:
            seen: Watched = await self._do(
                WATCH, "watch", orders, Watched, says="look whether it is still contained"
            )
        except ActivityError as error:
            self._note("noted", f"could not look whether it is still contained: {reason(error)}")
            return
        self.story.looked(workflow.now(), held, seen.reverted, seen.unknown)
        if "undo" not in self.story.asks:
            self._enter(self.story.resting_status())

    # ---- give back and close ---------------------------------------------------------

    def _give_back(self, why: str) -> None:
        """Turn round: nothing more is begun, and a try that waits to be repeated is not."""
        self.story.give_back = why
        for handle in self.in_flight:
            handle.cancel()

    async def _undo_everything(self) -> None:
        """Take back newest first, each with its own long patience; what cannot be is STUCK, loudly."""
        self.story.withdraw(workflow.now())
        self._enter("containing")
        made = {step.id for step in self.story.held()}
        self.story.carrying = False
        for step in self.story.owed():
            if step.id in self.story.given_up():
                continue
            await self._pass_on()
            if not step.reversible:
                self._note("stuck", f"it cannot be undone: {step.reversibility.says}", step=step.id)
                continue
            self._note("undoing", f"take back: {step.says}", step=step.id)
            try:
                undone: Undone = await self._do(
                    f"{step.action}.undo",
                    "undo",
                    self._order(step).model_copy(update={"made": "yes" if step.id in made else "perhaps"}),
                    Undone,
                    says=f"take back: {step.says}",
                )
            except ActivityError as error:
                self._note("stuck", f"it could not be given back: {reason(error)}", step=step.id)
                continue
            if undone.outcome == "drifted":
                self._note("drifted", undone.says, step=step.id)
                self._note(
                    "stuck", "somebody changed it since; it was left alone and needs a person", step=step.id
                )
            else:
                self._note("undone", undone.says, step=step.id, data={"outcome": undone.outcome})

    async def _close(self) -> Report:
        self.story.closing = True
        self.story.settle_parked(workflow.now())
        self.story.tell_spilled(workflow.now())
        status = self.story.final_status()
        self._note("closed", f"closed as {status}", data={"status": status})
        self._enter(status)
        await self._seal()
        self.story.over = True
        if self.incident.desk:
            await self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        following = self.story.next_incident(workflow.now())
        if following is not None:
            workflow.continue_as_new(following)
        return self.report()

    async def _seal(self) -> None:
        """Write the evidence: what is long goes there in parts first, for a payload holds 2 MB."""
        await self._keep_parts()
        story = self.story
        if story.whole > MOST_CARRIED:
            workflow.logger.error("the evidence could not be written: the store takes no part of the ledger")
            return
        entries = tuple(story.entries[story.parted :])
        order = SealOrder(response=story.response, entries=entries, parts=tuple(story.parts))
        try:
            sealed: Sealed = await self._do(SEAL, "seal", order, Sealed, says="seal the evidence")
            story.seal(sealed)
        except ActivityError as error:
            workflow.logger.error("the evidence could not be written: %s", reason(error))

    # ---- messages --------------------------------------------------------------------

    @workflow.update(name=JOIN)
    def join(self, finding: Finding) -> None:
        """Take in a later finding that brings a fact."""
        self.updates += 1
        self.story.join(finding, workflow.now())

    @join.validator
    def _check_join(self, finding: Finding) -> None:
        if self.story.knows(finding):
            raise ApplicationError("this response knows all of that", type="Known")
        if not self.story.has_room(finding):
            raise ApplicationError("this response is full", type="Closing" if self.story.closing else "Full")

    @workflow.signal(name=SPILL)
    def spill(self, hashes: list[str]) -> None:
        """Count findings that the gateway could not bring in, for there is no room."""
        self.story.spill(hashes, workflow.now())

    @workflow.signal(name=JOIN_SIGNAL)
    def join_later(self, finding: Finding) -> None:
        """Take in a finding that came while no worker could answer."""
        if self.story.knows(finding):
            return
        if self.story.has_room(finding):
            self.story.join(finding, workflow.now())
        elif self.story.closing:
            self.story.missed += 1
        else:
            self.story.spill([finding_hash(finding)], workflow.now())

    @workflow.update(name=VOTE)
    def vote(self, vote: Vote) -> VoteReceipt:
        """Count a vote; the validator has let it through."""
        self.updates += 1
        return self.story.count(vote, workflow.now())

    @vote.validator
    def _check_vote(self, vote: Vote) -> None:
        self._hear(vote)
        objection = self.story.objection(vote, workflow.now())
        refuse(objection or self._stale(vote) or vote.misses(self.story.response) or None)

    @workflow.signal(name=VOTE_SIGNAL)
    async def vote_later(self, vote: Vote) -> None:
        """Count a vote that was given while no worker could answer, by the time it was given.

        It was told to be recorded: a worker that comes back after the deadline must not lose it.
        """
        if not await self._heard(vote):
            return
        given = min(vote.at, workflow.now())
        if (self.story.objection(vote, given) or vote.misses(self.story.response) or None) is None:
            self.story.count(vote, given)

    @workflow.update(name=UNDO)
    def undo(self, request: UndoRequest) -> VoteReceipt:
        """Ask for the approval of taking everything back."""
        self.updates += 1
        return self._ask_undo(request)

    @undo.validator
    def _check_undo(self, request: UndoRequest) -> None:
        self._hear(request)
        refuse(self.story.undo_objection() or self._stale(request))

    @workflow.signal(name=UNDO_SIGNAL)
    async def undo_later(self, request: UndoRequest) -> None:
        """Ask for undo where that was said while no worker could answer."""
        if await self._heard(request) and self.story.undo_objection() is None:
            self._ask_undo(request)

    def _ask_undo(self, request: UndoRequest) -> VoteReceipt:
        receipt = self.story.ask_undo(request, workflow.now())
        self.tasks.append(asyncio.create_task(self._wait_for_undo()))
        return receipt

    @workflow.update(name=SNOOZE)
    def snooze(self, request: SnoozeRequest) -> Nudged:
        """Put the reminder of an ask off."""
        self.updates += 1
        self.nudged = True
        return self.story.snooze(request, workflow.now())

    @snooze.validator
    def _check_snooze(self, request: SnoozeRequest) -> None:
        self._hear(request)
        refuse(self.story.snooze_objection(request, workflow.now()) or self._stale(request))

    @workflow.update(name=REASSIGN)
    def reassign(self, request: ReassignRequest) -> Nudged:
        """Ask one of those who may decide to look at it."""
        self.updates += 1
        return self.story.reassign(request, workflow.now())

    @reassign.validator
    def _check_reassign(self, request: ReassignRequest) -> None:
        self._hear(request)
        refuse(self.story.reassign_objection(request, workflow.now()) or self._stale(request))

    # ---- whose words count -------------------------------------------------------------

    def _hear(self, word: Word) -> None:
        """Refuse in a validator what no gateway of ours signed for this very response."""
        hear(word, self.story.response, self.incident.gateway_keys)

    async def _heard(self, word: Word) -> bool:
        """Whether a signal counts. It cannot be refused: what does not count is counted, in few words."""
        told = doubt(word, self.story.response, self.incident.gateway_keys)
        if told is not None and told.foreign and self._may_learn():
            await self._learn()
        told = unheard(word, self.story.response, self.incident.gateway_keys)
        if told is None and (stale := self._stale(word)):
            told = Doubt(stale)
        if told is not None:
            self.story.refuse_word(word, told.says, workflow.now())
        return told is None

    def _stale(self, word: Word) -> str | None:
        if self.story.said_before(word):
            return "this was said already; once is enough"
        return too_old(word.at, self.story.started)

    @workflow.update(name=LEARN_KEY)
    async def learn_key(self, offer: KeyOffer) -> None:
        """Ask a worker which gateways are ours, for one whose key is newer than this response."""
        await self._learn()
        if offer.key not in map(keyid_of, self.incident.gateway_keys):
            raise ApplicationError("no worker knows this key as one of our gateways'", type="Objection")

    @learn_key.validator
    def _check_learn_key(self, offer: KeyOffer) -> None:
        if offer.key in map(keyid_of, self.incident.gateway_keys):
            refuse("this key is known here")
        refuse(None if self._may_learn() else "which keys are known was asked a moment ago; try again soon")

    def _may_learn(self) -> bool:
        return self.learnt is None or workflow.now() - self.learnt >= _LEARNS_AGAIN

    async def _learn(self) -> None:
        self.learnt = workflow.now()
        try:
            known: GatewayKeys = await self._do(
                KEYS, "confirm", self.story.response, GatewayKeys, says="which gateways are ours?"
            )
        except ActivityError as error:
            workflow.logger.error("which gateways are ours could not be asked: %s", reason(error))
            return
        self.story.learn(known.keys, workflow.now())
        self.incident = self.story.incident

    async def _wait_for_undo(self) -> None:
        # What somebody changed since is seen before anyone says yes, not after.
        self.tasks.append(asyncio.create_task(self._look()))
        while await self._decided("undo"):
            if not self.story.undo_moved(workflow.now()):
                self._give_back("a person asked for it, and others agreed")
                return
        if not self.story.give_back:
            del self.story.asks["undo"]
            self._enter(self.story.resting_status())

    @workflow.query(name=REPORT)
    def report(self) -> Report:
        """Tell how the response stands, exactly, at any moment."""
        return self.story.report(workflow.now())

    @workflow.query(name=CARRIED)
    def carried(self) -> Incident:
        """Tell all that this run knows, as the next run takes it up: also a run that was ended can."""
        return self.story.next_run()

    # ---- the desk --------------------------------------------------------------------

    async def _herald(self) -> None:
        """Tell the desk of every change, one notice at a time; what piles up is told at once."""
        shown = -1
        told: list[datetime] = []
        while True:
            await workflow.wait_condition(
                lambda: self.story.version != shown and self.story.worth_telling()  # noqa: B023 - read anew
            )
            told = [at for at in told if workflow.now() - at < _BUSY]
            if len(told) >= _SHOWN_AT_ONCE:
                await workflow.sleep(_BETWEEN_SHOWS)
            told.append(workflow.now())
            shown = self.story.version
            await self._show()

    async def _show(self) -> None:
        self.story.told = True
        order = ShowOrder(channel=self.incident.desk or "", notice=self.story.notice(workflow.now()))
        try:
            await self._do(SHOW, "show", order, None, says="tell the desk")
        except ActivityError as error:
            # The desk being down never delays containment; people have the page, the CLI and the HTTP API.
            workflow.logger.warning("the desk was not told: %s", reason(error))

    # ---- small pieces ----------------------------------------------------------------

    def _order(self, step: PlannedStep) -> StepOrder:
        return StepOrder(
            response=self.story.response,
            artefact=self.incident.artefact,
            source=step.source or self.incident.source,
            playbook=self.incident.playbook.playbook,
            step=step,
            gateway_keys=self.incident.gateway_keys,
        )

    async def _do(
        self,
        name: str,
        verb: str,
        order: Any,
        result: type[Any] | None,
        *,
        says: str,
        overall: timedelta | None = None,
    ) -> Any:
        """Run one activity by its name, with the patience of its verb."""
        finding = self.incident.finding
        handle: workflow.ActivityHandle[Any] = workflow.start_activity(
            name,
            order,
            result_type=result,
            summary=says[:200],
            **patient(verb, overall=overall),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=Priority(
                priority_key=finding.severity.urgency,
                fairness_key=self.incident.account or finding.account or "none",
            ),
        )
        self.busy += verb not in _DONE_AGAIN
        if verb == "apply":
            self.in_flight.append(handle)
        try:
            return await handle
        finally:
            self.busy -= verb not in _DONE_AGAIN
            if verb == "apply":
                self.in_flight.remove(handle)

    def _note(
        self, kind: EntryKind, says: str, *, step: str | None = None, data: dict[str, Any] | None = None
    ) -> None:
        if kind == "stuck":
            workflow.logger.error("STUCK, a person is needed: %s: %s", step, says)
        self.story.note(workflow.now(), kind, says, step=step, data=data)

    def _enter(self, status: Status) -> None:
        """Move to a status. Temporal's list is written when the response comes to rest, its page always."""
        if not self.story.enter(status):
            return
        workflow.set_current_details(f"**{status}** · {self.incident.playbook.summary}")
        if status not in _PASSING:
            workflow.upsert_search_attributes([_STATUS.value_set(status)])
