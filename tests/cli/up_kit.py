"""One `firedoor up` for tests: started, waited for, looked at, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import free_port

PATIENCE = 60.0
#: What is in the command line of each part.
PARTS = ("start-dev", "temporal_page", "gateway", "worker.py", "firedoor.testing.slack")


@dataclass
class Running:
    """One `firedoor up`, and where it listens."""

    process: subprocess.Popen[str]
    gateway: int
    temporal: int
    page: int
    said: list[str]

    @property
    def url(self) -> str:
        """Where its gateway is."""
        return f"http://127.0.0.1:{self.gateway}"

    def children(self) -> dict[str, int]:
        """Its processes by what they are."""
        listed = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid=,args="],
            capture_output=True,
            text=True,
            check=False,
        )
        found: dict[str, int] = {}
        for line in listed.stdout.splitlines():
            pid, _, command = line.strip().partition(" ")
            name = next((part for part in PARTS if part in command), "")
            if name:
                found[name] = int(pid)
        return found

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


@contextmanager
def up(*more: str, environment: dict[str, str] | None = None) -> Iterator[Running]:
    """Start it in the folder where the test stands, and wait for its word."""
    gateway, temporal, ui = free_port(), free_port(), free_port()
    command = [sys.executable, "-m", "firedoor.cli", "up", "--gateway-port", str(gateway)]
    command += ["--temporal-port", str(temporal), "--ui-port", str(ui), *more]
    with Path("up.err").open("w") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **(environment or {})},
        )
    running = Running(process, gateway, temporal, ui, [])
    try:
        assert process.stdout is not None
        for line in process.stdout:
            running.said.append(line)
            if "firedoor is ready" in line:
                break
        else:
            pytest.fail(f"it never became ready:\n{Path('up.err').read_text()}")
        yield running
    finally:
        if process.poll() is None:
            running.stop()
        assert process.stdout is not None
        process.stdout.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(true: object, what: str) -> None:
    """Wait until something is so."""
    gives_up = time.monotonic() + PATIENCE
    while time.monotonic() < gives_up:
        try:
            if true():  # type: ignore[operator]
                return
        except (urllib.error.URLError, OSError):
            pass  # not yet
        time.sleep(0.05)
    pytest.fail(f"in vain: {what}")
