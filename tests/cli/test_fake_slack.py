"""What `up --slack fake` writes: the user's own configuration, with Slack at no address but the fake's."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from firedoor.cli.fake_slack import FakeSlack, accounts_of, settings_beside_fake, stand_in
from firedoor.cli.ready import Ports, announce
from firedoor.config.initial import Initial
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.yaml.problem import Problems
from firedoor.testing.slack.people import BOT, TEAM

REAL = """
slack:
  bot_token: {env: NOBODYS_BOT_TOKEN}
  signing_secret: [{env: NOBODYS_SECRET}, {env: NOBODYS_NEXT_SECRET}]
  app_id: A0REAL
  team_id: T0REAL
  channel: C0REAL
"""


def made(directory: Path, data: Path, env: dict[str, str] | None = None) -> FakeSlack:
    (data / "log").mkdir(parents=True, exist_ok=True)
    settings = settings_beside_fake(directory)
    return stand_in(settings, data, port=8090, gateway=8080, env=env or {})


def arguments(data: Path) -> list[str]:
    return (data / "fake-slack" / "arguments").read_text().splitlines()


def add(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_slack_is_the_fake_and_nothing_else_is_otherwise(config: Initial, here: Path) -> None:
    before = contents(config.directory)
    mine = settings_beside_fake(config.directory)
    fake = made(config.directory, here / "var")
    ours = fake.settings
    assert ours.slack is not None
    assert ours.slack.base_url == "http://127.0.0.1:8090/api/"
    assert ours.slack.app_token is None
    assert ours.directory == here / "var/fake-slack/config"
    assert ours.evidence.store == mine.evidence.store
    assert ours.evidence.signing_key.value() == mine.evidence.signing_key.value()
    for name, source in mine.sources.items():
        assert ours.sources[name].secret.values() == source.secret.values()
    same = ("url", "accounts", "playbooks", "actions", "policy", "protected", "oidc", "okta")
    assert all(getattr(ours, name) == getattr(mine, name) for name in same)
    assert contents(config.directory) == before, "the user's own directory is only read"


def test_everybody_of_the_people_has_an_account_and_keeps_their_token(config: Initial, here: Path) -> None:
    mine = settings_beside_fake(config.directory).people
    fake = made(config.directory, here / "var")
    ours = fake.settings.people
    assert fake.people == ("responder", "lead")
    assert ours.person_by_slack(TEAM, "U0LEAD") == "lead"
    assert ours.groups == mine.groups
    assert [each.token_sha256 for each in ours.people.values()] == [
        each.token_sha256 for each in mine.people.values()
    ]
    said = arguments(here / "var")
    assert said[said.index("--people") + 1 :] == ["U0RESPONDER=responder", "U0LEAD=lead"]


def test_a_real_workspace_is_left_alone_and_needs_no_secrets(config: Initial, here: Path) -> None:
    add(config.directory / "firedoor.yaml", REAL)
    people = config.directory / "people.yaml"
    real = people.read_text().replace("name: Security Lead", "name: Security Lead\n    slack: T0REAL/U0REAL")
    people.write_text(real)
    fake = made(config.directory, here / "var")
    assert fake.instead
    written = (fake.settings.directory / "firedoor.yaml").read_text()
    assert "NOBODYS" not in written
    assert "slack.com" not in written
    assert fake.settings.people.person_by_slack("T0REAL", "U0REAL") is None


def test_secrets_are_new_at_each_start_private_and_on_no_command_line(config: Initial, here: Path) -> None:
    def secrets(fake: FakeSlack) -> set[str]:
        slack = fake.settings.slack
        assert slack is not None
        assert slack.signing_secret is not None
        found = {slack.bot_token.value(), slack.signing_secret.value()}
        assert not [part for part in fake.child.command if any(secret in part for secret in found)]
        assert not found & set(fake.child.environment.values())
        assert all(any(secret in line for line in arguments(here / "var")) for secret in found)
        return found

    first = secrets(made(config.directory, here / "var"))
    assert not first & secrets(made(config.directory, here / "var"))
    for path in (here / "var/fake-slack").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path} is readable for others"


def test_paths_count_from_where_they_counted(config: Initial, here: Path) -> None:
    (here / "books").mkdir()
    (here / "ours").mkdir()
    add(config.directory / "firedoor.yaml", "playbooks: books\nactions: [ours]\n")
    ours = made(config.directory, here / "elsewhere").settings
    assert (ours.playbooks, ours.actions) == (here / "books", (here / "ours",))
    assert ours.evidence.store == here / "var/evidence"


def test_secrets_in_the_environment_stay_there(
    config: Initial, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config.directory / "firedoor.yaml"
    file.write_text(file.read_text().replace("{file: config/secrets/guardduty.key}", "{env: DETECTOR}"))
    file.write_text(file.read_text().replace('{file: "config/secrets/guardduty.key"}', "{env: DETECTOR}"))
    monkeypatch.setenv("DETECTOR", "a-detectors-secret")
    ours = made(config.directory, here / "var", {"DETECTOR": "a-detectors-secret"}).settings
    assert ours.sources["guardduty"].secret.value() == "a-detectors-secret"
    assert "a-detectors-secret" not in (ours.directory / "firedoor.yaml").read_text()


def test_links_lead_to_the_gateway_of_this_run(config: Initial, here: Path) -> None:
    file = config.directory / "firedoor.yaml"
    for written, meant in (
        ("https://firedoor.example.com", "http://127.0.0.1:8080"),
        ("http://localhost:9999", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
    ):
        file.write_text(
            "".join(
                f"url: {written}\n" if line.startswith("url:") else line
                for line in file.read_text().splitlines(keepends=True)
            )
        )
        assert made(config.directory, here / "var").settings.url == meant


def test_a_group_that_slack_keeps_has_the_people_that_are_named_here(config: Initial, here: Path) -> None:
    add(config.directory / "people.yaml", "  oncall: {slack_usergroup: S0ONCALL, people: [lead]}\n")
    fake = made(config.directory, here / "var")
    assert fake.outside == ("oncall",)
    assert arguments(here / "var")[-2:] == ["--groups", "S0ONCALL=oncall:U0LEAD"]


def test_nobody_is_told_to_press_where_nobody_is(config: Initial, here: Path) -> None:
    (config.directory / "people.yaml").write_text("people: {}\ngroups: {secops: [], secops-leads: []}\n")
    with pytest.raises(Misconfigured, match="nobody stands in"):
        made(config.directory, here / "var")


def test_what_is_wrong_in_the_configuration_is_told_where_the_user_wrote_it(config: Initial) -> None:
    add(config.directory / "firedoor.yaml", "slak: 1\n")
    with pytest.raises(Problems) as caught:
        settings_beside_fake(config.directory)
    assert [each.file for each in caught.value.problems] == ["config/firedoor.yaml"]


def test_accounts_are_the_same_each_time_and_no_two_are_one() -> None:
    ids = ["a.b", "ab", "a-b", "firedoor1", "x" * 64]
    found = accounts_of(ids)
    assert found == {id_: accounts_of(ids[::-1])[id_] for id_ in ids}
    assert list(found) == ids
    assert len(set(found.values())) == len(ids)
    assert BOT not in found.values()
    assert all(account[:2] == "U0" and account.isalnum() and account.isupper() for account in found.values())
    assert max(map(len, found.values())) <= 21, "people.yaml takes no longer one"


def test_what_is_printed_says_where_to_press_and_what_is_otherwise(
    config: Initial, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(config.directory / "firedoor.yaml", REAL)
    add(config.directory / "people.yaml", "  oncall: {slack_usergroup: S0ONCALL}\n")
    fake = made(config.directory, here / "var")
    ports: Any = Ports(gateway=8080, temporal=7233, ui=8233, slack=8090)
    announce(fake.settings, here / "var/log", ports, fake, json=False)
    said = capsys.readouterr().out
    assert said.startswith("firedoor is ready\n")
    assert "Slack (fake)  http://127.0.0.1:8090/  — press there as responder or lead\n" in said
    for told in ("asks nobody who they are", "the next start", "slack: section", "In the group oncall"):
        assert told in said
    announce(fake.settings, here / "var/log", ports, None, json=False)
    assert "fake" not in capsys.readouterr().out
