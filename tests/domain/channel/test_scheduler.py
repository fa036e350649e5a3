"""The board: one writer's choice, paced; a storm is one message; a set is what somebody looked at."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.domain.approval.vote import Voter
from firedoor.domain.channel import state
from firedoor.domain.channel.batches import MOST_MEMBERS, lines
from firedoor.domain.channel.messages import (
    BoardState,
    Cast,
    FrozenSet,
    GatherOrder,
    Line,
    MessageRef,
    Notice,
    Shown,
    VoteAll,
    WriteOrder,
    Written,
)
from firedoor.domain.channel.scheduler import Board
from firedoor.domain.channel.state import STORM
from firedoor.domain.finding.finding import Severity
from tests.harness import NOW

SECOND = timedelta(seconds=1)


def notice(number: int, version: int = 1, **changes: Any) -> Notice:
    base: dict[str, Any] = {
        "response": f"respond/leaked_key/{number:032x}",
        "run": NOW,
        "version": version,
        "urgency": "ask",
        "playbook": "leaked_key",
        "account": "123456789012",
        "severity": Severity.HIGH,
        "status": "awaiting_approval",
        "says": f"delete access key {number}",
        "asking": True,
        "ask": "1",
        "generation": 1,
        "plan_sha256": f"{number:064x}",
        "alike": "same",
    }
    return Notice(**{**base, **changes})


def done(number: int, version: int = 2, **changes: Any) -> Notice:
    return notice(
        number,
        version,
        **{
            "urgency": "outcome",
            "asking": False,
            "ask": "",
            "generation": 0,
            "status": "contained",
            **changes,
        },
    )


class Channel:
    """A channel as the desk's activity would write it, with the time it takes, and every write it saw."""

    def __init__(self, board: Board, now: datetime = NOW) -> None:
        self.board, self.now = board, now
        self.writes: list[WriteOrder] = []
        self.at: list[datetime] = []
        self.posts: list[datetime] = []
        self._ts = 0

    def run(self, until: datetime, *, drain: bool = False) -> None:
        """Write whatever the board wants until a moment; `drain` stops when nothing is left."""
        while self.now <= until:
            order, wake = self.board.next(self.now)
            if order is None:
                if wake is None or wake > until or (drain and wake - self.now > timedelta(seconds=30)):
                    break
                assert wake > self.now
                self.now = wake
                continue
            self._write(order)
        self.now = max(self.now, until) if not drain else self.now

    def _write(self, order: WriteOrder) -> None:
        self.writes.append(order)
        self.at.append(self.now)
        each = self.board.shown.get(order.response)
        new = order.ref is None or order.what in ("thread", "reminder")
        if order.what == "cast":
            new = order.said is None
        if order.what == "card" and each and order.ref:
            asked = (each.notice.ask, each.notice.generation)
            new = each.notice.asking and asked != (order.ref.ask, order.ref.generation)
        ref = order.said if order.what == "cast" else order.ref
        if new and order.what in ("card", "digest", "cast"):
            self._ts += 1
            ref = MessageRef(channel="C1", ts=f"{self._ts}.0")
        if new:
            self.posts.append(self.now)
        version = each.notice.version if each else 0
        more = order.what == "card" and new and each is not None and not each.notice.asking
        self.board.written(order, Written(ref=ref, version=version, posted=new, more=more), self.now)


def board(**changes: Any) -> Board:
    return Board(BoardState(channel="C1", **changes), NOW)


def kinds(channel: Channel) -> list[str]:
    return [order.what for order in channel.writes]


# ---- the order -------------------------------------------------------------------------------


def test_a_quiet_channel_has_the_card_at_once() -> None:
    made = board()
    made.take(notice(1), NOW)
    order, _ = made.next(NOW)
    assert order is not None
    assert (order.what, order.ref) == ("card", None)


def test_an_outcome_is_written_before_a_new_ask_and_an_ask_before_a_count() -> None:
    made = board()
    channel = Channel(made)
    for number in (1, 2):
        made.take(notice(number), NOW)
    channel.run(NOW + timedelta(seconds=20), drain=True)
    channel.writes.clear()
    channel.now += 2 * SECOND
    made.take(notice(1, 3), channel.now)  # one of two has said yes
    made.take(notice(3), channel.now)
    made.take(done(2, 3), channel.now)
    channel.run(channel.now + timedelta(seconds=20), drain=True)
    cards = [order.response[-1] for order in channel.writes if order.what == "card"]
    assert cards == ["2", "3", "1"]


def test_the_more_severe_ask_is_posted_first() -> None:
    made = board()
    made.take(notice(1, severity=Severity.LOW), NOW)
    made.take(notice(2, severity=Severity.CRITICAL), NOW)
    order, _ = made.next(NOW)
    assert order is not None
    assert order.response.endswith("2")


def test_new_messages_are_a_second_apart() -> None:
    made = board()
    channel = Channel(made)
    for number in range(5):
        made.take(notice(number), NOW)
    channel.run(NOW + timedelta(seconds=30), drain=True)
    gaps = [later - earlier for earlier, later in zip(channel.posts, channel.posts[1:], strict=False)]
    assert min(gaps) >= SECOND


def test_what_changes_while_it_waits_is_written_once() -> None:
    made = board()
    channel = Channel(made)
    made.take(notice(1), NOW)
    channel.run(NOW, drain=True)
    before = len(channel.writes)
    for version in range(2, 40):
        made.take(notice(1, version), channel.now)
    order, _ = made.next(channel.now)
    assert order is not None
    channel.run(channel.now, drain=True)
    cards = [order for order in channel.writes[before:] if order.what == "card"]
    assert len(cards) == 1


def test_an_older_notice_changes_nothing() -> None:
    made = board()
    channel = Channel(made)
    made.take(done(1, 5), NOW)
    channel.run(NOW, drain=True)
    made.take(notice(1, 2), channel.now)
    assert made.shown[notice(1).response].notice.version == 5


def test_a_decided_ask_is_drawn_within_the_second_however_much_waits() -> None:
    made = board()
    channel = Channel(made)
    for number in range(5):
        made.take(notice(number), NOW)
    channel.run(NOW + timedelta(seconds=6))
    for number in range(10, 40):
        made.take(notice(number), channel.now)  # a storm comes in
    decided_at = channel.now
    made.take(done(0, 9), decided_at)
    before = len(channel.writes)
    channel.run(decided_at + SECOND)
    assert channel.writes[before].response == notice(0).response
    assert channel.at[before] - decided_at < SECOND


def test_edits_stay_below_slacks_pace_and_keep_some_back_for_what_people_wait_for() -> None:
    made = board()
    channel = Channel(made)
    made.take(notice(1), NOW)
    channel.run(NOW, drain=True)
    start = channel.now
    for version in range(2, 400):
        made.take(notice(1, version), channel.now)
        channel.run(channel.now + timedelta(milliseconds=150))
    minute = [
        at for order, at in zip(channel.writes, channel.at, strict=True) if order.what == "card" and order.ref
    ]
    assert sum(start <= at < start + timedelta(minutes=1) for at in minute) <= 35
    made.take(done(1, 900), channel.now)
    order, _ = made.next(channel.now)
    assert order is not None


def test_a_channel_that_has_to_rest_rests_as_long_as_slack_says() -> None:
    made = board()
    made.take(notice(1), NOW)
    order, _ = made.next(NOW)
    assert order is not None
    made.written(order, Written(limited=30), NOW)
    assert made.next(NOW + timedelta(seconds=29))[0] is None
    assert made.next(NOW)[1] == NOW + timedelta(seconds=30)
    assert made.next(NOW + timedelta(seconds=30))[0] is not None


def test_a_write_that_failed_lets_others_go_first_and_is_tried_again() -> None:
    made = board()
    made.take(notice(1), NOW)
    made.take(notice(2), NOW)
    order, _ = made.next(NOW)
    assert order is not None
    made.failed(order, NOW)
    other, _ = made.next(NOW)
    assert other is not None
    assert other.response != order.response
    channel = Channel(made)
    channel.run(NOW + timedelta(seconds=30), drain=True)
    assert order.response in {each.response for each in channel.writes}


def test_a_new_ask_that_was_decided_before_it_was_drawn_is_one_message() -> None:
    made = board()
    channel = Channel(made)
    made.take(notice(1), NOW)
    channel.run(NOW + timedelta(seconds=5), drain=True)
    made.take(notice(1, 5, generation=2), channel.now)
    order, _ = made.next(channel.now + 2 * SECOND)
    assert order is not None
    # It was decided between the notice and the look: the message was drawn as done.
    told = Written(ref=MessageRef(channel="C1", ts="9.0"), version=7, posted=True)
    made.written(order, told, channel.now)
    after, _ = made.next(channel.now + 10 * SECOND)
    assert after is None or after.what == "thread"


def test_a_reminder_is_a_new_message_in_the_thread_once() -> None:
    made = board()
    channel = Channel(made)
    made.take(notice(1), NOW)
    channel.run(NOW + timedelta(seconds=5), drain=True)
    made.take(notice(1, 4, reminded=1), channel.now)
    channel.run(channel.now + timedelta(seconds=20), drain=True)
    assert kinds(channel).count("reminder") == 1


# ---- a storm ---------------------------------------------------------------------------------


def test_five_asks_in_a_minute_are_five_cards_and_one_more_makes_a_digest() -> None:
    calm, stormy = Channel(board()), Channel(board())
    for channel, count in ((calm, STORM), (stormy, STORM + 1)):
        for number in range(count):
            channel.board.take(notice(number), NOW)
        channel.run(NOW + timedelta(seconds=20))
    assert "digest" not in kinds(calm)
    assert [order.what for order in stormy.writes if order.ref is None] == ["digest"]


def test_asks_that_people_keep_up_with_are_no_storm() -> None:
    channel = Channel(board())
    for number in range(20):
        channel.board.take(notice(number), channel.now)
        channel.run(channel.now + timedelta(seconds=1))
        channel.board.take(done(number), channel.now)
        channel.run(channel.now + timedelta(seconds=1))
    assert "digest" not in kinds(channel)


@pytest.mark.parametrize("seconds", [0, 5, 30, 59, 200, 390])
def test_two_hundred_findings_make_at_most_five_messages_also_when_they_are_decided(seconds: int) -> None:
    channel = Channel(board())
    for number in range(200):
        channel.board.take(notice(number), channel.now)
        channel.run(NOW + timedelta(seconds=seconds * number / 200))
    channel.run(channel.now + timedelta(seconds=10))
    told = channel.board.digest(1)
    assert sum(line.alike for line in told.lines) >= 200 - 3
    for person in ("alice", "bob"):  # and people take their time
        channel.run(channel.now + timedelta(minutes=2))
        order = channel.board.sets.vote(_word(_look(channel).sha256, id=person))
        channel.board.cast(order, Cast(word=order.word, counted=len(order.members)))
    channel.run(channel.now + timedelta(minutes=2))
    for member in order.members:
        known = channel.board.shown[member.response].notice
        channel.board.take(known.model_copy(update={"version": 99, "asking": False}), channel.now)
    channel.run(channel.now + timedelta(minutes=10))
    assert len(channel.posts) <= 5


def test_a_card_that_comes_on_the_heels_of_another_waits_a_moment_where_three_wait_for_an_answer() -> None:
    channel = Channel(board())
    for number in range(4):
        channel.board.take(notice(number), channel.now)
        channel.run(channel.now + SECOND)
    assert len(channel.posts) == 3
    channel.run(channel.now + SECOND)
    assert len(channel.posts) == 4, "no more came: it was no storm"
    assert "digest" not in kinds(channel)


@pytest.mark.parametrize(("apart", "answered"), [(2 * SECOND, False), (1.5 * SECOND, True)])
def test_a_card_is_posted_at_once_where_nothing_hints_at_a_storm(apart: timedelta, *, answered: bool) -> None:
    channel = Channel(board())
    for number in range(5):
        channel.run(channel.now + apart)
        if answered and number:
            channel.board.take(done(number - 1), channel.now)
        channel.board.take(notice(number), channel.now)
        channel.run(channel.now + 0.5 * SECOND)
        assert channel.board.shown[notice(number).response].ref is not None


def test_an_ask_that_was_just_posted_says_all_there_is_and_its_thread_begins_with_what_becomes_of_it() -> (
    None
):
    channel = Channel(board())
    channel.board.take(notice(1), NOW)
    channel.run(NOW + timedelta(minutes=5))
    assert kinds(channel) == ["card"]
    channel.board.take(done(1), channel.now)
    channel.run(channel.now + timedelta(minutes=5))
    assert kinds(channel) == ["card", "card", "thread"]


def test_what_contained_itself_has_its_thread_at_once() -> None:
    channel = Channel(board())
    channel.board.take(done(1), NOW)
    channel.run(NOW + timedelta(minutes=5))
    assert kinds(channel) == ["card", "thread"]


def test_threads_are_told_when_a_storm_is_over_also_where_people_were_quick() -> None:
    channel = Channel(board())
    for number in range(20):
        channel.board.take(notice(number), channel.now)
        channel.run(channel.now + timedelta(seconds=0.2))
    for number in range(20):
        channel.board.take(done(number), channel.now)
    channel.run(channel.now + timedelta(seconds=30))
    assert "thread" not in kinds(channel)
    channel.run(channel.now + timedelta(minutes=1))
    assert "thread" in kinds(channel)


def test_two_hundred_that_contained_themselves_make_at_most_five_messages_too() -> None:
    channel = Channel(board())
    for number in range(200):
        channel.board.take(done(number), channel.now)
        channel.run(NOW + timedelta(seconds=number / 10))
    channel.run(channel.now + timedelta(seconds=30))
    assert len(channel.posts) <= 5


def test_what_differs_is_left_out_of_the_set_and_asked_alone() -> None:
    channel = Channel(board())
    for number in range(20):
        channel.board.take(notice(number, alike="other" if number == 7 else "same"), NOW)
    channel.run(NOW + timedelta(seconds=5))
    line = channel.board.digest(1).lines[0]
    assert (line.alike, line.outliers) == (19, 1)
    assert [member.response for member in line.alone] == [notice(7).response]
    channel.run(NOW + timedelta(seconds=30))
    assert channel.board.shown[notice(7).response].ref is not None
    assert channel.board.digest(1).lines[0].outliers == 0


def test_a_digest_is_not_drawn_up_anew_for_every_word_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel(board())
    for number in range(100):
        channel.board.take(notice(number), NOW)
    channel.run(NOW + timedelta(seconds=5))
    started = channel.now
    drawn: list[datetime] = []

    def counted(shown: Iterable[Shown]) -> tuple[Line, ...]:
        drawn.append(channel.now)
        return lines(shown)

    monkeypatch.setattr(state, "lines", counted)
    for number in range(100):
        channel.board.take(done(number), channel.now)
        channel.run(channel.now + timedelta(seconds=0.1))
    assert len(drawn) <= (channel.now - started) / timedelta(seconds=3) + 2, "every third second at the most"


def test_a_storm_of_all_kinds_does_not_become_a_storm_of_cards() -> None:
    channel = Channel(board())
    for number in range(200):
        channel.board.take(notice(number, alike=f"kind {number % 60}"), NOW)
    channel.run(NOW + timedelta(seconds=59))
    assert len(channel.posts) <= 5
    channel.run(NOW + timedelta(minutes=10))
    assert sum(order.ref is None for order in channel.writes) <= 4


def test_after_a_storm_asks_are_cards_again() -> None:
    channel = Channel(board())
    for number in range(20):
        channel.board.take(notice(number), NOW)
    channel.run(NOW + timedelta(minutes=2))
    channel.board.take(notice(99), channel.now)
    channel.run(channel.now + timedelta(seconds=2))
    assert channel.board.shown[notice(99).response].digest == 0
    assert channel.board.shown[notice(99).response].ref is not None


def test_a_digest_follows_what_becomes_of_its_asks() -> None:
    channel = Channel(board())
    for number in range(20):
        channel.board.take(notice(number), NOW)
    channel.run(NOW + timedelta(seconds=5))
    for number in range(20):
        channel.board.take(done(number), channel.now)
    channel.run(channel.now + timedelta(seconds=5))
    assert channel.writes[-1].what == "digest"
    assert channel.writes[-1].digest is not None
    assert channel.writes[-1].digest.lines[0].others == {"contained": 20}
    assert channel.writes[-1].digest.lines[0].alike == 0


# ---- a set -----------------------------------------------------------------------------------


def _stormy() -> Channel:
    channel = Channel(board())
    for number in range(20):
        channel.board.take(notice(number), NOW)
    channel.run(NOW + timedelta(seconds=5))
    return channel


def _word(sha256: str, **changes: Any) -> VoteAll:
    base: dict[str, Any] = {
        "id": "w-1",
        "sha256": sha256,
        "decision": "approve",
        "voter": Voter(person="alice", groups=("responders",)),
        "door": "slack",
        "at": NOW,
    }
    return VoteAll(**{**base, **changes})


def _look(channel: Channel, digest: int = 1) -> FrozenSet:
    made = channel.board.gather(GatherOrder(digest=digest, key="leaked_key/123456789012"), channel.now)
    assert made is not None
    return made


def test_what_is_signed_is_what_was_looked_at_whatever_came_since() -> None:
    channel = _stormy()
    looked_at = _look(channel)
    channel.board.take(notice(50), channel.now)
    assert _look(channel).sha256 != looked_at.sha256
    assert channel.board.sets.objection(_word(looked_at.sha256), NOW) is None
    assert len(channel.board.sets.vote(_word(looked_at.sha256)).members) == 20


def test_a_set_holds_what_fits_and_says_how_many_more_wait() -> None:
    channel = Channel(board())
    for number in range(MOST_MEMBERS + 30):
        channel.board.take(notice(number, alike="other" if number < 7 else "same"), NOW)
    channel.run(NOW + timedelta(seconds=1))
    made = _look(channel)
    # The first ones got a card of their own before it was a storm; of those that differ it is alone.
    listed = len(made.members) + made.more + made.left_out
    assert len(made.members) == MOST_MEMBERS
    assert made.more > 0
    assert listed == sum(each.digest == 1 for each in channel.board.shown.values())


def test_sets_that_were_looked_at_long_ago_make_room_for_newer_ones() -> None:
    channel = Channel(board())
    for number in range(MOST_MEMBERS + 200):
        channel.board.take(notice(number), NOW)
    looked_at = []
    for number in range(6):  # each look finds another thousand
        channel.board.take(done(number + 20), NOW)
        looked_at.append(_look(channel))
    known = {each.sha256 for each in channel.board.sets.known()}
    assert [each.sha256 in known for each in looked_at] == [False, False, True, True, True, True]


def test_a_set_nobody_froze_or_of_yesterday_takes_no_word() -> None:
    channel = _stormy()
    made = channel.board
    known = _look(channel)
    assert "not known any more" in (made.sets.objection(_word("f" * 64), NOW) or "")
    assert made.sets.objection(_word(known.sha256), NOW + timedelta(hours=25)) is not None
    assert "reason" in (made.sets.objection(_word(known.sha256, decision="reject"), NOW) or "")


def test_a_line_of_which_nothing_is_asked_any_more_cannot_be_frozen() -> None:
    channel = _stormy()
    for number in range(20):
        channel.board.take(done(number), channel.now)
    assert channel.board.line(GatherOrder(digest=1, key="leaked_key/123456789012")) is None
    assert channel.board.line(GatherOrder(digest=7, key="leaked_key/123456789012")) is None


def test_what_became_of_a_word_about_many_is_told_in_the_digests_thread() -> None:
    channel = _stormy()
    made = channel.board
    order = made.sets.vote(_word(_look(channel).sha256))
    made.cast(order, Cast(word=order.word, counted=19, refused={"you have voted already": 1}))
    channel.run(channel.now + timedelta(minutes=2))
    assert kinds(channel).count("cast") == 1
    assert made.sets.casting == []
    order = made.sets.vote(_word(_look(channel).sha256, id="w-2"))
    made.cast(order, Cast(word=order.word, counted=20))
    channel.run(channel.now + timedelta(minutes=2))
    first, second = (each for each in channel.writes if each.what == "cast")
    assert (first.said, second.said is not None) == (None, True), "one message, drawn anew"
    assert [cast.counted for cast in second.casts] == [19, 20]


def test_a_digest_that_had_to_be_posted_anew_tells_in_its_new_thread_what_became_of_the_words() -> None:
    channel = _stormy()
    made = channel.board
    order = made.sets.vote(_word(_look(channel).sha256))
    made.cast(order, Cast(word=order.word, counted=20))
    channel.run(channel.now + timedelta(minutes=2))
    made.take(done(1), channel.now)
    order_, _ = made.next(channel.now + 5 * SECOND)
    assert order_ is not None
    assert order_.what == "digest"
    elsewhere = MessageRef(channel="C2", ts="99.0")
    made.written(order_, Written(ref=elsewhere, posted=True), channel.now + 5 * SECOND)
    channel.run(channel.now + timedelta(minutes=2))
    last = [each for each in channel.writes if each.what == "cast"][-1]
    assert (last.ref, last.said) == (elsewhere, None)


# ---- the kill switch -------------------------------------------------------------------------


def test_open_cards_say_that_the_kill_switch_was_thrown_and_closed_ones_do_not() -> None:
    made = board()
    channel = Channel(made)
    made.take(notice(1), NOW)
    made.take(done(2), NOW)
    channel.run(NOW + timedelta(seconds=20), drain=True)
    before = len(channel.writes)
    made.freeze("alice: a bug")
    channel.run(channel.now + timedelta(seconds=20), drain=True)
    drawn = [order for order in channel.writes[before:] if order.what == "card"]
    assert [(order.response, order.frozen) for order in drawn] == [(notice(1).response, "alice: a bug")]


# ---- continuing as new -----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["ask", "done", "closed", "run"]), st.integers(0, 20)),
        max_size=60,
    )
)
def test_a_board_that_continues_as_new_forgets_nothing_and_writes_the_same(
    events: list[tuple[int, str, int]],
) -> None:
    made = Channel(board())
    for version, (number, what, seconds) in enumerate(events, start=1):
        if what == "run":
            made.run(made.now + timedelta(seconds=seconds))
        elif what == "ask":
            made.board.take(notice(number, version), made.now)
        else:
            made.board.take(done(number, version, closed=what == "closed"), made.now)
    again = Board(made.board.carry(), made.now)
    assert list(again.shown.values()) == list(made.board.shown.values())
    assert again.digests == made.board.digests
    assert again.carry() == made.board.carry()


def test_what_continues_as_new_fits_into_a_payload_whatever_came() -> None:
    channel = Channel(board())
    made = channel.board
    dice = random.Random(3)
    for number in range(16_000):
        hexes = f"{dice.getrandbits(1024):0256x}"
        told = notice(
            number, response=f"respond/leaked_key/{hexes[:32]}", plan_sha256=hexes[32:96], says=hexes[96:]
        )
        made.take(told, NOW)
    for number in range(6):
        made.take(notice(100_000 + number), NOW)
        _look(channel)
    state = made.carry(NOW)
    assert len(state.model_dump_json()) < 2 * 2**20
    again = Board(state, NOW)
    kept = list(made.shown)
    assert list(again.shown) == kept
    assert 5_000 < len(kept) < 16_000
    assert notice(100_005).response in kept, "the oldest are let go first"


def test_ten_thousand_waiting_asks_fit_into_what_a_run_hands_on() -> None:
    made = board()
    for number in range(10_000):
        made.take(notice(number), NOW)
    assert len(made.carry().model_dump_json()) < 1_500_000


def test_what_is_closed_and_told_is_let_go() -> None:
    channel = Channel(board())
    channel.board.take(notice(1), NOW)
    channel.run(NOW + timedelta(seconds=5))
    channel.board.take(done(1, 4, closed=True), channel.now)
    channel.run(channel.now + timedelta(seconds=30))
    assert channel.board.shown == {}
