"""Checking a playbook: from text to something that can run, or every mistake with its place and its mend."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pydantic import JsonValue, ValidationError

from firedoor.domain.action.action import ActionSpec, Params
from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.finding.finding import Finding, Severity
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.playbook.expression import (
    ExpressionError,
    MissingNameError,
    compiled,
    evaluate,
    expressions,
)
from firedoor.domain.playbook.laws import objections
from firedoor.domain.playbook.playbook import Playbook, Step
from firedoor.domain.yaml.document import Document, read
from firedoor.domain.yaml.expected_types import Asked, settle
from firedoor.domain.yaml.messages import problems_of
from firedoor.domain.yaml.problem import Position, Problem, Problems, Way, did_you_mean
from firedoor.domain.yaml.reader import load

#: How large a compiled playbook may be, as JSON without its cases: it stands in each response's history.
MOST_BYTES: Final = 256 * 1024


class Known(NamedTuple):
    """What a playbook may name: an action or a lookup, and the model of its parameters."""

    spec: ActionSpec
    params: type[Params]


def read_playbook(
    text: str, file: str, known: Mapping[str, Known], groups: frozenset[str] | None = None
) -> Playbook:
    """Read one playbook and check all of it; raises `Problems` with every mistake, or `Illegible`.

    `file` ends in the playbook's name (`…/leaked_access_key.yaml`). `groups` are
    the groups of people.yaml; None leaves them unchecked.
    """
    document = read(text, file)
    playbook = load(document, Playbook)
    problems = list(_Checker(document, playbook, known, groups).problems())
    if problems:
        raise Problems(problems)
    return _typed(document, playbook, known)


def _typed(document: Document, playbook: Playbook, known: Mapping[str, Known]) -> Playbook:
    """Give literal parameters the types their action asks for: an unquoted account stays text."""

    def retyped(step: Step, way: Way) -> Step:
        name = step.action or step.lookup
        if name is None or "params" not in document.get(way):
            return step
        settled = settle(document.get((*way, "params")), known[name].params)
        return step.model_copy(update={"params": settled})

    steps = []
    for index, step in enumerate(playbook.steps):
        way: Way = ("steps", index)
        if step.together is None:
            steps.append(retyped(step, way))
        else:
            inner = tuple(retyped(each, (*way, "together", n)) for n, each in enumerate(step.together))
            steps.append(step.model_copy(update={"together": inner}))
    return playbook.model_copy(update={"steps": tuple(steps)})


class _Checker:
    """One pass over one playbook."""

    def __init__(
        self,
        document: Document,
        playbook: Playbook,
        known: Mapping[str, Known],
        groups: frozenset[str] | None,
    ) -> None:
        self._document = document
        self._playbook = playbook
        self._known = known
        self._groups = groups
        self._seen: dict[str, Way] = {}
        self._lookups: set[str] = set()

    def problems(self) -> Iterator[Problem]:
        yield from self._name()
        size = len(self._playbook.model_copy(update={"cases": ()}).model_dump_json().encode())
        if size > MOST_BYTES:
            yield self._at(
                ("steps",),
                f"the playbook is {size} bytes as JSON, without its cases",
                expected=f"at most {MOST_BYTES}: each response carries its playbook",
                mend="split it, or shorten its texts",
            )
        top = {"finding", "severity"}
        if self._playbook.when:
            yield from self._expression(self._playbook.when, ("when",), top)
        yield from self._value(self._playbook.incident, ("incident",), top)
        if not list(expressions(self._playbook.incident)):
            yield self._at(
                ("incident",),
                "the incident key is the same for every finding",
                expected="a `${{ … }}` that names what the incident is about",
            )
        for step, way in self._ways():
            yield from self._step(step, way)
        for way, objection in objections(
            self._playbook, {name: each.spec for name, each in self._known.items()}
        ):
            yield self._at(
                way, objection.found, expected=objection.expected, mend=objection.mend, law=objection.law
            )

    def _ways(self) -> Iterator[tuple[Step, Way]]:
        for index, step in enumerate(self._playbook.steps):
            if step.together is None:
                yield step, ("steps", index)
            else:
                for inner, each in enumerate(step.together):
                    yield each, ("steps", index, "together", inner)

    def _name(self) -> Iterator[Problem]:
        stem = self._document.at(()).file.rsplit("/", 1)[-1].removesuffix(".yaml").removesuffix(".yml")
        if self._playbook.playbook != stem:
            yield self._at(
                ("playbook",),
                f"the playbook is called {self._playbook.playbook!r} in a file called {stem!r}",
                expected="the file's name",
                mend=f"write `playbook: {stem}`",
            )

    def _step(self, step: Step, way: Way) -> Iterator[Problem]:
        name = step.id or ""
        if name in self._seen:
            yield self._at(
                (*way, "id"),
                f"step id {name!r} stands twice",
                expected="an id of its own",
                mend=f"the first one is at {self._document.at((*self._seen[name], 'id'))}",
            )
        kind, called = ("action", step.action) if step.action else ("lookup", step.lookup or "")
        known = self._known.get(called or "")
        if known is None or known.spec.kind != kind:
            names = [each for each, entry in self._known.items() if entry.spec.kind == kind]
            yield self._at(
                (*way, kind),
                f"there is no {kind} {called!r}",
                expected="a name from `firedoor actions`",
                mend=f"write `{known.spec.kind}: {called}`"
                if known is not None
                else did_you_mean(called or "", names) or f"known: {', '.join(names)}",
            )
        else:
            yield from self._params(step, way, known)
        scope = {"finding", "severity", "steps", "lookup"}
        if step.for_each:
            yield from self._expression(step.for_each, (*way, "for_each"), scope)
        if step.as_:
            if step.as_ in scope:
                yield self._at(
                    (*way, "as"),
                    f"`as: {step.as_}` hides a name that expressions need",
                    expected="another name",
                )
            scope = scope | {step.as_}
        if step.when:
            yield from self._expression(step.when, (*way, "when"), scope)
        for key, value in step.params.items():
            yield from self._value(value, (*way, "params", key), scope)
        yield from self._value(step.placing(), (*way, "place"), scope)
        yield from self._people(step, way)
        self._seen.setdefault(name, way)
        if step.lookup:
            self._lookups.add(name)

    def _params(self, step: Step, way: Way, known: Known) -> Iterator[Problem]:
        document = self._document
        if "params" not in document.get(way):
            needed = [key for key, field in known.params.model_fields.items() if field.is_required()]
            if needed:
                yield self._at(
                    way,
                    f"step {step.id} gives no params",
                    expected=", ".join(needed),
                    mend=f"example: {json.dumps(known.spec.example)}",
                )
            return
        asked: dict[Way, Asked] = {}
        place: Way = (*way, "params")
        settled = settle(document.get(place), known.params, asked, place)
        try:
            known.params.model_validate_json(json.dumps(settled), strict=True)
        except ValidationError as error:
            # What an expression will give is known only with a finding: its place is not judged here.
            later = {
                str(document.at(there))
                for key, value in step.params.items()
                for there in _places_of_expressions(value, (*place, key))
            }
            for problem in problems_of(error, document, asked, place):
                if str(Position(file=problem.file, line=problem.line, column=problem.column)) not in later:
                    yield problem

    def _people(self, step: Step, way: Way) -> Iterator[Problem]:
        if step.approval is None or self._groups is None:
            return
        for key, names in (("from", step.approval.from_), ("to", step.approval.to)):
            for index, group in enumerate(names or ()):
                if group not in self._groups:
                    yield self._at(
                        (*way, "approval", key, index),
                        f"there is no group {group!r} in people.yaml",
                        expected=f"one of {', '.join(sorted(self._groups)) or '(none is defined)'}",
                        mend=did_you_mean(group, self._groups),
                    )

    def _value(self, value: JsonValue, way: Way, scope: set[str]) -> Iterator[Problem]:
        for source in expressions(value):
            yield from self._expression(source, way, scope)

    def _expression(self, source: str, way: Way, scope: set[str]) -> Iterator[Problem]:
        try:
            program = compiled(source)
        except ExpressionError as error:
            yield self._at(way, error.found, expected=error.expected, mend=error.mend)
            return
        bound = _bound_by_macros(source)
        for name in program.variables():
            if name not in scope and name not in bound:
                yield self._at(
                    way,
                    f"the expression {source!r} uses {name!r}, which is nothing here",
                    expected=f"one of {', '.join(sorted(scope))}",
                    mend=did_you_mean(name, scope),
                )
                return
        try:
            evaluate(source, self._everything(scope))
        except MissingNameError as error:
            # Only a missing name is surely a mistake: values are the finding's.
            if not _depends_on_the_world(source, error.name):
                yield self._at(
                    way,
                    error.found,
                    expected="a field of a finding, or of a step before this one",
                    mend="see docs/reference/finding.md",
                )
        except FiredoorError:
            return

    def _everything(self, scope: set[str]) -> dict[str, object]:
        """A finding in which every field is present, so that only misspelt ones are missing."""
        context: dict[str, object] = dict(_SKELETON)
        context["steps"] = {name: _ANY_STEP for name in self._seen if name not in self._lookups}
        context["lookup"] = {name: {} for name in self._lookups}
        for name in scope - set(context):
            context[name] = ""
        return context

    def _at(
        self, way: Way, found: str, *, expected: str = "", mend: str = "", law: str | None = None
    ) -> Problem:
        return Problem.at(self._document.at(way), found, expected=expected, mend=mend, law=law)


def _places_of_expressions(value: JsonValue, way: Way) -> Iterator[Way]:
    """List where in a value the texts with a `${{ }}` stand, however deep."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places_of_expressions(item, (*way, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places_of_expressions(item, (*way, index))
    elif any(True for _ in expressions(value)):
        yield way


def _depends_on_the_world(source: str, name: str) -> bool:
    """Whether a missing field stands below one whose fields only the world knows, such as a lookup's."""
    return re.search(_OPEN + r"[\w.\[\]\"']*[.\"']" + re.escape(name) + r"\b", source) is not None


def _bound_by_macros(source: str) -> set[str]:
    """Names that comprehension macros bind (`.map(x, …)`); CEL lists them among the variables."""
    names = set()
    for macro in (".map(", ".filter(", ".exists(", ".exists_one(", ".all("):
        for part in source.split(macro)[1:]:
            names.add(part.split(",", 1)[0].strip())
    return names


_RESOURCE = {"kind": "", "uid": "", "name": "", "account": "", "region": "", "attributes": {}}
_SKELETON: dict[str, object] = {
    "finding": {
        **dict.fromkeys(Finding.model_fields, ""),
        "severity": 4,
        "confidence": 0.5,
        "count": 1,
        "is_test": False,
        "resources": [_RESOURCE],
        "actor": {
            **dict.fromkeys(Finding.model_fields["actor"].annotation.model_fields, ""),  # type: ignore[union-attr]
            "source_ips": [],
        },
    },
    "severity": {severity.value: severity.rank for severity in Severity},
}
_ANY_STEP = {**dict.fromkeys(PlannedStep.model_fields, ""), "before": {}, "params": {}, "targets": []}
#: The parts of a context that have fields of their own making.
_OPEN = r"(?:\battributes|\.before|\.params|\blookup\.\w+)"
