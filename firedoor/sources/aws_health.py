"""AWS Health events: above all `AWS_RISK_CREDENTIALS_EXPOSED`, a key AWS found in public.

- `source` is `aws.health`, `type` the event type code. Each affected entity is a finding of its own, for
  each is another key to stop; its `uid` is the event's ARN (or id) and the entity.
- An entity is an access key id, the ARN of a user or key, or `IAM_USER/<name>/<key>` (also `<name>/<key>` and
  with `:` or `|` between). Some events hold the key in `affectedAccount`, others in `eventMetadata`
  (`publicKey`, with the owner's `userName`).
- A region of `global` is none: IAM has none, and where one is needed the default one is used.
- Health knows no severity: exposed and compromised credentials are critical, suspected ones high, everything
  else informational.
- Closed and ended events are ignored, and entities that are resolved or no longer impaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasGenerator, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from firedoor.domain.finding.finding import Actor, Finding, PrincipalKind, Resource, Severity
from firedoor.sources import forgiving, marks
from firedoor.sources.aws_names import Arn, access_key_id, arn, principal_resources
from firedoor.sources.delivery import Left
from firedoor.sources.forgiving import (
    Deciding,
    EveryPart,
    MaybeMoment,
    MaybeName,
    MaybeText,
    MaybeWord,
    Parts,
    Prose,
    build,
    certain,
    needed,
    thing,
)
from firedoor.sources.placing import account_of

SOURCE = "aws.health"

_SEVERITIES = {
    "AWS_RISK_CREDENTIALS_EXPOSED": Severity.CRITICAL,
    "AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED": Severity.HIGH,
    "AWS_RISK_CREDENTIALS_COMPROMISED": Severity.CRITICAL,
    "AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED": Severity.HIGH,
}
_SETTLED_ENTITIES = frozenset(("RESOLVED", "UNIMPAIRED"))
_USER_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")


class _Health(Deciding):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))


def _entities(value: Any) -> Any:
    """A bare value in the list is an entity too."""
    items = value if isinstance(value, list) else [value]
    return [{"entityValue": item} if isinstance(item, (str, int)) else item for item in items]


class _Entity(_Health):
    entity_value: MaybeWord = None
    last_updated_time: MaybeMoment = None
    status: MaybeWord = None


class _Description(_Health):
    latest_description: Prose = ""


class _Known(_Health):
    public_key: MaybeName = None
    user_name: MaybeName = None


class _Event(_Health):
    affected_account: Any = None
    affected_entities: Annotated[EveryPart[_Entity], BeforeValidator(_entities)] = ()
    end_time: MaybeMoment = None
    event_arn: MaybeText = None
    event_description: Parts[_Description] = ()
    event_metadata: _Known = _Known()
    event_region: MaybeWord = None
    event_type_code: MaybeText = None
    last_updated_time: MaybeMoment = None
    start_time: MaybeMoment = None
    status_code: MaybeWord = None


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
    if reason := _settled(seen, received):
        yield Left(uid, reason)
        return
    stray = access_key_id(seen.affected_account)
    if not stray:
        account = certain(forgiving.account, seen.affected_account, "detail.affectedAccount") or account
    modified = seen.last_updated_time or seen.start_time or received
    first_seen = seen.start_time or modified
    if seen.event_region:
        region = certain(forgiving.region, seen.event_region, "detail.eventRegion")
    holder = _account_of_the_user(seen)
    for entity in _told(seen, stray):
        named = f"{uid}#{entity.entity_value}" if entity.entity_value else uid
        if _done(entity):
            yield Left(named, f"{(entity.status or '').lower()} in AWS Health")
            continue
        actor = _actor(entity.entity_value, seen.event_metadata)
        if actor.account is None and holder is not None and actor.user_name == seen.event_metadata.user_name:
            actor = actor.model_copy(update={"account": holder})
        resources = tuple(_resources(entity.entity_value, actor, account))
        yield build(
            uid=named,
            source=SOURCE,
            type=code,
            title=next(
                (part.latest_description for part in seen.event_description if part.latest_description), code
            ),
            severity=_SEVERITIES.get(code, Severity.INFORMATIONAL),
            account=account_of(actor, resources, account),
            region=region,
            resources=resources,
            actor=actor,
            first_seen=first_seen,
            last_seen=max(first_seen, modified),
            modified=modified,
            raw_sha256=raw_sha256,
            is_test=marks.named((entity.entity_value, actor.user_name, actor.access_key_id)),
        )


def _settled(seen: _Event, now: datetime) -> str | None:
    status = (seen.status_code or "").lower()
    if status == "closed":
        return "closed in AWS Health"
    if not status and seen.end_time is not None and seen.end_time <= now:
        return "ended in AWS Health"
    return None


def _done(entity: _Entity) -> bool:
    return (entity.status or "").upper() in _SETTLED_ENTITIES


def _account_of_the_user(seen: _Event) -> str | None:
    """The account in the ARN of the user whom the metadata name: the key that stands there is in it, too."""
    user = seen.event_metadata.user_name
    told = {
        parts.account
        for one in seen.affected_entities
        if user and (parts := _user_arn(one.entity_value, user))
    }
    return told.pop() if len(told) == 1 else None


def _user_arn(entity: str | None, user: str) -> Arn | None:
    parts = arn(entity)
    named = parts and parts.service == "iam" and parts.path.startswith("user/") and parts.name == user
    return parts if named else None


def _told(seen: _Event, stray: str | None) -> Iterator[_Entity]:
    """Every entity once, and the key that stands elsewhere; an event that names none is told once, too."""
    entities = {one.entity_value: one for one in seen.affected_entities if one.entity_value}
    known = " ".join(entities)
    # A key that stands elsewhere has no status of its own: it is done with where every entity is.
    status = next((one.status for one in entities.values()), None)
    settled = status if entities and all(map(_done, entities.values())) else None
    for key in (stray, access_key_id(seen.event_metadata.public_key)):
        if key and key not in known:
            others = {each: one for each, one in entities.items() if _done(one) or not _is_holder(each, seen)}
            entities = {**others, key: _Entity(entityValue=key, status=settled)}
    yield from entities.values() or (_Entity(),)


def _is_holder(entity: str, seen: _Event) -> bool:
    """Whether an entity only says whose key it is that stands elsewhere: its account, or its user."""
    if entity == forgiving.text(seen.affected_account) or entity.upper() == "AWS_ACCOUNT":
        return True
    user = seen.event_metadata.user_name
    return user is not None and (entity == user or _user_arn(entity, user) is not None)


def _actor(entity: str | None, known: _Known) -> Actor:
    pieces = [piece for piece in re.split(r"[/:|,;()\s]+", entity or "") if piece]
    key = next((read for piece in pieces if (read := access_key_id(piece))), None)
    parts = arn(entity)
    if parts:
        named = parts.service == "iam" and parts.path.startswith("user/")
        name = next((one for one in reversed(pieces) if one != key), None) if named else None
        return _user(name, key, parts.account)
    if key and len(pieces) > 1:
        names = [one for one in pieces if one not in (key, "IAM_USER") and not one.isdecimal()]
        if not names:
            return _keyed(key, known)
        # Of several words nobody knows which is the name: IAM does.
        return _user(names[0] if len(names) == 1 else None, key, None)
    if len(pieces) == 2 and pieces[0] == "IAM_USER":  # noqa: PLR2004
        return _user(pieces[1], None, None)
    return _keyed(key, known) if key else Actor()


def _keyed(key: str, known: _Known) -> Actor:
    """A key alone: whose it is, the event may tell elsewhere."""
    own = access_key_id(known.public_key) in (None, key)
    return _user(known.user_name if own else None, key, None)


def _user(name: str | None, key: str | None, account: str | None) -> Actor:
    if name is None or not _USER_NAME.fullmatch(name):
        return Actor(access_key_id=key, account=account)
    return Actor(kind=PrincipalKind.IAM_USER, user_name=name, access_key_id=key, account=account)


def _resources(entity: str | None, actor: Actor, account: str | None) -> Iterator[Resource]:
    parts = arn(entity)
    if actor.access_key_id or actor.user_name:
        user = entity if parts and actor.user_name == parts.name else None
        yield from principal_resources(actor, account, user)
    elif entity:
        owner = (parts.account if parts else None) or account
        yield thing(kind="Other", uid=entity, name=entity, account=owner)
