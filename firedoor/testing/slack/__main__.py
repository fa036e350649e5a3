"""`python -m firedoor.testing.slack`: the fake Slack on its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import get_args

from firedoor.testing.slack.people import APP_TOKEN, SECRET, TOKEN, Kind, Person, UserGroup, WorkspaceConfig
from firedoor.testing.slack.server import serve
from firedoor.testing.slack.workspace import Workspace


def person(text: str) -> Person:
    """Read `U0ALICE=alice` or `U0GUEST=greta:guest`."""
    id_, _, rest = text.partition("=")
    name, _, kind = rest.partition(":")
    known = {each: each for each in get_args(Kind)}
    if not id_ or not name or (kind and kind not in known):
        raise argparse.ArgumentTypeError(
            f"{text!r}; expected ID=name or ID=name:kind, kinds {', '.join(known)}"
        )
    return Person(id_, name, known.get(kind, "member"))


def group(text: str) -> UserGroup:
    """Read `S0SECOPS=secops:U0ALICE,U0BOB`."""
    id_, _, rest = text.partition("=")
    handle, _, users = rest.partition(":")
    if not id_ or not handle:
        raise argparse.ArgumentTypeError(f"{text!r}; expected ID=handle:U1,U2")
    return UserGroup(id_, handle, tuple(each for each in users.split(",") if each))


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m firedoor.testing.slack",
        description=__doc__,
        epilog="@FILE: arguments from a file, one a line; a secret need not stand where ps shows it.",
        fromfile_prefix_chars="@",
    )
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; a free one when not given")
    parser.add_argument("--deliver-to", default="", metavar="URL", help="where the app takes interactions")
    parser.add_argument("--mode", choices=("auto", "http", "socket"), default="auto")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--app-token", default=APP_TOKEN)
    parser.add_argument("--signing-secret", default=SECRET.decode())
    parser.add_argument(
        "--people", type=person, nargs="+", metavar="ID=NAME[:KIND]", help="instead of alice, …"
    )
    parser.add_argument(
        "--groups", type=group, nargs="+", metavar="ID=HANDLE:U1,U2", help="instead of secops, …"
    )
    for name in ("team", "app", "bot", "channel", "channel-name"):
        parser.add_argument(f"--{name}", help=f"the {name}, when not the made-up one")
    parser.add_argument("--lax-rates", action="store_true", help="take calls as fast as they come")
    return parser.parse_args(words)


def _workspace(said: argparse.Namespace) -> Workspace:
    more = {
        name: getattr(said, name)
        for name in ("team", "app", "bot", "channel", "channel_name")
        if getattr(said, name)
    }
    if said.people:
        more |= {"users": {}, "others": said.people}
    if said.groups:
        more["usergroups"] = said.groups
    config = WorkspaceConfig(
        token=said.token,
        app_token=said.app_token,
        signing_secret=said.signing_secret.encode(),
        strict_rates=not said.lax_rates,
        **more,
    )
    return Workspace(config, deliver_to=said.deliver_to, mode=said.mode)


def main(words: Sequence[str] | None = None) -> int:
    """Serve until told to end; says in one line when it is ready."""
    said = _arguments(words)
    workspace = _workspace(said)

    def ready() -> None:
        print(f"fake Slack: {workspace.url} (API {workspace.url}/api/)", flush=True)  # noqa: T201  its one line

    try:
        asyncio.run(serve(workspace, "127.0.0.1", said.port, ready=ready))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"port {said.port} is not free: {error}; choose another --port", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
