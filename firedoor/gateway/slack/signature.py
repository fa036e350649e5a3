"""Slack's request signatures (v0), each good once."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from fastapi import Request

from firedoor.domain.core.errors import FiredoorError, Misconfigured
from firedoor.gateway.intake.refusal import Unauthenticated

_log = structlog.get_logger("firedoor.gateway")

_SKEW = timedelta(minutes=5)
_REMEMBERED = 2 * _SKEW
_TIMESTAMP = re.compile(r"[0-9]{1,11}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class SlackSignatures:
    """Verifies by both live secrets, in constant time, and remembers what it has seen for ten minutes.

    The SDK's verifier is not used: it lives behind the connectors, knows one
    secret, and raises on junk that a stranger may send.
    """

    def __init__(self, secrets: Callable[[], tuple[bytes, ...]], clock: Callable[[], datetime]) -> None:
        live = secrets()
        if not live or not all(secret.strip() for secret in live):
            raise Misconfigured(
                "an empty slack.signing_secret",
                expected="the signing secret of the Slack app",
                mend="set it, or remove slack from the configuration",
            )
        self._secrets = secrets
        self._clock = clock
        self._seen: dict[str, datetime] = {}  # in the order of their coming

    def look(self, request: Request) -> tuple[str, str]:
        """Return the time and the signature of a request; what they tell is told before its body is read."""
        timestamp = _one(request, "x-slack-request-timestamp", _TIMESTAMP)
        signature = _one(request, "x-slack-signature", _SIGNATURE)
        if abs(self._clock().timestamp() - int(timestamp)) > _SKEW.total_seconds():
            raise Unauthenticated(
                "a request that is too old or from the future", expected="Slack's clock and ours to agree"
            )
        return timestamp, signature

    def check(self, request: Request, body: bytes) -> None:
        """Raise `Unauthenticated` unless Slack signed these bytes just now, for the first time."""
        try:
            timestamp, signature = self.look(request)
            now = self._clock()
            content = b"v0:" + timestamp.encode() + b":" + body
            wanted = [
                "v0=" + hmac.digest(secret, content, "sha256").hex()
                for secret in self._secrets()
                if secret.strip()
            ]
        except (FiredoorError, OSError, ValueError, OverflowError) as error:
            if not isinstance(error, Unauthenticated):
                _log.exception("slack.secret_unusable", exception=type(error).__name__)
            raise _refused(error) from None
        if not sum(hmac.compare_digest(signature, one) for one in wanted):
            raise Unauthenticated("a signature that does not match", mend="compare slack.signing_secret")
        self._once(signature, now)

    def _once(self, signature: str, now: datetime) -> None:
        while self._seen and next(iter(self._seen.values())) <= now - _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if signature in self._seen:
            raise Unauthenticated("a request that was here before", expected="each request once")
        self._seen[signature] = now


def _one(request: Request, name: str, shape: re.Pattern[str]) -> str:
    values = request.headers.getlist(name)
    if len(values) != 1 or not shape.fullmatch(values[0]):
        raise Unauthenticated(f"no usable {name}", expected="a request that Slack signed")
    return values[0]


def _refused(error: Exception) -> Unauthenticated:
    return (
        error if isinstance(error, Unauthenticated) else Unauthenticated("a request that cannot be verified")
    )
