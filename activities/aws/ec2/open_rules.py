"""Which rules of a security group, taken together, let the internet in on some port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from activities.aws.ec2.ingress_rule import ALL, ICMP, WITH_PORTS, Rule
from activities.aws.ec2.world_ranges import Reach, Version, opening

_VERSIONS: tuple[Version, ...] = (4, 6)


def open_to_world(
    rules: Sequence[Rule], lists: Mapping[str, Sequence[str]], ports: Sequence[int] | None
) -> tuple[Rule, ...]:
    """Return the rules that have to go so that nothing is open to the world, on these ports or on all.

    `lists` holds the entries of prefix lists; a rule with a list that is not among them lets in nothing here.
    IPv4 and IPv6 are judged apart, and so is every port of every protocol.
    """
    reaches = {
        version: [
            Reach.of([rule.cidr] if rule.cidr else lists.get(rule.prefix_list or "", ()), version)
            for rule in rules
        ]
        for version in _VERSIONS
    }
    found: set[int] = set()
    for places in set(_together(rules, ports)):
        members = sorted(places)
        for version in _VERSIONS:
            chosen = opening([reaches[version][place] for place in members])
            found |= {members[each] for each in chosen}
    return tuple(sorted((rules[place] for place in found), key=lambda rule: rule.opening))


def _together(rules: Sequence[Rule], ports: Sequence[int] | None) -> Iterator[frozenset[int]]:
    """Yield the sets of rules that let in the same traffic.

    Without ports it is enough to look where a rule begins: every largest set is found there.
    """
    every = [place for place, rule in enumerate(rules) if rule.protocol == ALL]
    if ports is None:
        yield frozenset(every)
    for protocol in sorted({rule.kind for rule in rules} | (WITH_PORTS if ports else set())):
        if protocol == ALL or (ports is not None and protocol not in WITH_PORTS):
            continue
        own = [place for place, rule in enumerate(rules) if rule.kind == protocol]
        if protocol in WITH_PORTS:
            for port in ports or sorted({rules[place].from_port for place in own}):
                yield frozenset((*every, *(place for place in own if rules[place].covers(port))))
        elif protocol in ICMP:
            for message in sorted({(rules[place].from_port, rules[place].to_port) for place in own}):
                yield frozenset((*every, *(place for place in own if rules[place].answers(message))))
        else:
            yield frozenset((*every, *own))
