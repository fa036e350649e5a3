"""The house of the demo: a configuration, an emulated account and four processes, gone again at the end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn, Self

from activities.registry import load
from firedoor.app.embedded import Child, answers
from firedoor.cli.fake_slack import accounts_of, stand_in
from firedoor.cli.ready import Ports
from firedoor.cli.up import children_of
from firedoor.config import initial, settings
from firedoor.connectors.demo_aws import REGION, Credentials, DemoAccount
from firedoor.connectors.gateway import Gateway
from firedoor.connectors.signing import SigningKey
from firedoor.demo.slack_page import SlackPage
from firedoor.demo.stage import Stage
from firedoor.domain.core.errors import Misconfigured, Unavailable

_HOST: Final = "127.0.0.1"
_READY_WITHIN: Final = 90.0
#: Ports from 32768 on are handed out by the kernel to outgoing connections.
_PORTS: Final = range(18000, 32768)
#: What the playbook of the demo does; Firedoor's own user may do what these declare, and no more.
_ACTIONS: Final = (
    "aws.quarantine_user",
    "aws.deactivate_access_key",
    "aws.revoke_user_sessions",
    "aws.delete_access_key",
)
_PEOPLE: Final = """\
people:
  alice: {{name: Alice, token_sha256: {alice}}}
  bob: {{name: Bob, token_sha256: {bob}}}
  carol: {{name: Carol}}
groups:
  secops: [alice, bob]
  secops-leads: [carol]
"""


class House:
    """Everything that runs, and the ways to speak to it: as administrator, as detector and as two people."""

    def __init__(self, *, keep: bool, stage: Stage, slack: bool = False) -> None:
        self._keep = keep
        self._with_slack = slack
        #: The page of the fake Slack; None where people are asked at the terminal.
        self.page: SlackPage | None = None
        self._stage = stage
        self._children: list[Child] = []
        self._handlers: dict[int, Any] = {}

    # ---- coming and going --------------------------------------------------------------

    def __enter__(self) -> Self:
        """Start all of it, or nothing."""
        self._loop = asyncio.Runner()
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, _interrupted)
        self.folder = Path(tempfile.mkdtemp(prefix="firedoor-demo-"))
        try:
            self._configure()
            with self._stage.waiting("starting Temporal, an AWS emulator, the gateway and a worker …"):
                self._loop.run(self._start())
        except BaseException:
            self._leave(keep=False)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what was started, each by its own pid, and take the folder away."""
        self._leave(keep=self._keep)
        kept = f"evidence and logs stay in {self.folder}" if self._keep else "and their folder is gone"
        count = "five" if self.page else "four"
        self._stage.small(f"the {count} processes are stopped, {kept}")

    def _leave(self, *, keep: bool) -> None:
        # An impatient second Ctrl-C must not leave a process behind; each stop is bounded.
        ignored = {
            number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *self._handlers)
        }
        try:
            self._loop.run(self._stop())
        finally:
            self._loop.close()
            if not keep:
                shutil.rmtree(self.folder, ignore_errors=True)
            for number, handler in {**ignored, **self._handlers}.items():
                signal.signal(number, handler)

    async def _stop(self) -> None:
        await asyncio.gather(*(child.stop(5) for child in self._children))

    def still_runs(self) -> None:
        """See that all of them are alive; raises Unavailable with the name of one that is not."""
        self._loop.run(asyncio.sleep(0))  # lets the loop hear of a child's end
        for child in self._children:
            if child.process is not None and child.process.returncode is not None:
                raise Unavailable(
                    f"{child.name} ended with {child.process.returncode}", expected="that it runs to the end"
                )

    # ---- starting ----------------------------------------------------------------------

    def _configure(self) -> None:
        """Write what `firedoor init` writes, with two people who may decide."""
        gateway, temporal, ui, emulator, slack = _free_ports(5)
        self._ports = Ports(gateway=gateway, temporal=temporal, ui=ui)
        self._emulator_port = emulator
        self.emulator = f"http://{_HOST}:{emulator}"
        self.url = f"http://{_HOST}:{gateway}"
        written = initial.write(self.folder / "config", url=self.url)
        self._tokens = {person: f"fdp_{secrets.token_urlsafe(24)}" for person in ("alice", "bob")}
        hashes = {
            person: hashlib.sha256(token.encode()).hexdigest() for person, token in self._tokens.items()
        }
        (written.directory / "people.yaml").write_text(_PEOPLE.format(**hashes), encoding="utf-8")
        self._settings = settings.load(written.directory, {})
        (self.folder / "log").mkdir()
        self._fake: Child | None = None
        if self._with_slack:
            fake = stand_in(self._settings, self.folder, port=slack, gateway=gateway, env={})
            self._settings, self._fake = fake.settings, fake.child
            self.page = SlackPage(fake.url, accounts_of(fake.people))

    async def _start(self) -> None:
        temporal, page, gateway, worker = children_of(self._settings, self.folder, self._ports)
        first = (temporal, self._emulator(), *((self._fake,) if self._fake else ()))
        await asyncio.gather(*(self._begin(child) for child in first))
        self.account = DemoAccount(self.emulator)
        ours = await asyncio.to_thread(self._responder)
        # The worker alone gets credentials: nothing else of Firedoor speaks to AWS.
        await asyncio.gather(self._begin(page), self._begin(gateway), self._begin(worker, ours))

    async def _begin(self, child: Child, ours: Credentials | None = None) -> None:
        child.environment = self._environment(child.environment, ours)
        self._children.append(child)
        await child.start()
        await child.wait_ready(_READY_WITHIN)

    def _environment(self, given: Mapping[str, str], ours: Credentials | None) -> dict[str, str]:
        """Leave nothing of the person's own AWS account and proxies to what we start."""
        kept = {
            name: value
            for name, value in given.items()
            if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
        }
        keys = {"AWS_ACCESS_KEY_ID": ours.id, "AWS_SECRET_ACCESS_KEY": ours.secret} if ours else {}
        return {
            **kept,
            **keys,
            "AWS_ENDPOINT_URL": self.emulator,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def _emulator(self) -> Child:
        """Describe the emulator: it verifies signatures and evaluates policies, on loopback alone."""
        program = Path(sys.executable).parent / "ministack"
        if not program.exists():
            raise Misconfigured(
                "the AWS emulator is not installed",
                expected="the PyPI package ministack in this environment",
                mend="pip install 'firedoor[embedded]'",
            )
        environment = settings.child_environment(
            BIND_HOST=_HOST,
            GATEWAY_PORT=str(self._emulator_port),
            AUTH="true",
            IOT_MTLS_ENABLED="0",
            SFTP_ENABLED="0",
            MINISTACK_ACCOUNT_ID=initial.EXAMPLE_ACCOUNT,
            STATE_DIR=str(self.folder / "aws"),
            S3_DATA_DIR=str(self.folder / "aws" / "s3"),
        )
        return Child(
            name="aws-emulator",
            command=[str(program)],
            environment=environment,
            log_file=self.folder / "log" / "aws-emulator.log",
            ready=partial(answers, f"{self.emulator}/_ministack/health"),
        )

    def _responder(self) -> Credentials:
        known = load(())
        declared = [known[name].spec.permissions for name in _ACTIONS]
        needed = {call for each in declared for call in (*each.read, *each.apply, *each.undo)}
        self.account.user("firedoor", needed)
        self.rights = len(needed)
        return self.account.key("firedoor")

    # ---- speaking to it ----------------------------------------------------------------

    def person(self, name: str) -> Gateway:
        """Speak to the gateway as a person, by a personal token."""
        return Gateway(self.url, self._tokens[name])

    def post(self, event: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Post an event as EventBridge's API destination does: a JSON body, and a secret in a header."""
        request = urllib.request.Request(  # noqa: S310  our own gateway on loopback
            f"{self.url}/findings/guardduty", data=json.dumps(event).encode(), method="POST"
        )
        request.add_header("content-type", "application/json")
        request.add_header("x-firedoor-key", self._settings.sources["guardduty"].secret.value())
        with _direct().open(request, timeout=10) as answer:
            return int(answer.status), dict(json.loads(answer.read()))

    def evidence(self) -> list[Path]:
        """List the sealed files."""
        return sorted(self._settings.evidence.store.glob("*.evidence.json"))

    def gateway_keys(self) -> tuple[str, ...]:
        """Return the public keys of the gateway, which signs what people say."""
        return self._settings.gateway.keys

    def public_key(self) -> bytes:
        """Return the public half of the key that signs the evidence."""
        private = self._settings.evidence.signing_key.value()
        return SigningKey.from_pem(private.encode()).public_pem()


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  how the library calls it
    """End as Ctrl-C does: with everything stopped."""
    raise KeyboardInterrupt


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(_PORTS, 500):
        with socket.socket() as probe:
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Unavailable("no free ports on loopback", expected=f"{count} between {_PORTS[0]} and {_PORTS[-1]}")


def _direct() -> urllib.request.OpenerDirector:
    """Speak to our own loopback past every proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
