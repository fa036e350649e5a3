"""A world of doors in a folder: small enough to look at, real enough to survive kill -9."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ToyWorld:
    """Doors are files (`open`, `shut <incident>`, `welded <incident>`); every effect is a line of a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.people = folder  # where people.yaml stands; a test whose house has it elsewhere says so
        folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def here(cls) -> ToyWorld:
        """The world that the process was started with."""
        return cls(Path(os.environ["TOY_WORLD"]))

    @contextmanager
    def locked(self) -> Iterator[None]:
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def door(self, name: str, state: str = "open") -> str:
        (self.folder / f"{name}.door").write_text(state)
        return name

    def state(self, name: str) -> str | None:
        file = self.folder / f"{name}.door"
        return file.read_text() if file.exists() else None

    def change(self, name: str, state: str, effect: str) -> None:
        """Change a door and log the effect, as one."""
        with self.locked():
            if self.state(name) == state:
                return
            self.door(name, state)
            with (self.folder / "effects.log").open("a") as log:
                log.write(f"{effect} {name}\n")

    def effects(self) -> list[str]:
        log = self.folder / "effects.log"
        return log.read_text().splitlines() if log.exists() else []

    def fault(self, verb: str, name: str, kind: str, times: int = 1) -> None:
        """Let a verb on a door fail: `unavailable`, `rejected`, or for verify `not_yet`."""
        (self.folder / f"{name}.{verb}.fault").write_text(f"{kind} {times}")

    def gate(self, verb: str, name: str) -> Path:
        """Put a gate before a verb on a door: who comes there waits until the gate is taken away."""
        gate = self.folder / f"{name}.{verb}.gate"
        gate.touch()
        return gate

    def pass_gate(self, verb: str, name: str) -> None:
        """Wait at the gate, if there is one, and tell that somebody waits."""
        gate = self.folder / f"{name}.{verb}.gate"
        if not gate.exists():
            return
        gate.with_suffix(".reached").touch()
        while gate.exists():
            time.sleep(0.01)

    def faulty(self, verb: str, name: str) -> str | None:
        """Take one fault, if there is one left."""
        file = self.folder / f"{name}.{verb}.fault"
        with self.locked():
            if not file.exists():
                return None
            kind, times = file.read_text().split()
            if int(times) <= 0:
                return None
            file.write_text(f"{kind} {int(times) - 1}")
            return kind
