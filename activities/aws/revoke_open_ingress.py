"""Take the rules out of one security group that let the internet in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from activities.aws.command_line import command
from activities.aws.ec2.connection_tracking import connections_after
from activities.aws.ec2.group_rules import GroupRules, answers_of, ingress_of, look
from activities.aws.ec2.ingress_rule import ALL, WITH_PORTS, Rule, listed, named
from activities.aws.informing import Informing
from firedoor.domain.action import action
from firedoor.domain.action.tags import as_map, owners_by
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.systems.aws.calls import Aws

_WEB = (80, 443)
_USERS_NAMED = 10

#: As wide as one rule can be and be open to the world by itself; what a person's command selects.
_WIDEST = ("/0", "/1", "/2", "/3", "/4")

Port = Annotated[int, Field(strict=True, ge=0, le=65535)]


class Params(action.Params):
    """The group, and the ports that are to close; without ports, every rule that is open to the world."""

    security_group: Annotated[str, Field(pattern=r"^sg-(?:[0-9a-f]{8}|[0-9a-f]{17})$")]
    ports: Annotated[tuple[Port, ...], Field(min_length=1)] | None = None


class Before(action.Before):
    """The rules that go, and the prefix lists of the group that could not be read."""

    rules: action.Captured[tuple[Rule, ...]]
    unread: tuple[str, ...] = ()


class RevokeOpenIngress(action.Action):
    """Revoke the ingress rules of a security group that together let the internet in.

    Judged by effect: for every port of every protocol, IPv4 and IPv6 apart, by the union of what the rules
    let in. It is open to the world where that is at least one in sixteen of all public addresses, in one
    range, in halves, in pieces or by prefix lists, whose entries are read. The widest rules go, until the
    rest is less; private ranges and narrow ones stay. With `ports`, only what lets one of them in is judged:
    a rule for a range of ports goes as a whole, since AWS has no part of a rule, and so does the reference
    to a prefix list.
    A rule that is given back has its description and tags, and a new rule id.

    What decides: DescribeSecurityGroups, DescribeSecurityGroupRules, and GetManagedPrefixListEntries where no
    other rule is open; a list that cannot be read is named, and its rule stays. What informs:
    DescribeNetworkInterfaces.

    Facts: API reference of RevokeSecurityGroupIngress, DescribeSecurityGroups (which tells the
    group's tags, too), DescribeSecurityGroupRules and GetManagedPrefixListEntries (customers' lists and AWS's
    own; a list holds ranges only, never another list), and "Security group connection tracking"
    in the EC2 user guide. moto and ministack show the states; moto takes one CIDR out of a permission of
    several, which ministack cannot.

    Unproven: that packets stop, for no emulator filters any; and what becomes of open connections. Not looked
    at: rules whose source is another group, and other groups of the same interface that may open it still.
    """

    summary: ClassVar[str] = "Revoke the rules of a security group that together let the internet in."
    reversibility: ClassVar[action.Reversibility] = action.Reversibility(
        kind="full", says="a rule that is given back has a new rule id"
    )
    risk: ClassVar[action.Risk] = action.Risk.MEDIUM
    permissions: ClassVar[action.Permissions] = action.Permissions(
        read=(
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeSecurityGroups",
            "ec2:GetManagedPrefixListEntries",
        ),
        apply=("ec2:RevokeSecurityGroupIngress",),
        undo=("ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags", "ec2:DescribeSecurityGroupRules"),
    )
    decides: ClassVar[Collection[str]] = ("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups")
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
        users = Informing(lambda: self._users(params))
        try:
            found = self._group(params)
        except Rejected as error:
            # AWS calls some well-formed ids malformed; either way there is no such group.
            if not isinstance(error, Absent) and error.code != "InvalidGroupId.Malformed":
                raise
            return action.Refuse(says=f"there is no security group {group} in {self._aws.region}")
        if found["OwnerId"] != self._aws.account:
            ours = self._aws.account
            return action.Refuse(
                says=f"security group {group} belongs to account {found['OwnerId']}, not to {ours}"
            )
        seen = self._look(params)
        if not seen.open:
            return self._nothing(params, seen)
        return action.Change(
            says=f"revoke from security group {group}: {named(seen.open)}",
            before=Before(
                rules=action.Captured[tuple[Rule, ...]].of(seen.open), unread=tuple(sorted(seen.unread))
            ),
            consequences=tuple(self._consequences(params, seen, users)),
            owners=owners_by(as_map(found.get("Tags"))),
        )

    def _nothing(self, params: Params, seen: GroupRules) -> action.Already | action.Refuse:
        """Say that nothing is open; where a list could not be read, that is not known."""
        group = f"security group {params.security_group}"
        where = f" on {_ports(params.ports)}" if params.ports else ""
        for error in seen.unread.values():
            if isinstance(error, Unavailable):
                raise error  # it decides here, and may be read in a moment
        if seen.unread:
            return action.Refuse(
                says=f"whether {group} is open to the world{where} is not known: {_unread(seen.unread)}"
                " could not be read; allow ec2:GetManagedPrefixListEntries"
            )
        return action.Already(
            says=f"{group} has no rule open to the world{where}, its ranges and prefix lists taken together"
        )

    def by_hand(self, params: Params) -> str:
        """Look the rules up in the moment in which it is pasted, and revoke them by their ids.

        What is wide only together (many ranges, prefix lists) a command cannot tell; it stands in the plan.
        """
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
        """Read the rules again: none that went may stand, and no others may open the group."""
        group = f"security group {params.security_group}"
        try:
            seen = self._look(params)
        except Absent:
            return action.Verified(verdict=action.Verdict.YES, says=f"{group} no longer exists")
        held = {rule.opening for rule in before.rules.value or ()}
        lingering = tuple(rule for rule in seen.rules if rule.opening in held)
        new = tuple(rule for rule in seen.open if rule.opening not in held)
        if new or lingering:
            return action.Verified(
                verdict=action.Verdict.NO if new else action.Verdict.NOT_YET,
                says=f"{group} lets in: {named(new or lingering)}",
            )
        unknown = sorted(seen.unread)
        if set(unknown) - set(before.unread):
            return action.Verified(
                verdict=action.Verdict.NOT_YET,
                says=f"what {_unread(unknown)} of {group} lets in is not known: it could not be read",
            )
        narrow = f", as far as is known: {_unread(unknown)} could not be read" if unknown else ""
        return action.Verified(
            verdict=action.Verdict.YES, says=f"{group} no longer lets the world in{narrow}"
        )

    def undo(self, params: Params, before: Before) -> action.Undone:
        """Write the rules again, unless one of them stands there in another form."""
        rules = self._captured(params, before)
        try:
            return self._give_back(params, rules)
        except Absent:
            return action.Undone(
                outcome="drifted", says=f"security group {params.security_group} no longer exists"
            )

    def verify_undo(self, params: Params, before: Before) -> action.Verified:
        """Read whether every rule that went stands again."""
        group = f"security group {params.security_group}"
        standing = {rule.opening for rule in ingress_of(answers_of(self._aws, params.security_group))}
        missing = [rule for rule in self._captured(params, before) if rule.opening not in standing]
        if missing:
            return action.Verified(
                verdict=action.Verdict.NOT_YET, says=f"{group} does not have yet: {named(missing)}"
            )
        return action.Verified(verdict=action.Verdict.YES, says=f"{group} has all its former rules")

    def _give_back(self, params: Params, rules: tuple[Rule, ...]) -> action.Undone:
        """Write every rule, whatever the look said: a rule that stands is written once all the same."""
        group = params.security_group
        answers = answers_of(self._aws, group)
        if {rule.opening for rule in rules} <= {rule.opening for rule in ingress_of(answers)}:
            answers = answers_of(self._aws, group)  # it may have been an old replica
        standing = {rule.opening: rule for rule in ingress_of(answers)}
        changed = [rule for rule in rules if standing.get(rule.opening, rule) != rule]
        if changed:
            return action.Undone(
                outcome="drifted",
                says=f"someone else wrote into security group {group} again:"
                f" {named(changed)}; it was left alone",
            )
        known = {answer.get("SecurityGroupRuleId") for answer in answers} - {None}
        wrote = {rule.opening for rule in rules if self._authorize(params, rule, known)}
        # Where the look missed it and it stands now, an attempt of ours lost its answer.
        written = [rule for rule in rules if rule.opening in wrote or rule.opening not in standing]
        if not written:
            return action.Undone(outcome="nothing", says=f"security group {group} has all its former rules")
        return action.Undone(outcome="restored", says=f"security group {group} has again: {named(written)}")

    def _authorize(self, params: Params, rule: Rule, known: set[Any]) -> bool:
        """Write one rule; False where it stood already."""
        tags = [{"Key": key, "Value": value} for key, value in sorted(rule.tags.items())]
        kind = "security-group-rule"
        tagged: dict[str, Any] = {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}
        try:
            answer = self._aws.call(
                "ec2",
                "AuthorizeSecurityGroupIngress",
                GroupId=params.security_group,
                IpPermissions=[rule.permission(described=True)],
                **tagged,
            )
        except Rejected as error:
            # It stands: nobody took it away, or our own first attempt's answer was lost.
            if error.code != "InvalidPermission.Duplicate":
                raise
            return False
        # An emulator answers with the rule that stands, where AWS says "duplicate".
        ids = {each.get("SecurityGroupRuleId") for each in answer.get("SecurityGroupRules") or ()}
        return not ids or bool(ids - known)

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

    def _look(self, params: Params) -> GroupRules:
        return look(self._aws, params.security_group, params.ports)

    def _users(self, params: Params) -> str:
        """Say who uses the group now."""
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
        more = len(users) - _USERS_NAMED
        shown = [*users[:_USERS_NAMED], f"{more} more"] if more > 0 else users
        return f"{len(users)} now{': ' if users else ''}{', '.join(shown)}"

    def _consequences(
        self, params: Params, seen: GroupRules, users: Informing[str]
    ) -> Iterator[action.Consequence]:
        # Fleets come and go by themselves: who uses the group must not void a vote.
        told = users.answer()
        yield action.Consequence(
            says="the internet no longer reaches the group's network interfaces by these rules",
            observed="who uses it is not known" if told is None else told,
        )
        web = [port for port in _WEB if any(rule.covers(port) for rule in seen.open)]
        if web:
            yield action.Consequence(says=f"a public web site behind it goes dark ({_ports(tuple(web))})")
        whole = [rule for rule in seen.open if rule.protocol == ALL or rule.from_port != rule.to_port]
        if params.ports and whole:
            yield action.Consequence(
                says=f"the rule for {whole[0].says()} goes with all its ports"
                if len(whole) == 1
                else f"these go with all their ports: {named(whole)}"
            )
        yield from (action.Consequence(says=line) for line in connections_after(seen.open, seen.egress))
        if seen.unread:
            yield action.Consequence(
                says=f"what {_unread(seen.unread)} lets in is not known: it could not be read, and stays"
            )
        yield from (action.Consequence(says=line) for line in listed(seen.open))


def _unread(lists: Sequence[str] | dict[str, Any]) -> str:
    return f"prefix list{'s' if len(lists) > 1 else ''} {', '.join(sorted(lists))}"


def _wide(family: str) -> str:
    widths = " || ".join(f'ends_with({family}, `"{width}"`)' for width in _WIDEST)
    return f"({family} && ({widths}))"


def _selected(params: Params) -> str:
    """Spell as a JMESPath condition which rules go."""
    sources = f"({' || '.join(_wide(family) for family in ('CidrIpv4', 'CidrIpv6'))})"
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
