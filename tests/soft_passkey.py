"""An authenticator in memory: makes a passkey and signs with it, as a device does."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

from firedoor.domain.people.people import Passkey

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


class SoftPasskey:
    """One credential (ES256). `verifies` is whether the device checked who holds it."""

    def __init__(self, name: str = "one", *, verifies: bool = True) -> None:
        self.id = hashlib.sha256(name.encode()).digest()
        self.verifies = verifies
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> Passkey:
        """The line of it in people.yaml."""
        return Passkey(name="a phone", id=_text(self.id), key=_text(self._cose()))

    def create(self, options: dict[str, Any], origin: str) -> str:
        """Answer `navigator.credentials.create`."""
        data = self._data(options["rp"]["id"], _ATTESTED)
        data += bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self._cose()
        return self._credential(
            clientDataJSON=_text(_client("webauthn.create", options["challenge"], origin)),
            attestationObject=_text(encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})),
        )

    def get(self, options: dict[str, Any], origin: str, *, rp_id: str = "") -> str:
        """Answer `navigator.credentials.get`."""
        client = _client("webauthn.get", options["challenge"], origin)
        data = self._data(rp_id or options["rpId"], 0)
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            clientDataJSON=_text(client), authenticatorData=_text(data), signature=_text(signature)
        )

    def _data(self, rp_id: str, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + bytes(4)

    def _cose(self) -> bytes:
        numbers = self._key.public_key().public_numbers()
        return encode_cbor(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )

    def _credential(self, **response: str) -> str:
        id_ = _text(self.id)
        return json.dumps({"id": id_, "rawId": id_, "type": "public-key", "response": response})


def _client(kind: str, challenge: str, origin: str) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
