"""The resources of an OCSF finding, each where it is, and the principals it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from firedoor.domain.finding.finding import Actor, Resource
from firedoor.sources.aws_names import access_key_id, arn, function_name, principal, principal_resources
from firedoor.sources.forgiving import prose, thing
from firedoor.sources.ocsf_fields import KeyData, OcsfActor, OcsfFinding, OcsfResource
from firedoor.sources.security_hub_resources import KINDS

_KEY = "AWS::IAM::AccessKey"
_PRINCIPALS = {"AWS::IAM::User": "IAMUser", "AWS::IAM::Role": "Role"}
#: Of these the ARN holds the name that AWS takes; `name` may be a tag or a group's label.
_NAMED_BY_ARN = frozenset(("AWS::S3::Bucket", "AWS::EC2::SecurityGroup"))
_BY_LETTERS = {re.sub(r"[^a-z0-9]", "", name.lower()): kind for name, kind in KINDS.items()}


def resources(seen: OcsfFinding) -> tuple[Resource, ...]:
    """Every resource, and the bucket of a data security finding."""
    told = (*(_resource(part, seen) for part in seen.resources), _bucket(seen))
    return tuple(part for part in told if part is not None)


def principals(seen: OcsfFinding, source_ips: tuple[str, ...]) -> dict[Actor, tuple[Resource, ...]]:
    """Each principal with the resources that are its own."""
    told = {actor: _own(actor, seen) for actor in _named(seen, source_ips)}
    if any(actor.uid or actor.user_name or actor.role_name or actor.access_key_id for actor in told):
        return told
    for part in seen.resources:
        parts = arn(_uid(part))
        if parts and parts.service == "iam" and (word := _PRINCIPALS.get(_kind(part))):
            actor = principal(
                kind=word, uid=None, name=parts.name, key=None, account=parts.account, source_ips=source_ips
            )
            told[actor] = _own(actor, seen)
    return told


def _named(seen: OcsfFinding, source_ips: tuple[str, ...]) -> Iterator[Actor]:
    for one in (seen.actor, *(evidence.actor for evidence in seen.evidences)):
        yield _user_actor(one, source_ips)
    for part in seen.resources:
        if _kind(part) == _KEY:
            yield _key_actor(part, source_ips)


def _user_actor(one: OcsfActor, source_ips: tuple[str, ...]) -> Actor:
    user = one.user
    actor = principal(
        kind=user.type,
        uid=user.uid,
        name=user.name,
        key=user.credential_uid or access_key_id(one.session.uid),
        account=user.account.uid,
        issuer=one.session.issuer,
        source_ips=source_ips,
    )
    return actor.model_copy(update={"email": user.email_addr}) if user.email_addr else actor


def _key_actor(part: OcsfResource, source_ips: tuple[str, ...]) -> Actor:
    data, user = KeyData.read(part.data), part.user
    key = _key_id(part) or user.credential_uid
    named = part.name if part.name != part.uid else None
    name = data.user_name or user.name or named
    parts = arn(_uid(part))
    # Long-lived keys (AKIA) are users' alone; of a session only its type tells whose it is.
    kind = data.user_type or user.type or ("IAMUser" if key and key.startswith("AKIA") and name else None)
    return principal(
        kind=kind,
        uid=data.principal_id or user.uid,
        name=name,
        key=key,
        account=(parts.account if parts else None) or user.account.uid or part.owner.account.uid,
        source_ips=source_ips,
    )


def _key_id(part: OcsfResource) -> str | None:
    """The id of an access key, also at the end of an ARN or of ASFF's `AWS::IAM::AccessKey:…`."""
    told = (KeyData.read(part.data).access_key_id, part.uid, part.uid_alt)
    return next((key for one in told if (key := access_key_id(re.split(r"[:/]", one or "")[-1]))), None)


def _own(actor: Actor, seen: OcsfFinding) -> tuple[Resource, ...]:
    """The actor's key, and its user or role, where the finding lists them."""
    names = {(part.kind, part.name) for part in principal_resources(actor, None)}
    return tuple(part for part in resources(seen) if (part.kind, part.name) in names)


def _kind(part: OcsfResource) -> str:
    kind = part.type or "Other"
    return _BY_LETTERS.get(re.sub(r"[^a-z0-9]", "", kind.lower()), kind)


def _uid(part: OcsfResource) -> str:
    """The ARN where one is told, else the vendor's id."""
    return next((uid for uid in (part.uid, part.uid_alt) if arn(uid)), None) or part.uid or part.uid_alt or ""


def _resource(part: OcsfResource, seen: OcsfFinding) -> Resource | None:
    uid, kind = _uid(part), _kind(part)
    parts = arn(uid)
    if kind == _KEY:
        uid = _key_id(part) or uid.rpartition(":")[2]
    if not uid or uid.lower() == "null":
        return None
    by_arn = parts.name if parts and kind in _NAMED_BY_ARN else None
    own = kind == _KEY or (kind == "AWS::EC2::SecurityGroup" and uid.startswith("sg-"))
    told = uid if own else part.name
    return thing(
        kind=kind,
        uid=uid,
        name=function_name(uid) or by_arn or told or (parts.name if parts else prose(uid)),
        account=(parts.account if parts else None) or part.owner.account.uid or seen.cloud.account.uid,
        region=(parts.region if parts else None) or part.region or seen.cloud.region,
        attributes={"tags": {tag.name: tag.value for tag in part.tags if tag.name}, **_reach(seen)},
    )


def _bucket(seen: OcsfFinding) -> Resource | None:
    bucket = seen.databucket
    if not (bucket.name or bucket.uid):
        return None
    parts = arn(bucket.uid)
    name = parts.name if parts else bucket.name or bucket.uid or ""
    return thing(
        kind="AWS::S3::Bucket",
        uid=bucket.uid if parts else f"arn:aws:s3:::{name}",
        name=name,
        account=seen.cloud.account.uid,
        region=bucket.region or seen.cloud.region,
        attributes={"is_public": bucket.is_public},
    )


def _reach(seen: OcsfFinding) -> dict[str, Any]:
    """What an exposure finding says can be reached."""
    values = {
        value for event in seen.finding_info.related_events for tag in event.tags for value in tag.values
    }
    return {"reachable": sorted(values)} if values else {}
