"""The library's rules find what our table does not list, and call nobody."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest

from firedoor.connectors.secret_scanner import scanner
from firedoor.domain.credentials import Credential, Redaction
from tests.findings.samples import OWN, SHARED
from tests.planted_credentials import PLANTED

Scan = Callable[[str], Iterator[tuple[str, str]]]


@pytest.fixture(scope="module")
def scan() -> Scan:
    return scanner()


def redaction(scan: Scan) -> Redaction:
    return Redaction(lambda text: (Credential(kind, found) for kind, found in scan(text)))


def test_it_knows_vendors_that_the_table_does_not(scan: Scan) -> None:
    text = f"the log says shippo_live_{'0123456789abcdef' * 2}01234567 was used"
    assert Redaction().text(text) == text
    assert "0123456789abcdef" not in redaction(scan).text(text)


def test_a_credential_that_is_wrapped_in_base64_goes_as_it_stands(scan: Scan) -> None:
    wrapped = base64.b64encode(f"token: {PLANTED['github classic'][0]}\n".encode()).decode()
    assert wrapped not in redaction(scan).text(f"secret data {wrapped} of a cluster")


def test_a_text_that_is_no_utf8_breaks_nothing(scan: Scan) -> None:
    assert list(scan("\ud800 and \x00")) == []


def test_it_takes_nothing_of_the_samples_for_a_credential(scan: Scan) -> None:
    files = [*OWN.rglob("*.json"), *(SHARED.rglob("*.json") if SHARED.is_dir() else ())]
    found = {
        (file.name, kind, text[:20])
        for file in files
        for kind, text in scan(file.read_text(encoding="utf-8", errors="replace"))
    }
    assert found == set()
