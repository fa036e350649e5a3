"""Fixtures: the AWS emulators of a session, and an emptied account in one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenes.aws_world import AwsWorld
from tests.servers import FaultProxy, Server, microburst, ministack, moto_server


@pytest.fixture(scope="session")
def ministack_server() -> Iterator[Server]:
    """Run ministack with IAM enforcement."""
    with ministack() as server:
        yield server


@pytest.fixture(scope="session")
def ministack_proxy(ministack_server: Server) -> Iterator[FaultProxy]:
    """A fault-injecting proxy in front of ministack."""
    with microburst(ministack_server.url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    """Run moto's server."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def moto_proxy(moto: Server) -> Iterator[FaultProxy]:
    """A fault-injecting proxy in front of moto."""
    with microburst(moto.url) as proxy:
        yield proxy


@pytest.fixture
def ministack_world(
    ministack_server: Server, ministack_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> AwsWorld:
    """An emptied account in an AWS that enforces its policies."""
    return _world(ministack_server, ministack_proxy, monkeypatch, enforces=True)


@pytest.fixture
def moto_world(moto: Server, moto_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> AwsWorld:
    """An emptied account in an AWS that knows more calls and enforces none of its policies."""
    return _world(moto, moto_proxy, monkeypatch, enforces=False)


def _world(server: Server, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, *, enforces: bool) -> AwsWorld:
    server.reset()
    proxy.reset()
    aws_environment(monkeypatch, server.url)
    # As a proxy, not as the endpoint: the signed Host stays the emulator's own.
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    return AwsWorld(server, proxy, enforces=enforces)


def aws_environment(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Point botocore at an emulator the way an operator would: by its own variables."""
    for name in ("NO_PROXY", "no_proxy", "http_proxy", "HTTPS_PROXY", "https_proxy", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
