"""Hands over the toy world, without Temporal."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from activities.planning import Planning
from activities.registry import Registry
from activities.verbs import Hands
from firedoor.domain.approval.policy import Policy
from firedoor.domain.finding.finding import Finding
from firedoor.domain.guard.guards import Guards
from firedoor.domain.guard.protected import Protected, Protection
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.response.messages import PlanOrder, StepOrder
from tests.harness import ACCOUNT, POLICY, REGISTRY, finding, incident_for

ARTEFACT = "0123456789ab"


class House:
    """What a worker has, with guards and a policy that a test may change between two calls."""

    def __init__(self, registry: Registry, pool: ThreadPoolExecutor, waiting: ThreadPoolExecutor) -> None:
        self.guards = Guards(accounts=frozenset({ACCOUNT}), sources={"acme": None}, protected=Protected())
        self.policy: Policy = POLICY
        self.environments: dict[str, str] = {}
        self.hands = Hands(registry, {}, lambda: self.guards, pool)
        self.planning = Planning(
            self.hands, lambda: self.policy, self.environments, waiting, lambda _: "eu-central-1"
        )

    def protect(self, target: str) -> None:
        protected = Protected(protected=(Protection(target=target, why="the fire exit"),))
        self.guards = self.guards.model_copy(update={"protected": protected})

    def plan(self, playbook_: Playbook, *findings: Finding, patient: bool = False, **changes: Any) -> Any:
        told = findings or (finding(),)
        incident = incident_for(playbook_, told[0]).model_copy(update=changes)
        order = PlanOrder(response="respond/close_doors/1", incident=incident, findings=told)
        return self.planning.make(order, patient=patient)


@contextmanager
def house(registry: Registry = REGISTRY) -> Iterator[House]:
    with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(1) as waiting:
        yield House(registry, pool, waiting)


def order(step: PlannedStep, source: str = "acme") -> StepOrder:
    return StepOrder(
        response="respond/close_doors/1", artefact=ARTEFACT, source=source, playbook="close_doors", step=step
    )


def write_action(folder: Path, system: str, name: str, text: str) -> Path:
    """Write an action of a test's own into a folder that the registry can load."""
    file = folder / system / f"{name}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return folder
