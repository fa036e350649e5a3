"""Signing keys: Ed25519 and no other, and never shown."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from firedoor.connectors.signing import SigningKey, check, exposed, generate, public_key
from firedoor.domain.core.errors import Misconfigured

OTHERS: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "ed448": ed448.Ed448PrivateKey.generate(),
}


def pem(key: Ed25519PrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_what_one_key_signed_its_public_key_confirms() -> None:
    key = SigningKey.from_pem(generate())
    assert check(key.public_key, b"message", key.sign(b"message"))
    assert public_key(key.public_pem()) == key.public_key


def test_another_message_another_signature_and_another_key_are_denied() -> None:
    key, other = SigningKey.from_pem(generate()), SigningKey.from_pem(generate())
    signature = key.sign(b"message")
    assert not check(key.public_key, b"Message", signature)
    assert not check(key.public_key, b"message", signature[:-1])
    assert not check(key.public_key, b"message", b"")
    assert not check(other.public_key, b"message", signature)


def test_the_same_message_is_signed_the_same_way_each_time() -> None:
    key = SigningKey.from_pem(generate())
    assert key.sign(b"message") == key.sign(b"message")


def test_every_generated_key_is_another() -> None:
    assert generate() != generate()


@pytest.mark.parametrize("kind", OTHERS)
def test_keys_of_another_kind_are_refused(kind: str) -> None:
    private = OTHERS[kind].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = OTHERS[kind].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(Misconfigured, match=r"another kind.*Ed25519 private key.*openssl genpkey"):
        SigningKey.from_pem(private)
    with pytest.raises(Misconfigured, match=r"another kind.*Ed25519 public key"):
        public_key(public)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_signature_of_another_kind_of_key_counts_for_nothing(kind: str) -> None:
    der = OTHERS[kind].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert not check(der, b"message", b"x" * 64)


@pytest.mark.parametrize("der", [b"", b"garbage", b"\x30\x80"])
def test_a_public_key_that_is_none_counts_for_nothing(der: bytes) -> None:
    assert not check(der, b"message", b"x" * 64)


def test_an_encrypted_key_is_refused_with_the_way_out() -> None:
    locked = pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret"))
    with pytest.raises(Misconfigured, match="is encrypted"):
        SigningKey.from_pem(locked)


def test_what_is_no_key_is_refused_without_being_quoted() -> None:
    with pytest.raises(Misconfigured) as told:
        SigningKey.from_pem(b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    assert "hunter2" not in str(told.value)
    with pytest.raises(Misconfigured, match="cannot be read"):
        public_key(b"hunter2")


def test_a_private_key_in_place_of_the_public_one_is_pointed_out() -> None:
    with pytest.raises(Misconfigured, match=r"private key, which verifying never needs.*openssl pkey"):
        public_key(generate())


def test_a_key_does_not_show_itself() -> None:
    made = generate()
    secret = made.split(b"\n")[1].decode()
    assert secret not in repr(SigningKey.from_pem(made))
    assert secret not in str(vars(SigningKey.from_pem(made)))


@pytest.mark.parametrize(("mode", "open_"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_key_file_that_others_can_read_is_warned_of(tmp_path: Path, mode: int, open_: bool) -> None:  # noqa: FBT001
    path = tmp_path / "evidence.key"
    path.write_bytes(generate())
    path.chmod(mode)
    told = exposed(path)
    assert (told is not None) == open_
    if told:
        assert f"mode {mode:04o}" in told
        assert f"chmod 600 {path}" in told


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_key_that_the_advice_makes_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "evidence.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True)
    taken = subprocess.run(
        ["openssl", "pkey", "-in", str(path), "-pubout"],
        check=True,
        capture_output=True,
    ).stdout
    assert SigningKey.from_pem(path.read_bytes()).public_key == public_key(taken)
