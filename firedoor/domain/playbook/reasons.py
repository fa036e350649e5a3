"""Reasons: which part of a condition was not met, and what it saw, in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.domain.finding.finding import Finding, Severity
from firedoor.domain.playbook.expression import ExpressionError, condition, context_of, evaluate
from firedoor.domain.playbook.playbook import Playbook, Step

_MOST: Final = 700  # characters of one reason
_MOST_VALUES: Final = 6
_MOST_ITEMS: Final = 5
_MOST_TEXT: Final = 60
_MOST_SOURCE: Final = 240
_STEP: Final = r"""(?:\s*\.\s*[A-Za-z_]\w*|\[\s*(?:"[^"]*"|'[^']*'|\d+)\s*\])"""
_KEY: Final = re.compile(r"""\.\s*([A-Za-z_]\w*)|\[\s*(?:"([^"]*)"|'([^']*)'|(\d+))\s*\]""")
_SEVERITIES: Final = {severity.rank: severity.value for severity in Severity}
_NOT_THERE: Final = object()


def unmet(playbook: Playbook, finding: Finding) -> str:
    """Say why a playbook whose triggers match does not answer a finding."""
    return _cut(f"its `when` is not met: {_of(playbook.when or 'true', context_of(finding))}")


def undecided(playbook: Playbook, finding: Finding) -> str:
    """Say why the `when` of a playbook could not be evaluated over a finding; nothing acts then."""
    return _cut(f"its `when` could not be evaluated: {_of(playbook.when or 'true', context_of(finding))}")


def left_aside(step: Step, context: Mapping[str, Any]) -> str:
    """Say why a step has nothing to do."""
    if step.for_each is None:
        return _cut(f"its `when` is not met: {_of(step.when or 'true', context)}")
    items = evaluate(step.for_each, context)
    if not items:
        return _cut(f"its `for_each` gives nothing{_seen(step.for_each, context)}")
    inner = {**context, step.as_ or "": items[0]}
    of = "" if len(items) == 1 else f" for any of {len(items)}; for the first"
    return _cut(f"its `when` is not met{of}: {_of(step.when or 'true', inner)}")


def _of(source: str, context: Mapping[str, Any]) -> str:
    """Name the first part of a chain of `&&` that is false, else the one that fails."""
    failed = ""
    for part in conjuncts(source):
        try:
            if condition(part, context):
                continue
        except ExpressionError as error:
            failed = failed or f"{_shown(part)}: {_cause(error, part)}{_seen(part, context)}"
            continue
        return f"{_shown(part)} is false{_seen(part, context)}"
    return failed or f"{_shown(source)} is false"


def conjuncts(source: str) -> Iterator[str]:
    """Take a condition apart into what has to be true together, however it is put into parentheses."""
    inner = source.strip()
    while (stripped := _without_parentheses(inner)) is not None:
        inner = stripped.strip()
    if any(True for _ in _outside(inner, "||")) or any(True for _ in _outside(inner, "?")):
        yield inner
        return
    cuts = list(_outside(inner, "&&"))
    if not cuts:
        yield inner
        return
    for begin, end in zip([0, *(cut + 2 for cut in cuts)], [*cuts, len(inner)], strict=True):
        yield from conjuncts(inner[begin:end])


def _without_parentheses(source: str) -> str | None:
    if not source.startswith("("):
        return None
    closed = next((at for at, depth in _depths(source) if depth == 0), None)
    return source[1:-1] if closed == len(source) - 1 else None


def _outside(source: str, operator: str) -> Iterator[int]:
    """List where an operator stands outside of parentheses and texts."""
    for at, depth in _depths(source):
        if depth == 0 and source.startswith(operator, at):
            yield at


def _depths(source: str) -> Iterator[tuple[int, int]]:
    """List each place outside of texts, with how many parentheses are open behind it."""
    depth, at = 0, 0
    while at < len(source):
        end = _end_of_text(source, at)
        if end > at:
            at = end
            continue
        depth += (source[at] in "([{") - (source[at] in ")]}")
        yield at, depth
        at += 1


def _end_of_text(source: str, at: int) -> int:
    """Return where the text that begins here ends; the same place where none begins."""
    quote = next((each for each in ('"""', "'''", '"', "'") if source.startswith(each, at)), None)
    if quote is None:
        return at
    raw = at > 0 and source[at - 1] in "rR" and not (at > 1 and source[at - 2].isalnum())
    here = at + len(quote)
    while here < len(source):
        if source[here] == "\\" and not raw:
            here += 2
        elif source.startswith(quote, here):
            return here + len(quote)
        else:
            here += 1
    return len(source)


def _seen(source: str, context: Mapping[str, Any]) -> str:
    """Tell the values that an expression names, in their order, each once."""
    told = dict.fromkeys(_values(source, context))
    shown = list(told)[:_MOST_VALUES]
    return f"; {', '.join(shown)}" if shown else ""


def _values(source: str, context: Mapping[str, Any]) -> Iterator[str]:
    roots = "|".join(re.escape(name) for name in context if name not in ("severity", "") and name[0] != "_")
    for match in re.finditer(rf"(?<![\w.])(?:{roots})\b{_STEP}*", source):
        path = match.group(0)
        if source[match.end() :].lstrip().startswith("("):
            path = path[: path.rindex(".")]  # a method's name is no field
        way = "".join(path.split())
        yield f"{way} {_told(way, _walk(way, context))}"


def _walk(way: str, context: Mapping[str, Any]) -> Any:
    root = re.match(r"\w+", way)
    value: Any = context.get(root.group(0), _NOT_THERE) if root else _NOT_THERE
    for dotted, double, single, number in _KEY.findall(way):
        key = dotted or double or single
        if number and isinstance(value, list) and int(number) < len(value):
            value = value[int(number)]
        elif not number and isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return _NOT_THERE
    return value


def _told(way: str, value: Any) -> str:
    if value is _NOT_THERE:
        return "is not there"
    if way == "finding.severity":
        return f"is {value} ({_SEVERITIES.get(value, 'unknown')})"
    if isinstance(value, list):
        more = ", ..." if len(value) > _MOST_ITEMS else ""
        return (
            f"holds {len(value)}"
            + (": " if value else "")
            + ", ".join(map(_item, value[:_MOST_ITEMS]))
            + more
        )
    return f"is {_item(value)}"


def _item(value: Any) -> str:
    """Text from a finding as data: quoted, short, without control characters."""
    if isinstance(value, Mapping) and "kind" in value:
        return f"{_item(value['kind'])} {_item(value.get('name') or value.get('uid') or '')}"
    if isinstance(value, Mapping):
        keys = ", ".join(ascii(key)[:_MOST_TEXT] for key in list(value)[:_MOST_ITEMS])
        return f"a map with {keys or 'nothing'}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    words = ascii(getattr(value, "value", value))
    return words if len(words) <= _MOST_TEXT else f"{words[: _MOST_TEXT - 4]}...'"


def _shown(source: str) -> str:
    words = " ".join(source.split())
    return f"`{words if len(words) <= _MOST_SOURCE else words[:_MOST_SOURCE] + ' ...'}`"


def _cause(error: ExpressionError, part: str) -> str:
    """What went wrong, without the expression itself, which stands before it."""
    return error.found.replace(repr(part), "it", 1).split("\n", 1)[0][:_MOST_SOURCE]


def _cut(reason: str) -> str:
    return reason if len(reason) <= _MOST else f"{reason[: _MOST - 4]} ..."
