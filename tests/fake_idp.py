"""A strict identity provider for tests: discovery, sign-in with PKCE, tokens, keys that rotate, userinfo."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeyParameters, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "firedoor", "a secret/of the + client"


#: Making one takes a tenth of a second.
_FIRST = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})


class _Anything(JWSRegistry):
    """Signs with whatever an attacker likes."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


class FakeIdp:
    """One provider with one person at its keyboard.

    `user` is who signs in when asked (None: nobody is there); `signed_in_at` when they last did.
    `change` may forge the claims of the next ID tokens. Refuses what a strict provider refuses.
    """

    def __init__(self, issuer: str, redirect_uri: str, clock: Callable[[], datetime]) -> None:
        self.issuer = issuer
        self.redirect_uri = redirect_uri
        self.clock = clock
        self.user: str | None = "sub-alice"
        self.signed_in_at: int | None = None
        self.groups: Mapping[str, tuple[str, ...]] = {}
        self.groups_in_token = True
        self.obeys_max_age = True
        self.change: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.asked: list[dict[str, str]] = []
        self.calls: list[str] = []
        self.down = False
        self.userinfo_about: str | None = None  # whom userinfo tells of, whoever asks
        self.key: Key = _FIRST
        self.published: list[Key] = [self.key]
        self._codes: dict[str, dict[str, Any]] = {}
        self._access: dict[str, str] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
                Route("/userinfo", self._userinfo),
            ]
        )

    # ---- what a test does ------------------------------------------------------------

    def rotate(self, *, algorithm: str = "RS256") -> None:
        """Sign with a new key from now on, and publish it beside the old one."""
        self.key = self._new_key(algorithm)
        self.published.append(self.key)

    def bearer(
        self,
        sub: str = "sub-alice",
        *,
        alg: str = "",
        key: Key | None = None,
        typ: str | None = "at+jwt",
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Make a token for the HTTP API, good in everything that is not said otherwise; None leaves out."""
        now = int(self.clock().timestamp())
        told = {"iss": self.issuer, "sub": sub, "aud": CLIENT, "iat": now, "exp": now + 300, **claims}
        told = {name: value for name, value in told.items() if value is not None}
        return self._signed(told, alg=alg, key=key, header={"typ": typ, **(header or {})})

    # ---- what a browser and a client do ----------------------------------------------

    async def _discovery(self, _: Request) -> Response:
        self.calls.append("discovery")
        if self.down:
            return PlainTextResponse("no", 503)
        base = self.issuer.rstrip("/")
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/jwks",
                "userinfo_endpoint": f"{base}/userinfo",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        if (asked.get("client_id"), asked.get("redirect_uri")) != (CLIENT, self.redirect_uri):
            return PlainTextResponse("unknown client or address", 400)
        wrong = (
            asked.get("response_type") != "code"
            or "openid" not in asked.get("scope", "").split()
            or asked.get("code_challenge_method") != "S256"
            or len(asked.get("code_challenge", "")) != 43
            or not asked.get("state")
            or not asked.get("nonce")
        )
        if wrong:
            return self._back(asked, error="invalid_request")
        prompt = asked.get("prompt", "")
        now = int(self.clock().timestamp())
        fresh = self.obeys_max_age and (prompt == "login" or asked.get("max_age") == "0")
        if self.user is None or (prompt == "none" and self.signed_in_at is None):
            return self._back(asked, error="login_required" if prompt == "none" else "access_denied")
        if self.signed_in_at is None or fresh:
            self.signed_in_at = now
        code = secrets.token_urlsafe(24)
        self._codes[code] = {**asked, "sub": self.user, "auth_time": self.signed_in_at}
        return self._back(asked, code=code, iss=self.issuer)

    def _back(self, asked: Mapping[str, str], **more: str) -> Response:
        query = urlencode({"state": asked.get("state", ""), **more})
        return RedirectResponse(f"{self.redirect_uri}?{query}", 302)

    async def _token(self, request: Request) -> Response:
        self.calls.append("token")
        if self.down:
            return PlainTextResponse("no", 503)
        form = dict(parse_qsl((await request.body()).decode()))
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        name, _, secret = (
            base64.b64decode(given).decode().partition(":") if scheme == "Basic" else ("", "", "")
        )
        if (unquote(name), unquote(secret)) != (CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        known = self._codes.pop(form.get("code", ""), None)
        challenge = _text(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            known is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != known["redirect_uri"]
            or challenge != known["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": known["sub"],
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": known["nonce"],
            "auth_time": known["auth_time"],
        }
        if self.groups_in_token:
            claims["groups"] = list(self.groups.get(known["sub"], ()))
        access = secrets.token_urlsafe(24)
        self._access[access] = known["sub"]
        return JSONResponse(
            {
                "access_token": access,
                "token_type": "Bearer",
                "id_token": self._signed(self.change(claims), alg="", key=None, header={"typ": "JWT"}),
            }
        )

    async def _jwks(self, _: Request) -> Response:
        self.calls.append("jwks")
        if self.down:
            return PlainTextResponse("no", 503)
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.published]})

    async def _userinfo(self, request: Request) -> Response:
        sub = self._access.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if sub is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        sub = self.userinfo_about or sub
        return JSONResponse({"sub": sub, "groups": list(self.groups.get(sub, ()))})

    def _signed(self, claims: dict[str, Any], *, alg: str, key: Key | None, header: Mapping[str, Any]) -> str:
        key = key or self.key
        alg = alg or {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA", "oct": "HS256"}[key.key_type]
        told = {"alg": alg, "kid": key.kid, **header}
        return jwt.encode(
            {name: value for name, value in told.items() if value is not None},
            claims,
            key,
            registry=_Anything(strict_check_header=False),
        )

    @staticmethod
    def _new_key(algorithm: str = "RS256") -> Key:
        kid: KeyParameters = {"kid": secrets.token_hex(4), "use": "sig"}
        if algorithm == "ES256":
            return ECKey.generate_key("P-256", kid)
        if algorithm == "EdDSA":
            return OKPKey.generate_key("Ed25519", kid)
        return RSAKey.generate_key(2048, kid)


def signed_with_the_public_key(key: Any, claims: Mapping[str, Any]) -> str:
    """Sign with the public key, taken for a shared secret: what a library that trusts `alg` would believe."""
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    signed = ".".join(_text(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_text(hmac.digest(key.as_pem(private=False), signed.encode(), 'sha256'))}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
