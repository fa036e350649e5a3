"""How the HTTP API answers: refusals as problem details, and through which door somebody came."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import Request, Response

from firedoor.domain.approval.vote import Door
from firedoor.domain.core.errors import Absent, FiredoorError, Unavailable, Unreadable
from firedoor.gateway.api.body_limit import respond
from firedoor.gateway.decisions.membership import NotKnown
from firedoor.gateway.decisions.port import NotCounted
from firedoor.gateway.intake.refusal import Refusal, problem

#: Errors as HTTP says them; what is in none of these classes is a mistake of ours.
_REFUSALS: Final[tuple[tuple[type[FiredoorError], HTTPStatus, str, dict[str, str]], ...]] = (
    (NotKnown, NotKnown.status, NotKnown.error, {"WWW-Authenticate": 'Bearer realm="firedoor"'}),
    (NotCounted, HTTPStatus.CONFLICT, "not_counted", {}),
    (Absent, HTTPStatus.NOT_FOUND, "unknown_response", {}),
    (Unreadable, HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable", {}),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", {"Retry-After": "2"}),
)


def refused(error: FiredoorError) -> Response:
    """Say a refusal as problem details."""
    for kind, status, word, headers in _REFUSALS:
        if isinstance(error, kind):
            return respond(
                problem(
                    status, word, found=error.found, expected=error.expected, mend=error.mend, headers=headers
                )
            )
    if isinstance(error, Refusal):
        return respond(error.answer())
    raise error


def door_of(request: Request) -> Door:
    """Tell the command line from other programs; it is for the record, and decides nothing."""
    return "cli" if request.headers.getlist("firedoor-door") == ["cli"] else "http"
