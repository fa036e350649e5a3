"""pydantic's errors in the house's words, each at the place where its mistake was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from firedoor.domain.core.duration import EXPECTED as A_DURATION
from firedoor.domain.yaml.document import Document, Plain, meaning
from firedoor.domain.yaml.expected_types import Asked, choices_of, keys_of, mend_of, words
from firedoor.domain.yaml.problem import Mistakes, Problem, Way, did_you_mean

_SHOULD = re.compile(r"^(?P<kind>\w+) should (?P<rest>.*)$", re.DOTALL)
_SHOWN = 60
_NOT_MEANT = "not meant"
#: About what a before-validator made: it stands nowhere in the file.
_MADE = "made"
_WRAPPERS = re.compile(r"^(?:function-\w+\[\w+\(\), )*")
_CREDENTIALS = re.compile(r"://[^/\s]*@")
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_AS_BOOLEAN = {
    "yes": "true",
    "on": "true",
    "y": "true",
    "true": "true",
    "no": "false",
    "off": "false",
    "n": "false",
    "false": "false",
}
# These say that the written thing has another shape than what is asked for.
_SHAPE = re.compile(r".*_(type|parsing|format)$|is_instance_of|.*_attributes_type|none_required")


def problems_of(
    error: ValidationError, document: Document, asked: Mapping[Way, Asked], top: Way
) -> list[Problem]:
    """Translate every error, one problem each; a union is reported as the member that was meant."""
    found: list[Problem] = []
    told: set[tuple[Way, str]] = set()
    placed = [
        (details, *_placed(details, document, asked, top)) for details in error.errors(include_url=False)
    ]
    meant = {way for _, way, kind in placed if kind != _NOT_MEANT}
    above = {way[:length] for way in meant for length in range(len(way))}
    for details, way, kind in placed:
        if (way, kind) in told:
            continue
        told.add((way, kind))
        if kind == _NOT_MEANT:
            # Said only where nothing else is: no error may vanish because no member looked meant.
            if way not in above and way not in meant:
                found.append(_shape_problem(document, way, asked))
        elif kind == "too_short" and way in above:
            pass  # a list whose items are wrong also counts as too short of good ones: once is enough
        else:
            found.extend(_problems(details, kind, way, document, asked))
    return found


def _placed(
    details: ErrorDetails, document: Document, asked: Mapping[Way, Asked], top: Way
) -> tuple[Way, str]:
    """Find the way and the kind of an error; one about a union member nobody meant is `_NOT_MEANT`."""
    way = top
    steps = list(details["loc"])
    lost = False
    while True:
        part = document.get(way)
        if steps == ["[key]"] and way != top and not (isinstance(part, dict) and "[key]" in part):
            return way, "key"
        ask = asked.get(way)
        if ask is not None and ask.among > 1 and steps:
            label = steps.pop(0)
            if ask.chosen is None:
                return way, "shape"
            if not _labels(ask.chosen, str(label)):
                return way, _NOT_MEANT
        if not steps:
            return way, _MADE if lost else details["type"]
        step = steps.pop(0)
        inside = (isinstance(part, dict) and step in part) or (
            isinstance(part, list) and isinstance(step, int) and step < len(part)
        )
        if inside:
            way = (*way, step)
        elif not steps and details["type"] == "missing" and isinstance(part, dict):
            # A missing key stands nowhere yet: it belongs to the mapping that lacks it.
            return (*way, step), "missing"
        else:
            lost = True


def _labels(chosen: Any, label: str) -> bool:
    """Whether pydantic's label of a union member, such as `function-after[f(), Name]`, is the chosen's."""
    head = re.split(r"[\[\],]", _WRAPPERS.sub("", label))[0].removeprefix("constrained-").lower()
    name = getattr(chosen, "__name__", str(chosen)).lower()
    return head == name or label in _tags(chosen)


def _tags(chosen: Any) -> frozenset[str]:
    """Return the tags by which a tagged union may name a model."""
    return frozenset(word for field in keys_of(chosen).values() for word in choices_of(field.annotation))


def _problems(
    details: ErrorDetails, kind: str, way: Way, document: Document, asked: Mapping[Way, Asked]
) -> Iterator[Problem]:
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Mistakes):
        for each in cause.mistakes:
            there = (*way, *each.way)
            place = document.of_key(there) if each.of_key else document.at(there)
            yield Problem.at(place, each.found, expected=each.expected, mend=each.mend)
    elif kind == "key":
        yield Problem.at(document.of_key(way), f"the key {_quoted(way[-1])}", expected=_expected(details))
    elif kind == "extra_forbidden":
        yield _unknown_key(document, way, asked)
    elif kind == "missing":
        yield from _missing_key(document, way, asked)
    elif kind == "union_tag_invalid":
        yield _wrong_tag(details, document, way)
    elif kind in {"shape", "none_required", "union_tag_not_found"} or _SHAPE.fullmatch(kind):
        yield _shape_problem(document, way, asked)
    elif kind in {"literal_error", "enum"}:
        yield _wrong_word(document, way, asked)
    elif kind == "value_error":
        yield _own_words(details, document, way)
    else:
        yield Problem.at(document.at(way), found(document, way), expected=_expected(details))


def _unknown_key(document: Document, way: Way, asked: Mapping[Way, Asked]) -> Problem:
    model = asked[way[:-1]].chosen
    present = document.get(way[:-1])
    known = [key for key in keys_of(model) if key not in present]
    mend = did_you_mean(str(way[-1]), known) or "remove it"
    expected = f"one of {', '.join(known)}" if known else "no more keys"
    return Problem.at(document.of_key(way), f"unknown key {_quoted(way[-1])}", expected=expected, mend=mend)


def _missing_key(document: Document, way: Way, asked: Mapping[Way, Asked]) -> Iterator[Problem]:
    model, key = asked[way[:-1]].chosen, str(way[-1])
    known, present = keys_of(model), document.get(way[:-1])
    unknown = [each for each in present if each not in known]
    missing = [each for each in known if each not in present]
    if any(did_you_mean(each, missing) == did_you_mean(key, [key]) for each in unknown):
        return  # it is there, misspelt, and reported as that
    field = known.get(key)
    expected = words(field.annotation) if field else "a value"
    yield Problem.at(
        document.at(way[:-1]), f"the key {key!r} is missing", expected=expected, mend=f"add {key!r}"
    )


def _wrong_tag(details: ErrorDetails, document: Document, way: Way) -> Problem:
    told = details["ctx"]
    allowed = [each.strip(" '") for each in str(told["expected_tags"]).split(",")]
    key = str(told["discriminator"]).strip("'")
    return Problem.at(
        document.at((*way, key)),
        f"{key} {_quoted(told['tag'])}",
        expected=f"one of {', '.join(allowed)}",
        mend=did_you_mean(str(told["tag"]), allowed),
    )


def _wrong_word(document: Document, way: Way, asked: Mapping[Way, Asked]) -> Problem:
    ask = asked.get(way)
    choices = choices_of(ask.chosen) if ask is not None else ()
    mend = did_you_mean(str(document.get(way)), choices) if isinstance(document.get(way), str) else ""
    return Problem.at(
        document.at(way),
        found(document, way),
        expected=words(ask.annotation) if ask else "another value",
        mend=mend,
    )


def _shape_problem(document: Document, way: Way, asked: Mapping[Way, Asked]) -> Problem:
    ask = asked.get(way)
    part = document.get(way)
    if ask is None:
        return Problem.at(document.at(way), found(document, way), expected="another value")
    # A scalar where a structure is asked for is not shown: it may be a secret written in the wrong place.
    hidden = isinstance(part, str) and meaning(part) is not None and not ask.takes_a_scalar
    says = words(type(meaning(part))) if hidden else found(document, way)
    mend = mend_of(ask.annotation) or (_mend(part, ask.annotation) if isinstance(part, str) else "")
    return Problem.at(document.at(way), says, expected=words(ask.annotation), mend=mend)


def _mend(part: str, annotation: Any) -> str:
    """Say how a scalar becomes what is asked for, where the writer's wish is plain."""
    if annotation is bool and part.lower() in _AS_BOOLEAN:
        return f"write {_AS_BOOLEAN[part.lower()]}, without quotes"
    if isinstance(part, Plain):
        return "put it in quotes if this text is meant" if annotation is str and part else ""
    if annotation in {int, float} and isinstance(Plain(part).meaning(), (int, float)):
        return "write it without quotes"
    return ""


def _own_words(details: ErrorDetails, document: Document, way: Way) -> Problem:
    says = str(details["ctx"]["error"])
    if says.endswith(A_DURATION):
        return Problem.at(document.at(way), found(document, way), expected=A_DURATION)
    return Problem.at(document.at(way), says)


def _expected(details: ErrorDetails) -> str:
    context, message = details.get("ctx", {}), details["msg"]
    for bound, says in _BOUNDS.items():
        if bound in context:
            return f"{says} {context[bound]}"
    if details["type"] == "string_pattern_mismatch":
        return f"text that matches {context['pattern']}"
    if match := _SHOULD.match(message):
        rest = match["rest"].removeprefix("be ").split(", not ", 1)[0].replace(" after validation", "")
        return rest if match["kind"] == "Input" else f"it to {rest}"
    return message[:1].lower() + message[1:]


def found(document: Document, way: Way) -> str:
    """Say what stands at a place, without repeating long or invisible text."""
    part = document.get(way)
    if isinstance(part, dict):
        return "a mapping" if part else "an empty mapping"
    if isinstance(part, list):
        return "a list" if part else "an empty list"
    if not isinstance(part, Plain):
        return "the text " + _quoted(part, '"')
    means = part.meaning()
    if means is None:
        return "nothing"
    if isinstance(means, str):
        return f"the text {_quoted(part)}"
    return f"{'the number ' if not isinstance(means, bool) else ''}{part}"


def _quoted(text: Any, quote: str = "'") -> str:
    shown = _CREDENTIALS.sub("://…@", str(text))
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
    return f"{quote}{shown.encode('unicode_escape').decode() if not shown.isprintable() else shown}{quote}"
