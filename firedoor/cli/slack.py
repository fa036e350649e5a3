"""`firedoor slack`: the app that Slack has to know of."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.terminal import print_json
from firedoor.cli.written import configuration
from firedoor.config.settings import directory_of
from firedoor.connectors.slack import BOT_SCOPES
from firedoor.domain.core.errors import Misconfigured

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)

_INTERACTIONS = "/slack/interactions"


@app.callback()
def slack() -> None:
    """Set up the Slack app."""


@app.command("manifest")
def manifest(
    *,
    socket: Annotated[
        bool | None,
        typer.Option(
            "--socket/--http",
            help="How presses come in; else as the configuration says, else by Socket Mode.",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where Slack reaches the gateway over HTTP; else as the configuration says.",
            show_default=False,
        ),
    ] = None,
    config: ConfigDirectory = None,
    json: AsJson = False,  # noqa: ARG001  a manifest is JSON anyway
) -> None:
    """Print the manifest of the Slack app.

    It asks for the scopes that are used and no others, subscribes to no events, and reads no
    messages. Paste it at api.slack.com/apps: Create New App, From a manifest.
    """
    written = None if socket is not None and (socket or url) else configuration(directory_of(config))
    there = written.slack if written else None
    by_socket = socket if socket is not None else there is None or there.app_token is not None
    print_json(manifest_of(socket=by_socket, url=url or (written.url if written else None)))


def manifest_of(*, socket: bool, url: str | None) -> dict[str, Any]:
    """Return the manifest; raises `Misconfigured` where Slack could not reach `url`."""
    interactivity: dict[str, Any] = {"is_enabled": True}
    if not socket:
        interactivity["request_url"] = _request_url(url)
    return {
        "_metadata": {"major_version": 2},
        "display_information": {
            "name": "Firedoor",
            "description": "Asks before it does what cannot be undone",
            "background_color": "#7a1f1f",
        },
        "features": {"bot_user": {"display_name": "Firedoor", "always_online": True}},
        "oauth_config": {"scopes": {"bot": scopes()}},
        "settings": {
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }


def scopes() -> list[str]:
    """Return the scopes of the bot token: those of the methods that are called."""
    return sorted({scope for needed in BOT_SCOPES.values() for scope in needed})


def _request_url(url: str | None) -> str:
    there = urlsplit(url or "")
    if there.scheme != "https" or not there.hostname:
        raise Misconfigured(
            f"{url} as the address that Slack shall post to" if url else "no address that Slack can post to",
            expected="https://…, reachable from the internet",
            mend="name it with --url, or use --socket, which needs none",
        )
    return f"{(url or '').rstrip('/')}{_INTERACTIONS}"
