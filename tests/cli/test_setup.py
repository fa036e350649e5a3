"""`firedoor init` and `firedoor doctor`, as somebody new meets them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from firedoor.cli import setup
from firedoor.config import settings
from firedoor.config.initial import Initial
from firedoor.doctor import examine as looking
from firedoor.doctor import slack as doctor_slack
from firedoor.doctor.examine import Check
from tests.cli.shell import firedoor


def test_init_writes_what_loads_and_shows_each_token_once(here: Path) -> None:
    said = firedoor("init")
    assert said.status == 0
    settings.load(here / "config", {})
    tokens = [word for word in said.out.split() if word.startswith("fdp_")]
    assert len(set(tokens)) == 2
    written = "".join(file.read_text() for file in (here / "config").rglob("*") if file.is_file())
    assert not any(token in written for token in tokens)


def test_init_takes_a_directory_an_account_and_a_url(here: Path) -> None:
    told = firedoor("init", "there", "--account", "000000000042", "--url", "http://127.0.0.1:9", "--json")
    assert told.status == 0
    assert set(told.json["tokens"]) == {"responder", "lead"}
    read = settings.load(here / "there", {})
    assert (list(read.accounts), read.url) == (["000000000042"], "http://127.0.0.1:9")


def test_init_touches_nothing_that_is_there(config: Initial) -> None:
    before = {file: file.read_bytes() for file in config.files}
    said = firedoor("init")
    assert (said.status, said.out) == (2, "")
    assert "is there already" in said.err
    assert {file: file.read_bytes() for file in config.files} == before


def examined(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    async def examine(*_: object) -> Sequence[Check]:
        return checks

    monkeypatch.setattr(looking, "examine", examine)


def test_doctor_says_what_to_do_and_that_the_answer_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    examined(
        monkeypatch,
        Check(name="temporal", state="ok", says="here", mend="not said"),
        Check(name="slack", state="warn", says="not configured", mend="configure it"),
        Check(name="aws", state="fail", says="no credentials", mend="give it some"),
    )
    said = firedoor("doctor")
    told = (
        "  ✓  temporal  here\n"
        "  !  slack     not configured\n"
        "               → configure it\n"
        "  ✗  aws       no credentials\n"
        "               → give it some\n"
        "\n"
        "3 checks: 1 good, 1 to look at, 1 failed\n"
    )
    assert said == (1, told, "")
    assert firedoor("doctor", "--json").json["ok"] is False


def test_a_warning_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    examined(monkeypatch, Check(name="slack", state="warn", says="not configured"))
    assert firedoor("doctor").status == 0


def test_doctor_looks_at_the_configuration_it_is_given(here: Path) -> None:
    said = firedoor("doctor", "--config", "nowhere")
    assert said.status == 1
    assert f"{here}/nowhere/firedoor.yaml cannot be read" in said.out


def test_doctor_is_told_every_mistake_of_the_playbooks_in_force(config: Initial, here: Path) -> None:
    (here / "books").mkdir()
    (here / "books/one.yaml").write_text("playbook: one\n")
    (here / "books/two.yaml").write_text("{")
    read = replace(settings.load(config.directory, {}), playbooks=here / "books")
    told = setup.hands().playbook_problems(read)
    assert {Path(each.file).name for each in told} == {"one.yaml", "two.yaml"}


def test_a_slack_that_cannot_be_reached_is_a_check_that_fails(config: Initial) -> None:
    read = settings.load(config.directory, {})
    slack = settings.Slack(
        bot_token=read.evidence.signing_key,
        signing_secret=read.evidence.signing_key,
        app_id="A0",
        team_id="T0",
        channel="C0",
        base_url="http://127.0.0.1:9/",
    )
    hands = setup.hands()
    (check,) = asyncio.run(doctor_slack.look(slack, hands.slack, hands.readiness, read.url))
    assert check.state == "fail"
