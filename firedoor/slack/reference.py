"""What a button carries: a reference to one ask, and nothing that could be acted on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from firedoor.domain.canonical import fingerprint
from firedoor.domain.errors import Unreadable
from firedoor.domain.value import Value

Verb = Literal["approve", "reject", "undo"]

_LONGEST = 2000


class Reference(Value):
    """Which response, which ask of it, which generation of that ask, which plan, which button.

    The names are short because Slack sends them back in every press. `g` of an
    undo button is how often undo was asked for before, so that a double click
    is one request and a second request is another.
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


def decode(value: object) -> Reference:
    """Read a button's value; raises `Unreadable` for anything that `encode` did not write."""
    try:
        if isinstance(value, str) and len(value) <= _LONGEST:
            return Reference.model_validate_json(value, strict=True)
    except ValidationError:
        # What is wrong with it stays unsaid: either we wrote it, or somebody else did.
        raise _not_ours() from None
    raise _not_ours()


def _not_ours() -> Unreadable:
    return Unreadable(
        "a button whose value is not one of ours", expected="a button of a card that Firedoor posted"
    )
