"""Refusal: why a request is not taken, as RFC 9457 problem details."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from firedoor.domain.core.errors import FiredoorError

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a request is answered: a status and finished bytes."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] | None = None


class Refusal(FiredoorError):
    """A request that is not taken. `error` is a stable word that programs may match on."""

    status: HTTPStatus
    error: str

    def __init__(
        self, found: str, *, expected: str = "", mend: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(found, expected=expected, mend=mend)
        self.retry_after = retry_after

    def answer(self) -> Answer:
        """Say it over HTTP."""
        headers: dict[str, str] = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Firedoor realm="findings"'
        return problem(
            self.status, self.error, found=self.found, expected=self.expected, mend=self.mend, headers=headers
        )


class Unauthenticated(Refusal):
    """Wrong, missing, stale or replayed."""

    status, error = HTTPStatus.UNAUTHORIZED, "unauthenticated"


class Unproven(Unauthenticated):
    """A stranger. `found` is for our log; what is answered is the same whatever was wrong, and wherever."""

    def answer(self) -> Answer:
        """Tell nothing of which sources there are, and how they authenticate."""
        return Unauthenticated(
            "no proof of coming from a configured source",
            expected="the name of a source and its authentication, as under sources: in firedoor.yaml",
            mend="compare the URL, the secret and the clock of both sides; the gateway's log says which",
        ).answer()


class TooSlow(Refusal):
    """The body did not arrive in time."""

    status, error = HTTPStatus.REQUEST_TIMEOUT, "too_slow"


class TooLarge(Refusal):
    """The body is larger than any detector's."""

    status, error = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"


class NotJson(Refusal):
    """Another content type."""

    status, error = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json"


class NotUnderstood(Refusal):
    """Authentic, and yet not a finding."""

    status, error = HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable"


class TooMany(Refusal):
    """More deliveries at once than the gateway holds."""

    status, error = HTTPStatus.TOO_MANY_REQUESTS, "too_many"


class NotNow(Refusal):
    """The engine did not take it: come again."""

    status, error = HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"


class Unprovable(NotNow):
    """A stranger, while the secret of some source cannot be read: it may be a detector of that source.

    So it is told to come again, and so is everybody else who proves nothing, whatever name was called:
    the answer does not tell which sources there are. `found` is for our log.
    """

    def answer(self) -> Answer:
        """Tell nothing of which source it is."""
        return NotNow(
            "no proof of coming from a configured source, and the secret of a source cannot be read now",
            expected="every source's secret readable",
            mend="look at the gateway's log",
            retry_after=30,
        ).answer()


def problem(
    status: HTTPStatus,
    error: str,
    *,
    found: str,
    expected: str = "",
    mend: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Write problem details; `error`, `found`, `expected` and `mend` are our extension members."""
    details = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": found,
        "error": error,
        "found": found,
        "expected": expected,
        "mend": mend,
    }
    body = json.dumps(details, ensure_ascii=False).encode()
    return Answer(status=status.value, body=body, media_type=MEDIA_TYPE, headers=headers)
