"""What is open to the world is decided by the union of the ranges, however it is written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.aws.ec2.ingress_rule import Rule
from activities.aws.ec2.open_rules import open_to_world
from activities.aws.ec2.world_ranges import PUBLIC, Reach, Version, is_world, merged, opening, size


def pieces(cidr: str, prefix: int) -> list[str]:
    """Cut a range into pieces of one length."""
    return [str(each) for each in ipaddress.ip_network(cidr).subnets(new_prefix=prefix)]


def reaches(*cidrs: str) -> list[Reach]:
    return [Reach.of([cidr], 6 if ":" in cidr else 4) for cidr in cidrs]


def ssh(cidr: str, **other: object) -> Rule:
    return Rule.model_validate({"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": cidr, **other})


@pytest.mark.parametrize(
    "cidrs",
    [
        ("0.0.0.0/0",),
        ("0.0.0.0/1", "128.0.0.0/1"),
        tuple(pieces("0.0.0.0/0", 2)),
        tuple(pieces("0.0.0.0/0", 6)),
        tuple(pieces("0.0.0.0/0", 10)),
        ("0.0.0.0/1",),
        ("128.0.0.0/1",),
        ("64.0.0.0/2",),
        ("::/0",),
        ("2000::/3",),
        ("::/1", "8000::/1"),
        ("2400::/12", "2600::/12", "2800::/12", "2a00::/12", "2c00::/12"),
        ("2600::/12",),
        tuple(pieces("2000::/3", 11)),
    ],
)
def test_the_world_is_open_in_one_range_or_in_pieces(cidrs: tuple[str, ...]) -> None:
    assert is_world(reaches(*cidrs))


@pytest.mark.parametrize(
    "cidrs",
    [
        (),
        ("198.51.100.0/24",),
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        ("3.0.0.0/8",),
        ("224.0.0.0/4", "240.0.0.0/4"),
        ("fc00::/7", "fe80::/10"),
        ("2600:1f00::/24",),
        ("8000::/1",),
    ],
)
def test_one_owners_ranges_and_private_ones_are_not_the_world(cidrs: tuple[str, ...]) -> None:
    assert not is_world(reaches(*cidrs))


def test_the_largest_owner_of_addresses_is_not_the_world() -> None:
    """Thirteen /8 is what the largest holds; sixteen nobody has."""
    assert not is_world(reaches(*(f"{first}.0.0.0/8" for first in range(20, 33))))
    assert is_world(reaches(*(f"{first}.0.0.0/8" for first in range(20, 36))))


CIDR4 = st.builds(
    lambda address, prefix: str(ipaddress.ip_network((address, prefix), strict=False)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)
CIDR6 = st.builds(
    lambda address, prefix: str(ipaddress.ip_network((address, prefix), strict=False)),
    st.integers(0, 2**128 - 1),
    st.integers(0, 64),
)


@given(st.lists(CIDR4, max_size=8), st.integers(0, 3))
def test_cutting_a_range_into_pieces_changes_no_verdict(cidrs: list[str], deeper: int) -> None:
    cut = []
    for cidr in cidrs:
        net = ipaddress.ip_network(cidr)
        cut += pieces(cidr, min(net.prefixlen + deeper, 32))
    assert is_world(reaches(*cidrs)) == is_world(reaches(*cut))


@given(st.lists(CIDR4, max_size=12), st.lists(CIDR4, max_size=4))
def test_one_more_rule_never_closes_the_world(cidrs: list[str], more: list[str]) -> None:
    assert not is_world(reaches(*cidrs)) or is_world(reaches(*cidrs, *more))


@given(st.one_of(st.lists(CIDR4, max_size=12), st.lists(CIDR6, max_size=12)))
def test_what_goes_leaves_a_rest_that_is_not_the_world_and_nothing_goes_where_it_was_not(
    cidrs: list[str],
) -> None:
    all_ = reaches(*cidrs)
    gone = opening(all_)
    rest = [reach for place, reach in enumerate(all_) if place not in gone]
    assert not is_world(rest)
    assert bool(gone) == is_world(all_)
    # The last width was needed: what is as narrow as the narrowest that goes would have left it open.
    if gone:
        narrowest = min(all_[place].width for place in gone)
        assert is_world(reach for reach in all_ if reach.width <= narrowest or reach.inside)


@given(st.lists(CIDR4, max_size=12))
def test_what_is_private_stays(cidrs: list[str]) -> None:
    all_ = reaches("0.0.0.0/0", "10.0.0.0/8", *cidrs)
    assert 1 not in opening(all_)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=12))
def test_a_union_holds_each_address_once(pairs: list[tuple[int, int]]) -> None:
    spans = [(min(pair), max(pair)) for pair in pairs]
    held = {number for first, last in spans for number in range(first, last + 1)}
    assert size(merged(spans)) == len(held)
    assert {number for first, last in merged(spans) for number in range(first, last + 1)} == held


@pytest.mark.parametrize(("version", "bits"), [(4, 32), (6, 128)])
def test_what_is_public_is_in_order_and_within_the_addresses(version: Version, bits: int) -> None:
    assert merged(PUBLIC[version]) == PUBLIC[version]
    assert 0 <= PUBLIC[version][0][0] <= PUBLIC[version][-1][1] < 2**bits


def test_a_partners_range_beside_the_halves_stays() -> None:
    rules = [ssh("0.0.0.0/1"), ssh("128.0.0.0/1"), ssh("198.51.100.0/24"), ssh("10.0.0.0/8")]
    assert open_to_world(rules, {}, None) == tuple(rules[:2])


def test_each_port_is_judged_by_itself() -> None:
    """Half of the world on one port and half on another is no world on either, and a range overlaps both."""
    quarter = ssh("0.0.0.0/5")
    other = ssh("64.0.0.0/5", from_port=443, to_port=443)
    assert open_to_world([quarter, other], {}, None) == ()
    over_both = ssh("64.0.0.0/5", from_port=20, to_port=443)
    assert open_to_world([quarter, over_both], {}, None) == (over_both, quarter)
    assert open_to_world([quarter, over_both], {}, (443,)) == ()


def test_halves_in_different_protocols_meet_where_one_of_them_is_all_traffic() -> None:
    everything = ssh("0.0.0.0/5", protocol="-1", from_port=-1, to_port=-1)
    tcp, udp = ssh("64.0.0.0/5"), ssh("64.0.0.0/5", protocol="udp")
    assert open_to_world([everything, tcp], {}, None) == (everything, tcp)
    assert open_to_world([tcp, udp], {}, None) == ()
    by_number = ssh("0.0.0.0/5", protocol="6")
    assert open_to_world([by_number, tcp], {}, (22,)) == (by_number, tcp)


def test_ipv4_and_ipv6_are_judged_apart() -> None:
    assert open_to_world([ssh("0.0.0.0/5"), ssh("2600::/13")], {}, None) == ()
    assert open_to_world([ssh("0.0.0.0/5"), ssh("2600::/12")], {}, None) == (ssh("2600::/12"),)


def test_a_prefix_list_counts_with_its_entries_and_goes_as_one() -> None:
    by_list = ssh("", prefix_list="pl-1")
    halves = ["0.0.0.0/1", "128.0.0.0/1", "::/0"]
    assert open_to_world([by_list], {"pl-1": halves}, None) == (by_list,)
    assert open_to_world([by_list, ssh("0.0.0.0/5")], {"pl-1": ["64.0.0.0/5"]}, None) == (
        ssh("0.0.0.0/5"),
        by_list,
    )
    assert open_to_world([by_list], {"pl-1": ["130.176.0.0/17", "120.52.22.96/27"]}, None) == ()
    assert open_to_world([by_list], {}, None) == ()


def test_icmp_types_and_protocols_without_ports_are_judged_too() -> None:
    echo = [ssh(half, protocol="icmp", from_port=8, to_port=-1) for half in ("0.0.0.0/1", "128.0.0.0/1")]
    esp = ssh("0.0.0.0/0", protocol="50", from_port=-1, to_port=-1)
    assert open_to_world([*echo, esp], {}, None) == (esp, *echo)
    assert open_to_world([*echo, esp], {}, (22,)) == ()
