"""Finding: what every detector's payload becomes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue

from firedoor.domain.value import Value


class Severity(StrEnum):
    """OCSF 1.x `severity`: informational < low < medium < high < critical < fatal."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    FATAL = "fatal"

    @property
    def rank(self) -> int:
        """OCSF `severity_id`: 1 informational … 6 fatal; what expressions compare."""
        return list(Severity).index(self) + 1

    @property
    def urgency(self) -> int:
        """Temporal's `priority_key`: 1 first (critical and fatal) … 5 last."""
        return max(1, 6 - self.rank)


class PrincipalKind(StrEnum):
    """Who acted; the names follow CloudTrail's `userIdentity.type` where it has one."""

    IAM_USER = "iam_user"
    ASSUMED_ROLE = "assumed_role"
    FEDERATED_USER = "federated_user"
    ROOT = "root"
    AWS_ACCOUNT = "aws_account"
    AWS_SERVICE = "aws_service"
    PERSON = "person"
    UNKNOWN = "unknown"


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, such as 2026-11-22T02:14:07Z")
    return moment


Moment = Annotated[datetime, AfterValidator(_aware)]
Text = Annotated[str, Field(max_length=4096)]


class Resource(Value):
    """One thing the finding is about.

    `kind` is the CloudFormation type name (`AWS::S3::Bucket`), for anything
    outside AWS `<vendor>::<thing>` (`GitHub::Repository`). `uid` is the ARN
    where there is one, else the vendor's id. `attributes` holds facts such as
    `tags` (a map), `classification`, `port`.
    """

    kind: Text
    uid: Text
    name: Text = ""
    account: Text | None = None
    region: Text | None = None
    attributes: dict[str, JsonValue] = Field(default_factory=dict)


class Actor(Value):
    """The principal whose credential or session the finding is about."""

    kind: PrincipalKind = PrincipalKind.UNKNOWN
    uid: Text | None = None  # the principal id, such as AIDA… or AROA…:session
    user_name: Text | None = None  # the IAM user's name
    role_name: Text | None = None  # the IAM role's name, without its path
    access_key_id: Text | None = None
    session_name: Text | None = None
    email: Text | None = None
    source_ips: tuple[Text, ...] = ()


class Finding(Value):
    """A detector's finding in the house's own words. It never carries a secret.

    `uid` is the detector's own id; a finding that changes keeps its `uid` and
    moves `modified` (OCSF `finding_info.modified_time`), so (`source`, `uid`,
    `modified`) is one version of one finding. `source` is the detector
    (`aws.guardduty`, `github`), not the configured door it came through.
    """

    uid: Text
    source: Text
    type: Text
    title: Text = ""
    severity: Severity
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    account: Text | None = None  # the AWS account id, 12 digits
    region: Text | None = None
    resources: tuple[Resource, ...] = Field(default=(), max_length=1000)
    actor: Actor = Actor()
    first_seen: Moment
    last_seen: Moment
    modified: Moment
    count: Annotated[int, Field(ge=1)] = 1
    url: Text | None = None
    raw_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    is_test: bool = False

    def facts(self) -> frozenset[str]:
        """What this finding asserts about the world; a later finding matters only if it adds to it."""
        told = {f"severity:{self.severity.rank}", f"finding:{self.source}:{self.type}"}
        for resource in self.resources:
            told.add(f"resource:{resource.uid}")
            for key, value in resource.attributes.items():
                told.update(
                    f"{resource.uid} {key}:{each}" for each in (value if isinstance(value, list) else [value])
                )
        for key in ("uid", "user_name", "role_name", "access_key_id", "session_name", "email"):
            value = getattr(self.actor, key)
            if value:
                told.add(f"actor.{key}:{value}")
        return frozenset(told)


def without_none(value: Any) -> Any:
    """Drop absent values, so that `has(finding.actor.email)` means what it says."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_none(item) for item in value]
    return value
