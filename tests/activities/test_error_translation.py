"""Faults: what Temporal hears of an error, and what history never does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import error_translation
from activities.error_translation import in_thread, translated
from firedoor.domain.action.action import Params
from firedoor.domain.core.errors import (
    Absent,
    FiredoorError,
    Misconfigured,
    Rejected,
    Unavailable,
    Unreadable,
)

SECRET = "AKIA-hunter2"


class Which(Params):
    """Two values that must fit."""

    name: int
    inner: dict[str, int] = {}  # noqa: RUF012 - a model's default


def told(error: Callable[[], object]) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised, translated():
        error()
    return raised.value


def throw(error: Exception) -> Callable[[], object]:
    def thrown() -> object:
        try:
            return {"asked": ""}[f"a vendor's words with {SECRET}"]
        except KeyError as cause:
            raise error from cause

    return thrown


def history(error: BaseException) -> str:
    """What would stand in history."""
    failure = Failure()
    pydantic_data_converter.failure_converter.to_failure(
        error, pydantic_data_converter.payload_converter, failure
    )
    return str(failure)


@pytest.mark.parametrize("error", [Rejected("no such key"), Absent("no such key")])
def test_a_vendors_final_no_is_final(error: Exception) -> None:
    heard = told(throw(error))
    assert (heard.type, heard.non_retryable, heard.message) == ("Rejected", True, "no such key")


@pytest.mark.parametrize(
    ("wish", "pause"), [(None, None), (7.5, 7.5), (0.0, None), (10_000.0, 300.0), (float("inf"), 300.0)]
)
def test_what_is_unavailable_is_tried_again_when_the_vendor_wishes(
    wish: float | None, pause: float | None
) -> None:
    heard = told(throw(Unavailable("slow down", retry_after=wish, mend="wait")))
    assert (heard.type, heard.non_retryable, heard.message) == ("Unavailable", False, "slow down; wait")
    assert heard.next_retry_delay == (timedelta(seconds=pause) if pause else None)


@pytest.mark.parametrize("error", [Misconfigured("x"), Unreadable("x"), FiredoorError("x")])
def test_our_other_errors_are_final_and_keep_their_name(error: FiredoorError) -> None:
    heard = told(throw(error))
    assert (heard.type, heard.non_retryable) == (type(error).__name__, True)


def test_a_value_that_does_not_fit_is_named_by_its_place_and_never_shown() -> None:
    heard = told(lambda: Which.model_validate({"name": SECRET, "inner": {"a": SECRET}}))
    assert (heard.type, heard.non_retryable) == ("Rejected", True)
    assert heard.message == "a value does not fit its model at name, inner.a"
    assert SECRET not in history(heard)


@pytest.mark.parametrize("error", [Rejected("no"), Unavailable("later"), Misconfigured("never")])
def test_the_vendors_own_exception_never_reaches_history(error: Exception) -> None:
    heard = told(throw(error))
    assert heard.__cause__ is None
    assert SECRET not in history(heard)


def test_an_error_that_is_temporals_already_passes() -> None:
    mine = ApplicationError("not yet", type="NotYet")
    assert told(throw(mine)) is mine


def test_no_error_is_no_error() -> None:
    with translated():
        pass


class TestInThread:
    @pytest.fixture
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(1) as made:
            yield made

    @pytest.fixture
    def heard(self, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
        """Heartbeats come fast; the event tells of the first."""
        monkeypatch.setattr(error_translation, "_HEARTBEAT", 0.005)
        return asyncio.Event()

    def environment(self, heard: asyncio.Event) -> ActivityEnvironment:
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *_: heard.set()
        return environment

    async def test_the_result_is_the_works(self, pool, heard) -> None:
        async def lent() -> str:
            return await in_thread(pool, lambda: threading.current_thread().name)

        assert await self.environment(heard).run(lent) != threading.current_thread().name

    async def test_its_error_is_translated(self, pool, heard) -> None:
        async def lent() -> object:
            return await in_thread(pool, throw(Rejected("no such key")))

        with pytest.raises(ApplicationError, match="no such key"):
            await self.environment(heard).run(lent)

    async def test_work_that_takes_long_tells_that_its_worker_lives(self, pool, heard) -> None:
        go_on = threading.Event()

        async def lent() -> bool:
            return await in_thread(pool, lambda: go_on.wait(30))

        running = asyncio.create_task(self.environment(heard).run(lent))
        await asyncio.wait_for(heard.wait(), 30)
        go_on.set()
        assert await running

    async def test_a_cancel_does_not_tear_the_work_in_two(self, pool, heard) -> None:
        go_on, done = threading.Event(), threading.Event()

        def work() -> str:
            assert go_on.wait(30)
            done.set()
            return "the door is shut"

        async def lent() -> str:
            return await in_thread(pool, work)

        environment = self.environment(heard)
        running = asyncio.create_task(environment.run(lent))
        await asyncio.wait_for(heard.wait(), 30)
        environment.cancel()
        heard.clear()
        await asyncio.wait_for(heard.wait(), 30)  # it still lives, and says so
        assert not done.is_set()
        go_on.set()
        assert await asyncio.wait_for(running, 30) == "the door is shut"
        assert done.is_set()
