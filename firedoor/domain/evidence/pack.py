"""Evidence: the ledger of a closed response as a file of chained entries under a signed head."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, Protocol

from pydantic import Field

from firedoor.domain.core.canonical import MAX_INTEGER, canonical, digest
from firedoor.domain.core.errors import Rejected, Unreadable
from firedoor.domain.core.value import Value
from firedoor.domain.response.ledger import Entry

#: The version of this format; a reader refuses what it does not know. In the first, no word was signed.
VERSION = 2
KNOWN_VERSIONS = (1, VERSION)

#: The media type of the signed head (DSSE `payloadType`).
PAYLOAD_TYPE = "application/vnd.firedoor.evidence+json"

#: What the first entry names as the hash before it.
NOTHING_BEFORE = "0" * 64

#: The first line, and the beginning of the last; between them stands one entry a line.
OPENING = b'{"entries":['
CLOSING = b'],"head":'

_NO_NAME = re.compile(r"[^a-z0-9_]+")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Signer(Protocol):
    """Who signs the head: an Ed25519 key."""

    @property
    def public_key(self) -> bytes:
        """The public key as DER SubjectPublicKeyInfo."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature; equal for equal messages."""


class Head(Value):
    """What is signed: which response, how many entries, and the hash of the last one.

    `public_key` (base64 of the DER) is there so that a file can be looked at
    without any key at hand. It proves nothing: whoever forges a file brings his own.
    """

    version: int
    response: str
    entries: int
    head: Sha256
    sealed_at: str
    public_key: str

    def key(self) -> bytes:
        """Return the public key that the file brings along, as DER."""
        return unbase64(self.public_key)

    def witness(self) -> Witness:
        """Return what is told of it outside of the file."""
        return Witness(head=self.head, entries=self.entries, last=self.sealed_at)


class Witness(Value):
    """A head as it was told outside of the file, when the file was written: in a Slack thread, in a log.

    Whoever holds the signing key can seal a shorter or another ledger; what was told elsewhere he cannot
    change. `entries` and `last` (the time of the last entry) are None where only the hash is known.
    """

    head: Sha256
    entries: int | None = None
    last: str | None = None

    def __str__(self) -> str:
        """Write it as one word: `<hash>:<entries>:<time of the last entry>`."""
        return ":".join(str(part) for part in (self.head, self.entries, self.last) if part is not None)


#: `<hash>`, `<hash>:<entries>` or the whole, wherever it stands in a line that somebody pasted.
_WITNESS = re.compile(
    r"(?<![0-9A-Fa-f])(?P<head>[0-9A-Fa-f]{64})(?![0-9A-Fa-f])(?::(?P<entries>[0-9]{1,9})(?::(?P<last>[0-9T:.-]+Z))?)?",
    re.ASCII,
)


def witness_in(text: str) -> Witness:
    """Read a witness out of a pasted line. Raises Unreadable where there is none, or more than one."""
    found = {
        Witness(
            head=each["head"].lower(),
            entries=None if each["entries"] is None else int(each["entries"]),
            last=each["last"],
        )
        for each in _WITNESS.finditer(text)
    }
    if len(found) != 1:
        raise Unreadable(
            "no head of evidence" if not found else "more than one head of evidence",
            expected="the line of the Slack thread or of the log, or its 64 hex digits",
            mend="paste the line that tells the head of this response",
        )
    return found.pop()


class Envelope(NamedTuple):
    """The parts of a DSSE envelope with one signature."""

    payload: bytes
    keyid: str
    signature: bytes


class Pack(Value):
    """A file of evidence as read, not as verified."""

    head: Head
    keyid: str
    entries: tuple[Entry, ...]


def seal(response: str, entries: Sequence[Entry], signer: Signer) -> bytes:
    """Write the file. The same ledger under the same key is the same bytes, however often it is sealed."""
    if not entries:
        raise Rejected(f"the ledger of {response} is empty", expected="at least the entry `received`")
    links = chain(entries)
    head = Head(
        version=VERSION,
        response=response,
        entries=len(links),
        head=links[-1]["hash"],
        sealed_at=links[-1]["at"],
        public_key=_base64(signer.public_key),
    )
    payload = canonical(head)
    signed = Envelope(payload, keyid(signer.public_key), signer.sign(pre_authentication(payload)))
    lines = b",\n".join(canonical(link) for link in links)
    return b"".join((OPENING, b"\n", lines, b"\n", CLOSING, render(signed), b"}\n"))


def chain(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the entries as they stand in the file, each with the hash of the one before."""
    links: list[dict[str, Any]] = []
    before = NOTHING_BEFORE
    for seq, entry in enumerate(entries):
        link = {
            **_carriable(entry.model_dump(mode="json")),
            "at": _moment(entry.at),
            "seq": seq,
            "prev": before,
        }
        before = digest(link)
        links.append({**link, "hash": before})
    return links


def file_name(response: str, entries: Sequence[Entry]) -> str:
    """Return the name of the file: it sorts by the time the response began, and says which one it is.

    The response's id is `respond/<playbook>/<key>`; twelve digits of its hash
    find all files of one incident, for an incident can come back.
    """
    started = entries[0].at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = response.split("/")
    playbook = _NO_NAME.sub("_", parts[1] if len(parts) > 1 else parts[0])[:64]
    return f"{started}-{playbook}-{tail(response)}"


def tail(response: str) -> str:
    """Return how the names of all files of one response end."""
    return f"{hashlib.sha256(response.encode()).hexdigest()[:12]}.evidence.json"


def keyid(public_key: bytes) -> str:
    """Name a key: the SHA-256 of its DER SubjectPublicKeyInfo."""
    return hashlib.sha256(public_key).hexdigest()


def pre_authentication(payload: bytes) -> bytes:
    """Return the bytes that DSSE signs (PAE): the payload bound to its type, each with its length."""
    return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def render(envelope: Envelope) -> bytes:
    """Write a DSSE envelope as canonical JSON."""
    return canonical(
        {
            "payload": _base64(envelope.payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": envelope.keyid, "sig": _base64(envelope.signature)}],
        }
    )


def open_envelope(envelope: Any) -> tuple[Envelope, Head]:
    """Read a DSSE envelope and the head in it. Raises Unreadable."""
    try:
        [signature] = envelope["signatures"]
        opened = Envelope(unbase64(envelope["payload"]), signature["keyid"], unbase64(signature["sig"]))
        head = Head.model_validate(json.loads(opened.payload))
        head.key()
    except (KeyError, TypeError, ValueError, RecursionError):
        # ValidationError is a ValueError; none of them is quoted, for a forger may have written its text.
        raise Unreadable(
            "the head cannot be read", expected="a DSSE envelope with one signature over a Firedoor head"
        ) from None
    return opened, head


def read(data: bytes) -> Pack:
    """Read a file without judging it; `evidence_verdict.verify` judges. Raises Unreadable."""
    try:
        document = json.loads(data)
        envelope, head = open_envelope(document["head"])
        entries = tuple(entry_of(link) for link in document["entries"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise Unreadable(
            "this is not evidence as Firedoor writes it",
            expected="a file that Firedoor sealed (`*.evidence.json`)",
        ) from None
    return Pack(head=head, keyid=envelope.keyid, entries=entries)


def entry_of(link: Any) -> Entry:
    """Return the ledger's entry in a link of the chain. Raises ValueError (a ValidationError is one)."""
    if not isinstance(link, dict):
        raise ValueError("a link of the chain is a JSON object")  # noqa: TRY004 - whatever does not fit is a ValueError
    return Entry.model_validate({key: link[key] for key in link.keys() - {"seq", "prev", "hash"}})


def unbase64(text: str) -> bytes:
    """Decode standard base64 and nothing that only looks like it. Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError) as error:
        raise ValueError("not base64") from error


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _moment(at: datetime) -> str:
    """Write a time in one form whatever zone it came in, so that the text sorts as the time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _carriable(value: Any) -> Any:
    """Write numbers that JSON readers would round as text (RFC 8785, appendix D), all else as given.

    A detector may put such a number into a resource's attributes; evidence is
    not lost for it.
    """
    if isinstance(value, dict):
        return {key: _carriable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_carriable(item) for item in value]
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return str(value)
    if isinstance(value, float) and not abs(value) <= MAX_INTEGER:
        # Beyond 2^53 a float is spelt as a whole number, which no reader may carry; nor may it NaN.
        return str(value)
    return value
