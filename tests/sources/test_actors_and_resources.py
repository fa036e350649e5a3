"""All keys, all actors and all affected resources of a payload count, in the forms AWS sends them."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.domain.finding.finding import PrincipalKind
from tests.sources.samples import own, read
from tests.sources.test_settled import asff, guardduty, sequence

REGION = "arn:aws:%s:eu-west-1:123456789012:"


@pytest.mark.parametrize(
    ("details", "kind", "name"),
    [
        (
            {
                "rdsDbInstanceDetails": {
                    "dbInstanceIdentifier": "shop",
                    "dbInstanceArn": REGION % "rds" + "db:shop",
                }
            },
            "AWS::RDS::DBInstance",
            "shop",
        ),
        (
            {
                "rdsLimitlessDbDetails": {
                    "dbShardGroupIdentifier": "s",
                    "dbShardGroupArn": REGION % "rds" + "sg:s",
                }
            },
            "AWS::RDS::DBShardGroup",
            "s",
        ),
        (
            {"eksClusterDetails": {"name": "web", "arn": REGION % "eks" + "cluster/web"}},
            "AWS::EKS::Cluster",
            "web",
        ),
        (
            {"ecsClusterDetails": {"name": "jobs", "arn": REGION % "ecs" + "cluster/jobs"}},
            "AWS::ECS::Cluster",
            "jobs",
        ),
        (
            {"ecsClusterDetails": {"taskDetails": {"arn": REGION % "ecs" + "task/jobs/0a1b"}}},
            "AWS::ECS::Task",
            "0a1b",
        ),
        ({"containerDetails": {"id": "c1", "name": "api", "image": "api:1"}}, "OCI::Container", "api"),
        (
            {
                "kubernetesDetails": {
                    "kubernetesWorkloadDetails": {"uid": "w1", "name": "api", "type": "pods"}
                }
            },
            "Kubernetes::Workload",
            "api",
        ),
    ],
)
def test_guarddutys_affected_databases_clusters_and_containers_are_resources(details, kind, name):
    (finding,) = guardduty({"resource": details}).findings

    found = {part.kind: part for part in finding.resources}
    assert found[kind].name == name
    assert (found[kind].account, found[kind].region) == ("123456789012", "eu-west-1")


def test_a_security_hub_imports_clusters_databases_and_containers_keep_their_kinds():
    kinds = {
        "AwsEksCluster": "AWS::EKS::Cluster",
        "AwsEcsCluster": "AWS::ECS::Cluster",
        "AwsEcsTask": "AWS::ECS::Task",
        "AwsRdsDbInstance": "AWS::RDS::DBInstance",
        "AwsRdsDbCluster": "AWS::RDS::DBCluster",
        "AwsRdsDbSnapshot": "AWS::RDS::DBSnapshot",
        "Container": "OCI::Container",
        "AWS::EC2::Subnet": "AWS::EC2::Subnet",
    }
    parts = [{"Type": told, "Id": f"id-{told}"} for told in kinds]

    (finding,) = asff({"Resources": parts}).findings

    assert [part.kind for part in finding.resources] == list(kinds.values())


def key(uid: str, name: str, kind: str = "IAMUser", **changes: Any) -> dict[str, Any]:
    details = {"PrincipalName": name, "PrincipalType": kind} | changes
    return {
        "Type": "AwsIamAccessKey",
        "Id": f"AWS::IAM::AccessKey:{uid}",
        "Details": {"AwsIamAccessKey": details},
    }


def test_several_keys_in_asff_are_each_a_finding():
    keys = [
        key("ASIAIOSFODNN7EXAMPLE", "web", "AssumedRole"),
        key("AKIAIOSFODNN7EXAMPLE", "ci"),
        key("AKIAI44QH8DHBEXAMPLE", "ci"),
    ]

    found = asff({"Resources": [*keys, {"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::acme"}]}).findings

    assert [(one.actor.role_name, one.actor.user_name, one.actor.access_key_id) for one in found] == [
        ("web", None, "ASIAIOSFODNN7EXAMPLE"),
        (None, "ci", "AKIAIOSFODNN7EXAMPLE"),
        (None, "ci", "AKIAI44QH8DHBEXAMPLE"),
    ]
    for one in found:
        assert [part.uid for part in one.resources] == [one.actor.access_key_id, "arn:aws:s3:::acme"]


def test_the_actors_of_an_attack_sequence_in_asff_are_each_a_finding():
    actors = [
        {
            "User": {
                "Name": "web",
                "Uid": "AROAEXAMPLE:s",
                "Type": "AssumedRole",
                "Account": {"Uid": "123456789012"},
            }
        },
        {
            "User": {
                "Name": "ci",
                "Uid": "AIDAEXAMPLE",
                "Type": "IAMUser",
                "CredentialUid": "AKIAIOSFODNN7EXAMPLE",
            }
        },
    ]
    change = {
        "Resources": [],
        "Detection": {"Sequence": {"Actors": actors, "Endpoints": [{"Ip": "2001:db8::1"}]}},
    }

    role, user = asff(change).findings

    assert (role.actor.role_name, role.actor.account) == ("web", "123456789012")
    assert (user.actor.user_name, user.actor.access_key_id) == ("ci", "AKIAIOSFODNN7EXAMPLE")
    assert "2001:db8::1" in user.actor.source_ips


@pytest.mark.parametrize("id_", ["AWS::IAM::AccessKey:null", "AWS::IAM::AccessKey:", "null"])
def test_a_key_without_an_id_is_none_and_its_principal_still_is(id_):
    """GuardDuty writes null where somebody signed in to the console, without a key."""
    part = key("x", "ci") | {"Id": id_}

    (finding,) = asff({"Resources": [part]}).findings

    assert (finding.actor.user_name, finding.actor.access_key_id) == ("ci", None)
    assert finding.resources == ()


def test_a_bucket_that_is_really_called_null_stays_one():
    (finding,) = asff({"Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::null"}]}).findings

    assert [part.name for part in finding.resources] == ["null"]


def test_a_long_lived_key_with_a_name_and_no_type_is_a_users():
    part = key("AKIAIOSFODNN7EXAMPLE", "ci")
    part["Details"]["AwsIamAccessKey"] = {"UserName": "ci"}

    (finding,) = asff({"Resources": [part]}).findings

    assert (finding.actor.kind, finding.actor.user_name) == (PrincipalKind.IAM_USER, "ci")


def test_a_key_under_cloudformations_name_is_a_key():
    part = key("AKIAIOSFODNN7EXAMPLE", "ci", AccountId="123456789012") | {"Type": "AWS::IAM::AccessKey"}

    (finding,) = asff({"Resources": [part]}).findings

    assert (finding.actor.user_name, finding.actor.access_key_id) == ("ci", "AKIAIOSFODNN7EXAMPLE")
    assert finding.actor.account == "123456789012"


@pytest.mark.parametrize(
    "change",
    [
        {
            "ProductFields": {
                "aws/guardduty/service/action/awsApiCallAction/remoteIpDetails/ipAddressV6": "2001:db8::7"
            }
        },
        {"Action": {"AwsApiCallAction": {"RemoteIpDetails": {"IpAddressV6": "2001:db8::7"}}}},
        {
            "Action": {
                "PortProbeAction": {
                    "PortProbeDetails": [{"RemoteIpDetails": {"IpAddressV6": "2001:db8:0::7"}}]
                }
            }
        },
    ],
)
def test_addresses_of_ipv6_are_told_by_security_hub(change):
    (finding,) = asff(change).findings

    assert "2001:db8::7" in finding.actor.source_ips


def test_a_world_open_in_ipv6_is_open_however_it_is_written():
    event = own("security_hub/open_security_group.json")
    rule = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "Ipv6Ranges": [{"CidrIpv6": "0:0:0:0:0:0:0:0/0"}],
    }
    details = {"AwsEc2SecurityGroup": {"IpPermissions": [rule]}}
    event["detail"]["findings"][0]["Resources"][0]["Details"] = details

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.resources[0].attributes["ports"] == [22]


def test_a_third_partys_finding_is_called_by_product_and_generator():
    change = {
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/prowler/prowler",
        "ProductName": "Prowler",
        "GeneratorId": "prowler-s3_bucket_public_access",
        "Types": ["TTPs/UnauthorizedAccess:IAMUser-TorIPCaller"],
    }

    (finding,) = asff(change).findings

    assert (finding.source, finding.type) == (
        "aws.security_hub",
        "product/Prowler/prowler-s3_bucket_public_access",
    )


@pytest.mark.parametrize("types", [[], None])
def test_a_finding_of_a_product_without_types_is_not_lost(types):
    (finding,) = asff({"Types": types, "FindingProviderFields": None, "ProductName": "Decoys"}).findings

    assert finding.type.startswith("product/Decoys/")


@pytest.mark.parametrize(
    "uid", ["AKIAI44QH8DHBEXAMPLE", "arn:aws:iam::123456789012:access-key/AKIAI44QH8DHBEXAMPLE"]
)
def test_a_key_among_the_resources_of_a_sequence_counts_beside_the_actors(uid):
    extra = {
        "resourceType": "ACCESS_KEY",
        "uid": uid,
        "data": {
            "accessKey": {"principalId": "AIDAEXAMPLE0USER0002", "userName": "bob", "userType": "IAMUser"}
        },
    }
    event = own("guardduty/attack_sequence.json")
    event["detail"]["service"]["detection"]["sequence"]["resources"] = [extra]

    found = read("aws.eventbridge", event).findings

    assert [one.actor.user_name or one.actor.role_name for one in found] == ["ci-deploy", "admin", "bob"]
    assert found[2].actor.access_key_id == "AKIAI44QH8DHBEXAMPLE"


def test_the_same_principal_told_twice_is_one_actor():
    actors = [
        {"user": {"name": "ci-deploy", "uid": "AIDAEXAMPLE0USER0001", "type": "IAMUser"}},
        {
            "user": {
                "name": "ci-deploy",
                "uid": "AIDAEXAMPLE0USER0001",
                "type": "IAMUser",
                "credentialUid": "AKIAIOSFODNN7EXAMPLE",
            }
        },
    ]

    (finding,) = guardduty(sequence(actors=actors)).findings

    assert finding.actor.kind is PrincipalKind.IAM_USER
    assert finding.actor.access_key_id == "AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    ("entity", "user", "access_key"),
    [
        ("IAM_USER/ci-deploy/AKIAIOSFODNN7EXAMPLE", "ci-deploy", "AKIAIOSFODNN7EXAMPLE"),
        ("ci-deploy/AKIAIOSFODNN7EXAMPLE", "ci-deploy", "AKIAIOSFODNN7EXAMPLE"),
        ("AKIAIOSFODNN7EXAMPLE:ci-deploy", "ci-deploy", "AKIAIOSFODNN7EXAMPLE"),
        ("123456789012/ci-deploy/AKIAIOSFODNN7EXAMPLE", "ci-deploy", "AKIAIOSFODNN7EXAMPLE"),
        ("arn:aws:iam::123456789012:user/ci/ci-deploy", "ci-deploy", None),
        ("arn:aws:iam::123456789012:access-key/AKIAIOSFODNN7EXAMPLE", None, "AKIAIOSFODNN7EXAMPLE"),
        ("AKIAIOSFODNN7EXAMPLE", None, "AKIAIOSFODNN7EXAMPLE"),
        ("IAM_USER/ci-deploy", "ci-deploy", None),
        ("i-0a1b2c3d4e5f60718", None, None),
    ],
)
def test_an_entity_of_health_is_understood_in_each_form(entity, user, access_key):
    event = own("health/exposed_keys.json")
    event["detail"]["affectedEntities"] = [{"entityValue": entity}]

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.actor.user_name, finding.actor.access_key_id) == (user, access_key)


@pytest.mark.parametrize(
    "entities",
    [
        [],
        [{"entityValue": "AKIAIOSFODNN7EXAMPLE"}],
        ["AKIAIOSFODNN7EXAMPLE"],
        ["ci-deploy"],
        ["123456789012"],
        ["AWS_ACCOUNT"],
        ["arn:aws:iam::123456789012:user/team/ci-deploy"],
        ["123456789012/AKIAIOSFODNN7EXAMPLE"],
    ],
)
def test_key_and_user_in_the_metadata_of_health_are_one_finding(entities):
    event = own("health/exposed_keys.json")
    event["detail"] |= {
        "affectedEntities": entities,
        "eventMetadata": {"publicKey": "AKIAIOSFODNN7EXAMPLE", "userName": "ci-deploy"},
    }

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.actor.user_name, finding.actor.access_key_id) == ("ci-deploy", "AKIAIOSFODNN7EXAMPLE")


def test_the_key_in_the_metadata_of_health_is_in_the_account_of_its_users_arn():
    event = own("health/exposed_keys.json")
    event["detail"] |= {
        "affectedAccount": None,
        "affectedEntities": ["arn:aws:iam::210987654321:user/ci-deploy"],
        "eventMetadata": {"publicKey": "AKIAIOSFODNN7EXAMPLE", "userName": "ci-deploy"},
    }

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.account, finding.actor.account) == ("210987654321", "210987654321")


@pytest.mark.parametrize(
    "entity", ["Key AKIAIOSFODNN7EXAMPLE of ci-deploy", "ci/deploy/AKIAIOSFODNN7EXAMPLE"]
)
def test_of_several_words_beside_a_key_none_is_taken_for_its_user(entity):
    event = own("health/exposed_keys.json")
    event["detail"]["affectedEntities"] = [entity]

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.actor.user_name, finding.actor.access_key_id) == (None, "AKIAIOSFODNN7EXAMPLE")


def test_the_user_of_one_key_is_not_given_to_another():
    event = own("health/exposed_keys.json")
    event["detail"] |= {
        "affectedEntities": [{"entityValue": "AKIAI44QH8DHBEXAMPLE"}],
        "eventMetadata": {"publicKey": "AKIAIOSFODNN7EXAMPLE", "userName": "ci-deploy"},
    }

    found = read("aws.eventbridge", event).findings

    assert [(one.actor.user_name, one.actor.access_key_id) for one in found] == [
        (None, "AKIAI44QH8DHBEXAMPLE"),
        ("ci-deploy", "AKIAIOSFODNN7EXAMPLE"),
    ]
