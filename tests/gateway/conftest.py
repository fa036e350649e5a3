"""Fixtures of the gateway's tests."""

from __future__ import annotations

import pytest

from tests.gateway.door_kit import Gateway


@pytest.fixture
def gateway() -> Gateway:
    """A gateway in memory."""
    return Gateway()
