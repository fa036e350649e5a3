"""The page of the benchmark: what was measured, how, on what, and by which command."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.asking import Asking
from tests.bench.asking_page import asking_table
from tests.bench.houses import ROOT
from tests.bench.results import Results, Row
from tests.bench.rounds import Block, median

PAGE = ROOT / "docs" / "reference" / "performance.md"
_WORDS = Path(__file__).with_name("page.md")
_MOST_EVENTS, _EVENTS_A_STEP = 8, 6


def line(number: int, taken: Mapping[str, Sequence[Block]]) -> str:
    """Return one line of progress about one round."""
    told = " | ".join(
        f"{name} {median([ms for one in blocks for ms in one.contained]):.1f}"
        f" / {median([ms for one in blocks for ms in one.verified]):.1f} ms"
        for name, blocks in taken.items()
    )
    return f"round {number + 1}: {told}\n"


def table(results: Results) -> str:
    """Return the tables of the page."""
    rows = [
        "| what | floor | one activity | Firedoor | over the floor | rounds | limit | over one activity |",
        "|---|---|---|---|---|---|---|---|",
        *map(_row, results.rows),
    ]
    cpu = [
        "| CPU ms a response | gateway | worker | Temporal | AWS emulator | AWS calls |",
        "|---|---|---|---|---|---|",
    ]
    for name, label in (("floor", "floor"), ("floor_one", "floor, one activity"), ("ours", "Firedoor")):
        used = {part.split()[-1]: ms for part, ms in results.cpu[name].items()}
        figures = " | ".join(f"{used[part]:.1f}" for part in ("gateway", "worker", "temporal", "aws"))
        cpu.append(f"| {label} | {figures} | {results.calls[name]:.1f} |")
    history = [
        "| automatic steps in sequence | events when contained | limit | bytes |",
        "|---|---|---|---|",
        *(
            f"| {size.steps} | {size.events} | {_MOST_EVENTS + _EVENTS_A_STEP * size.steps} | {size.bytes} |"
            for size in results.sizes
        ),
        "",
        f"{results.redeliveries} redeliveries of a finding added {results.duplicates} events (limit 0).",
    ]
    return "\n".join((*rows, "", *cpu, "", *history, ""))


def _row(row: Row) -> str:
    spread = f"{min(row.ratios):.2f}-{max(row.ratios):.2f}"
    limit = "" if row.limit is None else f"{row.limit:g}"
    figures = " | ".join(f"{value:.1f} ms" for value in (row.floor, row.floor_one, row.ours))
    one = f"{median(row.ratios_one):.2f}"
    return f"| {row.name} | {figures} | **{median(row.ratios):.2f}** | {spread} | {limit} | {one} |"


def write(results: Results, asking: Asking) -> None:
    """Rewrite the page, and the figures beside it."""
    machine = _machine()
    words = _WORDS.read_text(encoding="utf-8")
    facts = "\n".join(f"- {name}: {fact}" for name, fact in machine.items())
    page = words.format(
        facts=facts,
        table=table(results),
        asking=asking_table(asking),
        rounds=results.rounds,
        responses=results.responses,
    )
    PAGE.write_text(page, encoding="utf-8")
    figures = {"machine": machine, **asdict(results), "asking": asdict(asking)}
    PAGE.with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _machine() -> dict[str, str]:
    cpu = next(
        (text.partition(":")[2].strip() for text in _lines("/proc/cpuinfo") if text.startswith("model name")),
        platform.machine(),
    )
    memory = next((text.split()[1] for text in _lines("/proc/meminfo") if text.startswith("MemTotal")), "0")
    temporal = subprocess.run(
        [str(Path(sys.executable).parent / "temporal"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} x {cpu}, {int(memory) / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(
            f"{name} {version(name)}" for name in ("temporalio", "boto3", "pydantic", "moto")
        ),
        "Temporal": temporal.stdout.strip(),
    }


def _lines(file: str) -> list[str]:
    path = Path(file)
    return path.read_text().splitlines() if path.exists() else []
