"""The rules of a security group as EC2 shows them, with what its prefix lists hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from activities.aws.ec2.ingress_rule import ALL, WORLD, Rule, read
from activities.aws.ec2.open_rules import open_to_world
from firedoor.domain.core.errors import Rejected, Unavailable
from firedoor.systems.aws.calls import Aws

_LAST_PORT = 65535


@dataclass(frozen=True)
class GroupRules:
    """The ingress rules, which of them are open to the world, and the prefix lists that are not known.

    `egress` holds to whom the group lets everything out: protocol and range, where that is everyone.
    """

    rules: tuple[Rule, ...]
    open: tuple[Rule, ...]
    unread: dict[str, Rejected | Unavailable]
    egress: frozenset[tuple[str, str]]


def answers_of(aws: Aws, group: str) -> list[dict[str, Any]]:
    """Return EC2's own answers, one for each rule."""
    filters = [{"Name": "group-id", "Values": [group]}]
    return aws.pages("ec2", "DescribeSecurityGroupRules", "SecurityGroupRules", Filters=filters)


def ingress_of(answers: Sequence[dict[str, Any]]) -> tuple[Rule, ...]:
    """Read the rules that let ranges or prefix lists in."""
    rules = (read(answer) for answer in answers if not answer["IsEgress"])
    return tuple(rule for rule in rules if rule is not None)


def look(aws: Aws, group: str, ports: Sequence[int] | None) -> GroupRules:
    """Read a group, and judge what is open on these ports, or on all."""
    answers = answers_of(aws, group)
    rules = ingress_of(answers)
    matter = [rule for rule in rules if ports is None or any(rule.covers(port) for port in ports)]
    lists: dict[str, list[str]] = {}
    unread: dict[str, Rejected | Unavailable] = {}
    for id_ in sorted({rule.prefix_list for rule in matter if rule.prefix_list}):
        try:
            entries = aws.pages("ec2", "GetManagedPrefixListEntries", "Entries", PrefixListId=id_)
            lists[id_] = [str(entry["Cidr"]) for entry in entries]
        except (Rejected, Unavailable) as error:
            unread[id_] = error
    return GroupRules(rules, open_to_world(rules, lists, ports), unread, frozenset(_all_out(answers)))


def _all_out(answers: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for answer in answers:
        rule = read(answer) if answer["IsEgress"] else None
        if rule is None or rule.cidr not in WORLD:
            continue
        if rule.protocol == ALL or (rule.from_port <= 0 and rule.to_port in (-1, _LAST_PORT)):
            yield (ALL if rule.protocol == ALL else rule.kind), rule.cidr
