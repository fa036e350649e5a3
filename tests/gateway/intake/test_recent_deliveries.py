"""Redeliveries: answered like the first; one id never has two bodies."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from firedoor.gateway.intake.recent_deliveries import DeliveryKey, RecentDeliveries
from firedoor.gateway.intake.refusal import NotNow, Unauthenticated
from tests.gateway.door_kit import NOW

KEY = DeliveryKey("acme", "msg_1", "a" * 64)


class Work:
    """Counts how often it is done; may be held up or fail."""

    def __init__(self) -> None:
        self.done = 0
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> str:
        """Do it."""
        if self.gate:
            await self.gate.wait()
        self.done += 1
        if self.error:
            raise self.error
        return f"answer {self.done}"


async def _deliver(recent: RecentDeliveries[str], work: Work, key: DeliveryKey = KEY, now=NOW) -> str:
    return await recent.answer(key, now, work, again=lambda answer: f"{answer} again")


async def test_twenty_at_once_are_worked_on_once():
    recent: RecentDeliveries[str] = RecentDeliveries()
    work = Work()
    work.gate = asyncio.Event()

    callers = [asyncio.create_task(_deliver(recent, work)) for _ in range(20)]
    await asyncio.sleep(0)
    work.gate.set()
    answers = await asyncio.gather(*callers)

    assert work.done == 1
    assert sorted(answers) == ["answer 1"] + ["answer 1 again"] * 19


async def test_a_redelivery_is_worked_on_anew_for_the_engine_knows_how_things_stand():
    recent: RecentDeliveries[str] = RecentDeliveries()
    work = Work()

    assert [await _deliver(recent, work), await _deliver(recent, work)] == ["answer 1", "answer 2"]


async def test_what_was_accepted_stays_accepted_while_the_engine_is_away():
    recent: RecentDeliveries[str] = RecentDeliveries()
    work = Work()
    await _deliver(recent, work)
    work.error = NotNow("away")

    assert await _deliver(recent, work) == "answer 1 again"


async def test_a_delivery_that_failed_is_not_remembered():
    recent: RecentDeliveries[str] = RecentDeliveries()
    work = Work()
    work.error = NotNow("away")
    with pytest.raises(NotNow):
        await _deliver(recent, work)
    work.error = None

    assert len(recent) == 0
    assert await _deliver(recent, work) == "answer 2"


async def test_all_who_wait_for_a_delivery_that_fails_are_told_so():
    recent: RecentDeliveries[str] = RecentDeliveries()
    work = Work()
    work.gate, work.error = asyncio.Event(), NotNow("away")
    callers = [asyncio.create_task(_deliver(recent, work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.gate.set()

    outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [NotNow] * 3
    assert work.done == 1


async def test_an_id_with_another_body_is_refused_and_another_source_may_use_it():
    recent: RecentDeliveries[str] = RecentDeliveries()
    work = Work()
    await _deliver(recent, work)

    with pytest.raises(Unauthenticated, match="another body"):
        await _deliver(recent, work, DeliveryKey("acme", "msg_1", "b" * 64))
    assert await _deliver(recent, work, DeliveryKey("other", "msg_1", "b" * 64)) == "answer 2"


async def test_without_an_id_the_body_is_the_id():
    recent: RecentDeliveries[str] = RecentDeliveries()
    work = Work()
    await _deliver(recent, work, DeliveryKey("guardduty", None, "a" * 64))
    await _deliver(recent, work, DeliveryKey("guardduty", None, "b" * 64))

    assert len(recent) == 2


async def test_the_work_outlives_a_caller_that_hangs_up():
    recent: RecentDeliveries[str] = RecentDeliveries()
    work = Work()
    work.gate = asyncio.Event()
    first = asyncio.create_task(_deliver(recent, work))
    second = asyncio.create_task(_deliver(recent, work))
    await asyncio.sleep(0)
    first.cancel()
    work.gate.set()

    assert await second == "answer 1 again"
    assert work.done == 1


async def test_it_forgets_what_is_old_and_the_oldest_of_too_many():
    recent: RecentDeliveries[str] = RecentDeliveries(keep=timedelta(minutes=15), capacity=3)
    work = Work()
    for number in range(10):
        await _deliver(recent, work, DeliveryKey("acme", f"msg_{number}", "a" * 64))
    assert len(recent) <= 4

    await _deliver(recent, work, now=NOW + timedelta(minutes=16))
    assert len(recent) == 1
