"""The verbs of every action, lent to Temporal under the action's own name."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.error_translation import in_thread
from activities.registry import Entry, Registry
from firedoor.connectors.side_by_side import side_by_side
from firedoor.domain.action.action import (
    OWNER_NOT_KNOWN,
    Action,
    Change,
    Consequence,
    Lookup,
    Planned,
    Refuse,
    Site,
    Undone,
    Verdict,
    Verified,
)
from firedoor.domain.action.undoing import Look, certain, undone
from firedoor.domain.core.canonical import plain
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.domain.guard.guards import Guards, is_ourselves
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Applied, StepOrder, Watched

_UNTOUCHED = "nothing was touched"
_LOOKED = "looked"
_OWNER = Consequence(says="whose it is is not known, so that its owner may be among those who say yes")
_TRIES = 2  # with an unknown kill switch; then the step waits as if it were frozen, and is not lost
_LOOKED_WITHIN = 0.2  # seconds; an answer about the kill switch that is older is asked for again
_SOON = timedelta(seconds=1)  # how long before the next look at a change that is not seen yet


class System(Protocol):
    """What lends an action its connector: `AwsAccounts` for the folder `aws`."""

    def warm(self, services: Collection[str], region: str) -> None:
        """Make ready what the first call would otherwise wait for."""

    def ourselves(self) -> Sequence[str]:
        """Tell who Firedoor is there: every identity and key that it signs in with, and passes through."""

    def reading(self, account: str, region: str, incident: str) -> Any:
        """Lend a connector that cannot change anything."""

    def changing(self, account: str, region: str, incident: str) -> Any:
        """Lend a connector that may change the world."""


class Hands:
    """The actions with their connectors: what planning, applying and watching share."""

    def __init__(
        self, registry: Registry, systems: Mapping[str, System], guards: Callable[[], Guards], pool: Executor
    ) -> None:
        self.registry = registry
        self.guards = guards
        self.pool = pool
        self.systems = systems

    def entry(self, name: str) -> Entry:
        """Return an action by its name; a worker that lacks it cannot do the step, now or later."""
        if name not in self.registry:
            raise Rejected(
                f"this worker has no action {name}",
                mend="deploy the worker that has it, or check the playbook",
            )
        return self.registry[name]

    def action(self, entry: Entry, step: PlannedStep, artefact: str, *, changing: bool) -> Action:
        """Make the action for one call, holding a connector of the right phase."""
        made = entry.cls(self._connector(entry, step.account, step.region, artefact, changing=changing))  # type: ignore[call-arg]
        if not isinstance(made, Action):
            raise Rejected(f"{entry.spec.name} is a lookup", expected="an action")
        return made

    def lookup(self, entry: Entry, account: str, region: str, artefact: str) -> Lookup:
        """Make a lookup for one call; it can only read."""
        made = entry.cls(self._connector(entry, account, region, artefact, changing=False))  # type: ignore[call-arg]
        if not isinstance(made, Lookup):
            raise Rejected(f"{entry.spec.name} is an action", expected="a lookup")
        return made

    def _connector(self, entry: Entry, account: str, region: str, artefact: str, *, changing: bool) -> Any:
        system = self.systems.get(entry.system)
        if system is None:
            return Site(account=account, region=region, incident=artefact, changing=changing)
        lend = system.changing if changing else system.reading
        return lend(account, region, artefact)

    def objection(self, step: PlannedStep, source: str, target: str) -> str | None:
        """Ask the guards whether a target must not be touched: those of the house, then ourselves.

        Who we are is asked of the system each time; one that cannot tell raises, and nothing is touched.
        """
        found = self.guards().objection(source=source, account=step.account, target=target)
        system = self.systems.get(self.entry(step.action).system)
        if found is not None or system is None:
            return found
        return is_ourselves(system.ourselves(), target)

    def plan_step(self, step: PlannedStep, artefact: str, source: str, *, whose: bool = True) -> PlannedStep:
        """Plan one step over the world as it is now: guards first, then the action's own word.

        `whose`: ask the action also for owners that only a read of their own tells.
        """
        entry = self.entry(step.action)
        params = _params(entry, step)
        action = self.action(entry, step, artefact, changing=False)
        target = action.target(params)
        objection = self.objection(step, source, target)
        told: Planned
        if objection is not None:
            told = Refuse(says=objection)
        else:
            try:
                told = _with_owners(action, params) if whose else action.plan(params)
            except Absent as error:
                told = Refuse(says=f"it does not exist: {error.found}")
            except Rejected as error:
                told = Refuse(says=str(error))
        planned = _planned(step, target, told)
        by_hand = action.by_hand(params) if planned.outcome == "change" else ""
        return planned.model_copy(update={"by_hand": by_hand})

    def whose(self, step: PlannedStep, artefact: str) -> PlannedStep:
        """Ask of whom the target of a step is; owners are only ever added."""
        entry = self.entry(step.action)
        action = self.action(entry, step, artefact, changing=False)
        return _owned(step, action.owners(_params(entry, step)))


def _params(entry: Entry, step: PlannedStep) -> Any:
    """Read a step's parameters, with what the findings fill in."""
    told = {**step.params, **step.proof}
    if step.covers is not None and entry.cls.covers:
        told[entry.cls.covers] = step.covers.isoformat()
    return entry.read_params(told)


def _with_owners(action: Action, params: Any) -> Planned:
    told, owners = side_by_side(lambda: action.plan(params), lambda: action.owners(params))
    if isinstance(told, Change):
        return told.model_copy(update={"owners": tuple(dict.fromkeys((*told.owners, *owners)))})
    return told


def _owned(step: PlannedStep, owners: tuple[str, ...]) -> PlannedStep:
    # One who was named when it was planned stays one; that a later look could not tell takes nothing back.
    if step.outcome != "unplanned":
        owners = tuple(each for each in owners if each != OWNER_NOT_KNOWN)
    named = tuple(dict.fromkeys((*step.owners, *owners)))
    told = tuple(each for each in step.consequences if each != _OWNER)
    return step.model_copy(
        update={"owners": named, "consequences": (*told, _OWNER) if OWNER_NOT_KNOWN in named else told}
    )


def _planned(step: PlannedStep, target: str, told: Planned) -> PlannedStep:
    changed: dict[str, Any] = {"target": target, "says": told.says}
    if isinstance(told, Change):
        changed |= {"before": plain(told.before), "consequences": told.consequences, "data": told.data}
        changed |= {"identity": told.identity}
        owned = _owned(step.model_copy(update=changed), told.owners)
        return owned.model_copy(update={"outcome": told.outcome})
    changed |= {"outcome": told.outcome}
    changed |= {"before": None, "consequences": (), "data": None}
    return step.model_copy(update=changed)


@dataclass
class Try:
    """One try of a verb.

    `fresh`: no earlier try can have touched the world. A try that ended before it
    touched anything says so with its number in its last heartbeat; one that was
    killed says nothing, and then nobody may assume it.
    """

    number: int
    fresh: bool
    touched: bool = False
    look: Look | None = None  # what the tries of an undo before this one have seen

    @classmethod
    def of(cls, info: activity.Info, *, resumed: bool = False) -> Try:
        """Read what Temporal knows of the tries before this one; a freeze may stand between them."""
        last_said = list(info.heartbeat_details)
        untouched = last_said == [_UNTOUCHED, info.attempt - 1]
        look = Look.model_validate_json(last_said[1]) if last_said[:1] == [_LOOKED] else None
        fresh = not resumed and (info.attempt == 1 or untouched)
        return cls(number=info.attempt, fresh=fresh, look=look)


class Steps:
    """`<action>.apply`, `.verify` and `.undo` for every action of the registry.

    `raised` asks no fewer people for a step that drifted than the policy asks for what it is now.
    `frozen` begins to ask whether the kill switch is thrown over an account and a playbook; what it
    returns waits for the answer: why nothing may be changed, None where it may.
    """

    def __init__(
        self,
        hands: Hands,
        raised: Callable[[PlannedStep], PlannedStep],
        frozen: Callable[[str, str], Callable[[], str | None]] = lambda _account, _playbook: lambda: None,
    ) -> None:
        self._hands = hands
        self._raised = raised
        self._frozen = frozen

    def activities(self) -> Iterator[Callable[..., Any]]:
        """List the functions for Temporal's worker, each under its readable name."""
        for name, entry in self._hands.registry.items():
            if entry.spec.kind == "action":
                yield self._lend(f"{name}.apply", self._apply, Applied)
                yield self._lend(f"{name}.verify", self._verify, Verified)
                if entry.spec.reversibility.kind != "none":
                    yield self._lend(f"{name}.undo", self._undo, Undone)

    def _lend(
        self, name: str, verb: Callable[[StepOrder, Try], Any], result: type[Any]
    ) -> Callable[..., Any]:
        async def lent(order: StepOrder) -> Any:
            this = Try.of(activity.info(), resumed=order.resumed)
            try:
                return await in_thread(self._hands.pool, lambda: verb(order, this))
            except ApplicationError:
                if this.look is not None:
                    activity.heartbeat(_LOOKED, this.look.model_dump_json())
                elif this.fresh and not this.touched:
                    activity.heartbeat(_UNTOUCHED, this.number)
                raise

        lent.__annotations__ = {"order": StepOrder, "return": result}
        return activity.defn(name=name)(lent)

    def _apply(self, order: StepOrder, this: Try) -> Applied:
        """Plan again, change, and look: write-ahead has been done by the workflow.

        While nothing has been touched, the world must be as it was approved. Once an
        earlier try may have changed it before its word was lost, the change is
        finished with what was captured then: apply is idempotent.
        """
        step = order.step
        entry = self._hands.entry(step.action)
        began, asked = time.monotonic(), self._frozen(step.account, order.playbook)
        fresh = this.fresh and not order.again  # what is renewed stands already: it is no drift
        if fresh:
            if (stopped := self._last_look(order)) is not None:
                return stopped
        else:
            self._look_again(order)
        frozen = self._stopped(order, this, asked, began)
        if frozen is not None:
            return Applied(outcome="parked", says=frozen, unsure=not fresh)
        params, before = _params(entry, step), entry.read_before(step.before)
        action = self._hands.action(entry, step, order.artefact, changing=True)
        this.touched = True
        (action.renew if order.again else action.apply)(params, before)
        try:
            seen = action.verify(params, before)
        except (Rejected, Unavailable) as error:
            # It is made; that it cannot be looked at now is for `verify` to settle, or to say loudly.
            return Applied(outcome="applied", says=f"{step.says}, not looked at yet: {error}", verified=False)
        return Applied(outcome="applied", says=seen.says, verified=seen.verdict is Verdict.YES)

    def _last_look(self, order: StepOrder) -> Applied | None:
        """Plan again right before the change; None where the world is as it was approved."""
        step = order.step
        # Whose it is matters to those who say yes; where nobody was asked it only costs time.
        now = self._hands.plan_step(step, order.artefact, order.source, whose=step.approval is not None)
        if now.outcome == "already":
            return Applied(outcome="already", says=now.says)
        if now.outcome == "refuse":
            return Applied(outcome="refused", says=now.says)
        if now.identity != step.identity:
            return Applied(outcome="refused", says=_another(step, now.identity))
        if now.effect != step.effect:
            now = self._raised(self._hands.whose(now, order.artefact))
            return Applied(outcome="drifted", says="the world is not as it was planned", now=now)
        return None

    def _look_again(self, order: StepOrder) -> None:
        """Ask the guards, and who bears the name now, before a change that may have begun is finished."""
        step = order.step
        entry = self._hands.entry(step.action)
        objection = self._hands.objection(step, order.source, step.target)
        if objection is not None:
            raise Rejected(objection)
        if step.identity:
            action = self._hands.action(entry, step, order.artefact, changing=False)
            now = action.identify(_params(entry, step))
            if now != step.identity:
                raise Rejected(_another(step, now))

    def _stopped(
        self, order: StepOrder, this: Try, asked: Callable[[], str | None], began: float
    ) -> str | None:
        """Say why nothing may be changed now; None where it may."""
        try:
            frozen = asked()
            if frozen is None and time.monotonic() - began > _LOOKED_WITHIN:
                # A long look: it may be thrown by now.
                frozen = self._frozen(order.step.account, order.playbook)()
        except Unavailable as error:
            if this.number < _TRIES:
                raise
            return str(error)
        return frozen

    def _verify(self, order: StepOrder, this: Try) -> Verified:
        """Look once; what is not there yet is asked again by Temporal's own retries, without history."""
        del this
        seen = look(self._hands, order)
        if seen.verdict is not Verdict.YES:
            raise ApplicationError(seen.says, type="NotYet", next_retry_delay=_SOON)
        return seen

    def _undo(self, order: StepOrder, this: Try) -> Undone:
        """Give back, and look until it is certain; what is not is asked again by Temporal's retries."""
        step = order.step
        entry = self._hands.entry(step.action)
        params, before = _params(entry, step), entry.read_before(step.first or step.before)
        action = self._hands.action(entry, step, order.artefact, changing=True)

        def back() -> Verified:
            reading = self._hands.action(entry, step, order.artefact, changing=False)
            return reading.verify_undo(params, before)

        end = certain(
            undone(action, params, before, step.identity),
            back,
            made=order.made,
            last=this.look,
            now=datetime.now(UTC),
            settles_within=step.settles_within,
        )
        if isinstance(end, Look):
            this.look = end
            raise ApplicationError(f"not certain yet: {end.says}", type="NotYet", next_retry_delay=_SOON)
        return end


def _another(step: PlannedStep, now: str) -> str:
    return (
        f"{step.target} was planned with id {step.identity or '(none)'}, and what bears its name now has id "
        f"{now or '(none)'}: it is another one, and was left alone"
    )


def look(hands: Hands, order: StepOrder) -> Verified:
    """Ask one action whether it is really contained, reading only."""
    step = order.step
    entry = hands.entry(step.action)
    action = hands.action(entry, step, order.artefact, changing=False)
    return action.verify(_params(entry, step), entry.read_before(step.before))


class Watching:
    """The look at everything a response holds: has somebody re-opened it?"""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    @activity.defn(name="watch")
    async def watch(self, orders: list[StepOrder]) -> Watched:
        """Look at every held step; one that cannot be read is unknown, never taken for contained."""
        return await in_thread(self._hands.pool, lambda: self._look_at(orders))

    def _look_at(self, orders: list[StepOrder]) -> Watched:
        reverted: dict[str, str] = {}
        unknown: dict[str, str] = {}
        for order in orders:
            try:
                seen = look(self._hands, order)
            except Absent as error:
                # What was contained is gone with its holder: nothing is open, and nothing is proven either.
                unknown[order.step.id] = f"it does not exist any more: {error.found}"
            except (Rejected, ValidationError) as error:
                unknown[order.step.id] = str(error)
            else:
                if seen.verdict is not Verdict.YES:
                    reverted[order.step.id] = f"it is open again: {seen.says}"
        return Watched(reverted=reverted, unknown=unknown)
