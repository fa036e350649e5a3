"""The bodies that the HTTP API reads."""

from __future__ import annotations

from typing import Annotated, TypeVar, cast, get_args

from pydantic import Field, StringConstraints, ValidationError

from firedoor.domain.approval.vote import Decision, RejectReason
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.core.value import Value
from firedoor.sources.json_reader import read_json

V = TypeVar("V", bound=Value)

#: A plan's short name, or its whole SHA-256.
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{14,64}$")]


class Ballot(Value):
    """The body of a vote.

    `reason` of a no is one of false_positive, wrong_action, bad_time and
    handled_elsewhere, with a sentence for the next responder after a colon. With
    `break_glass` one named person says yes alone, and `reason` is why in writing.
    """

    decision: Decision
    fingerprint: Fingerprint
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""
    break_glass: bool = False


class Wish(Value):
    """The body of an undo request; an empty body will do."""

    why: Annotated[str, Field(max_length=1000)] = ""


class Snooze(Value):
    """The body of a snooze: when people are reminded; the deadline stays where it is."""

    minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    fingerprint: Fingerprint


class Reassign(Value):
    """The body of a reassignment: the person, by their id in people.yaml, who is asked to look."""

    to: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,63}$")]
    fingerprint: Fingerprint


def read(model: type[V], body: bytes) -> V:
    """Read a JSON body; what it held is never repeated."""
    try:
        return model.model_validate(read_json(body))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(ascii(part) for part in first["loc"]) or "the body"
        expected = f"a JSON object with {', '.join(model.model_fields)}"
        raise Unreadable(f"{where}: {first['msg'][:200]}", expected=expected) from None


def fingerprint_of(written: str) -> str:
    """Forgive the case in which a person typed it."""
    return written.upper() if "-" in written else written.lower()


def reason_of(ballot: Ballot) -> tuple[RejectReason | None, str]:
    """Split `bad time: the release is running` into the reason and the sentence."""
    head, _, tail = ballot.reason.partition(":")
    code = "_".join(head.lower().replace("-", " ").replace("_", " ").split())
    if code in get_args(RejectReason):
        return cast("RejectReason", code), tail.strip()
    sentence = ballot.reason.strip()
    return ("other" if sentence else None), sentence
