"""The names and shapes that gateway, workflows and activities agree on to meet in Temporal."""

from __future__ import annotations

from typing import Literal, Protocol

from firedoor.domain.finding import Finding
from firedoor.domain.value import Value

#: Workflows and the house's own activities.
TASK_QUEUE = "firedoor"

RESPOND = "respond"


class Joined(Value):
    """One response that a finding started or joined; durable in Temporal when returned."""

    id: str
    playbook: str
    status: str
    joined: bool  # True: it was there before this delivery


class Dismissed(Value):
    """A finding that nothing acts on, and why."""

    finding: str  # its uid
    reason: str


class Intake(Value):
    """The gateway's answer to one delivery of one or more findings."""

    responses: tuple[Joined, ...] = ()
    dismissed: tuple[Dismissed, ...] = ()


class Responses(Protocol):
    """What intake needs of the engine; the gateway's Temporal side implements it."""

    async def take(self, finding: Finding, *, source: str) -> Intake:
        """Match playbooks and start or join their responses; return only when Temporal holds them.

        `source` is the configured name of the door (`sources:` in firedoor.yaml).
        Raises `Unavailable` when Temporal did not take it: the caller answers 503.
        """
        ...


Status = Literal[
    "planning",
    "awaiting_approval",
    "containing",
    "contained",
    "unverified",
    "reverted",
    "failed",
    "stuck",
    "undone",
    "dismissed",
    "closed",
]
