"""One rule of a security group that lets one range of addresses in, read and written as EC2 does."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from firedoor.domain.value import Value

WORLD = ("0.0.0.0/0", "::/0")
ALL = "-1"
WITH_PORTS = {"tcp", "udp"}


class Rule(Value):
    """One rule that lets one CIDR in, with all that is needed to write it again."""

    protocol: str
    from_port: int
    to_port: int
    cidr: str
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)

    @property
    def opening(self) -> tuple[str, int, int, str]:
        """What AWS tells rules apart by."""
        return (self.protocol, self.from_port, self.to_port, self.cidr)

    def covers(self, port: int) -> bool:
        """Tell whether the rule lets traffic to this port in."""
        if self.protocol == ALL:
            return True
        return self.protocol in WITH_PORTS and self.from_port <= port <= self.to_port

    def says(self) -> str:
        """Say the rule as people write it."""
        if self.protocol == ALL:
            return f"all traffic from {self.cidr}"
        if self.protocol not in WITH_PORTS:
            return f"{self.protocol} from {self.cidr}"
        ports = f"{self.from_port}" if self.from_port == self.to_port else f"{self.from_port}-{self.to_port}"
        return f"{self.protocol} {ports} from {self.cidr}"

    def permission(self, *, described: bool) -> dict[str, Any]:
        """Spell the rule as AWS does: one permission with one CIDR, so that its neighbours stay."""
        ranges, key = ("Ipv6Ranges", "CidrIpv6") if ":" in self.cidr else ("IpRanges", "CidrIp")
        entry = {key: self.cidr}
        if described and self.description is not None:
            entry["Description"] = self.description
        ports = {} if self.protocol == ALL else {"FromPort": self.from_port, "ToPort": self.to_port}
        return {"IpProtocol": self.protocol, **ports, ranges: [entry]}


def read(answer: dict[str, Any]) -> Rule | None:
    """Read one rule of AWS's; None for one whose source is a group or a prefix list."""
    cidr = answer.get("CidrIpv4") or answer.get("CidrIpv6")
    if not cidr:
        return None
    tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}
    return Rule(
        protocol=answer["IpProtocol"],
        from_port=answer.get("FromPort", -1),
        to_port=answer.get("ToPort", -1),
        cidr=cidr,
        description=answer.get("Description"),
        # What AWS itself tagged, nobody else can tag.
        tags={key: value for key, value in tags.items() if not key.startswith("aws:")},
    )
