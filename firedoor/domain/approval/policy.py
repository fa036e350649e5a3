"""Policy: the least approval that a change needs, whatever its playbook says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from firedoor.domain.action.action import Risk
from firedoor.domain.yaml.problem import Mistake, Mistakes, Way
from firedoor.domain.yaml.reader import Duration, PeopleDuration, Written

GroupName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
ReversibilityKind = Literal["full", "partial", "none"]
#: What silence means: a no, more people, or a yes (only ever for what can be taken back in full).
Then = Literal["reject", "escalate", "proceed"]
#: How sensitive the data behind a target is, by its tag; `unknown` where it has none or it cannot be read.
DataClass = Literal["public", "internal", "confidential", "restricted", "unknown"]
PersonName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,63}$")]


class ApprovalRule(Written):
    """Who has to say yes: `quorum` distinct people of the groups `from`, `within` a time.

    When that time is over, silence is a no (`reject`), or the groups `to` are
    asked as well (`escalate`), after whose time silence is a no. `proceed` makes
    silence a yes; it holds for what can be taken back in full, and for nothing else.
    With `step_up` a yes has to be signed by a fresh sign-in or a passkey.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: tuple[GroupName, ...] = Field(alias="from", min_length=1)
    quorum: Annotated[int, Field(ge=1, le=10)] = 1
    within: PeopleDuration
    then: Then = "reject"
    to: tuple[GroupName, ...] = ()
    step_up: bool = False

    @model_validator(mode="after")
    def _someone_to_escalate_to(self) -> Self:
        if self.then == "escalate" and not self.to:
            raise Mistakes(
                Mistake(
                    found="an escalation to nobody",
                    expected="`to`",
                    mend="add `to:` with a group",
                    way=("then",),
                )
            )
        if self.then != "escalate" and self.to:
            raise Mistakes(
                Mistake(
                    found="groups that are never asked",
                    expected="`to` only beside `then: escalate`",
                    mend="write `then: escalate` or remove `to`",
                    way=("to",),
                    of_key=True,
                )
            )
        return self

    def but(
        self,
        *,
        from_: tuple[str, ...] | None = None,
        quorum: int | None = None,
        within: timedelta | None = None,
        then: Then | None = None,
        to: tuple[str, ...] | None = None,
        step_up: bool | None = None,
    ) -> ApprovalRule:
        """Return this rule with what a playbook says about it; what it leaves out stays."""
        beyond = to or self.to
        wanted: Then = then or ("escalate" if to else self.then)
        # A playbook may wish to escalate where the policy names nobody: then silence is a no.
        after: Then = "reject" if wanted == "escalate" and not beyond else wanted
        return ApprovalRule(
            from_=from_ or self.from_,
            quorum=quorum or self.quorum,
            within=within or self.within,
            then=after,
            to=beyond if after == "escalate" else (),
            step_up=self.step_up or bool(step_up),
        )

    def never_by_silence(self) -> ApprovalRule:
        """Return this rule with silence as a no where it was a yes."""
        return self.model_copy(update={"then": "reject"}) if self.then == "proceed" else self


class BreakGlass(Written):
    """Who may act alone, with a written reason, and who looks at it afterwards."""

    people: Annotated[tuple[PersonName, ...], Field(min_length=1)]
    review: ApprovalRule


class MayFreeze(Written):
    """Whose people may throw the kill switch, and release what somebody else threw."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: tuple[GroupName, ...] = Field(alias="from", min_length=1)


class FloorRule(Written):
    """Which changes need at least which approval; a condition left out holds for all of them."""

    reversibility: Annotated[tuple[ReversibilityKind, ...], Field(min_length=1)] | None = None
    risk: Annotated[tuple[Risk, ...], Field(min_length=1)] | None = None
    environment: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    data: Annotated[tuple[DataClass, ...], Field(min_length=1)] | None = None
    ask: ApprovalRule | None = None

    def holds_for(
        self,
        reversibility: ReversibilityKind,
        risk: Risk,
        environment: str,
        data: DataClass | None = None,
    ) -> bool:
        """Whether a change is one of those that this rule is about.

        Data whose class is unknown counts as any class that a rule names; a target
        that holds no data (`None`) is none of them.
        """
        return (
            (self.reversibility is None or reversibility in self.reversibility)
            and (self.risk is None or risk in self.risk)
            and (self.environment is None or environment in self.environment)
            and (self.data is None or (data is not None and (data == "unknown" or data in self.data)))
        )


class Policy(Written):
    """`config/policy.yaml`.

    `default` is asked wherever something has to be asked and nothing else says
    of whom; `undo` before a containment is taken back (`default` when left out).
    `storm` is asked as well where many asks are answered at once; left out, one more
    person has to say yes to all of them than to each. `freeze` names whose people may throw
    and release the kill switch; left out, everybody whom policy or playbooks ask. `mute` is
    how long an incident that people called a false positive is not asked about again.
    """

    default: ApprovalRule
    undo: ApprovalRule | None = None
    storm: ApprovalRule | None = None
    break_glass: BreakGlass | None = None
    freeze: MayFreeze | None = None
    mute: Duration = Field(default="24h", validate_default=True)
    floor: tuple[FloorRule, ...] = ()

    @property
    def undo_rule(self) -> ApprovalRule:
        """Who has to say yes before a containment is taken back."""
        return self.undo or self.default

    def groups(self) -> Iterator[tuple[Way, str]]:
        """List every group that is named, with the way to where it stands in the file."""
        rules: list[tuple[Way, ApprovalRule | None]] = [
            (("default",), self.default),
            (("undo",), self.undo),
            (("storm",), self.storm),
            (("break_glass", "review"), self.break_glass.review if self.break_glass else None),
        ]
        rules += [(("floor", number, "ask"), rule.ask) for number, rule in enumerate(self.floor)]
        for way, rule in rules:
            if rule is not None:
                yield from (((*way, "from", n), group) for n, group in enumerate(rule.from_))
                yield from (((*way, "to", n), group) for n, group in enumerate(rule.to))
        if self.freeze is not None:
            yield from ((("freeze", "from", n), group) for n, group in enumerate(self.freeze.from_))

    def freezers(self, asked_elsewhere: Iterable[str] = ()) -> tuple[str, ...]:
        """Name the groups whose people may freeze and thaw; left out, those who may say yes to something."""
        if self.freeze is not None:
            return self.freeze.from_
        return tuple(dict.fromkeys((*(group for _, group in self.groups()), *asked_elsewhere)))


def floor(
    policy: Policy,
    reversibility: ReversibilityKind,
    risk: Risk,
    environment: str,
    data: DataClass | None = None,
) -> ApprovalRule | None:
    """Return the least approval of a change, the strictest of all rules that hold; None means automatic.

    What cannot be undone is always asked: no policy can say otherwise.
    """
    least = policy.default if reversibility == "none" else None
    named = [rule for rule in policy.floor if rule.holds_for(reversibility, risk, environment, data)]
    if named and all(rule.ask is not None for rule in named):
        least = None  # the policy names who is asked instead of the default
    for rule in named:
        least = at_least(rule.ask or policy.default, least)
    return least


def at_least(asked: ApprovalRule | None, least: ApprovalRule | None) -> ApprovalRule | None:
    """Return what is asked, raised to the floor: more people, less time, no groups but the floor's."""
    if asked is None or least is None:
        return asked or least
    from_ = _only(asked.from_, least.from_)
    then = min(asked.then, least.then, key=_STRICTEST.index)
    to = _only(asked.to, least.to) if then == "escalate" else ()
    return ApprovalRule(
        from_=from_,
        quorum=max(asked.quorum, least.quorum),
        within=min(asked.within, least.within),
        # Where the floor would have gone on at silence, nobody else was named to escalate to.
        then="reject" if then == "escalate" and not to else then,
        to=to,
        step_up=asked.step_up or least.step_up,
    )


_STRICTEST: tuple[Then, ...] = ("reject", "escalate", "proceed")


def _only(asked: tuple[str, ...], least: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the asked groups that the floor names; when it names none of them, the floor's."""
    return tuple(group for group in asked if group in least) or least
