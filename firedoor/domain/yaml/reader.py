"""The one strict reader: playbooks and configuration become models, or problems with their place."""

from __future__ import annotations

import json
from typing import Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from firedoor.domain.core.duration import Duration, PeopleDuration
from firedoor.domain.core.value import Value
from firedoor.domain.yaml.document import Document, Plain, meaning, read, write
from firedoor.domain.yaml.expected_types import Asked, settle
from firedoor.domain.yaml.messages import problems_of
from firedoor.domain.yaml.problem import Illegible, Mistake, Mistakes, Position, Problem, Problems, Way

__all__ = [
    "Document",
    "Duration",
    "Illegible",
    "Mistake",
    "Mistakes",
    "PeopleDuration",
    "Plain",
    "Position",
    "Problem",
    "Problems",
    "Way",
    "Written",
    "dump",
    "load",
    "meaning",
    "read",
    "settle",
]

M = TypeVar("M")


class Written(Value):
    """Base of models that people write: nothing is coerced, whoever makes one.

    A model or field validator with `mode="before"` hands its result on as
    Python, where strictness wants a tuple for a tuple and an enum for an enum.
    Validators that run after see finished values and have no such trap.
    """

    model_config = ConfigDict(strict=True)

    #: How it is written, and what to do when something else stands in its place, where the names
    #: of its keys alone would not tell.
    written_as: ClassVar[str] = ""
    written_mend: ClassVar[str] = ""


def load(document: Document, model: type[M], way: Way = ()) -> M:
    """Make a model of a document (or of the part at `way`); raises `Problems` with every mistake.

    Each plain scalar is read as what the model asks for at its place: text
    stays as written, and only true/false are booleans. The quotes of `"true"`
    say text, so a boolean refuses it.
    """
    asked: dict[Way, Asked] = {}
    settled = settle(document.get(way), model, asked, way)
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    try:
        # As JSON, because strict JSON lets a list be a tuple and text an enum, and nothing else.
        # By alias only: `from_` is Python's spelling of a key, not a second one.
        return cast(
            "M", adapter.validate_json(json.dumps(settled), strict=True, by_alias=True, by_name=False)
        )
    except ValidationError as error:
        raise Problems(problems_of(error, document, asked, way)) from error


def dump(model: BaseModel) -> str:
    """Write a model as YAML that loads as an equal model."""
    return write(model.model_dump(mode="json", by_alias=True))
