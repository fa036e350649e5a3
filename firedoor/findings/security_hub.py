"""AWS Security Hub findings in ASFF, many in one event.

- `source` is `aws.security_hub`, whichever product made the finding.
- `type` is the control id (`S3.2`) where Security Hub's own checks made it, else the first of ASFF's
  `Types`, as it stands there (a GuardDuty import: `TTPs/UnauthorizedAccess:IAMUser-TorIPCaller`). Only
  Security Hub's own product is believed about controls. The old standards' ids (`PCI.S3.2`, CIS `2.7`)
  count differently and are not translated.
- Resource kinds become CloudFormation type names (`AwsS3Bucket` -> `AWS::S3::Bucket`); a security group
  carries `open_ingress` (its rules for the whole internet) and `ports` (their single ports).
- Archived, suppressed, resolved and passed findings are ignored; samples are tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from firedoor.domain.finding import Actor, Finding, Resource, Severity
from firedoor.findings.aws_names import access_key_id, arn, principal
from firedoor.findings.delivery import Left
from firedoor.findings.forgiving import address, build, needed, prose, quoted, thing
from firedoor.findings.security_hub_fields import AsffFinding, AsffResource, AsffSecurityGroup

SOURCE = "aws.security_hub"

_OWN_PRODUCT = re.compile(r"arn:aws[a-z-]*:securityhub:[a-z0-9-]*::product/aws/securityhub")
_CONTROL = re.compile(r"[A-Z][A-Za-z0-9]*\.[0-9]+")
_SETTLED_WORKFLOW = frozenset(("SUPPRESSED", "RESOLVED"))
_MET_COMPLIANCE = frozenset(("PASSED", "NOT_AVAILABLE"))
_KEY_PREFIX = "AWS::IAM::AccessKey:"
_ANYWHERE = frozenset(("0.0.0.0/0", "::/0"))

_KINDS = {
    "AwsAccount": "AWS::::Account",
    "AwsEc2Instance": "AWS::EC2::Instance",
    "AwsEc2SecurityGroup": "AWS::EC2::SecurityGroup",
    "AwsEc2Vpc": "AWS::EC2::VPC",
    "AwsEksCluster": "AWS::EKS::Cluster",
    "AwsIamAccessKey": "AWS::IAM::AccessKey",
    "AwsIamPolicy": "AWS::IAM::ManagedPolicy",
    "AwsIamRole": "AWS::IAM::Role",
    "AwsIamUser": "AWS::IAM::User",
    "AwsKmsKey": "AWS::KMS::Key",
    "AwsLambdaFunction": "AWS::Lambda::Function",
    "AwsRdsDbInstance": "AWS::RDS::DBInstance",
    "AwsRdsDbSnapshot": "AWS::RDS::DBSnapshot",
    "AwsS3Bucket": "AWS::S3::Bucket",
    "AwsSecretsManagerSecret": "AWS::SecretsManager::Secret",
}
_LABELS = {severity.name: severity for severity in Severity}


def read_security_hub(
    payload: Any, *, account: str | None, region: str | None, raw_sha256: str, received: datetime
) -> Finding | Left:
    """Read one ASFF finding; `account` and `region` are the envelope's, used where it names none itself."""
    seen = AsffFinding.read(payload)
    uid = needed(seen.id, "Id", "the finding's Id")
    if reason := _settled(seen):
        return Left(uid, reason)
    type_ = needed(_type(seen), "Types", "a control id, or at least one entry in Types")
    modified = seen.updated_at or seen.last_observed_at or seen.created_at or received
    last_seen = seen.last_observed_at or modified
    account = seen.aws_account_id or account
    region = seen.region or region or next((part.region for part in seen.resources if part.region), None)
    return build(
        uid=uid,
        source=SOURCE,
        type=type_,
        title=seen.title or seen.description or type_,
        severity=_severity(seen),
        confidence=seen.confidence / 100 if seen.confidence and 0 <= seen.confidence <= 100 else None,  # noqa: PLR2004
        account=account,
        region=region,
        resources=tuple(filter(None, (_resource(part, account, region) for part in seen.resources))),
        actor=_actor(seen),
        first_seen=seen.first_observed_at or seen.created_at or last_seen,
        last_seen=last_seen,
        modified=modified,
        url=seen.source_url if (seen.source_url or "").startswith("https://") else None,
        raw_sha256=raw_sha256,
        is_test=_is_test(seen),
    )


def _settled(seen: AsffFinding) -> str | None:
    if (seen.record_state or "").upper() == "ARCHIVED":
        return "archived in Security Hub"
    workflow = (seen.workflow.status or "").upper()
    if workflow in _SETTLED_WORKFLOW:
        return f"{workflow.lower()} in Security Hub"
    if (seen.compliance.status or "").upper() in _MET_COMPLIANCE:
        return "the control passed, or has nothing to check"
    return None


def _type(seen: AsffFinding) -> str | None:
    if _OWN_PRODUCT.fullmatch(seen.product_arn or ""):
        generator = (seen.generator_id or "").rpartition("/")[2]
        for control in (seen.compliance.security_control_id, seen.product_fields.get("ControlId"), generator):
            if isinstance(control, str) and _CONTROL.fullmatch(control):
                return control
    types = seen.types or seen.finding_provider_fields.types
    return types[0] if types else None


def _severity(seen: AsffFinding) -> Severity:
    provided = seen.finding_provider_fields.severity
    for told in (seen.severity, provided):
        if severity := _LABELS.get((told.label or "").upper()):
            return severity
    normalized = seen.severity.normalized if seen.severity.normalized is not None else provided.normalized
    value = needed(normalized, "Severity", "Severity.Label or Severity.Normalized")
    # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html
    for floor, severity in (
        (90, Severity.CRITICAL),
        (70, Severity.HIGH),
        (40, Severity.MEDIUM),
        (1, Severity.LOW),
    ):
        if value >= floor:
            return severity
    return Severity.INFORMATIONAL


def _resource(part: AsffResource, account: str | None, region: str | None) -> Resource | None:
    if not part.id:
        return None
    kind = _KINDS.get(part.type or "", part.type or "Other")
    uid = part.id.removeprefix(_KEY_PREFIX)
    parts = arn(uid)
    facts: dict[str, Any] = {}
    if part.tags:
        facts["tags"] = {str(key): prose(value) for key, value in part.tags.items()}
    if kind == "AWS::EC2::SecurityGroup":
        facts.update(_openings(part.details.aws_ec2_security_group))
    name = parts.name if parts else uid
    if parts and kind == "AWS::Lambda::Function":
        name = parts.path.split(":")[1] if ":" in parts.path else parts.name
    return thing(
        kind=kind,
        uid=uid,
        name=name,
        account=(parts.account if parts else None) or account,
        region=part.region or (parts.region if parts else None) or region,
        attributes=facts,
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


def _actor(seen: AsffFinding) -> Actor:
    ips = tuple(dict.fromkeys(_source_ips(seen)))
    for part in seen.resources:
        if part.type == "AwsIamAccessKey":
            key = part.details.aws_iam_access_key
            issuer = key.session_context.session_issuer.user_name
            named = (part.id or "").removeprefix(_KEY_PREFIX)
            return principal(
                kind=key.principal_type,
                uid=key.principal_id,
                name=key.principal_name or key.user_name or issuer,
                key=key.access_key_id or access_key_id(named),
                source_ips=ips,
            )
    for part in seen.resources:
        parts = arn(part.id)
        if parts and parts.service == "iam" and parts.path.startswith(("user/", "role/")):
            kind = "IAMUser" if parts.path.startswith("user/") else "Role"
            return principal(kind=kind, uid=None, name=parts.name, key=None, source_ips=ips)
    return Actor(source_ips=ips)


def _source_ips(seen: AsffFinding) -> Iterator[str]:
    for call in (seen.action.aws_api_call_action, seen.action.network_connection_action):
        if call.remote_ip_details.address:
            yield call.remote_ip_details.address
    for key, value in seen.product_fields.items():
        if key.lower().endswith("remoteipdetails/ipaddressv4") and (ip := address(value)):
            yield ip


def _is_test(seen: AsffFinding) -> bool:
    sampled = any(
        key.lower().endswith("additionalinfo/sample") and str(value).lower() == "true"
        for key, value in seen.product_fields.items()
    )
    generated = any("GeneratedFinding" in (part.id or "") for part in seen.resources)
    return seen.sample or sampled or generated or seen.title.startswith("[SAMPLE]")


def place(payload: Any, index: int) -> str:
    """What to call a finding in an answer: its Id, or its place in the event."""
    return AsffFinding.read(payload).id or quoted(f"findings[{index}]").strip("'")
