"""Conditions and `${{ }}` values of a playbook, written in CEL and fed with data only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import cel
from pydantic import JsonValue

from firedoor.domain.core.canonical import canonical, plain
from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.finding.finding import Finding, Severity, without_none
from firedoor.domain.finding.place import placed

_TEMPLATE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_WHOLE = re.compile(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", re.DOTALL)

#: The names every expression may use.
NAMES = ("finding", "severity", "steps", "lookup")


class ExpressionError(FiredoorError):
    """An expression that does not compile, or that fails on the data it was given."""


class MissingNameError(ExpressionError):
    """An expression that asks for a field which is not there; `name` is that field."""

    def __init__(self, found: str, *, name: str, expected: str = "", mend: str = "") -> None:
        super().__init__(found, expected=expected, mend=mend)
        self.name = name


@lru_cache(maxsize=4096)
def compiled(source: str) -> cel.Program:
    """Compile one CEL expression, once per process.

    Raises ExpressionError with CEL's own words about the place and the cause.
    """
    try:
        return cel.compile(source)
    except ValueError as error:
        # CEL repeats the source and draws below it; its place and its cause stand in the first line.
        cause = str(error).split("\n", 1)[0].rpartition("<input>:")[2]
        raise ExpressionError(
            f"the expression {source!r} does not compile: {cause}",
            expected="a CEL expression such as `finding.severity >= severity.high`",
            mend="see docs/how-to/write-a-playbook.md for the names it may use",
        ) from error


def evaluate(source: str, context: Mapping[str, Any]) -> Any:
    """Evaluate one expression. The data in `context` is never read as code."""
    program = compiled(source)
    try:
        # Only what it names is handed over: a large finding is not copied for every item of a `for_each`.
        return program.execute({name: context[name] for name in program.variables() if name in context})
    except KeyError as error:
        raise MissingNameError(
            f"{source!r} asks for {error}, which is not there",
            name=str(error.args[0]) if error.args else "",
            expected="a field that this finding or step has",
            mend="guard it with has(…), or correct its name",
        ) from error
    except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise ExpressionError(f"{source!r} fails: {error}") from error


def condition(source: str, context: Mapping[str, Any]) -> bool:
    """Evaluate a `when`; anything but a boolean is an error, never a truth."""
    answer = evaluate(source, context)
    if not isinstance(answer, bool):
        raise ExpressionError(
            f"{source!r} gives {type(answer).__name__}",
            expected="true or false",
            mend="compare it with something",
        )
    return answer


def expressions(value: JsonValue) -> Iterator[str]:
    """List the expressions inside the `${{ }}` of a value, however deep."""
    if isinstance(value, str):
        yield from (match.group(1).strip() for match in _TEMPLATE.finditer(value))
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from expressions(item)


def fill(value: JsonValue, context: Mapping[str, Any]) -> JsonValue:
    """Replace every `${{ }}` in a value.

    A string that is one expression takes the expression's value and type; inside
    longer text the expression must give text, a whole number or a boolean.
    """
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value)
        if whole:
            return _as_json(whole.group(1).strip(), context)
        return _TEMPLATE.sub(lambda match: _as_text(match.group(1).strip(), context), value)
    if isinstance(value, list):
        return [fill(item, context) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, context) for key, item in value.items()}
    return value


def _as_json(source: str, context: Mapping[str, Any]) -> JsonValue:
    answer: JsonValue = plain(evaluate(source, context))
    try:
        canonical(answer)
    except ValueError as error:
        # A plan is canonical JSON: what that cannot carry could be neither shown nor signed.
        raise ExpressionError(
            f"{source!r} gives what no plan can carry: {error}",
            expected="text, a whole number within 2^53, true or false, or a list or map of these",
            mend="convert it with string(…)",
        ) from error
    return answer


def _as_text(source: str, context: Mapping[str, Any]) -> str:
    answer = evaluate(source, context)
    if isinstance(answer, bool):
        return "true" if answer else "false"
    if isinstance(answer, (str, int)):
        return str(answer)
    raise ExpressionError(
        f"{source!r} gives {type(answer).__name__} inside text",
        expected="text or a whole number",
        mend="convert it with string(…)",
    )


def context_of(finding: Finding) -> dict[str, Any]:
    """Build what expressions see of a finding: absent fields absent, severity as its OCSF number.

    Each resource tells its place; the finding's own stands in for what a resource does not tell.
    """
    facts = without_none(plain(placed(finding)))
    facts["severity"] = finding.severity.rank
    return {
        "finding": facts,
        "severity": {severity.value: severity.rank for severity in Severity},
        "steps": {},
        "lookup": {},
    }
