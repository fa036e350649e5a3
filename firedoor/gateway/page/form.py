"""The forms of the page, as they come in: bounded, each field once, and no value repeated in an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import Field, StringConstraints, ValidationError

from firedoor.domain.approval.vote import Decision, RejectReason
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.core.value import Value
from firedoor.gateway.api.body_limit import body_of
from firedoor.gateway.page.sealed_cookie import LONGEST

V = TypeVar("V", bound=Value)

_MOST: Final = 64 * 1024
_MOST_FIELDS: Final = 20
_FORM: Final = "application/x-www-form-urlencoded"


class About(Value):
    """What every form about an ask carries: what you see is what you sign."""

    ask: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    generation: Annotated[int, Field(ge=0, le=1_000_000)]
    plan: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Ballot(About):
    """A yes or a no."""

    reason: RejectReason | None = None
    comment: Annotated[str, StringConstraints(max_length=1000)] = ""
    ticket: Annotated[str, StringConstraints(max_length=LONGEST)] = ""
    assertion: Annotated[str, StringConstraints(max_length=16_384)] = ""
    decision: Decision | None = None  # of a review alone


class Snooze(About):
    """Remind people later."""

    minutes: Annotated[int, Field(ge=1, le=24 * 60)]


class Reassign(About):
    """Ask one person to look."""

    to: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,63}$")]


class UndoWish(Value):
    """Ask for undo; `before` is how often it was asked for, as the page showed it."""

    before: Annotated[int, Field(ge=0, le=1_000_000)]
    why: Annotated[str, StringConstraints(max_length=1000)] = ""


async def form_of(request: Request) -> dict[str, str]:
    """Read a form; raises `Unreadable` for what no form of ours sends."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise Unreadable("what is no form", expected=_FORM)
    body = await body_of(request, _MOST)
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise Unreadable("a form that cannot be read") from None
    form = dict(fields)
    if len(form) != len(fields):
        raise Unreadable("a form that says one thing twice")
    return form


def read(model: type[V], form: Mapping[str, str]) -> V:
    """Read the fields that a word needs; what they held is never repeated."""
    wanted = {name: value for name, value in form.items() if name in model.model_fields and value != ""}
    try:
        return model.model_validate(wanted)
    except ValidationError as error:
        where = ", ".join(dict.fromkeys(str(part) for each in error.errors() for part in each["loc"][:1]))
        raise Unreadable(f"{where} is missing, or cannot be so", mend="Open the page again.") from None


def one_line(text: str) -> str:
    """Return what was written as one line."""
    return " ".join(text.split())
