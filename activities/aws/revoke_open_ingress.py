"""Take the rules out of one security group that let the whole internet in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from activities.aws.command_line import command
from activities.aws.ingress_rule import ALL, WITH_PORTS, WORLD, Rule, read
from firedoor.connectors.aws import Aws
from firedoor.domain import action
from firedoor.domain.errors import Absent, Rejected
from firedoor.domain.tags import as_map, owners_by

_WEB = (80, 443)

Port = Annotated[int, Field(strict=True, ge=0, le=65535)]


class Params(action.Params):
    """The group, and the ports that are to close; without ports, every rule that is open to the world."""

    security_group: Annotated[str, Field(pattern=r"^sg-(?:[0-9a-f]{8}|[0-9a-f]{17})$")]
    ports: Annotated[tuple[Port, ...], Field(min_length=1)] | None = None


class Before(action.Before):
    """The rules that go."""

    rules: action.Captured[tuple[Rule, ...]]


class RevokeOpenIngress(action.Action):
    """Revoke the ingress rules of a security group whose source is 0.0.0.0/0 or ::/0.

    With `ports`, only the rules that let one of them in: a rule for a range goes as a
    whole, since AWS has no part of a rule. Other sources of the same permission stay.
    A rule that is given back has its description and tags, and a new rule id.

    Facts: API reference of RevokeSecurityGroupIngress, DescribeSecurityGroups (which tells the
    group's tags, too) and DescribeSecurityGroupRules, and "Security group connection tracking"
    in the EC2 user guide. moto shows the states; it takes one CIDR out of a permission of
    several, which ministack cannot.

    Unproven: that packets stop, for no emulator filters any. Tracked connections live on
    until they end. Not looked at: wide ranges short of the whole internet, prefix lists,
    and other groups of the same interface that may open it still.
    """

    summary: ClassVar[str] = "Revoke the rules of a security group that let the whole internet in."
    reversibility: ClassVar[action.Reversibility] = action.Reversibility(
        kind="full", says="a rule that is given back has a new rule id"
    )
    risk: ClassVar[action.Risk] = action.Risk.MEDIUM
    permissions: ClassVar[action.Permissions] = action.Permissions(
        read=(
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeSecurityGroups",
        ),
        apply=("ec2:RevokeSecurityGroupIngress",),
        undo=("ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags", "ec2:DescribeSecurityGroupRules"),
    )
    settles_within: ClassVar[timedelta] = timedelta(minutes=1)
    example: ClassVar[dict[str, Any]] = {"security_group": "sg-0123456789abcdef0", "ports": [22, 3389]}
    named: ClassVar[tuple[action.Named, ...]] = (
        action.Named(
            param="security_group",
            kind="AWS::EC2::SecurityGroup",
            unique="EC2 gives a group's id to no other group",
        ),
    )

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def target(self, params: Params) -> str:
        """Name the group by its ARN."""
        place = f"{self._aws.region}:{self._aws.account}"
        return f"arn:{self._aws.partition}:ec2:{place}:security-group/{params.security_group}"

    def plan(self, params: Params) -> action.Planned:
        """Find the group, name each rule that goes, and who stands behind it."""
        group = params.security_group
        try:
            found = self._group(params)
        except Rejected as error:
            # AWS calls some well-formed ids malformed; either way there is no such group.
            if not isinstance(error, Absent) and error.code != "InvalidGroupId.Malformed":
                raise
            return action.Refuse(says=f"there is no security group {group} in {self._aws.region}")
        if found["OwnerId"] != self._aws.account:
            return action.Refuse(says=f"security group {group} belongs to another account")
        rules = self._open(params)
        where = f" on {_ports(params.ports)}" if params.ports else ""
        if not rules:
            return action.Already(says=f"security group {group} has no rule open to the world{where}")
        return action.Change(
            says=f"revoke from security group {group}: {', '.join(rule.says() for rule in rules)}",
            before=Before(rules=action.Captured[tuple[Rule, ...]].of(rules)),
            consequences=tuple(self._consequences(params, rules)),
            owners=owners_by(as_map(found.get("Tags"))),
        )

    def by_hand(self, params: Params) -> str:
        """Look the rules up in the moment in which it is pasted, and revoke them by their ids."""
        group = params.security_group
        listing = command(
            "ec2",
            "describe-security-group-rules",
            filters=f"Name=group-id,Values={group}",
            query=f"SecurityGroupRules[?{_selected(params)}].SecurityGroupRuleId",
            output="text",
            region=self._aws.region,
        )
        revoking = command("ec2", "revoke-security-group-ingress", group_id=group, region=self._aws.region)
        return f"{revoking} --security-group-rule-ids $({listing})"

    def apply(self, params: Params, before: Before) -> None:
        """Revoke each captured rule by itself: one that is gone already must not save the others."""
        for rule in self._captured(params, before):
            try:
                self._aws.call(
                    "ec2",
                    "RevokeSecurityGroupIngress",
                    GroupId=params.security_group,
                    IpPermissions=[rule.permission(described=False)],
                )
            except Absent as error:
                if error.code != "InvalidPermission.NotFound":
                    raise

    def verify(self, params: Params, before: Before) -> action.Verified:
        """Read the rules again: none may be open, neither those that went nor new ones."""
        group = params.security_group
        try:
            rules = self._open(params)
        except Absent:
            return action.Verified(
                verdict=action.Verdict.YES, says=f"security group {group} no longer exists"
            )
        if not rules:
            return action.Verified(
                verdict=action.Verdict.YES, says=f"security group {group} no longer lets the world in"
            )
        held = {rule.opening for rule in before.rules.value or ()}
        new = [rule for rule in rules if rule.opening not in held]
        return action.Verified(
            verdict=action.Verdict.NO if new else action.Verdict.NOT_YET,
            says=f"security group {group} lets in: {', '.join(rule.says() for rule in new or rules)}",
        )

    def undo(self, params: Params, before: Before) -> action.Undone:
        """Write the missing rules again, unless one of them stands there in another form."""
        rules = self._captured(params, before)
        try:
            return self._give_back(params, rules)
        except Absent:
            return action.Undone(
                outcome="drifted", says=f"security group {params.security_group} no longer exists"
            )

    def _give_back(self, params: Params, rules: tuple[Rule, ...]) -> action.Undone:
        group = params.security_group
        standing = {rule.opening: rule for rule in self._rules(params)}
        changed = [rule for rule in rules if standing.get(rule.opening, rule) != rule]
        if changed:
            return action.Undone(
                outcome="drifted",
                says=f"someone else wrote into security group {group} again:"
                f" {', '.join(rule.says() for rule in changed)}; it was left alone",
            )
        missing = [rule for rule in rules if rule.opening not in standing]
        for rule in missing:
            self._authorize(params, rule)
        if not missing:
            return action.Undone(outcome="nothing", says=f"security group {group} has all its former rules")
        return action.Undone(
            outcome="restored",
            says=f"security group {group} has again: {', '.join(rule.says() for rule in missing)}",
        )

    def _authorize(self, params: Params, rule: Rule) -> None:
        tags = [{"Key": key, "Value": value} for key, value in sorted(rule.tags.items())]
        kind = "security-group-rule"
        tagged: dict[str, Any] = {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}
        try:
            self._aws.call(
                "ec2",
                "AuthorizeSecurityGroupIngress",
                GroupId=params.security_group,
                IpPermissions=[rule.permission(described=True)],
                **tagged,
            )
        except Rejected as error:
            # Our own first attempt, whose answer was lost.
            if error.code != "InvalidPermission.Duplicate":
                raise

    def _captured(self, params: Params, before: Before) -> tuple[Rule, ...]:
        if before.rules.value is None:
            raise Rejected(
                f"which rules of security group {params.security_group} were open is {before.rules.state}",
                expected="the captured rules",
                mend="decide on the group's rules by hand",
            )
        return before.rules.value

    def _group(self, params: Params) -> dict[str, Any]:
        answer = self._aws.call("ec2", "DescribeSecurityGroups", GroupIds=[params.security_group])
        groups = [each for each in answer["SecurityGroups"] if each["GroupId"] == params.security_group]
        if not groups:
            raise Absent(f"AWS does not know security group {params.security_group}")
        found: dict[str, Any] = groups[0]
        return found

    def _rules(self, params: Params) -> list[Rule]:
        answers = self._aws.pages(
            "ec2",
            "DescribeSecurityGroupRules",
            "SecurityGroupRules",
            Filters=[{"Name": "group-id", "Values": [params.security_group]}],
        )
        rules = [read(answer) for answer in answers if not answer["IsEgress"]]
        return [rule for rule in rules if rule is not None]

    def _open(self, params: Params) -> tuple[Rule, ...]:
        rules = [rule for rule in self._rules(params) if rule.cidr in WORLD]
        if params.ports is not None:
            rules = [rule for rule in rules if any(rule.covers(port) for port in params.ports)]
        return tuple(sorted(rules, key=lambda rule: rule.opening))

    def _consequences(self, params: Params, rules: tuple[Rule, ...]) -> Iterator[action.Consequence]:
        interfaces = self._aws.pages(
            "ec2",
            "DescribeNetworkInterfaces",
            "NetworkInterfaces",
            Filters=[{"Name": "group-id", "Values": [params.security_group]}],
        )
        users = sorted(
            _user(each)
            for each in interfaces
            if params.security_group in {group["GroupId"] for group in each["Groups"]}
        )
        # Fleets come and go by themselves: who uses the group must not void a vote.
        yield action.Consequence(
            says="the internet no longer reaches the group's network interfaces by these rules",
            observed=f"{len(users)} now{': ' if users else ''}{', '.join(users)}",
        )
        web = [port for port in _WEB if any(rule.covers(port) for rule in rules)]
        if web:
            yield action.Consequence(says=f"a public web site behind it goes dark ({_ports(tuple(web))})")
        for rule in rules if params.ports else ():
            if rule.protocol == ALL or rule.from_port != rule.to_port:
                yield action.Consequence(says=f"the rule for {rule.says()} goes with all its ports")
        yield action.Consequence(says="connections that are open now live on until they end")


def _selected(params: Params) -> str:
    """Spell as a JMESPath condition which rules go."""
    sources = f'(CidrIpv4==`"{WORLD[0]}"` || CidrIpv6==`"{WORLD[1]}"`)'
    if params.ports is None:
        return f"!IsEgress && {sources}"
    kinds = " || ".join(f'IpProtocol==`"{protocol}"`' for protocol in sorted(WITH_PORTS))
    ports = " || ".join(f"(FromPort<=`{port}` && ToPort>=`{port}`)" for port in params.ports)
    return f'!IsEgress && {sources} && (IpProtocol==`"{ALL}"` || ({kinds}) && ({ports}))'


def _user(interface: dict[str, Any]) -> str:
    instance = interface.get("Attachment", {}).get("InstanceId")
    public = " with a public address" if interface.get("Association", {}).get("PublicIp") else ""
    return f"{interface['NetworkInterfaceId']}{f' of {instance}' if instance else ''}{public}"


def _ports(ports: tuple[int, ...]) -> str:
    return f"port{'s' if len(ports) > 1 else ''} {', '.join(str(port) for port in ports)}"
