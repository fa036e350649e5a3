"""Plan: what a response would do, step by step, in the words and bytes that people approve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, JsonValue

from firedoor.domain.action.action import Consequence, Reversibility, Risk
from firedoor.domain.approval.policy import ApprovalRule, BreakGlass, DataClass
from firedoor.domain.core.canonical import digest, fingerprint
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment

OnFailure = Literal["undo", "continue", "stop"]

#: change: there is something to do. already: the world is so. refuse: it must not be done here.
#: unplanned: the plan could not be made (an error, with its reason); nothing is done.
Outcome = Literal["change", "already", "refuse", "unplanned"]


class PlannedStep(Value):
    """One step over one target: what would be done, what is there now, what breaks.

    `id` is unique in the response: the playbook's step id, for a `for_each` with
    its index (`stop_key.0`). Steps of one `stage` run in parallel, stages in order.
    `source` is the configured source that may act there: of several that told of the incident, the first.
    `approval` is None where nobody needs to be asked. `owners` are names of whom
    the target belongs to, `data` is how sensitive what it holds is (None: it holds
    none), `by_hand` the command by which a person would do the same.
    """

    id: str
    step: str
    action: str
    stage: int
    account: str
    region: str
    source: str = ""
    target: str = ""
    params: dict[str, JsonValue]
    outcome: Outcome
    says: str
    before: dict[str, JsonValue] | None = None
    consequences: tuple[Consequence, ...] = ()
    reversibility: Reversibility
    risk: Risk
    settles_within: timedelta
    approval: ApprovalRule | None = None
    on_failure: OnFailure = "undo"
    owners: tuple[str, ...] = ()
    data: DataClass | None = None
    by_hand: str = ""
    identity: str = ""  # the vendor's own id of what bears the target's name, "" where names are unique
    proof: dict[str, JsonValue] = Field(default_factory=dict)  # parameters that the findings fill in
    covers: Moment | None = None  # until when it must reach, for what a later fact moves
    again_after: tuple[str, ...] = ()  # actions whose verified effect makes it due again
    first: dict[str, JsonValue] | None = None  # what was captured the first time, where it was moved since

    @property
    def effect(self) -> str:
        """Digest of what would be done and what would be captured; equal means no drift.

        It leaves out only what moves by itself: the `observed` part of a consequence, how late it reaches.
        """
        return digest(
            {
                **self.model_dump(mode="json", exclude={"covers", "first"}),
                "consequences": [consequence.says for consequence in self.consequences],
            }
        )

    @property
    def reversible(self) -> bool:
        """Whether undo has anything to give back."""
        return self.reversibility.kind != "none"


class Plan(Value):
    """The ordered list of step plans of a response, with what the policy says of all of it.

    `undo_rule`: who lets it be taken back. `storm`: who is asked as well where many asks are
    answered at once. `break_glass`: who may act alone. `mute`: how long a false positive is left alone.
    """

    steps: tuple[PlannedStep, ...] = ()
    left_aside: dict[str, str] = Field(
        default_factory=dict
    )  # step of the playbook -> why it has nothing to do
    lookups: dict[str, JsonValue] = Field(default_factory=dict)
    undo_rule: ApprovalRule
    storm: ApprovalRule | None = None
    break_glass: BreakGlass | None = None
    mute: timedelta = timedelta(hours=24)

    def changes(self) -> tuple[PlannedStep, ...]:
        """The steps that would change something, in order."""
        return tuple(step for step in self.steps if step.outcome == "change")


def undoable(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Name what an undo of these steps would take back; all of them where none of it can be."""
    return tuple(step for step in steps if step.reversible) or tuple(steps)


def stretches(steps: Sequence[PlannedStep]) -> tuple[tuple[PlannedStep, ...], ...]:
    """Group consecutive steps that need a yes: one ask each."""
    found: list[list[PlannedStep]] = []
    before_asked = False
    for step in steps:
        if step.approval is not None:
            if before_asked:
                found[-1].append(step)
            else:
                found.append([step])
        before_asked = step.approval is not None
    return tuple(tuple(stretch) for stretch in found)


def plan_digest(response: str, steps: tuple[PlannedStep, ...]) -> str:
    """Return the SHA-256 of the canonical JSON of some steps of a response: what a vote signs."""
    signed: dict[str, Any] = {"response": response, "steps": steps}
    return digest(signed)


def plan_fingerprint(response: str, steps: tuple[PlannedStep, ...]) -> str:
    """Return the short form of `plan_digest` that stands on every card."""
    return fingerprint(plan_digest(response, steps))
