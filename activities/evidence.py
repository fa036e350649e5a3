"""Evidence and the disk: sealing the ledger of a closed response, and judging a file that was sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import structlog
from pydantic import TypeAdapter
from temporalio import activity

from activities.error_translation import translated
from firedoor.connectors import signing
from firedoor.connectors.evidence_store import EvidenceStore
from firedoor.domain.approval.words import PublicKey
from firedoor.domain.core.errors import Rejected, Unreadable
from firedoor.domain.evidence.pack import Signer, Witness, file_name, read, seal
from firedoor.domain.evidence.verify import Verdict, verify
from firedoor.domain.response.contract import KEEP, SEAL
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Part, PartOrder, Sealed, SealOrder

_PARTS = TypeAdapter(tuple[Entry, ...])
_log = structlog.get_logger("firedoor.evidence")


class Evidence:
    """Seals ledgers with one key into one store."""

    def __init__(self, store: EvidenceStore, signer: Signer) -> None:
        self._store = store
        self._signer = signer

    @activity.defn(name=SEAL)
    def seal(self, order: SealOrder) -> Sealed:
        """Write the evidence of a response. Again is the same bytes under the same name: harmless."""
        with translated():
            entries = [entry for part in order.parts for entry in self._part(part)]
            entries += order.entries
            data = seal(order.response, entries, self._signer)
            name = file_name(order.response, entries)
            self._store.write(name, data)
        head = read(data).head
        sealed = Sealed(name=name, head=head.head, entries=head.entries, last=head.sealed_at)
        # The log is a witness too: whoever holds the key can seal a file anew, and not what was said of it.
        _log.info("evidence.sealed", response=order.response, file=name, witness=str(head.witness()))
        return sealed

    @activity.defn(name=KEEP)
    def keep(self, order: PartOrder) -> Part:
        """Keep a part of an open ledger under the hash of its bytes: again is the same, harmless."""
        with translated():
            data = _PARTS.dump_json(order.entries)
            sha256 = hashlib.sha256(data).hexdigest()
            self._store.write_part(sha256, data)
        return Part(sha256=sha256, entries=len(order.entries))

    def _part(self, part: Part) -> tuple[Entry, ...]:
        data = self._store.read_part(part.sha256)
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise Rejected(
                f"the part {part.sha256} of a ledger was changed in the evidence store",
                expected="the bytes that were kept",
                mend="find out who writes there; the whole ledger is in Temporal's history",
            )
        return _PARTS.validate_json(data)


def verify_file(
    path: Path,
    public_key: bytes | None,
    witness: Witness | None = None,
    gateways: Sequence[PublicKey] | None = None,
) -> Verdict:
    """Judge a file offline. `public_key` is the PEM that the reader trusts; without it nothing is proven.

    `witness` is the head as Slack's thread or the log tells it, `gateways` the gateway keys that are trusted.
    """
    trusted = None if public_key is None else signing.public_key(public_key)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(
            f"{path} could not be read: {error.strerror}", expected="a file of evidence"
        ) from error
    return verify(data, signing.check, trusted, witness, gateways)
