"""OCSF 1.x Detection Finding (class 2004).

- `uid` is `finding_info.uid`. `type` is the product's own name for it: `metadata.event_code` (Prowler's
  check id), else the first of `finding_info.types`, else the analytic's name or uid.
- `source` is `metadata.product.uid`, else its name in lower case with `_` for what is not a letter or
  digit.
- Unknown and other severities (`severity_id` 0 and 99) are informational: nothing acts on a guess.
- Closed, suppressed, resolved, archived and deleted findings are ignored, and so are passed and manual
  checks (`status_code` PASS, MANUAL).
- Times are epoch milliseconds (seconds are recognised), or their `_dt` siblings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, Field

from firedoor.domain.errors import Unreadable
from firedoor.domain.finding import Actor, Finding, Resource, Severity
from firedoor.findings.aws_names import arn, function_name, principal
from firedoor.findings.delivery import Left
from firedoor.findings.forgiving import (
    Count,
    Fields,
    MaybeAccount,
    MaybeAddress,
    MaybeMoment,
    MaybeNumber,
    MaybeText,
    Parts,
    Prose,
    Texts,
    build,
    needed,
    prose,
    quoted,
    thing,
)

DETECTION_FINDING = 2004

_ACTIVITY_CLOSE = 3
_SETTLED = {3: "suppressed", 4: "resolved", 5: "archived", 6: "deleted"}
_SETTLED_WORDS = frozenset(_SETTLED.values())
_NOT_FAILED = frozenset(("PASS", "MANUAL"))
_SEVERITIES = dict(enumerate(Severity, start=1))
_WORDS = {severity.value: severity for severity in Severity}
_KINDS = {
    "awss3bucket": "AWS::S3::Bucket",
    "awsiamuser": "AWS::IAM::User",
    "awsiamrole": "AWS::IAM::Role",
    "awsiamaccesskey": "AWS::IAM::AccessKey",
    "awslambdafunction": "AWS::Lambda::Function",
    "awsec2securitygroup": "AWS::EC2::SecurityGroup",
    "awsec2instance": "AWS::EC2::Instance",
}


class _Info(Fields):
    created: MaybeMoment = Field(
        default=None, validation_alias=AliasChoices("created_time", "created_time_dt")
    )
    desc: Prose = ""
    first_seen: MaybeMoment = Field(
        default=None, validation_alias=AliasChoices("first_seen_time", "first_seen_time_dt")
    )
    last_seen: MaybeMoment = Field(
        default=None, validation_alias=AliasChoices("last_seen_time", "last_seen_time_dt")
    )
    modified: MaybeMoment = Field(
        default=None, validation_alias=AliasChoices("modified_time", "modified_time_dt")
    )
    src_url: MaybeText = None
    title: Prose = ""
    types: Texts = ()
    uid: MaybeText = None


class _Named(Fields):
    name: MaybeText = None
    uid: MaybeText = None


class _Metadata(Fields):
    event_code: MaybeText = None
    product: _Named = _Named()


class _Account(Fields):
    uid: MaybeAccount = None


class _Cloud(Fields):
    account: _Account = _Account()
    region: MaybeText = None


class _User(Fields):
    credential_uid: MaybeText = None
    email_addr: MaybeText = None
    name: MaybeText = None
    type: MaybeText = None
    uid: MaybeText = None


class _Actor(Fields):
    user: _User = _User()


class _Endpoint(Fields):
    ip: MaybeAddress = None


class _Evidence(Fields):
    actor: _Actor = _Actor()
    src_endpoint: _Endpoint = _Endpoint()


class _Tag(Fields):
    name: MaybeText = None
    value: Prose = ""


class _Resource(Fields):
    name: MaybeText = None
    region: MaybeText = None
    tags: Parts[_Tag] = ()
    type: MaybeText = None
    uid: MaybeText = None


class _Finding(Fields):
    activity_id: MaybeNumber = None
    actor: _Actor = _Actor()
    analytic: _Named = Field(default=_Named())
    class_uid: MaybeNumber = None
    cloud: _Cloud = _Cloud()
    confidence_score: MaybeNumber = None
    count: Count = 1
    evidences: Parts[_Evidence] = ()
    finding_info: _Info = _Info()
    message: Prose = ""
    metadata: _Metadata = _Metadata()
    resources: Parts[_Resource] = ()
    severity: MaybeText = None
    severity_id: MaybeNumber = None
    src_endpoint: _Endpoint = _Endpoint()
    status: MaybeText = None
    status_code: MaybeText = None
    status_id: MaybeNumber = None
    time: MaybeMoment = Field(default=None, validation_alias=AliasChoices("time", "time_dt"))


def read_ocsf(
    payload: Any,
    *,
    raw_sha256: str,
    received: datetime,
    source: str | None = None,
    account: str | None = None,
    region: str | None = None,
) -> Finding | Left:
    """Read one finding; the arguments are the envelope's, used where it says nothing itself."""
    seen = _Finding.read(payload)
    if seen.class_uid != DETECTION_FINDING:
        raise Unreadable(
            "an OCSF event of another class",
            expected=f"class_uid {DETECTION_FINDING}, Detection Finding",
            mend="send detection findings only",
        )
    info = seen.finding_info
    uid = needed(info.uid, "finding_info.uid", "the finding's unique id")
    if reason := _settled(seen):
        return Left(uid, reason)
    type_ = (
        seen.metadata.event_code or next(iter(info.types), None) or seen.analytic.name or seen.analytic.uid
    )
    type_ = needed(type_, "metadata.event_code", "metadata.event_code, finding_info.types or analytic.name")
    modified = info.modified or info.last_seen or seen.time or info.created or received
    account = seen.cloud.account.uid or account
    region = seen.cloud.region or region
    return build(
        uid=uid,
        source=source or _source(seen.metadata.product),
        type=type_,
        title=info.title or seen.message or type_,
        severity=_severity(seen),
        confidence=_confidence(seen.confidence_score),
        account=account,
        region=region,
        resources=tuple(_resource(part, account, region) for part in seen.resources if part.uid),
        actor=_actor(seen),
        first_seen=info.first_seen or info.created or modified,
        last_seen=info.last_seen or modified,
        modified=modified,
        count=seen.count,
        url=info.src_url if (info.src_url or "").startswith("https://") else None,
        raw_sha256=raw_sha256,
        is_test=info.title.startswith("[SAMPLE]"),
    )


def _settled(seen: _Finding) -> str | None:
    if seen.activity_id == _ACTIVITY_CLOSE:
        return "closed by its detector"
    word = _SETTLED.get(int(seen.status_id or 0)) or (seen.status or "").lower()
    if word in _SETTLED_WORDS:
        return f"{word} by its detector"
    if (seen.status_code or "").upper() in _NOT_FAILED:
        return f"the check's result is {quoted(seen.status_code)}, not a failure"
    return None


def _severity(seen: _Finding) -> Severity:
    told = _SEVERITIES.get(int(seen.severity_id or 0)) or _WORDS.get((seen.severity or "").lower())
    return told or Severity.INFORMATIONAL


def _confidence(score: float | None) -> float | None:
    return score / 100 if score is not None and 0 <= score <= 100 else None  # noqa: PLR2004


def _source(product: _Named) -> str:
    if product.uid:
        return product.uid
    return re.sub(r"[^a-z0-9]+", "_", (product.name or "generic").lower()).strip("_") or "generic"


def _resource(part: _Resource, account: str | None, region: str | None) -> Resource:
    uid = part.uid or ""
    parts = arn(uid)
    kind = part.type or "Other"
    return thing(
        kind=_KINDS.get(re.sub(r"[^a-z0-9]", "", kind.lower()), kind),
        uid=uid,
        name=part.name or function_name(uid) or (parts.name if parts else prose(uid)),
        account=(parts.account if parts else None) or account,
        region=part.region or region,
        attributes={"tags": {tag.name: tag.value for tag in part.tags if tag.name}},
    )


def _actor(seen: _Finding) -> Actor:
    users = (seen.actor.user, *(evidence.actor.user for evidence in seen.evidences))
    user = next((one for one in users if one.uid or one.name or one.credential_uid), _User())
    actor = principal(
        kind=user.type,
        uid=user.uid,
        name=user.name,
        key=user.credential_uid,
        source_ips=tuple(dict.fromkeys(_source_ips(seen))),
    )
    return actor.model_copy(update={"email": user.email_addr}) if user.email_addr else actor


def _source_ips(seen: _Finding) -> Iterator[str]:
    for endpoint in (seen.src_endpoint, *(evidence.src_endpoint for evidence in seen.evidences)):
        if endpoint.ip:
            yield endpoint.ip
