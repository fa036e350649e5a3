"""Who sends a request to the HTTP API: a personal token, or one of the identity provider."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from firedoor.domain.finding.finding import Moment
from firedoor.domain.people.identity import Identity
from firedoor.gateway.api.token_check import Genuine, NotGenuine, identity_of, moment_of
from firedoor.gateway.decisions.membership import NotKnown

_HEADER: Final = re.compile(r"[Bb]earer +([!-~]{1,16384})", re.ASCII)
_SIGNED: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", re.ASCII)
_LONGEST_OF_OURS: Final = 512


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What the HTTP API needs to take tokens of the identity provider: for whom they must be made."""

    genuine: Genuine
    audience: str
    groups_claim: str = "groups"


class Bearers:
    """Reads the one Authorization header; raises `NotKnown` where it names nobody."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens
        kinds = "a personal token" if tokens is None else "a personal token, or one of the identity provider"
        self._expected = f"Authorization: Bearer and {kinds}"

    async def identity(self, request: Request, now: Moment) -> Identity:
        """Return who a request proves to be; of a personal token only the hash goes any further."""
        given = request.headers.getlist("authorization")
        match = _HEADER.fullmatch(given[0]) if len(given) == 1 else None
        if match is None:
            raise NotKnown("no bearer token", expected=self._expected)
        token = match[1]
        if self._tokens is not None and _SIGNED.fullmatch(token):
            return await self._signed(self._tokens, token, now)
        if len(token) > _LONGEST_OF_OURS:
            raise NotKnown("what is no token", expected=self._expected)
        return Identity(kind="token", keys=(hashlib.sha256(token.encode()).hexdigest(),))

    async def _signed(self, tokens: Tokens, token: str, now: Moment) -> Identity:
        try:
            claims = await tokens.genuine.bearer(token, audience=tokens.audience)
        except NotGenuine as error:
            raise NotKnown(error.found, expected=error.expected, mend=error.mend) from None
        # What it lists of groups was true when it was made, not when it is sent.
        at = moment_of(claims, "iat") or now
        return identity_of(claims, tokens.groups_claim, min(at, now))
