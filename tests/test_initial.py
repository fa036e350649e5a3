"""The first configuration starts as it is, and nothing is ever overwritten."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path

import pytest

from firedoor.config import initial, settings
from firedoor.doctor import examine as doctor
from firedoor.domain.core.errors import Misconfigured


@pytest.mark.parametrize("name", ["config", "my config", "a: b #c {d}", "012"])
def test_what_is_written_starts_as_it_is(tmp_path: Path, name: str) -> None:
    made = initial.write(tmp_path / name)
    read = settings.load(made.directory, {})
    assert set(read.sources) == {"guardduty", "generic"}
    assert {source.kind for source in read.sources.values()} == {"aws.eventbridge", "generic"}
    (account,) = read.accounts.values()
    assert (account.id, account.role) == (initial.EXAMPLE_ACCOUNT, None)
    assert read.evidence.store == tmp_path / "var/evidence"
    assert read.playbooks == settings.SHIPPED_PLAYBOOKS
    assert read.protected.protects("arn:aws:iam::123456789012:root")
    assert read.protected.protects("arn:aws:iam::123456789012:role/FiredoorResponder")


def test_every_tier_that_is_shown_as_a_comment_works_once_it_is_uncommented(tmp_path: Path) -> None:
    made = initial.write(tmp_path / "config")
    file = made.directory / "policy.yaml"
    shown = re.compile(r"^( *)# (?=storm: |break_glass: |- \{)", flags=re.MULTILINE)
    text, number = shown.subn(r"\1", file.read_text())
    file.write_text(text)
    policy = settings.load(made.directory, {}).policy
    assert number == 5
    assert policy.storm is not None
    assert policy.break_glass is not None
    assert policy.break_glass.people == ("lead",)
    signed, silent = policy.floor[-2].ask, policy.floor[-1].ask
    assert signed is not None
    assert signed.step_up
    assert silent is not None
    assert silent.then == "proceed"


@pytest.mark.parametrize("way_in", ["app_token", "signing_secret"])
def test_slack_sign_in_page_and_okta_that_are_shown_as_comments_work_once_they_are_uncommented(
    tmp_path: Path, way_in: str
) -> None:
    file = initial.write(tmp_path / "config").directory / "firedoor.yaml"
    shown = re.compile(r"^# (?=(slack|oidc|page|okta):|  )(  # (?=\w+:))?", flags=re.MULTILINE)
    text = shown.sub(lambda found: "  " if found.group(2) else "", file.read_text())
    other = {"app_token": "signing_secret", "signing_secret": "app_token"}[way_in]
    file.write_text(re.sub(rf"^  {other}: .*\n", "", text, flags=re.MULTILINE))
    named = ("BOT_TOKEN", "APP_TOKEN", "SIGNING_SECRET")
    env = dict.fromkeys((f"SLACK_{name}" for name in named), "x" * 40)
    env |= dict.fromkeys(("OIDC_CLIENT_SECRET", "FIREDOOR_PAGE_SECRET", "OKTA_TOKEN"), "x" * 40)
    read = settings.load(file.parent, env)
    assert read.slack is not None
    assert (read.slack.app_token is None, read.slack.signing_secret is None) == (
        way_in != "app_token",
        way_in != "signing_secret",
    )
    assert read.slack.fallback_channel == "C0987654321"
    assert read.oidc is not None
    assert read.okta is not None
    assert read.page_secret is not None


def test_the_doctor_finds_nothing_wrong_with_the_people_of_the_first_policy(tmp_path: Path) -> None:
    read = settings.load(initial.write(tmp_path / "config").directory, {})
    assert [check.state for check in doctor.groups(read)] == ["ok"]


def test_it_takes_an_account_and_a_url(tmp_path: Path) -> None:
    read = settings.load(
        initial.write(tmp_path / "c", account="000000000001", url="http://127.0.0.1:9").directory, {}
    )
    assert set(read.accounts) == {"000000000001"}
    assert read.sources["guardduty"].accounts == frozenset(["000000000001"])
    assert read.url == "http://127.0.0.1:9"


def test_two_people_of_different_groups_can_vote_with_the_tokens_that_are_told_once(tmp_path: Path) -> None:
    made = initial.write(tmp_path / "config")
    people = settings.load(made.directory, {}).people
    found = {
        person: people.person_by_token(hashlib.sha256(token.encode()).hexdigest())
        for person, token in made.tokens.items()
    }
    assert found == {"responder": "responder", "lead": "lead"}
    assert people.groups_of("responder") != people.groups_of("lead")
    assert people.members("secops") == {"responder", "lead"}  # a quorum of two can be reached
    written = "".join(file.read_text() for file in made.files)
    assert not any(token in written or token in repr(made) for token in made.tokens.values())


def test_secrets_are_for_this_user_alone_and_differ_each_time(tmp_path: Path) -> None:
    first, second = (initial.write(tmp_path / name) for name in ("a", "b"))
    names = ["guardduty.key", "generic.whsec", "evidence.pem"]
    for name in names:
        one, other = (made.directory / "secrets" / name for made in (first, second))
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
        assert one.read_text() != other.read_text()
    assert stat.S_IMODE((first.directory / "secrets").stat().st_mode) == 0o700
    assert set(first.tokens.values()).isdisjoint(second.tokens.values())
    public = (first.directory / "firedoor.yaml").read_text()
    assert not any((first.directory / "secrets" / name).read_text().strip() in public for name in names)


@pytest.mark.parametrize("there", ["firedoor.yaml", "policy.yaml", "secrets/evidence.pem"])
def test_nothing_is_overwritten_and_nothing_is_begun(tmp_path: Path, there: str) -> None:
    kept = tmp_path / "config" / there
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    with pytest.raises(Misconfigured, match=f"{there} is there already"):
        initial.write(tmp_path / "config")
    assert [file for file in (tmp_path / "config").rglob("*") if file.is_file()] == [kept]
    assert kept.read_text() == "mine"


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/people.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Misconfigured):
        initial.write(tmp_path / "config")
    assert not (tmp_path / "elsewhere").exists()
