"""The fields of an ASFF finding that we use."""

from __future__ import annotations

from pydantic import AliasGenerator, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from firedoor.findings.forgiving import (
    Fields,
    Flag,
    MaybeAccount,
    MaybeAddress,
    MaybeMoment,
    MaybeNumber,
    MaybePort,
    MaybeText,
    Parts,
    Prose,
    Table,
    Texts,
)


class Asff(Fields):
    """Fields spelled as ASFF does."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_pascal))


class AsffSeverity(Asff):
    """A severity in words and as a number."""

    label: MaybeText = None
    normalized: MaybeNumber = None


class AsffProvided(Asff):
    """What the product itself said, before anyone changed it."""

    severity: AsffSeverity = AsffSeverity()
    types: Texts = ()


class AsffCompliance(Asff):
    """The outcome of a control."""

    status: MaybeText = None
    security_control_id: MaybeText = None


class AsffWorkflow(Asff):
    """Where people stand with the finding."""

    status: MaybeText = None


class AsffRemoteIp(Asff):
    """Where a call or a connection came from."""

    address: MaybeAddress = Field(default=None, validation_alias="IpAddressV4")


class AsffCall(Asff):
    """An API call or a network connection."""

    remote_ip_details: AsffRemoteIp = AsffRemoteIp()


class AsffAction(Asff):
    """What happened."""

    aws_api_call_action: AsffCall = AsffCall()
    network_connection_action: AsffCall = AsffCall()


class AsffIssuer(Asff):
    """The role behind a session."""

    user_name: MaybeText = None


class AsffSession(Asff):
    """The session a key belongs to."""

    session_issuer: AsffIssuer = AsffIssuer()


class AsffAccessKey(Asff):
    """The details of an access key."""

    access_key_id: MaybeText = None
    principal_id: MaybeText = None
    principal_name: MaybeText = None
    principal_type: MaybeText = None
    user_name: MaybeText = None
    session_context: AsffSession = AsffSession()


class AsffRange4(Asff):
    """An IPv4 range."""

    cidr_ip: MaybeText = None


class AsffRange6(Asff):
    """An IPv6 range."""

    cidr: MaybeText = Field(default=None, validation_alias="CidrIpv6")


class AsffPermission(Asff):
    """One ingress rule."""

    ip_protocol: MaybeText = None
    from_port: MaybePort = None
    to_port: MaybePort = None
    ip_ranges: Parts[AsffRange4] = ()
    ipv6_ranges: Parts[AsffRange6] = Field(default=(), validation_alias="Ipv6Ranges")


class AsffSecurityGroup(Asff):
    """The details of a security group."""

    group_id: MaybeText = None
    group_name: MaybeText = None
    ip_permissions: Parts[AsffPermission] = ()


class AsffDetails(Asff):
    """The details of those resources we look into."""

    aws_iam_access_key: AsffAccessKey = AsffAccessKey()
    aws_ec2_security_group: AsffSecurityGroup = Field(
        default=AsffSecurityGroup(), validation_alias="AwsEc2SecurityGroup"
    )


class AsffResource(Asff):
    """A resource the finding is about."""

    type: MaybeText = None
    id: MaybeText = None
    region: MaybeText = None
    tags: Table = Field(default_factory=dict)
    details: AsffDetails = AsffDetails()


class AsffFinding(Asff):
    """One finding."""

    action: AsffAction = AsffAction()
    aws_account_id: MaybeAccount = None
    compliance: AsffCompliance = AsffCompliance()
    confidence: MaybeNumber = None
    created_at: MaybeMoment = None
    description: Prose = ""
    finding_provider_fields: AsffProvided = AsffProvided()
    first_observed_at: MaybeMoment = None
    generator_id: MaybeText = None
    id: MaybeText = None
    last_observed_at: MaybeMoment = None
    product_arn: MaybeText = None
    product_fields: Table = Field(default_factory=dict)
    record_state: MaybeText = None
    region: MaybeText = None
    resources: Parts[AsffResource] = ()
    sample: Flag = False
    severity: AsffSeverity = AsffSeverity()
    source_url: MaybeText = None
    title: Prose = ""
    types: Texts = ()
    updated_at: MaybeMoment = None
    workflow: AsffWorkflow = AsffWorkflow()
