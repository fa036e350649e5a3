"""Canonical JSON (RFC 8785) and the digests that people approve."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785
from pydantic import BaseModel

#: The largest integer that RFC 8785 (I-JSON) can carry.
MAX_INTEGER = 2**53 - 1


def plain(value: Any) -> Any:
    """Turn models into plain JSON values (dict, list, str, int, float, bool, None)."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(item) for item in value]
    return value


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a model or of plain JSON."""
    return rfc8785.dumps(plain(value))


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def fingerprint(sha256: str) -> str:
    """Shorten a digest to what people compare by eye: `A41B-35E6-E3C5` (48 bits)."""
    head = sha256[:12].upper()
    return f"{head[:4]}-{head[4:8]}-{head[8:12]}"
