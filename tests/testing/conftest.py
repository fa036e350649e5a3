"""Fixtures: a workspace and the clock it lives by."""

from __future__ import annotations

import pytest

from firedoor.testing.slack import Workspace
from tests.testing.kit import Clock


@pytest.fixture
def clock() -> Clock:
    """A clock that a test moves."""
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Workspace:
    """A workspace that nobody serves."""
    return Workspace(clock=clock)
