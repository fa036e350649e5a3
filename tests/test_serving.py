"""Who a request comes from, behind a proxy and without one."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request

from firedoor.app.gateway import server_of


@pytest.mark.parametrize(
    ("proxies", "peer", "seen"),
    [
        (["10.0.0.0/8"], "10.1.2.3", "203.0.113.9"),
        (["10.1.2.3"], "10.1.2.3", "203.0.113.9"),
        (["10.0.0.0/8"], "192.0.2.1", "192.0.2.1"),
        ([], "10.1.2.3", "10.1.2.3"),
        ([], "127.0.0.1", "127.0.0.1"),
    ],
)
async def test_a_client_is_who_a_trusted_proxy_says_and_what_anybody_else_says_counts_for_nothing(
    proxies: list[str], peer: str, seen: str
) -> None:
    app = FastAPI()

    @app.get("/")
    async def who(request: Request) -> str:
        assert request.client is not None
        return request.client.host

    config = server_of(app, "127.0.0.1", 0, proxies).config
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=(peer, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://firedoor") as client:
        told = {"x-forwarded-for": "198.51.100.7, 203.0.113.9"}
        assert (await client.get("/", headers=told)).json() == seen
