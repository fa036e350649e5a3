"""Fixtures for everyone: a time-skipping Temporal server, and a toy world of doors."""

from __future__ import annotations

import gc
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from firedoor.app.embedded import NAMESPACE, temporal_arguments
from tests.servers import free_port
from tests.toy_world import ToyWorld

pytest_plugins = ["tests.fixtures_aws"]

hypothesis.settings.register_profile(
    "house",
    parent=hypothesis.settings.default,
    deadline=None,  # how long an example takes is the machine's
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("house")


def pytest_collection_finish() -> None:
    """Take what is loaded by now out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """Collect garbage after each file, so that a socket left open is told there and not elsewhere."""
    yield
    gc.collect()


@asynccontextmanager
async def temporal_environment(*dynamic: str) -> AsyncIterator[WorkflowEnvironment]:
    """Run a real Temporal server, in memory, with a clock that tests may move."""
    existing = Path(sys.executable).parent / "temporal"
    port = free_port()
    extra = temporal_arguments(None, port, None, NAMESPACE, True)
    extra = extra[extra.index("-n") + 2 :]  # the environment names address and namespace itself
    for value in dynamic:
        extra += ["--dynamic-config-value", value]
    env = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        dev_server_existing_path=str(existing) if existing.exists() else shutil.which("temporal"),
        port=port,
        namespace=NAMESPACE,
        data_converter=pydantic_data_converter,
        dev_server_log_level="error",
        dev_server_extra_args=extra,
    )
    try:
        yield env
    finally:
        await env.shutdown()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """The real Temporal server that most tests share."""
    async with temporal_environment() as env:
        yield env


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyWorld:
    """A world with one open door, `front`."""
    monkeypatch.setenv("TOY_WORLD", str(tmp_path / "world"))
    made = ToyWorld(tmp_path / "world")
    made.door("front")
    return made
