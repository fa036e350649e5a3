"""Socket Mode: what is acked and when, how a connection is kept, and how trouble is met."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from firedoor.connectors.slack_link import Reply
from firedoor.connectors.slack_socket import Pace
from firedoor.domain.core.errors import Misconfigured, Rejected, Unavailable
from tests.connectors.wires import HELLO, Line, ScriptedSlack, envelope, goodbye, hello, until


def refused(code: str = "invalid_auth") -> Rejected:
    return Rejected(f"slack:apps.connections.open was answered {code}", code=code, mend="set it")


# ---- envelopes --------------------------------------------------------------------------


async def test_a_press_is_acked_after_it_was_answered_and_not_before() -> None:
    durable = asyncio.Event()

    async def take(payload: object) -> Reply:
        await durable.wait()
        return None, None

    line = Line(HELLO, envelope())
    async with ScriptedSlack(line, take=take) as slack:
        await until(lambda: slack.socket.health.envelope_at)
        await asyncio.sleep(0)
        assert not line.acks
        durable.set()
        assert await line.acked() == [{"envelope_id": "e1"}]


async def test_what_a_dialog_is_answered_goes_with_the_ack() -> None:
    payload = {"response_action": "errors", "errors": {"comment": "too short"}}

    async def take(_: object) -> Reply:
        return payload, None

    line = Line(HELLO, envelope())
    async with ScriptedSlack(line, take=take):
        assert await line.acked() == [{"envelope_id": "e1", "payload": payload}]


async def test_a_no_that_cannot_be_told_is_not_acked_like_a_yes() -> None:
    async def take(_: object) -> Reply:
        return {"response_action": "errors", "errors": {"comment": "no"}}, None

    line = Line(HELLO, envelope("e1", accepts_response_payload=False), envelope("e2"))
    async with ScriptedSlack(line, take=take):
        (ack,) = await line.acked()
        assert ack["envelope_id"] == "e2"


async def test_what_follows_comes_after_the_ack() -> None:
    line = Line(HELLO, envelope())
    seen: list[int] = []

    async def follow() -> None:
        seen.append(len(line.acks))

    async def take(_: object) -> Reply:
        return None, follow

    async with ScriptedSlack(line, take=take):
        await until(lambda: seen)
    assert seen == [1]


@pytest.mark.parametrize("how", ["none", "raises"])
async def test_a_press_that_cannot_be_answered_for_is_not_acked(how: str) -> None:
    async def take(payload: object) -> Reply | None:
        if payload == "bad":
            if how == "raises":
                raise RuntimeError("a mistake of ours")
            return None
        return None, None

    line = Line(HELLO, envelope("e1", "bad"), envelope("e2", "good"))
    async with ScriptedSlack(line, take=take):
        assert await line.acked() == [{"envelope_id": "e2"}]


async def test_one_slow_press_does_not_hold_up_the_others() -> None:
    never = asyncio.Event()

    async def take(payload: object) -> Reply:
        if payload == "slow":
            await never.wait()
        return None, None

    line = Line(HELLO, envelope("e1", "slow"), envelope("e2", "quick"))
    async with ScriptedSlack(line, take=take):
        assert await line.acked() == [{"envelope_id": "e2"}]


async def test_the_same_envelope_twice_is_acked_twice() -> None:
    """Whether it counts twice is decided where votes have ids."""
    line = Line(HELLO, envelope("e1"), envelope("e1"))
    async with ScriptedSlack(line) as slack:
        assert await line.acked(2) == [{"envelope_id": "e1"}] * 2
        assert len(slack.taken) == 2


async def test_what_we_never_subscribed_to_is_acked_and_left() -> None:
    line = Line(HELLO, envelope("e1", type="events_api"), envelope("e2", type="something_new"))
    async with ScriptedSlack(line) as slack:
        await line.acked(2)
        assert not slack.taken


@pytest.mark.parametrize("junk", ["", "{", "[]", "7", "null", '{"type": "noise"}', "[" * 100_000])
async def test_a_frame_that_says_nothing_is_left(junk: str) -> None:
    line = Line(HELLO, junk, envelope())
    async with ScriptedSlack(line) as slack:
        await line.acked()
        assert slack.socket.health.state == "healthy"


async def test_a_follow_up_that_fails_ends_nothing() -> None:
    async def follow() -> None:
        raise RuntimeError("a mistake of ours")

    async def take(_: object) -> Reply:
        return None, follow

    line = Line(HELLO, envelope("e1"), envelope("e2"))
    async with ScriptedSlack(line, take=take) as slack:
        await line.acked(2)
        assert slack.socket.health.state == "healthy"


async def test_an_ack_that_is_lost_is_followed_all_the_same() -> None:
    followed = asyncio.Event()
    first = Line(HELLO, envelope())

    async def follow() -> None:
        followed.set()

    async def take(_: object) -> Reply:
        first.drop()
        return None, follow

    async with ScriptedSlack(first, Line(HELLO), take=take):
        await asyncio.wait_for(followed.wait(), 5)
    assert not first.acks


# ---- how a connection is kept -----------------------------------------------------------


async def test_a_hello_is_health_and_says_how_many_we_are() -> None:
    async with ScriptedSlack(Line(hello(3))) as slack:
        health = await slack.becomes("healthy")
        assert (health.word, health.connections, health.hello_at) == ("ok", 3, slack.now)
        assert slack.states == ["connecting", "healthy"]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_the_next_connection_is_open_before_the_announced_end_of_this_one(reason: str) -> None:
    old, new = Line(HELLO), Line()
    async with ScriptedSlack(old, new) as slack:
        await slack.becomes("healthy")
        slack.now += timedelta(hours=1)
        old.say(goodbye(reason))
        await until(lambda: len(slack.tokens) == 2)
        old.say(envelope("late"))
        assert await old.acked() == [{"envelope_id": "late"}]
        assert not old.closed
        new.say(HELLO)
        await until(lambda: old.closed)
        new.say(envelope("next"))
        await new.acked()
        assert slack.states == ["connecting", "healthy"], "it was healthy all the time"
        assert not slack.waits


async def test_what_an_old_connection_still_answers_is_answered_before_it_is_left() -> None:
    durable = asyncio.Event()

    async def take(_: object) -> Reply:
        await durable.wait()
        return None, None

    old, new = Line(HELLO, envelope()), Line(HELLO)
    pace = Pace(hello=0.2, drain=0.2, retire=5)
    async with ScriptedSlack(old, new, take=take, pace=pace) as slack:
        await until(lambda: slack.socket.health.envelope_at)
        slack.now += timedelta(hours=1)
        old.say(goodbye("refresh_requested"))
        await until(lambda: len(slack.tokens) == 2)
        durable.set()
        assert await old.acked() == [{"envelope_id": "e1"}]


async def test_a_stop_answers_what_is_being_answered() -> None:
    begun, durable = asyncio.Event(), asyncio.Event()

    async def take(_: object) -> Reply:
        begun.set()
        await durable.wait()
        return None, None

    line = Line(HELLO, envelope())
    async with ScriptedSlack(line, take=take, pace=Pace(hello=0.2, drain=5)):
        await begun.wait()
        asyncio.get_running_loop().call_soon(durable.set)
    assert line.acks == [{"envelope_id": "e1"}]
    assert line.closed


async def test_a_connection_that_was_steady_is_replaced_at_once() -> None:
    first = Line(HELLO)
    async with ScriptedSlack(first, Line(HELLO)) as slack:
        await slack.becomes("healthy")
        slack.now += timedelta(hours=1)
        first.drop()
        await until(lambda: len(slack.tokens) == 2)
        await slack.becomes("healthy")
        assert not slack.waits


async def test_the_token_is_read_anew_for_each_connection() -> None:
    first = Line(HELLO)
    async with ScriptedSlack(first, Line(HELLO)) as slack:
        await slack.becomes("healthy")
        slack.token = "xapp-2"
        first.drop()
        await until(lambda: len(slack.tokens) == 2)
    assert slack.tokens == ["xapp-1", "xapp-2"]


# ---- trouble ----------------------------------------------------------------------------


async def test_failures_are_met_with_growing_waits_that_end_at_a_minute() -> None:
    failures = [Unavailable("no answer") for _ in range(9)]
    async with ScriptedSlack(*failures, Line(HELLO)) as slack:
        await slack.becomes("healthy")
    assert slack.waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert "backing off" in slack.states


async def test_replicas_do_not_come_back_all_at_once() -> None:
    slack = ScriptedSlack(Unavailable("no answer"), Unavailable("no answer"), Line(HELLO))
    slack.jitter = 0.0
    async with slack:
        await slack.becomes("healthy")
    assert slack.waits == [0.5, 1]


async def test_slack_is_left_alone_for_as_long_as_it_says() -> None:
    async with ScriptedSlack(Unavailable("ratelimited", retry_after=45), Line(HELLO)) as slack:
        await slack.becomes("healthy")
    assert slack.waits[0] >= 45


async def test_a_hello_that_does_not_come_is_not_waited_for() -> None:
    silent = Line()
    async with ScriptedSlack(silent, Line(HELLO), pace=Pace(hello=0.01)) as slack:
        await slack.becomes("healthy")
    assert silent.closed
    assert len(slack.waits) == 1


@pytest.mark.parametrize("first", ['{"type": "noise"}', "junk"])
async def test_something_else_than_a_hello_is_a_failure(first: str) -> None:
    async with ScriptedSlack(Line(first), Line(HELLO)) as slack:
        await slack.becomes("healthy")
    assert len(slack.waits) == 1


async def test_connections_that_die_young_are_no_hot_loop() -> None:
    """Each says hello, and is gone: the waits grow all the same."""
    lines = []
    for _ in range(6):
        line = Line(HELLO)
        line._coming.put_nowait(None)
        lines.append(line)
    async with ScriptedSlack(*lines, Line(HELLO)) as slack:
        await until(lambda: len(slack.tokens) == 7)
        await slack.becomes("healthy")
    assert slack.waits == [1, 2, 4, 8, 16, 32]


async def test_refreshes_that_come_at_once_are_no_hot_loop() -> None:
    lines = [Line(HELLO, goodbye("refresh_requested")) for _ in range(5)]
    async with ScriptedSlack(*lines, Line(HELLO)) as slack:
        await until(lambda: len(slack.tokens) == 6)
        await slack.becomes("healthy")
    assert slack.waits == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("after_hello", [True, False])
async def test_too_many_websockets_is_no_hot_loop(after_hello: bool) -> None:  # noqa: FBT001
    frames = [HELLO] if after_hello else []
    lines = [Line(*frames, goodbye("too_many_websockets")) for _ in range(4)]
    async with ScriptedSlack(*lines, Line(HELLO)) as slack:
        await until(lambda: len(slack.tokens) == 5)
        await slack.becomes("healthy")
    assert all(wait >= 30 for wait in slack.waits)
    assert slack.waits == sorted(slack.waits)
    assert slack.waits[-1] >= 240
    assert any("too many connections" in health.why for health in slack.told)
    assert all(line.closed for line in lines)


async def test_the_tenth_connection_leaves_before_another_is_opened() -> None:
    tenth = Line(hello(10))
    async with ScriptedSlack(tenth, Line(hello(10))) as slack:
        await slack.becomes("healthy")
        assert slack.socket.health.connections == 10
        tenth.say(goodbye("warning"))
        await until(lambda: len(slack.tokens) == 2)
        assert tenth.closed
        assert slack.waits[0] >= 30


async def test_a_refused_token_is_final_until_it_is_another_one() -> None:
    slack = ScriptedSlack(refused(), Line(HELLO))

    def rotate(_: float) -> None:
        if len(slack.waits) == 3:
            slack.token = "xapp-2"

    slack.on_sleep = rotate
    async with slack:
        await slack.becomes("healthy")
    assert slack.tokens == ["xapp-1", "xapp-2"]
    assert slack.waits == [5, 5, 5]
    (health,) = {health.word for health in slack.told if health.state == "refused"}
    assert health == "refused: Slack refuses the app token (invalid_auth)"


async def test_a_token_of_another_app_is_refused_for_no_press_of_ours_comes_there() -> None:
    def of(app: str) -> dict[str, Any]:
        return {**HELLO, "connection_info": {"app_id": app}}

    stray = Line(of("A0OTHER"))
    async with ScriptedSlack(stray, Line(of("A0OURS"))) as slack:
        await slack.becomes("healthy")
    assert stray.closed
    (health,) = {health.word for health in slack.told if health.state == "refused"}
    assert health == "refused: the app token is of app A0OTHER (another_app)"


async def test_a_refused_token_is_tried_again_after_five_minutes() -> None:
    async with ScriptedSlack(refused(), refused("not_allowed_token_type"), Line(HELLO)) as slack:
        await slack.becomes("healthy")
    assert sum(slack.waits) == 600
    assert len(slack.tokens) == 3


async def test_a_token_that_cannot_be_read_is_waited_for() -> None:
    slack = ScriptedSlack(Line(HELLO))
    slack.token = Misconfigured("file /run/secrets/app cannot be read")

    def mend(_: float) -> None:
        slack.token = "xapp-1"

    slack.on_sleep = mend
    async with slack:
        await slack.becomes("healthy")
    assert slack.waits == [5]
    assert "refused" in slack.states


@pytest.mark.parametrize("where", ["hello", "later", "open"])
async def test_a_link_that_was_disabled_is_unhealthy_and_left_alone(where: str) -> None:
    script: dict[str, Line | Exception] = {
        "hello": Line(goodbye("link_disabled")),
        "later": Line(HELLO, goodbye("link_disabled")),
        "open": refused("link_disabled"),
    }
    async with ScriptedSlack(script[where], Line(HELLO)) as slack:
        await until(lambda: len(slack.tokens) == 2)
        await slack.becomes("healthy")
    assert sum(slack.waits) == 300
    assert "disabled: Socket Mode is off in the app's settings" in {health.word for health in slack.told}


async def test_a_mistake_of_ours_does_not_shut_the_door_for_ever() -> None:
    async with ScriptedSlack(RuntimeError("a mistake"), Line(HELLO)) as slack:
        await slack.becomes("healthy")
    assert slack.waits == [1]


async def test_a_connection_that_dies_while_the_next_is_sought_is_told() -> None:
    old = Line(HELLO)
    async with ScriptedSlack(old) as slack:
        await slack.becomes("healthy")
        slack.now += timedelta(hours=1)
        old.say(goodbye("warning"))
        await until(lambda: len(slack.tokens) == 2)
        assert slack.socket.health.state == "healthy"
        old.drop()
        await slack.becomes("connecting")


async def test_no_ticket_and_no_press_is_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    async def take(_: object) -> Reply | None:
        return None

    secret = {"response_url": "https://hooks.slack.com/actions/T/1/made-up-capability"}
    line = Line(HELLO, json.dumps(envelope("e1", secret)), goodbye("too_many_websockets"))
    async with ScriptedSlack(line, refused(), Line(HELLO), take=take) as slack:
        await until(lambda: len(slack.tokens) == 3)
    written = "".join(capsys.readouterr())
    assert "slack_socket" in written
    assert not any(each in written for each in ("made-up-capability", "ticket", "xapp-1"))
