"""The worker's entrance, which stands beside the package and not in it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import firedoor
from activities.planning import Planning
from activities.registry import Registry
from firedoor.domain.errors import Misconfigured
from firedoor.settings import Settings

if TYPE_CHECKING:
    import worker

#: `python worker.py`; Firedoor is installed editable, so its root is where the package is.
WORKER = Path(str(firedoor.__file__)).resolve().parent.parent / "worker.py"


def planning_of(settings: Settings, registry: Registry) -> Planning:
    """Assemble planning exactly as the worker does, without a Temporal."""
    spec = importlib.util.spec_from_file_location("worker", WORKER)
    if spec is None or spec.loader is None or not WORKER.is_file():
        raise Misconfigured(
            f"{WORKER} is not there",
            expected="worker.py beside the package",
            mend="install Firedoor editable, from its own tree",
        )
    if "worker" not in sys.modules:
        module = importlib.util.module_from_spec(spec)
        sys.modules["worker"] = module
        spec.loader.exec_module(module)
    entrance: worker = sys.modules["worker"]  # type: ignore[valid-type]
    return entrance.planning_of(settings, entrance.hands_of(settings, registry))
