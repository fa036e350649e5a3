"""Who may hand us findings: the ways to prove it, each in constant time and with two live secrets."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Protocol

import structlog

from firedoor.domain.core.errors import FiredoorError, Misconfigured
from firedoor.gateway.intake.refusal import Unauthenticated, Unprovable

#: The live secrets, newest first; asked at every delivery, so that a rotated file counts at once.
Secrets = Callable[[], tuple[bytes, ...]]

_log = structlog.get_logger(__name__)

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_TIMESTAMP = re.compile(r"[0-9]{1,11}")
_HEX_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_V1_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{43}=")
_MOST_SIGNATURES: Final = 10
_LONGEST_ID: Final = 256


@dataclass(frozen=True)
class Proof:
    """What an authentic delivery says about itself."""

    delivery: str | None = None  # its id, where the sender gives one
    sent: datetime | None = None  # when it was signed, where the signature covers a time


class Verifier(Protocol):
    """Proves that a body comes from a holder of the secret.

    `signs_body` is False where the headers alone prove it: then the body is not read before they did.
    """

    signs_body: ClassVar[bool]

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Proof:
        """Return the proof; header names are lower case, values Latin-1.

        Raises `Unauthenticated`, or `Unprovable` where the secret cannot be read.
        """
        ...

    def unusable(self) -> str:
        """Say why the secret cannot be used now; empty where it can. Nothing of the secret is said."""
        ...


class HeaderSecret:
    """A secret in a header: EventBridge API destinations and all that can sign nothing."""

    signs_body: ClassVar = False

    def __init__(self, *, secrets: Secrets, header: str) -> None:
        if not _HEADER_NAME.fullmatch(header):
            raise Misconfigured(
                f"{header!r} is not the name of a header",
                expected="a name such as x-firedoor-key",
                mend="mend auth.header",
            )
        self._header = header.lower()
        _read(secrets)
        self._secrets = secrets

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Proof:  # noqa: ARG002 -- nothing of it is signed
        """Compare the header with each live secret."""
        given = _needed(headers, self._header).encode("latin-1")
        matched = _any(hmac.compare_digest(given, secret) for secret in _live(self._secrets))
        _demand(self._header, matched=matched)
        return Proof()

    def unusable(self) -> str:
        """Say why the secret cannot be used now."""
        return _unusable(self._secrets)


class StandardWebhooks:
    """Standard Webhooks 1.0 with symmetric signatures (`v1`), over the bytes as they came.

    Our own fifteen lines beside the reference library, which the tests hold them to: that one
    reads the wall clock, knows one secret, and answers junk in a header with a ValueError.
    """

    signs_body: ClassVar = True

    def __init__(self, *, secrets: Secrets) -> None:
        self._secrets = secrets
        self._keys()

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Proof:
        """Compare each `v1` signature with each live secret's."""
        delivery, timestamp, given = _standard_webhooks(headers)
        content = delivery.encode("latin-1") + b"." + timestamp.encode() + b"." + body
        wanted = [base64.b64encode(hmac.digest(key, content, "sha256")) for key in _live(self._keys)]
        matches = (hmac.compare_digest(one.encode("latin-1"), other) for one in given for other in wanted)
        _demand("webhook-signature", matched=_any(matches))
        return Proof(delivery=delivery, sent=datetime.fromtimestamp(int(timestamp), UTC))

    def unusable(self) -> str:
        """Say why the secret cannot be used now."""
        return _unusable(self._keys)

    def _keys(self) -> tuple[bytes, ...]:
        return tuple(map(_webhook_key, _read(self._secrets)))


def _standard_webhooks(headers: Mapping[str, str]) -> tuple[str, str, list[str]]:
    """Return the id, the time and the `v1` signatures that the headers name."""
    delivery = _needed(headers, "webhook-id")
    timestamp = _needed(headers, "webhook-timestamp")
    if len(delivery) > _LONGEST_ID or not _TIMESTAMP.fullmatch(timestamp):
        raise Unauthenticated(
            "webhook-id or webhook-timestamp is malformed",
            expected="an id of at most 256 characters and the time in whole seconds since 1970",
            mend="sign with a Standard Webhooks library",
        )
    signatures = _needed(headers, "webhook-signature").split(" ")[:_MOST_SIGNATURES]
    named = (part.partition(",") for part in signatures)
    return delivery, timestamp, [signature for version, _, signature in named if version == "v1"]


class GitHubSignature:
    """GitHub's `X-Hub-Signature-256`: HMAC-SHA256 over the body, and over nothing else.

    The delivery's id and the event's name stand in headers that are not signed.
    """

    signs_body: ClassVar = True

    def __init__(self, *, secrets: Secrets) -> None:
        _read(secrets)
        self._secrets = secrets

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Proof:
        """Compare the signature with each live secret's."""
        match = _HEX_SIGNATURE.fullmatch(_needed(headers, "x-hub-signature-256"))
        given = match[1] if match else ""
        wanted = [hmac.digest(secret, body, "sha256").hex() for secret in _live(self._secrets)]
        _demand("x-hub-signature-256", matched=_any(hmac.compare_digest(given, one) for one in wanted))
        delivery = headers.get("x-github-delivery") or None
        return Proof(delivery=delivery[:_LONGEST_ID] if delivery else None)

    def unusable(self) -> str:
        """Say why the secret cannot be used now."""
        return _unusable(self._secrets)


#: The schemes `auth:` of a source may name.
SCHEMES: Final = ("header", "standard_webhooks", "github")


def verifier(scheme: str, *, secrets: Secrets, header: str = "") -> Verifier:
    """Make the verifier of a configured scheme; raises `Misconfigured` where it could let anybody in."""
    match scheme:
        case "header":
            return HeaderSecret(secrets=secrets, header=header)
        case "standard_webhooks":
            return StandardWebhooks(secrets=secrets)
        case "github":
            return GitHubSignature(secrets=secrets)
    raise Misconfigured(
        f"an unknown way to authenticate: {scheme!r}",
        expected="one of " + ", ".join(SCHEMES),
        mend="mend auth",
    )


def authenticate(door: Verifier, body: bytes, headers: Mapping[str, str]) -> Proof:
    """Verify, and turn whatever a stranger's headers provoke into a refusal."""
    try:
        return door.verify(body, headers)
    except (Unauthenticated, Unprovable):
        raise
    except Exception as error:  # noqa: BLE001 -- a bug here must shut the door, not break it
        _log.warning("findings.unreadable_header", exception=type(error).__name__)
        raise Unauthenticated(
            "a header that cannot be read",
            expected="the headers of the configured scheme",
            mend="look at the sender",
        ) from None


def worth_reading(headers: Mapping[str, str], now: datetime, skew: timedelta) -> bool:
    """Whether the headers may hold a signature over the body, by their shape and their time.

    All the schemes are looked for whatever the source is, so that nobody learns from it which it has,
    or whether there is one of this name.
    """
    if _HEX_SIGNATURE.fullmatch(headers.get("x-hub-signature-256", "")):
        return True
    try:
        _, timestamp, given = _standard_webhooks(headers)
        sent = datetime.fromtimestamp(int(timestamp), UTC)
    except (Unauthenticated, ValueError, OverflowError, OSError):
        return False
    return abs(now - sent) <= skew and any(_V1_SIGNATURE.fullmatch(one) for one in given)


def decoy() -> Verifier:
    """What an unknown source is verified against, so that it costs what a known one costs."""
    return GitHubSignature(
        secrets=lambda: (b"decoy: no delivery can match this, and none is taken if it does",)
    )


def _read(secrets: Secrets) -> tuple[bytes, ...]:
    """Read the live secrets; none, or an empty one, is never one that anybody could match."""
    live = secrets()
    if not live or not all(secret.strip() for secret in live):
        raise Misconfigured(
            "an empty secret", expected="a secret that is not empty", mend="set it, or remove the source"
        )
    return live


def _live(secrets: Secrets) -> tuple[bytes, ...]:
    """The secrets of this moment; a file that was emptied or cannot be read lets nobody in."""
    try:
        return _read(secrets)
    except (FiredoorError, OSError, ValueError) as error:
        raise Unprovable(f"the source's secret cannot be used: {_said(error)}") from None


def _unusable(secrets: Secrets) -> str:
    try:
        _live(secrets)
    except Unprovable as error:
        return error.found
    return ""


def _said(error: Exception) -> str:
    """What is wrong with a secret, without anything of it."""
    return error.found if isinstance(error, FiredoorError) else type(error).__name__


def _webhook_key(secret: bytes) -> bytes:
    encoded = secret.strip().removeprefix(b"whsec_")
    try:
        key = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise Misconfigured(
            "a Standard Webhooks secret that is not Base64",
            expected="whsec_ and the Base64 of 24 to 64 bytes",
            mend="copy the secret as the sender shows it",
        )
    return key


def _needed(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise Unauthenticated(
            f"the header {name} is missing",
            expected=f"{name} as configured for this source",
            mend="look at the sender",
        )
    return value


def _any(matches: Iterable[bool]) -> bool:
    """Whether one matches; all are looked at, so that the time does not tell which."""
    return bool(sum(matches))


def _demand(header: str, *, matched: bool) -> None:
    if not matched:
        raise Unauthenticated(
            f"{header} does not match",
            expected="the secret of this source",
            mend="compare the secret on both sides",
        )
