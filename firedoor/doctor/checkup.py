"""One thing that the doctor looked at: how it is, and what to do about it."""

from __future__ import annotations

from typing import Literal

from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.core.value import Value


class Check(Value):
    """One thing looked at: how it is, and what to do about it."""

    name: str
    state: Literal["ok", "warn", "fail"]
    says: str
    mend: str = ""


def failed(name: str, error: FiredoorError) -> Check:
    """Say that something could not be done, in the error's own words."""
    says = f"{error.found}; expected {error.expected}" if error.expected else error.found
    return Check(name=name, state="fail", says=says, mend=error.mend)
