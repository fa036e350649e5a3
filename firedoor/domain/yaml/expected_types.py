"""What a model asks for at each place of a document, so that plain scalars can be read as that."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, RootModel
from pydantic.fields import FieldInfo

from firedoor.domain.core.duration import EXPECTED as A_DURATION
from firedoor.domain.yaml.document import Plain, meaning
from firedoor.domain.yaml.problem import Way

_NO_TYPE = type(None)


@dataclass(frozen=True)
class Asked:
    """What stands in the model at one place: its annotation, and which member of a union was meant."""

    annotation: Any
    chosen: Any = None
    among: int = 1

    @property
    def takes_a_scalar(self) -> bool:
        """Whether anything but a list or a mapping would do here."""
        return self.annotation is Any or bool(_scalars(_members(self.annotation)))


def settle(value: Any, annotation: Any, asked: dict[Way, Asked] | None = None, way: Way = ()) -> Any:
    """Return the tree with its plain scalars read as `annotation` asks, as plain JSON values.

    A scalar that cannot be what is asked for stays text; validation then says
    what is wrong with it. `asked` is filled with what was asked for at each place.
    """
    if asked is None:
        asked = {}
    bare, optional = _bare(annotation)
    if bare is Any:
        asked[way] = Asked(Any, Any)
        return meaning(value)
    members = _members(bare)
    chosen = _choose(members, value)
    asked[way] = Asked(bare, chosen, len(members))
    if optional and isinstance(value, Plain) and value.meaning() is None:
        return None
    return _settle_as(chosen, value, asked, way)


def _settle_as(chosen: Any, value: Any, asked: dict[Way, Asked], way: Way) -> Any:
    if chosen is None:
        return meaning(value)
    if isinstance(value, dict):
        return {key: settle(item, _of_key(chosen, key), asked, (*way, key)) for key, item in value.items()}
    if isinstance(value, list):
        asks = _of_items(chosen, len(value))
        return [settle(item, asks[n], asked, (*way, n)) for n, item in enumerate(value)]
    return _scalar(value, chosen)


def _scalar(value: Any, annotation: Any) -> Any:
    if not isinstance(value, Plain):
        return value
    means = value.meaning()
    if means is None:
        # `name:` and `name: null` say "no value"; taking them for text would hide a forgotten one.
        return None
    kinds = (
        {type(each) for each in get_args(annotation)} if get_origin(annotation) is Literal else {annotation}
    )
    if type(means) in kinds or (float in kinds and type(means) is int):
        return means
    return str(value)


def _bare(annotation: Any) -> tuple[Any, bool]:
    """Strip names, `Annotated` and `| None` from an annotation."""
    optional = False
    while True:
        if annotation is JsonValue or annotation is object:
            return Any, optional
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        elif isinstance(annotation, TypeVar):
            annotation = annotation.__bound__ or Any
        elif _is_union(annotation) and _NO_TYPE in get_args(annotation):
            rest = tuple(each for each in get_args(annotation) if each is not _NO_TYPE)
            annotation, optional = Union[rest], True  # noqa: UP007 - made from a tuple
        elif isinstance(annotation, type) and issubclass(annotation, RootModel):
            annotation = annotation.model_fields["root"].annotation
        else:
            return annotation, optional


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _members(annotation: Any) -> tuple[Any, ...]:
    if not _is_union(annotation):
        return (annotation,)
    found: list[Any] = []
    for each in get_args(annotation):
        found.extend(_members(_bare(each)[0]))
    return tuple(found)


def _choose(members: Sequence[Any], value: Any) -> Any:
    """Say which member of a union the writer meant, judged by the shape of what was written."""
    if isinstance(value, dict):
        shaped = [each for each in members if _is_model(each) or _is_a(each, Mapping)]
        return max(shaped, key=lambda each: _likeness(each, value), default=None)
    if isinstance(value, list):
        shaped = [each for each in members if _is_a(each, Sequence) or _is_a(each, AbstractSet)]
        return shaped[0] if shaped else None
    return _chosen_scalar(_scalars(members), value)


def _chosen_scalar(scalars: Sequence[Any], value: Any) -> Any:
    worded = [
        each for each in scalars if get_origin(each) is Literal and _scalar(value, each) in get_args(each)
    ]
    fitting = [each for each in scalars if type(_scalar(value, each)) not in (str, Plain, _NO_TYPE)]
    texts = [each for each in scalars if each is str]
    return next(iter([*worded, *fitting, *texts, *scalars]), None)


def _scalars(members: Sequence[Any]) -> list[Any]:
    structures = (Mapping, Sequence, AbstractSet)
    return [
        each for each in members if not (_is_model(each) or any(_is_a(each, kind) for kind in structures))
    ]


def _likeness(member: Any, value: dict[str, Any]) -> tuple[int, int, int]:
    if not _is_model(member):
        return (0, 0, 0)
    fields = keys_of(member)
    said = 0
    for key, field in fields.items():
        bare = _bare(field.annotation)[0]
        if get_origin(bare) is Literal and key in value:
            said += 1 if str(value[key]) in choices_of(bare) else -1
    known = sum(1 for key in value if key in fields)
    missing = sum(1 for key, field in fields.items() if field.is_required() and key not in value)
    return (said, known, -missing)


def keys_of(model: Any) -> dict[str, FieldInfo]:
    """Return a model's fields by the keys that people write; empty for what is no model."""
    if not _is_model(model):
        return {}
    return {
        (field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name): field
        for name, field in model.model_fields.items()
    }


def _of_key(chosen: Any, key: str) -> Any:
    if _is_model(chosen):
        field = keys_of(chosen).get(key)
        return field.annotation if field else Any
    key_and_value = get_args(chosen)
    return key_and_value[-1] if _is_a(chosen, Mapping) and key_and_value else Any


def _of_items(chosen: Any, count: int) -> list[Any]:
    arguments = [each for each in get_args(chosen) if each is not Ellipsis]
    if not arguments:
        return [Any] * count
    if get_origin(chosen) is tuple and Ellipsis not in get_args(chosen):
        return [arguments[n] if n < len(arguments) else Any for n in range(count)]
    return [arguments[0]] * count


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_a(annotation: Any, kind: type) -> bool:
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, kind) and not issubclass(origin, (str, bytes))


_WORDS: dict[Any, str] = {
    Any: "any value",
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    timedelta: A_DURATION,
    datetime: "a time with its zone, such as 2026-11-22T02:14:07Z",
    date: "a date such as 2026-11-22",
}


def words(annotation: Any) -> str:
    """Name an annotation as a person would: `a list of text`."""
    bare, _ = _bare(annotation)
    if _is_union(bare):
        return " or ".join(dict.fromkeys(words(each) for each in _members(bare)))
    if choices := choices_of(bare):
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    return _words_of_structure(bare) or _WORDS.get(bare) or getattr(bare, "__name__", str(bare)).lower()


def _words_of_structure(bare: Any) -> str | None:
    if written_as := getattr(bare, "written_as", ""):
        return str(written_as)
    if _is_model(bare):
        required = [key for key, field in keys_of(bare).items() if field.is_required()]
        keys = required or list(keys_of(bare))
        return f"a mapping with {', '.join(keys)}" if keys else "an empty mapping"
    arguments = [each for each in get_args(bare) if each is not Ellipsis]
    if _is_a(bare, Mapping):
        return f"a mapping of names to {words(arguments[-1])}" if arguments else "a mapping"
    if _is_a(bare, Sequence) or _is_a(bare, AbstractSet):
        return f"a list of {words(arguments[0])}" if arguments else "a list"
    return None


def mend_of(annotation: Any) -> str:
    """Return what a model that is asked for says about writing it in its place."""
    return next((each.written_mend for each in _members(annotation) if getattr(each, "written_mend", "")), "")


def choices_of(annotation: Any) -> tuple[str, ...]:
    """Return the words that an enum or a literal allows; empty for anything else."""
    bare, _ = _bare(annotation)
    if get_origin(bare) is Literal:
        return tuple(_as_written(each) for each in get_args(bare))
    if isinstance(bare, type) and issubclass(bare, Enum):
        return tuple(_as_written(each.value) for each in bare)
    return ()


def _as_written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
