"""The names that gateway, workflows and activities agree on to meet in Temporal."""

from __future__ import annotations

from typing import Literal, Protocol

from firedoor.domain.core.canonical import digest
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Finding

#: Workflows and the house's own activities.
TASK_QUEUE = "firedoor"

#: The workflow, and the messages it takes.
RESPOND = "respond"
JOIN = "join"  # update: a finding that brings a fact; refused without history when it brings none
JOIN_SIGNAL = "join_later"  # signal: the same when no worker answers
SPILL = "spill"  # signal: hashes of findings that came when the response was full
VOTE = "vote"
VOTE_SIGNAL = "vote_later"
UNDO = "undo"
UNDO_SIGNAL = "undo_later"
SNOOZE = "snooze"
REASSIGN = "reassign"
LEARN_KEY = "learn_key"  # update: a gateway whose key is newer than the response asks to be known
REPORT = "report"

#: The on-call desk: one workflow a channel, the single writer of its messages.
DESK = "desk"
BOARD = "board"  # query: all that it knows, also after it was ended by force
TELL = "tell"  # signal: a response has something to show
FROZEN = "frozen"  # signal: the kill switch was thrown, or released
GATHER = "gather"  # update: freeze the set of asks that one digest line stands for
VOTE_ALL = "vote_all"  # update: one word about every ask of a frozen set

#: The kill switch: one workflow, which every hand asks before it touches the world.
CLEARANCE = "clearance"
CLEARANCE_ID = "clearance"
FREEZE = "freeze"  # update
THAW = "thaw"  # update
FREEZES = "freezes"  # query
CLEARANCE_STATE = "state"  # query: all that it holds; what is left of one that was ended by force
WAIT = "wait"  # signal to it: a parked response wants to be woken by the thaw
THAWED = "thawed"  # signal from it to a parked response: how many are woken with it

#: What an update is refused with whose word is signed by a key that the workflow does not know, or by none.
FOREIGN_KEY = "ForeignKey"
UNSIGNED = "Unsigned"
#: A short workflow that says whether a worker can do its work; for /readyz.
PROBE = "probe"
EXAMINE = "probe.examine"  # activity

#: Activities of the house itself; an action's are `<action>.apply`, `.verify`, `.undo`.
PLAN = "plan"
WATCH = "watch"
SEAL = "evidence.seal"
KEEP = "evidence.keep"  # a part of a long ledger, until it is sealed
CARRIED = "carried"  # query: all that a run knows, also of one that was ended from outside
CONFIRM = "people.confirm"
KEYS = "gateway.keys"  # which gateways a worker knows
SHOW = "desk.show"  # a response hands the desk a notice
WRITE = "desk.write"  # the desk writes one message
CAST = "desk.cast"  # the desk hands a vote about many to each of them
IS_FROZEN = "clearance.is_frozen"  # why nothing may be changed in some places; "" where it may

#: Search attributes, all Keyword. None carries a secret or personal data.
SEARCH_ATTRIBUTES = ("Status", "Playbook", "PlaybookHash", "Incident", "Account", "Severity", "Review")

Status = Literal[
    "planning",
    "awaiting_approval",
    "containing",
    "contained",
    "unverified",
    "reverted",
    "parked",
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


def incident_key(playbook: str, account: str | None, incident: str, region: str | None = None) -> str:
    """Return the identity of an incident: 64 hex digits over playbook, place and the playbook's own key.

    `region` is None where the key is a name that no second region can have.
    """
    place = {"account": account or "", **({"region": region} if region else {})}
    return digest({"playbook": playbook, **place, "incident": incident})


def desk_id(channel: str) -> str:
    """Return the workflow id of the desk of a channel."""
    return f"desk/{channel}"


def workflow_id(playbook: str, key: str) -> str:
    """Return the workflow id of a response: the same incident is the same response."""
    return f"respond/{playbook}/{key[:32]}"
