"""Finding: what every detector's payload becomes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import to_json

from firedoor.domain.core.value import Value


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


#: How large one finding may be, as JSON. It stands in a response's history, beside its playbook and up to
#: every other finding of the incident; Temporal takes 2 MB in one message.
MOST_BYTES: Final = 64 * 1024
MOST_RESOURCES: Final = 250
MOST_ADDRESSES: Final = 250  # source IPs of an actor
MOST_ATTRIBUTES: Final = 100  # of one resource
ATTRIBUTE_BYTES: Final = 20 * 1024  # of one attribute as JSON: the largest policy document of a bucket
ATTRIBUTE_DEPTH: Final = 8
#: What identifies a finding is kept for every version that a response has seen.
_LONGEST_UID: Final = 1024

Moment = Annotated[datetime, AfterValidator(_aware)]
Text = Annotated[str, Field(max_length=4096)]
Uid = Annotated[str, Field(max_length=_LONGEST_UID)]


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
    """The principal whose credential or session the finding is about.

    `account` is the account the principal belongs to, where the detector says so. It may be
    another than the finding's: then the principal is a stranger's, whatever its name.
    """

    kind: PrincipalKind = PrincipalKind.UNKNOWN
    account: Text | None = None
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
    `modified`) is one version of one finding. A payload with several actors is one Finding for each.
    `source` is the detector (`aws.guardduty`, `github`); `via` is the configured source that it came through,
    and `generic` says that this one is generic: its sender chose every word. The
    gateway fills both, whatever the sender wrote. As JSON it is at most 64 kB, with at
    most 250 resources and 1 000 findings in one delivery; what is larger is refused at the
    door, with its size.
    """

    uid: Uid
    source: Text
    type: Text
    title: Text = ""
    severity: Severity
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    account: Text | None = None  # the AWS account id, 12 digits
    region: Text | None = None
    resources: tuple[Resource, ...] = ()
    actor: Actor = Actor()
    first_seen: Moment
    last_seen: Moment
    modified: Moment
    count: Annotated[int, Field(ge=1)] = 1
    url: Text | None = None
    raw_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    is_test: bool = False
    via: Text = ""
    generic: bool = False
    left_out: tuple[Text, ...] = Field(default=(), max_length=1000)  # of what was told: not ours to touch


def too_large(finding: Finding) -> str | None:
    """Say which part of a finding is too large, its size and the most; None where all of it fits."""
    for field, found, most in _counted(finding):
        if found > most:
            return f"{field} is {found}, at most {most}"
    size = len(to_json(finding))
    if size <= MOST_BYTES:
        return None
    sizes = {name: len(to_json(getattr(finding, name))) for name in type(finding).model_fields}
    field = max(sizes, key=sizes.__getitem__)
    return (
        f"the finding is {size} bytes as JSON, at most {MOST_BYTES}; its largest field is {field} "
        f"with {sizes[field]} bytes"
    )


def _counted(finding: Finding) -> Iterator[tuple[str, int, int]]:
    """Everything of a finding that is counted: what it is, how much there is, how much there may be."""
    yield "the number of resources", len(finding.resources), MOST_RESOURCES
    yield "the number of actor.source_ips", len(finding.actor.source_ips), MOST_ADDRESSES
    for number, resource in enumerate(finding.resources):
        where = f"resources[{number}].attributes"
        yield f"the number of {where}", len(resource.attributes), MOST_ATTRIBUTES
        for name, value in resource.attributes.items():
            if isinstance(value, (dict, list)) or (isinstance(value, str) and len(value) > _SMALL):
                of = f"{where}.{ascii(name)[1:-1][:40]}"
                yield f"the depth of {of}", _depth(value), ATTRIBUTE_DEPTH
                yield f"the size in bytes of {of}", len(to_json(value)), ATTRIBUTE_BYTES


_SMALL: Final = ATTRIBUTE_BYTES // 6  # not even escaped is it too large


def _depth(value: Any) -> int:
    """How deep a value is nested, counted no further than one beyond the most."""
    depth, level = 0, [value] if isinstance(value, (dict, list)) else []
    while level and depth <= ATTRIBUTE_DEPTH:
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        depth += 1
    return depth


def without_none(value: Any) -> Any:
    """Drop absent values, so that `has(finding.actor.email)` means what it says."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_none(item) for item in value]
    return value
