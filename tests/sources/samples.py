"""The samples of these tests: our own, and the shared ones where they are present."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firedoor.sources.delivery import Delivery
from firedoor.sources.json_reader import read_json
from firedoor.sources.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "samples"
SHARED = Path(os.environ.get("FIREDOOR_SAMPLES", ROOT.parent / "shared" / "samples")) / "findings"
RECEIVED = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

_KIND_OF_FOLDER = {"generic": "generic", "github": "github"}


def own(name: str) -> Any:
    """One of our own samples, as plain JSON."""
    return read_json((OWN / name).read_bytes())


def headers_of(path: Path) -> Mapping[str, str]:
    """What GitHub's headers say beside a payload; its files are named `<event>.<action>.json`."""
    return {"x-github-event": path.name.split(".")[0], "x-github-delivery": "d-1"}


def read_own(name: str) -> Delivery:
    """One of our own samples, read by the kind its folder stands for."""
    path = OWN / name
    kind = _KIND_OF_FOLDER.get(path.parent.name, "aws.eventbridge")
    return read(kind, own(name), headers_of(path) if kind == "github" else {})


def read(kind: str, body: Any, headers: Mapping[str, str] | None = None) -> Delivery:
    """A body read by a kind, at a fixed time."""
    return KINDS[kind](body, headers or {}, hashlib.sha256(b"body").hexdigest(), RECEIVED)
