"""The compose file, its scripts and the image: what they promise, and that Temporal takes it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio import workflow
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from firedoor.config import initial
from firedoor.domain.response.contract import SEARCH_ATTRIBUTES, TASK_QUEUE
from tests.servers import free_port

ROOT = Path(__file__).parent.parent
ONE_SHOTS = {"temporal-schema", "temporal-namespace"}
OURS = {"gateway", "worker"}
HOST_WIDE = {"privileged", "network_mode", "pid", "ipc", "userns_mode", "cap_add", "devices"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the compose file, anchors and merges resolved."""
    parsed = yaml.safe_load(read("docker-compose.yml"))
    assert isinstance(parsed, dict)
    return parsed


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the services of the compose file by name."""
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def test_it_runs_temporal_on_postgres_with_its_page_a_gateway_and_a_worker(
    services: dict[str, dict[str, Any]],
) -> None:
    assert set(services) == {"postgres", "temporal", "temporal-ui"} | ONE_SHOTS | OURS


def test_every_dependency_exists_and_can_meet_its_condition(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for target, wanted in service.get("depends_on", {}).items():
            assert target in services, f"{name} waits for {target}, which is not there"
            condition = wanted["condition"]
            if condition == "service_healthy":
                assert "test" in services[target].get("healthcheck", {}), f"{target} cannot become healthy"
            elif condition == "service_completed_successfully":
                assert target in ONE_SHOTS, f"{target} never ends"
                # One that is restarted when it succeeded would never be done.
                assert services[target]["restart"].startswith("on-failure")
            else:
                assert condition == "service_started"


def test_nothing_waits_for_itself(services: dict[str, dict[str, Any]]) -> None:
    def waits_for(name: str, seen: tuple[str, ...] = ()) -> None:
        assert name not in seen, f"a circle: {' -> '.join([*seen, name])}"
        for target in services[name].get("depends_on", {}):
            waits_for(target, (*seen, name))

    for name in services:
        waits_for(name)


def test_ours_start_only_when_temporal_really_serves(services: dict[str, dict[str, Any]]) -> None:
    for name in OURS:
        condition = services[name]["depends_on"]["temporal-namespace"]["condition"]
        assert condition == "service_completed_successfully"


def test_what_keeps_running_says_whether_it_is_well(services: dict[str, dict[str, Any]]) -> None:
    for name in {"postgres", "temporal"} | OURS:
        assert services[name]["healthcheck"]["test"][0] == "CMD", name


def test_every_image_is_pinned_to_a_full_version(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        image, _, tag = service["image"].partition(":")
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?", tag), f"{name} runs {image}:{tag or 'whatever is latest'}"
    assert "temporalio/auto-setup" not in read("docker-compose.yml")


def test_tools_and_server_are_of_one_version(services: dict[str, dict[str, Any]]) -> None:
    """The schema that the tools write is the one the server reads."""
    server = services["temporal"]["image"].partition(":")[2]
    assert {services[name]["image"] for name in ONE_SHOTS} == {f"temporalio/admin-tools:{server}"}


def test_our_image_carries_the_version_of_the_project(services: dict[str, dict[str, Any]]) -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert {services[name]["image"] for name in OURS} == {f"firedoor:{version}"}


def test_nothing_is_privileged(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert not HOST_WIDE & set(service), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "docker.sock" not in str(service), name
        if name != "postgres":  # its entry point changes user by itself and needs the right to
            assert service["cap_drop"] == ["ALL"], name
    for name in OURS:
        assert services[name]["read_only"] is True, name


def test_published_ports_listen_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"temporal", "temporal-ui", "gateway"}
    for name, ports in published.items():
        for port in ports:
            assert port.startswith("127.0.0.1:"), f"{name} publishes {port}"


def test_the_database_is_reached_by_temporal_alone(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    inside = {name for name, service in services.items() if "database" in service.get("networks", [])}
    assert inside == {"postgres", "temporal-schema", "temporal"}
    assert compose["networks"]["database"] == {"internal": True}


def test_there_is_no_default_password() -> None:
    text = read("docker-compose.yml")
    passwords = re.findall(r"^ *\w*(?:PASSWORD|PWD|SECRET|TOKEN|KEY)\w*: *(.*)$", text, flags=re.MULTILINE)
    assert len(passwords) == 3  # the database itself, the schema's one-shot, the server
    for value in passwords:
        assert re.fullmatch(r"\$\{POSTGRES_PASSWORD:\?[^}]+\}", value), value


def test_what_must_outlive_a_container_is_in_a_named_volume(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    assert "postgres:/var/lib/postgresql/data" in services["postgres"]["volumes"]
    assert "evidence:/app/var" in services["worker"]["volumes"]
    assert set(compose["volumes"]) == {"postgres", "evidence"}


def test_everything_mounted_from_the_repository_is_there_and_read_only(
    services: dict[str, dict[str, Any]],
) -> None:
    made_by_init = {"./config"}  # `firedoor init` writes it
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            if source.startswith("./"):
                assert mode == ["ro"], f"{name} may write {source}"
                assert source in made_by_init or (ROOT / source).exists(), f"{name} mounts {source}"
            assert target.startswith("/")


def test_temporal_knows_its_database_and_its_shards(services: dict[str, dict[str, Any]]) -> None:
    server = services["temporal"]["environment"]
    schema = services["temporal-schema"]["environment"]
    assert server["DB"] == "postgres12"
    assert server["NUM_HISTORY_SHARDS"] == "512"
    assert server["POSTGRES_SEEDS"] == schema["SQL_HOST"] == "postgres"
    user = services["postgres"]["environment"]["POSTGRES_USER"]
    assert server["POSTGRES_USER"] == schema["SQL_USER"] == user
    assert server["POSTGRES_PWD"] == schema["SQL_PASSWORD"]
    mounted = {volume.split(":")[1] for volume in services["temporal"]["volumes"]}
    assert server["DYNAMIC_CONFIG_FILE_PATH"] in mounted


def test_gateway_worker_and_the_one_shot_mean_the_same_temporal(services: dict[str, dict[str, Any]]) -> None:
    for name in OURS | {"temporal-namespace"}:
        assert services[name]["environment"]["TEMPORAL_NAMESPACE"] == "${TEMPORAL_NAMESPACE:-firedoor}"
    for name in OURS:
        assert services[name]["environment"]["TEMPORAL_ADDRESS"] == "${TEMPORAL_ADDRESS:-temporal:7233}"
        assert services[name]["environment"]["FIREDOOR_CONFIG"] == "/app/config"


def test_every_variable_a_script_needs_is_given_to_it(services: dict[str, dict[str, Any]]) -> None:
    for name in ONE_SHOTS:
        script = services[name]["command"][-1].removeprefix("/")
        needed = set(re.findall(r"\$\{?([A-Z][A-Z_]+)(?!\w)", read(script)))
        assert needed <= set(services[name]["environment"]), f"{script} wants {needed}"


def test_gateway_and_worker_start_what_the_project_has(services: dict[str, dict[str, Any]]) -> None:
    scripts = tomllib.loads(read("pyproject.toml"))["project"]["scripts"]
    assert services["gateway"]["command"][:2] == ["firedoor", "gateway"]
    assert "firedoor" in scripts
    assert services["worker"]["command"] == ["python", "worker.py"]
    assert (ROOT / "worker.py").is_file()
    assert (ROOT / services["worker"]["healthcheck"]["test"][-1]).is_file()


def test_the_dynamic_configuration_has_the_shape_temporal_reads() -> None:
    configured = yaml.safe_load(read("deploy/dynamicconfig.yaml"))
    for key, values in configured.items():
        assert re.fullmatch(r"(history|matching|frontend|system)\.\w+", key)
        assert [set(value) for value in values] == [{"value"}], key
    assert configured["matching.enableFairness"] == [{"value": True}]
    assert "frontend.WorkflowTimeSkippingEnabled" not in configured  # a clock that jumps is for tests


def test_the_secrets_in_the_example_are_names_without_values() -> None:
    for line in read("deploy/firedoor.env.example").splitlines():
        name, _, value = line.removeprefix("# ").partition("=")
        if re.fullmatch(r"[A-Z_]+", name):
            assert value == "" or name == "AWS_REGION", line
    ignored = read(".gitignore").splitlines()
    assert {".env", "deploy/firedoor.env"} <= set(ignored)


def test_the_image_runs_as_nobody_in_particular_and_carries_no_secret() -> None:
    dockerfile = read("Dockerfile")
    last = dockerfile.split("FROM ")[-1]
    assert re.search(r"^USER (?!root|0)\w+$", last, flags=re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert not re.search(r"^(ARG|ENV)\b.*(SECRET|TOKEN|PASSWORD|KEY)", dockerfile, flags=re.MULTILINE)
    for image in re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE):
        assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", image)


def test_the_image_installs_pinned_and_hashed_packages_only() -> None:
    installs = re.findall(r"pip install ([^&\n]*(?:\\\n[^&\n]*)*)", read("Dockerfile"))
    assert len(installs) == 2
    assert "--require-hashes -r requirements/app.txt" in installs[0]
    assert "--no-deps --no-build-isolation" in installs[1]


def test_nothing_enters_the_image_but_what_is_named() -> None:
    lines = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    wanted = {line.removeprefix("!").rstrip("/") for line in lines if line.startswith("!")}
    assert {"worker.py", "firedoor", "workflows", "activities", "playbooks"} <= wanted
    assert not any(name.startswith((".env", "config", "var", "deploy/firedoor")) for name in wanted)
    for name in wanted:
        assert (ROOT / name).exists(), f"the image wants {name}"


def test_what_the_page_is_drawn_from_enters_the_image_and_is_package_data() -> None:
    """The image installs editable from the folder; a wheel would take what `package-data` names."""
    ignored = [
        line for line in read(".dockerignore").splitlines() if line and not line.startswith(("#", "!"))
    ]
    assert ignored == ["*", "**/__pycache__"]
    named = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]
    for package in ("firedoor.gateway.page", "firedoor.testing.slack"):
        folder = ROOT / package.replace(".", "/")
        data = {path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
        assert data
        assert data == {path for pattern in named[package] for path in folder.glob(pattern)}, package
    assert "--editable ." in read("Dockerfile")


def test_every_secret_that_the_first_configuration_shows_is_in_the_example_of_the_environment(
    tmp_path: Path,
) -> None:
    written = initial.write(tmp_path / "config").directory / "firedoor.yaml"
    shown = set(re.findall(r"\{env: ([A-Z_]+)\}", written.read_text())) - {"NAME"}
    assert {"SLACK_APP_TOKEN", "FIREDOOR_PAGE_SECRET", "OIDC_CLIENT_SECRET", "OKTA_TOKEN"} <= shown
    listed = set(re.findall(r"^([A-Z_]+)=", read("deploy/firedoor.env.example"), flags=re.MULTILINE))
    assert shown <= listed


def test_the_scripts_are_sound_shell() -> None:
    for script in sorted((ROOT / "deploy").glob("*.sh")):
        checked = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@pytest.fixture(scope="module")
async def temporal() -> AsyncIterator[str]:
    """Return the address of a real Temporal server, which has no namespace of ours yet."""
    port = free_port()
    command = shutil.which("temporal", path=str(Path(sys.executable).parent))
    assert command
    async with await WorkflowEnvironment.start_local(
        port=port, dev_server_existing_path=command, dev_server_log_level="error"
    ):
        yield f"127.0.0.1:{port}"


def surroundings(address: str, namespace: str) -> dict[str, str]:
    """Return the environment that the compose file gives, with our `temporal` command first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace}


async def run(*command: str, env: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd=ROOT)
    return await asyncio.wait_for(process.wait(), 120)


@pytest.mark.integration
async def test_the_one_shot_makes_namespace_and_search_attributes_and_may_run_again(temporal: str) -> None:
    env = surroundings(temporal, "firedoor")
    for _ in range(2):
        assert await run("sh", "deploy/namespace.sh", env=env) == 0
    client = await Client.connect(temporal, namespace="firedoor")
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    assert dict(listed.custom_attributes) == dict.fromkeys(SEARCH_ATTRIBUTES, keyword)
    # Bare, `Status` is a word of the query language's own and is refused.
    query = "`Status` = 'contained' AND Playbook = 'leaked_access_key'"
    assert [described async for described in client.list_workflows(query)] == []


@workflow.defn
class Idle:
    """Gives the worker something it could be asked for."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


@pytest.mark.integration
async def test_the_workers_health_check_knows_a_worker_that_polls_from_none(temporal: str) -> None:
    env = surroundings(temporal, "default")
    check = (sys.executable, "deploy/worker_polls.py")
    assert await run(*check, env=env) == 1
    client = await Client.connect(temporal)
    async with Worker(
        client, task_queue=TASK_QUEUE, workflows=[Idle], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        for _ in range(40):
            if await run(*check, env=env) == 0:
                return
        pytest.fail("a polling worker was never seen")
