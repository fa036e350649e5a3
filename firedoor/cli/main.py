"""The command line: `firedoor …`, thin; each command stands in `firedoor.cli`."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from firedoor.cli.terminal import complain, out, status_of
from firedoor.domain.core.errors import FiredoorError

_RUN, _WRITE, _ANSWER = "Run it", "Write playbooks", "Answer"


class Command(NamedTuple):
    """Where a command is defined, and its line in the list of all.

    The line stands here as well, so that `firedoor --help` imports no command.
    """

    module: str
    attribute: str
    says: str
    panel: str


#: Every command, in the order in which a newcomer needs them.
COMMANDS: Final[dict[str, Command]] = {
    "demo": Command("firedoor.demo", "run", "See an incident contained, approved, undone and proven.", _RUN),
    "init": Command("firedoor.cli.setup", "init", "Write a first configuration.", _RUN),
    "doctor": Command("firedoor.cli.setup", "doctor", "Check connections, permissions and clock.", _RUN),
    "up": Command("firedoor.cli.up", "up", "Run Temporal, the gateway and a worker here.", _RUN),
    "gateway": Command("firedoor.cli.serve", "gateway", "Run the gateway alone.", _RUN),
    "slack": Command("firedoor.cli.slack", "app", "Set up the Slack app.", _RUN),
    "check": Command("firedoor.cli.check", "check", "Check playbooks and their cases.", _WRITE),
    "plan": Command("firedoor.cli.plan", "plan", "Show what would be done now.", _WRITE),
    "actions": Command("firedoor.cli.actions", "actions", "Show what a playbook can do.", _WRITE),
    "responses": Command("firedoor.cli.responses", "responses", "List responses, or show one.", _ANSWER),
    "approvals": Command(
        "firedoor.cli.responses",
        "approvals",
        "List what people are asked now: which plan, of whom, until when.",
        _ANSWER,
    ),
    "approve": Command("firedoor.cli.votes", "approve", "Say yes to a plan.", _ANSWER),
    "reject": Command("firedoor.cli.votes", "reject", "Say no to a plan.", _ANSWER),
    "undo": Command("firedoor.cli.votes", "undo", "Ask to take a response back.", _ANSWER),
    "snooze": Command("firedoor.cli.votes", "snooze", "Put the reminder of an ask off.", _ANSWER),
    "reassign": Command(
        "firedoor.cli.votes", "reassign", "Ask one of those who may decide to look at an ask.", _ANSWER
    ),
    "freeze": Command("firedoor.cli.clearance", "freeze", "Throw the kill switch.", _ANSWER),
    "thaw": Command("firedoor.cli.clearance", "thaw", "Release the kill switch.", _ANSWER),
    "people": Command("firedoor.cli.people", "app", "Show who is who, or bind an account.", _ANSWER),
    "evidence": Command("firedoor.cli.evidence", "app", "Verify and read sealed evidence.", _ANSWER),
}


class Lazy(TyperGroup):
    """A group that imports a command when it runs, and turns errors of the house into words and a status."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the library's signature
        """Name every command."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  the library's signature
        """Return a command's line, which is all that a list needs."""
        known = COMMANDS.get(cmd_name)
        if known is None:
            return None
        return TyperCommand(cmd_name, help=known.says, rich_help_panel=known.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command as it runs."""
        self.commands = {known: self.get_command(ctx, known) for known in COMMANDS}  # for "did you mean"
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and command(str(name)), rest

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error of the house is told in its own words, without a traceback."""
        try:
            return super().invoke(ctx)
        except FiredoorError as error:
            complain(error)
            raise typer.Exit(status_of(error)) from None


def command(name: str) -> Any:
    """Import one command, with its options."""
    known = COMMANDS[name]
    found = getattr(importlib.import_module(known.module), known.attribute)
    if isinstance(found, typer.Typer):
        made = typer.main.get_command(found)
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        alone.command(name)(found)
        made = typer.main.get_command(alone)
    made.name = name
    return made


# No pretty tracebacks: they would print local variables, and a token may be among them.
app = typer.Typer(
    cls=Lazy,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # joins the lines of a paragraph
)


def _version(asked: bool) -> None:  # noqa: FBT001  how the library calls it
    if asked:
        out().print(f"firedoor {importlib.metadata.version('firedoor')}")
        raise typer.Exit


@app.callback()
def firedoor(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Contain cloud incidents: at once what can be taken back, after a yes the rest.

    Exit status: 0 done, 1 the answer is no, 2 wrong use.
    """
    del version


def main() -> None:
    """Run the command line."""
    app(prog_name="firedoor")
