"""Slack's door over HTTP: whose request it is, and that no request whatever breaks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.channels.slack.interaction import payload_of
from firedoor.domain.core.errors import Misconfigured
from firedoor.gateway.slack.http import slack_router
from tests.fake_slack import SECRET, Signed
from tests.gateway.people_engine import Clock
from tests.gateway.slack_door import Door


@pytest.fixture
def door() -> Door:
    return Door()


# ---- signature and replay -----------------------------------------------------------


async def test_the_same_request_again_is_refused(door: Door) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    assert (await door.send(press)).done
    assert (await door.request(press)).status_code == 401
    door.clock.now += timedelta(minutes=4)
    assert (await door.request(press)).status_code == 401
    assert len(door.engine.votes) == 1


@pytest.mark.parametrize("late", [301, -301, 10**6])
async def test_a_request_from_another_time_is_refused(door: Door, late: int) -> None:
    payload = payload_of(door.slack.press("U1", door.pending, "firedoor.approve").body)
    answer = await door.send(door.slack.sign(payload, at=door.clock.seconds() - late))
    assert answer.status == 401
    assert not door.engine.votes


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-signature": "v0=short", "x-slack-request-timestamp": "now"},
        {"x-slack-signature": "v0=" + "0" * 64, "x-slack-request-timestamp": "1"},
    ],
    ids=["none", "no time", "no shape", "stale"],
)
async def test_what_the_headers_can_tell_is_refused_before_the_body_is_read(
    door: Door, headers: dict[str, str]
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"payload=%7B%7D"

    transport = httpx.ASGITransport(door.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://firedoor.test") as client:
        answer = await client.post("/slack/interactions", content=body(), headers=headers)
    assert (answer.status_code, read) == (401, 0)


@pytest.mark.parametrize("late", [299, -299])
async def test_clocks_may_differ_a_little(door: Door, late: int) -> None:
    payload = payload_of(door.slack.press("U1", door.pending, "firedoor.approve").body)
    assert (await door.send(door.slack.sign(payload, at=door.clock.seconds() - late))).done


async def test_two_secrets_live_while_one_is_rotated(door: Door) -> None:
    door.secrets = (b"the next one", SECRET)
    assert (await door.press("U1")).done
    door.secrets = (b"the next one",)
    assert (await door.press("U2")).status == 401


@pytest.mark.parametrize("secrets", [(), (b"",), (b"  ",)])
async def test_secrets_that_vanished_let_nobody_in(door: Door, secrets: tuple[bytes, ...]) -> None:
    door.secrets = secrets
    payload = payload_of(door.slack.press("U1", door.pending, "firedoor.approve").body)
    assert (await door.send(door.slack.sign(payload, secret=b"x"))).status == 401
    assert (await door.send(door.slack.sign(payload, secret=b"\0"))).status == 401


@pytest.mark.parametrize("secrets", [(), (b"",), (b" \n",), (SECRET, b"")])
def test_an_empty_signing_secret_does_not_start(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(Misconfigured, match="signing_secret"):
        slack_router(signing_secrets=lambda: secrets, presses=Door().presses, clock=Clock())


async def test_a_body_that_was_changed_is_refused(door: Door) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    assert (await door.send(Signed(press.body.replace(b"U1", b"U2"), press.headers))).status == 401


@pytest.mark.parametrize("name", ["x-slack-signature", "x-slack-request-timestamp"])
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"v0=",
        b"\xff\xfe",
        "ünicode".encode(),
        b"v0=" + b"g" * 64,
        b"-1",
        b"1e9",
        b"9" * 400,
        b"nan",
        b"\t",
    ],
)
async def test_junk_in_a_header_is_a_401(door: Door, name: str, junk: bytes) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    headers = [
        (key.encode(), junk if key == name else value.encode()) for key, value in press.headers.items()
    ]
    assert await status_of(door, press.body, headers) == 401


@pytest.mark.parametrize("name", ["x-slack-signature", "x-slack-request-timestamp"])
async def test_a_header_that_is_missing_or_doubled_is_a_401(door: Door, name: str) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    headers = [(key.encode(), value.encode()) for key, value in press.headers.items()]
    assert await status_of(door, press.body, [each for each in headers if each[0] != name.encode()]) == 401
    assert (
        await status_of(door, press.body, headers + [each for each in headers if each[0] == name.encode()])
        == 401
    )
    assert not door.engine.votes


_NOW = str(int(Clock().seconds())).encode()
_NAMES = st.sampled_from(
    [b"x-slack-signature", b"x-slack-request-timestamp", b"x-slack-retry-num", b"content-length", b"cookie"]
)
_VALUES = st.one_of(
    st.binary(max_size=80),
    st.just(_NOW),
    st.integers().map(lambda number: str(number).encode()),
    st.floats().map(lambda number: str(number).encode()),
    st.text(alphabet="0123456789abcdefABCDEF٣", min_size=64, max_size=64).map(
        lambda digits: b"v0=" + digits.encode()
    ),
)


@settings(max_examples=300, deadline=None)
@given(headers=st.lists(st.tuples(_NAMES, _VALUES), max_size=6), body=st.binary(max_size=60))
async def test_no_headers_whatever_are_anything_but_a_401(
    headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    door = Door()
    sizes = [value for name, value in headers if name == b"content-length"]
    if any(value.isdigit() and int(value) > 262_144 for value in sizes):
        headers = [
            each for each in headers if each[0] != b"content-length"
        ]  # which is a 413, before all else
    assert await status_of(door, body, headers) == 401
    assert not door.engine.votes


@settings(max_examples=100, deadline=None)
@given(timestamp=st.binary(max_size=30), signature=st.binary(max_size=80))
async def test_no_timestamp_and_signature_whatever_are_anything_but_a_401(
    timestamp: bytes, signature: bytes
) -> None:
    headers = [(b"x-slack-request-timestamp", timestamp), (b"x-slack-signature", signature)]
    assert await status_of(Door(), b"payload=%7B%7D", headers) == 401


async def test_a_signed_body_that_is_no_payload_is_a_400(door: Door) -> None:
    for body in (b"", b"payload=%7B", b"\xff\xfe", b"payload=" + b"%5B" * 60_000):
        door.clock.now += timedelta(seconds=1)
        assert (await door.send(door.slack.sign(body))).status == 400


async def test_a_body_larger_than_slack_sends_is_refused(door: Door) -> None:
    answer = await door.send(door.slack.sign(b"payload=" + b"x" * 262_144))
    assert answer.status == 413


async def status_of(door: Door, body: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """Send raw headers, which an HTTP client would refuse to send."""
    status: list[int] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/slack/interactions",
        "raw_path": b"/slack/interactions",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("firedoor.test", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    await door.app(scope, receive, send)
    return status[0]
