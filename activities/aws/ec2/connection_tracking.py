"""What becomes of connections that stand when a rule of a security group goes, as EC2 tracks them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from activities.aws.ec2.ingress_rule import ALL, ICMP, WITH_PORTS, WORLD, Rule


def connections_after(gone: Sequence[Rule], egress: Collection[tuple[str, str]]) -> Iterator[str]:
    """Say which open connections drop at once and which live on.

    EC2 does not track a TCP or UDP flow whose rule is for everyone where the other direction is open to
    everyone on all ports: it ends with its rule. `egress` are protocol and range of such ways out.
    """
    untracked = [rule for rule in gone if _untracked(rule, egress)]
    # All traffic is ICMP, too, which is always tracked.
    if untracked:
        yield (
            "open TCP and UDP connections drop at once where AWS does not track them, for in and out are open"
            " to everyone; those it always tracks (such as through a load balancer) live on until they end"
        )
        if any(rule not in untracked or rule.protocol == ALL for rule in gone):
            yield "open connections by the other rules, and ICMP, are tracked: they live on until they end"
        return
    yield (
        "open connections are tracked and live on until they end, unless another group of the interface lets"
        " everything out: then they may drop at once"
    )


def _untracked(rule: Rule, egress: Collection[tuple[str, str]]) -> bool:
    if rule.cidr not in WORLD or rule.kind in ICMP:
        return False
    protocols = WITH_PORTS if rule.protocol == ALL else WITH_PORTS & {rule.kind}
    return any((out, rule.cidr) in egress for protocol in protocols for out in (ALL, protocol))
