"""A program on a pseudo-terminal, as a person has it: what it prints, and what is typed into it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

_PATIENCE = 120.0


class PseudoTerminal:
    """Runs one program; ends it, with all that it started itself, when it is still there at the end."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, columns: int = 100) -> None:
        self._command = list(command)
        self._environment = {**environment, "TERM": "xterm-256color", "COLUMNS": str(columns)}
        self._columns = columns
        self.seen = ""

    def __enter__(self) -> Self:
        """Start it."""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, self._columns, 0, 0))
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ask it to end, as it would hear it from the system, and wait for that."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_PATIENCE)
        os.close(self._ours)

    def until(self, words: str) -> str:
        """Wait until it has printed some words; returns what it printed since the last time."""
        until = time.monotonic() + _PATIENCE
        begun = len(self.seen)
        while words not in self.seen[begun:]:
            if time.monotonic() > until or not self._read():
                raise AssertionError(f"never saw {words!r} in:\n{self.seen}")
        return self.seen[begun:]

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{text}\n".encode())

    def end(self) -> int:
        """Read to the end; returns the exit status."""
        while self._read():
            pass
        return self._process.wait(_PATIENCE)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], _PATIENCE)
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux's way to say that nobody holds the other end
            return False
        self.seen += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)
