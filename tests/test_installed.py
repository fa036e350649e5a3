"""What an installation holds: every file the code reads beside itself, and no need of a test tool."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
_WITHOUT_TEST_TOOLS = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"pytest", "hypothesis", "moto", "playwright", "ministack"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import firedoor.testing.slack.__main__
"""


def test_every_file_that_is_no_module_is_installed_with_its_package() -> None:
    """Pages, styles and scripts are found beside the code that serves them."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    installed = {
        file
        for package, patterns in declared.items()
        for pattern in patterns
        for file in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    there = {
        path
        for path in (ROOT / "firedoor").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert there == installed


def test_the_fake_slack_runs_without_a_test_tool() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TEST_TOOLS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
