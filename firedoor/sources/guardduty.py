"""Amazon GuardDuty findings, as EventBridge carries them or as GetFindings returns them.

- `source` is `aws.guardduty`, `type` is GuardDuty's own (`UnauthorizedAccess:IAMUser/TorIPCaller`), `uid`
  its finding id, `modified` its `updatedAt`.
- Severity follows GuardDuty's documented ranges: 1-3.9 low, 4-6.9 medium, 7-8.9 high, 9-10 critical; below
  1 is informational.
- Keys are read in camelCase (EventBridge) and in PascalCase (boto3, and tools that wrap it).
- An attack sequence with several principals or keys is a finding for each, under the same `uid`; a principal
  of another account carries that account, and stands alone in its finding.
- `account` is the member's, from the finding itself; the event's own account is the administrator's.
- An archived finding is ignored; a sample finding is a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from firedoor.domain.finding.finding import Actor, Finding, Severity
from firedoor.sources import marks
from firedoor.sources.aws_names import access_key_id, principal, principal_resources
from firedoor.sources.delivery import Left
from firedoor.sources.forgiving import build, needed
from firedoor.sources.guardduty_fields import GuardDutyFinding, Sequence, SequenceResource
from firedoor.sources.guardduty_resources import affected
from firedoor.sources.placing import account_of, by_actor, distinct, region_of

SOURCE = "aws.guardduty"

_FINDING_ID = re.compile(r"[0-9a-f]{32}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


def read_guardduty(detail: Any, *, raw_sha256: str, received: datetime) -> Iterator[Finding | Left]:
    """Read one finding; it is told once for each of its actors."""
    seen = GuardDutyFinding.read(detail)
    uid = needed(seen.id, "detail.id", "GuardDuty's finding id")
    type_ = needed(
        seen.type, "detail.type", "a GuardDuty finding type, such as UnauthorizedAccess:IAMUser/TorIPCaller"
    )
    severity = needed(seen.severity, "detail.severity", "a number from 1 to 10")
    if seen.service.archived:
        yield Left(uid, "archived in GuardDuty")
        return
    account, region = seen.account_id, seen.region
    modified = seen.updated_at or seen.service.event_last_seen or seen.created_at or received
    last_seen = seen.service.event_last_seen or modified
    ips = tuple(dict.fromkeys(_source_ips(seen)))
    touched = tuple(affected(seen))
    for actor, others in by_actor(_actors(seen, ips), touched, account, Actor(source_ips=ips)):
        resources = (*principal_resources(actor, account), *others)
        where = region_of(resources, region)
        yield build(
            uid=uid,
            source=SOURCE,
            type=type_,
            title=seen.title or seen.description or type_,
            severity=severity_of(severity),
            account=account_of(actor, resources, account),
            region=where,
            resources=resources,
            actor=actor,
            first_seen=seen.service.event_first_seen or seen.created_at or last_seen,
            last_seen=last_seen,
            modified=modified,
            count=seen.service.count,
            url=_console(uid, region),
            raw_sha256=raw_sha256,
            is_test=_is_test(seen),
        )


def severity_of(value: float) -> Severity:
    """GuardDuty's number in OCSF's words."""
    for floor, severity in (
        (9, Severity.CRITICAL),
        (7, Severity.HIGH),
        (4, Severity.MEDIUM),
        (1, Severity.LOW),
    ):
        if value >= floor:
            return severity
    return Severity.INFORMATIONAL


def _actors(seen: GuardDutyFinding, source_ips: tuple[str, ...]) -> tuple[Actor, ...]:
    key = seen.resource.access_key_details
    caller = principal(
        kind=key.user_type,
        uid=key.principal_id,
        name=key.user_name,
        key=key.access_key_id,
        source_ips=source_ips,
    )
    return distinct((caller, *_sequence_actors(seen.service.detection.sequence, source_ips)))


def _sequence_actors(sequence: Sequence, source_ips: tuple[str, ...]) -> Iterator[Actor]:
    """The principals, and the keys among the resources, each key with the principal it is told to be of."""
    keys = {
        uid: part
        for part in sequence.resources
        if (uid := access_key_id(re.split(r"[:/]", part.uid or "")[-1]))
    }
    for one in sequence.actors:
        user = one.user
        # The long-lived key is what can be stopped; a session's own key is the next best.
        yield principal(
            kind=user.type,
            uid=user.uid,
            name=user.name,
            key=user.credential_uid or one.session.uid,
            account=user.account.uid,
            issuer=one.session.issuer,
            source_ips=source_ips,
        )
        for told in (user.credential_uid, one.session.uid):
            keys.pop(told or "", None)
    accounts = {one.user.uid: one.user.account.uid for one in sequence.actors}
    for uid, part in keys.items():
        key = part.data.access_key
        account = part.account_id or accounts.get(key.principal_id)
        yield principal(
            kind=key.user_type,
            uid=key.principal_id,
            name=key.user_name,
            key=uid,
            account=account,
            source_ips=source_ips,
        )


def _source_ips(seen: GuardDutyFinding) -> Iterator[str]:
    for call in seen.service.action.calls():
        for remote in (
            call.remote_ip_details,
            *(probe.remote_ip_details for probe in call.port_probe_details),
        ):
            yield from filter(None, (remote.ip_address_v4, remote.ip_address_v6))
    yield from filter(None, (endpoint.ip for endpoint in seen.service.detection.sequence.endpoints))


def _is_test(seen: GuardDutyFinding) -> bool:
    info = seen.service.additional_info
    values = (
        [value for key, value in info.items() if key.lower() == "value"] if isinstance(info, dict) else []
    )
    sequence = seen.service.detection.sequence
    users = [one.user for one in sequence.actors]
    return (
        any(marks.told(one) for one in (info, *values))
        or marks.titled(seen.title, seen.description, seen.type or "")
        or marks.named(_names(seen))
        or any(marks.named((user.name, user.uid, user.credential_uid)) for user in users)
        or any(marks.named(_sequence_names(part)) for part in sequence.resources)
    )


def _names(seen: GuardDutyFinding) -> Iterator[str | None]:
    """Ids and names that AWS or GuardDuty gave; no session, tag, key of an object or name of a container."""
    part = seen.resource
    key, instance = part.access_key_details, part.instance_details
    yield from (key.access_key_id, key.principal_id, key.user_name)
    yield from (name for bucket in part.s3_bucket_details for name in (bucket.name, bucket.arn))
    yield from (instance.instance_id, instance.image_description, instance.iam_instance_profile.arn)
    for interface in instance.network_interfaces:
        yield from (interface.subnet_id, interface.vpc_id)
        yield from (group.group_id for group in interface.security_groups)
    yield from (part.lambda_details.function_name, part.lambda_details.function_arn)
    for cluster in (part.eks_cluster_details, part.ecs_cluster_details):
        yield from (cluster.name, cluster.arn)
    for database in (part.rds_db_instance_details, part.rds_limitless_db_details):
        yield from (
            database.db_instance_identifier,
            database.db_instance_arn,
            database.db_cluster_identifier,
            database.db_shard_group_identifier,
        )


def _sequence_names(part: SequenceResource) -> Iterator[str | None]:
    if part.resource_type not in ("S3_OBJECT", "CONTAINER", "KUBERNETES_WORKLOAD"):
        key = part.data.access_key
        yield from (part.uid, part.name, key.principal_id, key.user_name)


def _console(uid: str, region: str | None) -> str | None:
    """The console's page; built only from parts that cannot carry anything else."""
    if not (region and _REGION.fullmatch(region) and _FINDING_ID.fullmatch(uid)):
        return None
    return (
        f"https://{region}.console.aws.amazon.com/guardduty/home?region={region}#/findings?search=id%3D{uid}"
    )
