"""Facts in the data of an entry, read where they are: another version may have written them otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def fact(data: Any, *way: str) -> Any:
    """Return what stands at the end of a way through JSON objects; None where there is no such way."""
    for key in way:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def text(data: Any, *way: str) -> str:
    """Return a text, "" for anything else."""
    value = fact(data, *way)
    return value if isinstance(value, str) else ""


def number(data: Any, *way: str) -> int:
    """Return a whole number, 0 for anything else."""
    value = fact(data, *way)
    return value if isinstance(value, int) else 0


def true(data: Any, *way: str) -> bool:
    """Say whether it says so."""
    return fact(data, *way) is True


def as_list(data: Any, *way: str) -> list[Any]:
    """Return a list, an empty one for anything else."""
    value = fact(data, *way)
    return value if isinstance(value, list) else []


def texts(data: Any, *way: str) -> tuple[str, ...]:
    """Return the texts of a list."""
    return tuple(value for value in as_list(data, *way) if isinstance(value, str))


def moment(data: Any, *way: str) -> datetime | None:
    """Return a moment that names its zone, None for anything else."""
    try:
        read = datetime.fromisoformat(text(data, *way))
    except ValueError:
        return None
    return read if read.tzinfo else None
