"""Amazon GuardDuty findings, as EventBridge carries them or as GetFindings returns them.

- `source` is `aws.guardduty`, `type` is GuardDuty's own (`UnauthorizedAccess:IAMUser/TorIPCaller`), `uid`
  its finding id, `modified` its `updatedAt`.
- Severity follows GuardDuty's documented ranges: 1-3.9 low, 4-6.9 medium, 7-8.9 high, 9-10 critical; below
  1 is informational.
- Keys are read in camelCase (EventBridge) and in PascalCase (boto3, and tools that wrap it).
- `resources`: the access key and its user or role (by principal id: an ARN would need the path), buckets
  with their tags, the function, the instance and its security groups with the `ports` that were reached.
- An archived finding is ignored; a sample finding is a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from firedoor.domain.finding import Actor, Finding, PrincipalKind, Resource, Severity
from firedoor.findings.aws_names import arn, principal
from firedoor.findings.delivery import Left
from firedoor.findings.forgiving import build, needed, thing
from firedoor.findings.guardduty_fields import GuardDutyFinding, SequenceActor, Tag

SOURCE = "aws.guardduty"

_FINDING_ID = re.compile(r"[0-9a-f]{32}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_SAMPLE_VALUE = re.compile(r'"sample"\s*:\s*true')


_SEQUENCE_KINDS = {
    "ACCESS_KEY": "AWS::IAM::AccessKey",
    "EC2_INSTANCE": "AWS::EC2::Instance",
    "S3_BUCKET": "AWS::S3::Bucket",
    "EKS_CLUSTER": "AWS::EKS::Cluster",
    "ECS_CLUSTER": "AWS::ECS::Cluster",
    "IAM_INSTANCE_PROFILE": "AWS::IAM::InstanceProfile",
}
_USER_KINDS = {PrincipalKind.IAM_USER: "AWS::IAM::User", PrincipalKind.ASSUMED_ROLE: "AWS::IAM::Role"}


def read_guardduty(
    detail: Any, *, account: str | None, region: str | None, raw_sha256: str, received: datetime
) -> Finding | Left:
    """Read one finding; `account` and `region` are the envelope's, used where it names none itself."""
    seen = GuardDutyFinding.read(detail)
    uid = needed(seen.id, "detail.id", "GuardDuty's finding id")
    type_ = needed(
        seen.type, "detail.type", "a GuardDuty finding type, such as UnauthorizedAccess:IAMUser/TorIPCaller"
    )
    severity = needed(seen.severity, "detail.severity", "a number from 1 to 10")
    if seen.service.archived:
        return Left(uid, "archived in GuardDuty")
    account, region = seen.account_id or account, seen.region or region
    modified = seen.updated_at or seen.service.event_last_seen or seen.created_at or received
    last_seen = seen.service.event_last_seen or modified
    return build(
        uid=uid,
        source=SOURCE,
        type=type_,
        title=seen.title or seen.description or type_,
        severity=severity_of(severity),
        account=account,
        region=region,
        resources=tuple(_resources(seen, account, region)),
        actor=_actor(seen),
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


def tags_of(tags: tuple[Tag, ...]) -> dict[str, str]:
    """AWS's list of keys and values as a map."""
    return {tag.key: tag.value for tag in tags if tag.key}


def _actor(seen: GuardDutyFinding) -> Actor:
    ips = tuple(dict.fromkeys(_source_ips(seen)))
    key = seen.resource.access_key_details
    sequence = seen.service.detection.sequence
    if sequence.actors and not (key.access_key_id or key.principal_id):
        return _sequence_actor(sequence.actors[0], ips)
    return principal(
        kind=key.user_type, uid=key.principal_id, name=key.user_name, key=key.access_key_id, source_ips=ips
    )


def _sequence_actor(actor: SequenceActor, source_ips: tuple[str, ...]) -> Actor:
    user = actor.user
    # The long-lived key is what can be stopped; a session's own key is the next best.
    key = user.credential_uid or actor.session.uid
    return principal(kind=user.type, uid=user.uid, name=user.name, key=key, source_ips=source_ips)


def _source_ips(seen: GuardDutyFinding) -> Iterator[str]:
    for call in seen.service.action.calls():
        for remote in (
            call.remote_ip_details,
            *(probe.remote_ip_details for probe in call.port_probe_details),
        ):
            yield from filter(None, (remote.ip_address_v4, remote.ip_address_v6))
    yield from filter(None, (endpoint.ip for endpoint in seen.service.detection.sequence.endpoints))


def _resources(seen: GuardDutyFinding, account: str | None, region: str | None) -> Iterator[Resource]:
    told: set[tuple[str, str]] = set()
    for resource in _all_resources(seen, account, region):
        if (resource.kind, resource.uid) not in told:  # GuardDuty names a bucket once for each of its objects
            told.add((resource.kind, resource.uid))
            yield resource


def _all_resources(seen: GuardDutyFinding, account: str | None, region: str | None) -> Iterator[Resource]:
    sequence = seen.service.detection.sequence
    for actor in (_actor(seen), *(_sequence_actor(actor, ()) for actor in sequence.actors)):
        yield from _principal_resources(actor, account)
    for bucket in seen.resource.s3_bucket_details:
        if uid := bucket.arn or (
            f"arn:{seen.partition or 'aws'}:s3:::{bucket.name}" if bucket.name else None
        ):
            facts: dict[str, Any] = {"tags": tags_of(bucket.tags)}
            if bucket.public_access.effective_permission:
                facts["effective_permission"] = bucket.public_access.effective_permission
            name = bucket.name or uid.rpartition(":")[2]
            yield thing(
                kind="AWS::S3::Bucket", uid=uid, name=name, account=account, region=region, attributes=facts
            )
    function = seen.resource.lambda_details
    if function.function_arn:
        yield thing(
            kind="AWS::Lambda::Function",
            uid=function.function_arn,
            name=function.function_name or "",
            account=account,
            region=region,
            attributes={"tags": tags_of(function.tags)},
        )
    yield from _instance_resources(seen, account, region)
    for part in sequence.resources:
        if part.uid and (kind := _SEQUENCE_KINDS.get(part.resource_type or "")):
            parts = arn(part.uid)
            if kind == "AWS::IAM::AccessKey" and parts:
                continue  # GuardDuty gives the owner's ARN here; the key itself is told by the actors
            name = part.name or (parts.name if parts else part.uid)
            yield thing(
                kind=kind,
                uid=part.uid,
                name=name,
                account=account,
                region=region,
                attributes={"tags": tags_of(part.tags)},
            )


def _principal_resources(actor: Actor, account: str | None) -> Iterator[Resource]:
    if actor.access_key_id:
        yield thing(
            kind="AWS::IAM::AccessKey", uid=actor.access_key_id, name=actor.access_key_id, account=account
        )
    name = actor.user_name or actor.role_name
    if name and (kind := _USER_KINDS.get(actor.kind)):
        uid = (actor.uid or name).partition(":")[0]  # a role's sessions are one role
        yield thing(kind=kind, uid=uid, name=name, account=account)


def _instance_resources(
    seen: GuardDutyFinding, account: str | None, region: str | None
) -> Iterator[Resource]:
    instance = seen.resource.instance_details
    if not instance.instance_id:
        return
    ports: list[Any] = sorted(_reached_ports(seen))
    groups = {
        group.group_id: group.group_name or ""
        for interface in instance.network_interfaces
        for group in interface.security_groups
        if group.group_id
    }
    facts: dict[str, Any] = {
        "tags": tags_of(instance.tags),
        "public_ips": [
            interface.public_ip for interface in instance.network_interfaces if interface.public_ip
        ],
        "security_groups": list(groups),
        "ports": ports,
    }
    if instance.iam_instance_profile.arn:
        facts["instance_profile"] = instance.iam_instance_profile.arn
    partition = seen.partition or "aws"
    where = f"arn:{partition}:ec2:{region}:{account}:" if region and account else ""
    yield thing(
        kind="AWS::EC2::Instance",
        uid=f"{where}instance/{instance.instance_id}" if where else instance.instance_id,
        name=instance.instance_id,
        account=account,
        region=region,
        attributes=facts,
    )
    for group_id, group_name in groups.items():
        yield thing(
            kind="AWS::EC2::SecurityGroup",
            uid=f"{where}security-group/{group_id}" if where else group_id,
            name=group_id,
            account=account,
            region=region,
            attributes={"group_name": group_name, "ports": ports},
        )


def _reached_ports(seen: GuardDutyFinding) -> set[int]:
    """The ports of ours that a stranger reached; an outbound connection's local port is no door."""
    action = seen.service.action
    details = [probe.local_port_details for probe in action.port_probe_action.port_probe_details]
    if (action.network_connection_action.connection_direction or "").upper() == "INBOUND":
        details.append(action.network_connection_action.local_port_details)
    return {detail.port for detail in details if detail.port is not None}


def _is_test(seen: GuardDutyFinding) -> bool:
    info = seen.service.additional_info
    key = seen.resource.access_key_details
    buckets = (name for bucket in seen.resource.s3_bucket_details for name in (bucket.name, bucket.arn))
    names = (
        key.access_key_id,
        key.principal_id,
        key.user_name,
        seen.resource.lambda_details.function_name,
        *buckets,
    )
    return (
        info.sample
        or bool(_SAMPLE_VALUE.search(info.value))
        or seen.title.startswith("[SAMPLE]")
        or seen.description.startswith(("[SAMPLE]", "Sample finding"))
        or any("GeneratedFinding" in name for name in names if name)
    )


def _console(uid: str, region: str | None) -> str | None:
    """The console's page; built only from parts that cannot carry anything else."""
    if not (region and _REGION.fullmatch(region) and _FINDING_ID.fullmatch(uid)):
        return None
    return (
        f"https://{region}.console.aws.amazon.com/guardduty/home?region={region}#/findings?search=id%3D{uid}"
    )
