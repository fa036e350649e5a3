"""The resources of an ASFF finding, each where it is, and the principals among them.

Kinds become CloudFormation type names (`AwsS3Bucket` -> `AWS::S3::Bucket`); a security group carries
`open_ingress` (its rules for the whole internet) and `ports` (their single ports).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from firedoor.domain.finding.finding import Actor, Resource
from firedoor.sources.aws_names import access_key_id, arn, function_name, principal, principal_resources
from firedoor.sources.forgiving import certain, owner, prose, thing
from firedoor.sources.security_hub_fields import AsffFinding, AsffResource, AsffSecurityGroup

_KEY = "AWS::IAM::AccessKey"
_PRINCIPALS = {"AWS::IAM::User": "IAMUser", "AWS::IAM::Role": "Role"}
_ANYWHERE = frozenset(("0.0.0.0/0", "::/0", "0::/0", "0:0:0:0:0:0:0:0/0"))
#: ASFF's names, whose services and things CloudFormation spells otherwise than by their capital letters.
KINDS = {
    "AwsAccount": "AWS::::Account",
    "AwsApiGatewayV2Api": "AWS::ApiGatewayV2::Api",
    "AwsCertificateManagerCertificate": "AWS::CertificateManager::Certificate",
    "AwsCloudFrontDistribution": "AWS::CloudFront::Distribution",
    "AwsCloudTrailTrail": "AWS::CloudTrail::Trail",
    "AwsCodeBuildProject": "AWS::CodeBuild::Project",
    "AwsDynamoDbTable": "AWS::DynamoDB::Table",
    "AwsEc2Image": "AWS::EC2::Image",
    "AwsEc2Instance": "AWS::EC2::Instance",
    "AwsEc2NetworkInterface": "AWS::EC2::NetworkInterface",
    "AwsEc2SecurityGroup": "AWS::EC2::SecurityGroup",
    "AwsEc2Snapshot": "AWS::EC2::Snapshot",
    "AwsEc2Subnet": "AWS::EC2::Subnet",
    "AwsEc2Volume": "AWS::EC2::Volume",
    "AwsEc2Vpc": "AWS::EC2::VPC",
    "AwsEcrContainerImage": "AWS::ECR::ContainerImage",
    "AwsEcrRepository": "AWS::ECR::Repository",
    "AwsEcsCluster": "AWS::ECS::Cluster",
    "AwsEcsContainer": "OCI::Container",
    "AwsEcsService": "AWS::ECS::Service",
    "AwsEcsTask": "AWS::ECS::Task",
    "AwsEcsTaskDefinition": "AWS::ECS::TaskDefinition",
    "AwsEksCluster": "AWS::EKS::Cluster",
    "AwsIamAccessKey": _KEY,
    "AwsIamGroup": "AWS::IAM::Group",
    "AwsIamPolicy": "AWS::IAM::ManagedPolicy",
    "AwsIamRole": "AWS::IAM::Role",
    "AwsIamUser": "AWS::IAM::User",
    "AwsKmsKey": "AWS::KMS::Key",
    "AwsLambdaFunction": "AWS::Lambda::Function",
    "AwsRdsDbCluster": "AWS::RDS::DBCluster",
    "AwsRdsDbClusterSnapshot": "AWS::RDS::DBClusterSnapshot",
    "AwsRdsDbInstance": "AWS::RDS::DBInstance",
    "AwsRdsDbSnapshot": "AWS::RDS::DBSnapshot",
    "AwsS3Bucket": "AWS::S3::Bucket",
    "AwsS3Object": "AWS::S3::Object",
    "AwsSecretsManagerSecret": "AWS::SecretsManager::Secret",
    "AwsSnsTopic": "AWS::SNS::Topic",
    "AwsSqsQueue": "AWS::SQS::Queue",
    "Container": "OCI::Container",
}


def resources(seen: AsffFinding) -> tuple[Resource, ...]:
    """Every resource; a key without an id (GuardDuty writes `AWS::IAM::AccessKey:null`) is none."""
    return tuple(filter(None, (_resource(part, seen) for part in seen.resources)))


def principals(seen: AsffFinding, source_ips: tuple[str, ...]) -> dict[Actor, tuple[Resource, ...]]:
    """Each principal with the resources that are its own: the keys' holders, else the users and roles."""
    keys = [part for part in seen.resources if _kind(part) == _KEY]
    told: dict[Actor, tuple[Resource, ...]] = {}
    for actor in (
        *(_key_actor(part, seen, source_ips) for part in keys),
        *_sequence_actors(seen, source_ips),
    ):
        told[actor] = _own(actor, seen)
    if any(actor.uid or actor.user_name or actor.role_name or actor.access_key_id for actor in told):
        return told
    for part in seen.resources:
        parts = arn(part.id)
        if parts and parts.service == "iam" and (word := _PRINCIPALS.get(_kind(part))):
            actor = principal(
                kind=word, uid=None, name=parts.name, key=None, account=parts.account, source_ips=source_ips
            )
            told[actor] = _own(actor, seen)
    return told


def _own(actor: Actor, seen: AsffFinding) -> tuple[Resource, ...]:
    """The actor's key, and its user or role, where the finding lists them."""
    names = {(part.kind, part.name) for part in principal_resources(actor, None)}
    return tuple(part for part in resources(seen) if (part.kind, part.name) in names)


def _key_actor(part: AsffResource, seen: AsffFinding, source_ips: tuple[str, ...]) -> Actor:
    key = part.details.aws_iam_access_key
    issuer = key.session_context.session_issuer
    uid = _id(part)
    parts = arn(uid)
    told = access_key_id(key.access_key_id) or access_key_id(re.split(r"[:/]", uid)[-1])
    name = key.principal_name or key.user_name or issuer.user_name
    # Long-lived keys (AKIA) are users' alone; of a session only its type tells whose it is.
    kind = key.principal_type or ("IAMUser" if told and told.startswith("AKIA") and name else None)
    return principal(
        kind=kind,
        uid=key.principal_id,
        name=name,
        key=told,
        account=(parts.account if parts else None)
        or key.account_id
        or issuer.account_id
        or _told_owner(seen),
        issuer=issuer.arn,
        source_ips=source_ips,
    )


def _sequence_actors(seen: AsffFinding, source_ips: tuple[str, ...]) -> Iterator[Actor]:
    for one in seen.detection.sequence.actors:
        user = one.user
        yield principal(
            kind=user.type,
            uid=user.uid,
            name=user.name,
            key=user.credential_uid or one.session.uid,
            account=user.account.uid,
            issuer=one.session.issuer,
            source_ips=source_ips,
        )


def _told_owner(seen: AsffFinding) -> str | None:
    """The account that owns the resource, where the finding is told to another (`ResourceOwnerAccount`)."""
    for key, value in seen.product_fields.items():
        if key.replace("/", ":").rpartition(":")[2].lower() == "resourceowneraccount":
            return certain(owner, value, "ProductFields.ResourceOwnerAccount")
    return None


def _kind(part: AsffResource) -> str:
    return KINDS.get(part.type or "", part.type or "Other")


def _id(part: AsffResource) -> str:
    """The id without ASFF's prefix for what has no ARN, and without the word null."""
    uid = re.sub(r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+:", "", part.id or "")
    return "" if uid.lower() in ("null", "none", "undefined") else uid


def _resource(part: AsffResource, seen: AsffFinding) -> Resource | None:
    uid, kind = _id(part), _kind(part)
    if not uid:
        return None
    parts = arn(uid)
    facts: dict[str, Any] = {}
    if part.tags:
        facts["tags"] = {str(key): prose(value) for key, value in part.tags.items()}
    if kind == "AWS::EC2::SecurityGroup":
        facts.update(_openings(part.details.aws_ec2_security_group))
    name = function_name(uid) if kind == "AWS::Lambda::Function" else None
    return thing(
        kind=kind,
        uid=uid,
        name=name or (parts.name if parts else uid),
        account=(parts.account if parts else None)
        or _detailed_owner(part)
        or _told_owner(seen)
        or seen.aws_account_id,
        region=(parts.region if parts else None) or part.region or seen.region,
        attributes=facts,
    )


def _detailed_owner(part: AsffResource) -> str | None:
    details = part.details
    return (
        details.aws_iam_access_key.account_id
        or details.aws_s3_bucket.owner_account_id
        or details.aws_ec2_security_group.owner_id
    )


def _openings(group: AsffSecurityGroup) -> dict[str, Any]:
    rules: list[Any] = []
    ports: set[int] = set()
    for permission in group.ip_permissions:
        ranges = (
            *(one.cidr_ip for one in permission.ip_ranges),
            *(one.cidr for one in permission.ipv6_ranges),
        )
        for cidr in ranges:
            if cidr not in _ANYWHERE:
                continue
            if permission.from_port is not None and permission.from_port == permission.to_port:
                ports.add(permission.from_port)
            rules.append(
                {
                    "protocol": permission.ip_protocol or "-1",
                    "from_port": permission.from_port,
                    "to_port": permission.to_port,
                    "cidr": cidr,
                }
            )
    return {"group_name": group.group_name or "", "open_ingress": rules, "ports": sorted(ports)}
