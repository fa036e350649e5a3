"""A whole installation for tests: Temporal on disk, gateway and worker processes that may be killed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
import yaml
from standardwebhooks import Webhook
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from firedoor.app.embedded import NAMESPACE, temporal_command
from firedoor.connectors import signing
from firedoor.domain.approval import words
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "123456789012"
Part = Literal["temporal", "gateway", "worker"]
_PATIENCE = 60.0
T = TypeVar("T")

TOKENS = {name: f"fdp_{name}" for name in ("alice", "bob", "carol", "dave", "erin")}
SLACK = {"alice": "T0ACME001/U0ALICE", "bob": "T0ACME001/U0BOB", "carol": "T0ACME001/U0CAROL"}
METRICS_TOKEN = "a-token-of-prometheus"
_SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def sha(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


#: people.yaml and policy.yaml of an installation that says nothing else.
PEOPLE: Mapping[str, Any] = {
    "people": {
        who: {"name": who.title(), "slack": SLACK[who], "token_sha256": sha(TOKENS[who])} for who in SLACK
    },
    "groups": {"responders": ["alice", "bob"], "leads": ["carol"]},
}
POLICY: Mapping[str, Any] = {"default": {"from": ["responders"], "quorum": 1, "within": "30m"}}


class Installation:
    """Firedoor as a user has it, with the toy actions and a world of doors.

    more:          lines added to firedoor.yaml. people, policy: the other two files.
    editors:       playbooks that stand in a git repository, each with the e-mail of who committed it.
    time_skipping: lets `fast_forward` move the clock of a response.
    """

    def __init__(
        self,
        folder: Path,
        playbooks: Mapping[str, str],
        more: str = "",
        environment: Mapping[str, str] | None = None,
        *,
        people: Mapping[str, Any] = PEOPLE,
        policy: Mapping[str, Any] = POLICY,
        editors: Mapping[str, str] | None = None,
        time_skipping: bool = False,
    ) -> None:
        self.folder = folder
        self.people, self.policy = people, policy
        self.time_skipping = time_skipping
        #: Where a part finds Temporal, if not directly.
        self.temporal_of: dict[Part, str] = {}
        self.more_environment = dict(environment or {})
        self.world_folder = folder / "world"
        self.port, self.temporal_port = free_port(), free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10, trust_env=False)
        self._write(playbooks, more)
        for name, email in (editors or {}).items():
            self._commit(name, email)

    def _write(self, playbooks: Mapping[str, str], more: str) -> None:
        config = self.folder / "config"
        for each in (config, self.folder / "playbooks", self.folder / "data", self.world_folder):
            each.mkdir(parents=True, exist_ok=True)
        key = self.folder / "evidence.pem"
        key.write_bytes(signing.generate())
        key.chmod(0o600)
        (self.folder / "evidence.pub").write_bytes(signing.SigningKey.from_pem(key.read_bytes()).public_pem())
        voice = self.folder / "gateway.pem"
        voice.write_bytes(signing.generate())
        public = self.gateway_key = words.written(signing.SigningKey.from_pem(voice.read_bytes()).public_key)
        (config / "firedoor.yaml").write_text(
            f"url: http://127.0.0.1:{self.port}\n"
            "sources:\n  acme: {kind: generic, auth: {standard_webhooks: {env: ACME_WHSEC}}}\n"
            f'accounts:\n  "{ACCOUNT}": {{name: prod, environment: prod, regions: [us-east-1], role: none}}\n'
            "http: {metrics_token: {env: FIREDOOR_METRICS_TOKEN}}\n"
            f"gateway: {{signing_key: {{file: '{voice}'}}, keys: ['{public}']}}\n"
            f"evidence: {{store: 'file:{self.folder}/evidence', signing_key: {{file: '{key}'}}}}\n"
            f"playbooks: '{self.folder}/playbooks'\nactions: ['{ROOT}/tests/toy_actions']\n" + more
        )
        self.write_people(self.people)
        (config / "policy.yaml").write_text(yaml.safe_dump(dict(self.policy)))
        (config / "protected.yaml").write_text("protected: []\n")
        for name, text in playbooks.items():
            (self.folder / "playbooks" / f"{name}.yaml").write_text(text)

    def write_people(self, people: Mapping[str, Any] | str) -> None:
        """Write people.yaml as an administrator does, whole at once; text stands as it is."""
        file = self.folder / "config" / "people.yaml"
        aside = file.with_suffix(".new")
        aside.write_text(people if isinstance(people, str) else yaml.safe_dump(dict(people)))
        aside.replace(file)

    def _commit(self, playbook: str, email: str) -> None:
        folder = self.folder / "playbooks"
        who = ["-c", "user.name=Somebody", "-c", f"user.email={email}", "-c", "commit.gpgsign=false"]
        quiet = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        for command in (
            ["init", "-q"],
            ["add", f"{playbook}.yaml"],
            [*who, "commit", "-q", "-m", f"change {playbook}"],
        ):
            subprocess.run(["git", *command], cwd=folder, env=quiet, check=True)

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TOY_WORLD": str(self.world_folder),
            "FIREDOOR_CONFIG": str(self.folder / "config"),
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.temporal_port}",
            "TEMPORAL_NAMESPACE": NAMESPACE,
            "ACME_WHSEC": _SECRET,
            "FIREDOOR_METRICS_TOKEN": METRICS_TOKEN,
            "PYTHONPATH": str(ROOT),
            "SLACK_BOT_TOKEN": "xoxb-made-up-for-tests",
            "SLACK_SIGNING_SECRET": "made-up-signing-secret",
            **self.more_environment,
        }

    def command(self, part: Part) -> list[str]:
        if part == "temporal":
            return temporal_command(
                data=self.folder / "data",
                port=self.temporal_port,
                page=None,
                time_skipping=self.time_skipping,
            )
        if part == "worker":
            return [sys.executable, str(ROOT / "worker.py")]
        return [sys.executable, "-m", "firedoor.cli", "gateway", "--port", str(self.port)]

    def start(self, part: Part) -> None:
        environment = self.environment()
        if part in self.temporal_of:
            environment["TEMPORAL_ADDRESS"] = self.temporal_of[part]
        with (self.folder / f"{part}.log").open("ab") as log:
            self.processes[part] = subprocess.Popen(
                self.command(part),
                env=environment,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )

    def kill(self, part: Part) -> None:
        """Kill -9, as a power cut does."""
        process = self.processes.pop(part)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def restart(self, part: Part) -> None:
        self.kill(part)
        self.start(part)
        self.wait_ready()

    def start_all(self) -> None:
        self.start("temporal")
        self._until(lambda: self._listens(self.temporal_port))
        self.start("gateway")
        self.start("worker")
        self.wait_ready()

    def stop_all(self) -> None:
        self.http.close()
        # Temporal last: a worker that cannot reach it any more takes ten seconds to give up.
        for part in reversed(list(self.processes)):
            process = self.processes.pop(part)
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def wait_ready(self) -> None:
        self._until(lambda: self.http.get("/readyz").status_code == 200)

    @staticmethod
    def _listens(port: int) -> bool:
        import socket

        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _until(self, true: Any, what: str = "it") -> Any:
        deadline = time.monotonic() + _PATIENCE
        last: Any = None
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError, AssertionError):
                last = true()
                if last:
                    return last
            time.sleep(0.02)
        logs = "\n".join(
            f"--- {part}\n{(self.folder / f'{part}.log').read_text(errors='replace')[-1500:]}"
            for part in ("temporal", "gateway", "worker")
            if (self.folder / f"{part}.log").exists()
        )
        raise AssertionError(f"{what} did not happen; last seen {last!r}\n{logs}")

    # ---- what a detector and people do -------------------------------------------------

    def post(self, finding: Mapping[str, Any], delivery: str = "d-1") -> httpx.Response:
        body = json.dumps(finding).encode()
        now = datetime.now(UTC)
        signature = Webhook(_SECRET).sign(delivery, now, body.decode())
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        return self.http.post("/findings/acme", content=body, headers=headers)

    def report(self, response: str, who: str = "alice") -> dict[str, Any]:
        """Read a response, and again while the engine is too busy to tell."""

        def read() -> dict[str, Any] | None:
            answer = self.http.get(f"/v1/responses/{response}", headers=self.bearer(who))
            if answer.status_code == 503:
                return None
            told: dict[str, Any] = answer.json() if answer.status_code == 200 else {"problem": answer.text}
            return told

        told: dict[str, Any] = self._until(read, "an answer about a response")
        assert "problem" not in told, told
        return told

    def until(self, response: str, true: Any, what: str) -> dict[str, Any]:
        def seen() -> Any:
            report = self.report(response)
            return report if true(report) else None

        told: dict[str, Any] = self._until(seen, what)
        return told

    def until_status(self, response: str, *statuses: str) -> dict[str, Any]:
        return self.until(response, lambda report: report["status"] in statuses, f"status {statuses}")

    def bearer(self, who: str) -> dict[str, str]:
        return {"authorization": f"Bearer {TOKENS[who]}"}

    def vote(self, response: str, who: str, decision: str = "approve", **more: Any) -> httpx.Response:
        fingerprint = self.until(response, lambda report: report["asking"], "an ask")["fingerprint"]
        body = {"decision": decision, "fingerprint": fingerprint, **more}
        return self.http.post(f"/v1/responses/{response}/votes", json=body, headers=self.bearer(who))

    def undo(self, response: str, who: str, why: str = "it was us") -> httpx.Response:
        """Ask for undo, and again while no worker answers: the same request counts once."""

        def asked() -> httpx.Response | None:
            answer = self.http.post(
                f"/v1/responses/{response}/undo", json={"why": why}, headers=self.bearer(who)
            )
            return None if answer.status_code == 503 else answer

        answered: httpx.Response = self._until(asked, "an answer to the undo")
        return answered

    def cli(self, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a person does at a terminal of theirs."""
        return subprocess.run(
            [sys.executable, "-m", "firedoor.cli", *arguments],
            env={**self.environment(), "FIREDOOR_TOKEN": TOKENS[who]},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )

    def fast_forward(self, response: str, by: timedelta) -> None:
        """Move the clock of one response."""

        async def moved(client: Client) -> None:
            skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
            await skipper.fast_forward(client.get_workflow_handle(response), by)

        self.with_temporal(moved)

    def with_temporal(self, does: Callable[[Client], Awaitable[T]]) -> T:
        """Do something that an administrator does in Temporal itself."""

        async def done() -> T:
            client = await Client.connect(
                f"127.0.0.1:{self.temporal_port}",
                namespace=NAMESPACE,
                data_converter=pydantic_data_converter,
            )
            return await does(client)

        # In a thread: the caller may be an async test, whose loop is another one.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(done())).result()

    def evidence(self) -> list[Path]:
        return sorted((self.folder / "evidence").glob("*.json"))


@contextmanager
def installation(
    folder: Path,
    playbooks: Mapping[str, str],
    more: str = "",
    environment: Mapping[str, str] | None = None,
    **settings: Any,
) -> Iterator[Installation]:
    """Start everything, and stop it by its own pids; `settings` are those of `Installation`."""
    made = Installation(folder, playbooks, more, environment, **settings)
    try:
        made.start_all()
        yield made
    finally:
        made.stop_all()
