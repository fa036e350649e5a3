"""The fields of an ASFF finding that we use."""

from __future__ import annotations

from typing import Any

from pydantic import AliasGenerator, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from firedoor.sources.forgiving import (
    Deciding,
    EveryPart,
    Fields,
    MaybeAccount,
    MaybeAddress,
    MaybeCode,
    MaybeMoment,
    MaybeName,
    MaybeNumber,
    MaybeOwner,
    MaybePort,
    MaybeRegion,
    MaybeText,
    MaybeWord,
    Parts,
    Prose,
    Table,
    Texts,
)


class Asff(Fields):
    """Fields spelled as ASFF does."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_pascal))


class DecidingAsff(Asff, Deciding):
    """The same for an object in which stands what decides."""


class AsffSeverity(DecidingAsff):
    """A severity in words and as a number."""

    label: MaybeWord = None
    normalized: MaybeCode = None


class AsffProvided(Asff):
    """What the product itself said, before anyone changed it."""

    severity: AsffSeverity = AsffSeverity()
    types: Texts = ()


class AsffCompliance(DecidingAsff):
    """The outcome of a control."""

    status: MaybeWord = None
    security_control_id: MaybeText = None


class AsffWorkflow(DecidingAsff):
    """Where people stand with the finding."""

    status: MaybeWord = None


class AsffRemoteIp(Asff):
    """Where a call or a connection came from."""

    address: MaybeAddress = Field(default=None, validation_alias="IpAddressV4")
    address_v6: MaybeAddress = Field(default=None, validation_alias="IpAddressV6")


class AsffProbe(Asff):
    """One probed port."""

    remote_ip_details: AsffRemoteIp = AsffRemoteIp()


class AsffProbes(Asff):
    """The ports that were probed."""

    port_probe_details: Parts[AsffProbe] = ()


class AsffCall(Asff):
    """An API call or a network connection."""

    remote_ip_details: AsffRemoteIp = AsffRemoteIp()


class AsffAction(Asff):
    """What happened."""

    aws_api_call_action: AsffCall = AsffCall()
    network_connection_action: AsffCall = AsffCall()
    port_probe_action: AsffProbes = AsffProbes()


class AsffIssuer(Asff):
    """The role behind a session."""

    account_id: MaybeOwner = None
    arn: MaybeText = None
    user_name: MaybeText = None


class AsffSession(Asff):
    """The session a key belongs to."""

    session_issuer: AsffIssuer = AsffIssuer()


class AsffAccessKey(DecidingAsff):
    """The details of an access key."""

    access_key_id: MaybeName = None
    account_id: MaybeOwner = None
    principal_id: MaybeName = None
    principal_name: MaybeName = None
    principal_type: MaybeName = None
    session_context: AsffSession = AsffSession()
    user_name: MaybeName = None


class AsffBucket(Asff):
    """The details of a bucket."""

    owner_account_id: MaybeOwner = None


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
    owner_id: MaybeOwner = None
    ip_permissions: Parts[AsffPermission] = ()


class AsffDetails(DecidingAsff):
    """The details of those resources we look into."""

    aws_iam_access_key: AsffAccessKey = AsffAccessKey()
    aws_ec2_security_group: AsffSecurityGroup = Field(
        default=AsffSecurityGroup(), validation_alias="AwsEc2SecurityGroup"
    )
    aws_s3_bucket: AsffBucket = Field(default=AsffBucket(), validation_alias="AwsS3Bucket")


class AsffResource(DecidingAsff):
    """A resource the finding is about."""

    details: AsffDetails = AsffDetails()
    id: MaybeWord = None
    region: MaybeRegion = None
    tags: Table = Field(default_factory=dict)
    type: MaybeWord = None


class AsffAccount(DecidingAsff):
    """The account a principal belongs to."""

    uid: MaybeOwner = None


class AsffUser(DecidingAsff):
    """A principal of an attack sequence."""

    account: AsffAccount = AsffAccount()
    credential_uid: MaybeName = None
    name: MaybeName = None
    type: MaybeName = None
    uid: MaybeName = None


class AsffSequenceSession(Asff):
    """The session a principal used."""

    issuer: MaybeText = None
    uid: MaybeText = None


class AsffActor(DecidingAsff):
    """One actor of an attack sequence."""

    session: AsffSequenceSession = AsffSequenceSession()
    user: AsffUser = AsffUser()


class AsffEndpoint(Asff):
    """An address an attack sequence came from."""

    ip: MaybeAddress = None


class AsffSequence(DecidingAsff):
    """An attack sequence of GuardDuty: who did it, and from where."""

    actors: EveryPart[AsffActor] = ()
    endpoints: Parts[AsffEndpoint] = ()


class AsffDetection(DecidingAsff):
    """What correlation found."""

    sequence: AsffSequence = AsffSequence()


class AsffFinding(DecidingAsff):
    """One finding."""

    action: AsffAction = AsffAction()
    aws_account_id: MaybeAccount = None
    compliance: AsffCompliance = AsffCompliance()
    confidence: MaybeNumber = None
    created_at: MaybeMoment = None
    description: Prose = ""
    detection: AsffDetection = AsffDetection()
    finding_provider_fields: AsffProvided = AsffProvided()
    first_observed_at: MaybeMoment = None
    generator_id: MaybeText = None
    id: MaybeText = None
    last_observed_at: MaybeMoment = None
    product_arn: MaybeText = None
    product_fields: Table = Field(default_factory=dict)
    product_name: MaybeText = None
    record_state: MaybeWord = None
    region: MaybeRegion = None
    resources: EveryPart[AsffResource] = ()
    sample: Any = None
    severity: AsffSeverity = AsffSeverity()
    source_url: MaybeText = None
    title: Prose = ""
    types: Texts = ()
    updated_at: MaybeMoment = None
    verification_state: MaybeWord = None
    workflow: AsffWorkflow = AsffWorkflow()
    workflow_state: MaybeWord = None
