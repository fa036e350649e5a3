"""Blocks of responses, one after the other, timed by the emulator's and Temporal's own clocks."""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from tests.bench.findings import HEADERS, PRINCIPALS, chain_type, finding
from tests.bench.houses import Houses
from tests.servers import request

_CONFIG = Config(proxies={}, retries={"total_max_attempts": 1})
_USERS = count(1)
#: Between two responses, and before the clocks of a block are read: both houses finish their last task in it.
_GAP, _REST = 0.06, 0.5
_IDLE = 4.0


@dataclass(frozen=True)
class Contender:
    """One of those compared: its door, and the activity that changed the world."""

    name: str
    url: str
    apply: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """What one block of responses took, in milliseconds and CPU seconds."""

    contained: tuple[float, ...]
    answered: tuple[float, ...]
    verified: tuple[float, ...]
    cpu: dict[str, float]  # what the processes used beyond what they use when nothing happens
    calls: int


def contenders(houses: Houses) -> tuple[Contender, Contender, Contender]:
    """List ours, the floor, and the floor with one activity."""
    shared = ("temporal", "aws")
    floor = ("floor gateway", "floor worker", *shared)
    return (
        Contender(
            "ours",
            f"{houses.ours}/findings/guardduty",
            "aws.deactivate_access_key.apply",
            ("ours gateway", "ours worker", *shared),
        ),
        Contender("floor", f"{houses.floor}/findings/floor", "apply", floor),
        Contender("floor_one", f"{houses.floor}/findings/floor_one", "everything", floor),
    )


def leaked_keys(aws: str, number: int) -> list[tuple[str, str]]:
    """Make so many users with one key each."""
    iam = boto3.client(
        "iam",
        endpoint_url=aws,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=_CONFIG,
    )
    made = []
    for _ in range(number):
        user = f"ci-{next(_USERS)}"
        PRINCIPALS[user] = str(iam.create_user(UserName=user)["User"]["UserId"])
        made.append((user, str(iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"])))
    return made


class Door:
    """A kept-alive connection to one webhook."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def post(self, body: bytes) -> str:
        """Deliver; returns the id of the workflow that answers."""
        self._connection.request("POST", self._path, body, HEADERS)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"{self._path} answered {answer.status}: {content[:500]!r}")
        response: str = json.loads(content)["responses"][0]["id"]
        return response

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


async def idling(houses: Houses) -> dict[str, float]:
    """Return the CPU seconds a second that each process uses while nothing happens."""
    before, began = _cpu(houses, tuple(houses.processes)), time.monotonic()
    await asyncio.sleep(_IDLE)
    seconds = time.monotonic() - began
    return {
        part: (used - before[part]) / seconds for part, used in _cpu(houses, tuple(houses.processes)).items()
    }


async def block(
    houses: Houses, client: Client, contender: Contender, responses: int, idle: Mapping[str, float]
) -> Block:
    """Send findings one after the other, and read afterwards what each took."""
    request(f"{houses.aws}/moto-api/reset", method="POST")
    keys = leaked_keys(houses.aws, responses)
    door = Door(contender.url)
    before, calls, began = _cpu(houses, contender.parts), houses.calls(), time.monotonic()
    sent, contained, answered, ids = [], [], [], []
    for user, key in keys:
        body = finding(user, key)
        sent.append(time.time_ns())
        ids.append(door.post(body))
        answered.append((time.time_ns() - sent[-1]) / 1e6)
        contained.append((houses.stamps.of(key) - sent[-1]) / 1e6)
        await asyncio.sleep(_GAP)
    await asyncio.sleep(_REST)
    after, seconds = _cpu(houses, contender.parts), time.monotonic() - began
    cpu = {part: max(after[part] - before[part] - idle[part] * seconds, 0.0) for part in contender.parts}
    calls = houses.calls() - calls
    door.close()
    verified = [await _durable(client, id_, contender.apply) for id_ in ids]
    # Before the held responses look at the world again: their looks would be paid by the next block.
    await _end(client, ids)
    return Block(
        contained=tuple(contained),
        answered=tuple(answered),
        verified=tuple((end - start) / 1e6 for start, end in zip(sent, verified, strict=True)),
        cpu=cpu,
        calls=calls,
    )


def _cpu(houses: Houses, parts: Sequence[str]) -> dict[str, float]:
    return {part: houses.processes[part].cpu() for part in parts}


async def _durable(client: Client, id_: str, apply: str) -> int:
    """Tell when the workflow task that recorded the outcome of `apply` was completed, by Temporal's clock."""
    scheduled, settled = set(), False
    async for event in client.get_workflow_handle(id_).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            if event.activity_task_scheduled_event_attributes.activity_type.name == apply:
                scheduled.add(event.event_id)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            done = event.activity_task_completed_event_attributes.scheduled_event_id
            settled = settled or done in scheduled
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED and settled:
            return event.event_time.ToNanoseconds()
    raise RuntimeError(f"{id_} did not record its outcome in time")


async def _end(client: Client, ids: Sequence[str]) -> None:
    """Terminate what is still held; what has closed by itself is left."""
    for id_ in ids:
        handle = client.get_workflow_handle(id_)
        if (await handle.describe()).close_time is None:
            await handle.terminate(reason="for good: the block is measured")


@dataclass(frozen=True)
class Size:
    """How large a history is at the moment everything is contained."""

    steps: int
    events: int
    bytes: int


async def size_of_chain(houses: Houses, client: Client, steps: int, keys: Sequence[tuple[str, str]]) -> Size:
    """Run one response of so many automatic steps in sequence, and measure its history when it holds."""
    door = Door(f"{houses.ours}/findings/guardduty")
    id_ = door.post(finding(*keys[-1], chain_type(steps)))
    door.close()
    for _, key in keys:
        houses.stamps.of(key)
    size = await _resting(client, id_)
    await _end(client, [id_])
    return Size(steps, *size)


async def events_of_duplicates(
    houses: Houses, client: Client, user_key: tuple[str, str], redeliveries: int
) -> int:
    """Contain once, deliver the same finding again and again, and count what history grew by."""
    door = Door(f"{houses.ours}/findings/guardduty")
    id_ = door.post(finding(*user_key))
    houses.stamps.of(user_key[1])
    # What is held is looked at five seconds after, then after thirty; such a look is history of its own.
    await asyncio.sleep(6)
    before, _ = await _resting(client, id_)
    door.close()  # the gateway has, after five seconds of silence
    door = Door(f"{houses.ours}/findings/guardduty")
    # In turn: byte for byte, as a new event about the same finding, and as GuardDuty's update of it.
    for number in range(redeliveries):
        door.post(finding(*user_key, event=number * (number % 3 == 1), update=number * (number % 3 == 2)))
    after, _ = await _size(client, id_)
    door.close()
    await _end(client, [id_])
    return after - before


async def _resting(client: Client, id_: str) -> tuple[int, int]:
    """Wait until a history has stopped growing, and return its events and bytes."""
    last = (0, 0)
    for _ in range(50):
        await asyncio.sleep(0.3)
        now = await _size(client, id_)
        if now == last:
            return now
        last = now
    raise RuntimeError(f"{id_} did not come to rest")


async def _size(client: Client, id_: str) -> tuple[int, int]:
    info: Any = (await client.get_workflow_handle(id_).describe()).raw_description.workflow_execution_info
    return int(info.history_length), int(info.history_size_bytes)


def median(values: Sequence[float]) -> float:
    """Return the median, a float."""
    return float(statistics.median(values))
