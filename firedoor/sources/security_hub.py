"""AWS Security Hub CSPM findings in ASFF, many in one event.

- `source` is `aws.security_hub`, whichever product made the finding.
- `type` is the control id (`S3.2`) where Security Hub's own checks made it; for the other products of AWS the
  first of ASFF's `Types` that names a detection, as it stands there (a GuardDuty import:
  `TTPs/UnauthorizedAccess:IAMUser-TorIPCaller`, `TTPs/AttackSequence:IAM/CompromisedCredentials`); for
  everybody else's `product/<ProductName>/<GeneratorId>`, for their `Types` are mere categories. Only
  Security Hub's own product is believed about controls. The old standards' ids (`PCI.S3.2`, CIS `2.7`) count
  differently and are not translated.
- Each resource is in the account and region of its ARN, else where it says itself, else where the finding is.
  The event's own account is the administrator's and is not asked.
- Several keys or principals are a finding for each, under the same `uid`.
- Settled findings are ignored, samples are tests: see `security_hub_states`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from firedoor.domain.finding.finding import Actor, Finding, Severity
from firedoor.sources.delivery import Left
from firedoor.sources.forgiving import address, build, needed, text
from firedoor.sources.placing import account_of, by_actor, distinct, region_of
from firedoor.sources.security_hub_fields import AsffFinding
from firedoor.sources.security_hub_resources import principals, resources
from firedoor.sources.security_hub_states import is_test, settled

SOURCE = "aws.security_hub"

#: GuardDuty's own documentation writes one colon before `product`; nobody else's ARN can be `product/aws/…`.
_OWN_PRODUCT = re.compile(r"arn:aws[a-z-]*:securityhub:[a-z0-9-]*:{1,2}product/aws/securityhub")
_AWS_PRODUCT = re.compile(r"arn:aws[a-z-]*:securityhub:[a-z0-9-]*:{1,2}product/aws/[a-z0-9-]+")
_CONTROL = re.compile(r"[A-Z][A-Za-z0-9]*\.[0-9]+")
_REMOTE = ("remoteipdetails/ipaddressv4", "remoteipdetails/ipaddressv6")
_LABELS = {severity.name: severity for severity in Severity}


def read_security_hub(payload: Any, *, raw_sha256: str, received: datetime) -> Iterator[Finding | Left]:
    """Read one ASFF finding; it is told once for each of its actors."""
    seen = AsffFinding.read(payload)
    uid = needed(seen.id, "Id", "the finding's Id")
    if reason := settled(seen):
        yield Left(uid, reason)
        return
    type_ = needed(_type(seen), "Types", "a control id, at least one entry in Types, or a GeneratorId")
    modified = seen.updated_at or seen.last_observed_at or seen.created_at or received
    last_seen = seen.last_observed_at or modified
    account, region = seen.aws_account_id, seen.region
    ips = tuple(dict.fromkeys(_source_ips(seen)))
    owned = principals(seen, ips)
    others = [part for part in resources(seen) if all(part not in own for own in owned.values())]
    for actor, beside in by_actor(distinct(tuple(owned)), others, account, Actor(source_ips=ips)):
        parts = (*owned.get(actor, ()), *beside)
        yield build(
            uid=uid,
            source=SOURCE,
            type=type_,
            title=seen.title or seen.description or type_,
            severity=_severity(seen),
            confidence=_confidence(seen.confidence),
            account=account_of(actor, parts, account),
            region=region_of(parts, region),
            resources=parts,
            actor=actor,
            first_seen=seen.first_observed_at or seen.created_at or last_seen,
            last_seen=last_seen,
            modified=modified,
            url=seen.source_url if (seen.source_url or "").startswith("https://") else None,
            raw_sha256=raw_sha256,
            is_test=is_test(seen),
        )


def _type(seen: AsffFinding) -> str | None:
    product = seen.product_arn or ""
    if _OWN_PRODUCT.fullmatch(product):
        generator = (seen.generator_id or "").rpartition("/")[2]
        for control in (seen.compliance.security_control_id, seen.product_fields.get("ControlId"), generator):
            if isinstance(control, str) and _CONTROL.fullmatch(control):
                return control
    types = seen.types or seen.finding_provider_fields.types
    name = seen.product_name or product.rpartition("/")[2]
    rule = seen.generator_id or next(iter(types), None)
    if name and rule and not (types and _AWS_PRODUCT.fullmatch(product)):
        return f"product/{name}/{rule}"[:4096]
    return next((one for one in types if ":" in one), types[0] if types else None)


def _severity(seen: AsffFinding) -> Severity:
    provided = seen.finding_provider_fields.severity
    for told in (seen.severity, provided):
        if severity := _LABELS.get((told.label or "").upper()):
            return severity
    normalized = seen.severity.normalized if seen.severity.normalized is not None else provided.normalized
    value = needed(normalized, "Severity", "Severity.Label or Severity.Normalized")
    # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html
    for floor, severity in (
        (90, Severity.CRITICAL),
        (70, Severity.HIGH),
        (40, Severity.MEDIUM),
        (1, Severity.LOW),
    ):
        if value >= floor:
            return severity
    return Severity.INFORMATIONAL


def _confidence(percent: float | None) -> float | None:
    return percent / 100 if percent and 0 <= percent <= 100 else None  # noqa: PLR2004


def _source_ips(seen: AsffFinding) -> Iterator[str]:
    action = seen.action
    for remote in (
        action.aws_api_call_action.remote_ip_details,
        action.network_connection_action.remote_ip_details,
        *(probe.remote_ip_details for probe in action.port_probe_action.port_probe_details),
    ):
        yield from filter(None, (remote.address, remote.address_v6))
    for key, value in seen.product_fields.items():
        if key.lower().endswith(_REMOTE) and (ip := address(value)):
            yield ip
    yield from filter(None, (endpoint.ip for endpoint in seen.detection.sequence.endpoints))


def place(payload: Any, index: int) -> str:
    """What to call a finding in an answer: its Id, or its place in the event."""
    found = payload if isinstance(payload, dict) else {}
    info = found.get("finding_info")
    uid = found.get("Id") or (info.get("uid") if isinstance(info, dict) else None)
    return text(uid) or f"findings[{index}]"
