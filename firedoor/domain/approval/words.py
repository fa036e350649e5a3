"""Words of people: what a gateway signs of each of them, and whether a signature holds."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import StringConstraints

from firedoor.domain.core.canonical import canonical
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment

#: What every signature of a word begins with: it can never be taken for one over something else.
DOMAIN = b"firedoor word 1\n"

#: A gateway's public key: DER SubjectPublicKeyInfo as base64, on one line.
PublicKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]

#: How far the clock of a gateway may be behind Temporal's.
SKEW = timedelta(minutes=1)

UNSIGNED = "no gateway of ours signed this word, so it does not count"
FOREIGN = "this word is signed with a key that is not known here, so it does not count"
BROKEN = "the signature over this word does not hold, so it does not count"


class Signature(Value):
    """A gateway's signature over one word: with which key (the SHA-256 of its DER), and the signature."""

    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    sig: Annotated[str, StringConstraints(max_length=120)]


class Signer(Protocol):
    """Who signs: an Ed25519 key."""

    @property
    def public_key(self) -> bytes:
        """The public key as DER SubjectPublicKeyInfo."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature; equal for equal messages."""


class Word(Value):
    """Something that a person said and that a gateway heard. `signed` binds it to that gateway."""

    word: ClassVar[str]

    id: str
    at: Moment
    signed: Signature | None = None

    @property
    def speaker(self) -> str:
        """Return whose word it says it is."""
        voter = getattr(self, "voter", None)
        return str(voter.person if voter is not None else getattr(self, "person", ""))

    def message(self, about: str) -> bytes:
        """Return the bytes that are signed; `about` is what it is for: a response, a set, the switch."""
        return signable(self.word, about, self.model_dump(mode="json", exclude={"signed"}))


class Doubt(NamedTuple):
    """Why a word does not count. `foreign`: its key may be one that is newer than those known here."""

    says: str
    foreign: bool = False


def signable(word: str, about: str, said: dict[str, Any]) -> bytes:
    """Return what is signed: the kind of word, whom it is for, and all that was said (RFC 8785)."""
    return DOMAIN + canonical({"word": word, "about": about, "said": said})


def signature(message: bytes, signer: Signer) -> Signature:
    """Sign a message."""
    sig = base64.b64encode(signer.sign(message)).decode("ascii")
    return Signature(key=keyid(signer.public_key), sig=sig)


def keyid(public_key: bytes) -> str:
    """Name a key: the SHA-256 of its DER SubjectPublicKeyInfo."""
    return hashlib.sha256(public_key).hexdigest()


def keyid_of(key: PublicKey) -> str:
    """Name a public key as signatures do; "" for what is none."""
    try:
        return keyid(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        return ""


def written(public_key: bytes) -> PublicKey:
    """Write a public key (DER) as configuration, responses and evidence name it."""
    return base64.b64encode(public_key).decode("ascii")


def doubt(word: Word, about: str, keys: Sequence[PublicKey]) -> Doubt | None:
    """Say why a word does not count; None where one of these keys signed exactly this for exactly that."""
    signed = word.signed
    if signed is None:
        return Doubt(UNSIGNED)
    key = _known(tuple(keys)).get(signed.key)
    if key is None:
        return Doubt(FOREIGN, foreign=True)
    try:
        key.verify(base64.b64decode(signed.sig, validate=True), word.message(about))
    except (InvalidSignature, ValueError):  # canonical JSON refuses some text with a ValueError
        return Doubt(BROKEN)
    return None


def too_old(at: datetime, began: datetime) -> str | None:
    """Say why a word is another response's: it was said before this one began. None where it was not."""
    if at + SKEW >= began:
        return None
    return (
        f"this was said at {at:%F %T} UTC and this response began at {began:%F %T} UTC; it does not count: "
        "it was said to an earlier response, or the gateway's clock is wrong"
    )


def strangers(keys: Iterable[PublicKey], known: Iterable[PublicKey]) -> tuple[str, ...]:
    """Name the keys (short) that are not among the known ones."""
    among = frozenset(known)
    return tuple(short(key) for key in keys if key not in among)


def short(key: PublicKey) -> str:
    """Name a public key in a sentence: the first digits of its id."""
    return keyid_of(key)[:16] or "(no key)"


def not_a_key(key: PublicKey) -> bool:
    """Whether something is not an Ed25519 public key as we write it."""
    return _read(key) is None


@lru_cache(maxsize=64)
def _known(keys: tuple[PublicKey, ...]) -> dict[str, Ed25519PublicKey]:
    read = ((key, _read(key)) for key in keys)
    return {keyid(base64.b64decode(key)): public for key, public in read if public is not None}


def _read(key: PublicKey) -> Ed25519PublicKey | None:
    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return public if isinstance(public, Ed25519PublicKey) else None
