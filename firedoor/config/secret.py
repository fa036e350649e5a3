"""Secrets: values that configuration names and never holds."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import model_validator

from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.yaml.problem import Mistake, Mistakes
from firedoor.domain.yaml.reader import Written

#: Longer than any key or token; a log file named by mistake is not read whole.
MAX_BYTES = 65_536


class SecretName(Written):
    """Where a secret is found: in an environment variable or in a file."""

    written_as: ClassVar[str] = "{env: NAME} or {file: PATH}"
    written_mend: ClassVar[str] = "write where the secret is found; the secret itself never stands here"

    env: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            found = "a secret with not exactly one place"
            raise Mistakes(Mistake(found=found, expected=self.written_as, mend=self.written_mend))
        if self.env is not None and not self.env.isidentifier():
            # Not repeated: it may be the secret, written where its name belongs.
            found = "what cannot be the name of an environment variable"
            raise Mistakes(Mistake(found=found, expected="a name", mend=self.written_mend, way=("env",)))
        if self.file == "":
            raise Mistakes(Mistake(found="a file without a name", expected=self.written_as, way=("file",)))
        return self


class _Place:
    """One secret's place, with the value last read from it."""

    def __init__(self, says: str, path: Path | None, value: str) -> None:
        self.says = says
        self.path = path
        self._value = value
        self._stamp: tuple[int, int, int] | None = None
        self._lock = threading.Lock()

    def read(self) -> str:
        """Return the value now; a file is read again when it has changed."""
        if self.path is None:
            if not self._value.strip():
                raise Misconfigured(f"{self.says} is not set or empty", mend="set it before starting")
            return self._value
        with self._lock:
            try:
                seen = self.path.stat()
                stamp = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
                if stamp != self._stamp:
                    # The stamp is from before the reading: a change in between is seen the next time.
                    self._value = self._contents()
                    self._stamp = stamp
            except OSError as error:
                self._stamp = None
                raise Misconfigured(
                    f"{self.says} cannot be read: {error.strerror or type(error).__name__}",
                    mend="put the secret there, readable for this process",
                ) from error
        return self._value

    def _contents(self) -> str:
        assert self.path is not None  # noqa: S101 - only a file has contents
        with self.path.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise Misconfigured(f"{self.says} has more than {MAX_BYTES} bytes", expected="a secret")
        try:
            value = data.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise Misconfigured(f"{self.says} is not text", expected="a secret in UTF-8") from error
        if not value.strip():
            raise Misconfigured(f"{self.says} is empty", expected="a secret", mend="write it there")
        return value


class Secret:
    """A secret, or two that are both good while one takes the other's place.

    It is asked for its value at each use, so that a changed file needs no
    restart. A file that has gone is an error and never the last value: taking
    it away is how a leaked secret is stopped.
    """

    def __init__(self, names: tuple[SecretName, ...], env: Mapping[str, str], base: Path) -> None:
        self._places = tuple(_place(name, env, base) for name in names)

    @property
    def places(self) -> tuple[str, ...]:
        """Say where the secret is found, for people."""
        return tuple(place.says for place in self._places)

    @property
    def files(self) -> tuple[Path, ...]:
        """Name the files it is found in."""
        return tuple(place.path for place in self._places if place.path is not None)

    def values(self) -> tuple[str, ...]:
        """Return every value that is good now; raises `Misconfigured` when one cannot be read."""
        return tuple(place.read() for place in self._places)

    def value(self) -> str:
        """Return the first value: the one to use where only one can be."""
        return self._places[0].read()

    def __repr__(self) -> str:
        return f"Secret({', '.join(self.places)})"


def _place(name: SecretName, env: Mapping[str, str], base: Path) -> _Place:
    if name.env is not None:
        return _Place(f"environment variable {name.env}", None, env.get(name.env, ""))
    path = base / (name.file or "")
    return _Place(f"file {path}", path, "")


def not_standard_webhooks(value: str) -> str | None:
    """Say what was expected of a Standard Webhooks secret; None when it is one."""
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    return None if key else "a Standard Webhooks secret: whsec_ and base64"


def not_ed25519(value: str) -> str | None:
    """Say what was expected of a signing key; None when it is one."""
    try:
        key = load_pem_private_key(value.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    return None if isinstance(key, Ed25519PrivateKey) else "an Ed25519 private key in PEM"
