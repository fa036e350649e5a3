"""The identity provider as we speak to it: whom we believe, how often we ask, and what we never repeat."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from firedoor.connectors.oidc import OidcProvider
from firedoor.domain.core.errors import FiredoorError, Misconfigured, Rejected, Unavailable

ISSUER = "https://login.example.com/tenant"
SECRET = "s3cret/with +signs"
KEYS = {"keys": [{"kid": "one", "kty": "RSA"}]}

Answer = Callable[[httpx.Request], httpx.Response]


class Provider:
    """A provider that answers what a test says, and what it was asked."""

    def __init__(self, **described: Any) -> None:
        self.asked: list[httpx.Request] = []
        self.now = 1000.0
        self.described: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            **described,
        }
        self.answers: dict[str, Answer | httpx.Response] = {"/keys": httpx.Response(200, json=KEYS)}
        self.client = OidcProvider(
            issuer=ISSUER,
            client_id="a client",
            client_secret=lambda: SECRET,
            monotonic=lambda: self.now,
            transport=httpx.MockTransport(self._answer),
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path.endswith("/.well-known/openid-configuration"):
            return httpx.Response(200, json=self.described)
        answer = next(told for path, told in self.answers.items() if request.url.path.endswith(path))
        return answer(request) if callable(answer) else answer

    def count(self, path: str) -> int:
        return sum(request.url.path.endswith(path) for request in self.asked)

    async def exchange(self) -> Mapping[str, Any]:
        return await self.client.exchange(
            code="the-code", verifier="the-verifier", redirect_uri="https://us/cb"
        )


@pytest.mark.parametrize("issuer", ["http://login.example.com", "ftp://x", "login.example.com", ""])
def test_a_provider_that_anybody_on_the_way_could_play_is_refused(issuer: str) -> None:
    with pytest.raises(Misconfigured):
        OidcProvider(issuer=issuer, client_id="x")


def test_a_provider_on_this_machine_may_be_plain() -> None:
    OidcProvider(issuer="http://127.0.0.1:9000", client_id="x")


@pytest.mark.parametrize("told", [f"{ISSUER}/", "https://evil.test", None, 7])
async def test_a_provider_has_to_call_itself_what_the_configuration_says(told: object) -> None:
    with pytest.raises(Misconfigured, match="calls itself something else"):
        await Provider(issuer=told).client.metadata()


@pytest.mark.parametrize("url", ["http://login.example.com/token", "", None, "/token", "javascript:x"])
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_an_endpoint_without_https_is_not_used(name: str, url: object) -> None:
    with pytest.raises(Misconfigured, match=name):
        await Provider(**{name: url}).client.metadata()


async def test_what_the_provider_says_of_itself_is_asked_once_an_hour() -> None:
    provider = Provider()
    for _ in range(3):
        await provider.client.metadata()
    assert len(provider.asked) == 1
    provider.now += 3601
    await provider.client.metadata()
    assert len(provider.asked) == 2


async def test_an_unknown_key_is_asked_for_once_a_minute_and_a_known_one_never() -> None:
    provider = Provider()
    for kid in ("one", None, "two", "three", "four"):
        assert await provider.client.keys(kid) == KEYS
    assert provider.count("/keys") == 2
    provider.now += 61
    await provider.client.keys("one")
    assert provider.count("/keys") == 2
    await provider.client.keys("two")
    await provider.client.keys("three")
    assert provider.count("/keys") == 3


async def test_keys_are_forgotten_after_an_hour_even_where_the_provider_is_away() -> None:
    provider = Provider()
    await provider.client.keys("one")
    provider.answers["/keys"] = httpx.Response(503)
    provider.now += 3599
    await provider.client.keys("one")
    provider.now += 2
    with pytest.raises(Unavailable):
        await provider.client.keys("one")


async def test_the_secret_goes_into_the_header_and_the_code_into_the_body() -> None:
    provider = Provider()
    provider.answers["/token"] = httpx.Response(200, json={"id_token": "x"})
    await provider.exchange()
    request = provider.asked[-1]
    form = dict(parse_qsl(request.content.decode()))
    given = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert given == "a%20client:s3cret%2Fwith%20%2Bsigns"
    assert (form["code"], form["code_verifier"], form["grant_type"]) == (
        "the-code",
        "the-verifier",
        "authorization_code",
    )
    assert "client_secret" not in form
    assert SECRET not in str(request.url)


async def test_the_secret_goes_into_the_body_where_the_provider_takes_it_only_there() -> None:
    provider = Provider(token_endpoint_auth_methods_supported=["client_secret_post"])
    provider.answers["/token"] = httpx.Response(200, json={})
    await provider.exchange()
    assert dict(parse_qsl(provider.asked[-1].content.decode()))["client_secret"] == SECRET
    assert "authorization" not in provider.asked[-1].headers


async def test_a_public_client_has_no_secret() -> None:
    provider = Provider()
    provider.answers["/token"] = httpx.Response(200, json={})
    provider.client = OidcProvider(
        issuer=ISSUER, client_id="a client", transport=httpx.MockTransport(provider._answer)
    )
    await provider.exchange()
    assert "authorization" not in provider.asked[-1].headers


def _hangs_up(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError(f"could not send {SECRET} the-code")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(400, json={"error": "invalid_grant", "error_description": SECRET}), Rejected),
        (httpx.Response(401, json={"error": f"<b>{SECRET}"}), Rejected),
        (httpx.Response(403, text=SECRET), Rejected),
        (httpx.Response(429), Unavailable),
        (httpx.Response(500, text=SECRET), Unavailable),
        (httpx.Response(302, headers={"location": "https://evil.test/"}), Unavailable),
        (httpx.Response(200, text=f"<html>{SECRET}"), Unavailable),
        (httpx.Response(200, json=[SECRET]), Unavailable),
        (httpx.Response(200, content=b"x" * 2_000_000), Unavailable),
        (_hangs_up, Unavailable),
    ],
)
async def test_an_error_repeats_neither_what_was_sent_nor_what_came_back(
    answer: Any, kind: type[FiredoorError]
) -> None:
    provider = Provider()
    provider.answers["/token"] = answer
    with pytest.raises(kind) as error:
        await provider.exchange()
    told = f"{error.value} {error.value.__cause__}"
    assert SECRET not in told
    assert "the-code" not in told
    assert len(provider.asked) == 2, "no redirect was followed and nothing was sent twice"


async def test_a_provider_without_userinfo_tells_nothing_more() -> None:
    provider = Provider()
    assert await provider.client.userinfo("token") == {}
    provider = Provider(userinfo_endpoint=f"{ISSUER}/userinfo")
    provider.answers["/userinfo"] = lambda request: httpx.Response(
        200, json={"sub": request.headers["authorization"]}
    )
    assert await provider.client.userinfo("token") == {"sub": "Bearer token"}
