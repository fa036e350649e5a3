"""Telling: the short form of a ledger's entries, for reports and for what lies in the evidence store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from firedoor.domain.response.bounds import weight
from firedoor.domain.response.ledger import Entry

#: The entries of a report, as JSON.
MOST_TOLD = 320_000
_MOST_DATA = 6_000  # bytes of the data of one entry that is told whole
_NAMES = 50  # steps of a plan that are named
_SAYS = 100  # characters of an entry where there are very many
_OF_FINDING = ("uid", "source", "type", "severity")
_OF_ASK = ("id", "kind", "generation", "plan_sha256", "escalated", "confirmed", "deadline", "requester")
_OF_VOTE = ("id", "decision", "door", "reason", "comment", "fingerprint", "break_glass")


def short(entry: Entry) -> Entry:
    """Return an entry without its bulk: findings, plans and asks are named. What decides later stays."""
    data = dict(entry.data)
    if isinstance(finding := data.get("finding"), dict):
        data["finding"] = {key: _cut(finding.get(key)) for key in _OF_FINDING}
    if isinstance(plan := data.get("plan"), dict):
        data["plan"] = _plan(plan, data.pop("same", None)) if entry.kind == "planned" else {"id": entry.step}
    if isinstance(ask := data.get("ask"), dict):
        data["ask"] = {key: ask[key] for key in _OF_ASK if key in ask}
    if isinstance(steps := data.get("steps"), list):
        data["steps"] = steps[:_NAMES]
    if weight(data) > _MOST_DATA:
        data = _least(data)
    return entry if data == entry.data else entry.model_copy(update={"data": data})


def _cut(value: Any) -> JsonValue:
    return value[:200] if isinstance(value, str) else None


def _plan(plan: dict[str, Any], same: Any) -> dict[str, JsonValue]:
    ids = [step.get("id") for step in plan.get("steps") or () if isinstance(step, dict)]
    ids += [id_ for id_ in (same if isinstance(same, list) else ()) if id_ not in ids]
    return {"steps": [{"id": id_} for id_ in ids[:_NAMES]]}


def _least(data: dict[str, Any]) -> dict[str, Any]:
    """Keep what later entries are held against: which ask, as what, who said what, what was asked for."""
    vote, request = data.get("vote"), data.get("request")
    if isinstance(vote, dict):
        person = (vote.get("voter") or {}).get("person")
        data = data | {"vote": {key: vote.get(key) for key in _OF_VOTE} | {"voter": {"person": person}}}
    if isinstance(request, dict):
        data = data | {
            "request": {key: request.get(key) for key in ("id", "person", "why") if key in request}
        }
    kept = (
        "ask",
        "state",
        "vote",
        "request",
        "outcome",
        "unsure",
        "playbook",
        "received",
        "caution",
        "source",
    )
    return {key: value for key, value in data.items() if key in kept or weight(value) < _SAYS}


def fitted(entries: Sequence[Entry], size: int) -> tuple[Entry, ...]:
    """Return short entries as a report takes them; `size` is how many bytes they are.

    Where they are too many, each is told in few words; the oldest after the first go last.
    """
    if size <= MOST_TOLD or len(entries) < 2:  # noqa: PLR2004 - the first and another
        return tuple(entries)
    told = [entries[0], *(_in_few_words(entry) for entry in entries[1:])]
    while len(told) > 2 and weight(told) > MOST_TOLD:  # noqa: PLR2004 - likewise
        told = [told[0], *told[1 + max(1, len(told) // 8) :]]
    return tuple(told)


def _in_few_words(entry: Entry) -> Entry:
    data = {
        key: value
        for key, value in entry.data.items()
        if key in ("ask", "state", "request", "outcome", "unsure")
    }
    return entry.model_copy(update={"says": entry.says[:_SAYS], "data": data})
