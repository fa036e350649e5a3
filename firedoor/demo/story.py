"""The story of the demo: each sentence is checked before it is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from rich.console import RenderableType
from rich.text import Text

from activities.evidence import verify_file
from firedoor.commands.remote import report_of
from firedoor.commands.show import card, undo_of
from firedoor.commands.terminal import safe
from firedoor.connectors.demo_aws import Attempt, Credentials, Holder
from firedoor.demo.finding import ATTACKER, guardduty
from firedoor.demo.house import House
from firedoor.demo.stage import Stage
from firedoor.domain.errors import FiredoorError, Rejected
from firedoor.domain.evidence import read
from firedoor.domain.evidence_view import summarise
from firedoor.domain.response import Report
from firedoor.initial import EXAMPLE_ACCOUNT as ACCOUNT

_PATIENCE: Final = 45.0  # seconds until something that should happen counts as not happening
_BUCKET: Final = "shop-customers"
_OBJECT: Final = "customers.csv"
_DEPLOYER, _REPORTER = "ci-deployer", "report-bot"
_ROWS = b"id,name,street\n" + b"\n".join(b"%d,Jane Doe,Main Street %d" % (n, n) for n in range(4000))


class Broken(FiredoorError):
    """The demo showed that something is not as Firedoor promises."""


def tell(house: House, stage: Stage) -> None:
    """Tell all of it; raises Broken where something is not so."""
    _Story(house, stage).tell()
