"""`firedoor up`: Temporal, the gateway and a worker on this machine, kept running in one terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from firedoor.app.embedded import NAMESPACE, Child, HiddenPage, answers, keep, temporal_command
from firedoor.app.logs import configure_logging
from firedoor.cli.entrance import WORKER
from firedoor.cli.fake_slack import FakeSlack, settings_beside_fake, stand_in
from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.ready import Ports, announce
from firedoor.cli.terminal import err
from firedoor.cli.written import shelf_of
from firedoor.config.settings import Settings, child_environment, from_environment
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.response.contract import SEARCH_ATTRIBUTES, TASK_QUEUE

_HOST = "127.0.0.1"
_LOCK = "up.lock"
_KEPT = timedelta(days=30)  # closed responses, with their histories; the server's own default is one day
_READY_WITHIN = 60.0
_KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
Port = Annotated[int, typer.Option(metavar="PORT", min=1, max=65535, help="On loopback.")]


def up(
    *,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Where Temporal keeps everything, and the logs.")
    ] = Path("var"),
    gateway_port: Port = 8080,
    temporal_port: Port = 7233,
    ui_port: Port = 8233,
    slack: Annotated[
        Literal["fake"] | None,
        typer.Option(
            help="Try approvals without a workspace: a made-up one on this machine, in which everybody of "
            "people.yaml has an account. A real one in the configuration is left alone meanwhile.",
            show_default=False,
        ),
    ] = None,
    slack_port: Port = 8090,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Run Temporal, the gateway and a worker here.

    Until Ctrl-C, which stops all of them and loses nothing: what waited for a person still waits after the
    next start. A part that dies is started again.
    """
    settings = settings_beside_fake(config) if slack else from_environment(config)
    shelf_of(settings)  # all of it is checked before anything starts
    settings.evidence.signing_key.value()  # also what the worker alone needs
    ports = Ports(
        gateway=gateway_port, temporal=temporal_port, ui=ui_port, slack=slack_port if slack else None
    )
    configure_logging(json=json or None)
    with _alone(data):
        _free(ports)
        fake = _fake(settings, data.absolute(), ports)
        asyncio.run(_run(fake.settings if fake else settings, data.absolute(), ports, fake, json=json))


def _fake(settings: Settings, data: Path, ports: Ports) -> FakeSlack | None:
    if ports.slack is None:
        return None
    return stand_in(settings, data, port=ports.slack, gateway=ports.gateway, env=child_environment())


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the data directory: two servers over one file would break it."""
    _keep_private(data)
    (data / "log").mkdir(exist_ok=True)
    with (data / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"another `firedoor up` runs over {data}",
                expected="one at a time",
                mend="stop it, or name another --data",
            ) from None
        yield


def _keep_private(data: Path) -> None:
    """Let nobody else on this machine read what is kept: histories, logs, evidence.

    Our children inherit the mask, so that Temporal's file is private too. A folder is tightened only where it
    is ours: new, empty, or used by an earlier `up`; `--data /tmp` must not shut out everybody.
    """
    os.umask(0o077)
    data.mkdir(parents=True, exist_ok=True)
    if not any(data.iterdir()) or (data / _LOCK).exists():
        data.chmod(0o700)
        for each in (*data.glob("temporal.db*"), *data.glob("log"), *data.glob("log/*.log"), data / _LOCK):
            if each.exists() and not each.is_symlink():
                each.chmod(each.stat().st_mode & 0o700)


def _free(ports: Ports) -> None:
    """See that nobody listens where we are about to."""
    wanted = {"gateway": ports.gateway, "temporal": ports.temporal, "ui": ports.ui, "slack": ports.slack}
    for option, port in wanted.items():
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, port))
            except OSError as error:
                raise Misconfigured(
                    f"port {port} cannot be used: {error.strerror}",
                    expected="a free port",
                    mend=f"stop what listens there, or name another with --{option}-port",
                ) from error


def children_of(settings: Settings, data: Path, ports: Ports) -> tuple[Child, ...]:
    """Describe the processes: Temporal, its page for reading, the gateway, the worker."""
    address = f"{_HOST}:{ports.temporal}"
    # None of our own TEMPORAL_… leads our children elsewhere, no TLS or API key of another server either.
    environment = child_environment(
        without="TEMPORAL_",
        FIREDOOR_CONFIG=str(settings.directory),
        TEMPORAL_ADDRESS=address,
        TEMPORAL_NAMESPACE=NAMESPACE,
        TEMPORAL_CONFIG_FILE=str(Path("/dev/null")),
    )
    child = partial(_child, environment, data / "log")
    python = [sys.executable, "-P"]
    gateway = [*python, "-m", "firedoor.cli", "gateway", "--host", _HOST, "--port", str(ports.gateway)]
    hidden = HiddenPage.anywhere()
    page = [*python, "-m", "firedoor.app.temporal_page", "--port", str(ports.ui), "--upstream", hidden.url]
    return (
        child(
            "temporal",
            temporal_command(data=data, port=ports.temporal, page=hidden),
            partial(_serves, address),
        ),
        child("temporal's page", page, partial(answers, f"http://{_HOST}:{ports.ui}/")),
        child("gateway", gateway, partial(answers, f"http://{_HOST}:{ports.gateway}/readyz")),
        # Not -P: worker.py finds its rooms beside itself.
        child("worker", [sys.executable, str(WORKER)], partial(_polled, address)),
    )


def _child(
    environment: dict[str, str],
    log: Path,
    name: str,
    command: Sequence[str],
    ready: Callable[[], Awaitable[bool]],
) -> Child:
    return Child(
        name=name, command=command, environment=environment, log_file=log / f"{name}.log", ready=ready
    )


async def _run(settings: Settings, data: Path, ports: Ports, fake: FakeSlack | None, *, json: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    temporal, *ours = children_of(settings, data, ports)
    # Stopped from the last to the first: whoever writes to Slack before Slack.
    children = (temporal, *((fake.child,) if fake else ()), *ours)
    starting = asyncio.create_task(_start(children, f"{_HOST}:{ports.temporal}"))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return
        await starting
        announce(settings, data / "log", ports, fake, json=json)
        await keep(children, stop)
    finally:
        starting.cancel()
        stopping.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        for child in reversed(children):
            await child.stop()
        err().print(Text("everything is stopped; nothing is lost", "dim"))


async def _start(children: Sequence[Child], address: str) -> None:
    temporal, *others = children
    await temporal.start()
    await _ready(temporal)
    await add_search_attributes(address)
    await keep_closed_responses(address)
    for child in others:
        await child.start()
    await asyncio.gather(*(_ready(child) for child in others))


async def _ready(child: Child) -> None:
    await child.wait_ready(_READY_WITHIN)
    err().print(Text.assemble(("✓ ", "green"), f"{child.name} is up"))


async def add_search_attributes(address: str) -> None:
    """Create the search attributes that an older file lacks: the server makes them in new ones only."""
    client = await Client.connect(address, namespace=NAMESPACE)
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=NAMESPACE)
    )
    missing = [name for name in SEARCH_ATTRIBUTES if name not in known.custom_attributes]
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=NAMESPACE, search_attributes=dict.fromkeys(missing, _KEYWORD)
            )
        )


async def keep_closed_responses(address: str) -> None:
    """Have Temporal keep closed responses for 30 days, or longer where somebody asked it to."""
    client = await Client.connect(address, namespace=NAMESPACE)
    service = client.workflow_service
    told = await service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
    if told.config.workflow_execution_retention_ttl.ToTimedelta() < _KEPT:
        config = NamespaceConfig()
        config.workflow_execution_retention_ttl.FromTimedelta(_KEPT)
        await service.update_namespace(UpdateNamespaceRequest(namespace=NAMESPACE, config=config))


async def _serves(address: str) -> bool:
    """Whether Temporal answers and has our namespace."""
    try:
        client = await Client.connect(address, namespace=NAMESPACE)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
    except (RPCError, RuntimeError, OSError):
        return False
    return True


async def _polled(address: str) -> bool:
    """Whether a worker asks for work. The server is as young as we are, so it remembers no earlier one."""
    try:
        client = await Client.connect(address, namespace=NAMESPACE)
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=NAMESPACE,
                task_queue=TaskQueue(name=TASK_QUEUE),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            )
        )
    except (RPCError, RuntimeError, OSError):
        return False
    return bool(answer.pollers)
