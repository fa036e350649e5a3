"""A page for this machine alone is neither read nor written by the pages of other sites."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from firedoor.loopback import LoopbackOnly


async def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.method} done")


APP = LoopbackOnly(Starlette(routes=[Route("/", _answer, methods=["GET", "POST"])]))


async def ask(method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=APP), base_url="http://127.0.0.1:1"
    ) as client:
        return await client.request(method, "/", headers=headers)


@pytest.mark.parametrize("host", ["127.0.0.1:8233", "localhost", "LOCALHOST:9", "[::1]:8233"])
async def test_a_name_of_this_machine_is_let_through(host: str) -> None:
    assert (await ask(host=host)).text == "GET done"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8233",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "evil.example#127.0.0.1",
        "evil.example@127.0.0.1",
        "127.0.0.1:8233, evil.example",
        "127.0.0.1:8233/evil.example",
        "127.0.0.1 evil.example",
        "localhost.",
        "192.0.2.1:8233",
        "",
        "[::1",
    ],
)
async def test_the_name_of_a_site_that_resolves_to_this_machine_is_refused(host: str) -> None:
    answer = await ask(host=host)
    assert answer.status_code == 403
    assert "this machine alone" in answer.text


async def test_a_page_of_its_own_and_a_program_may_write() -> None:
    assert (await ask("POST")).text == "POST done"
    assert (await ask("POST", host="localhost:8090", origin="http://localhost:8090")).text == "POST done"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:9999", "null", "http://localhost"]
)
async def test_a_page_of_another_site_may_not_write(origin: str) -> None:
    answer = await ask("POST", host="localhost:8090", origin=origin)
    assert answer.status_code == 403
    assert "another site" in answer.text
