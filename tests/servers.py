"""Real servers for tests: each on a free loopback port, in a process group of its own, stopped by its pid."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
_BIN = Path(sys.executable).parent
_UP_WITHIN = 60.0
#: Servers of tests hold nothing worth a slow goodbye.
_DOWN_WITHIN = 2.0
#: Ports from 32768 on are handed out by the kernel to outgoing connections.
#: Each process of pytest has a share of its own and hands out all of it in turn: what it gave is bound later.
_PORTS = range(18000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8, 32768, 8)
_turns = itertools.cycle(random.sample(_PORTS, len(_PORTS)))


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    for port in itertools.islice(_turns, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free loopback port below 32768")


def request(url: str, *, method: str = "GET", body: Any = None) -> bytes:
    """Make one plain HTTP request past every proxy."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method)  # noqa: S310  only our own loopback servers
    if data is not None:
        asked.add_header("content-type", "application/json")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(asked, timeout=5) as answer:
        content: bytes = answer.read()
        return content


@dataclass(frozen=True)
class Server:
    """A running server; `reset()` forgets everything it holds."""

    url: str
    reset_path: str

    def reset(self) -> None:
        """Empty the world."""
        request(self.url + self.reset_path, method="POST")


@dataclass(frozen=True)
class FaultProxy:
    """microburst in front of a server: passes everything on, until it is told to fail something."""

    url: str

    def fail(self, *rules: Mapping[str, Any]) -> None:
        """Add rules such as `{"service": "iam", "operation": "UpdateAccessKey", "times": 1, …}`."""
        request(f"{self.url}/_microburst/rules", method="PATCH", body=[dict(rule) for rule in rules])

    def lose_reply(self, service: str, operation: str) -> None:
        """Let the next call of an operation happen, and lose its answer on the way back."""
        # abort_bytes, not abort_frac: a fraction of an answer without Content-Length aborts nothing.
        self.fail({"service": service, "operation": operation, "times": 1, "response": {"abort_bytes": 0}})

    def fired(self) -> list[dict[str, Any]]:
        """Return the faults that were injected."""
        return list(json.loads(request(f"{self.url}/_microburst/fired")))

    def reset(self) -> None:
        """Forget all rules and faults."""
        request(f"{self.url}/_microburst/rules", method="POST", body=[])
        request(f"{self.url}/_microburst/fired", method="DELETE")


@contextmanager
def ministack(*, auth: bool = True) -> Iterator[Server]:
    """Run the emulator that verifies signatures and evaluates policies."""
    port = free_port()
    with _state() as state:
        settings = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AUTH": str(auth).lower(),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_AUTOCREATE_AWS_MANAGED": "1",
            "STATE_DIR": state,
            "S3_DATA_DIR": f"{state}/s3",
        }
        url = f"http://127.0.0.1:{port}"
        with _running("ministack", [str(_BIN / "ministack")], f"{url}/_ministack/health", settings):
            yield Server(url, "/_ministack/reset")


@contextmanager
def moto_server() -> Iterator[Server]:
    """Run the emulator that knows the most calls and enforces nothing."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(_BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with _running("moto_server", command, f"{url}/moto-api/data.json", {}):
        yield Server(url, "/moto-api/reset")


@contextmanager
def microburst(upstream: str) -> Iterator[FaultProxy]:
    """Run the fault-injecting proxy in front of another server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(_BIN / "microburst"), "-u", upstream, "-p", str(port), "--no-resign"]
    with _running("microburst", command, f"{url}/_microburst/rules", {}):
        yield FaultProxy(url)


@contextmanager
def _state() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="firedoor-server-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(name: str, command: Sequence[str], health: str, settings: Mapping[str, str]) -> Iterator[None]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command,
            env={**inherited, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await(name, process, health, log)
            yield
        finally:
            _stop(process)


def _await(name: str, process: subprocess.Popen[bytes], health: str, log: Any) -> None:
    """Wait until the server answers; a server that does not is an error with its own words."""
    gives_up = time.monotonic() + _UP_WITHIN
    while time.monotonic() < gives_up and process.poll() is None:
        try:
            request(health)
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    log.seek(0)
    ended = f"ended with {process.returncode}" if process.poll() is not None else "did not answer in time"
    raise RuntimeError(f"{name} {ended}; its log ends:\n{log.read()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)  # its own group: start_new_session made the pid the group's id
    try:
        process.wait(_DOWN_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
