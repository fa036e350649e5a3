"""An OpenID Connect provider as we speak to it: discovery, keys, the exchange of a code, userinfo."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from firedoor.domain.core.errors import FiredoorError, Misconfigured, Rejected, Unavailable

Document = Mapping[str, Any]

_WITHIN = 5.0  # seconds for one call
_MOST = 1024 * 1024  # bytes of one answer
_DISCOVERED_FOR = 3600.0  # seconds
_KEYS_FOR = 3600.0
_UNKNOWN_KEY_EVERY = 60.0  # a token with a made-up key id must not make us hammer the provider
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_OK, _REFUSED, _TOO_MANY, _SERVER_ERROR = 200, 400, 429, 500
_MOST_OF_A_CODE = 60


class OidcProvider:
    """One provider and our account with it.

    `client_secret` is read anew for every exchange; None for a public client, which PKCE protects.
    `transport` is for tests. What a token says, and whether it is true, is not decided here.
    Raises `Unavailable` where the provider gives no answer, `Rejected` where it says no,
    `Misconfigured` where it is not the one that the configuration names.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: Callable[[], str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        there = urlsplit(issuer)
        if there.scheme not in ("https", "http") or not there.hostname:
            raise Misconfigured(
                "oidc.issuer cannot be used", expected="a URL such as https://login.example.com"
            )
        if there.scheme == "http" and there.hostname not in _LOOPBACK:
            raise Misconfigured(
                "oidc.issuer is not https",
                expected="https://…; plain http is for this machine alone",
                mend="whoever is on the way could sign in as anybody",
            )
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self._monotonic = monotonic
        self._transport = transport
        self._scheme = there.scheme
        self._direct = there.hostname in _LOOPBACK
        self._discovered: tuple[float, Document] | None = None
        self._keys: tuple[float, Document] | None = None
        self._asked_for_unknown = -_UNKNOWN_KEY_EVERY

    async def metadata(self) -> Document:
        """Return the provider's own description, an hour old at the most."""
        if self._discovered and self._monotonic() - self._discovered[0] < _DISCOVERED_FOR:
            return self._discovered[1]
        told = await self._ask("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != self.issuer:
            raise Misconfigured(
                "the identity provider calls itself something else than oidc.issuer",
                expected="the same text, to the last slash",
                mend="copy `issuer` from its /.well-known/openid-configuration",
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._endpoint(told, name)
        self._discovered = (self._monotonic(), told)
        return told

    async def keys(self, kid: str | None = None) -> Document:
        """Return the JSON Web Key Set; for a key id that is not in it, read again once a minute at most."""
        now = self._monotonic()
        if self._keys and now - self._keys[0] < _KEYS_FOR:
            known = kid is None or any(key.get("kid") == kid for key in _listed(self._keys[1]))
            if known or now - self._asked_for_unknown < _UNKNOWN_KEY_EVERY:
                return self._keys[1]
            self._asked_for_unknown = now
        told = await self._ask("GET", self._endpoint(await self.metadata(), "jwks_uri"))
        self._keys = (now, told)
        return told

    async def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> Document:
        """Trade an authorization code for tokens; `verifier` is PKCE's."""
        described = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": self.client_id,
        }
        auth: httpx.BasicAuth | None = None
        if self._client_secret is not None:
            ways = described.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            if "client_secret_basic" in ways:
                # RFC 6749 2.3.1: both are form-encoded before they are put together.
                auth = httpx.BasicAuth(quote(self.client_id, safe=""), quote(self._client_secret(), safe=""))
            else:
                form["client_secret"] = self._client_secret()
        return await self._ask("POST", self._endpoint(described, "token_endpoint"), data=form, auth=auth)

    async def userinfo(self, access_token: str) -> Document:
        """Return the claims of whose token this is; empty where the provider has no such address."""
        described = await self.metadata()
        if not described.get("userinfo_endpoint"):
            return {}
        endpoint = self._endpoint(described, "userinfo_endpoint")
        return await self._ask("GET", endpoint, headers={"authorization": f"Bearer {access_token}"})

    def _endpoint(self, described: Document, name: str) -> str:
        url = described.get(name)
        there = urlsplit(url) if isinstance(url, str) else None
        safe = there is not None and there.hostname and there.scheme in ("https", self._scheme)
        if not safe or not isinstance(url, str):
            raise Misconfigured(
                f"the identity provider's {name} cannot be used",
                expected="an https URL in its discovery document",
            )
        return url

    async def _ask(self, method: str, url: str, **more: Any) -> Document:
        """Make one call. What was sent and what came back is never repeated: both may hold a secret."""
        headers = {"accept": "application/json", **more.pop("headers", {})}
        try:
            async with (
                httpx.AsyncClient(
                    timeout=_WITHIN,
                    follow_redirects=False,
                    trust_env=not self._direct,
                    transport=self._transport,
                ) as client,
                client.stream(method, url, headers=headers, **more) as answer,
            ):
                body = await _bounded(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(
                f"the identity provider gives no answer ({type(error).__name__})",
                mend="try again; a personal token signs in without it",
            ) from None
        told = _json(body)
        if answer.status_code != _OK:
            raise _refusal(answer.status_code, told)
        if not isinstance(told, dict):
            raise Unavailable("the identity provider answered what is not JSON", mend="look at oidc.issuer")
        return told


async def _bounded(answer: httpx.Response) -> bytes:
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _MOST:
            raise Unavailable("the identity provider's answer has no end")
    return body


def _listed(keys: Document) -> list[Mapping[str, Any]]:
    listed = keys.get("keys")
    return [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _refusal(status: int, told: object) -> FiredoorError:
    code = str(told.get("error", "")) if isinstance(told, dict) else ""
    code = code[:_MOST_OF_A_CODE] if code.replace("_", "").isalnum() and code.isascii() else ""
    if status == _TOO_MANY or status >= _SERVER_ERROR or status < _REFUSED:
        return Unavailable(f"the identity provider answers {status}", code=code, mend="try again")
    return Rejected(f"the identity provider says no ({code or status})", code=code, mend="sign in again")
