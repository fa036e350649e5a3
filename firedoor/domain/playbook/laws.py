"""Safety laws over a valid playbook: each one function, with an id that names its page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from firedoor.domain.action.action import ActionSpec
from firedoor.domain.core.value import Value
from firedoor.domain.playbook.expression import expressions
from firedoor.domain.playbook.placing import loses_place, reads_resources
from firedoor.domain.playbook.playbook import Playbook, Step

Way = tuple[str | int, ...]


class Objection(Value):
    """What a law says against a playbook."""

    law: str
    found: str
    expected: str
    mend: str


Law = Callable[[Playbook, Mapping[str, ActionSpec]], Iterator[tuple[Way, Objection]]]


def objections(playbook: Playbook, specs: Mapping[str, ActionSpec]) -> Iterator[tuple[Way, Objection]]:
    """Ask every law."""
    for law in LAWS:
        yield from law(playbook, specs)


def _actions(playbook: Playbook) -> Iterator[tuple[Way, int, Step]]:
    for index, step in enumerate(playbook.steps):
        if step.together is None:
            yield ("steps", index), index, step
        else:
            for inner, each in enumerate(step.together):
                yield ("steps", index, "together", inner), index, each


def irreversible_last(playbook: Playbook, specs: Mapping[str, ActionSpec]) -> Iterator[tuple[Way, Objection]]:
    """What cannot be undone comes after everything that can."""
    first: tuple[int, str] | None = None
    for way, stage, step in _actions(playbook):
        spec = specs.get(step.action or "")
        if spec is None:
            continue
        if spec.reversibility.kind == "none":
            first = first or (stage, step.id or "")
        elif first is not None and stage >= first[0]:
            yield (
                way,
                Objection(
                    law="irreversible-last",
                    found=f"step {step.id} can be undone, and stands after {first[1]}, which cannot",
                    expected="every reversible step before the first irreversible one",
                    mend=f"move {step.id} above {first[1]}",
                ),
            )


def automatic_after_gate(
    playbook: Playbook, specs: Mapping[str, ActionSpec]
) -> Iterator[tuple[Way, Objection]]:
    """A step that needs nobody does not stand behind one that waits for people."""
    gate: tuple[int, str] | None = None
    for way, stage, step in _actions(playbook):
        spec = specs.get(step.action or "")
        if spec is None:
            continue
        asked = step.approval is not None or spec.reversibility.kind == "none" or playbook.mode == "ask"
        if asked:
            gate = gate or (stage, step.id or "")
        elif gate is not None and stage > gate[0]:
            yield (
                way,
                Objection(
                    law="automatic-after-gate",
                    found=f"step {step.id} needs nobody, and stands behind {gate[1]}, which waits for people",
                    expected="automatic steps first",
                    mend=f"move {step.id} above {gate[1]}, or give it an approval",
                ),
            )


def hold_outlives_settling(
    playbook: Playbook, specs: Mapping[str, ActionSpec]
) -> Iterator[tuple[Way, Objection]]:
    """The hold is longer than the slowest vendor takes to make a change true."""
    slowest = max(
        (
            specs[step.action or ""].settles_within
            for step in playbook.every_step()
            if (step.action or "") in specs
        ),
        default=timedelta(),
    )
    if playbook.hold < slowest:
        yield (
            ("hold",),
            Objection(
                law="hold-outlives-settling",
                found=f"hold {playbook.hold} is shorter than the {slowest} an action may take to settle",
                expected=f"at least {slowest}",
                mend="make hold longer",
            ),
        )


def bounded_trigger(playbook: Playbook, specs: Mapping[str, ActionSpec]) -> Iterator[tuple[Way, Objection]]:
    """A trigger names what it answers; one that matches everything is a weapon."""
    del specs
    for index, trigger in enumerate(playbook.responds_to):
        for inner, pattern in enumerate(trigger.types):
            if not pattern.strip("*?"):
                yield (
                    ("responds_to", index, "types", inner),
                    Objection(
                        law="bounded-trigger",
                        found=f"{pattern!r} answers every finding of {trigger.source}",
                        expected="a type, or the beginning of one",
                        mend='name the types, such as "UnauthorizedAccess:IAMUser/*"',
                    ),
                )


def bounded_for_each(playbook: Playbook, specs: Mapping[str, ActionSpec]) -> Iterator[tuple[Way, Objection]]:
    """A `for_each` says how many targets are expected; more than that is asked, never shortened."""
    del specs
    for way, _, step in _actions(playbook):
        if step.for_each is not None and step.max_targets is None:
            yield (
                way,
                Objection(
                    law="bounded-for-each",
                    found=f"step {step.id} has no bound on its targets",
                    expected="max_targets",
                    mend="add `max_targets: 10`: above it people are asked",
                ),
            )


def escalation_goes_somewhere(
    playbook: Playbook, specs: Mapping[str, ActionSpec]
) -> Iterator[tuple[Way, Objection]]:
    """Who writes `to` means to escalate."""
    del specs
    for way, _, step in _actions(playbook):
        if step.approval is not None and step.approval.to and step.approval.then == "reject":
            yield (
                (*way, "approval", "to"),
                Objection(
                    law="escalation-goes-somewhere",
                    found="`to` names groups, and `then: reject` never asks them",
                    expected="then: escalate",
                    mend="write `then: escalate`, or drop `to`",
                ),
            )


def reachable(playbook: Playbook, specs: Mapping[str, ActionSpec]) -> Iterator[tuple[Way, Objection]]:
    """A step whose `when` is the constant false never runs."""
    del specs
    for way, _, step in _actions(playbook):
        if step.when is not None and step.when.strip() == "false":
            yield (
                (*way, "when"),
                Objection(
                    law="reachable",
                    found=f"step {step.id} can never run: its `when` is false",
                    expected="a condition that can be true",
                    mend="remove the step",
                ),
            )


def own_incident(playbook: Playbook, specs: Mapping[str, ActionSpec]) -> Iterator[tuple[Way, Objection]]:
    """The incident key comes from what is attacked, not from who reported it."""
    del specs
    for source in expressions(playbook.incident):
        if source.strip() in {"finding.source", "finding.type", "finding.severity", "finding.account"}:
            yield (
                ("incident",),
                Objection(
                    law="own-incident",
                    found=f"the incident key {source!r} is shared by unrelated findings",
                    expected="the key, role, bucket or endpoint that is attacked",
                    mend="use for instance finding.actor.access_key_id",
                ),
            )


def own_place(playbook: Playbook, specs: Mapping[str, ActionSpec]) -> Iterator[tuple[Way, Objection]]:
    """Where a step acts is clear from what it reads, or written down."""
    del specs
    for way, _, step in _actions(playbook):
        if step.place is not None:
            continue
        loses = step.for_each is not None and reads_resources([step.for_each]) and loses_place(step.for_each)
        if step.for_each is None and reads_resources(expressions(dict(step.params))):
            found = f"step {step.id} reads one of several resources, and does not tell in whose place it acts"
        elif loses:
            found = f"the for_each of step {step.id} keeps of each resource a part, and not where it is"
        else:
            continue
        yield (
            way,
            Objection(
                law="own-place",
                found=found,
                expected="`for_each` over the resources themselves, or a `place`",
                mend='drop the .map(…) and read the parts in `params`, or add `place: "${{ … }}"`',
            ),
        )


#: Every law, in the order in which a reader meets them.
LAWS: tuple[Law, ...] = (
    irreversible_last,
    automatic_after_gate,
    hold_outlives_settling,
    bounded_trigger,
    bounded_for_each,
    escalation_goes_somewhere,
    reachable,
    own_incident,
    own_place,
)
