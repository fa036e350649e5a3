"""AWS Health events: above all `AWS_RISK_CREDENTIALS_EXPOSED`, a key AWS found in public.

- `source` is `aws.health`, `type` the event type code. Each affected entity is a finding of its own, for
  each is another key to stop; its `uid` is the event's ARN (or id) and the entity.
- An entity is an access key id, the ARN of a user, or `IAM_USER/<name>/<key>`; some events hold the key in
  `affectedAccount`.
- Health knows no severity: exposed credentials are critical, suspected ones high, everything else
  informational.
- Closed events are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import AliasGenerator, ConfigDict
from pydantic.alias_generators import to_camel

from firedoor.domain.finding import Actor, Finding, PrincipalKind, Resource, Severity
from firedoor.findings import forgiving
from firedoor.findings.aws_names import access_key_id, arn
from firedoor.findings.delivery import Left
from firedoor.findings.forgiving import (
    Fields,
    MaybeMoment,
    MaybeText,
    Parts,
    Prose,
    build,
    needed,
    thing,
)

SOURCE = "aws.health"

_SEVERITIES = {
    "AWS_RISK_CREDENTIALS_EXPOSED": Severity.CRITICAL,
    "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED": Severity.HIGH,
}
_COMPOSITE_PARTS = 3


class _Health(Fields):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))


class _Entity(_Health):
    entity_value: MaybeText = None
    last_updated_time: MaybeMoment = None


class _Description(_Health):
    latest_description: Prose = ""


class _Event(_Health):
    affected_account: MaybeText = None
    affected_entities: Parts[_Entity] = ()
    event_arn: MaybeText = None
    event_description: Parts[_Description] = ()
    event_region: MaybeText = None
    event_type_code: MaybeText = None
    last_updated_time: MaybeMoment = None
    start_time: MaybeMoment = None
    status_code: MaybeText = None


def read_health(
    detail: Any,
    *,
    event_id: str,
    account: str | None,
    region: str | None,
    raw_sha256: str,
    received: datetime,
) -> Iterator[Finding | Left]:
    """Read one event into a finding for each affected entity; the arguments are the envelope's."""
    seen = _Event.read(detail)
    code = needed(seen.event_type_code, "detail.eventTypeCode", "a Health event type code")
    uid = seen.event_arn or event_id
    if (seen.status_code or "").lower() == "closed":
        yield Left(uid, "closed in AWS Health")
        return
    account = forgiving.account(seen.affected_account) or account
    entities = [entity.entity_value for entity in seen.affected_entities if entity.entity_value]
    if key := access_key_id(seen.affected_account):
        entities.append(key)
    modified = seen.last_updated_time or seen.start_time or received
    first_seen = seen.start_time or modified
    for entity in dict.fromkeys(entities) or (None,):
        actor = _actor(entity)
        yield build(
            uid=f"{uid}#{entity}" if entity else uid,
            source=SOURCE,
            type=code,
            title=next(
                (part.latest_description for part in seen.event_description if part.latest_description), code
            ),
            severity=_SEVERITIES.get(code, Severity.INFORMATIONAL),
            account=account,
            region=seen.event_region or region,
            resources=tuple(_resources(entity, actor, account)),
            actor=actor,
            first_seen=first_seen,
            last_seen=max(first_seen, modified),
            modified=modified,
            raw_sha256=raw_sha256,
        )


def _actor(entity: str | None) -> Actor:
    pieces = (entity or "").split("/")
    if len(pieces) == _COMPOSITE_PARTS and pieces[0] == "IAM_USER":
        name = pieces[1] or None
        return Actor(kind=PrincipalKind.IAM_USER, user_name=name, access_key_id=access_key_id(pieces[2]))
    if key := access_key_id(entity):
        return Actor(access_key_id=key)  # whose key it is, only AWS can tell
    parts = arn(entity)
    if parts and parts.service == "iam" and parts.path.startswith("user/"):
        return Actor(kind=PrincipalKind.IAM_USER, user_name=parts.name)
    return Actor()


def _resources(entity: str | None, actor: Actor, account: str | None) -> Iterator[Resource]:
    if actor.access_key_id:
        key = actor.access_key_id
        yield thing(kind="AWS::IAM::AccessKey", uid=key, name=key, account=account)
    if actor.user_name:
        uid = entity if entity and arn(entity) else actor.user_name
        yield thing(kind="AWS::IAM::User", uid=uid, name=actor.user_name, account=account)
    if entity and not (actor.access_key_id or actor.user_name):
        yield thing(kind="Other", uid=entity, name=entity, account=account)
