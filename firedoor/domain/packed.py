"""Many values as one short text, for what a workflow hands to its next run."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import TypeVar

from firedoor.domain.value import Value

V = TypeVar("V", bound=Value)


def pack(values: Sequence[Value]) -> str:
    """Return values as base64 over zlib over JSON; ten thousand notices are some hundred kB so."""
    told = [value.model_dump(mode="json", exclude_defaults=True) for value in values]
    return base64.b64encode(zlib.compress(json.dumps(told, separators=(",", ":")).encode(), 6)).decode()


def unpack(packed: str, model: type[V]) -> list[V]:
    """Return the values of `pack`; none for an empty text."""
    if not packed:
        return []
    return [model.model_validate(each) for each in json.loads(zlib.decompress(base64.b64decode(packed)))]
