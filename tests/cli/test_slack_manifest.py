"""The manifest asks Slack for what is used, and for nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from firedoor.cli.slack import app, manifest_of
from firedoor.config import initial
from firedoor.connectors.slack import BOT_SCOPES
from firedoor.domain.core.errors import Misconfigured

SLACK = """
slack:
  bot_token: {env: SLACK_BOT_TOKEN}
  %s
  app_id: A0123456789
  team_id: T0123456789
  channel: C0123456789
"""


def printed(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["manifest", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return initial.write(tmp_path / "config", url="https://firedoor.example.com").directory


def test_every_scope_is_needed_by_a_call_and_no_call_lacks_its_scope() -> None:
    """Which methods are called, the connector's own tests compare with the table."""
    asked = manifest_of(socket=True, url=None)["oauth_config"]["scopes"]
    assert asked == {"bot": ["channels:read", "chat:write", "groups:read", "usergroups:read", "users:read"]}
    assert set(asked["bot"]) == {scope for scopes in BOT_SCOPES.values() for scope in scopes}


@pytest.mark.parametrize("socket", [True, False])
def test_it_subscribes_to_nothing_and_reads_no_messages(socket: bool) -> None:  # noqa: FBT001
    made = manifest_of(socket=socket, url="https://firedoor.example.com")
    assert "event_subscriptions" not in made["settings"]
    assert "slash_commands" not in made["features"]
    assert not any("history" in scope for scope in made["oauth_config"]["scopes"]["bot"])


def test_presses_come_over_http_where_the_configuration_says_so(config: Path) -> None:
    with (config / "firedoor.yaml").open("a") as written:
        written.write(SLACK % "signing_secret: {env: SLACK_SIGNING_SECRET}")
    settings = printed("--config", str(config))["settings"]
    assert settings["socket_mode_enabled"] is False
    assert settings["interactivity"] == {
        "is_enabled": True,
        "request_url": "https://firedoor.example.com/slack/interactions",
    }


def test_presses_come_over_socket_mode_where_the_configuration_says_so(config: Path) -> None:
    with (config / "firedoor.yaml").open("a") as written:
        written.write(SLACK % "app_token: {env: SLACK_APP_TOKEN}")
    settings = printed("--config", str(config))["settings"]
    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"] == {"is_enabled": True}


def test_no_configuration_is_needed_to_begin_with(tmp_path: Path) -> None:
    assert printed("--config", str(tmp_path / "none"))["settings"]["socket_mode_enabled"] is True
    made = printed("--config", str(tmp_path / "none"), "--http", "--url", "https://f.example.com/")
    assert made["settings"]["interactivity"]["request_url"] == "https://f.example.com/slack/interactions"


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:8080", "firedoor.example.com"])
def test_an_address_that_slack_cannot_post_to_is_said(url: str | None) -> None:
    with pytest.raises(Misconfigured) as caught:
        manifest_of(socket=False, url=url)
    assert "--socket" in caught.value.mend


def test_it_is_a_command() -> None:
    assert isinstance(app, typer.Typer)
    assert "manifest" in CliRunner().invoke(app, ["--help"]).output
