"""`firedoor check`: every mistake of the playbooks with its place and its mend, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from rich.text import Text

from activities.registry import Registry, load
from firedoor.app.playbooks_in_force import playbook_files
from firedoor.cli.cases import problems_of_cases
from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.terminal import DONE, NO, grid, lines, out, print_json
from firedoor.cli.written import action_folders, known_of, people, playbook_folder
from firedoor.config.settings import directory_of
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.core.value import Value
from firedoor.domain.playbook.checking import read_playbook
from firedoor.domain.playbook.laws import LAWS
from firedoor.domain.yaml.document import MAX_BYTES, read
from firedoor.domain.yaml.problem import Illegible, Problem, Problems

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_PLAIN_RULE: Final = "playbook"


class Outcome(Value):
    """What checking found. `groups` says whether the groups that are asked were looked up."""

    files: tuple[str, ...]
    cases: int
    groups: bool
    problems: tuple[Problem, ...]


def check(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PATHS]...", show_default=False)] = None,
    *,
    form: Annotated[
        Literal["text", "json", "sarif"], typer.Option("--format", help="How to tell what was found.")
    ] = "text",
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Check playbooks and their cases.

    Syntax, types, names, expressions, safety laws, and each playbook's own cases. PATHS are files and
    folders; left out, the playbooks in force. Reads no secret and reaches for nothing.
    """
    directory = directory_of(config)
    known = people(directory)
    outcome = examine(
        _files(paths) if paths else _files([playbook_folder(directory)]),
        load(action_folders(directory)),
        frozenset(known.groups) if known else None,
    )
    if form == "sarif":
        print_json(sarif(outcome.problems))
    elif json or form == "json":
        print_json({"ok": not outcome.problems, **outcome.model_dump(mode="json")})
    else:
        _show(outcome)
    raise typer.Exit(NO if outcome.problems else DONE)


def _files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = playbook_files(path)
            if not found:
                raise Misconfigured(f"there is no playbook in {path}", expected="*.yaml files")
            files += found
        elif path.is_file():
            files.append(path)
        else:
            raise Misconfigured(f"{path} does not exist", expected="a playbook, or a folder of playbooks")
    return list(dict.fromkeys(_near(file) for file in files))


def _near(file: Path) -> Path:
    """Name a file as briefly as it can be found from here."""
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file


def examine(files: Sequence[Path], registry: Registry, groups: frozenset[str] | None) -> Outcome:
    """Check each file, and the cases of each that is whole."""
    problems: list[Problem] = []
    cases = 0
    for file in files:
        try:
            with file.open("rb") as opened:
                data = opened.read(MAX_BYTES + 1)
            document = read(data, str(file))  # refuses bytes that are not UTF-8, with their place
            playbook = read_playbook(data.decode("utf-8-sig"), str(file), known_of(registry), groups)
        except OSError as error:
            found = f"it cannot be read: {error.strerror or type(error).__name__}"
            problems.append(Problem(file=str(file), line=1, column=1, found=found))
        except Illegible as error:
            problems.append(error.problem)
        except Problems as error:
            problems += error.problems
        else:
            cases += len(playbook.cases)
            problems += problems_of_cases(playbook, document, file, registry)
    names = tuple(str(file) for file in files)
    return Outcome(files=names, cases=cases, groups=groups is not None, problems=tuple(problems))


def _show(outcome: Outcome) -> None:
    console = out()
    for problem in outcome.problems:
        place = Text(f"{problem.file}:{problem.line}:{problem.column}: ", "bold")
        console.print(place + lines(problem.found))
        law = f"law {problem.law}" if problem.law else ""
        told = (("expected", problem.expected, ""), ("mend", problem.mend, "green"), ("breaks", law, "dim"))
        rows = [(Text(name, "dim"), lines(says, style)) for name, says, style in told if says]
        if rows:
            console.print(grid(rows))
        console.print("")
    broken = len({problem.file for problem in outcome.problems})
    checked = f"{_count(len(outcome.files), 'playbook')}, {_count(outcome.cases, 'case')}"
    if outcome.problems:
        mistakes = _count(len(outcome.problems), "problem")
        console.print(Text(f"✗ {mistakes} in {broken} of {len(outcome.files)} playbooks", "bold red"))
    else:
        console.print(Text.assemble(("✓ ", "green"), f"{checked}: nothing to mend"))
    if not outcome.groups:
        console.print(Text("  groups were not looked up: there is no people.yaml (--config)", "dim"))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    """Tell problems in SARIF 2.1.0, as code hosts show them beside the lines."""
    rules = {_PLAIN_RULE: "A playbook says what can run."}
    for law in LAWS:
        rules[law.__name__.replace("_", "-")] = (law.__doc__ or "").strip()
    return {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "firedoor",
                        "rules": [
                            {"id": rule, "shortDescription": {"text": says}} for rule, says in rules.items()
                        ],
                    }
                },
                "results": [_result(problem) for problem in problems],
            }
        ],
    }


def _result(problem: Problem) -> dict[str, Any]:
    told = [problem.found, f"expected {problem.expected}" if problem.expected else "", problem.mend]
    return {
        "ruleId": problem.law or _PLAIN_RULE,
        "level": "error",
        "message": {"text": "; ".join(part for part in told if part)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": Path(problem.file).as_posix()},
                    "region": {"startLine": problem.line, "startColumn": problem.column},
                }
            }
        ],
    }
