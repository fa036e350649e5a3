"""The fake Slack as tests use it: a workspace in which every id is somebody's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from firedoor.testing.slack.faults import Fault
from firedoor.testing.slack.messages import Posted, Signed
from firedoor.testing.slack.people import APP, BOT, CHANNEL, SECRET, TEAM, TOKEN, WorkspaceConfig
from firedoor.testing.slack.server import running
from firedoor.testing.slack.workspace import Workspace

__all__ = [
    "APP",
    "BOT",
    "CHANNEL",
    "SECRET",
    "TEAM",
    "TOKEN",
    "FakeSlack",
    "Fault",
    "Posted",
    "Signed",
    "moment",
    "running",
]


class FakeSlack(Workspace):
    """One workspace with one app in it. `clock` tells the seconds since 1970."""

    def __init__(
        self, clock: Callable[[], float] = time.time, *, config: WorkspaceConfig | None = None
    ) -> None:
        super().__init__(config or WorkspaceConfig(open_membership=True), clock)


def moment(slack: Workspace) -> datetime:
    """Tell the workspace's time as the house writes it."""
    return datetime.fromtimestamp(slack.clock(), UTC)
