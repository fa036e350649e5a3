"""OCSF 1.x findings: Compliance (class 2003), Detection (2004) and Data Security Finding (2006).

- `uid` is `finding_info.uid`. `type` is the product's own name for it: the control of a compliance finding
  (`S3.8`), `metadata.event_code` (Prowler's check id), the first of `finding_info.types` that names a
  detection (`UnauthorizedAccess:IAMUser/TorIPCaller`), `Exposure`, else the first of the types, the
  analytic's name or uid.
- `source` is `metadata.product.uid`, else its name in lower case with `_` for what is not a letter or
  digit. What Security Hub passes on of products that are not AWS's is `product/<name>/<type>`.
- Unknown and other severities (`severity_id` 0 and 99) are informational: nothing acts on a guess.
- Each resource is in the account and region of its ARN, else of its owner, else of the finding. Several
  principals are a finding for each, under the same `uid`.
- Settled findings and those of other classes are ignored, samples are tests: see `ocsf_states`.
- Times are epoch milliseconds (seconds are recognised), or their `_dt` siblings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from firedoor.domain.finding.finding import Actor, Finding, Resource, Severity
from firedoor.sources.delivery import Left
from firedoor.sources.forgiving import build, needed, quoted
from firedoor.sources.ocsf_fields import OcsfFinding, Product
from firedoor.sources.ocsf_resources import principals, resources
from firedoor.sources.ocsf_states import is_test, settled
from firedoor.sources.placing import account_of, by_actor, distinct, region_of

COMPLIANCE_FINDING = 2003
DETECTION_FINDING = 2004
DATA_SECURITY_FINDING = 2006

_READ = frozenset((COMPLIANCE_FINDING, DETECTION_FINDING, DATA_SECURITY_FINDING))
_SEVERITIES = dict(enumerate(Severity, start=1))
_WORDS = {severity.value: severity for severity in Severity}
_DETECTION = re.compile(r"[A-Za-z]+:[A-Za-z0-9]+/.+")
_HUB_PRODUCT = re.compile(r"arn:aws[a-z-]*:securityhub:[a-z0-9-]*::product(v2)?/aws/(?P<name>[a-z0-9-]+)")


def read_ocsf(
    payload: Any, *, raw_sha256: str, received: datetime, source: str | None = None
) -> Iterator[Finding | Left]:
    """Read one finding; it is told once for each of its actors. `source` is who passed it on, if anybody."""
    seen = OcsfFinding.read(payload)
    info = seen.finding_info
    class_uid = needed(
        seen.class_uid or (seen.type_uid or 0) // 100 or None, "class_uid", "the class of an OCSF event"
    )
    if class_uid not in _READ:
        called = f" ({quoted(seen.class_name)})" if seen.class_name else ""
        says = f"OCSF class {class_uid:g}{called} is none that is answered: 2003, 2004 and 2006 are"
        yield Left(info.uid or seen.metadata.uid or f"class {class_uid:g}", says)
        return
    uid = needed(info.uid or seen.metadata.uid, "finding_info.uid", "the finding's unique id")
    touched = resources(seen)
    reason: str | None = settled(seen)
    if reason is None and class_uid == DATA_SECURITY_FINDING and not touched:
        reason = "a data security finding that names no bucket"
    type_ = _type(seen, source)
    if reason is None and type_ is None:
        reason = "it tells no type: no event_code, no types, no analytic"
    if reason or type_ is None:
        yield Left(uid, reason or "")
        return
    ips = tuple(dict.fromkeys(_source_ips(seen)))
    owned = principals(seen, ips)
    others = [part for part in touched if all(part not in own for own in owned.values())]
    account = seen.cloud.account.uid
    for actor, beside in by_actor(distinct(tuple(owned)), others, account, Actor(source_ips=ips)):
        yield _finding(
            seen,
            actor,
            (*owned.get(actor, ()), *beside),
            uid=uid,
            type=type_,
            source=source or _source(seen.metadata.product),
            raw_sha256=raw_sha256,
            received=received,
        )


def _finding(
    seen: OcsfFinding, actor: Actor, parts: tuple[Resource, ...], *, received: datetime, **named: str
) -> Finding:
    info = seen.finding_info
    modified = info.modified or info.last_seen or seen.time or info.created or received
    return build(
        **named,
        title=info.title or seen.message or named["type"],
        severity=_severity(seen),
        confidence=_confidence(seen.confidence_score),
        account=account_of(actor, parts, seen.cloud.account.uid),
        region=region_of(parts, seen.cloud.region),
        resources=parts,
        actor=actor,
        first_seen=info.first_seen or info.created or modified,
        last_seen=info.last_seen or modified,
        modified=modified,
        count=seen.count,
        url=info.src_url if (info.src_url or "").startswith("https://") else None,
        is_test=is_test(seen),
    )


def _type(seen: OcsfFinding, passed_on_by: str | None) -> str | None:
    product = seen.metadata.product
    hub = _HUB_PRODUCT.fullmatch(product.uid or "")
    control = seen.compliance.control
    own = seen.metadata.event_code or control
    if passed_on_by is None:
        return own or _told_type(seen)
    # Who is not AWS may not call its findings what AWS calls its own.
    if hub is None and (product.uid or _foreign(product)):
        told = own or _told_type(seen)
        return f"product/{product.name or product.uid or product.vendor_name}/{told}"[:4096] if told else None
    if control and (hub is None or hub["name"].startswith("securityhub")):
        return control
    return _told_type(seen) or seen.metadata.event_code


def _foreign(product: Product) -> bool:
    """Whether its vendor says that it is somebody other than AWS."""
    vendor = (product.vendor_name or "").strip().lower()
    return vendor != "" and vendor not in ("aws", "amazon", "amazon web services")


def _told_type(seen: OcsfFinding) -> str | None:
    types = seen.finding_info.types
    analytics = (seen.finding_info.analytic, seen.analytic)
    if detection := next((one for one in types if _DETECTION.fullmatch(one)), None):
        return detection
    if any(one.name == "Exposure" for one in analytics) or "Exposure" in (seen.metadata.product.name or ""):
        return "Exposure"
    return next((one for one in (*types[:1], *(one.name or one.uid for one in analytics)) if one), None)


def _severity(seen: OcsfFinding) -> Severity:
    told = _SEVERITIES.get(int(seen.severity_id or 0)) or _WORDS.get((seen.severity or "").lower())
    return told or Severity.INFORMATIONAL


def _confidence(score: float | None) -> float | None:
    return score / 100 if score is not None and 0 <= score <= 100 else None  # noqa: PLR2004


def _source(product: Product) -> str:
    if product.uid:
        return product.uid
    return re.sub(r"[^a-z0-9]+", "_", (product.name or "generic").lower()).strip("_") or "generic"


def _source_ips(seen: OcsfFinding) -> Iterator[str]:
    for endpoint in (seen.src_endpoint, *(evidence.src_endpoint for evidence in seen.evidences)):
        if endpoint.ip:
            yield endpoint.ip
