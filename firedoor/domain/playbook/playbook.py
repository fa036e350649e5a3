"""Playbook: the words a security engineer writes, and what the reader makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, model_validator

from firedoor.domain.core.canonical import digest
from firedoor.domain.finding.finding import Finding
from firedoor.domain.plan.plan import OnFailure
from firedoor.domain.playbook.expression import expressions
from firedoor.domain.yaml.reader import Duration, PeopleDuration, Written

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ActionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Cel = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Group = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class Trigger(Written):
    """Which findings a playbook answers: one detector, and patterns over its types (`*` matches anything)."""

    source: Annotated[str, StringConstraints(min_length=1)]
    types: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = Field(min_length=1)

    def matches(self, finding: Finding) -> bool:
        """Whether a finding is of this detector and one of these types. Case matters."""
        return finding.source == self.source and any(fnmatchcase(finding.type, kind) for kind in self.types)


class AskFor(Written):
    """What a playbook asks of people before a step; what it leaves out, the policy says.

    It may ask for more than the policy's floor, never for less.
    """

    model_config = ConfigDict(populate_by_name=True)

    from_: tuple[Group, ...] | None = Field(default=None, alias="from", min_length=1)
    quorum: int | None = Field(default=None, ge=1, le=10)
    within: PeopleDuration | None = None
    then: Literal["reject", "escalate"] | None = None
    to: tuple[Group, ...] | None = Field(default=None, min_length=1)
    step_up: bool | None = None


class StepPlace(Written):
    """An account and region, where a step does not act where its target says it is."""

    account: Annotated[str, StringConstraints(min_length=1)]
    region: Annotated[str, StringConstraints(min_length=1)] | None = None


class Step(Written):
    """One step: an action, a lookup, or a `together` of actions that run in parallel.

    Exactly one of the three. `for_each` is a CEL list; each item is called `as`. `place` is a
    resource, the actor, or a map: where the step acts. Left out, it is where that is which the step reads.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: Name | None = None
    action: ActionName | None = None
    lookup: ActionName | None = None
    params: dict[str, JsonValue] = Field(default_factory=dict)
    place: Annotated[str, StringConstraints(min_length=1)] | StepPlace | None = None
    when: Cel | None = None
    for_each: Cel | None = None
    as_: Name | None = Field(default=None, alias="as")
    max_targets: int | None = Field(default=None, ge=1, le=1000)
    approval: AskFor | None = None
    on_failure: OnFailure | None = None
    together: tuple[Step, ...] | None = Field(default=None, min_length=2)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        kinds = [kind for kind in ("action", "lookup", "together") if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(
                f"a step is exactly one of action, lookup or together; this one has {kinds or 'none'}"
            )
        if self.together is not None:
            if any(inner.action is None for inner in self.together):
                raise ValueError("`together` holds actions only; write lookups before it")
            own = [key for key in type(self).model_fields if key != "together" and getattr(self, key)]
            if own:
                raise ValueError(
                    f"`together` has no {own[0].rstrip('_')} of its own; give it to each of its steps"
                )
            return self
        if self.id is None:
            raise ValueError("a step needs an id, such as `id: stop_key`")
        if (self.for_each is None) != (self.as_ is None):
            raise ValueError("`for_each` and `as` come together: the list, and the name of one item of it")
        if self.lookup is not None and (
            self.for_each or self.approval or self.on_failure or self.max_targets
        ):
            raise ValueError("a lookup only reads: it takes id, lookup, params, place and when")
        return self

    def sources(self) -> Iterator[str]:
        """List every expression of the step."""
        yield from (source for source in (self.when, self.for_each) if source)
        yield from expressions(dict(self.params))
        yield from expressions(self.placing())

    def placing(self) -> JsonValue:
        """Return what the step says of its place, as it is written."""
        return self.place.model_dump(exclude_none=True) if isinstance(self.place, StepPlace) else self.place


class Case(Written):
    """A playbook's own test: a finding of a sample file, and the steps that answer it.

    `given` is the path below `playbooks/cases`; `lookups` is what its lookups would read in the world.
    """

    given: Annotated[str, StringConstraints(min_length=1)]
    lookups: dict[Name, JsonValue] = Field(default_factory=dict)
    expect: tuple[Name, ...]
    because: str = ""


class Playbook(Written):
    """A playbook as written; compiled and frozen, it travels into the response's history."""

    playbook: Name
    summary: Annotated[str, StringConstraints(min_length=10, max_length=300)]
    responds_to: tuple[Trigger, ...] = Field(min_length=1)
    when: Cel | None = None
    mode: Literal["shadow", "ask", "active"] = "ask"
    incident: Annotated[str, StringConstraints(min_length=1)]
    hold: Duration = Field(default="24h", validate_default=True)
    ttl: PeopleDuration | None = None
    on_failure: OnFailure = "undo"
    steps: tuple[Step, ...] = Field(min_length=1)
    cases: tuple[Case, ...] = ()

    def every_step(self) -> Iterator[Step]:
        """List the actions and lookups in order, those inside `together` too."""
        for step in self.steps:
            if step.together is None:
                yield step
            else:
                yield from step.together

    def answers(self, finding: Finding) -> bool:
        """Whether a trigger matches; `when` is asked separately, with the expression's context."""
        return any(trigger.matches(finding) for trigger in self.responds_to)

    @property
    def sha256(self) -> str:
        """The hash of what decides: everything but the test cases."""
        return digest({**self.model_dump(mode="json", by_alias=True), "cases": []})
