"""What the documentation tells an auditor to run comes to the verdict that Firedoor comes to."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from firedoor.connectors.signing import SigningKey, check, generate
from firedoor.domain.evidence.pack import keyid, seal
from firedoor.domain.evidence.verify import verify
from tests.ledgers import RESPONSE, whole

PAGE = Path(__file__).parent.parent / "docs/explanation/evidence.md"
KEY = SigningKey.from_pem(generate())
DATA = seal(RESPONSE, whole(), KEY)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def by_hand(folder: Path, data: bytes, key: SigningKey = KEY) -> subprocess.CompletedProcess[str]:
    """Run the script of the page."""
    [script] = re.findall(
        r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    (folder / "check-by-hand").write_text(script, encoding="utf-8")
    (folder / "evidence.json").write_bytes(data)
    (folder / "evidence.pub").write_bytes(key.public_pem())
    command = ["sh", "check-by-hand", "evidence.json", "evidence.pub"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_a_whole_file_is_confirmed(tmp_path: Path) -> None:
    said = by_hand(tmp_path, DATA)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Signature Verified Successfully" in said.stdout
    assert f"{len(whole())} entries, signed by key {keyid(KEY.public_key)}" in said.stdout


def swapped(data: bytes) -> bytes:
    lines = data.split(b"\n")
    lines[3], lines[4] = lines[4], lines[3]
    return b"\n".join(lines)


def shortened(data: bytes) -> bytes:
    lines = data.split(b"\n")
    del lines[-3]
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (
            lambda data: data.replace(b"ada said approve", b"eve said approve"),
            "entry 6 does not have its hash",
        ),
        (swapped, "entry 2 does not follow the one before"),
        (shortened, "not the signed count and head"),
        (lambda data: data.replace(b'"sig":"', b'"sig":"AAAA'), ""),
        (lambda data: data.replace(b'\n],"head"', b',\n{ "at":"x"}\n],"head"'), "something else stands"),
        (lambda data: data[:-2] + b',"entries":[]}\n', "something else stands"),
        (lambda data: data + b"{}\n", "something else stands"),
    ],
)
def test_a_broken_file_is_denied(tmp_path: Path, broken: Callable[[bytes], bytes], says: str) -> None:
    data = broken(DATA)
    said = by_hand(tmp_path, data)
    assert said.returncode == 1
    assert says in said.stdout
    assert not verify(data, check, KEY.public_key).ok


def test_another_key_is_denied(tmp_path: Path) -> None:
    said = by_hand(tmp_path, DATA, SigningKey.from_pem(generate()))
    assert said.returncode == 1
    assert "entries, signed by" not in said.stdout
