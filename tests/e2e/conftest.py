"""One installation with an identity provider, whose people say yes in Slack, shared by many tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import uvicorn

from tests.approvals import PLAYBOOKS, TRANSPORTS, Approvals, Transport, Way, approvals
from tests.fake_idp import CLIENT, SECRET, FakeIdp
from tests.servers import free_port


@pytest.fixture(scope="package")
def idp() -> Iterator[FakeIdp]:
    """An identity provider; where it sends people back to is set once the installation is there."""
    port = free_port()
    made = FakeIdp(f"http://127.0.0.1:{port}", "", lambda: datetime.now(UTC))
    with served(made, port):
        yield made


@contextmanager
def served(idp: FakeIdp, port: int) -> Iterator[None]:
    config = uvicorn.Config(idp.app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the identity provider did not start"
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="package")
def everyone(idp: FakeIdp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Approvals]:
    """The installation that most tests share."""
    more = (
        f"oidc: {{issuer: '{idp.issuer}', client_id: {CLIENT}, client_secret: {{env: OIDC_SECRET}}}}\n"
        "page: {secret: {env: PAGE_SECRET}}\n"
    )
    environment = {"OIDC_SECRET": SECRET, "PAGE_SECRET": "a secret that is long enough for a page"}
    folder = tmp_path_factory.mktemp("everyone")
    editors = {"edited": "erin@example.com"}
    with approvals(folder, PLAYBOOKS, more=more, environment=environment, editors=editors) as made:
        idp.redirect_uri = f"http://127.0.0.1:{made.here.port}/login/oidc/callback"
        yield made
        assert made.slack.complaints("expired_trigger_id") == [], "every message is within Slack's limits"


@pytest.fixture
def office(everyone: Approvals) -> Iterator[Approvals]:
    """The shared installation with a new desk; what a test leaves open is ended after it."""
    everyone.new_desk()
    yield everyone
    everyone.end_all()


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each of Slack's two ways, one after the other."""
    told: Transport = request.param
    return told


@pytest.fixture
def way(transport: Transport, office: Approvals) -> Way:
    """One of Slack's two ways into the shared installation."""
    return office.way(transport)
