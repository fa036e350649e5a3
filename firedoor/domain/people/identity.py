"""Identity: who somebody has proven to be at a door, before anyone knows which person that is."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import Field

from firedoor.domain.approval.vote import Voter
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment


class Identity(Value):
    """What a door has proven: an account, a token or a subject. Never a name or an e-mail.

    keys:   slack: `team/user`, by enterprise and by workspace; token: the SHA-256 of a personal token;
            oidc: the subject; person: the id in people.yaml, for somebody a signed session names.
    groups: what the identity provider's own claim says, as of `at`; only for `oidc`.
    """

    kind: Literal["slack", "token", "oidc", "person"]
    keys: tuple[str, ...] = Field(min_length=1)
    groups: tuple[str, ...] = ()
    at: Moment | None = None

    def __str__(self) -> str:
        """Name it for an audit line; a token's hash says nothing to a reader and stays out."""
        return (
            f"the {self.kind} account {self.keys[0]}"
            if self.kind in ("slack", "oidc")
            else f"this {self.kind}"
        )


class Directory(Protocol):
    """Who is who, and in which groups, now. What is stale or cannot be read means no."""

    async def voter(self, identity: Identity) -> Voter:
        """Return the person behind an identity with the groups of this minute.

        Raises `Absent` where it is nobody's, `Unavailable` where a directory cannot be read.
        """
        ...

    async def person(self, person: str) -> Voter:
        """Return a person by their id, likewise."""
        ...
