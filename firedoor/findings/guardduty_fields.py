"""The fields of a GuardDuty finding that we use, in either spelling."""

from __future__ import annotations

from pydantic import AliasChoices, AliasGenerator, ConfigDict
from pydantic.alias_generators import to_camel, to_pascal

from firedoor.findings.forgiving import (
    Count,
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
)


class EitherCase(Fields):
    """Fields spelled in camelCase or in PascalCase."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(to_camel(name), to_pascal(name))
        )
    )


class Tag(EitherCase):
    """A tag of a resource."""

    key: MaybeText = None
    value: Prose = ""


class AccessKey(EitherCase):
    """The caller: a key and its principal."""

    access_key_id: MaybeText = None
    principal_id: MaybeText = None
    user_name: MaybeText = None
    user_type: MaybeText = None


class PublicAccess(EitherCase):
    """Whether the bucket lets everybody in."""

    effective_permission: MaybeText = None


class Bucket(EitherCase):
    """A bucket that was touched."""

    arn: MaybeText = None
    name: MaybeText = None
    tags: Parts[Tag] = ()
    public_access: PublicAccess = PublicAccess()


class Group(EitherCase):
    """A security group of a network interface."""

    group_id: MaybeText = None
    group_name: MaybeText = None


class Interface(EitherCase):
    """A network interface of the instance."""

    public_ip: MaybeAddress = None
    security_groups: Parts[Group] = ()


class Profile(EitherCase):
    """The instance's profile."""

    arn: MaybeText = None


class Instance(EitherCase):
    """The instance that was attacked, or that attacks."""

    instance_id: MaybeText = None
    iam_instance_profile: Profile = Profile()
    network_interfaces: Parts[Interface] = ()
    tags: Parts[Tag] = ()


class Function(EitherCase):
    """The Lambda function."""

    function_arn: MaybeText = None
    function_name: MaybeText = None
    tags: Parts[Tag] = ()


class Affected(EitherCase):
    """What the finding is about; filled according to its type."""

    access_key_details: AccessKey = AccessKey()
    s3_bucket_details: Parts[Bucket] = ()
    instance_details: Instance = Instance()
    lambda_details: Function = Function()


class RemoteIp(EitherCase):
    """Where a call or a connection came from."""

    ip_address_v4: MaybeAddress = None
    ip_address_v6: MaybeAddress = None


class Port(EitherCase):
    """A port."""

    port: MaybePort = None


class Probe(EitherCase):
    """One probed port."""

    local_port_details: Port = Port()
    remote_ip_details: RemoteIp = RemoteIp()


class Call(EitherCase):
    """Any of the actions: an API call (also Kubernetes' and a database's), a connection, a probe."""

    connection_direction: MaybeText = None
    local_port_details: Port = Port()
    remote_ip_details: RemoteIp = RemoteIp()
    port_probe_details: Parts[Probe] = ()


class Action(EitherCase):
    """What happened, in one of five shapes."""

    aws_api_call_action: Call = Call()
    network_connection_action: Call = Call()
    port_probe_action: Call = Call()
    kubernetes_api_call_action: Call = Call()
    rds_login_attempt_action: Call = Call()

    def calls(self) -> tuple[Call, ...]:
        """The five shapes; at most one of them is filled."""
        return (
            self.aws_api_call_action,
            self.network_connection_action,
            self.port_probe_action,
            self.kubernetes_api_call_action,
            self.rds_login_attempt_action,
        )


class SequenceUser(EitherCase):
    """A principal of an attack sequence."""

    name: MaybeText = None
    uid: MaybeText = None
    type: MaybeText = None
    credential_uid: MaybeText = None


class SequenceSession(EitherCase):
    """The session a principal used."""

    uid: MaybeText = None


class SequenceActor(EitherCase):
    """One actor of an attack sequence."""

    user: SequenceUser = SequenceUser()
    session: SequenceSession = SequenceSession()


class SequenceEndpoint(EitherCase):
    """An address an attack sequence came from."""

    ip: MaybeAddress = None


class SequenceResource(EitherCase):
    """A resource an attack sequence touched."""

    uid: MaybeText = None
    name: MaybeText = None
    resource_type: MaybeText = None
    tags: Parts[Tag] = ()


class Sequence(EitherCase):
    """An attack sequence: who did what to which resources."""

    actors: Parts[SequenceActor] = ()
    endpoints: Parts[SequenceEndpoint] = ()
    resources: Parts[SequenceResource] = ()


class Detection(EitherCase):
    """What correlation found."""

    sequence: Sequence = Sequence()


class AdditionalInfo(EitherCase):
    """Extras; above all whether it is a sample."""

    sample: Flag = False
    value: Prose = ""


class Service(EitherCase):
    """GuardDuty's own record of what it saw."""

    action: Action = Action()
    additional_info: AdditionalInfo = AdditionalInfo()
    archived: Flag = False
    count: Count = 1
    detection: Detection = Detection()
    event_first_seen: MaybeMoment = None
    event_last_seen: MaybeMoment = None


class GuardDutyFinding(EitherCase):
    """The finding, as EventBridge's `detail` or as GetFindings returns it."""

    account_id: MaybeAccount = None
    created_at: MaybeMoment = None
    description: Prose = ""
    id: MaybeText = None
    partition: MaybeText = None
    region: MaybeText = None
    resource: Affected = Affected()
    service: Service = Service()
    severity: MaybeNumber = None
    title: Prose = ""
    type: MaybeText = None
    updated_at: MaybeMoment = None
