"""The worker's entrance, which stands beside the package and not in it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Protocol, cast

import firedoor
from activities.planning import Planning
from activities.registry import Registry
from activities.verbs import Hands
from firedoor.config.settings import Settings
from firedoor.domain.core.errors import Misconfigured

#: `python worker.py`; Firedoor is installed editable, so its root is where the package is.
WORKER = Path(str(firedoor.__file__)).resolve().parent.parent / "worker.py"


class Entrance(Protocol):
    """What we need of worker.py."""

    def hands_of(self, settings: Settings, registry: Registry) -> Hands:
        """Give the actions their connectors and their guards."""
        ...

    def planning_of(self, settings: Settings, hands: Hands) -> Planning:
        """Give planning its policy and the places."""
        ...


def planning_of(settings: Settings, registry: Registry) -> Planning:
    """Assemble planning exactly as the worker does, without a Temporal."""
    entrance = _entrance()
    return entrance.planning_of(settings, entrance.hands_of(settings, registry))


def _entrance() -> Entrance:
    if "worker" not in sys.modules:
        spec = importlib.util.spec_from_file_location("worker", WORKER)
        if spec is None or spec.loader is None or not WORKER.is_file():
            raise Misconfigured(
                f"{WORKER} is not there",
                expected="worker.py beside the package",
                mend="install Firedoor editable, from its own tree",
            )
        module = importlib.util.module_from_spec(spec)
        sys.modules["worker"] = module
        spec.loader.exec_module(module)
    return cast("Entrance", sys.modules["worker"])
