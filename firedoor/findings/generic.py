"""Findings of any sender that speaks one of three forms: our Finding, OCSF, or a CloudEvent around either.

- Our Finding, as `firedoor.domain.finding` describes it; unknown keys are refused. `raw_sha256` is ours to
  fill, `source` is `generic` where it is missing, and one of `modified`, `last_seen` and `first_seen` is
  enough.
- OCSF 2004 is recognised by `class_uid`.
- CloudEvents 1.0, structured (`specversion` in the body) or binary (`ce-specversion` in the headers);
  `data` or `data_base64` holds the finding. Its `time` stands in for a missing one.
- A list is a batch of any of these.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from firedoor.domain.canonical import MAX_INTEGER
from firedoor.domain.errors import Unreadable
from firedoor.domain.finding import Finding
from firedoor.findings.delivery import Delivery, Left, Part, read_parts
from firedoor.findings.forgiving import build, moment, text
from firedoor.findings.json_reader import read_json
from firedoor.findings.ocsf import read_ocsf

SOURCE = "generic"

_TIMES = ("modified", "last_seen", "first_seen")


def read(body: Any, headers: Mapping[str, str], raw_sha256: str, received: datetime) -> Delivery:
    """Read one finding or a list of them; raises `Unreadable` when nothing in it can be read."""
    uid, time = headers.get("webhook-id") or raw_sha256, None
    if "ce-specversion" in headers:
        uid = _event_uid(headers.get("ce-source"), headers.get("ce-id")) or uid
        time = moment(headers.get("ce-time"))
    elif isinstance(body, dict) and "specversion" in body:
        uid = _event_uid(text(body.get("source")), text(body.get("id"))) or uid
    payloads = body if isinstance(body, list) else [body]
    return read_parts(
        uid,
        (
            Part(
                _place(payload, index),
                partial(_read_one, payload, raw_sha256=raw_sha256, received=received, time=time),
            )
            for index, payload in enumerate(payloads)
        ),
    )


def _event_uid(source: str | None, event_id: str | None) -> str | None:
    """CloudEvents: `source` and `id` together identify an event."""
    return f"{source} {event_id}" if source and event_id else None


def _place(payload: Any, index: int) -> str:
    uid = text(payload.get("uid")) if isinstance(payload, dict) else None
    return uid or f"findings[{index}]"


def _read_one(
    payload: Any, *, raw_sha256: str, received: datetime, time: datetime | None
) -> tuple[Finding | Left, ...]:
    if isinstance(payload, dict) and "specversion" in payload:
        time = moment(payload.get("time")) or time
        payload = _data(payload)
    if not isinstance(payload, dict):
        raise Unreadable(
            "something other than a JSON object where a finding should be",
            expected="a finding, an OCSF Detection Finding, or a CloudEvent around one",
            mend="see the reference of the generic source",
        )
    if "class_uid" in payload:
        return (read_ocsf(payload, raw_sha256=raw_sha256, received=time or received),)
    return (_finding(payload, raw_sha256=raw_sha256, time=time),)


def _data(event: dict[str, Any]) -> Any:
    if event.get("specversion") != "1.0":
        raise Unreadable(
            "a CloudEvent of another version", expected='specversion "1.0"', mend="send CloudEvents 1.0"
        )
    if isinstance(event.get("data_base64"), str):
        try:
            return read_json(base64.b64decode(event["data_base64"], validate=True))
        except (binascii.Error, ValueError):
            raise Unreadable(
                "data_base64 that is not Base64",
                expected="Base64 of a JSON finding",
                mend="send it in data instead",
            ) from None
    return event.get("data")


def _finding(payload: dict[str, Any], *, raw_sha256: str, time: datetime | None) -> Finding:
    known = next((payload[name] for name in _TIMES if payload.get(name) is not None), time)
    if known is None:
        raise Unreadable(
            "a finding without a time",
            expected="modified, last_seen or first_seen, in ISO 8601 with a zone",
            mend="add modified: it tells a new version of a finding from a redelivery",
        )
    if _oversized(payload.get("resources")):
        raise Unreadable(
            "a whole number beyond 2**53 in resources",
            expected="numbers JSON can carry exactly",
            mend="send it as a string",
        )
    times = {name: known for name in _TIMES if payload.get(name) is None}
    return build(**{"source": SOURCE, **payload, **times, "raw_sha256": raw_sha256})


def _oversized(value: Any) -> bool:
    """Whether a whole number is in it that canonical JSON (RFC 8785) cannot carry."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, int) and abs(one) > MAX_INTEGER:
            return True
    return False
