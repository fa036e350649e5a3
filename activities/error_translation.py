"""The one place where the house's errors become Temporal's."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from firedoor.domain.core.errors import FiredoorError, Rejected, Unavailable

T = TypeVar("T")

_HEARTBEAT = 1.0  # seconds; a quarter of the silence after which a try is given to another worker


@contextmanager
def translated() -> Iterator[None]:
    """Turn domain errors into Temporal's: Rejected is final, Unavailable and the unknown are tried again.

    The original is not chained: a vendor's exception may carry what must not
    stand in history.
    """
    try:
        yield
    except Unavailable as error:
        pause = timedelta(seconds=min(error.retry_after, 300.0)) if error.retry_after else None
        raise ApplicationError(str(error), type="Unavailable", next_retry_delay=pause) from None
    except Rejected as error:
        raise ApplicationError(str(error), type="Rejected", non_retryable=True) from None
    except FiredoorError as error:
        raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from None
    except ValidationError as error:
        # Never the input: it may hold what must not stand in history.
        places = ", ".join(
            ".".join(str(part) for part in each["loc"]) for each in error.errors(include_input=False)
        )
        raise ApplicationError(
            f"a value does not fit its model at {places}", type="Rejected", non_retryable=True
        ) from None
    except ApplicationError:
        raise
    except Exception as error:  # noqa: BLE001 - see below
        # A mistake of ours, or an answer nobody foresaw: tried again. Its words may hold anything, a secret
        # too, so that only its kind and its place reach history and logs.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        raise ApplicationError(f"{type(error).__name__} at {where}", type="Unforeseen") from None


async def in_thread(pool: Executor, work: Callable[[], T]) -> T:
    """Run blocking work in the pool, telling Temporal every second that this worker lives.

    A cancel does not tear the work in two: a change that has begun is finished,
    so that its outcome is known and can be given back.
    """
    future = asyncio.get_running_loop().run_in_executor(pool, work)
    while True:
        try:
            done, _ = await asyncio.wait({future}, timeout=_HEARTBEAT)
        except asyncio.CancelledError:
            continue
        if done:
            with translated():
                return future.result()
        activity.heartbeat()
