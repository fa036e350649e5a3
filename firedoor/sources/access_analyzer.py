"""IAM Access Analyzer findings.

- `source` is `aws.access_analyzer`; `uid` is the finding's id.
- `type` is `<what>/<resource type>`: `PublicAccess/AWS::S3::Bucket` where everybody is let in,
  `ExternalAccess/AWS::IAM::Role` where somebody outside the zone of trust is, and for the other analyzers
  their own word: `UnusedIAMUserAccessKey/AWS::IAM::User`, `InternalAccess/AWS::S3::Bucket`.
- Access Analyzer knows no severity: public is high, external and internal medium, unused low.
- Only ACTIVE findings are answered: resolved, archived and deleted ones are ignored, and so are those that
  only say the analyzer could not look. Access Analyzer sends no samples.
- The resource is in the account and region of its ARN, else of its owner, else of the analyzer's finding.
- The resource carries who was let in (`principals`) and to do what (`actions`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import AliasGenerator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from firedoor.domain.finding.finding import Actor, Finding, Severity
from firedoor.sources.aws_names import arn, function_name, principal
from firedoor.sources.delivery import Left
from firedoor.sources.forgiving import (
    Deciding,
    Flag,
    MaybeAccount,
    MaybeMoment,
    MaybeRegion,
    MaybeText,
    MaybeWord,
    Table,
    Texts,
    build,
    needed,
    prose,
    quoted,
    texts,
    thing,
)

SOURCE = "aws.access_analyzer"


class _Finding(Deciding):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))

    account_id: MaybeAccount = None
    action: Texts = ()
    created_at: MaybeMoment = None
    error: MaybeText = None
    finding_id: MaybeText = None
    finding_type: MaybeText = None
    id: MaybeText = None
    is_deleted: Flag = False
    is_public: Flag = False
    principal: Table = Field(default_factory=dict)
    region: MaybeRegion = None
    resource: MaybeWord = None
    resource_owner_account: MaybeAccount = None
    resource_type: MaybeText = None
    status: MaybeWord = None
    updated_at: MaybeMoment = None


def read_access_analyzer(
    detail: Any, *, account: str | None, region: str | None, raw_sha256: str, received: datetime
) -> Finding | Left:
    """Read one finding; `account` and `region` are the envelope's, used where it names none itself."""
    seen = _Finding.read(detail)
    uid = needed(seen.id or seen.finding_id, "detail.id", "the finding's id")
    status = needed(seen.status, "detail.status", "ACTIVE, ARCHIVED or RESOLVED")
    if seen.is_deleted:
        return Left(uid, "the resource was deleted")
    if status.upper() != "ACTIVE":
        return Left(uid, f"its status is {quoted(status)}, not 'ACTIVE'")
    if seen.error:
        return Left(uid, f"the analyzer could not look at the resource: {quoted(seen.error)}")
    resource = needed(seen.resource, "detail.resource", "the resource's ARN")
    kind = needed(seen.resource_type, "detail.resourceType", "a resource type, such as AWS::S3::Bucket")
    parts = arn(resource)
    account = (parts.account if parts else None) or seen.resource_owner_account or seen.account_id or account
    region = (parts.region if parts else None) or seen.region or region
    what, severity = _what(seen)
    modified = seen.updated_at or seen.created_at or received
    return build(
        uid=uid,
        source=SOURCE,
        type=f"{what}/{kind}",
        title=prose(f"{what} to {resource}"),
        severity=severity,
        account=account,
        region=region,
        resources=(
            thing(
                kind=kind,
                uid=resource,
                name=function_name(resource) or (parts.name if parts else resource),
                account=account,
                region=region,
                attributes={
                    "is_public": seen.is_public,
                    "principals": sorted(
                        f"{key}:{who}" for key, value in seen.principal.items() for who in texts(value)
                    ),
                    "actions": list(seen.action),
                },
            ),
        ),
        actor=_actor(resource),
        first_seen=seen.created_at or modified,
        last_seen=modified,
        modified=modified,
        raw_sha256=raw_sha256,
    )


def _what(seen: _Finding) -> tuple[str, Severity]:
    if seen.is_public:
        return "PublicAccess", Severity.HIGH
    what = seen.finding_type or "ExternalAccess"
    return what, Severity.LOW if what.startswith("Unused") else Severity.MEDIUM


def _actor(resource: str) -> Actor:
    """A finding about a user or role is about that principal's credentials; any other has no actor."""
    parts = arn(resource)
    if parts and parts.service == "iam" and parts.path.startswith(("user/", "role/")):
        kind = "IAMUser" if parts.path.startswith("user/") else "Role"
        return principal(kind=kind, uid=None, name=parts.name, key=None, account=parts.account)
    return Actor()
