"""`firedoor up` runs all three parts, keeps them running, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from firedoor.app.embedded import NAMESPACE, Child, temporal_command
from firedoor.cli import up as up_command
from firedoor.config.initial import Initial
from firedoor.domain.response.contract import SEARCH_ATTRIBUTES
from tests.cli.shell import firedoor
from tests.cli.up_kit import PATIENCE, alive, until, up
from tests.servers import free_port, request

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def mask() -> Iterator[None]:
    """What `up` does to the mask of its own process ends with the test."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("config")
def test_it_is_ready_when_it_says_so_and_leaves_no_process_behind() -> None:
    with up() as running:
        assert running.said == ["firedoor is ready\n"]
        assert json.loads(request(f"{running.url}/readyz"))["status"] == "ok"
        children = running.children()
        assert set(children) == {"start-dev", "temporal_page", "gateway", "worker.py"}
        assert running.stop() == 0
        assert not any(alive(pid) for pid in children.values())
    assert "nothing is lost" in Path("up.err").read_text()


def test_a_part_that_dies_is_started_again_and_a_restart_keeps_what_there_was(config: Initial) -> None:
    token = config.tokens["responder"]
    environment = {"FIREDOOR_TOKEN": token}
    with up(environment=environment) as running:
        before = running.children()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: set(running.children()) == set(before), "all parts again")
        until(lambda: request(f"{running.url}/readyz"), "ready again")
        assert not set(running.children().values()) & set(before.values())
        asyncio.run(begin(running.temporal))
        assert running.stop(signal.SIGINT) == 0
    with up("--json", environment=environment) as running:
        (line,) = running.said
        assert json.loads(line)["gateway"] == running.url
        assert asyncio.run(remembered(running.temporal)) == ["kept"]


@pytest.mark.usefixtures("config")
def test_a_killed_up_takes_its_parts_with_it_and_the_next_one_starts_at_once() -> None:
    with up() as running:
        children = running.children()
        asyncio.run(begin(running.temporal))
        running.stop(signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in children.values()), "no part left")
    with up() as running:
        assert asyncio.run(remembered(running.temporal)) == ["kept"]


@pytest.mark.usefixtures("config")
def test_what_is_kept_is_private_also_where_it_was_not_before_and_is_kept_for_thirty_days() -> None:
    folder = Path("var")
    (folder / "log").mkdir(parents=True)
    for name in ("up.lock", "log/gateway.log"):
        (folder / name).touch(mode=0o644)
    for each in (folder, folder / "log"):
        each.chmod(0o755)
    with up() as running:
        assert asyncio.run(kept(running.temporal)) == timedelta(days=30)
    modes = {str(each): each.stat().st_mode & 0o777 for each in (folder, *folder.rglob("*"))}
    assert {name for name, mode in modes.items() if mode & 0o077} == set(), modes


def test_a_folder_of_somebody_else_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "theirs").touch(mode=0o644)
    tmp_path.chmod(0o755)
    with up_command._alone(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o755
        assert (tmp_path / "theirs").stat().st_mode & 0o777 == 0o644
        assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700


async def kept(port: int) -> timedelta:
    client = await Client.connect(f"127.0.0.1:{port}", namespace=NAMESPACE)
    told = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
    return told.config.workflow_execution_retention_ttl.ToTimedelta()


@pytest.mark.usefixtures("config")
def test_temporals_page_is_for_reading_and_for_this_machine_alone() -> None:
    with up() as running:
        asyncio.run(begin(running.temporal))
        page = f"http://127.0.0.1:{running.page}"
        listed = "/api/v1/namespaces/firedoor/workflows"
        assert asked(page + "/") == 200
        assert asked(page + listed) == 200
        assert asked(page + listed, host="evil.example") == 403
        for act in ("terminate", "cancel", "signal/anything"):
            for origin in (page, "http://evil.example"):
                assert asked(f"{page}{listed}/kept/{act}", body=b"{}", origin=origin) in (403, 405)
        assert json.loads(request(page + "/api/v1/settings"))["DisableWriteActions"] is True
        assert asyncio.run(status("kept", running.temporal)) == "RUNNING"


def test_the_http_api_that_temporal_opens_by_itself_takes_nothing_from_a_browser() -> None:
    port, http = free_port(), free_port()
    command = [*temporal_command(data=None, port=port, page=None), "--http-port", str(http)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: asyncio.run(up_command._serves(f"127.0.0.1:{port}")), "a server")
        asyncio.run(begin(port))
        kept = f"http://127.0.0.1:{http}/api/v1/namespaces/firedoor/workflows/kept"
        for host in (f"127.0.0.1:{http}", "localhost", "evil.example"):
            assert asked(kept, host=host) == 403
            assert asked(kept + "/terminate", body=b"{}", host=host, origin="http://evil.example") == 403
        assert asyncio.run(status("kept", port)) == "RUNNING"
    finally:
        server.terminate()
        server.wait(PATIENCE)


def asked(url: str, *, body: bytes | None = None, **headers: str) -> int:
    """Return the status of an answer."""
    told = {"content-type": "text/plain", **headers}
    wanted = urllib.request.Request(url, data=body, headers=told)  # noqa: S310  only our own loopback servers
    try:
        with urllib.request.urlopen(wanted, timeout=PATIENCE) as answer:  # noqa: S310  as above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


async def status(workflow: str, port: int) -> str:
    client = await Client.connect(f"127.0.0.1:{port}", namespace=NAMESPACE)
    described = await client.get_workflow_handle(workflow).describe()
    assert described.status is not None
    return described.status.name


async def begin(port: int) -> None:
    """Leave something in Temporal that no worker takes up."""
    client = await Client.connect(f"127.0.0.1:{port}", namespace=NAMESPACE)
    await client.start_workflow("anything", id="kept", task_queue="nobody")


async def remembered(port: int) -> list[str]:
    client = await Client.connect(f"127.0.0.1:{port}", namespace=NAMESPACE)
    return [each.id async for each in client.list_workflows("WorkflowType = 'anything'")]


@pytest.mark.usefixtures("config")
def test_what_an_older_file_lacks_is_made_at_the_start() -> None:
    """The server makes search attributes in a new file only."""
    port, folder = free_port(), Path("var").absolute()
    folder.mkdir()
    command = temporal_command(data=folder, port=port, page=None)
    plain = [part for part in command if part != "--search-attribute" and not part.endswith("=Keyword")]
    older = subprocess.Popen(plain, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: asyncio.run(up_command._serves(f"127.0.0.1:{port}")), "an older server")
        assert not set(SEARCH_ATTRIBUTES) & set(asyncio.run(attributes(port)))
    finally:
        older.terminate()
        older.wait(PATIENCE)
    with up() as running:
        assert set(SEARCH_ATTRIBUTES) <= set(asyncio.run(attributes(running.temporal)))


async def attributes(port: int) -> list[str]:
    client = await Client.connect(f"127.0.0.1:{port}", namespace=NAMESPACE)
    told = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=NAMESPACE)
    )
    return list(told.custom_attributes)


@pytest.mark.usefixtures("config")
def test_it_does_not_follow_the_environment_to_another_temporal() -> None:
    elsewhere = {
        "TEMPORAL_ADDRESS": "temporal.invalid:7233",
        "TEMPORAL_NAMESPACE": "elsewhere",
        "TEMPORAL_TLS": "true",
        "TEMPORAL_API_KEY": "a-key-of-another-server",
    }
    with up(environment=elsewhere) as running:
        assert set(running.children()) == {"start-dev", "temporal_page", "gateway", "worker.py"}


@pytest.mark.usefixtures("config")
def test_two_over_one_folder_are_refused() -> None:
    with up_command._alone(Path("var")):
        said = firedoor("up")
    assert (said.status, said.out) == (2, "")
    assert "another `firedoor up` runs over var" in said.err


@pytest.mark.usefixtures("config")
def test_a_port_that_is_taken_is_named_with_its_option() -> None:
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        said = firedoor(
            "up", "--temporal-port", port, "--gateway-port", free_port(), "--ui-port", free_port()
        )
    assert said.status == 2
    assert f"port {port} cannot be used" in said.err
    assert "--temporal-port" in said.err


def test_a_broken_configuration_starts_nothing(here: Path) -> None:
    said = firedoor("up")
    assert said.status == 2
    assert "firedoor.yaml cannot be read" in said.err
    assert not (here / "var").exists()


def test_broken_playbooks_start_nothing(config: Initial, here: Path) -> None:
    (here / "books").mkdir()
    (here / "books/one.yaml").write_text("playbook: one\n")
    with (config.directory / "firedoor.yaml").open("a") as file:
        file.write("playbooks: books\n")
    said = firedoor("up")
    assert (said.status, said.out) == (2, "")
    assert "books/one.yaml:1:1" in said.err
    assert not (here / "var").exists()


@pytest.mark.usefixtures("config")
def test_a_part_that_never_becomes_ready_is_named_and_the_others_are_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Child] = []
    real = up_command.children_of

    def children_of(*told: Any) -> tuple[Child, ...]:
        started[:] = real(*told)
        worker = next(child for child in started if child.name == "worker")
        worker.command = [sys.executable, "-c", "raise SystemExit('the worker gives up')"]
        return tuple(started)

    monkeypatch.setattr(up_command, "children_of", children_of)
    ports = [part for name in ("gateway", "temporal", "ui") for part in (f"--{name}-port", free_port())]
    said = firedoor("up", *ports)
    assert (said.status, said.out) == (1, "")
    assert "worker did not become ready" in said.err
    assert "the worker gives up" in said.err
    assert all(child.process is not None and child.process.returncode is not None for child in started)
