"""The names that gateway, workflows and activities agree on to meet in Temporal."""

from __future__ import annotations

from typing import Literal, Protocol

from firedoor.domain.canonical import digest
from firedoor.domain.finding import Finding
from firedoor.domain.value import Value

#: Workflows and the house's own activities.
TASK_QUEUE = "firedoor"

#: The workflow, and the messages it takes.
RESPOND = "respond"
JOIN = "join"  # update: a finding that brings a fact; refused without history when it brings none
JOIN_SIGNAL = "join_later"  # signal: the same when no worker answers
VOTE = "vote"
VOTE_SIGNAL = "vote_later"
UNDO = "undo"
REPORT = "report"

#: Activities of the house itself; an action's are `<action>.apply`, `.verify`, `.undo`.
PLAN = "plan"
WATCH = "watch"
SEAL = "evidence.seal"
SHOW = "desk.show"

#: Search attributes, all Keyword. None carries a secret or personal data.
SEARCH_ATTRIBUTES = ("Status", "Playbook", "PlaybookHash", "Incident", "Account", "Severity")

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


def incident_key(playbook: str, account: str | None, incident: str) -> str:
    """Return the identity of an incident: 64 hex digits over playbook, account and the playbook's own key."""
    return digest({"playbook": playbook, "account": account or "", "incident": incident})


def workflow_id(playbook: str, key: str) -> str:
    """Return the workflow id of a response: the same incident is the same response."""
    return f"respond/{playbook}/{key[:32]}"
