"""Whether a token of the identity provider is genuine, and is meant for us."""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from firedoor.domain.core.errors import FiredoorError, Unavailable
from firedoor.domain.people.identity import Identity

#: No `none`, and nothing symmetric: a public key must never serve as a shared secret.
ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")

_KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
_TYPES: Final = frozenset({None, "jwt", "at+jwt", "application/at+jwt"})
_LEEWAY = 30  # seconds between our clock and the provider's
_LONGEST = 16 * 1024
_MOST_GROUPS = 500
_LATEST = 253_402_300_799  # 9999-12-31; beyond it there is no datetime


class NotGenuine(FiredoorError):
    """A token that is not to be believed. `found` says why without repeating any of it."""


class Keys(Protocol):
    """Where the provider's keys are; the connector implements it."""

    @property
    def issuer(self) -> str:
        """The provider's name for itself."""
        ...

    async def keys(self, kid: str | None = None) -> Mapping[str, Any]:
        """Return the JSON Web Key Set, read again where `kid` is not in it."""
        ...


class Genuine:
    """Reads tokens of one provider; raises `NotGenuine`, or `Unavailable` where its keys cannot be had."""

    def __init__(self, provider: Keys, clock: Callable[[], datetime]) -> None:
        self._provider = provider
        self._clock = clock

    async def id_token(self, token: str, *, client_id: str, nonce: str) -> Mapping[str, Any]:
        """Read the ID token of a sign-in that we asked for with this nonce."""
        claims = await self._claims(token, client_id)
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise NotGenuine("the sign-in answers another question than ours", mend="sign in again")
        party = claims.get("azp")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or party is not None) and party != client_id:
            raise NotGenuine("the sign-in was made for another application")
        return claims

    async def bearer(self, token: str, *, audience: str) -> Mapping[str, Any]:
        """Read an access or ID token that a program sends with a request."""
        claims = await self._claims(token, audience)
        if "events" in claims:
            raise NotGenuine("a token that tells of an event and opens nothing", expected="an access token")
        return claims

    async def _claims(self, token: str, audience: str) -> Mapping[str, Any]:
        kid = _key_id(token)
        keys = _usable(await self._provider.keys(kid))
        try:
            read = jwt.decode(token, keys, registry=_Registry(strict_check_header=False))
            jwt.JWTClaimsRegistry(
                now=int(self._clock().timestamp()),
                leeway=_LEEWAY,
                iss={"essential": True, "value": self._provider.issuer},
                aud={"essential": True, "value": audience},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            ).validate(read.claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            # Its class alone: its words may repeat the token.
            raise NotGenuine(
                f"the token cannot be believed ({type(error).__name__})",
                expected="one that the configured issuer signed for us, and that has not expired",
                mend="get a new one",
            ) from None
        return read.claims


class _Registry(JWSRegistry):
    """Our algorithms alone. joserfc warns of EdDSA's name, which providers still use."""

    def get_alg(self, name: str) -> Any:
        """Return an algorithm of ours; raises for any other."""
        if name not in ALGORITHMS:
            raise NotGenuine("an algorithm that we do not take", expected=f"one of {', '.join(ALGORITHMS)}")
        return self.algorithms[name]


def _key_id(token: str) -> str | None:
    if not token.isascii() or len(token) > _LONGEST or token.count(".") != 2:  # noqa: PLR2004  a JWS has three parts
        raise NotGenuine("what is no token", expected="a signed JSON Web Token")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        raise NotGenuine("what is no token", expected="a signed JSON Web Token") from None
    kid, kind = header.get("kid"), header.get("typ")
    if not isinstance(header.get("alg"), str) or header["alg"] not in ALGORITHMS:
        raise NotGenuine("an algorithm that we do not take", expected=f"one of {', '.join(ALGORITHMS)}")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise NotGenuine("a token of another kind", expected="an ID or access token")
    return kid if isinstance(kid, str) else None


def _usable(published: Mapping[str, Any]) -> KeySet:
    listed = published.get("keys")
    keys = []
    for key in listed if isinstance(listed, list) else ():
        if not isinstance(key, dict) or key.get("kty") not in _KEY_TYPES or key.get("use") == "enc":
            continue
        try:
            keys.extend(KeySet.import_key_set({"keys": [key]}).keys)
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # one key that we cannot read does not spoil the others
    if not keys:
        raise Unavailable(
            "the identity provider publishes no key that we can use", mend="look at its jwks_uri"
        )
    return KeySet(keys)


def groups_of(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """Return the groups that a claim lists; empty where it lists none."""
    told = claims.get(claim)
    listed = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return tuple(group for group in listed[:_MOST_GROUPS] if isinstance(group, str) and group)


def identity_of(claims: Mapping[str, Any], groups_claim: str, at: datetime) -> Identity:
    """Name who a token speaks of, with the groups that it lists as of `at`."""
    return Identity(kind="oidc", keys=(str(claims["sub"]),), groups=groups_of(claims, groups_claim), at=at)


def moment_of(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Return a claim that is a moment; None where it is none."""
    told = claims.get(name)
    if isinstance(told, bool) or not isinstance(told, (int, float)) or not math.isfinite(told):
        return None
    return datetime.fromtimestamp(told, UTC) if 0 <= told <= _LATEST else None
