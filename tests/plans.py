"""Plans and their steps as values, for tests that have no world to plan."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from firedoor.domain.action.action import FULL, Consequence, Risk
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.plan.plan import Plan, PlannedStep
from tests.harness import ACCOUNT

RESPONDERS = ApprovalRule(
    from_=("responders",), quorum=1, within=timedelta(minutes=30), then="escalate", to=("leads",)
)
UNDO = ApprovalRule(from_=("responders",), quorum=1, within=timedelta(minutes=30))


def planned(id_: str = "shut_it", **changes: Any) -> PlannedStep:
    """One step that would shut a door, unless told otherwise."""
    base: dict[str, Any] = {
        "id": id_,
        "step": id_.split(".", maxsplit=1)[0],
        "action": "toy.shut",
        "stage": 0,
        "account": ACCOUNT,
        "region": "us-east-1",
        "target": f"arn:toy:door:::{id_}",
        "params": {"door": id_},
        "outcome": "change",
        "says": f"shut door {id_}",
        "before": {"state": {"state": "value", "value": "open"}},
        "consequences": (Consequence(says="nobody gets through", observed="last used just now"),),
        "reversibility": FULL,
        "risk": Risk.LOW,
        "settles_within": timedelta(seconds=2),
    }
    return PlannedStep(**{**base, **changes})


def plan_of(*steps: PlannedStep) -> Plan:
    return Plan(steps=steps, undo_rule=UNDO)
