"""One rule of a security group that lets a range or a prefix list in, read and written as EC2 does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from firedoor.domain.core.value import Value

WORLD = ("0.0.0.0/0", "::/0")
ALL = "-1"
WITH_PORTS = {"tcp", "udp"}
ICMP = {"icmp", "icmpv6"}

#: Rules that are named in a clause; the others are counted.
_NAMED = 4
_SHOWN_IN_ONE = 10

#: How EC2 names four of the protocols that have a number, too.
_BY_NUMBER = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}

#: IANA's registry of protocol numbers: those that cross an internet gateway in practice.
_PROTOCOLS = {
    "2": "IGMP",
    "4": "IPv4 in IP",
    "41": "IPv6 in IP",
    "47": "GRE",
    "50": "ESP",
    "51": "AH",
    "88": "EIGRP",
    "89": "OSPF",
    "94": "IPIP",
    "103": "PIM",
    "108": "IPComp",
    "112": "VRRP",
    "115": "L2TP",
    "132": "SCTP",
    "136": "UDPLite",
    "137": "MPLS in IP",
}


class Rule(Value):
    """One rule that lets one range or one prefix list in, with all that is needed to write it again."""

    protocol: str
    from_port: int
    to_port: int
    cidr: str = ""
    prefix_list: str | None = None
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)

    @property
    def source(self) -> str:
        """Who is let in: a range, or the id of a prefix list."""
        return self.prefix_list or self.cidr

    @property
    def opening(self) -> tuple[str, int, int, str]:
        """What AWS tells rules apart by."""
        return (self.protocol, self.from_port, self.to_port, self.source)

    @property
    def kind(self) -> str:
        """The protocol under the one name that EC2 prefers."""
        return _BY_NUMBER.get(self.protocol, self.protocol)

    def covers(self, port: int) -> bool:
        """Tell whether the rule lets traffic to this port in."""
        if self.protocol == ALL:
            return True
        return self.kind in WITH_PORTS and self._has(port)

    def answers(self, message: tuple[int, int]) -> bool:
        """Tell whether the rule lets an ICMP message of this type and code in; -1 is every one of them."""
        mine = (self.from_port, self.to_port)
        return all(own in (-1, wanted) for own, wanted in zip(mine, message, strict=True))

    def says(self) -> str:
        """Say the rule as people write it."""
        who = f"from {'prefix list ' if self.prefix_list else ''}{self.source}"
        if self.protocol == ALL:
            return f"all traffic {who}"
        if self.kind in ICMP:
            return f"{self.kind}{'' if self.from_port == -1 else f' type {self.from_port}'} {who}"
        if self.kind not in WITH_PORTS:
            name = _PROTOCOLS.get(self.protocol)
            return f"protocol {self.protocol}{f' ({name})' if name else ''} {who}"
        if self.from_port == -1:
            return f"{self.kind} on all ports {who}"
        ports = f"{self.from_port}" if self.from_port == self.to_port else f"{self.from_port}-{self.to_port}"
        return f"{self.kind} {ports} {who}"

    def permission(self, *, described: bool) -> dict[str, Any]:
        """Spell the rule as AWS does: one permission with one source, so that its neighbours stay."""
        if self.prefix_list:
            sources, entry = "PrefixListIds", {"PrefixListId": self.prefix_list}
        elif ":" in self.cidr:
            sources, entry = "Ipv6Ranges", {"CidrIpv6": self.cidr}
        else:
            sources, entry = "IpRanges", {"CidrIp": self.cidr}
        if described and self.description is not None:
            entry["Description"] = self.description
        ports = {} if self.protocol == ALL else {"FromPort": self.from_port, "ToPort": self.to_port}
        return {"IpProtocol": self.protocol, **ports, sources: [entry]}

    def _has(self, port: int) -> bool:
        return self.from_port == -1 or self.from_port <= port <= self.to_port


def read(answer: dict[str, Any]) -> Rule | None:
    """Read one rule of AWS's; None for one whose source is a group."""
    cidr = answer.get("CidrIpv4") or answer.get("CidrIpv6") or ""
    prefix_list = answer.get("PrefixListId") or None
    if not cidr and not prefix_list:
        return None
    tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}
    return Rule(
        protocol=answer["IpProtocol"],
        from_port=answer.get("FromPort", -1),
        to_port=answer.get("ToPort", -1),
        cidr=cidr,
        prefix_list=prefix_list,
        description=answer.get("Description"),
        # What AWS itself tagged, nobody else can tag.
        tags={key: value for key, value in tags.items() if not key.startswith("aws:")},
    )


def named(rules: Sequence[Rule]) -> str:
    """Name rules in a clause: all of a few, of many the first and how many there are."""
    if len(rules) <= _NAMED:
        return ", ".join(rule.says() for rule in rules)
    shown = ", ".join(rule.says() for rule in rules[: _NAMED - 1])
    return f"{len(rules)} rules ({shown} and {len(rules) - _NAMED + 1} more)"


def listed(rules: Sequence[Rule]) -> list[str]:
    """List in lines what `named` only counts; [] where it named all."""
    if len(rules) <= _NAMED:
        return []
    starts = range(0, len(rules), _SHOWN_IN_ONE)
    parts = [rules[start : start + _SHOWN_IN_ONE] for start in starts]
    return [
        f"rules {start + 1} to {start + len(part)} of {len(rules)}: {', '.join(rule.says() for rule in part)}"
        for start, part in zip(starts, parts, strict=True)
    ]
