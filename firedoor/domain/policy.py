"""Policy: the least approval that a change needs, whatever its playbook says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from firedoor.domain.action import Risk
from firedoor.domain.problem import Mistake, Mistakes, Way
from firedoor.domain.strict_yaml import Duration, Written

GroupName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
ReversibilityKind = Literal["full", "partial", "none"]
Then = Literal["reject", "escalate"]


class ApprovalRule(Written):
    """Who has to say yes: `quorum` distinct people of the groups `from`, `within` a time.

    When that time is over, silence is a no (`reject`), or the groups `to` are
    asked as well (`escalate`), after whose time silence is a no.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: tuple[GroupName, ...] = Field(alias="from", min_length=1)
    quorum: Annotated[int, Field(ge=1, le=10)] = 1
    within: Duration
    then: Then = "reject"
    to: tuple[GroupName, ...] = ()

    @model_validator(mode="after")
    def _time_to_answer(self) -> Self:
        if not self.within:
            raise Mistakes(Mistake(found="no time to answer", expected="more than nothing", way=("within",)))
        return self

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
        if self.then == "reject" and self.to:
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
    ) -> ApprovalRule:
        """Return this rule with what a playbook says about it; what it leaves out stays."""
        beyond = to or self.to
        wanted: Then = then or ("escalate" if to else self.then)
        # A playbook may wish to escalate where the policy names nobody: then silence is a no.
        after: Then = wanted if beyond else "reject"
        return ApprovalRule(
            from_=from_ or self.from_,
            quorum=quorum or self.quorum,
            within=within or self.within,
            then=after,
            to=beyond if after == "escalate" else (),
        )


class FloorRule(Written):
    """Which changes need at least which approval; a condition left out holds for all of them."""

    reversibility: Annotated[tuple[ReversibilityKind, ...], Field(min_length=1)] | None = None
    risk: Annotated[tuple[Risk, ...], Field(min_length=1)] | None = None
    environment: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    ask: ApprovalRule | None = None

    def holds_for(self, reversibility: ReversibilityKind, risk: Risk, environment: str) -> bool:
        """Whether a change is one of those that this rule is about."""
        return (
            (self.reversibility is None or reversibility in self.reversibility)
            and (self.risk is None or risk in self.risk)
            and (self.environment is None or environment in self.environment)
        )


class Policy(Written):
    """`config/policy.yaml`.

    `default` is asked wherever something has to be asked and nothing else says
    of whom; `undo` before a containment is taken back (`default` when left out).
    """

    default: ApprovalRule
    undo: ApprovalRule | None = None
    floor: tuple[FloorRule, ...] = ()

    @property
    def undo_rule(self) -> ApprovalRule:
        """Who has to say yes before a containment is taken back."""
        return self.undo or self.default

    def groups(self) -> Iterator[tuple[Way, str]]:
        """List every group that is named, with the way to where it stands in the file."""
        rules: list[tuple[Way, ApprovalRule | None]] = [(("default",), self.default), (("undo",), self.undo)]
        rules += [(("floor", number, "ask"), rule.ask) for number, rule in enumerate(self.floor)]
        for way, rule in rules:
            if rule is not None:
                yield from (((*way, "from", n), group) for n, group in enumerate(rule.from_))
                yield from (((*way, "to", n), group) for n, group in enumerate(rule.to))


def floor(
    policy: Policy, reversibility: ReversibilityKind, risk: Risk, environment: str
) -> ApprovalRule | None:
    """Return the least approval of a change, the strictest of all rules that hold; None means automatic.

    What cannot be undone is always asked: no policy can say otherwise.
    """
    least = policy.default if reversibility == "none" else None
    named = [rule for rule in policy.floor if rule.holds_for(reversibility, risk, environment)]
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
    escalates = asked.then == "escalate" and least.then == "escalate"
    return ApprovalRule(
        from_=from_,
        quorum=max(asked.quorum, least.quorum),
        within=min(asked.within, least.within),
        then="escalate" if escalates else "reject",
        to=_only(asked.to, least.to) if escalates else (),
    )


def _only(asked: tuple[str, ...], least: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the asked groups that the floor names; when it names none of them, the floor's."""
    return tuple(group for group in asked if group in least) or least
