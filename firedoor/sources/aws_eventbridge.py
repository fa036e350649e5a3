"""Amazon EventBridge events from an API destination, handed to the reader of their detector.

An event counts only under the `source` that AWS reserves for the service: anybody with `events:PutEvents`
may send the same `detail-type` under a source of their own. Events nobody reads are ignored, with the
reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from pydantic import Field

from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Finding
from firedoor.sources.access_analyzer import read_access_analyzer
from firedoor.sources.aws_health import read_health
from firedoor.sources.delivery import Delivery, Left, Part, read_parts
from firedoor.sources.forgiving import Fields, MaybeMoment, MaybeText, account, certain, quoted, region
from firedoor.sources.guardduty import read_guardduty
from firedoor.sources.ocsf import read_ocsf
from firedoor.sources.security_hub import SOURCE as SECURITY_HUB
from firedoor.sources.security_hub import place, read_security_hub


class _Envelope(Fields):
    account: Any = None
    detail: Any = None
    detail_type: MaybeText = Field(default=None, validation_alias="detail-type")
    id: MaybeText = None
    region: Any = None
    source: MaybeText = None
    time: MaybeMoment = None


class _Event:
    """One event on its way to its reader: the envelope, and what every reader is told."""

    def __init__(self, payload: Any, *, where: str, raw_sha256: str, received: datetime) -> None:
        self.envelope = _Envelope.read(payload)
        self.detail = self.envelope.detail
        self.uid = self.envelope.id or where
        self.told: dict[str, Any] = {
            "raw_sha256": raw_sha256,
            "received": self.envelope.time or received,
        }

    @property
    def messenger(self) -> dict[str, Any]:
        """The event's own account and region, for those services whose events come from the account itself.

        GuardDuty and Security Hub send a member's finding from the delegated administrator's account, and
        Security Hub from the region that collects: there nobody may ask.
        """
        return {
            "account": certain(account, self.envelope.account, "account"),
            "region": certain(region, self.envelope.region, "region"),
        }


def read(body: Any, headers: Mapping[str, str], raw_sha256: str, received: datetime) -> Delivery:  # noqa: ARG001
    """Read one event, or a list of them; raises `Unreadable` when nothing in it can be read."""
    if isinstance(body, list):
        events = [
            _Event(payload, where=f"events[{index}]", raw_sha256=raw_sha256, received=received)
            for index, payload in enumerate(body)
        ]
        return read_parts(raw_sha256, (part for event in events for part in _parts(event)))
    event = _Event(body, where="event", raw_sha256=raw_sha256, received=received)
    return read_parts(event.envelope.id or raw_sha256, _parts(event))


def _parts(event: _Event) -> Iterator[Part]:
    envelope = event.envelope
    if envelope.source is None or envelope.detail_type is None:
        yield Part(
            event.uid, lambda: _refuse("no source and detail-type", "an event as EventBridge sends it")
        )
        return
    reader = _READERS.get((envelope.source, envelope.detail_type))
    if reader is None:
        event_type = f"{quoted(envelope.source)} with detail-type {quoted(envelope.detail_type)}"
        yield Part(event.uid, lambda: (Left(event.uid, f"no reader for events of {event_type}"),))
        return
    yield from reader(event)


def _guardduty(event: _Event) -> Iterator[Part]:
    yield Part(event.uid, lambda: read_guardduty(event.detail, **event.told))


def _access_analyzer(event: _Event) -> Iterator[Part]:
    yield Part(event.uid, lambda: (read_access_analyzer(event.detail, **event.messenger, **event.told),))


def _health(event: _Event) -> Iterator[Part]:
    yield Part(
        event.uid, lambda: read_health(event.detail, event_id=event.uid, **event.messenger, **event.told)
    )


def _security_hub(event: _Event) -> Iterator[Part]:
    return _each(event, partial(read_security_hub, **event.told))


def _security_hub_ocsf(event: _Event) -> Iterator[Part]:
    return _each(event, partial(read_ocsf, source=SECURITY_HUB, **event.told))


def _each(event: _Event, read_one: Callable[[Any], Iterable[Finding | Left]]) -> Iterator[Part]:
    findings = event.detail.get("findings") if isinstance(event.detail, dict) else None
    findings = [findings] if isinstance(findings, dict) else findings
    if not isinstance(findings, list) or not findings:
        yield Part(event.uid, lambda: _refuse("no findings in detail", "a list in detail.findings"))
        return
    for index, payload in enumerate(findings):
        yield Part(place(payload, index), partial(read_one, payload))


def _refuse(found: str, expected: str) -> NoReturn:
    raise Unreadable(
        found,
        expected=expected,
        mend="send the event as it is, without an input transformer in the EventBridge rule",
    )


_READERS: Mapping[tuple[str, str], Callable[[_Event], Iterator[Part]]] = {
    ("aws.guardduty", "GuardDuty Finding"): _guardduty,
    ("aws.securityhub", "Security Hub Findings - Imported"): _security_hub,
    ("aws.securityhub", "Security Hub Findings - Custom Action"): _security_hub,
    ("aws.securityhub", "Findings Imported V2"): _security_hub_ocsf,
    ("aws.access-analyzer", "Access Analyzer Finding"): _access_analyzer,
    ("aws.access-analyzer", "Unused Access Finding for IAM entities"): _access_analyzer,
    ("aws.access-analyzer", "Internal Access Finding"): _access_analyzer,
    ("aws.health", "AWS Health Event"): _health,
}
