"""The fields of a GuardDuty finding that we use, in either spelling."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, AliasGenerator, ConfigDict
from pydantic.alias_generators import to_camel, to_pascal

from firedoor.sources.forgiving import (
    Count,
    Deciding,
    EveryPart,
    Fields,
    Flag,
    MaybeAccount,
    MaybeAddress,
    MaybeMoment,
    MaybeName,
    MaybeNumber,
    MaybeOwner,
    MaybePort,
    MaybeRegion,
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


class DecidingEitherCase(EitherCase, Deciding):
    """The same for an object in which stands what decides."""


class Tag(EitherCase):
    """A tag of a resource."""

    key: MaybeText = None
    value: Prose = ""


class AccessKey(DecidingEitherCase):
    """The caller: a key and its principal."""

    access_key_id: MaybeName = None
    principal_id: MaybeName = None
    user_name: MaybeName = None
    user_type: MaybeName = None


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

    subnet_id: MaybeText = None
    vpc_id: MaybeText = None
    public_ip: MaybeAddress = None
    security_groups: Parts[Group] = ()


class Profile(EitherCase):
    """The instance's profile."""

    arn: MaybeText = None


class Instance(EitherCase):
    """The instance that was attacked, or that attacks."""

    image_description: MaybeText = None
    instance_id: MaybeText = None
    iam_instance_profile: Profile = Profile()
    network_interfaces: Parts[Interface] = ()
    tags: Parts[Tag] = ()


class Function(EitherCase):
    """The Lambda function."""

    function_arn: MaybeText = None
    function_name: MaybeText = None
    tags: Parts[Tag] = ()


class Cluster(EitherCase):
    """An EKS or ECS cluster, and the task of the latter."""

    arn: MaybeText = None
    name: MaybeText = None
    tags: Parts[Tag] = ()
    task_details: Profile = Profile()


class Container(EitherCase):
    """A container."""

    id: MaybeText = None
    image: MaybeText = None
    name: MaybeText = None


class Workload(EitherCase):
    """What runs the containers in a cluster of Kubernetes."""

    name: MaybeText = None
    namespace: MaybeText = None
    type: MaybeText = None
    uid: MaybeText = None


class Kubernetes(EitherCase):
    """What in a cluster of Kubernetes is affected."""

    kubernetes_workload_details: Workload = Workload()


class Database(EitherCase):
    """A database of RDS: an instance, or the shard group of a Limitless one."""

    db_cluster_identifier: MaybeText = None
    db_instance_arn: MaybeText = None
    db_instance_identifier: MaybeText = None
    db_shard_group_arn: MaybeText = None
    db_shard_group_identifier: MaybeText = None
    engine: MaybeText = None
    tags: Parts[Tag] = ()


class Affected(DecidingEitherCase):
    """What the finding is about; filled according to its type."""

    access_key_details: AccessKey = AccessKey()
    container_details: Container = Container()
    ecs_cluster_details: Cluster = Cluster()
    eks_cluster_details: Cluster = Cluster()
    instance_details: Instance = Instance()
    kubernetes_details: Kubernetes = Kubernetes()
    lambda_details: Function = Function()
    rds_db_instance_details: Database = Database()
    rds_limitless_db_details: Database = Database()
    s3_bucket_details: Parts[Bucket] = ()


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


class SequenceAccount(DecidingEitherCase):
    """The account a principal acted in: its own, unless its session's issuer tells another."""

    uid: MaybeOwner = None


class SequenceUser(DecidingEitherCase):
    """A principal of an attack sequence."""

    account: SequenceAccount = SequenceAccount()
    credential_uid: MaybeName = None
    name: MaybeName = None
    type: MaybeName = None
    uid: MaybeName = None


class SequenceSession(EitherCase):
    """The session a principal used."""

    issuer: MaybeText = None
    uid: MaybeText = None


class SequenceActor(DecidingEitherCase):
    """One actor of an attack sequence."""

    user: SequenceUser = SequenceUser()
    session: SequenceSession = SequenceSession()


class SequenceEndpoint(EitherCase):
    """An address an attack sequence came from."""

    ip: MaybeAddress = None


class SequenceData(EitherCase):
    """More about a resource, according to its type."""

    access_key: AccessKey = AccessKey()


class SequenceResource(DecidingEitherCase):
    """A resource an attack sequence touched."""

    account_id: MaybeOwner = None
    data: SequenceData = SequenceData()
    name: MaybeText = None
    region: MaybeRegion = None
    resource_type: MaybeText = None
    tags: Parts[Tag] = ()
    uid: MaybeText = None


class Sequence(DecidingEitherCase):
    """An attack sequence: who did what to which resources."""

    actors: EveryPart[SequenceActor] = ()
    endpoints: Parts[SequenceEndpoint] = ()
    resources: EveryPart[SequenceResource] = ()


class Detection(DecidingEitherCase):
    """What correlation found."""

    sequence: Sequence = Sequence()


class Service(DecidingEitherCase):
    """GuardDuty's own record of what it saw."""

    action: Action = Action()
    additional_info: Any = None
    archived: Flag = False
    count: Count = 1
    detection: Detection = Detection()
    event_first_seen: MaybeMoment = None
    event_last_seen: MaybeMoment = None


class GuardDutyFinding(DecidingEitherCase):
    """The finding, as EventBridge's `detail` or as GetFindings returns it."""

    account_id: MaybeAccount = None
    created_at: MaybeMoment = None
    description: Prose = ""
    id: MaybeText = None
    partition: MaybeText = None
    region: MaybeRegion = None
    resource: Affected = Affected()
    service: Service = Service()
    severity: MaybeNumber = None
    title: Prose = ""
    type: MaybeText = None
    updated_at: MaybeMoment = None
