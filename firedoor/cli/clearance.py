"""`firedoor freeze` and `firedoor thaw`: the kill switch, from a terminal, also while Slack is down."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.remote import TokenFile, Url, gateway
from firedoor.cli.terminal import out, print_json, safe

Account = Annotated[
    str | None, typer.Option(metavar="ID", help="Only in this AWS account.", show_default=False)
]
PlaybookName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only what this playbook does.", show_default=False)
]


def freeze(
    *,
    why: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; it stands on every open card.", show_default=False)
    ],
    account: Account = None,
    playbook: PlaybookName = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Throw the kill switch.

    Every change is stopped at once, also one that was approved a second ago. Undo stays possible.
    """
    there = gateway(url, token_file, config)
    _tell(there.freeze(why=why, account=account, playbook=playbook), json=json)


def thaw(
    *,
    account: Account = None,
    playbook: PlaybookName = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Release the kill switch.

    Somebody else than whoever threw it has to.
    """
    there = gateway(url, token_file, config)
    _tell(there.thaw(account=account, playbook=playbook), json=json)


def _tell(told: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(told)
        return
    console = out()
    freezes = told.get("freezes") or []
    if not freezes:
        console.print(Text.assemble(("✓ ", "green"), "nothing is frozen"))
    for each in freezes:
        scope = " and ".join(filter(None, [each.get("account"), each.get("playbook")])) or "everything"
        line = Text.assemble(("■ ", "bold red"), ("frozen: ", "bold"), safe(scope), " by ")
        console.print(line + safe(each["by"]) + Text(": ") + safe(each["why"]))
