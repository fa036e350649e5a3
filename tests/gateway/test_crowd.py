"""Who keeps a connection when there are too many."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from firedoor.gateway.crowd import Crowd, Seat


def seated(crowd: Crowd, address: str) -> Seat:
    seat = crowd.enter(address)
    assert seat is not None
    return seat


def test_the_newest_takes_the_place_of_the_oldest_stranger() -> None:
    crowd = Crowd(4)
    first, second, *_ = [seated(crowd, f"192.0.2.{number}") for number in range(4)]
    seated(crowd, "192.0.2.9")
    assert (first.evicted, second.evicted, len(crowd)) == (True, False, 4)


def test_who_proved_itself_stays_and_where_all_did_the_newest_is_refused() -> None:
    crowd = Crowd(4)
    seats = [seated(crowd, f"192.0.2.{number}") for number in range(4)]
    seats[0].prove(seats[0])
    seated(crowd, "192.0.2.9")
    assert (seats[0].evicted, seats[1].evicted) == (False, True)

    full = Crowd(2)
    for address in ("192.0.2.1", "192.0.2.2"):
        seat = seated(full, address)
        seat.prove(seat)
    assert full.enter("192.0.2.9") is None


@pytest.mark.parametrize(
    ("one", "same"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::ffff"), ("::ffff:192.0.2.1", "192.0.2.1")],
)
def test_a_client_with_too_many_makes_room_itself(one: str, same: str) -> None:
    crowd = Crowd(8)
    other = seated(crowd, "203.0.113.1")
    own = [seated(crowd, one) for _ in range(4)]
    seated(crowd, same)
    assert (other.evicted, own[0].evicted, own[1].evicted, len(crowd)) == (False, True, False, 5)


def test_a_trusted_proxy_is_many_clients() -> None:
    crowd = Crowd(8, trusted=[ip_network("10.0.0.0/8")])
    seats = [seated(crowd, "10.1.2.3") for _ in range(8)]
    assert not any(seat.evicted for seat in seats)


def test_places_that_are_left_are_free_again() -> None:
    crowd = Crowd(2)
    for _ in range(100):
        seat = seated(crowd, "192.0.2.1")
        seat.leave(seat)
        seat.leave(seat)
    assert len(crowd) == 0


def test_where_files_run_out_the_oldest_strangers_go() -> None:
    crowd = Crowd(100)
    seats = [seated(crowd, f"192.0.2.{number}") for number in range(40)]
    seats[0].prove(seats[0])
    crowd.thin(32)
    assert [seat.evicted for seat in seats] == [False] + [True] * 32 + [False] * 7
