"""The desk: one card for a response, drawn anew as it changes, with a thread that tells every step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.desk import Desk
from firedoor.connectors.slack import SlackDesk
from firedoor.domain.response import MessageRef, Report, ShowOrder
from tests.fake_slack import CHANNEL, TOKEN, FakeSlack, running
from tests.slack.reports import DELETE, NOW, START, asked, entry, every_standing, report

pytestmark = pytest.mark.integration

STANDINGS = every_standing()
PENDING = STANDINGS["pending"]


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with running(FakeSlack()) as there:
        yield there


@pytest.fixture
def desk(slack: FakeSlack) -> Desk:
    return new(slack)


def new(slack: FakeSlack) -> Desk:
    """A desk of another worker, which remembers nothing."""
    return Desk(SlackDesk(lambda: TOKEN, base_url=f"{slack.url}/api/"), CHANNEL)


def order(made: Report, ref: MessageRef | None = None, *, version: int = 1) -> ShowOrder:
    return ShowOrder(report=made, version=version, ref=ref)


def headlines(slack: FakeSlack) -> list[str]:
    return [card.blocks[0]["text"]["text"].split(":")[0].split("?")[0] for card in slack.cards()]


def told(slack: FakeSlack, ts: str) -> str:
    return json.dumps([reply.blocks for reply in slack.thread(ts)], ensure_ascii=False)


async def test_nobody_is_woken_before_there_is_something_to_say(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(STANDINGS["planning"]))
    assert (ref.ts, slack.messages) == ("", [])
    ref = await desk.show(order(PENDING, ref))
    assert ref.ts
    assert headlines(slack) == ["Approve"]


async def test_a_response_is_one_message_that_is_drawn_anew(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(PENDING))
    for name in ("running", "contained"):
        ref = await desk.show(order(STANDINGS[name], ref))
    assert headlines(slack) == ["Contained"]
    assert slack.cards()[0].edits == 2


async def test_every_entry_is_told_once_in_the_thread(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(PENDING))
    assert ref.told == len(PENDING.entries)
    before = len(slack.thread(ref.ts))
    ref = await desk.show(order(PENDING, ref, version=2))
    assert len(slack.thread(ref.ts)) == before
    later = PENDING.model_copy(
        update={"entries": (*PENDING.entries, entry("voted", says="bob said approve"))}
    )
    await desk.show(order(later, ref, version=3))
    assert told(slack, ref.ts).count("bob said approve") == 1


async def test_a_new_ask_is_a_new_message_and_the_old_one_is_closed(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(PENDING))
    later = asked().escalation(NOW + timedelta(hours=1))
    made = PENDING.model_copy(update={"ask": later, "entries": (*PENDING.entries, entry("asked"))})
    again = await desk.show(order(made, ref))
    assert again.ts != ref.ts
    assert headlines(slack) == ["Asked again below", "Approve"]
    assert not slack.cards()[0].buttons()
    assert slack.cards()[1].buttons()


async def test_the_ask_for_undo_is_a_new_message_too(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(STANDINGS["contained"]))
    asking = STANDINGS["undo_pending"].model_copy(
        update={"entries": (*STANDINGS["contained"].entries, entry("asked"))}
    )
    await desk.show(order(asking, ref))
    assert headlines(slack) == ["Asked again below", "Approve undo"]


async def test_a_second_ask_of_the_same_generation_is_a_new_message(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(PENDING))
    second = PENDING.model_copy(
        update={"ask": asked(number="2"), "entries": (*PENDING.entries, entry("asked"))}
    )
    assert (await desk.show(order(second, ref))).ts != ref.ts


async def test_an_answered_ask_is_no_reason_for_a_new_message(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(STANDINGS["running"]))
    await desk.show(order(STANDINGS["rejected"], ref))
    assert len(slack.cards()) == 1


async def test_a_try_that_is_told_again_does_not_post_twice(desk: Desk, slack: FakeSlack) -> None:
    """Temporal never heard the end of the first try, so the second knows no message."""
    first = await desk.show(order(PENDING))
    second = await desk.show(order(PENDING))
    assert first == second
    assert len(slack.cards()) == 1


async def test_a_try_that_failed_in_the_thread_goes_on_where_it_was(desk: Desk, slack: FakeSlack) -> None:
    await desk.show(order(STANDINGS["planning"]))
    many = PENDING.model_copy(
        update={"entries": (*START, *(entry("noted", says=f"note {n}") for n in range(20)))}
    )
    slack.fail("chat.postMessage", status=429, body={"ok": False}, headers={"Retry-After": "3"}, times=0)
    ref = await desk.show(order(many))
    more = many.model_copy(
        update={"entries": (*many.entries, *(entry("noted", says=f"late {n}") for n in range(20)))}
    )
    slack.faults.clear()
    slack.calls.clear()
    slack.fail("chat.postMessage", status=500, body={"ok": False})
    with pytest.raises(ApplicationError):
        await desk.show(order(more, ref))
    await desk.show(order(more, ref))
    thread = told(slack, ref.ts)
    for number in range(20):
        assert thread.count(f'"late {number}"') == 1


async def test_what_was_overtaken_does_not_draw_over_what_is_newer(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(PENDING, version=4))
    newest = await desk.show(order(STANDINGS["contained"], ref, version=9))
    assert await desk.show(order(PENDING, ref, version=4)) == newest
    assert headlines(slack) == ["Contained"]


async def test_versions_that_begin_anew_after_continue_as_new_are_not_old(
    desk: Desk, slack: FakeSlack
) -> None:
    contained = STANDINGS["contained"]
    ref = await desk.show(order(contained, version=40))
    later = STANDINGS["reverted"].model_copy(
        update={"entries": (*contained.entries, entry("reverted", "stop_key"))}
    )
    await desk.show(order(later, ref, version=1))
    assert headlines(slack) == ["RE-OPENED"]


async def test_the_next_response_to_the_same_incident_has_a_message_of_its_own(
    desk: Desk, slack: FakeSlack
) -> None:
    await desk.show(order(STANDINGS["kept"], version=40))
    again = PENDING.model_copy(update={"started": NOW + timedelta(days=1), "entries": START})
    await desk.show(order(again))
    assert headlines(slack) == ["Contained and closed", "Approve"]


async def test_another_worker_goes_on_with_the_message_that_is_there(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(PENDING))
    elsewhere = await new(slack).show(order(STANDINGS["running"], ref))
    assert elsewhere.ts == ref.ts
    assert len(slack.cards()) == 1


async def test_a_message_that_another_worker_posted_is_not_forgotten_by_the_first(
    desk: Desk, slack: FakeSlack
) -> None:
    ref = await desk.show(order(PENDING))
    second = PENDING.model_copy(
        update={"ask": asked(number="2"), "entries": (*PENDING.entries, entry("asked"))}
    )
    newer = await new(slack).show(order(second, ref))
    third = second.model_copy(update={"entries": (*second.entries, entry("noted"))})
    assert (await desk.show(order(third, newer))).ts == newer.ts
    assert len(slack.cards()) == 2


async def test_a_message_that_somebody_deleted_is_posted_again(desk: Desk, slack: FakeSlack) -> None:
    ref = await desk.show(order(PENDING))
    slack.messages.clear()
    again = await desk.show(order(STANDINGS["running"], ref))
    assert again.ts != ref.ts
    assert headlines(slack) == ["Doing"]


async def test_too_many_calls_are_tried_again_when_slack_wishes(desk: Desk, slack: FakeSlack) -> None:
    slack.fail("chat.postMessage", status=429, body={"ok": False}, headers={"Retry-After": "3"})
    with pytest.raises(ApplicationError) as caught:
        await desk.show(order(PENDING))
    assert caught.value.next_retry_delay == timedelta(seconds=3)
    assert not caught.value.non_retryable


async def test_a_channel_without_us_is_final_and_says_what_to_do(slack: FakeSlack) -> None:
    slack.channels.clear()
    with pytest.raises(ApplicationError, match="invite the app") as caught:
        await new(slack).show(order(PENDING))
    assert caught.value.non_retryable


async def test_a_plan_of_two_hundred_steps_is_told_in_a_few_messages(desk: Desk, slack: FakeSlack) -> None:
    entries = (*START, *(entry("begun", f"delete_key.{n}", says="x" * 300) for n in range(200)))
    ref = await desk.show(order(report(status="containing", entries=entries, asked_steps=(DELETE,))))
    assert ref.told == len(entries)
    assert len(slack.thread(ref.ts)) == 4
    assert "more, see" in told(slack, ref.ts)
