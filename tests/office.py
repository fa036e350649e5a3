"""An office in a test: a house whose desk writes into a channel of a strict Slack of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from firedoor.config.settings import Slack
from firedoor.domain.approval.policy import ApprovalRule, BreakGlass
from firedoor.domain.channel.messages import BoardState, FrozenSet, GatherOrder, Shown
from firedoor.domain.core.packed import unpack
from firedoor.domain.finding.finding import Resource
from firedoor.domain.response.contract import GATHER, desk_id
from firedoor.testing.slack import Channel
from tests.fake_slack import APP, TEAM, TOKEN, FakeSlack, Posted
from tests.fake_slack import running as workspace
from tests.harness import (
    ACCOUNT,
    POLICY,
    TIMEOUT,
    FixedSecret,
    Response,
    begin,
    finding,
    house,
    playbook,
    settings_over,
)

_numbers = itertools.count(1)


class Office:
    """One house with a desk in a channel of its own."""

    def __init__(self, env: WorkflowEnvironment, slack: FakeSlack, channel: str) -> None:
        self.env, self.slack, self.channel = env, slack, channel
        self.responses: list[Response] = []

    async def begin(self, text: str, door: str = "front") -> Response:
        seen = finding(
            uid=f"f-{door}",
            resources=(Resource(kind="Toy::Door", uid=f"arn:toy:door:::{door}", name=door),),
        )
        response = await begin(self.env.client, playbook(text), seen, desk=self.channel)
        self.responses.append(response)
        return response

    async def close(self) -> None:
        """Leave nothing behind that would speak to a Slack that is gone."""
        ids = [*(response.handle.id for response in self.responses), desk_id(self.channel)]
        for each in ids:
            with suppress(RPCError):
                await self.env.client.get_workflow_handle(each).terminate(reason="for good: the test is over")

    def cards(self) -> list[Posted]:
        return [each for each in self.slack.cards() if each.channel == self.channel]

    async def until(self, true: Callable[[], Any], what: str) -> Any:
        async with asyncio.timeout(TIMEOUT):
            while not (found := true()):  # noqa: ASYNC110 - what is waited for happens in servers
                await asyncio.sleep(0.02)
        assert found, what
        return found

    async def card(self, says: str) -> Posted:
        """Wait for the newest card to say something."""

        def there() -> Posted | None:
            cards = self.cards()
            return cards[-1] if cards and says in text_of(cards[-1]) else None

        try:
            found: Posted = await self.until(there, says)
        except TimeoutError:
            raise AssertionError(
                f"no card says {says!r}: {[text_of(each) for each in self.cards()]}"
            ) from None
        return found

    async def known(self) -> int:
        """Count the responses that the desk knows."""
        handle = self.env.client.get_workflow_handle(desk_id(self.channel))
        try:
            state: BoardState = await handle.query("board", result_type=BoardState)
        except RPCError:
            return 0
        return len(unpack(state.packed, Shown))

    async def until_async(self, told: Callable[[], Awaitable[int]], at_least: int) -> None:
        async with asyncio.timeout(TIMEOUT):
            while await told() < at_least:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.2)

    async def gathered(self) -> FrozenSet:
        """Look at what the digest's one line stands for."""
        desk = self.env.client.get_workflow_handle(desk_id(self.channel))
        order = GatherOrder(digest=1, key=f"close_doors/{ACCOUNT}")
        frozen: FrozenSet = await desk.execute_update(GATHER, order, result_type=FrozenSet)
        return frozen


def text_of(message: Posted) -> str:
    return message.text + " " + json.dumps(message.blocks, ensure_ascii=False)


@asynccontextmanager
async def opened(env: WorkflowEnvironment, folder: Path, *, strict: bool = True) -> AsyncIterator[Office]:
    """Open an office with a Slack of its own; nothing of it is left behind."""
    number = next(_numbers)
    channel, fallback = f"C0SOC{number:05d}", f"C0ALT{number:05d}"
    slack = FakeSlack()
    for each in (channel, fallback):
        slack.known_channels[each] = Channel(each, each.lower())
        slack.channels.add(each)
    with workspace(slack):
        review = ApprovalRule(from_=("leads",), within=timedelta(hours=4))
        settings = settings_over(
            folder,
            policy=POLICY.model_copy(update={"break_glass": BreakGlass(people=("dave",), review=review)}),
            slack=Slack(
                bot_token=FixedSecret(TOKEN),  # type: ignore[arg-type]
                signing_secret=None,
                app_id=APP,
                team_id=TEAM,
                channel=channel,
                fallback_channel=fallback,
                base_url=f"{slack.url}/api/",
            ),
        )
        made = Office(env, slack, channel)
        try:
            async with house(env.client, settings, strict=strict):
                yield made
        finally:
            # Without a worker: one that still told the desk something would start it anew.
            await made.close()
