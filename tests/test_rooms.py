"""The floors of the house: who may import whom, and that breaking a rule is noticed."""

from __future__ import annotations

import ast
import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("firedoor", "workflows", "activities")
VENDORS = ("boto3", "botocore", "httpx", "slack_sdk", "kingfisher_sdk")


def ours() -> list[Path]:
    """Every Python file of the application: the three rooms, the entrance and what the image runs by path."""
    inside = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return sorted(path for path in [*inside, ROOT / "worker.py", *ROOT.glob("deploy/*.py")] if path.exists())


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, at its top or inside a function, in full (`firedoor.cli.main`)."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}:{node.lineno} imports relatively"
            yield node.module or ""


def files_of(room: str) -> list[Path]:
    found = [*(ROOT / room).rglob("*.py")]
    assert found, f"there is no room {room}"
    return found


def under(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def lint(where: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts over a tree, in a process that sees that tree and not the installed one."""
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo"],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the house that a test may break."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_house_as_it_stands_keeps_its_floors(copy: Path) -> None:
    outcome = lint(copy)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("room", "line", "contract"),
    [
        ("firedoor/domain", "import firedoor.connectors", "The domain is pure"),
        ("firedoor/domain", "import time", "The domain is pure"),
        ("firedoor/presentation", "import firedoor.channels", "Every room of the house has its floor"),
        ("firedoor/sources", "import firedoor.channels", "Sources, presentation and channels are pure"),
        ("firedoor/channels", "import firedoor.people", "Sources, presentation and channels are pure"),
        ("firedoor/temporal", "import firedoor.config", "Every room of the house has its floor"),
        ("firedoor/connectors", "import firedoor.domain.finding.finding", "hold no decisions"),
        ("firedoor/systems/aws", "import firedoor.domain.finding.finding", "hold no decisions"),
        ("firedoor/config", "import firedoor.people", "Every room of the house has its floor"),
        ("firedoor/people", "import firedoor.gateway", "Every room of the house has its floor"),
        ("firedoor/gateway", "import activities", "The gateway reaches Temporal by the names"),
        ("firedoor/gateway", "import firedoor.doctor", "Every room of the house has its floor"),
        ("firedoor/gateway/page", "import firedoor.channels", "No page and no command draws for Slack"),
        ("firedoor/cli", "import firedoor.channels", "No page and no command draws for Slack"),
        ("firedoor/doctor", "import firedoor.app", "Every room of the house has its floor"),
        ("firedoor/app", "import firedoor.cli", "Every room of the house has its floor"),
        ("firedoor/cli", "import firedoor.demo", "Every room of the house has its floor"),
        ("workflows", "import activities", "Workflows know the domain and Temporal"),
        ("activities", "import firedoor.gateway", "The floors stand in their order"),
        ("activities", "import boto3", "Only connectors and systems know a vendor's library"),
    ],
)
def test_one_forbidden_import_breaks_the_contract_that_forbids_it(
    copy: Path, room: str, line: str, contract: str
) -> None:
    (copy / room / "trespass.py").write_text(f'"""Stands where it must not."""\n\n{line}\n')
    outcome = lint(copy)
    assert outcome.returncode != 0
    broken = " ".join(outcome.stdout.split("Broken contracts")[-1].split())
    assert contract in broken
    assert "trespass" in broken


def test_a_new_file_that_breaks_nothing_is_welcome(copy: Path) -> None:
    """Without this, a contract that fails for any new file would pass the test above."""
    (copy / "firedoor/sources/guest.py").write_text(
        '"""A guest."""\n\nimport firedoor.domain.finding.finding\n'
    )
    outcome = lint(copy)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_a_new_room_has_to_be_given_its_floor(copy: Path) -> None:
    (copy / "firedoor/attic").mkdir()
    (copy / "firedoor/attic/__init__.py").write_text('"""Another room."""\n')
    outcome = lint(copy)
    assert outcome.returncode != 0
    assert "attic" in outcome.stdout


def test_no_other_distribution_owns_our_import_roots() -> None:
    owners = importlib.metadata.packages_distributions()
    for room in ROOMS:
        assert set(owners.get(room, [])) <= {"firedoor"}, f"{room} also belongs to {owners[room]}"


def test_our_rooms_are_the_ones_python_imports() -> None:
    for room in ROOMS:
        module = importlib.import_module(room)
        assert Path(str(module.__file__)).parent == ROOT / room


def test_workflows_import_the_domain_and_temporal_only() -> None:
    for path in (ROOT / "workflows").rglob("*.py"):
        for module in imported(path):
            home = module.partition(".")[0] in sys.stdlib_module_names
            allowed = home or under(module, "temporalio", "firedoor.domain", "workflows")
            assert allowed, f"{named(path)} imports {module}"


@pytest.mark.parametrize("room", ["firedoor/connectors", "firedoor/systems"])
def test_connectors_and_systems_know_nothing_of_ours_but_the_errors_and_each_other(room: str) -> None:
    for path in files_of(room):
        for module in imported(path):
            if under(module, *ROOMS):
                allowed = under(module, "firedoor.domain.core.errors", room.replace("/", "."))
                assert allowed, f"{named(path)} imports {module}"


def test_actions_never_reach_for_an_entrance_or_a_workflow() -> None:
    for path in (ROOT / "activities").rglob("*.py"):
        for module in imported(path):
            entrances = ("worker", "firedoor.gateway", "firedoor.cli", "firedoor.app")
            forbidden = under(module, "workflows", *entrances)
            assert not forbidden, f"{named(path)} imports {module}"


def test_vendors_libraries_are_known_to_connectors_and_systems_alone() -> None:
    for path in ours():
        if not named(path).startswith(("firedoor/connectors/", "firedoor/systems/")):
            known = [module for module in imported(path) if under(module, *VENDORS)]
            assert not known, f"{named(path)} imports {known}"


def test_the_environment_is_read_in_settings_alone() -> None:
    for path in ours():
        if named(path) == "firedoor/config/settings.py":
            continue
        for node in ast.walk(tree(path)):
            asked = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
            asks = asked in {"environ", "environb", "getenv", "putenv"}
            asks = asks or (
                isinstance(node, ast.ImportFrom)
                and node.module == "os"
                and any(alias.name in {"environ", "getenv"} for alias in node.names)
            )
            assert not asks, f"{named(path)}:{getattr(node, 'lineno', 0)} reads the environment"


def test_the_domain_and_the_workflows_never_ask_the_clock() -> None:
    """`datetime` is a value there; what time it is comes in as an argument (or from Temporal)."""
    pure = ("domain", "sources", "presentation", "channels")
    for room in (*(f"firedoor/{each}" for each in pure), "workflows"):
        for path in files_of(room):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    who = getattr(node.func.value, "id", getattr(node.func.value, "attr", ""))
                    asks = node.func.attr in {"now", "utcnow", "today"} and who in {"datetime", "date"}
                    assert not asks, f"{named(path)}:{node.lineno} asks the clock"


def test_workflows_init_is_empty() -> None:
    """Anything in it would be imported by the sandbox of every workflow."""
    assert (ROOT / "workflows/__init__.py").read_bytes() == b""


def test_every_file_says_what_it_is_in_its_first_line() -> None:
    for path in [*ours(), *(ROOT / "tests").rglob("*.py")]:
        if path.stat().st_size:
            assert ast.get_docstring(tree(path)), f"{named(path)} has no docstring"


def test_nothing_is_called_by_a_name_that_says_nothing() -> None:
    for path in ours():
        assert path.stem not in {"utils", "util", "common", "helpers", "helper", "misc"}, named(path)
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                assert not node.name.endswith(("Manager", "Handler", "Helper")), f"{named(path)}: {node.name}"


def test_nothing_is_swallowed_without_saying_why() -> None:
    for path in ours():
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                where = f"{named(path)}:{node.lineno}"
                assert node.type is not None, f"{where} is a bare except"
                if len(node.body) == 1 and isinstance(node.body[0], ast.Pass):
                    why = "".join(lines[node.lineno - 1 : node.body[0].end_lineno])
                    assert "#" in why, f"{where} swallows {ast.unparse(node.type)} and does not say why"
