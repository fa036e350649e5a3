"""`firedoor people`: who is who, and which accounts speak for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table
from rich.text import Text
from webauthn.helpers import base64url_to_bytes, decode_credential_public_key
from webauthn.helpers.exceptions import WebAuthnException

from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.slack_account import account_of, look_at, written_account
from firedoor.cli.terminal import grid, out, print_json, safe
from firedoor.cli.written import people as written_people
from firedoor.config.initial import personal_token, token_sha256
from firedoor.config.settings import directory_of
from firedoor.domain.core.errors import FiredoorError, Misconfigured
from firedoor.domain.people.people import Group, OktaUser, Passkey, People, Person, Words
from firedoor.domain.yaml import reader
from firedoor.people import binding

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")

Who = Annotated[str, typer.Argument(metavar="PERSON", help="An id under people.", show_default=False)]
Account = Annotated[
    str | None, typer.Option("--slack", metavar="TEAM/USER", help="A Slack account.", show_default=False)
]
SlackUser = Annotated[
    str | None,
    typer.Option("--slack-user", metavar="U…", help="A Slack account of our own team.", show_default=False),
]
Subject = Annotated[
    str | None,
    typer.Option("--oidc", metavar="SUB", help="A subject of the identity provider.", show_default=False),
]
Okta = Annotated[
    str | None, typer.Option("--okta", metavar="ID", help="A user id in Okta.", show_default=False)
]


@app.callback(invoke_without_command=True)
def people(ctx: typer.Context, *, config: ConfigDirectory = None, json: AsJson = False) -> None:
    """Show who is who, or bind an account.

    Shows in which groups people are and through which doors they can speak. Reads people.yaml
    alone: who else is in a group that Slack, Okta or a sign-in keeps is found out at the click.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = config
        return
    directory = directory_of(config)
    known = written_people(directory)
    if known is None:
        raise Misconfigured(
            f"{directory / 'people.yaml'} is not there",
            expected="the directory of the configuration",
            mend="`firedoor init` writes a set to start from; --config names another directory",
        )
    if json:
        print_json(
            {
                "people": [_person_told(known, id_, each) for id_, each in known.people.items()],
                "groups": {name: known.group(name).model_dump(mode="json") for name in known.groups},
            }
        )
        return
    console = out()
    console.print(_people_table(known))
    if known.groups:
        console.print("", Text("groups", "dim"), grid(_groups(known)))


def _person_told(known: People, id_: str, person: Person) -> dict[str, object]:
    return {
        "id": id_,
        "name": person.name,
        "groups": sorted(known.groups_of(id_)),
        "doors": _doors(person),
        "slack": list(person.slack_accounts),
        "oidc": person.oidc,
        "okta": person.okta_user,
        "passkeys": [passkey.name for passkey in person.passkeys],
    }


def _people_table(known: People) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in ("person", "name", "groups", "speaks through", "signs with"):
        table.add_column(column, overflow="fold")
    for id_, person in known.people.items():
        doors = _doors(person)
        table.add_row(
            Text(id_, "bold"),
            safe(person.name),
            Text(", ".join(sorted(known.groups_of(id_))) or "-"),
            Text(", ".join(doors)) if doors else Text("no door", "yellow"),
            safe(", ".join(_signatures(person)) or "-"),
        )
    return table


def _doors(person: Person) -> list[str]:
    doors = ["slack"] if person.slack_accounts else []
    return [*doors, *(["cli", "http", "page"] if person.token_sha256 or person.oidc else [])]


def _signatures(person: Person) -> Iterator[str]:
    if person.oidc:
        yield "sign-in"
    yield from (f"passkey {passkey.name}" for passkey in person.passkeys)


def _groups(known: People) -> Iterator[tuple[Text, Text]]:
    for name in known.groups:
        yield Text(name, "bold"), safe("; ".join(_sources(known.group(name))) or "nobody")


def _sources(group: Group) -> Iterator[str]:
    if group.people:
        yield ", ".join(group.people)
    if group.slack_usergroup:
        yield f"Slack user group {group.slack_usergroup}"
    if group.okta_group:
        yield f"Okta group {group.okta_group}"
    if group.oidc_group:
        yield f"whose sign-in claims {group.oidc_group!r}"


@app.command("link")
def link(
    ctx: typer.Context,
    person: Who,
    *,
    slack: Account = None,
    slack_user: SlackUser = None,
    oidc: Subject = None,
    okta: Okta = None,
    passkey: Annotated[
        str | None,
        typer.Option(
            "--passkey",
            metavar="LINE",
            help="{name: …, id: …, key: …}, as the page shows it.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[bool, typer.Option("--token", help="A new personal token, shown once.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is the right account.")] = False,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Bind an account to a person, in people.yaml.

    One of --slack, --slack-user, --oidc, --okta, --passkey, --token. A Slack account is looked at
    first, and refused where it is a guest's, a bot's, external or gone. A new token takes the
    place of the last one.
    """
    directory = directory_of(config or ctx.obj)
    option, given = _one(
        slack=slack, slack_user=slack_user, oidc=oidc, okta=okta, passkey=passkey, token=token
    )
    made = personal_token() if option == "token" else None
    value = token_sha256(made) if made is not None else _value(directory, option, given)
    if isinstance(value, str) and _KEYS[option] == "slack":
        look_at(directory, person, value, ask=not yes)
    new = binding.link(directory / "people.yaml", person, _KEYS[option], value)
    _tell_linked(person, _KEYS[option], made, new=new, json=json)


def _tell_linked(person: str, key: binding.Key, token: str | None, *, new: bool, json: bool) -> None:
    if json:
        print_json({"person": person, "linked": key, "new": new, "token": token})
        return
    console = out()
    says = f"{_WORDS[key]} speaks for {person}" + ("" if new else " already; nothing was changed")
    console.print(Text.assemble(("✓ ", "green"), says))
    if token is not None:
        console.print("", "Shown this once; give it to its owner, who sets FIREDOOR_TOKEN:", "", f"  {token}")


@app.command("unlink")
def unlink(
    ctx: typer.Context,
    person: Who,
    *,
    slack: Account = None,
    slack_user: SlackUser = None,
    oidc: Subject = None,
    okta: Okta = None,
    passkey: Annotated[
        str | None, typer.Option("--passkey", metavar="NAME", help="A passkey's name.", show_default=False)
    ] = None,
    token: Annotated[bool, typer.Option("--token", help="The personal token.")] = False,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Take an account from a person, in people.yaml. It says nothing any more from the next click on."""
    directory = directory_of(config or ctx.obj)
    option, given = _one(
        slack=slack, slack_user=slack_user, oidc=oidc, okta=okta, passkey=passkey, token=token
    )
    value = account_of(directory, given) if option == "slack_user" else given
    binding.unlink(directory / "people.yaml", person, _KEYS[option], value if option != "token" else None)
    if json:
        print_json({"person": person, "unlinked": _KEYS[option]})
    else:
        says = f"{_WORDS[_KEYS[option]]} does not speak for {person} any more"
        console = out()
        console.print(Text.assemble(("✓ ", "green"), says))


_KEYS: dict[str, binding.Key] = {
    "slack": "slack",
    "slack_user": "slack",
    "oidc": "oidc",
    "okta": "okta",
    "passkey": "passkeys",
    "token": "token_sha256",
}
_WORDS: dict[binding.Key, str] = {
    "slack": "the Slack account",
    "oidc": "the sign-in",
    "okta": "the Okta user",
    "passkeys": "the passkey",
    "token_sha256": "the personal token",
}


def _one(**options: str | bool | None) -> tuple[str, str]:
    """Return the one option that was given, with its value; raises `Misconfigured` for none or several."""
    given = {name: str(value) for name, value in options.items() if value not in (None, False)}
    if len(given) != 1:
        raise Misconfigured(
            f"{len(given) or 'none'} of the accounts to bind or to take away",
            expected=f"one of {', '.join('--' + name.replace('_', '-') for name in options)}",
        )
    return next(iter(given.items()))


def _value(directory: Path, option: str, given: str) -> str | Passkey:
    """Read an account as it was written on the command line; raises `Misconfigured` where it is none."""
    if option == "slack":
        return written_account(given)
    if option == "slack_user":
        return account_of(directory, given)
    if option == "passkey":
        return _passkey(given)
    try:
        return TypeAdapter[str](OktaUser if option == "okta" else Words).validate_python(given)
    except ValidationError:
        raise Misconfigured(f"that is nothing that --{option} takes", expected=_EXPECTED[option]) from None


_EXPECTED = {"oidc": "a subject of at most 256 characters", "okta": "a user id such as 00u1ab2cd3ef4gh5ij6k"}


def _passkey(line: str) -> Passkey:
    try:
        passkey = reader.load(reader.read(line, "--passkey"), Passkey)
        decode_credential_public_key(base64url_to_bytes(passkey.key))
    except FiredoorError as error:
        raise Misconfigured(error.found, expected="{name: …, id: …, key: …}", mend=error.mend) from None
    except (WebAuthnException, ValueError, LookupError, TypeError):
        raise Misconfigured(
            "its key is none that a passkey has",
            expected="a COSE public key as base64url",
            mend="copy the whole line that the page shows",
        ) from None
    return passkey
