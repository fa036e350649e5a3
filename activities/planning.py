"""Planning a whole response in one activity: reads only, in parallel where the playbook allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from temporalio import activity

from activities.error_translation import in_thread
from activities.verbs import Hands
from firedoor.domain.action.namesakes import proven
from firedoor.domain.action.tags import owners_told
from firedoor.domain.approval.policy import Policy
from firedoor.domain.core.canonical import digest, plain
from firedoor.domain.core.errors import FiredoorError, Rejected, Unavailable
from firedoor.domain.finding.finding import Finding
from firedoor.domain.finding.place import home_of, placed, region_of
from firedoor.domain.plan import requirement
from firedoor.domain.plan.plan import Plan, PlannedStep
from firedoor.domain.plan.requirement import rule_for
from firedoor.domain.playbook.expand import StepCall, merged, staged, unfold, waits_for_earlier
from firedoor.domain.playbook.expression import context_of
from firedoor.domain.playbook.placing import PLACES
from firedoor.domain.playbook.playbook import Step
from firedoor.domain.playbook.reasons import left_aside
from firedoor.domain.response.bounds import MOST_LOOKUP, MOST_PLAN, weight
from firedoor.domain.response.messages import PlanOrder

#: Tries after which a step that cannot be read is named in the plan instead of holding up its siblings.
_TRIES = 4


class Planning:
    """The activity `plan`, and the same for `firedoor plan` without Temporal."""

    def __init__(
        self,
        hands: Hands,
        policy: Callable[[], Policy],
        environments: Mapping[str, str],
        pool: ThreadPoolExecutor,
        default_region: Callable[[str], str],
    ) -> None:
        self._hands = hands
        self._policy = policy
        self._environments = environments
        self._pool = pool  # its own: a plan waits for its steps, and must not wait for its own thread
        self._default_region = default_region

    @activity.defn(name="plan")
    async def plan(self, order: PlanOrder) -> Plan:
        """Plan every step of a response, reading only."""
        attempt = activity.info().attempt
        return await in_thread(self._pool, lambda: self.make(order, patient=attempt < _TRIES))

    def make(self, order: PlanOrder, *, patient: bool) -> Plan:
        """Make the plan. `patient`: a vendor that does not answer is raised, to be tried again as a whole."""
        return _Round(self, order.opened(), patient=patient).plan()

    def raised(self, step: PlannedStep) -> PlannedStep:
        """Ask no fewer people for a step that drifted than the policy asks for what it is now."""
        environment = self._environments.get(step.account)
        return requirement.raised(step, policy=self._policy(), environment=environment)

    # What one round needs of its surroundings.

    def policy(self) -> Policy:
        """Return the policy of this moment; a round has one."""
        return self._policy()

    def shell(self, call: StepCall, order: PlanOrder, finding: Finding) -> PlannedStep:
        """Build a step before it is planned: what it is and where. Who is asked, its plan decides."""
        playbook = order.incident.playbook
        account, region = self._where(call, finding)
        entry = self._hands.entry(call.step.action or "")
        spec = entry.spec
        params, stranger = proven(entry.cls.named, call.params, order.findings, account)
        return PlannedStep(
            id=call.id,
            step=call.step.id or "",
            action=spec.name,
            stage=call.stage,
            account=account,
            region=region,
            source=self._speaker(order, account),
            params=call.params,
            proof={key: value for key, value in params.items() if value != call.params.get(key)},
            covers=min(finding.last_seen, datetime.now(UTC)) if entry.cls.covers else None,
            again_after=entry.cls.again_after,
            outcome="refuse" if stranger else "unplanned",
            says=stranger or "not planned yet",
            reversibility=spec.reversibility,
            risk=spec.risk,
            settles_within=spec.settles_within,
            on_failure=call.step.on_failure or playbook.on_failure,
        )

    def _where(self, call: StepCall, finding: Finding) -> tuple[str, str]:
        """Return account and region of a call; a region that nobody tells is the account's first one."""
        account = call.place.account or ""
        told = call.place.region or (region_of(finding.region) if account == finding.account else None)
        return account, told or self._default_region(account)

    def _speaker(self, order: PlanOrder, account: str) -> str:
        """Name the source whose jurisdiction counts: one of those that told of it, which may act there.

        What a source may not speak about was left out of its finding at the door, so none lends its word to
        another; and whoever began a response with few accounts keeps no other source from its own.
        """
        first, guards = order.incident.source, self._hands.guards()
        names = dict.fromkeys((first, *(finding.via for finding in order.findings if finding.via)))
        able = (name for name in names if guards.foreign(source=name, account=account) is None)
        return next(able, first)

    def asked(
        self, call: StepCall, planned: PlannedStep, order: PlanOrder, finding: Finding, policy: Policy
    ) -> PlannedStep:
        """Say who must be asked, now that the world has told whose the target is and what it holds."""
        told = owners_told(finding, planned.target) if planned.outcome == "change" else ()
        rule = rule_for(
            playbook=order.incident.playbook,
            step=call.step,
            spec=self._hands.entry(planned.action).spec,
            policy=policy,
            environment=self._environments.get(planned.account),
            data=planned.data,
            cautious=bool(order.incident.caution) or call.crowded or call.stranger,
        )
        owners = tuple(dict.fromkeys((*planned.owners, *told)))
        return planned.model_copy(update={"approval": rule, "owners": owners})

    def plan_one(self, shell: PlannedStep, order: PlanOrder, *, patient: bool) -> PlannedStep:
        """Plan one step; what cannot be planned is named, and does not sink its siblings."""
        try:
            return self._hands.plan_step(shell, order.incident.artefact, shell.source)
        except ValidationError as error:
            says = f"the finding gives no usable {_places(error)} for {shell.action}"
            return shell.model_copy(update={"outcome": "refuse", "says": says})
        except Unavailable as error:
            if patient:
                raise
            return shell.model_copy(update={"says": f"could not be planned: {error}"})
        except Rejected as error:
            return shell.model_copy(update={"outcome": "refuse", "says": str(error)})
        except Exception as error:
            # An answer nobody foresaw: tried again, then named without its words, which may hold anything.
            if patient:
                raise
            return shell.model_copy(
                update={"says": f"could not be planned: {type(error).__name__} in {shell.action}"}
            )

    def read(self, step: Step, order: PlanOrder, finding: Finding, context: Mapping[str, Any]) -> Any:
        """Make one lookup, where that is which it asks about."""
        (call,) = unfold(0, step, context)
        entry = self._hands.entry(step.lookup or "")
        account, region = self._where(call, finding)
        source = self._speaker(order, account)
        foreign = self._hands.guards().foreign(source=source, account=account)
        if foreign is not None:
            raise Rejected(foreign)
        params, stranger = proven(entry.cls.named, call.params, order.findings, account)
        if stranger is not None:
            raise Rejected(stranger)
        lookup = self._hands.lookup(entry, account, region, order.incident.artefact)
        return plain(lookup.read(entry.read_params(params)))

    def submit(self, work: Callable[[], PlannedStep]) -> Future[PlannedStep]:
        """Start planning one step in the pool of the actions."""
        return self._hands.pool.submit(work)


class _Round:
    """One pass over a playbook: plans steps together, and waits where one looks back."""

    def __init__(self, planning: Planning, order: PlanOrder, *, patient: bool) -> None:
        self._planning = planning
        # What is proven of a thing is compared with where it is, so that each finding tells that itself.
        self._order = order.model_copy(update={"findings": tuple(map(placed, order.findings))})
        self._patient = patient
        self._finding = merged(order.findings)
        self._context = context_of(self._finding)
        self._vendors = self._of_vendors()
        self._policy = planning.policy()
        self._steps: list[PlannedStep] = []
        self._waiting: list[tuple[StepCall, PlannedStep]] = []
        self._lookups: dict[str, Any] = {}
        self._left_aside: dict[str, str] = {}

    def plan(self) -> Plan:
        for stage, step in staged(self._order.incident.playbook):
            if waits_for_earlier(step):
                self._settle()
            try:
                self._take(stage, step)
            except Unavailable as error:
                if self._patient:
                    raise
                self._name(stage, step, str(error))
            except FiredoorError as error:
                self._name(stage, step, str(error))
            except ValidationError as error:
                self._name(stage, step, f"the finding gives no usable {_places(error)} for {step.lookup}")
        self._settle()
        return self._whole()

    def _whole(self) -> Plan:
        """Add what the policy says of the plan as a whole; there, silence is never a yes."""
        policy, glass = self._policy, self._policy.break_glass
        return Plan(
            steps=tuple(_fitting(self._steps)),
            left_aside=self._left_aside,
            lookups={name: _told(value) for name, value in self._lookups.items()},
            undo_rule=policy.undo_rule.never_by_silence(),
            storm=policy.storm.never_by_silence() if policy.storm else None,
            break_glass=glass.model_copy(update={"review": glass.review.never_by_silence()})
            if glass
            else None,
            mute=policy.mute,
        )

    def _of_vendors(self) -> Mapping[str, Any] | None:
        """Build the context of what vendors alone told, where a generic source told something as well."""
        sure = [finding for finding in self._order.findings if not finding.generic]
        if not sure or len(sure) == len(self._order.findings):
            return None
        return context_of(merged(sure))

    def _calls(self, stage: int, step: Step) -> tuple[StepCall, ...]:
        """Unfold a step over everything that was told.

        A generic source only adds: what vendors alone would have had done is done as if it had not spoken,
        however many targets it names, and whatever else it says.
        """
        if self._vendors is None:
            return unfold(stage, step, self._context)
        earlier: dict[str, Any] = {
            key: self._context[key] for key in ("steps", "lookup", PLACES) if key in self._context
        }
        try:
            sure = unfold(stage, step, {**self._vendors, **earlier})
        except FiredoorError:
            return unfold(stage, step, self._context)
        try:
            everything = unfold(stage, step, self._context)
        except FiredoorError:
            if sure:
                return sure
            raise
        known = {call.id for call in sure}
        return (*sure, *(call for call in everything if call.id not in known))

    def _take(self, stage: int, step: Step) -> None:
        calls = self._calls(stage, step)
        if not calls:
            self._left_aside[step.id or ""] = left_aside(step, self._context)
        if step.lookup is not None:
            for call in calls:
                self._context.setdefault(PLACES, {})[step.id or ""] = call.place
                value = self._planning.read(step, self._order, self._finding, self._context)
                self._lookups[step.id or ""] = value
                self._context["lookup"] = dict(self._lookups)
            return
        for call in calls:
            self._waiting.append((call, self._planning.shell(call, self._order, self._finding)))

    def _name(self, stage: int, step: Step, why: str) -> None:
        """Name a step that does not fit this finding: it does nothing, and sinks no sibling.

        Steps that need a lookup which failed miss its fields, and are named in their turn.
        """
        if step.lookup is not None:
            self._lookups[step.id or ""] = {"failed": why}
            return
        call = StepCall(id=step.id or "", step=step, stage=stage, params={}, place=home_of(self._finding))
        shell = self._planning.shell(call, self._order, self._finding)
        self._waiting.append((call, shell.model_copy(update={"outcome": "refuse", "says": why})))

    def _settle(self) -> None:
        """Plan what waits, in parallel, and let later expressions see it."""
        plans = self._plan_all([shell for _, shell in self._waiting])
        targets: set[str] = set()
        for (call, _), plan in zip(self._waiting, plans, strict=True):
            # Where the region made no difference to the target, it is one target.
            target = digest([plan.step, plan.account, plan.target, plan.params])
            if plan.target and call.step.for_each and target in targets:
                continue
            targets.add(target)
            planned = self._planning.asked(call, plan, self._order, self._finding, self._policy)
            self._steps.append(planned)
            seen = self._context["steps"].setdefault(planned.step, plain(planned) | {"targets": []})
            seen["targets"].append(plain(planned))
        self._waiting = []

    def _plan_all(self, shells: Sequence[PlannedStep]) -> list[PlannedStep]:
        def work(shell: PlannedStep) -> PlannedStep:
            if shell.outcome != "unplanned":
                return shell
            return self._planning.plan_one(shell, self._order, patient=self._patient)

        if len(shells) <= 1:
            return [work(shell) for shell in shells]
        futures = [self._planning.submit(lambda shell=shell: work(shell)) for shell in shells]  # type: ignore[misc]
        return [future.result() for future in futures]


def _fitting(steps: Sequence[PlannedStep]) -> Iterator[PlannedStep]:
    """Yield the steps of a plan that travel in one; what is too much is named, loudly, and not shortened."""
    size = 0
    left: dict[str, list[PlannedStep]] = {}
    for step in steps:
        size += weight(step)
        if size > MOST_PLAN:
            left.setdefault(step.step, []).append(step)
        else:
            yield step
    for name, some in left.items():
        says = f"{len(some)} targets do not fit into one plan of {MOST_PLAN} bytes; a person should look"
        changes = {"id": f"{name}.too_many", "outcome": "unplanned", "says": says, "params": {}, "target": ""}
        nothing = {"before": None, "consequences": (), "owners": (), "by_hand": "", "identity": ""}
        yield some[0].model_copy(update=changes | nothing)


def _told(value: Any) -> Any:
    """Return what a lookup told, where it is short enough to be kept with the plan, else its hash."""
    size = weight(value)
    return value if size <= MOST_LOOKUP else {"left_out": f"{size} bytes", "sha256": digest(value)}


def _places(error: ValidationError) -> str:
    """Name the parameters that do not fit, never their values."""
    places = (".".join(str(part) for part in each["loc"]) for each in error.errors(include_input=False))
    return ", ".join(places) or "parameters"
