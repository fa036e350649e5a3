"""What comes in over Slack's two ways: genuine or not, once or again, and what of it is counted."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.approvals import ACCOUNTS, Approvals, Asked, Transport, Way, until
from tests.fake_slack import Signed
from tests.installation import ROOT
from tests.servers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def open_ask(everyone: Approvals) -> Iterator[Asked]:
    """An ask that nobody's word of these tests may reach."""
    asked = everyone.start("weld_two")
    everyone.opened.remove(asked)
    asked.asking()
    yield asked
    assert asked.voters() == []
    asked.end()


# ---- is it from Slack, is it from us ----------------------------------------------------------


def _forged(office: Approvals, asked: Asked, how: str) -> Signed:
    slack = office.slack
    card = asked.asking()
    good = slack.press(ACCOUNTS["alice"], card, "firedoor.approve")
    now = time.time()
    since = {"old": -3600, "future": 3600, "just too old": -310, "just too early": 310}
    if how in since:
        return _signed_again(office, good, at=now + since[how])
    if how == "another secret":
        return _signed_again(office, good, secret=b"not the signing secret")
    if how == "another body":
        return Signed(good.body + b"&x=1", good.headers)
    if how == "of another moment":
        return Signed(good.body, {**good.headers, "x-slack-request-timestamp": str(int(now) - 60)})
    if how.startswith("without "):
        name = how.removeprefix("without ")
        return Signed(good.body, {key: value for key, value in good.headers.items() if key != name})
    name, _, value = how.partition("=")
    return Signed(good.body, {**good.headers, name: value})


def _signed_again(office: Approvals, good: Signed, **how: object) -> Signed:
    return office.slack.sign(good.body, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "how",
    [
        "another secret",
        "another body",
        "of another moment",
        "old",
        "just too old",
        "future",
        "just too early",
        "without x-slack-signature",
        "without x-slack-request-timestamp",
        "x-slack-signature=",
        "x-slack-signature=v0=",
        "x-slack-signature=v0=" + "0" * 64,
        "x-slack-signature=v1=" + "0" * 64,
        "x-slack-signature=v0=" + "é" * 64,
        "x-slack-signature=" + "v" * 5000,
        "x-slack-request-timestamp=junk",
        "x-slack-request-timestamp=-1",
        "x-slack-request-timestamp=1e9",
        "x-slack-request-timestamp=" + "9" * 400,
        "x-slack-request-timestamp=١٢٣",
        "x-slack-request-timestamp=",
    ],
)
def test_what_slack_did_not_sign_just_now_is_refused_and_never_an_error_of_ours(
    office: Approvals, open_ask: Asked, how: str
) -> None:
    forged = _forged(office, open_ask, how)
    headers = [(name.encode(), value.encode()) for name, value in forged.headers.items()]
    answer = office.here.http.post("/slack/interactions", content=forged.body, headers=headers)
    assert answer.status_code == 401, answer.text
    assert ACCOUNTS["alice"] not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload=junk",
        b"payload=[]",
        b"payload={}",
        b"\xff\xfe",
        b"payload=" + b"[" * 50_000,
    ],
)
def test_signed_junk_is_refused_and_never_an_error_of_ours(office: Approvals, body: bytes) -> None:
    signed = office.slack.sign(body)
    answer = office.here.http.post("/slack/interactions", content=signed.body, headers=signed.headers)
    assert answer.status_code == 400, answer.text


def test_a_replayed_request_is_refused_and_counts_once(office: Approvals) -> None:
    asked = office.start("weld_two")
    signed = office.slack.press(ACCOUNTS["alice"], asked.asking(), "firedoor.approve")
    first, second = (
        office.here.http.post("/slack/interactions", content=signed.body, headers=signed.headers)
        for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (200, 401)
    assert "here before" in second.text
    assert asked.voters() == [("alice", "slack")]


@pytest.mark.parametrize(
    "other",
    [{"api_app_id": "A0OTHER"}, {"team": {"id": "T0OTHER", "domain": "other"}}, {"team": None}],
    ids=["other app", "other team", "no team"],
)
def test_a_press_of_another_app_or_team_is_not_taken(
    office: Approvals, way: Way, open_ask: Asked, other: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.slack.socket_mode, "within", 0.7)  # it is not acked, and Slack gives up
    delivered = way.press("alice", open_ask.asking(), **other)
    assert delivered.outcome != "ok"
    assert delivered.status == (403 if way.transport == "http" else 0)


def test_a_press_in_another_channel_does_not_count(way: Way, open_ask: Asked) -> None:
    elsewhere = {"type": "message", "channel_id": "C0OTHER", "message_ts": "1.1", "is_ephemeral": False}
    told = way.refused(
        "alice", open_ask.asking(), channel={"id": "C0OTHER", "name": "elsewhere"}, container=elsewhere
    )
    assert "a channel where nothing is decided" in told


# ---- once -------------------------------------------------------------------------------------


def test_a_double_click_is_one_vote(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    card = asked.as_seen()
    with ThreadPoolExecutor(4) as several:
        for delivered in several.map(lambda _: way.press("alice", card), range(4)):
            assert (delivered.outcome, delivered.answer) == ("ok", None)
    way.yes("alice", card)
    assert asked.voters() == [("alice", "slack")]
    assert asked.says("voted") == ["alice said approve"]


def test_the_same_press_by_both_ways_at_once_is_one_vote(office: Approvals) -> None:
    asked = office.start("weld_two")
    card = asked.as_seen()
    with ThreadPoolExecutor(2) as both:
        told = [both.submit(office.way(each).yes, "alice", card) for each in ("http", "socket")]
        for each in told:
            each.result()
    assert asked.voters() == [("alice", "slack")]


def test_an_envelope_that_comes_twice_is_one_vote(office: Approvals) -> None:
    asked = office.start("weld_two")
    office.slack.socket_mode.duplicate()
    office.way("socket").yes("alice", asked.asking())
    assert asked.voters() == [("alice", "slack")]


def test_two_approvers_at_the_same_moment_both_count(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    card = asked.as_seen()
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda who: way.yes(who, card), ["alice", "bob"]))
    asked.until_status("contained")
    assert sorted(asked.voters()) == [("alice", "slack"), ("bob", "slack")]
    assert asked.effects() == [f"weld {asked.door}"]


def test_one_human_has_one_vote_through_two_slack_accounts(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    card = asked.asking()
    way.yes("alice", card)
    way.yes("alice2", card)
    assert asked.voters() == [("alice", "slack")]
    assert asked.effects() == []


def test_one_human_has_one_vote_through_slack_and_the_command_line(office: Approvals, way: Way) -> None:
    asked = office.start("weld_two")
    way.yes("alice", asked.asking())
    fingerprint = asked.report()["fingerprint"]
    told = office.here.cli("alice", "approve", asked.response, "--fingerprint", fingerprint)
    assert told.returncode == 0, told.stderr
    assert "1 person to go" in told.stdout
    assert asked.voters() == [("alice", "slack")]
    assert asked.effects() == []


# ---- the socket itself ------------------------------------------------------------------------


def test_a_socket_that_is_cut_is_opened_again_and_presses_count(office: Approvals) -> None:
    mode = office.slack.socket_mode
    before = mode.connected
    mode.drop()
    until(lambda: mode.connected > before, "another connection")
    office.ready()
    asked = office.start("weld_two")
    office.way("socket").yes("alice", asked.asking())
    assert asked.voters() == [("alice", "slack")]


def test_too_many_websockets_are_told_and_left_alone_while_the_other_way_still_counts(
    office: Approvals,
) -> None:
    mode = office.slack.socket_mode
    opens = mode.opens
    mode.disconnect("too_many_websockets")
    until(lambda: "backing off: Slack has too many connections" in office.socket_word(), "it is told")
    assert office.here.http.get("/readyz").status_code == 200, "nothing else waits for Slack"
    asked = office.start("weld_two")
    office.way("http").yes("alice", asked.asking())
    assert asked.voters() == [("alice", "slack")]
    assert office.way("socket").press("bob", asked.asking()).outcome == "failed"
    assert mode.opens == opens, "no hot loop"
    office.here.restart("gateway")  # somebody made room, and did not wait for half a minute
    office.ready()
    office.way("socket").yes("bob", asked.asking())
    asked.until_status("contained")


@pytest.mark.parametrize("transport", ["http", "socket"])
def test_a_press_is_answered_well_within_slacks_three_seconds(
    office: Approvals, way: Way, transport: Transport
) -> None:
    asked = office.start("weld_two")
    delivered = way.press("alice", asked.asking())
    assert delivered.outcome == "ok"
    assert delivered.seconds < 2.5


def test_two_envelopes_that_come_in_the_wrong_order_are_two_votes(office: Approvals) -> None:
    asked = office.start("weld_two")
    card = asked.as_seen()
    office.slack.socket_mode.reorder()
    way = office.way("socket")
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda who: way.yes(who, card), ["alice", "bob"]))
    asked.until_status("contained")
    assert sorted(asked.voters()) == [("alice", "slack"), ("bob", "slack")]


def test_two_gateways_that_share_nothing_count_a_press_that_reaches_both_once(office: Approvals) -> None:
    mode, port = office.slack.socket_mode, free_port()
    command = [sys.executable, "-m", "firedoor.cli", "gateway", "--port", str(port)]
    with (office.here.folder / "gateway-two.log").open("ab") as log:
        other = subprocess.Popen(command, env=office.here.environment(), cwd=ROOT, stdout=log, stderr=log)
    try:
        until(lambda: len(mode.connections) >= 2, "the second gateway's connection")
        asked = office.start("weld_two")
        card = asked.as_seen()
        mode.duplicate()
        office.way("socket").yes("alice", card)
        signed = office.slack.press(ACCOUNTS["bob"], card, "firedoor.approve")
        for each in (office.here.port, port):
            url = f"http://127.0.0.1:{each}/slack/interactions"
            assert (
                httpx.post(url, content=signed.body, headers=signed.headers, trust_env=False).status_code
                == 200
            )
        asked.until_status("contained")
        assert sorted(asked.voters()) == [("alice", "slack"), ("bob", "slack")]
        assert sorted(asked.says("voted")) == ["alice said approve", "bob said approve"]
        assert asked.effects() == [f"weld {asked.door}"]
    finally:
        other.terminate()
        other.wait(20)
    office.ready()
