"""What revoking open rules promises beyond the conformance kit."""

from __future__ import annotations

import shlex
from typing import Any

import jmespath  # type: ignore[import-untyped]  # botocore brings it
import pytest
from pydantic import ValidationError

from activities.aws.ec2.ingress_rule import Rule
from activities.aws.ec2.ingress_rule import read as read_rule
from activities.aws.revoke_open_ingress import Before, Params, RevokeOpenIngress
from firedoor.domain.action.action import Already, Captured, Change, Refuse, Verdict
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.systems.aws.calls import Aws
from tests.activities.canned_aws import Answer, CannedAws
from tests.scenes.aws_world import AwsWorld

GROUP = "sg-0a1b2c3d"
OFFICE = "198.51.100.0/24"
DENIED = Rejected("denied", code="UnauthorizedOperation")
THROTTLED = Unavailable("slow down", code="RequestLimitExceeded")
TRACKED = (
    "open connections are tracked and live on until they end, unless another group of the interface lets"
    " everything out: then they may drop at once"
)
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


class Group(CannedAws):
    """A group that behaves: rules come and go as they are told to, with a new id each time."""

    def __init__(self, *rules: dict[str, Any], **other: Answer) -> None:
        self.rules: list[dict[str, Any]] = []
        self._made = 0
        super().__init__(
            {
                **group().answers,
                "DescribeSecurityGroupRules": lambda _: {"SecurityGroupRules": list(self.rules)},
                "RevokeSecurityGroupIngress": self._revoke,
                "AuthorizeSecurityGroupIngress": self._authorize,
                **other,
            }
        )
        for rule in rules:
            self.add(rule)

    def add(self, rule: dict[str, Any]) -> dict[str, Any]:
        self._made += 1
        numbered = {**rule, "SecurityGroupRuleId": f"sgr-{self._made}"}
        self.rules.append(numbered)
        return numbered

    def openings(self) -> set[str]:
        read = (read_rule(rule) for rule in self.rules if not rule["IsEgress"])
        return {rule.says() for rule in read if rule}

    def _spelled(self, asked: dict[str, Any]) -> dict[str, Any]:
        (permission,) = asked["IpPermissions"]
        ((entry, *more),) = (value for value in permission.values() if isinstance(value, list))
        assert not more, "one source at a time"
        entry = {"CidrIpv4" if key == "CidrIp" else key: value for key, value in entry.items()}
        ports = {key: permission.get(key, -1) for key in ("FromPort", "ToPort")}
        rule = {"GroupId": GROUP, "IsEgress": False, "IpProtocol": permission["IpProtocol"], **ports, **entry}
        tags = [tag for each in asked.get("TagSpecifications", []) for tag in each["Tags"]]
        return {**rule, "Tags": tags} if tags else rule

    def _stands(self, rule: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = read_rule(rule)
        assert wanted
        read = ((each, read_rule(each)) for each in self.rules if not each["IsEgress"])
        return [each for each, one in read if one and one.opening == wanted.opening]

    def _revoke(self, asked: dict[str, Any]) -> dict[str, Any]:
        stands = self._stands(self._spelled(asked))
        if not stands:
            raise Absent("gone", code="InvalidPermission.NotFound")
        self.rules = [rule for rule in self.rules if rule not in stands]
        return {}

    def _authorize(self, asked: dict[str, Any]) -> dict[str, Any]:
        rule = self._spelled(asked)
        if self._stands(rule):
            raise Rejected("twice", code="InvalidPermission.Duplicate")
        return {"SecurityGroupRules": [self.add(rule)]}


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
        f"revoke from security group {GROUP}:"
        " icmp type 8 from 0.0.0.0/0, tcp 22 from ::/0, tcp 443 from 0.0.0.0/0"
    )


@pytest.mark.parametrize(
    "rule",
    [
        entry("tcp", 22, 22, "10.0.0.0/8"),
        {**SSH, "IsEgress": True},
        {**SSH, "CidrIpv4": "", "ReferencedGroupInfo": {"GroupId": GROUP}},
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
        TRACKED,
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


def test_an_undo_that_died_half_way_is_finished_by_the_next() -> None:
    before = before_of(group(SSH, WEB))
    aws = Group(SSH)
    undone = RevokeOpenIngress(aws).undo(Params(security_group=GROUP), before)
    assert undone.says == f"security group {GROUP} has again: tcp 443 from 0.0.0.0/0"
    assert aws.openings() == {"tcp 22 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0"}


def test_an_undo_that_is_shown_the_old_world_by_a_stale_replica_gives_back_all_the_same() -> None:
    """The read says that all rules stand, for it is from before we revoked them."""
    before = before_of(group(SSH, WEB))
    aws = Group()
    aws.answers["DescribeSecurityGroupRules"] = {"SecurityGroupRules": [SSH, WEB]}
    assert RevokeOpenIngress(aws).undo(Params(security_group=GROUP), before).outcome == "restored"
    assert aws.openings() == {"tcp 22 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0"}
    assert RevokeOpenIngress(aws).undo(Params(security_group=GROUP), before).outcome == "nothing"


def test_an_undo_is_back_only_when_every_rule_is() -> None:
    before, params = before_of(group(SSH, WEB)), Params(security_group=GROUP)
    told = RevokeOpenIngress(group(SSH)).verify_undo(params, before)
    assert (told.verdict, told.says.endswith("tcp 443 from 0.0.0.0/0")) == (Verdict.NOT_YET, True)
    assert RevokeOpenIngress(group(SSH, WEB)).verify_undo(params, before).verdict == Verdict.YES


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


HALVES = ("0.0.0.0/1", "128.0.0.0/1")
QUARTERS = ("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2")
BY_LIST = {"GroupId": GROUP, "IsEgress": False, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
BY_LIST["PrefixListId"] = "pl-1"
THE_WORLD = {"Entries": [{"Cidr": "0.0.0.0/1"}, {"Cidr": "128.0.0.0/1"}]}
CLOUDFRONT = {"Entries": [{"Cidr": "130.176.0.0/17"}, {"Cidr": "120.52.22.96/27"}]}
EVERYTHING_OUT = {**entry("-1", -1, -1), "IsEgress": True}


def ssh_from(*cidrs: str) -> list[dict[str, Any]]:
    return [entry("tcp", 22, 22, cidr, Description=f"for {cidr}") for cidr in cidrs]


@pytest.mark.parametrize("cidrs", [HALVES, QUARTERS, ("2000::/3",), ("::/1", "8000::/1")])
def test_a_world_in_pieces_is_revoked_and_given_back_exactly(cidrs: tuple[str, ...]) -> None:
    aws = Group(*ssh_from(*cidrs), *ssh_from(OFFICE, "10.0.0.0/8"), EVERYTHING_OUT)
    params = Params(security_group=GROUP, ports=(22,))
    act = RevokeOpenIngress(aws)
    plan = act.plan(params)
    assert isinstance(plan, Change)
    assert isinstance(plan.before, Before)
    act.apply(params, plan.before)
    assert aws.openings() == {f"tcp 22 from {OFFICE}", "tcp 22 from 10.0.0.0/8"}
    assert act.verify(params, plan.before).verdict == Verdict.YES
    assert isinstance(act.plan(params), Already)
    assert act.undo(params, plan.before).outcome == "restored"
    assert aws.openings() == {f"tcp 22 from {each}" for each in (*cidrs, OFFICE, "10.0.0.0/8")}
    given = [rule["Description"] for rule in aws.rules if "Description" in rule]
    assert sorted(given) == sorted(f"for {each}" for each in (*cidrs, OFFICE, "10.0.0.0/8"))
    assert isinstance(act.plan(params), Change)


def test_a_world_rule_that_comes_back_in_two_halves_is_a_no() -> None:
    params = Params(security_group=GROUP, ports=(22,))
    aws = Group(SSH)
    act = RevokeOpenIngress(aws)
    before = before_of(aws)
    act.apply(params, before)
    for half in ssh_from(*HALVES):
        aws.add(half)
    seen = act.verify(params, before)
    assert seen.verdict == Verdict.NO
    assert "tcp 22 from 0.0.0.0/1, tcp 22 from 128.0.0.0/1" in seen.says


def test_one_half_that_lingers_is_not_yet_contained() -> None:
    aws = Group(*ssh_from(*HALVES))
    before = before_of(aws)
    aws.rules.pop()
    seen = RevokeOpenIngress(aws).verify(Params(security_group=GROUP), before)
    assert seen.verdict == Verdict.NOT_YET


def test_a_prefix_list_that_holds_the_world_is_open_and_goes_as_a_whole() -> None:
    aws = Group({**BY_LIST, "Description": "partners"}, GetManagedPrefixListEntries=THE_WORLD)
    params = Params(security_group=GROUP)
    act = RevokeOpenIngress(aws)
    plan = act.plan(params)
    assert isinstance(plan, Change)
    assert plan.says == f"revoke from security group {GROUP}: tcp 22 from prefix list pl-1"
    assert isinstance(plan.before, Before)
    act.apply(params, plan.before)
    assert aws.openings() == set()
    assert act.undo(params, plan.before).outcome == "restored"
    assert (aws.rules[0]["PrefixListId"], aws.rules[0]["Description"]) == ("pl-1", "partners")


def test_the_list_of_a_cloud_is_not_the_world() -> None:
    aws = Group(BY_LIST, GetManagedPrefixListEntries=CLOUDFRONT)
    assert isinstance(RevokeOpenIngress(aws).plan(Params(security_group=GROUP)), Already)


def test_a_list_that_the_world_is_written_into_during_the_hold_is_a_no() -> None:
    aws = Group(SSH, BY_LIST, GetManagedPrefixListEntries=CLOUDFRONT)
    params, act = Params(security_group=GROUP), RevokeOpenIngress(aws)
    before = before_of(aws)
    act.apply(params, before)
    assert act.verify(params, before).verdict == Verdict.YES
    aws.answers["GetManagedPrefixListEntries"] = THE_WORLD
    assert act.verify(params, before).verdict == Verdict.NO


def test_where_only_an_unreadable_list_is_left_open_or_not_is_not_known() -> None:
    params = Params(security_group=GROUP, ports=(22,))
    refused = RevokeOpenIngress(Group(BY_LIST, GetManagedPrefixListEntries=DENIED)).plan(params)
    assert isinstance(refused, Refuse)
    assert "on port 22 is not known: prefix list pl-1 could not be read" in refused.says
    with pytest.raises(Unavailable):
        RevokeOpenIngress(Group(BY_LIST, GetManagedPrefixListEntries=THROTTLED)).plan(params)
    # On another port the list decides nothing.
    web = Params(security_group=GROUP, ports=(443,))
    assert isinstance(
        RevokeOpenIngress(Group(BY_LIST, GetManagedPrefixListEntries=DENIED)).plan(web), Already
    )


@pytest.mark.parametrize("unread", [DENIED, THROTTLED])
def test_an_unreadable_list_beside_an_open_rule_stops_nothing_and_is_named(unread: Exception) -> None:
    aws = Group(SSH, BY_LIST, GetManagedPrefixListEntries=unread)
    params, act = Params(security_group=GROUP), RevokeOpenIngress(aws)
    plan = act.plan(params)
    assert isinstance(plan, Change)
    assert isinstance(plan.before, Before)
    assert "what prefix list pl-1 lets in is not known: it could not be read, and stays" in [
        each.says for each in plan.consequences
    ]
    act.apply(params, plan.before)
    seen = act.verify(params, plan.before)
    assert (seen.verdict, seen.says.endswith("prefix list pl-1 could not be read")) == (Verdict.YES, True)
    # A list that nobody could read and that was not there before may be the world.
    aws.add({**BY_LIST, "PrefixListId": "pl-2"})
    assert act.verify(params, plan.before).verdict == Verdict.NOT_YET


@pytest.mark.parametrize("answer", [DENIED, THROTTLED])
def test_who_uses_the_group_only_informs(answer: Exception) -> None:
    plan = planned(group(SSH, DescribeNetworkInterfaces=answer))
    assert plan.consequences[0].observed == "who uses it is not known"
    assert plan.consequences[0].says == planned(group(SSH)).consequences[0].says


def test_of_many_interfaces_the_first_are_named_and_all_are_counted() -> None:
    many = [
        {"NetworkInterfaceId": f"eni-{number:04}", "Groups": [{"GroupId": GROUP}]} for number in range(300)
    ]
    told = planned(group(SSH, DescribeNetworkInterfaces={"NetworkInterfaces": many})).consequences[0].observed
    assert told.startswith("300 now: eni-0000, ")
    assert told.endswith("eni-0009, 290 more")


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        # As every group is made: everything may go out, so what is open to everyone is not tracked.
        ([SSH, EVERYTHING_OUT], ["drop at once where AWS does not track them"]),
        ([SSH, {**entry("tcp", 0, 65535), "IsEgress": True}], ["drop at once where"]),
        ([ALL, EVERYTHING_OUT], ["drop at once where", "ICMP, are tracked"]),
        ([SSH, PING, EVERYTHING_OUT], ["drop at once where", "ICMP, are tracked"]),
        ([SSH, {**entry("tcp", 443, 443), "IsEgress": True}], ["are tracked and live on"]),
        ([SSH6, EVERYTHING_OUT], ["are tracked and live on"]),
        ([*ssh_from(*HALVES), EVERYTHING_OUT], ["are tracked and live on"]),
        ([SSH], ["are tracked and live on"]),
        ([PING, EVERYTHING_OUT], ["are tracked and live on"]),
    ],
)
def test_what_becomes_of_open_connections_is_what_aws_says(
    rules: list[dict[str, Any]], says: list[str]
) -> None:
    """EC2 user guide, "Untracked connections": both directions open to everyone, TCP and UDP."""
    told = [each.says for each in planned(group(*rules)).consequences if "connections" in each.says]
    assert len(told) == len(says)
    assert all(part in whole for part, whole in zip(says, told, strict=True))


def test_a_protocol_without_ports_has_its_number_and_its_name() -> None:
    assert planned(group(entry("50", -1, -1))).says.endswith(": protocol 50 (ESP) from 0.0.0.0/0")
    assert planned(group(entry("253", -1, -1))).says.endswith(": protocol 253 from 0.0.0.0/0")


def test_fifty_rules_are_counted_in_the_clause_and_listed_in_the_consequences() -> None:
    rules = [entry("tcp", port, port) for port in range(1000, 1050)]
    aws = Group(*rules)
    plan = planned(aws)
    assert plan.says == (
        f"revoke from security group {GROUP}: 50 rules (tcp 1000 from 0.0.0.0/0, tcp 1001 from 0.0.0.0/0,"
        " tcp 1002 from 0.0.0.0/0 and 47 more)"
    )
    told = " ".join(each.says for each in plan.consequences)
    assert all(f"tcp {port} from 0.0.0.0/0" in told for port in range(1000, 1050))
    params, act = Params(security_group=GROUP), RevokeOpenIngress(aws)
    assert isinstance(plan.before, Before)
    assert len(act.verify(params, plan.before).says) < 200
    act.apply(params, plan.before)
    assert len(act.undo(params, plan.before).says) < 200


@pytest.mark.integration
@pytest.mark.parametrize("emulator", ["moto_world", "ministack_world"])
def test_halves_and_a_prefix_list_in_an_emulated_account(
    emulator: str, request: pytest.FixtureRequest
) -> None:
    world: AwsWorld = request.getfixturevalue(emulator)
    ec2 = world.client("ec2")
    made = ec2.create_security_group(GroupName="jump", Description="jump host")["GroupId"]
    list_ = ec2.create_managed_prefix_list(
        PrefixListName="all", MaxEntries=2, AddressFamily="IPv4", Entries=[{"Cidr": "0.0.0.0/0"}]
    )["PrefixList"]["PrefixListId"]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    sources: list[dict[str, Any]] = [{"IpRanges": [{"CidrIp": each}]} for each in (*HALVES, OFFICE)]
    sources += [{"Ipv6Ranges": [{"CidrIpv6": "2000::/3"}]}, {"PrefixListIds": [{"PrefixListId": list_}]}]
    for source in sources:
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[{**ssh, **source}])
    params, act = Params(security_group=made, ports=(22,)), RevokeOpenIngress(world.aws())

    def standing() -> list[str]:
        rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [made]}])
        read = (read_rule(rule) for rule in rules["SecurityGroupRules"] if not rule["IsEgress"])
        return sorted(rule.source for rule in read if rule)

    whole = standing()
    before = before_of(world.aws(), made)
    act.apply(params, before)
    assert standing() == [OFFICE]
    assert act.verify(params, before).verdict == Verdict.YES
    assert act.undo(params, before).outcome == "restored"
    assert standing() == whole


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
