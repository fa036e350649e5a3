"""The fake workspace of `firedoor up --slack fake`: what is written down before it and Firedoor start."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from firedoor.app.embedded import Child, answers
from firedoor.cli.written import configuration, people
from firedoor.config.configuration import Configuration, SlackSettings
from firedoor.config.secret import SecretName
from firedoor.config.settings import Settings, child_environment, directory_of, from_environment, load
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.people.people import Group, People
from firedoor.domain.yaml import reader
from firedoor.testing.slack.people import APP, BOT, CHANNEL, TEAM

_HOST = "127.0.0.1"
_LONGEST = 18  # letters of an account after "U0"; Slack's own are shorter
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_UNUSED = "of a workspace that is not used now"
_HEAD = "# Written by `firedoor up --slack fake` from {source}, anew at each start.\n"


@dataclass(frozen=True, kw_only=True)
class FakeSlack:
    """A workspace that is written down and not started yet.

    url:       where its page is.
    settings:  Firedoor's own settings, in which Slack is this workspace.
    people:    who has an account there, by the name that the page shows: the ids of people.yaml.
    outside:   groups of which Slack keeps the people: here, nobody but those that people.yaml names.
    instead:   whether a workspace of the configuration is left alone for it.
    child:     the process to start.
    """

    url: str
    settings: Settings
    people: tuple[str, ...]
    outside: tuple[str, ...]
    instead: bool
    child: Child


def settings_beside_fake(directory: Path | None) -> Settings:
    """Load the settings as they are written; a real workspace in them needs no secrets, for it is not used.

    Raises `Problems` as ever.
    """
    where = directory_of(directory)
    try:
        written = configuration(where)
    except (reader.Illegible, reader.Problems):
        return from_environment(directory)  # tells this problem together with all others
    unused = dict.fromkeys(_variables(written.slack), _UNUSED) if written and written.slack else {}
    return load(where, {**unused, **child_environment()})


def stand_in(settings: Settings, data: Path, *, port: int, gateway: int, env: Mapping[str, str]) -> FakeSlack:
    """Write a configuration in which Slack is a fake workspace on `port`; `gateway` is the gateway's port.

    It goes to `data`/fake-slack, readable for nobody else; the user's own directory is only
    read. `data` is absolute, its folder `log` is there. `env` has the secrets that the user's
    configuration names. Raises `Misconfigured` where there is nobody to have an account.
    """
    source = settings.directory
    written, known = configuration(source), people(source)
    if written is None or known is None or not known.people:
        raise Misconfigured(
            f"nobody stands in {source / 'people.yaml'}",
            expected="at least one person, who gets an account in the fake Slack",
            mend="`firedoor init` writes two to begin with",
        )
    url, folder = f"http://{_HOST}:{port}", data / "fake-slack"
    config = folder / "config"
    accounts = accounts_of(known.people)
    keys = {
        "bot_token": f"xoxb-{secrets.token_urlsafe(32)}",
        "app_token": f"xapp-{secrets.token_urlsafe(32)}",
        "signing_secret": secrets.token_hex(16),
    }
    _private(config / "secrets")
    _write(folder / ".gitignore", "*\n")
    for name in ("bot_token", "signing_secret"):
        _write(config / "secrets" / name, keys[name])
    ours = _configuration(settings, written, config=config, slack=url, gateway=gateway)
    head = _HEAD.format(source=source)
    _write(config / "firedoor.yaml", head + reader.dump(ours))
    _write(config / "people.yaml", head + reader.dump(_with_accounts(known, accounts)))
    for name in ("policy.yaml", "protected.yaml"):
        _write(config / name, (source / name).read_text(encoding="utf-8"))
    groups = dict(_groups(known, accounts))
    arguments = folder / "arguments"
    _write(arguments, "\n".join(_arguments(port, gateway, keys, accounts, groups.values())))
    return FakeSlack(
        url=url,
        settings=load(config, env),
        people=tuple(accounts),
        outside=tuple(groups),
        instead=written.slack is not None,
        child=_child(arguments, url, data / "log" / "slack.log"),
    )


def accounts_of(ids: Collection[str]) -> dict[str, str]:
    """Give every person an account, such as U0LEAD: the same at each start, and no two the same."""
    found: dict[str, str] = {}
    taken = {BOT}
    for id_ in sorted(ids):  # so that the order in the file is nothing
        letters = re.sub("[^A-Z0-9]", "", id_.upper())
        account = f"U0{letters}"
        if account in taken or len(letters) > _LONGEST:
            account = f"U0{letters[:8]}{hashlib.sha256(id_.encode()).hexdigest()[:10].upper()}"
        taken.add(account)
        found[id_] = account
    return {id_: found[id_] for id_ in ids}


# ---- the configuration --------------------------------------------------------------------


def _configuration(
    settings: Settings, written: Configuration, *, config: Path, slack: str, gateway: int
) -> Configuration:
    """Return the configuration as it is meant: its paths absolute, and Slack at no address but this one."""
    made: Configuration = _absolute(written, settings.directory.parent)
    return made.model_copy(
        update={
            "url": _url(settings.url, gateway),
            "slack": SlackSettings(
                bot_token=SecretName(file=str(config / "secrets" / "bot_token")),
                signing_secret=SecretName(file=str(config / "secrets" / "signing_secret")),
                app_id=APP,
                team_id=TEAM,
                channel=CHANNEL,
                base_url=f"{slack}/api/",
            ),
            "evidence": made.evidence.model_copy(update={"store": f"file:{settings.evidence.store}"}),
            "playbooks": str(settings.playbooks) if written.playbooks else None,
            "actions": tuple(str(folder) for folder in settings.actions),
        }
    )


def _url(written: str, gateway: int) -> str:
    """Return where the links of a card lead: to the gateway of this run."""
    there = urlsplit(written)
    here = there.hostname in _LOOPBACK and there.port == gateway
    return written if here else f"http://{_HOST}:{gateway}"


def _absolute(value: Any, base: Path) -> Any:
    """Return a part of the configuration with the files of its secrets named from the root."""
    match value:
        case SecretName(file=str(file)):
            return SecretName(file=str(base / file))
        case BaseModel():
            return value.model_copy(update={name: _absolute(each, base) for name, each in value})
        case dict():
            return {key: _absolute(each, base) for key, each in value.items()}
        case tuple():
            return tuple(_absolute(each, base) for each in value)
        case _:
            return value


def _variables(value: Any) -> Iterator[str]:
    """Yield the environment variables that a part of the configuration names."""
    match value:
        case SecretName(env=str(name)):
            yield name
        case BaseModel():
            for _, each in value:
                yield from _variables(each)
        case tuple():
            for each in value:
                yield from _variables(each)
        case _:
            return


# ---- the people ---------------------------------------------------------------------------


def _with_accounts(known: People, accounts: Mapping[str, str]) -> People:
    """Return people with their accounts in the fake workspace alone; real ones open nothing there."""
    return known.model_copy(
        update={
            "people": {
                id_: person.model_copy(update={"slack": f"{TEAM}/{accounts[id_]}"})
                for id_, person in known.people.items()
            }
        }
    )


def _groups(known: People, accounts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the user groups that people.yaml leaves to Slack, as the fake takes them."""
    for name, group in known.groups.items():
        if isinstance(group, Group) and group.slack_usergroup:
            members = ",".join(accounts[id_] for id_ in group.people)
            yield name, f"{group.slack_usergroup}={name}:{members}"


# ---- the process --------------------------------------------------------------------------


def _arguments(
    port: int, gateway: int, keys: Mapping[str, str], accounts: Mapping[str, str], groups: Iterable[str]
) -> Iterator[str]:
    """Yield the arguments of the fake, which go into a file: a command line is there for all to read."""
    yield f"--port={port}"
    yield "--mode=http"
    yield f"--deliver-to=http://{_HOST}:{gateway}/slack/interactions"
    yield f"--token={keys['bot_token']}"
    yield f"--app-token={keys['app_token']}"
    yield f"--signing-secret={keys['signing_secret']}"
    yield "--people"
    yield from (f"{account}={id_}" for id_, account in accounts.items())
    if groups := tuple(groups):
        yield "--groups"
        yield from groups


def _child(arguments: Path, url: str, log: Path) -> Child:
    return Child(
        name="slack",
        command=[sys.executable, "-P", "-m", "firedoor.testing.slack", f"@{arguments}"],
        environment=child_environment(without="AWS_"),  # it calls no cloud
        log_file=log,
        ready=partial(answers, url),
    )


def _private(folder: Path) -> None:
    """Make a folder and those above it; what we make is ours alone to read."""
    for each in (folder.parent.parent, folder.parent, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write(path: Path, text: str) -> None:
    """Write a file that was at no moment readable for others, whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
