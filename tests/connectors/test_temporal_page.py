"""Temporal's page is passed on for reading: nothing that writes reaches it, no cookie comes from it."""

from __future__ import annotations

import httpx
import pytest

from firedoor.connectors.temporal_page import TemporalPage


class Upstream:
    """Temporal's page as a function; remembers what it was asked."""

    def __init__(self, answer: httpx.Response | Exception) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def through(upstream: Upstream, method: str, path: str, **headers: str) -> httpx.Response:
    page = TemporalPage("http://127.9.9.9:1", transport=httpx.MockTransport(upstream))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=page), base_url="http://localhost:8233")
    async with client:
        return await client.request(method, path, headers=headers)


async def test_what_is_read_comes_through_with_its_query_and_its_type() -> None:
    upstream = Upstream(httpx.Response(200, json={"executions": []}, headers={"etag": "x"}))
    answer = await through(upstream, "GET", "/api/v1/namespaces/firedoor/workflows?query=a%20b%2Fc")
    assert answer.json() == {"executions": []}
    assert answer.headers["etag"] == "x"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-frame-options"] == "DENY"
    assert upstream.asked[0].url.raw_path == b"/api/v1/namespaces/firedoor/workflows?query=a%20b%2Fc"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "terminate"])
async def test_what_writes_never_reaches_temporal(method: str) -> None:
    upstream = Upstream(httpx.Response(200))
    answer = await through(upstream, method, "/api/v1/namespaces/firedoor/workflows/x/terminate")
    assert answer.status_code == 405
    assert upstream.asked == []


async def test_no_cookie_passes_in_either_direction() -> None:
    upstream = Upstream(httpx.Response(200, headers={"set-cookie": "_csrf=secret"}))
    answer = await through(upstream, "GET", "/", cookie="_csrf=secret", **{"x-csrf-token": "secret"})
    assert "set-cookie" not in answer.headers
    assert not {"cookie", "x-csrf-token"} & set(upstream.asked[0].headers)


async def test_the_page_is_told_that_it_is_for_reading() -> None:
    upstream = Upstream(httpx.Response(200, json={"Version": "2.54.1", "DisableWriteActions": False}))
    answer = await through(upstream, "GET", "/api/v1/settings")
    assert answer.json() == {"Version": "2.54.1", "DisableWriteActions": True}


async def test_a_page_that_does_not_answer_is_said_plainly() -> None:
    answer = await through(Upstream(httpx.ConnectError("refused")), "GET", "/")
    assert (answer.status_code, answer.text) == (502, "Temporal's page does not answer (ConnectError)\n")


async def test_an_address_that_is_none_is_answered_so() -> None:
    upstream = Upstream(httpx.Response(200))
    answer = await through(upstream, "GET", "http://localhost:8233//evil.example/")
    assert answer.status_code == 404
    assert upstream.asked == []


async def test_the_settings_spelled_otherwise_are_whatever_temporal_says_they_are() -> None:
    upstream = Upstream(httpx.Response(200, text="<!doctype html>", headers={"content-type": "text/html"}))
    assert (await through(upstream, "GET", "/%61pi/v1/settings")).text == "<!doctype html>"
