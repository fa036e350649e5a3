"""`firedoor init` and `firedoor doctor`: a first configuration, and how everything around it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.terminal import DONE, NO, grid, lines, out, print_json, safe
from firedoor.cli.written import shelf_of
from firedoor.config import initial
from firedoor.config.settings import Account, Settings, child_environment, directory_of
from firedoor.connectors.readiness import readiness
from firedoor.connectors.slack import SlackDesk
from firedoor.doctor import examine as looking
from firedoor.doctor.examine import AwsIdentity, Check, Hands
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.yaml.problem import Illegible, Problem, Problems
from firedoor.systems.aws import calls

_GLYPHS = {"ok": Text("✓", "green"), "warn": Text("!", "bold yellow"), "fail": Text("✗", "bold red")}
_NOBODYS_INCIDENT = "0" * 12  # in the session's name of a look that belongs to no incident


def init(
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", show_default=False)] = None,
    *,
    account: Annotated[str, typer.Option(metavar="ID", help="Your AWS account.")] = initial.EXAMPLE_ACCOUNT,
    url: Annotated[str, typer.Option(help="Where people and detectors reach the gateway.")] = (
        "http://127.0.0.1:8080"
    ),
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Write a first configuration.

    It is commented, starts as it is, and comes with new keys and tokens. Nothing that is
    there already is touched.
    """
    where = directory or directory_of(config)
    made = initial.write(where, account=account, url=url)
    if json:
        print_json(
            {
                "directory": str(made.directory),
                "files": [str(file) for file in made.files],
                "tokens": dict(made.tokens),
            }
        )
        return
    console = out()
    console.print(Text.assemble(("✓ ", "green"), "wrote ", (f"{made.directory}/", "bold")))
    console.print(grid((Text(str(file.relative_to(where))), _about(file.name)) for file in made.files))
    console.print("\nPersonal tokens, shown this once. Give each to its owner:\n")
    console.print(grid((Text(person, "bold"), Text(token)) for person, token in made.tokens.items()))
    flag = "" if where == Path("config") else f" --config {where}"
    console.print("\nNext:\n")
    console.print(
        grid(
            [
                (Text(f"firedoor doctor{flag}", "cyan"), Text("what is missing, and what to do about it")),
                (Text(f"firedoor up{flag}", "cyan"), Text("run it on this machine")),
                (Text("FIREDOOR_TOKEN=… firedoor responses", "cyan"), Text("with one of the tokens above")),
            ]
        )
    )


_ABOUT = {
    "firedoor.yaml": "sources, accounts, Slack, evidence",
    "people.yaml": "who may say yes",
    "policy.yaml": "the least approval of a change",
    "protected.yaml": "what is never touched",
    "guardduty.key": "what EventBridge sends in x-firedoor-key",
    "generic.whsec": "the Standard Webhooks secret",
    "evidence.pem": "signs the evidence; keep its public half elsewhere",
}


def _about(name: str) -> Text:
    return Text(_ABOUT.get(name, ""), "dim")


def doctor(*, config: ConfigDirectory = None, json: AsJson = False) -> None:
    """Check connections, permissions and clock.

    Looks at the configuration, its secrets, Temporal, each account, Slack, the evidence
    store, the policy and the playbooks, and says what to do. Changes nothing.
    """
    checks = asyncio.run(looking.examine(directory_of(config), child_environment(), hands()))
    failed = sum(check.state == "fail" for check in checks)
    if json:
        print_json({"ok": not failed, "checks": [check.model_dump(mode="json") for check in checks]})
    else:
        _show(checks, failed)
    raise typer.Exit(NO if failed else DONE)


def _show(checks: Sequence[Check], failed: int) -> None:
    rows: list[tuple[Text, ...]] = []
    for check in checks:
        mend = check.mend if check.state != "ok" else ""
        says = lines(check.says)
        if mend:
            says = Text("\n").join([says, Text("→ ", "cyan") + lines(mend, "cyan")])
        rows.append((_GLYPHS[check.state], safe(check.name, "bold"), says))
    console = out()
    console.print(grid(rows))
    warned = sum(check.state == "warn" for check in checks)
    told = (
        f"\n{len(checks)} checks: {len(checks) - failed - warned} good, {warned} to look at, {failed} failed"
    )
    console.print(Text(told, "bold red" if failed else "bold green"))


def hands() -> Hands:
    """Lend the doctor what touches the world."""
    return Hands(
        aws_identity=_aws_identity,
        slack=lambda slack: SlackDesk(slack.bot_token.value, base_url=slack.base_url),
        readiness=readiness,
        playbook_problems=_playbook_problems,
        now=lambda: datetime.now(UTC),
    )


async def _aws_identity(account: Account) -> AwsIdentity:
    return await asyncio.to_thread(_ask_aws, account)


def _ask_aws(account: Account) -> AwsIdentity:
    accounts = calls.AwsAccounts(
        {
            account.id: calls.Account(
                id=account.id,
                role=account.role,
                external_id=account.external_id.value() if account.external_id else None,
            )
        }
    )
    region = account.regions[0] if account.regions else "us-east-1"
    there = accounts.reading(account.id, region, _NOBODYS_INCIDENT)
    told = there.call("sts", "GetCallerIdentity")
    return AwsIdentity(account=str(told["Account"]), arn=str(told["Arn"]), clock=there.now())


def _playbook_problems(settings: Settings) -> Sequence[Problem]:
    try:
        shelf_of(settings)
    except Problems as error:
        return error.problems
    except Illegible as error:
        return (error.problem,)
    except Misconfigured as error:
        folder = str(settings.playbooks)
        problem = Problem(
            file=folder, line=1, column=1, found=error.found, expected=error.expected, mend=error.mend
        )
        return (problem,)
    return ()
