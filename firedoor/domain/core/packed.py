"""Many values as one short text, for what a workflow hands to its next run."""

from __future__ import annotations

import base64
import lzma
import zlib
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from pydantic import TypeAdapter

from firedoor.domain.core.value import Value

V = TypeVar("V", bound=Value)


def pack(values: Sequence[Value]) -> str:
    """Return values of one kind as base64 over zlib over JSON; ten thousand notices are about 1.2 MB so."""
    if not values:
        return ""
    told = _listed(type(values[0])).dump_json(list(values), exclude_defaults=True)
    return base64.b64encode(zlib.compress(told, 6)).decode()


def unpack(packed: str, model: type[V]) -> list[V]:
    """Return the values of `pack`; none for an empty text."""
    if not packed:
        return []
    return _listed(model).validate_json(zlib.decompress(base64.b64decode(packed)))


@cache
def _listed(model: type[V]) -> TypeAdapter[list[V]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def pack_whole(value: Value) -> str:
    """Return one large value as base64 over LZMA over JSON: what stands in it twice is carried once.

    Its window is wider than zlib's 32 kB: a finding stands among the findings, in the ledger and in the plan.
    """
    told = value.model_dump_json(exclude_defaults=True).encode()
    return base64.b64encode(lzma.compress(told, lzma.FORMAT_XZ, filters=_FAST)).decode()


def unpack_whole(packed: str, model: type[V]) -> V:
    """Return the value of `pack_whole`."""
    return model.model_validate_json(lzma.decompress(base64.b64decode(packed)))


_FAST = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 23}]
