"""The responses of a running gateway, as commands find them: by its URL, a token, and part of an id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from firedoor.cli.written import configuration
from firedoor.config.settings import directory_of, personal_token
from firedoor.connectors.gateway import Gateway
from firedoor.domain.core.errors import Absent, Misconfigured, Unavailable
from firedoor.domain.response.messages import Report

Url = Annotated[
    str | None,
    typer.Option("--url", help="The gateway; else the url of firedoor.yaml.", show_default=False),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="Holds your token; else FIREDOOR_TOKEN.", show_default=False
    ),
]
ResponseId = Annotated[
    str, typer.Argument(metavar="ID", help="A response, or the beginning of its last part.")
]

_SHORTEST = 4  # digits of an id that a person may write
SHORT = 12  # digits of an id that a list shows


def gateway(url: str | None, token_file: Path | None, config: Path | None) -> Gateway:
    """Reach the gateway as the person whose token this is."""
    if url is None:
        written = configuration(directory_of(config))
        if written is None:
            raise Misconfigured(
                "nothing says where the gateway is",
                expected="--url, or a firedoor.yaml with a url",
                mend="--url https://firedoor.example.com",
            )
        url = written.url
    return Gateway(url, _token(token_file))


def _token(file: Path | None) -> str:
    if file is not None:
        try:
            token: str | None = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{file} cannot be read", expected="a file with a token") from error
    else:
        token = personal_token()
    if not token:
        raise Misconfigured(
            "nothing says who you are",
            expected="a personal token",
            mend="set FIREDOOR_TOKEN, or name a file with --token-file; people.yaml holds its SHA-256",
        )
    return token


def found(gateway: Gateway, named: str) -> str:
    """Return the whole id that a person means; raises Absent, or Misconfigured where several fit."""
    if named.startswith("respond/"):
        return named
    if len(named) < _SHORTEST:
        raise Misconfigured(f"{named!r} is too short", expected=f"at least {_SHORTEST} digits of an id")
    wanted = named.lower()
    ids = [str(each["id"]) for each in gateway.list()]
    fitting = dict.fromkeys(id_ for id_ in ids if id_.rpartition("/")[2].startswith(wanted))
    if not fitting:
        raise Absent(
            f"no response's id begins with {named!r}", expected="an id that `firedoor responses` lists"
        )
    if len(fitting) > 1:
        raise Misconfigured(
            f"{named!r} may be {len(fitting)} responses",
            expected=f"one of {', '.join(fitting)}",
            mend="write more of it",
        )
    return next(iter(fitting))


def report_of(view: dict[str, Any]) -> Report:
    """Read what the gateway tells of a response; raises Unavailable for what this version does not know."""
    told = {key: value for key, value in view.items() if key not in ("votes", "fingerprint", "ledger")}
    try:
        # As JSON: written models are strict, and strict JSON lets a list be a tuple and text a time.
        return Report.model_validate_json(json.dumps({**told, "entries": view.get("ledger", [])}))
    except ValidationError:
        raise Unavailable(
            "the gateway tells of responses as another version does",
            mend="use the same version here, or --json",
        ) from None


def short(response: str) -> str:
    """Shorten an id to what a list shows, and what every command understands."""
    return response.rpartition("/")[2][:SHORT]
