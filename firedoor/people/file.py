"""people.yaml as it stands on the disk now: a file that does not check makes everybody a stranger."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import structlog

from firedoor.domain.core.errors import FiredoorError, Unavailable
from firedoor.domain.people.people import People
from firedoor.domain.yaml import reader
from firedoor.domain.yaml.document import MAX_BYTES
from firedoor.domain.yaml.problem import Illegible, Problems

_log = structlog.get_logger("firedoor.people")

#: A file changed twice within a tick of the file system's clock (two seconds at the worst) looks the same
#: after the second change; until the tick is over it is read at every look.
_TICK_NS = 2_000_000_000

_Stamp = tuple[int, int, int, int]


class PeopleFile:
    """Reads the file again when it has changed. What cannot be read now is unknown, whatever it said."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read: tuple[_Stamp, People] | None = None  # one value, for another thread may look at it
        self._told: object = None

    def unchanged(self) -> People | None:
        """Return the people where the file is as it was read; None where it has to be read (again)."""
        held = self._read
        try:
            return held[1] if held is not None and held[0] == _stamp(self._path) else None
        except OSError:
            return None

    def read(self) -> People:
        """Return the people of this moment; raises `Unavailable`, and says in the log why, once a change."""
        with self._lock:
            if (people := self.unchanged()) is not None:
                return people
            self._read = stamp = None
            try:
                # The stamp is from before the reading: a change in between is seen the next time.
                stamp = _stamp(self._path)
                with self._path.open("rb") as opened:
                    data = opened.read(MAX_BYTES + 1)
                people = reader.load(reader.read(data, self._path.name), People)
            except (FiredoorError, OSError) as error:
                self._tell(stamp, error)
                raise Unavailable(
                    "people.yaml cannot be read, or does not check",
                    mend="mend it (`firedoor people` tells what is wrong); until then nobody can decide",
                ) from None
            if self._told is not None:
                _log.info("people.readable", people=len(people.people))
                self._told = None
            if time.time_ns() - stamp[0] > _TICK_NS:
                self._read = stamp, people
            return people

    def _tell(self, stamp: _Stamp | None, error: Exception) -> None:
        why = _places(error)
        if self._told != (stamp, why):
            self._told = (stamp, why)
            _log.error("people.unreadable", places=why, means="nobody can decide until it is mended")


def _places(error: Exception) -> str:
    """Say where it is wrong and not what stands there: it may be a token, written where its hash belongs."""
    if isinstance(error, Problems):
        return ", ".join(f"{each.file}:{each.line}:{each.column}" for each in error.problems)
    if isinstance(error, Illegible):
        return f"{error.problem.file}:{error.problem.line}:{error.problem.column}"
    return type(error).__name__


def _stamp(path: Path) -> _Stamp:
    seen = path.stat()
    return seen.st_mtime_ns, seen.st_size, seen.st_ino, seen.st_ctime_ns
