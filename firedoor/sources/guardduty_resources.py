"""The resources of a GuardDuty finding: what was attacked, reached or touched.

Buckets with their tags, the function, the instance and its security groups with the `ports` that were
reached, clusters, tasks and containers, databases, and the resources of an attack sequence. Each carries its
own account and region where GuardDuty tells them, else those of the finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from firedoor.domain.finding.finding import Resource
from firedoor.sources.aws_names import arn
from firedoor.sources.forgiving import thing
from firedoor.sources.guardduty_fields import GuardDutyFinding, Tag

_SEQUENCE_KINDS = {
    "AUTOSCALING_AUTO_SCALING_GROUP": "AWS::AutoScaling::AutoScalingGroup",
    "CLOUDFORMATION_STACK": "AWS::CloudFormation::Stack",
    "CONTAINER": "OCI::Container",
    "EC2_IMAGE": "AWS::EC2::Image",
    "EC2_INSTANCE": "AWS::EC2::Instance",
    "EC2_LAUNCH_TEMPLATE": "AWS::EC2::LaunchTemplate",
    "EC2_NETWORK_INTERFACE": "AWS::EC2::NetworkInterface",
    "EC2_VPC": "AWS::EC2::VPC",
    "ECS_CLUSTER": "AWS::ECS::Cluster",
    "ECS_TASK": "AWS::ECS::Task",
    "EKS_CLUSTER": "AWS::EKS::Cluster",
    "IAM_INSTANCE_PROFILE": "AWS::IAM::InstanceProfile",
    "KUBERNETES_WORKLOAD": "Kubernetes::Workload",
    "S3_BUCKET": "AWS::S3::Bucket",
    "S3_OBJECT": "AWS::S3::Object",
}


def affected(seen: GuardDutyFinding) -> Iterator[Resource]:
    """Every resource but the principals' own; what GuardDuty names twice is told once."""
    told: set[tuple[str, str]] = set()
    for resource in _all(seen):
        if (resource.kind, resource.uid) not in told:  # GuardDuty names a bucket once for each of its objects
            told.add((resource.kind, resource.uid))
            yield resource


def tags_of(tags: Iterable[Tag]) -> dict[str, str]:
    """AWS's list of keys and values as a map."""
    return {tag.key: tag.value for tag in tags if tag.key}


def _all(seen: GuardDutyFinding) -> Iterator[Resource]:
    yield from _buckets(seen)
    function = seen.resource.lambda_details
    if function.function_arn:
        yield _at(
            seen,
            "AWS::Lambda::Function",
            function.function_arn,
            function.function_name,
            tags=tags_of(function.tags),
        )
    yield from _instances(seen)
    yield from _clusters(seen)
    yield from _databases(seen)
    yield from _sequence(seen)


def _at(seen: GuardDutyFinding, kind: str, uid: str, name: str | None, **facts: Any) -> Resource:
    """A resource in its ARN's account and region, else in the finding's."""
    parts = arn(uid)
    return thing(
        kind=kind,
        uid=uid,
        name=name or (parts.name if parts else uid),
        account=(parts.account if parts else None) or seen.account_id,
        region=(parts.region if parts else None) or seen.region,
        attributes=facts,
    )


def _buckets(seen: GuardDutyFinding) -> Iterator[Resource]:
    for bucket in seen.resource.s3_bucket_details:
        uid = bucket.arn or (f"arn:{seen.partition or 'aws'}:s3:::{bucket.name}" if bucket.name else None)
        if uid:
            facts: dict[str, Any] = {"tags": tags_of(bucket.tags)}
            if bucket.public_access.effective_permission:
                facts["effective_permission"] = bucket.public_access.effective_permission
            yield _at(seen, "AWS::S3::Bucket", uid, bucket.name or uid.rpartition(":")[2], **facts)


def _clusters(seen: GuardDutyFinding) -> Iterator[Resource]:
    part = seen.resource
    for kind, cluster in (
        ("AWS::EKS::Cluster", part.eks_cluster_details),
        ("AWS::ECS::Cluster", part.ecs_cluster_details),
    ):
        if uid := cluster.arn or cluster.name:
            yield _at(seen, kind, uid, cluster.name, tags=tags_of(cluster.tags))
    if task := part.ecs_cluster_details.task_details.arn:
        yield _at(seen, "AWS::ECS::Task", task, None)
    workload, container = part.kubernetes_details.kubernetes_workload_details, part.container_details
    if uid := workload.uid or workload.name:
        facts = {"namespace": workload.namespace or "", "type": workload.type or ""}
        yield _at(seen, "Kubernetes::Workload", uid, workload.name, **facts)
    if uid := container.id or container.name:
        yield _at(seen, "OCI::Container", uid, container.name, image=container.image or "")


def _databases(seen: GuardDutyFinding) -> Iterator[Resource]:
    one, many = seen.resource.rds_db_instance_details, seen.resource.rds_limitless_db_details
    if uid := one.db_instance_arn or one.db_instance_identifier:
        facts: dict[str, Any] = {"tags": tags_of(one.tags), "engine": one.engine or ""}
        if one.db_cluster_identifier:
            facts["cluster"] = one.db_cluster_identifier
        yield _at(seen, "AWS::RDS::DBInstance", uid, one.db_instance_identifier, **facts)
    if uid := many.db_shard_group_arn or many.db_shard_group_identifier:
        facts = {"tags": tags_of(many.tags), "engine": many.engine or ""}
        yield _at(seen, "AWS::RDS::DBShardGroup", uid, many.db_shard_group_identifier, **facts)


def _instances(seen: GuardDutyFinding) -> Iterator[Resource]:
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
    where = ""
    if seen.region and seen.account_id:
        where = f"arn:{seen.partition or 'aws'}:ec2:{seen.region}:{seen.account_id}:"
    uid = f"{where}instance/{instance.instance_id}" if where else instance.instance_id
    yield _at(seen, "AWS::EC2::Instance", uid, instance.instance_id, **facts)
    for group_id, group_name in groups.items():
        uid = f"{where}security-group/{group_id}" if where else group_id
        yield _at(seen, "AWS::EC2::SecurityGroup", uid, group_id, group_name=group_name, ports=ports)


def _reached_ports(seen: GuardDutyFinding) -> set[int]:
    """The ports of ours that a stranger reached; an outbound connection's local port is no open door."""
    action = seen.service.action
    details = [probe.local_port_details for probe in action.port_probe_action.port_probe_details]
    if (action.network_connection_action.connection_direction or "").upper() == "INBOUND":
        details.append(action.network_connection_action.local_port_details)
    return {detail.port for detail in details if detail.port is not None}


def _sequence(seen: GuardDutyFinding) -> Iterator[Resource]:
    for part in seen.service.detection.sequence.resources:
        kind = _SEQUENCE_KINDS.get(part.resource_type or "")
        if not part.uid or not kind:
            continue  # keys are told by the actors
        at = _at(seen, kind, part.uid, part.name, tags=tags_of(part.tags))
        # What GuardDuty says of the resource outranks its ARN, which may name no account.
        yield at.model_copy(
            update={"account": part.account_id or at.account, "region": part.region or at.region}
        )
