"""Slack's door over a real socket: presses are counted once, whatever happens to the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from firedoor.connectors import slack_link
from firedoor.connectors.slack import SlackDesk
from firedoor.connectors.slack_socket import Health, Pace, SlackSocket
from firedoor.gateway.api.app import create_app
from firedoor.gateway.slack.socket import STATES, SocketDoor, publish
from firedoor.testing.slack.people import APP_TOKEN
from tests.connectors.wires import ScriptedSlack
from tests.fake_slack import TOKEN, running
from tests.gateway.slack_door import Door

QUICK = Pace(first=0.05, longest=0.2, crowded=0.4, refused=600, look=0.05, drain=1, retire=1)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    there = Door("socket")
    with running(there.slack):
        yield there


@asynccontextmanager
async def replica(door: Door, token: str = APP_TOKEN) -> AsyncIterator[SlackSocket]:
    desk = SlackDesk(lambda: TOKEN, base_url=f"{door.slack.url}/api/")
    socket = SlackSocket(
        app_token=lambda: token,
        open_connection=desk.open_connection,
        take=SocketDoor(door.presses).take,
        clock=lambda: datetime.now(UTC),
        jitter=lambda: 0.0,
        told=publish,
        pace=QUICK,
    )
    running_ = asyncio.create_task(socket.run())
    try:
        yield socket
    finally:
        running_.cancel()
        await asyncio.wait([running_])


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  Slack is in another thread
            await asyncio.sleep(0.005)


async def becomes(socket: SlackSocket, state: str) -> None:
    await until(lambda: socket.health.state == state)


async def pressed(door: Door, by: str, action: str = "firedoor.approve") -> Any:
    return await asyncio.to_thread(door.slack.send_interactive, door.slack.press(by, door.pending, action))


@pytest.mark.integration
async def test_a_press_over_a_real_socket_is_a_vote(door: Door) -> None:
    async with replica(door) as socket:
        await becomes(socket, "healthy")
        assert (await pressed(door, "U1")).outcome == "ok"
        assert len(door.engine.votes) == 1
        assert socket.health.word == "ok"
        assert socket.health.connections == 1
    await until(lambda: not door.slack.socket_mode.connections)


@pytest.mark.integration
async def test_a_dialog_is_answered_over_the_same_socket(door: Door) -> None:
    async with replica(door) as socket:
        await becomes(socket, "healthy")
        await pressed(door, "U1", "firedoor.reject")
        await until(lambda: door.opened)
        submitted = door.slack.submit("U1", door.opened[0], reason="bad_time", comment="short")
        told = await asyncio.to_thread(door.slack.send_interactive, submitted)
        assert told.answer["response_action"] == "errors"


@pytest.mark.integration
async def test_two_replicas_count_an_envelope_that_comes_to_both_once(door: Door) -> None:
    async with replica(door) as first, replica(door) as second:
        await becomes(first, "healthy")
        await becomes(second, "healthy")
        door.slack.socket_mode.duplicate()
        assert (await pressed(door, "U1")).outcome == "ok"
        await until(lambda: len(door.slack.socket_mode.acks) == 2)
        assert {ack.connection for ack in door.slack.socket_mode.acks} == {1, 2}
        assert len(door.engine.votes) == 1


@pytest.mark.integration
@pytest.mark.parametrize("how", ["drop", "half_open", "warning", "refresh_requested", "too_many_websockets"])
async def test_after_whatever_happens_to_a_connection_presses_are_counted(
    door: Door, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "half_open":  # the only one that a ping has to notice
        monkeypatch.setattr(slack_link, "_PING_EVERY", 1.0)
    monkeypatch.setattr(slack_link, "_CLOSED_WITHIN", 0.2)
    mode = door.slack.socket_mode
    async with replica(door) as socket:
        await becomes(socket, "healthy")
        if how in ("drop", "half_open"):
            getattr(mode, how)()
        else:
            mode.disconnect(how)  # type: ignore[arg-type]
        await until(lambda: mode.connected == 2)
        await becomes(socket, "healthy")
        assert (await pressed(door, "U1")).outcome == "ok"
    assert len(door.engine.votes) == 1
    assert mode.opens == 2


@pytest.mark.integration
@pytest.mark.parametrize("token", [TOKEN, "xapp-wrong", ""])
async def test_a_bad_app_token_is_asked_about_once(door: Door, token: str) -> None:
    async with replica(door, token) as socket:
        await becomes(socket, "refused")
        await asyncio.sleep(0.3)
        assert "Slack refuses the app token" in socket.health.word
    assert door.slack.calls.count("apps.connections.open") == 1


@pytest.mark.integration
async def test_a_link_that_was_disabled_is_told(door: Door) -> None:
    async with replica(door) as socket:
        await becomes(socket, "healthy")
        door.slack.socket_mode.disconnect("link_disabled")
        await becomes(socket, "disabled")
    assert door.slack.socket_mode.opens == 1


async def test_the_state_of_the_connection_is_a_metric() -> None:
    slack = ScriptedSlack()
    for state in STATES:
        health = Health(state=state, since=slack.now, connections=3, hello_at=slack.now)
        publish(health)
        values = {
            each: REGISTRY.get_sample_value("firedoor_slack_socket_state", {"state": each}) for each in STATES
        }
        assert values == {each: float(each == state) for each in STATES}
    assert REGISTRY.get_sample_value("firedoor_slack_socket_connections") == 3
    hello = REGISTRY.get_sample_value("firedoor_slack_socket_last_hello_seconds")
    assert hello == slack.now.timestamp()


async def test_slack_being_down_is_reported_and_makes_no_gateway_unready() -> None:
    async def ready() -> Mapping[str, str]:
        return {"temporal": "ok"}

    nobody: Any = None
    app = create_app(
        doors={},
        responses=nobody,
        ready=ready,
        clock=lambda: datetime.now(UTC),
        reports=lambda: {"slack_socket": ScriptedSlack().socket.health.word},
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://f.test") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {"temporal": "ok"},
        "reports": {"slack_socket": "connecting"},
    }
