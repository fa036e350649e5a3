"""Ed25519 keys: making, loading, signing and checking."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from firedoor.domain.core.errors import Misconfigured

_MAKE_ONE = "make one with: openssl genpkey -algorithm ed25519 -out evidence.key"
_TAKE_PUBLIC = "take it from the private key with: openssl pkey -in evidence.key -pubout -out evidence.pub"


class SigningKey:
    """An Ed25519 private key. It shows itself to nobody: not by `repr`, not in an error."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_key = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Read an unencrypted PEM private key and refuse any but Ed25519."""
        wanted = "an Ed25519 private key as unencrypted PEM"
        try:
            private = load_pem_private_key(pem, password=None)
        except TypeError:
            raise Misconfigured("the signing key is encrypted", expected=wanted, mend=_MAKE_ONE) from None
        except (ValueError, UnsupportedAlgorithm):
            raise Misconfigured("the signing key cannot be read", expected=wanted, mend=_MAKE_ONE) from None
        if not isinstance(private, Ed25519PrivateKey):
            raise Misconfigured("the signing key is of another kind", expected=wanted, mend=_MAKE_ONE)
        return cls(private)

    def sign(self, message: bytes) -> bytes:
        """Sign; Ed25519 gives the same signature for the same message."""
        return self._private.sign(message)

    def public_pem(self) -> bytes:
        """Return what people are given to verify with."""
        return self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def generate() -> bytes:
    """Make a new private key as PEM (PKCS #8). Whoever writes it to a file gives it mode 0600."""
    private = Ed25519PrivateKey.generate()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_key(pem: bytes) -> bytes:
    """Read a PEM public key and return its DER; refuse any but Ed25519."""
    wanted = "an Ed25519 public key as PEM"
    if b"PRIVATE KEY" in pem:
        raise Misconfigured(
            "this is a private key, which verifying never needs", expected=wanted, mend=_TAKE_PUBLIC
        )
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise Misconfigured("the public key cannot be read", expected=wanted, mend=_TAKE_PUBLIC) from None
    if not isinstance(key, Ed25519PublicKey):
        raise Misconfigured("the public key is of another kind", expected=wanted, mend=_TAKE_PUBLIC)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a signature holds; a key that is none, or of another kind, signed nothing."""
    try:
        key = load_der_public_key(public)
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(signature, message)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def exposed(path: Path) -> str | None:
    """Say in one sentence why a key file is open to others; None where it is not.

    It is a warning and no refusal: mounted secrets are often readable by their
    pod's group.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & 0o077:
        return None
    return f"the signing key {path} is open to others (mode {mode:04o}); expected 0600; run: chmod 600 {path}"
