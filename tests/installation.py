"""A whole installation for tests: Temporal on disk, gateway and worker processes that may be killed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx
from standardwebhooks import Webhook

from firedoor.connectors import signing
from firedoor.embedded import NAMESPACE, temporal_command
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "123456789012"
Part = Literal["temporal", "gateway", "worker"]
_PATIENCE = 60.0

TOKENS = {"alice": "fdp_alice", "bob": "fdp_bob", "carol": "fdp_carol"}
SLACK = {"alice": "T0ACME001/U0ALICE", "bob": "T0ACME001/U0BOB", "carol": "T0ACME001/U0CAROL"}
_SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def _sha(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Installation:
    """Firedoor as a user has it, with the toy actions and a world of doors."""

    def __init__(
        self,
        folder: Path,
        playbooks: Mapping[str, str],
        more: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.more_environment = dict(environment or {})
        self.world_folder = folder / "world"
        self.port, self.temporal_port = free_port(), free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10, trust_env=False)
        self._write(playbooks, more)

    def _write(self, playbooks: Mapping[str, str], more: str) -> None:
        config = self.folder / "config"
        for each in (config, self.folder / "playbooks", self.folder / "data", self.world_folder):
            each.mkdir(parents=True, exist_ok=True)
        key = self.folder / "evidence.pem"
        key.write_bytes(signing.generate())
        key.chmod(0o600)
        (self.folder / "evidence.pub").write_bytes(signing.SigningKey.from_pem(key.read_bytes()).public_pem())
        (config / "firedoor.yaml").write_text(
            f"url: http://127.0.0.1:{self.port}\n"
            "sources:\n  acme: {kind: generic, auth: {standard_webhooks: {env: ACME_WHSEC}}}\n"
            f'accounts:\n  "{ACCOUNT}": {{name: prod, environment: prod, regions: [us-east-1], role: none}}\n'
            f"evidence: {{store: 'file:{self.folder}/evidence', signing_key: {{file: '{key}'}}}}\n"
            f"playbooks: '{self.folder}/playbooks'\nactions: ['{ROOT}/tests/toy_actions']\n" + more
        )
        people = "".join(
            f"  {who}: {{name: {who.title()}, slack: {SLACK[who]}, token_sha256: {_sha(TOKENS[who])}}}\n"
            for who in TOKENS
        )
        (config / "people.yaml").write_text(
            f"people:\n{people}groups:\n  responders: [alice, bob]\n  leads: [carol]\n"
        )
        (config / "policy.yaml").write_text("default: {from: [responders], quorum: 1, within: 30m}\n")
        (config / "protected.yaml").write_text("protected: []\n")
        for name, text in playbooks.items():
            (self.folder / "playbooks" / f"{name}.yaml").write_text(text)

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TOY_WORLD": str(self.world_folder),
            "FIREDOOR_CONFIG": str(self.folder / "config"),
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.temporal_port}",
            "TEMPORAL_NAMESPACE": NAMESPACE,
            "ACME_WHSEC": _SECRET,
            "PYTHONPATH": str(ROOT),
            "SLACK_BOT_TOKEN": "xoxb-made-up-for-tests",
            "SLACK_SIGNING_SECRET": "made-up-signing-secret",
            **self.more_environment,
        }

    def command(self, part: Part) -> list[str]:
        if part == "temporal":
            return temporal_command(data=self.folder / "data", port=self.temporal_port, ui_port=None)
        if part == "worker":
            return [sys.executable, str(ROOT / "worker.py")]
        return [sys.executable, "-m", "firedoor.cli", "gateway", "--port", str(self.port)]

    def start(self, part: Part) -> None:
        with (self.folder / f"{part}.log").open("ab") as log:
            self.processes[part] = subprocess.Popen(
                self.command(part),
                env=self.environment(),
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
        for process in self.processes.values():
            process.terminate()
        for part in list(self.processes):
            process = self.processes.pop(part)
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
        answer = self.http.get(f"/v1/responses/{response}", headers=self.bearer(who))
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
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

    def evidence(self) -> list[Path]:
        return sorted((self.folder / "evidence").glob("*.json"))


@contextmanager
def installation(
    folder: Path, playbooks: Mapping[str, str], more: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """Start everything, and stop it by its own pids."""
    made = Installation(folder, playbooks, more, environment)
    try:
        made.start_all()
        yield made
    finally:
        made.stop_all()
