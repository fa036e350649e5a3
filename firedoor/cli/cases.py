"""A playbook's own cases: a detector's payload in, the steps that would answer it out, without a world."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import Field, JsonValue, ValidationError

from activities.registry import Registry
from firedoor.domain.core.canonical import plain
from firedoor.domain.core.errors import FiredoorError, Unreadable
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Finding
from firedoor.domain.playbook.expand import StepCall, applies, identity_of, merged, staged, unfold
from firedoor.domain.playbook.expression import context_of
from firedoor.domain.playbook.placing import PLACES
from firedoor.domain.playbook.playbook import Case, Playbook, Step
from firedoor.domain.playbook.reasons import left_aside, unmet
from firedoor.domain.yaml.document import Document
from firedoor.domain.yaml.problem import Position, Problem, did_you_mean
from firedoor.sources.claims import held
from firedoor.sources.json_reader import read_json
from firedoor.sources.kinds import KINDS

_SHAPE = '{"source": "<kind>", "payload": {…}}'
_MOST_REASONS: Final = 3
#: Stands in for the time of receipt, so that a case has the same answer every day.
_RECEIVED: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: No payload of a case comes from the future, whenever it was written.
_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Given(Value):
    """A case's file: what a detector sent.

    `source` is the kind of a source, such as `aws.eventbridge`; `headers` are those the kind reads
    (GitHub's `x-github-event`).
    """

    source: str
    payload: JsonValue
    headers: dict[str, str] = Field(default_factory=dict)


def problems_of_cases(
    playbook: Playbook, document: Document, file: Path, registry: Registry
) -> Iterator[Problem]:
    """Run every case of a checked playbook; a case that fails is a problem at its place."""
    for number, case in enumerate(playbook.cases):
        place = document.at(("cases", number, "given"))
        try:
            given = read_given(file.parent / "cases" / case.given)
            ran = _run(playbook, given, case.lookups, registry)
        except FiredoorError as error:
            yield Problem.at(place, f"{case.given}: {error.found}", expected=error.expected, mend=error.mend)
        else:
            if ran.steps != case.expect:
                yield _differs(document.at(("cases", number, "expect")), case, ran)


class Ran(NamedTuple):
    """The steps that a case runs, and for those it does not run (or all of them) why."""

    steps: tuple[str, ...]
    left: Mapping[str, str]


def _differs(place: Position, case: Case, ran: Ran) -> Problem:
    because = f" ({case.because})" if case.because else ""
    missing = [f"{name}: {ran.left[name]}" for name in ("", *case.expect) if name in ran.left]
    whys = [why.removeprefix(": ") for why in missing[:_MOST_REASONS]]
    return Problem.at(
        place,
        "; ".join([f"{case.given} runs {', '.join(ran.steps) or 'nothing'}", *whys]),
        expected=(", ".join(case.expect) or "nothing") + because,
        mend="mend the playbook's triggers and conditions, or what the case expects",
    )


def read_given(file: Path) -> Given:
    """Read a case's file; raises Unreadable."""
    try:
        given = Given.model_validate(read_json(file.read_bytes()))
    except OSError as error:
        raise Unreadable(
            f"it cannot be read: {error.strerror or type(error).__name__}",
            expected=f"{file} with {_SHAPE}",
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise Unreadable(f"{where}: {first['msg']}", expected=_SHAPE) from error
    if given.source not in KINDS:
        raise Unreadable(
            f"there is no kind of source {given.source!r}",
            expected=f"one of {', '.join(KINDS)}",
            mend=did_you_mean(given.source, KINDS),
        )
    return given


def would_run(
    playbook: Playbook, given: Given, lookups: Mapping[str, JsonValue], registry: Registry
) -> tuple[str, ...]:
    """Name the actions' steps that would answer, in the playbook's order.

    Conditions that look at earlier steps see them as a change about to be made. Samples of a detector are
    answered by nothing, here as at the gateway.
    """
    return _run(playbook, given, lookups, registry).steps


def _run(playbook: Playbook, given: Given, lookups: Mapping[str, JsonValue], registry: Registry) -> Ran:
    raw = json.dumps(given.payload).encode()
    headers = {name.lower(): value for name, value in given.headers.items()}
    read = KINDS[given.source](given.payload, headers, hashlib.sha256(raw).hexdigest(), _RECEIVED)
    delivery = held(read, kind=given.source, via="", received=_EVER)
    answered: dict[str, list[Finding]] = {}
    aside = (*delivery.unreadable, *delivery.ignored)
    left = {"": aside[0].reason} if aside else {}
    for finding in delivery.findings:
        if finding.is_test:
            left[""] = "a test event: it never acts"
        elif applies(playbook, finding):
            answered.setdefault(identity_of(playbook, finding)[0], []).append(finding)
        elif playbook.answers(finding):
            left[""] = unmet(playbook, finding)
        else:
            left.setdefault("", f"no trigger names {finding.source} {finding.type}")
    ran: set[str] = set()
    for findings in answered.values():
        ran.update(_steps(playbook, merged(findings), lookups, registry, left))
    if ran:
        left.pop("", None)
    return Ran(tuple(step.id or "" for step in playbook.every_step() if step.id in ran), left)


def _steps(
    playbook: Playbook,
    finding: Finding,
    lookups: Mapping[str, JsonValue],
    registry: Registry,
    left: dict[str, str],
) -> Iterator[str]:
    context = context_of(finding)
    for stage, step in staged(playbook):
        calls = unfold(stage, step, context)
        for call in calls:
            _fits(call, registry)
        if not calls:
            left[step.id or ""] = left_aside(step, context)
            continue
        if step.lookup is not None:
            context["lookup"][step.id] = _read(step, lookups)
            context.setdefault(PLACES, {})[step.id or ""] = calls[0].place
            continue
        targets = [_planned(call) for call in calls]
        context["steps"][step.id] = {**targets[0], "targets": targets}
        yield step.id or ""


def _fits(call: StepCall, registry: Registry) -> None:
    """See that the finding gives an action what it takes."""
    name = call.step.action or call.step.lookup or ""
    try:
        registry[name].read_params(call.params)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "params"
        raise Unreadable(
            f"step {call.step.id} gives {name} no usable {where}: {first['msg']}",
            expected="parameters as `firedoor actions " + name + "` lists them",
            mend=f"guard the step with a `when` that asks for {where}",
        ) from error


def _read(step: Step, lookups: Mapping[str, JsonValue]) -> Any:
    name = step.id or ""
    if name not in lookups:
        raise Unreadable(
            f"lookup {name} has no answer",
            expected=f"lookups: {{{name}: …}} in the case",
            mend=f"write what {step.lookup} would read",
        )
    return lookups[name]


def _planned(call: StepCall) -> dict[str, Any]:
    """What later steps see of one that would be a change; what the world holds, no case knows."""
    return {
        "id": call.id,
        "outcome": "change",
        "says": "",
        "target": "",
        "account": call.place.account,
        "region": call.place.region,
        "params": plain(call.params),
        "before": {},
    }
