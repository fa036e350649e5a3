"""Ledger: what happened in a response, append-only, written before and after every touch of the world."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, JsonValue

from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment

EntryKind = Literal[
    "received",  # the finding and the playbook that answers it
    "joined",  # a later finding that brought a fact
    "planned",  # every step plan, with consequences
    "asked",  # an approval was opened or escalated
    "voted",  # a vote that counted
    "voided",  # a vote that no longer counts when everyone was looked up again
    "reminded",  # people were reminded of an open ask
    "snoozed",  # somebody put the reminder off
    "reassigned",  # somebody asked somebody else to look
    "glass",  # one named person acted alone, with a written reason
    "reviewed",  # others looked at a broken glass, or did not in time
    "decided",  # granted, rejected or expired
    "begun",  # the world is about to be touched
    "applied",  # the change was made, and verified or not yet
    "verified",  # it is really contained
    "unverified",  # the vendor's settling time is over and it is not
    "failed",  # not heard done; taken back all the same, for that does not prove it was not
    "parked",  # the kill switch is thrown: it waits for the thaw, or for the close
    "settled",  # begun, and nothing of ours is there: it was so already, or it was refused
    "moved",  # a later fact reaches further than what was done: it is to do again
    "drifted",  # the world differs from what was planned, or from what we wrote
    "reverted",  # somebody re-opened what was contained
    "undo_requested",
    "undoing",
    "undone",
    "stuck",  # it could not be given back; a human is needed
    "noted",
    "closed",
]


class Entry(Value):
    """One thing that happened. `step` is the planned step's id where it is about one."""

    at: Moment
    kind: EntryKind
    says: str
    step: str | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)


#: The entries after which something is still to be said of a step.
UNFINISHED: frozenset[str] = frozenset({"begun", "parked"})
#: The entries that settle a begun step at the close of a response.
SETTLING: frozenset[str] = frozenset(
    {"applied", "verified", "unverified", "failed", "settled", "undone", "stuck"}
)
_PAID_BY: frozenset[str] = frozenset({"settled", "undone", "parked"})


def is_unsure(entry: Entry) -> bool:
    """Whether a step was parked after an earlier try that may have touched the world."""
    return entry.kind == "parked" and entry.data.get("unsure") is True


def owed(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Step ids that are left to undo, newest first.

    A begun step is owed whatever became of it, until it is undone or known to
    have left nothing of ours behind.
    """
    begun: dict[str, bool] = {}
    for entry in entries:
        if entry.step is None:
            continue
        if entry.kind == "begun":
            begun.pop(entry.step, None)
            begun[entry.step] = True
        elif entry.kind in _PAID_BY and entry.step in begun and not is_unsure(entry):
            begun[entry.step] = False
    return tuple(step for step, open_ in reversed(begun.items()) if open_)


def unsettled(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Step ids that were begun or parked and about which nothing has been said since."""
    last: dict[str, str] = {}
    for entry in entries:
        if entry.step is not None and (entry.kind in UNFINISHED or entry.kind in SETTLING):
            last[entry.step] = entry.kind
    return tuple(step for step, kind in last.items() if kind in UNFINISHED)
