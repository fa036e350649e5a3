"""A directory of evidence: each file is written once and never again."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firedoor.domain.core.errors import Absent, Rejected, Unavailable

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z0-9_]{1,64}-[0-9a-f]{12}\.evidence\.json")
#: Written once, for its owner to read; an auditor gets a copy, or a group that somebody gives it.
_MODE = 0o400
_PARTS = "parts"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PROBE = 4096  # bytes
_MIB = 1024 * 1024
_ENOUGH = 64 * _MIB  # of free space; a file of evidence has less than two


class EvidenceStore:
    """Files of evidence in one directory, whose names sort by time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: bytes) -> None:
        """Write a file once, whole or not at all. The same bytes again are fine; other bytes are Rejected."""
        path = self._path(name)
        with _disk(f"evidence {name} could not be written to {self.folder}"):
            _private(self.folder)
            if not path.exists():
                self._place(path, data)
            _settle(self.folder)  # also what an attempt that died here has written
            held = path.read_bytes()
        if held != data:
            raise Rejected(
                f"{path} is there already and holds something else",
                expected="the same bytes, or nothing",
                mend="nothing was overwritten; verify that file and find out who else writes here",
            )

    def check(self) -> None:
        """Write something and take it away again; raises `Unavailable` where evidence cannot be written."""
        with _disk(f"evidence cannot be written to {self.folder}"):
            _private(self.folder)
            handle, probe = tempfile.mkstemp(prefix=".", suffix=".probe", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(bytes(_PROBE))
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                Path(probe).unlink()
            free = shutil.disk_usage(self.folder).free
        if free < _ENOUGH:
            raise Unavailable(
                f"the disk of {self.folder} is nearly full: {free // _MIB} MiB are free",
                expected=f"{_ENOUGH // _MIB} MiB at least",
                mend="make room before evidence is lost for it",
            )

    def read(self, name: str) -> bytes:
        """Return a file by its name. Raises Absent."""
        path = self._path(name)
        with _disk(f"evidence {name} could not be read from {self.folder}"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                raise Absent(f"there is no evidence {name} in {self.folder}") from None

    def write_part(self, sha256: str, data: bytes) -> None:
        """Keep a part of a ledger that is still open, under the hash of its bytes."""
        path = self._part(sha256)
        with _disk(f"a part of a ledger could not be written to {path.parent}"):
            _private(path.parent)
            if not path.exists():
                self._place(path, data)
            _settle(path.parent)

    def read_part(self, sha256: str) -> bytes:
        """Return a part by the hash of its bytes. Raises Absent."""
        path = self._part(sha256)
        with _disk(f"a part of a ledger could not be read from {path.parent}"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                raise Absent(f"there is no part {sha256} in {path.parent}") from None

    def _part(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise Rejected(f"{sha256[:120]!r} is not the name of a part", expected="64 hex digits")
        return self.folder / _PARTS / f"{sha256}.json"

    def names(self, *, tail: str = "") -> tuple[str, ...]:
        """Return the names in the order of time; with `tail` those of one response."""
        with _disk(f"the evidence in {self.folder} could not be listed"):
            if not self.folder.is_dir():
                return ()
            found = (path.name for path in self.folder.iterdir())
            return tuple(sorted(name for name in found if _NAME.fullmatch(name) and name.endswith(tail)))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Rejected(
                f"{name[:120]!r} is not the name of evidence",
                expected="<started>-<playbook>-<12 hex digits>.evidence.json",
            )
        return self.folder / name

    def _place(self, path: Path, data: bytes) -> None:
        """Write beside, then link: the name appears with all bytes behind it, and never replaces another."""
        handle, beside = tempfile.mkstemp(prefix=".", suffix=".partial", dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), _MODE)
                os.fsync(file.fileno())
            _link(Path(beside), path)
        finally:
            Path(beside).unlink()


def _private(folder: Path) -> None:
    """Make a folder and what is missing above it; what we make is for its owner alone."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _link(beside: Path, path: Path) -> None:
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        return  # another attempt was faster; the caller compares the bytes


def _settle(folder: Path) -> None:
    """Make a new name outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk(what: str) -> Iterator[None]:
    """A disk that is full or not there may be mended while Temporal tries again."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{what}: {error.strerror or type(error).__name__}") from error
