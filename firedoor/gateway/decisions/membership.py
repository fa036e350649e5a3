"""Membership: whoever looks at responses has to be a person in the directory, too."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from firedoor.domain.approval.vote import Voter
from firedoor.domain.core.errors import Absent, FiredoorError, Unavailable
from firedoor.domain.people.identity import Directory, Identity
from firedoor.gateway.intake.refusal import Refusal

#: How old the groups may be that an identity provider's claims list when a vote is cast.
CLAIMS_FOR: Final = timedelta(seconds=60)

_WITHIN = 5.0  # seconds


class NotKnown(Refusal):
    """Nobody, or nobody any more."""

    status, error = HTTPStatus.UNAUTHORIZED, "unauthenticated"


def stale(identity: Identity, now: datetime) -> bool:
    """Whether what an identity provider said of somebody is too old to vote with."""
    return identity.kind == "oidc" and (identity.at is None or now - identity.at > CLAIMS_FOR)


async def member(directory: Directory, identity: Identity) -> Voter:
    """Return the person behind an identity; a vote looks them up once more.

    Raises `NotKnown` where it is nobody's, `Unavailable` where the directory cannot be read.
    """
    try:
        async with asyncio.timeout(_WITHIN):
            return await directory.voter(identity)
    except Absent:
        raise NotKnown(
            f"{identity} belongs to nobody in the directory of people",
            expected="somebody in config/people.yaml",
            mend="Ask an administrator to add you (firedoor people link).",
        ) from None
    except (FiredoorError, OSError, ValueError) as error:  # a timeout is an OSError
        why = error.found if isinstance(error, FiredoorError) else type(error).__name__
        raise Unavailable(
            f"the directory of people cannot be read ({why})",
            mend="Try again in a moment; `firedoor doctor` tells what is wrong.",
        ) from None
