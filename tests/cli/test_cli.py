"""The command line as a whole: quick to ask, and never rude."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from firedoor.cli import actions as actions_command
from firedoor.cli.main import COMMANDS, command
from firedoor.domain.core.errors import Misconfigured, Rejected, Unavailable
from tests.cli.shell import firedoor

ROOT = Path(__file__).resolve().parents[2]
#: What only a command that needs it may import: each takes longer than the help itself.
HEAVY = {"temporalio", "boto3", "botocore", "httpx", "slack_sdk", "fastapi", "pydantic", "cryptography"}
WRITTEN = [name for name, known in COMMANDS.items() if importlib.util.find_spec(known.module)]


def test_help_lists_every_command() -> None:
    said = firedoor("--help")
    assert said.status == 0
    for name, known in COMMANDS.items():
        assert f" {name} " in said.out
        assert known.says in said.out


def test_help_imports_nothing_that_takes_time() -> None:
    code = (
        "import sys\ntry:\n  from firedoor.cli.main import main; main()\n"
        "finally:\n  print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "Contain cloud incidents" in ran.stdout
    assert not HEAVY & set(ran.stderr.split())


@pytest.mark.parametrize("name", WRITTEN)
def test_the_line_in_the_list_is_the_one_the_command_begins_with(name: str) -> None:
    made = command(name)
    assert inspect.cleandoc(made.help).splitlines()[0] == COMMANDS[name].says
    assert firedoor(name, "--help").status == 0


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "demo"])
def test_every_command_takes_config_and_json(name: str) -> None:
    made = command(name)
    for each in getattr(made, "commands", {"": made}).values():
        assert {"--config", "--json"} <= {option for param in each.params for option in param.opts}


@pytest.mark.parametrize(
    "wrong", [["chekc"], ["check", "--no-such"], ["approve"], ["gateway", "--port", "0"]]
)
def test_wrong_use_is_status_2_on_standard_error(wrong: list[str]) -> None:
    said = firedoor(*wrong)
    assert (said.status, said.out) == (2, "")
    assert "Traceback" not in said.err


def test_a_misspelt_command_is_recognised() -> None:
    assert "Did you mean 'check'?" in firedoor("chekc").err


def test_version() -> None:
    assert firedoor("--version").out == "firedoor 0.1.0\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Misconfigured("found", expected="expected", mend="mend"), 2),
        (Rejected("found", expected="expected", mend="mend"), 1),
        (Unavailable("found", expected="expected", mend="mend"), 1),
    ],
)
def test_an_error_of_the_house_is_told_in_its_words(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> object:
        raise error

    monkeypatch.setattr(actions_command, "load", fail)
    said = firedoor("actions")
    assert said == (status, "", "✗ found\n  expected  expected\n  mend      mend\n")


def test_what_others_wrote_cannot_act_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> object:
        raise Rejected("\x1b]0;owned\x07 \u202eevil [red]no[/red]\rgone", mend="one\ntwo")

    monkeypatch.setattr(actions_command, "load", fail)
    said = firedoor("actions").err
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(said)
    assert "[red]no[/red]" in said
    assert said.endswith("  mend  one\n        two\n")


def test_a_mistake_of_ours_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(actions_command, "load", fail)
    with pytest.raises(ZeroDivisionError):
        firedoor("actions")


def test_it_runs_as_a_module() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "firedoor.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert ran.stdout == "firedoor 0.1.0\n"


def test_without_a_terminal_there_are_no_colours_and_no_blanks_at_the_end_of_a_line() -> None:
    said = firedoor("actions").out
    assert "\x1b" not in said
    assert all(line == line.rstrip() for line in said.splitlines())


def test_pretty_tracebacks_with_local_variables_are_off() -> None:
    from firedoor.cli.main import app

    assert isinstance(app, typer.Typer)
    assert app.pretty_exceptions_enable is False
