"""Fixtures of the commands: a place of one's own, and a configuration in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from firedoor.config import initial
from firedoor.config.initial import Initial


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, as nobody in particular."""
    for name in ("FIREDOOR_CONFIG", "FIREDOOR_TOKEN", "FORCE_COLOR", "GITHUB_ACTIONS", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def config(here: Path) -> Initial:
    """A first configuration in `config/`."""
    return initial.write(here / "config")
