"""An installation whose people are asked in Slack: each part of it a process, the benchmark beside them."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from firedoor.app.gateway import Shelf, connect
from firedoor.config import settings as configured
from firedoor.domain.channel.messages import BoardState, Shown
from firedoor.domain.core.packed import unpack
from firedoor.domain.finding.finding import Finding, Resource, Severity
from firedoor.domain.response.contract import REPORT, desk_id
from firedoor.domain.response.messages import Report
from firedoor.gateway.intake.dispatch import Engine
from firedoor.testing.slack.people import APP, APP_TOKEN, CHANNEL, TEAM
from tests.approvals import playbook
from tests.bench.processes import cpu_seconds, most_megabytes
from tests.bench.stamped_slack import WRITES
from tests.installation import ACCOUNT, ROOT, Installation, installation
from tests.servers import free_port, request
from tests.toy_world import ToyWorld

Json = dict[str, Any]
T = TypeVar("T")

#: A desk of its own each, so that the pace of one channel does not slow the next sample down.
QUIET = tuple(f"C0QUIET{number:04d}" for number in range(6))
STORM = "C0STORM0001"
PEOPLE = tuple(f"person{number}" for number in range(8))
_PATIENCE = 600.0
_AT_ONCE = 24  # responses that are being started together
#: The desk is told nothing yet, or is busy: it is asked again.
_NOT_NOW = (RPCStatusCode.NOT_FOUND, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
_numbers = itertools.count(1)

#: One of them is decided by one yes, the other needs two.
ONE, TWO = "one_yes", "two_yes"
_PLAYBOOKS = {
    ONE: playbook(ONE, weld=None, shut="quorum: 1, within: 4h"),
    TWO: playbook(TWO, weld=None, shut="quorum: 2, within: 4h"),
}


def account_of(person: str) -> str:
    """Return the Slack account of a person."""
    return f"U0{person.upper()}"


def token_of(person: str) -> str:
    """Return the personal token of a person."""
    return f"fdp_{person}"


class Office:
    """The installation, its Slack, and what the benchmark does as detector and as people."""

    def __init__(self, here: Installation, slack: str, slack_pid: int, client: Client) -> None:
        self.here = here
        self.slack = slack
        self.client = client
        self.world = ToyWorld(here.world_folder)
        self.pids = {"Slack": slack_pid, **{name: one.pid for name, one in here.processes.items()}}
        settings = configured.load(here.folder / "config", here.environment())
        keys = settings.gateway.keys
        self._shelf = Shelf(settings)
        self._shelf.read()
        self._engines = {
            channel: Engine(client, self._shelf.playbooks, _now, gateway_keys=keys, desk=channel)
            for channel in (CHANNEL, STORM, *QUIET)
        }

    # ---- what a detector does ----------------------------------------------------------

    async def begin(self, playbook: str, channel: str = CHANNEL) -> str:
        """Let a detector report a new door; returns the response."""
        door = self.world.door(f"door{next(_numbers)}")
        intake = await self._engines[channel].take(_finding(playbook, door), source="acme")
        return intake.responses[0].id

    async def begin_many(self, number: int, channel: str = CHANNEL) -> list[str]:
        """Begin so many responses, half of each playbook, some together."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(count: int) -> str:
            async with turns:
                return await self.begin((ONE, TWO)[count % 2], channel)

        return list(await asyncio.gather(*(one(count) for count in range(number))))

    # ---- how it stands -----------------------------------------------------------------

    async def board(self, channel: str) -> Mapping[str, Shown]:
        """Return what the desk of a channel knows, by response, without touching the responses."""
        handle = self.client.get_workflow_handle(desk_id(channel))
        try:
            state = await handle.query("board", result_type=BoardState)
        except RPCError as error:
            if error.status in _NOT_NOW:
                return {}
            raise
        return {each.notice.response: each for each in unpack(state.packed, Shown)}

    async def asked(self, responses: Sequence[str], channel: str = CHANNEL) -> Mapping[str, Shown]:
        """Wait until the desk knows that all of these are asked; returns what it knows."""

        async def known() -> Mapping[str, Shown] | None:
            board = await self.board(channel)
            mine = {each: board[each] for each in responses if each in board and board[each].notice.asking}
            return mine if len(mine) == len(responses) else None

        return await until(known, f"{len(responses)} asks in {channel}", pause=0.25)

    async def report(self, response: str) -> Report:
        """Ask a response how it stands."""
        told: Report = await self.client.get_workflow_handle(response).query(REPORT, result_type=Report)
        return told

    async def writes(self, after: int = 0) -> list[Json]:
        """List what Slack was told to show since the `after`-th write."""
        content = await asyncio.to_thread(request, f"{self.slack}{WRITES}?after={after}")
        listed: list[Json] = json.loads(content)
        return listed

    def cpu(self) -> dict[str, float]:
        """CPU seconds of every part so far."""
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}

    def memory(self) -> dict[str, float]:
        """The most MB that every part ever held."""
        return {name: most_megabytes(pid) for name, pid in self.pids.items()}


def _now() -> datetime:
    return datetime.now(UTC)


def _finding(playbook: str, door: str) -> Finding:
    now = _now()
    return Finding(
        uid=f"f-{door}",
        source="toy",
        type=f"{playbook}:Door/Open",
        title="Somebody walks through a door",
        severity=Severity.HIGH,
        account=ACCOUNT,
        region="us-east-1",
        resources=(Resource(kind="Toy::Door", uid=f"arn:toy:door:::{door}", name=door),),
        first_seen=now,
        last_seen=now,
        modified=now,
        raw_sha256="0" * 64,
    )


async def until(seen: Callable[[], Awaitable[T | None]], what: str, *, pause: float = 0.01) -> T:
    """Wait for something that happens in another process; raises where it does not."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = await seen()
        if found is not None:
            return found
        await asyncio.sleep(pause)
    raise RuntimeError(f"{what} did not come within {_PATIENCE:.0f} s")


# ---- the processes ------------------------------------------------------------------------


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    """Start all of it, with both of Slack's ways open; nothing of it is left behind."""
    with _slack(folder) as (slack, pid):
        lines = (
            "slack: {bot_token: {env: SLACK_BOT_TOKEN}, signing_secret: {env: SLACK_SIGNING_SECRET}, "
            f"app_token: {{env: SLACK_APP_TOKEN}}, app_id: {APP}, team_id: {TEAM}, channel: {CHANNEL}, "
            f"base_url: '{slack}/api/'}}\n"
        )
        people = {
            "people": {
                each: {
                    "name": each.title(),
                    "slack": f"{TEAM}/{account_of(each)}",
                    "token_sha256": hashlib.sha256(token_of(each).encode()).hexdigest(),
                }
                for each in PEOPLE
            },
            "groups": {"responders": list(PEOPLE)},
        }
        with installation(folder, _PLAYBOOKS, lines, {"SLACK_APP_TOKEN": APP_TOKEN}, people=people) as here:
            client = await connect(configured.load(folder / "config", here.environment()))
            made = Office(here, slack, pid, client)
            await until(lambda: _socket_is_open(made), "an open socket")
            yield made


async def _socket_is_open(office: Office) -> bool | None:
    told = await asyncio.to_thread(office.here.http.get, "/readyz")
    return True if told.json().get("reports", {}).get("slack_socket") == "ok" else None


@contextmanager
def _slack(folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.bench.stamped_slack", "--port", str(port)]
    command += ["--people", *map(account_of, PEOPLE), "--channels", STORM, *QUIET]
    with (folder / "slack.log").open("w") as log:
        running = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _await(running, url, folder / "slack.log")
            yield url, running.pid
        finally:
            running.terminate()
            running.wait()


def _await(running: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and running.poll() is None:
        try:
            request(url + WRITES)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the fake Slack did not start; its log ends:\n{log.read_text()[-2000:]}")
