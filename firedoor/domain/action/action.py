"""The contract of an action: four verbs over one target, declared so that everything else is generated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import Field, model_validator

from firedoor.domain.core.value import Value

T = TypeVar("T")


class Params(Value):
    """Base of an action's parameters. Strings stay as written; nothing is coerced."""


class Before(Value):
    """Base of what `plan` captured: small, free of secrets, enough to give everything back."""


class Captured(Value, Generic[T]):
    """A captured value in one of three states. Undo refuses on `unknown`.

    value:   the world held this.
    absent:  the world held nothing here; giving back means removing.
    unknown: it could not be read (denied, an answer we do not know).
    """

    state: Literal["value", "absent", "unknown"]
    value: T | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.state == "value") != (self.value is not None):
            raise ValueError("a captured value has a value exactly when its state is 'value'")
        return self

    @classmethod
    def of(cls, value: T | None) -> Self:
        """Capture a value; None means absent."""
        return cls(state="absent") if value is None else cls(state="value", value=value)

    @classmethod
    def unknown(cls) -> Self:
        """Capture that it could not be read."""
        return cls(state="unknown")


class Named(Value):
    """A parameter that picks its target by a name, and what proves that it is the one the finding means.

    `kind` is the kind of thing as findings spell it (`AWS::IAM::User`). Wherever the finding tells of a thing
    of this name, the planner fills `id`, the parameter that takes the vendor's own id of it (AIDA…), and
    `keys`, the parameter that takes its long-lived keys; "" where there is no such parameter. A step for
    a thing that the finding places in another account is refused by the planner.
    `unique` says why the vendor gives the name to nothing else within the place, where no id is compared.
    """

    param: str
    kind: str
    id: str = ""
    keys: str = ""
    unique: str = ""


class Consequence(Value):
    """Something that breaks, or may break, when the change is made.

    `says` is one lower-case clause whose text is stable while the world is:
    it is part of what a drift check compares. `observed` holds the part that
    moves by itself (a last-used time); it is shown and signed, but a newer
    reading of it does not void a vote.
    """

    says: str
    observed: str = ""


#: Among the owners of a target: its tags could not be read, so that an owner may be among who says yes.
OWNER_NOT_KNOWN = "owner not known"


class Change(Value):
    """There is something to do. `says` is the lower-case clause that a human approves.

    `owners` are names (e-mail, IAM user, ARN) of whom the target belongs to, as the world says, where the
    same reads tell it; what needs a read of its own is the verb `owners`.
    `data` is how sensitive what the target holds is, by its tag: `unknown` where that is not
    said or cannot be read, None where it holds no data. `identity` is the vendor's own id of what bears the
    target's name now, "" where names are never given to another: it is compared until the change is undone.
    """

    outcome: Literal["change"] = "change"
    says: str
    before: Before
    consequences: tuple[Consequence, ...] = ()
    owners: tuple[str, ...] = ()
    data: Literal["public", "internal", "confidential", "restricted", "unknown"] | None = None
    identity: str = ""


class Already(Value):
    """The world is already as the action would make it."""

    outcome: Literal["already"] = "already"
    says: str


class Refuse(Value):
    """The action must not or cannot be done here; `says` is the reason."""

    outcome: Literal["refuse"] = "refuse"
    says: str


Planned = Change | Already | Refuse


class Verdict(StrEnum):
    """Is it really contained? `not_yet` is asked again until the vendor's settling time is over."""

    YES = "yes"
    NOT_YET = "not_yet"
    NO = "no"


class Verified(Value):
    """What `verify` saw."""

    verdict: Verdict
    says: str


class Undone(Value):
    """What `undo` did.

    restored: the captured state is back.
    nothing:  there was nothing of ours to take back (apply never happened, or it is undone already).
    drifted:  the world no longer holds what we wrote; it was left alone and a human decides.
    """

    outcome: Literal["restored", "nothing", "drifted"]
    says: str


class Reversibility(Value):
    """Whether undo gives everything back: `full`, `partial` (what is lost) or `none` (why)."""

    kind: Literal["full", "partial", "none"]
    says: str = ""

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.kind != "full" and not self.says:
            raise ValueError(f"reversibility {self.kind!r} must say what is lost, or why")
        return self


FULL = Reversibility(kind="full")


class Risk(StrEnum):
    """What the change may break when the finding is wrong."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Permissions(Value):
    """The IAM actions (or OAuth scopes) each phase needs; `read` serves plan and verify."""

    read: tuple[str, ...]
    apply: tuple[str, ...]
    undo: tuple[str, ...] = ()


class Action(ABC):
    """One containment, one file.

    The instance is made per call and holds the connector of its system: with a
    reading connector for `plan` and `verify`, a changing one for `apply` and
    `undo`. Verbs raise `Rejected` (final) or `Unavailable` (try again), never a
    vendor's own exception.

    The registry derives `name` from the place of the file (`aws/lock_function_url.py`
    is `aws.lock_function_url`), and the models from the signature of `apply`.
    """

    summary: ClassVar[str]
    reversibility: ClassVar[Reversibility]
    risk: ClassVar[Risk]
    permissions: ClassVar[Permissions]
    settles_within: ClassVar[timedelta]
    example: ClassVar[Mapping[str, Any]]
    #: Of `permissions.read`, those without which the plan may refuse: what they tell decides, or undo needs.
    #: Every other read only informs; where it is denied, the plan goes on and says that it is not known.
    decides: ClassVar[Collection[str]] = ()
    #: Every parameter that picks the target by a name.
    named: ClassVar[tuple[Named, ...]] = ()
    #: The parameter that takes the moment until which it must reach, "" where a later fact moves nothing.
    #: The planner fills it with the findings' `last_seen`; a later one has the step planned and done again.
    covers: ClassVar[str] = ""
    #: Actions over the same target, or below it, after whose verification this one is renewed: until then
    #: somebody could make more of what it ends.
    again_after: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def target(self, params: Any) -> str:
        """Name the one thing that would be changed: its ARN. Pure; used by guards and keys."""

    @abstractmethod
    def plan(self, params: Any) -> Planned:
        """Read only. Corroborate against the world, capture what undo needs, say what breaks."""

    @abstractmethod
    def apply(self, params: Any, before: Any) -> None:
        """Make the change. Idempotent: a repeated call, or one whose reply was lost, is one change."""

    @abstractmethod
    def verify(self, params: Any, before: Any) -> Verified:
        """Read only: is it really contained?"""

    def owners(self, params: Any) -> tuple[str, ...]:  # noqa: ARG002 - the contract's signature
        """Name of whom the target is, as `Change.owners`, where only a read of its own tells it.

        Asked beside `plan`; not in the last look right before the change of a step that nobody was asked
        about, where it would only give an attacker time. () where it cannot be read.
        """
        return ()

    def renew(self, params: Any, before: Any) -> None:
        """Make the change again, so that it reaches until now; see `again_after`. Idempotent as `apply`."""
        self.apply(params, before)

    def identify(self, params: Any) -> str:  # noqa: ARG002 - the contract's signature
        """Return the vendor's own id of what bears the target's name now, as `Change.identity`.

        Asked before a change is finished by a later try, and before it is undone, so that neither meets a
        namesake. Raises Absent where nothing bears the name.
        """
        return ""

    def by_hand(self, params: Any) -> str:  # noqa: ARG002 - the contract's signature
        """Return the command by which a person would make the same change, "" where there is no single one.

        It is shown where the change failed. Pure; parameters are quoted for a shell.
        """
        return ""

    def undo(self, params: Any, before: Any) -> Undone:
        """Give back exactly what `before` held, where the world still holds what we wrote.

        An action with reversibility `none` does not define this; the registry
        refuses any other action that does not.
        """
        raise NotImplementedError

    def verify_undo(self, params: Any, before: Any) -> Verified:  # noqa: ARG002 - the contract's signature
        """Read only: is it really given back? Asked after `undo` as `verify` is after `apply`.

        By default, it is where `plan` would contain it again; an action that can say whether it is exactly
        what `before` held does so.
        """
        told = self.plan(params)
        verdict = Verdict.YES if isinstance(told, Change) else Verdict.NOT_YET
        return Verified(verdict=verdict, says=told.says)


class Lookup(ABC):
    """The read-only sibling of an action: one fact a playbook needs."""

    summary: ClassVar[str]
    permissions: ClassVar[Permissions]
    example: ClassVar[Mapping[str, Any]]
    #: Every parameter that picks what is read by a name.
    named: ClassVar[tuple[Named, ...]] = ()
    covers: ClassVar[str] = ""
    again_after: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def read(self, params: Any) -> Any:
        """Return a `Value`: the fact, without secrets."""


class Site(Value):
    """Where an action acts, for systems to which the house lends no connector of its own.

    `incident` is 12 lowercase hex digits for the names of artefacts; `changing`
    is False where the action may only look.
    """

    account: str
    region: str
    incident: str
    changing: bool


class ActionSpec(Value):
    """What the rest of the house knows of an action: everything but its code."""

    name: str
    summary: str
    reversibility: Reversibility
    risk: Risk
    permissions: Permissions
    settles_within: timedelta
    example: dict[str, Any]
    params_schema: dict[str, Any]
    kind: Literal["action", "lookup"] = "action"
    doc: str = Field(default="", repr=False)
