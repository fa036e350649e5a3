"""Findings of any sender that speaks one of three forms: our Finding, OCSF, or a CloudEvent around either.

- Our Finding, as `firedoor.domain.finding.finding` describes it; unknown keys are refused. `raw_sha256` is
  ours to fill, `source` is `generic` where it is missing, and one of `modified`, `last_seen` and
  `first_seen` is enough.
- OCSF is recognised by `class_uid`.
- What is none of the three is refused, and a vendor's own form is called by its name.
- A resource is in the account and region of its ARN where it names none itself; where both are told they
  have to agree. A finding without an account takes the one on which its actor and resources agree.
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

from firedoor.domain.core.canonical import MAX_INTEGER
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Finding, Resource
from firedoor.sources import marks
from firedoor.sources.aws_names import arn
from firedoor.sources.delivery import Delivery, Left, Part, read_parts
from firedoor.sources.foreign import foreign, vendor
from firedoor.sources.forgiving import build, certain, moment, quoted, region, text
from firedoor.sources.json_reader import read_json
from firedoor.sources.ocsf import read_ocsf
from firedoor.sources.placing import account_of, region_of

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
    if "class_uid" in payload or ("type_uid" in payload and "finding_info" in payload):
        return tuple(read_ocsf(payload, raw_sha256=raw_sha256, received=time or received))
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
    if not _means_a_finding(payload):
        raise foreign(payload)
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
    return _placed(build(**{"source": SOURCE, **payload, **times, "raw_sha256": raw_sha256}))


def _means_a_finding(payload: dict[str, Any]) -> bool:
    """Whether it is a Finding, or one with a mistake in it: then the mistake is named."""
    own = set(Finding.model_fields)
    if payload and payload.keys() <= own:
        return True
    return vendor(payload) is None and ("uid" in payload or len(payload.keys() & own) > 2)  # noqa: PLR2004


def _placed(finding: Finding) -> Finding:
    """Tell of every resource, and of the finding, where it is, as far as names tell."""
    resources = tuple(_placed_resource(part) for part in finding.resources)
    return finding.model_copy(
        update={
            "resources": resources,
            "account": finding.account or account_of(finding.actor, resources, None),
            "region": certain(region, finding.region, "region") or region_of(resources, None),
            "is_test": finding.is_test or marks.titled(finding.title, finding.type) or _sampled(finding),
        }
    )


def _placed_resource(part: Resource) -> Resource:
    parts = arn(part.uid)
    if parts and parts.account and part.account and parts.account != part.account:
        raise Unreadable(
            f"a resource in account {quoted(part.account)} whose ARN says {quoted(parts.account)}",
            expected="one account for one resource",
            mend="leave account out where the ARN tells it",
        )
    where = {"account": part.account or (parts.account if parts else None)}
    told = (parts.region if parts else None) or certain(region, part.region, "a resource's region")
    return part.model_copy(update={**where, "region": told})


def _sampled(finding: Finding) -> bool:
    actor = finding.actor
    return marks.named((actor.access_key_id, actor.user_name, actor.role_name, actor.uid)) or marks.named(
        name for part in finding.resources if part.kind != "AWS::S3::Object" for name in (part.uid, part.name)
    )


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
