"""Sealed values: what a browser may carry for us, and can neither read nor change."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import ValidationError

from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment

#: What fits into a cookie, its name and its attributes included.
LONGEST: Final = 3800

_SHORTEST_SECRET = 32
_NONCE = 12
_CONTEXT = b"firedoor page, version 1, "


class Sealed(Value):
    """What can be sealed: it says itself until when it is good."""

    until: Moment


S = TypeVar("S", bound=Sealed)


class Seal:
    """Seals values with AES-256-GCM, each kind under a key of its own, derived (HKDF) from the page's secret.

    `page_secrets` are asked at each use: the first one seals, all of them open. None: a secret of
    this process, gone with it.
    """

    def __init__(
        self, page_secrets: Callable[[], tuple[str, ...]] | None, clock: Callable[[], datetime]
    ) -> None:
        own = secrets.token_urlsafe(_SHORTEST_SECRET)
        self._secrets = page_secrets or (lambda: (own,))
        self._clock = clock
        if any(len(secret) < _SHORTEST_SECRET for secret in self._secrets()):
            raise Misconfigured(
                "page.secret is too short",
                expected=f"{_SHORTEST_SECRET} characters or more, made by chance",
                mend="openssl rand -base64 48",
            )

    def close(self, value: Sealed) -> str:
        """Seal a value as URL-safe text."""
        kind = type(value).__name__.encode()
        nonce = secrets.token_bytes(_NONCE)
        box = AESGCM(_key(self._secrets()[0], kind)).encrypt(nonce, value.model_dump_json().encode(), kind)
        return base64.urlsafe_b64encode(nonce + box).decode().rstrip("=")

    def open(self, kind: type[S], text: str | None) -> S | None:
        """Open what was sealed as this kind; None for anything else, and for what is over."""
        if not text or len(text) > LONGEST:
            return None
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        name = kind.__name__.encode()
        for secret in self._secrets():
            try:
                plain = AESGCM(_key(secret, name)).decrypt(data[:_NONCE], data[_NONCE:], name)
                value = kind.model_validate_json(plain)
            except (InvalidTag, ValueError, ValidationError):
                continue  # sealed with the other secret, by another version, or by somebody else
            return value if self._clock() < value.until else None
        return None


def _key(secret: str, kind: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_CONTEXT + kind).derive(secret.encode())
