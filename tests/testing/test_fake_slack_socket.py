"""Socket Mode of the fake Slack: one connection a click, a second try, and all the ways a socket dies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from firedoor.testing.slack import Workspace, running
from firedoor.testing.slack.people import APP, APP_TOKEN, TOKEN
from tests.testing.kit import Json, actions, button, modal, post, trigger

pytestmark = pytest.mark.integration


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with running(Workspace()) as made:
        yield made


def address(slack: Workspace) -> str:
    answer = slack.call("apps.connections.open", APP_TOKEN, {})
    assert answer["ok"]
    return str(answer["url"])


def frame(socket: ClientConnection, within: float = 5) -> Json:
    told: Json = json.loads(socket.recv(within))
    return told


@contextmanager
def connected(slack: Workspace) -> Iterator[ClientConnection]:
    with connect(address(slack), proxy=None, ping_interval=None, close_timeout=0.2) as socket:
        assert frame(socket)["type"] == "hello"
        yield socket


def press(slack: Workspace) -> Any:
    return slack.start_interactive({"type": "block_actions", "user": {"id": "U0BOB"}, "n": slack.number()})


def ack(socket: ClientConnection, envelope: Json, payload: Any = None) -> None:
    said = {"envelope_id": envelope["envelope_id"]}
    socket.send(json.dumps(said if payload is None else {**said, "payload": payload}))


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_hello_names_the_app_and_counts_the_connections(slack: Workspace) -> None:
    with connected(slack), connect(address(slack), proxy=None) as second:
        hello = frame(second)
        assert (hello["type"], hello["num_connections"]) == ("hello", 2)
        assert hello["connection_info"] == {"app_id": APP}
    assert (slack.socket_mode.opens, slack.socket_mode.connected) == (2, 2)


def test_a_ticket_serves_once_and_cannot_be_guessed(slack: Workspace) -> None:
    url = address(slack)
    with connect(url, proxy=None):
        pass
    for bad in (url, f"{slack.url.replace('http', 'ws')}/link/?ticket=guessed"):
        with pytest.raises(InvalidStatus), connect(bad, proxy=None):
            pass
    assert slack.socket_mode.refused == 2


def test_an_envelope_waits_for_its_ack(slack: Workspace) -> None:
    with connected(slack) as socket:
        waiting = press(slack)
        envelope = frame(socket)
        assert (envelope["type"], envelope["accepts_response_payload"]) == ("interactive", True)
        assert envelope["payload"]["type"] == "block_actions"
        assert not waiting.done()
        ack(socket, envelope)
        assert waiting.result(5).outcome == "ok"
    (acked,) = slack.socket_mode.acks
    assert (acked.envelope_id, acked.connection) == (envelope["envelope_id"], 1)
    assert acked.seconds < 3


def test_no_ack_within_three_seconds_is_shown_to_the_person(slack: Workspace) -> None:
    slack.socket_mode.within = 0.1
    with connected(slack):
        assert press(slack).result(5).outcome == "operation_timeout"
    assert slack.noticed("U0BOB")[0].code == "operation_timeout"


def test_a_click_with_nobody_connected_fails_at_once(slack: Workspace) -> None:
    assert slack.send_interactive({"type": "block_actions", "user": {"id": "U0BOB"}}).outcome == "failed"


def test_a_dialog_is_answered_in_the_ack(slack: Workspace) -> None:
    view = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": modal()})["view"]["id"]
    with connected(slack) as socket:
        signed = slack.submit_view("U0ALICE", view, {})
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(slack.send(signed)))
        thread.start()
        ack(socket, frame(socket), {"response_action": "errors", "errors": {"why": "Say more."}})
        thread.join()
    assert answers[0].outcome == "ok"
    assert slack.dialogs.of(view).errors == {"why": "Say more."}


def test_each_envelope_goes_to_one_connection_in_turn(slack: Workspace) -> None:
    with connected(slack) as first, connected(slack) as second:
        waiting = [press(slack) for _ in range(4)]
        for socket in (first, second):
            for _ in range(2):
                ack(socket, frame(socket))
        assert {each.result(5).outcome for each in waiting} == {"ok"}
    assert sorted(number for _, number in slack.socket_mode.sent) == [1, 1, 2, 2]


def test_an_envelope_goes_to_another_connection_when_the_first_dies_before_the_ack(slack: Workspace) -> None:
    with connected(slack) as first, connected(slack) as second:
        waiting = press(slack)
        until(lambda: slack.socket_mode.sent)
        number = slack.socket_mode.sent[0][1]
        slack.socket_mode.drop(number)
        dead, alive = (first, second) if number == 1 else (second, first)
        ack(alive, frame(alive))
        assert waiting.result(5).outcome == "ok"
        frame(dead)  # the first delivery had arrived, and was not acknowledged
        with pytest.raises(ConnectionClosed):
            frame(dead)
    assert [envelope for envelope, _ in slack.socket_mode.sent] == [slack.socket_mode.acks[0].envelope_id] * 2


def test_a_half_open_connection_swallows_the_click_and_answers_no_ping(slack: Workspace) -> None:
    slack.socket_mode.within = 0.3
    with connected(slack) as socket:
        assert socket.ping().wait(2), "before, a ping is answered"
        slack.socket_mode.half_open()
        assert not socket.ping().wait(0.2)
        assert press(slack).result(5).outcome == "operation_timeout"
        with pytest.raises(TimeoutError):
            frame(socket, 0.05)
        assert len(slack.socket_mode.connections) == 1, "nobody has noticed"
        slack.socket_mode.drop()


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "too_many_websockets", "link_disabled"])
def test_the_end_is_announced_with_its_reason_and_only_a_warning_leaves_time(
    slack: Workspace, reason: Any
) -> None:
    with connected(slack) as socket:
        slack.socket_mode.disconnect(reason)
        told = frame(socket)
        assert (told["type"], told["reason"]) == ("disconnect", reason)
        if reason == "warning":
            waiting = press(slack)
            ack(socket, frame(socket))
            assert waiting.result(5).outcome == "ok"
        else:
            with pytest.raises(ConnectionClosed):
                frame(socket)


def test_an_eleventh_connection_is_refused(slack: Workspace) -> None:
    with ExitStack() as many:
        for _ in range(10):
            many.enter_context(connected(slack))
        with connect(address(slack), proxy=None) as eleventh:
            assert frame(eleventh) == {"type": "disconnect", "reason": "too_many_websockets"}
            with pytest.raises(ConnectionClosed):
                frame(eleventh)
        assert (len(slack.socket_mode.connections), slack.socket_mode.refused) == (10, 1)


def test_an_envelope_can_come_twice(slack: Workspace) -> None:
    with connected(slack) as socket:
        slack.socket_mode.duplicate()
        waiting = press(slack)
        first, second = frame(socket), frame(socket)
        assert first == second
        ack(socket, first)
        ack(socket, second)
        assert waiting.result(5).outcome == "ok"
    assert slack.socket_mode.junk == []


def test_two_envelopes_can_come_in_the_wrong_order(slack: Workspace) -> None:
    with connected(slack) as socket:
        slack.socket_mode.reorder()
        waiting = [press(slack), press(slack)]
        first, second = frame(socket), frame(socket)
        assert first["payload"]["n"] > second["payload"]["n"]
        ack(socket, first)
        ack(socket, second)
        assert {each.result(5).outcome for each in waiting} == {"ok"}


def test_frames_that_acknowledge_nothing_are_kept_for_the_test_to_see(slack: Workspace) -> None:
    with connected(slack) as socket:
        for junk in ("hello", '{"envelope_id": "never sent"}', "[]"):
            socket.send(junk)
        until(lambda: len(slack.socket_mode.junk) == 3)


def test_slacks_own_client_works_with_it(slack: Workspace) -> None:
    web = WebClient(TOKEN, base_url=f"{slack.url}/api/")
    client = SocketModeClient(app_token=APP_TOKEN, web_client=web, ping_interval=0.2)
    heard: list[Json] = []

    def listen(there: BaseSocketModeClient, request: SocketModeRequest) -> None:
        heard.append(dict(request.payload))
        there.send_socket_mode_response(SocketModeResponse(request.envelope_id))

    client.socket_mode_request_listeners.append(listen)
    try:
        client.connect()
        until(lambda: slack.socket_mode.connections)
        signed = slack.press("U0BOB", post(slack, *actions(button())), "go")
        assert slack.send(signed).outcome == "ok"
    finally:
        client.close()
    assert heard[0]["user"]["id"] == "U0BOB"
