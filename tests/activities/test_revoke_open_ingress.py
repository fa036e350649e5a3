"""What revoking open rules promises beyond the conformance kit."""

from __future__ import annotations

import shlex
from typing import Any

import jmespath  # type: ignore[import-untyped]  # botocore brings it
import pytest
from pydantic import ValidationError

from activities.aws.ingress_rule import Rule
from activities.aws.revoke_open_ingress import Before, Params, RevokeOpenIngress
from firedoor.connectors.aws import Aws
from firedoor.domain.action import Already, Captured, Change, Refuse, Verdict
from firedoor.domain.errors import Absent, Rejected
from tests.activities.canned_aws import Answer, CannedAws
from tests.scenes.aws_world import AwsWorld

GROUP = "sg-0a1b2c3d"
OFFICE = "198.51.100.0/24"
NOT_FOUND = Absent("none", code="InvalidGroup.NotFound")


def entry(protocol: str, first: int, last: int, cidr: str = "0.0.0.0/0", **other: Any) -> dict[str, Any]:
    family = "CidrIpv6" if ":" in cidr else "CidrIpv4"
    ports = {"IpProtocol": protocol, "FromPort": first, "ToPort": last}
    return {"GroupId": GROUP, "IsEgress": False, **ports, family: cidr, **other}


SSH, SSH6 = entry("tcp", 22, 22), entry("tcp", 22, 22, "::/0")
WIDE, WEB, ALL = entry("tcp", 0, 65535), entry("tcp", 443, 443), entry("-1", -1, -1)
PING, DNS = entry("icmp", 8, -1), entry("udp", 53, 53)
SSH_RULE = Rule(protocol="tcp", from_port=22, to_port=22, cidr="0.0.0.0/0")


def group(*rules: dict[str, Any], **other: Answer) -> CannedAws:
    return CannedAws(
        {
            "DescribeSecurityGroups": {"SecurityGroups": [{"GroupId": GROUP, "OwnerId": "123456789012"}]},
            "DescribeSecurityGroupRules": {"SecurityGroupRules": list(rules)},
            "DescribeNetworkInterfaces": {"NetworkInterfaces": []},
            "RevokeSecurityGroupIngress": {},
            "AuthorizeSecurityGroupIngress": {},
            **other,
        }
    )


def captured(*rules: Rule) -> Before:
    return Before(rules=Captured[tuple[Rule, ...]].of(rules))


def planned(aws: CannedAws, *ports: int) -> Change:
    plan = RevokeOpenIngress(aws).plan(Params(security_group=GROUP, ports=ports or None))
    assert isinstance(plan, Change)
    return plan


def before_of(aws: Aws, group: str = GROUP) -> Before:
    """What a plan without ports captures."""
    plan = RevokeOpenIngress(aws).plan(Params(security_group=group))
    assert isinstance(plan, Change)
    assert isinstance(plan.before, Before)
    return plan.before


@pytest.mark.parametrize(
    ("ports", "says"),
    [
        (
            (22,),
            "all traffic from 0.0.0.0/0, tcp 0-65535 from 0.0.0.0/0, tcp 22 from 0.0.0.0/0, tcp 22 from ::/0",
        ),
        ((53,), "all traffic from 0.0.0.0/0, tcp 0-65535 from 0.0.0.0/0, udp 53 from 0.0.0.0/0"),
    ],
)
def test_the_plan_names_each_rule_that_lets_a_named_port_in(ports: tuple[int, ...], says: str) -> None:
    plan = planned(group(WEB, SSH, SSH6, WIDE, ALL, PING, DNS), *ports)
    assert plan.says == f"revoke from security group {GROUP}: {says}"


def test_without_ports_every_rule_open_to_the_world_goes() -> None:
    assert planned(group(SSH6, PING, WEB)).says == (
        f"revoke from security group {GROUP}: icmp from 0.0.0.0/0, tcp 22 from ::/0, tcp 443 from 0.0.0.0/0"
    )


@pytest.mark.parametrize(
    "rule",
    [
        entry("tcp", 22, 22, "10.0.0.0/8"),
        {**SSH, "IsEgress": True},
        {
            "GroupId": GROUP,
            "IsEgress": False,
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "PrefixListId": "pl-1",
        },
    ],
)
def test_what_is_not_open_to_the_world_or_goes_out_is_left_alone(rule: dict[str, Any]) -> None:
    assert isinstance(RevokeOpenIngress(group(rule)).plan(Params(security_group=GROUP)), Already)


@pytest.mark.parametrize("error", [NOT_FOUND, Rejected("bad", code="InvalidGroupId.Malformed")])
def test_a_group_that_does_not_exist_is_refused(error: Rejected) -> None:
    aws = group(DescribeSecurityGroups=error)
    assert isinstance(RevokeOpenIngress(aws).plan(Params(security_group=GROUP)), Refuse)


def test_a_group_of_another_account_is_refused() -> None:
    """A shared VPC shows the groups of others."""
    aws = group(
        SSH, DescribeSecurityGroups={"SecurityGroups": [{"GroupId": GROUP, "OwnerId": "210987654321"}]}
    )
    assert isinstance(RevokeOpenIngress(aws).plan(Params(security_group=GROUP)), Refuse)


def test_the_owner_is_the_groups_tag() -> None:
    tagged = {"GroupId": GROUP, "OwnerId": "123456789012", "Tags": [{"Key": "Owner", "Value": "ops"}]}
    plan = planned(group(SSH, DescribeSecurityGroups={"SecurityGroups": [tagged]}))
    assert (plan.owners, plan.data) == (("ops",), None)
    assert planned(group(SSH)).owners == ()


def test_by_hand_no_more_rules_are_looked_up_than_would_go() -> None:
    """What the command selects in the shell is what the plan selects here."""
    rules = [WEB, SSH, SSH6, WIDE, ALL, PING, DNS, {**SSH, "IsEgress": True}, {**SSH, "CidrIpv4": OFFICE}]
    numbered = [{**rule, "SecurityGroupRuleId": str(number)} for number, rule in enumerate(rules)]
    for ports in ((22,), (53,), (443, 22), ()):
        params = Params(security_group=GROUP, ports=ports or None)
        command = RevokeOpenIngress(group()).by_hand(params)
        query = shlex.split(command.partition("$(")[2].removesuffix(")"))
        found = jmespath.search(query[query.index("--query") + 1], {"SecurityGroupRules": numbered})
        gone = before_of(group(*rules)).rules.value or ()
        wanted = [rule for rule in gone if not ports or any(rule.covers(port) for port in ports)]
        assert len(found) == len(wanted) > 0, ports


def test_not_being_allowed_to_look_is_an_error_and_not_a_missing_group() -> None:
    aws = group(DescribeSecurityGroups=Rejected("denied", code="UnauthorizedOperation"))
    with pytest.raises(Rejected):
        RevokeOpenIngress(aws).plan(Params(security_group=GROUP))


def test_who_uses_the_group_is_shown_without_voiding_votes_when_a_fleet_moves() -> None:
    interfaces = [
        {
            "NetworkInterfaceId": "eni-2",
            "Groups": [{"GroupId": GROUP}],
            "Association": {"PublicIp": "192.0.2.1"},
        },
        {"NetworkInterfaceId": "eni-1", "Groups": [{"GroupId": GROUP}], "Attachment": {"InstanceId": "i-1"}},
        {"NetworkInterfaceId": "eni-3", "Groups": [{"GroupId": "sg-00000000"}]},
    ]
    plan = planned(group(WIDE, DescribeNetworkInterfaces={"NetworkInterfaces": interfaces}), 22)
    assert plan.consequences[0].observed == "2 now: eni-1 of i-1, eni-2 with a public address"
    assert planned(group(WIDE), 22).consequences[0].says == plan.consequences[0].says
    assert [consequence.says for consequence in plan.consequences][1:] == [
        "a public web site behind it goes dark (ports 80, 443)",
        "the rule for tcp 0-65535 from 0.0.0.0/0 goes with all its ports",
        "connections that are open now live on until they end",
    ]


def test_each_rule_is_revoked_by_itself_and_one_that_is_gone_stops_no_other() -> None:
    def revoke(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["IpPermissions"][0]["IpProtocol"] == "-1":
            raise Absent("gone", code="InvalidPermission.NotFound")
        return {}

    aws = group(ALL, SSH6, RevokeSecurityGroupIngress=revoke)
    RevokeOpenIngress(aws).apply(Params(security_group=GROUP), before_of(aws))
    asked = [parameters["IpPermissions"] for name, _, parameters in aws.asked if name.startswith("Revoke")]
    assert asked == [
        [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}],
    ]


def test_a_group_that_is_gone_fails_loudly_when_its_rules_should_go() -> None:
    aws = group(RevokeSecurityGroupIngress=NOT_FOUND)
    with pytest.raises(Absent):
        RevokeOpenIngress(aws).apply(Params(security_group=GROUP), captured(SSH_RULE))


def test_verify_tells_a_rule_that_lingers_from_one_that_is_new() -> None:
    params = Params(security_group=GROUP, ports=(22,))
    lingers = RevokeOpenIngress(group(SSH)).verify(params, captured(SSH_RULE))
    new = RevokeOpenIngress(group(WIDE)).verify(params, captured(SSH_RULE))
    other_port = RevokeOpenIngress(group(WEB)).verify(params, captured(SSH_RULE))
    assert (lingers.verdict, new.verdict, other_port.verdict) == (Verdict.NOT_YET, Verdict.NO, Verdict.YES)


def test_a_rule_is_given_back_with_its_words_and_tags_but_not_those_of_aws() -> None:
    tags = [{"Key": "owner", "Value": "ops"}, {"Key": "aws:cloudformation:stack-name", "Value": "jump"}]
    before = before_of(group({**SSH, "Description": "for the migration", "Tags": tags}))
    aws = group()
    undone = RevokeOpenIngress(aws).undo(Params(security_group=GROUP), before)
    assert undone.outcome == "restored"
    given = aws.asked[-1][2]
    assert given["IpPermissions"][0]["IpRanges"] == [
        {"CidrIp": "0.0.0.0/0", "Description": "for the migration"}
    ]
    assert given["TagSpecifications"] == [
        {"ResourceType": "security-group-rule", "Tags": [{"Key": "owner", "Value": "ops"}]}
    ]


def test_an_undo_that_died_half_way_writes_only_what_is_missing() -> None:
    before = before_of(group(SSH, WEB))
    aws = group(SSH)
    assert RevokeOpenIngress(aws).undo(Params(security_group=GROUP), before).outcome == "restored"
    assert [each["IpPermissions"][0]["FromPort"] for name, _, each in aws.asked if name[:4] == "Auth"] == [
        443
    ]


def test_a_rule_that_was_written_meanwhile_is_no_failure() -> None:
    aws = group(AuthorizeSecurityGroupIngress=Rejected("twice", code="InvalidPermission.Duplicate"))
    assert RevokeOpenIngress(aws).undo(Params(security_group=GROUP), captured(SSH_RULE)).outcome == "restored"


def test_one_rule_in_other_words_keeps_all_from_being_written() -> None:
    before = before_of(group(SSH, WEB))
    aws = group({**SSH, "Description": "I need this"})
    assert RevokeOpenIngress(aws).undo(Params(security_group=GROUP), before).outcome == "drifted"
    assert aws.changes() == []


@pytest.mark.parametrize("gone", ["DescribeSecurityGroupRules", "AuthorizeSecurityGroupIngress"])
def test_undo_in_a_group_that_is_gone_is_drift(gone: str) -> None:
    undone = RevokeOpenIngress(group(**{gone: NOT_FOUND})).undo(
        Params(security_group=GROUP), captured(SSH_RULE)
    )
    assert undone.outcome == "drifted"


def test_undo_refuses_where_the_rules_are_unknown() -> None:
    aws = group()
    with pytest.raises(Rejected) as refused:
        RevokeOpenIngress(aws).undo(
            Params(security_group=GROUP), Before(rules=Captured[tuple[Rule, ...]].unknown())
        )
    assert refused.value.expected
    assert refused.value.mend
    assert aws.changes() == []


@pytest.mark.parametrize(
    "params",
    [
        {"security_group": "default"},
        {"security_group": f"{GROUP}\n"},
        {"security_group": GROUP, "ports": ()},
        {"security_group": GROUP, "ports": (65536,)},
        {"security_group": GROUP, "ports": ("22",)},
        {"security_group": GROUP, "ports": (True,)},
    ],
)
def test_only_a_group_id_and_real_ports_are_taken(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Params(**params)


def test_what_was_captured_survives_the_history() -> None:
    before = before_of(group({**SSH, "Description": "d", "Tags": [{"Key": "k", "Value": "v"}]}, ALL))
    assert Before.model_validate_json(before.model_dump_json()) == before


@pytest.mark.integration
def test_one_source_goes_and_its_neighbour_in_the_same_permission_stays(moto_world: AwsWorld) -> None:
    ec2 = moto_world.client("ec2")
    made = ec2.create_security_group(GroupName="jump", Description="jump host")["GroupId"]
    sources = [{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "198.51.100.0/24", "Description": "the office"}]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": sources}
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[ssh])
    params = Params(security_group=made)
    act = RevokeOpenIngress(moto_world.aws())
    act.apply(params, before_of(moto_world.aws(), made))
    left = ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]["IpPermissions"]
    assert [each["IpRanges"] for each in left] == [sources[1:]]
