"""A security group that lets the internet in on SSH and HTTPS, and one office everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from activities.aws.revoke_open_ingress import RevokeOpenIngress
from tests.scenes.aws_world import AwsScene

_OFFICE = {"CidrIp": "198.51.100.0/24", "Description": "the office"}
_WORLD = {"CidrIp": "0.0.0.0/0", "Description": "for the migration; close it on Monday"}
_SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
_TAGGED = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "owner", "Value": "ops"}]}]


class RevokeOpenIngressScene(AwsScene):
    """The finding named port 22: HTTPS stays open, the office stays in."""

    action = RevokeOpenIngress

    # AuthorizeSecurityGroupIngress asks CreateTags for the tags that a rule is given back with;
    # ministack does not list rules by prefix lists, so no list is read there (moto does).
    implied = ("ec2:CreateTags", "ec2:GetManagedPrefixListEntries")

    _group = ""

    def arrange(self) -> Mapping[str, Any]:
        """Make the group, its rules and an interface that uses it."""
        ec2 = self.world.client("ec2")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        made = ec2.create_security_group(GroupName="jump", Description="jump host", VpcId=vpc)
        self._group = made["GroupId"]
        # ministack cannot take one source out of a permission of two; there each has one of its own.
        sources = [[_WORLD], [_OFFICE]] if self.world.enforces else [[_WORLD, _OFFICE]]
        for source in sources:
            self._authorize({**_SSH, "IpRanges": source}, TagSpecifications=_TAGGED)
        self._authorize({**_SSH, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]})
        self._authorize({"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]})
        self._authorize(
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        )
        self._authorize({**_SSH, "PrefixListIds": [{"PrefixListId": self._partners()}]})
        self._authorize({**_SSH, "UserIdGroupPairs": [{"GroupId": self._group}]})
        subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]
        ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[self._group])
        return {"security_group": self._group, "ports": [22]}

    def snapshot(self) -> Any:
        """Hold every rule but for its id, which no rule keeps when it is written again."""
        rules = self.world.client("ec2").describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [self._group]}]
        )["SecurityGroupRules"]
        moving = {"SecurityGroupRuleId", "SecurityGroupRuleArn"}
        kept = [{key: value for key, value in rule.items() if key not in moving} for rule in rules]
        return sorted(json.dumps(rule, sort_keys=True) for rule in kept)

    def disturb(self) -> None:
        """Let somebody open SSH again, in words of his own."""
        self._authorize({**_SSH, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "I need this"}]})

    def _partners(self) -> str:
        """Make a list of a few ranges, which is not the world."""
        made = self.world.client("ec2").create_managed_prefix_list(
            PrefixListName="partners",
            MaxEntries=3,
            AddressFamily="IPv4",
            Entries=[{"Cidr": "198.51.100.0/24"}, {"Cidr": "203.0.113.0/24"}],
        )
        return str(made["PrefixList"]["PrefixListId"])

    def _authorize(self, permission: dict[str, Any], **more: Any) -> None:
        self.world.client("ec2").authorize_security_group_ingress(
            GroupId=self._group, IpPermissions=[permission], **more
        )
