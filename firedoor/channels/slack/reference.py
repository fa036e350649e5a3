"""What a button carries: a reference to one thing that is asked, and nothing that could be acted on."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from firedoor.domain.core.canonical import fingerprint
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.core.value import Value

Verb = Literal["approve", "reject", "undo", "details", "more"]

R = TypeVar("R", bound=Value)

_LONGEST = 2000


class Reference(Value):
    """Which response, which ask of it, which generation of that ask, which plan, which button.

    The names are short because Slack sends them back in every press. `g` of an
    undo button is how often undo was asked for before, so that a double click
    is one request and a second request is another. `a` and `h` are empty where
    nothing is asked.
    """

    v: Literal[1] = 1
    r: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]{1,200}$")]
    a: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,9}$")] = ""
    g: Annotated[int, Field(ge=0, le=1_000_000)]
    h: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    d: Verb

    @property
    def fingerprint(self) -> str:
        """The plan's short name, as the card shows it."""
        return fingerprint(self.h)

    def encode(self) -> str:
        """Write it as a button's value."""
        return self.model_dump_json()


class LineReference(Value):
    """Which line of which digest: `n` is the digest's number, `k` the line's key."""

    v: Literal[1] = 1
    n: Annotated[int, Field(ge=0, le=1_000_000_000)]
    k: Annotated[str, StringConstraints(min_length=1, max_length=600)]

    def encode(self) -> str:
        """Write it as a button's value."""
        return self.model_dump_json()


class SetReference(Value):
    """Which frozen set of asks: `s` is its SHA-256, and so the set itself."""

    v: Literal[1] = 1
    s: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

    def encode(self) -> str:
        """Write it as a dialog's metadata."""
        return self.model_dump_json()


def decode(value: object) -> Reference:
    """Read a card button's value; raises `Unreadable` for anything that `encode` did not write."""
    return decode_as(Reference, value)


def decode_as(kind: type[R], value: object) -> R:
    """Read a value of one kind of reference; raises `Unreadable` likewise."""
    try:
        if isinstance(value, str) and len(value) <= _LONGEST:
            return kind.model_validate_json(value, strict=True)
    except (ValidationError, UnicodeError):
        # What is wrong with it stays unsaid: either we wrote it, or somebody else did.
        raise _not_ours() from None
    raise _not_ours()


def _not_ours() -> Unreadable:
    return Unreadable(
        "a button whose value is not one of ours", expected="a button of a card that Firedoor posted"
    )
