"""`firedoor people` shows who is who, and binds an account to one human and to no other."""

from __future__ import annotations

import difflib
import hashlib
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from webauthn.helpers import bytes_to_base64url, encode_cbor

from firedoor.config.initial import Initial
from firedoor.domain.people.people import People
from firedoor.domain.yaml.reader import load, read
from firedoor.testing.slack.people import CHANNEL, TEAM, TOKEN, WorkspaceConfig
from tests.cli.shell import Said, firedoor
from tests.fake_slack import FakeSlack, running

KEY = bytes_to_base64url(encode_cbor({1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32}))
PASSKEY = f"{{name: her laptop, id: aWQ, key: {KEY}}}"
WRITTEN = """\
# who is who
people:
  ann:
    name: Ann Example    # on call
    slack: T0ACME001/U0ALICE
    # email: not yet
  bob: {name: Bob, oidc: okta-bob, okta: 00u1}   # in one line
  cid:
    name: Cid
    passkeys:
      - {name: key, id: a2V5, key: AQ}

groups:
  # the first ones asked
  secops: [ann, bob]
  oncall: {slack_usergroup: S1, people: [cid]}
  nobody: []
"""


@pytest.fixture
def file(config: Initial) -> Path:
    path = config.directory / "people.yaml"
    path.write_text(WRITTEN)
    path.chmod(0o640)
    return path


@pytest.fixture
def slack(config: Initial, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    """A workspace that the configuration names."""
    with running(FakeSlack(config=WorkspaceConfig())) as there:
        monkeypatch.setenv("BOT", TOKEN)
        monkeypatch.setenv("SIGNING", "made-up")
        with (config.directory / "firedoor.yaml").open("a") as file:
            file.write(
                f"slack: {{bot_token: {{env: BOT}}, signing_secret: {{env: SIGNING}}, app_id: A0FIREDOOR1, "
                f"team_id: {TEAM}, channel: {CHANNEL}, base_url: '{there.url}/api/'}}\n"
            )
        yield there


def people(file: Path) -> People:
    return load(read(file.read_bytes(), str(file)), People)


@pytest.fixture
def changed(file: Path) -> Callable[[], list[str]]:
    """The lines of the file that went and came."""
    before = file.read_text().splitlines()
    return lambda: [line for line in difflib.ndiff(before, file.read_text().splitlines()) if line[0] in "+-"]


def test_it_shows_each_person_their_groups_and_their_doors(file: Path) -> None:
    said = firedoor("people")
    assert said.status == 0
    ann, bob, cid = (line for line in said.out.splitlines() if line[:3] in ("ann", "bob", "cid"))
    assert all(word in ann for word in ("Ann Example", "secops", "slack"))
    assert all(word in bob for word in ("secops", "cli, http, page", "sign-in"))
    assert all(word in cid for word in ("oncall", "no door", "passkey key"))
    assert "cid; Slack user group S1" in said.out


def test_it_tells_the_same_to_a_program_and_no_hash_and_no_key(file: Path) -> None:
    firedoor("people", "link", "ann", "--token")
    said = firedoor("people", "--json")
    assert [each["doors"] for each in said.json["people"]] == [
        ["slack", "cli", "http", "page"],
        ["cli", "http", "page"],
        [],
    ]
    assert said.json["groups"]["oncall"]["slack_usergroup"] == "S1"
    assert str(people(file).people["ann"].token_sha256) not in said.out


def test_without_a_file_it_says_where_one_comes_from(here: Path) -> None:
    said = firedoor("people")
    assert said.status == 2
    assert "firedoor init" in said.err


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["ann", "--slack", "T0ACME001/U0BOB"],
            [
                "-     slack: T0ACME001/U0ALICE",
                "+     slack: [T0ACME001/U0ALICE, T0ACME001/U0BOB]",
            ],
        ),
        (["ann", "--oidc", "auth0|7: #x"], ['+     oidc: "auth0|7: #x"']),
        (["ann", "--okta", "00u9"], ['+     okta: "00u9"']),
        (
            ["bob", "--slack", "T0ACME001/U0BOB"],
            [
                "-   bob: {name: Bob, oidc: okta-bob, okta: 00u1}   # in one line",
                "+   bob: {name: Bob, oidc: okta-bob, okta: 00u1, slack: T0ACME001/U0BOB}   # in one line",
            ],
        ),
        (
            ["cid", "--passkey", PASSKEY],
            [f"+       - {{name: her laptop, id: aWQ, key: {KEY}}}"],
        ),
        (["ann", "--passkey", PASSKEY], [f"+     passkeys: [{{name: her laptop, id: aWQ, key: {KEY}}}]"]),
    ],
)
def test_linking_changes_one_thing_and_keeps_comments_and_order(
    file: Path, changed: Callable[[], list[str]], arguments: list[str], lines: list[str]
) -> None:
    said = firedoor("people", "link", *arguments)
    assert said.status == 0, said.err
    assert changed() == lines
    people(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [each.name for each in file.parent.glob(".people*")] == []
    again = firedoor("people", "link", *arguments)
    assert (again.status, "already" in again.out) == (0, True)


@pytest.mark.parametrize(
    ("person", "link", "unlink"),
    [
        ("ann", ["--slack", "T0ACME001/U0BOB"], ["--slack", "T0ACME001/U0BOB"]),
        ("bob", ["--slack", "T0ACME001/U0BOB"], ["--slack", "T0ACME001/U0BOB"]),
        ("ann", ["--oidc", "x"], ["--oidc", "x"]),
        ("cid", ["--passkey", PASSKEY], ["--passkey", "her laptop"]),
        ("ann", ["--passkey", PASSKEY], ["--passkey", "aWQ"]),
        ("ann", ["--token"], ["--token"]),
    ],
)
def test_unlinking_takes_back_what_linking_did(
    file: Path, person: str, link: list[str], unlink: list[str]
) -> None:
    before, known = file.read_text(), people(file)
    assert firedoor("people", "link", person, *link).status == 0
    assert people(file) != known
    assert firedoor("people", "unlink", person, *unlink).status == 0
    assert people(file).people[person].slack_accounts == known.people[person].slack_accounts
    assert file.read_text().replace("[T0ACME001/U0ALICE]", "T0ACME001/U0ALICE") == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["bob", "--slack", "T0ACME001/U0ALICE"], "bound to ann (Ann Example)"),
        (["ann", "--oidc", "okta-bob"], "bound to bob (Bob)"),
        (["ann", "--okta", "okta-bob"], "bound to bob (Bob)"),
        (["ann", "--oidc", "00u1"], "bound to bob (Bob)"),
        (["ann", "--passkey", PASSKEY.replace("aWQ", "a2V5")], "bound to cid"),
        (["bob", "--oidc", "another"], "another oidc already"),
        (["eve", "--oidc", "x"], "nobody called 'eve'"),
        (["an", "--oidc", "x"], "did you mean 'ann'?"),
        (["ann"], "none of the accounts"),
        (["ann", "--oidc", "x", "--token"], "2 of the accounts"),
        (["ann", "--slack", "U0ALICE"], "no Slack account"),
        (["ann", "--slack", "T1/U1\n"], "no Slack account"),
        (["ann", "--slack-user", "U0BOB"], "has no `slack:`"),
        (["ann", "--okta", "a b"], "nothing that --okta takes"),
        (["ann", "--oidc", ""], "nothing that --oidc takes"),
        (["ann", "--passkey", "{name: a"], "broken YAML"),
        (["ann", "--passkey", "{name: a, id: aWQ}"], "'key' is missing"),
        (["ann", "--passkey", "{name: a, id: aWQ, key: AQ}"], "none that a passkey has"),
        (["ann", "--passkey", "{name: a, id: aWQ, key: '!'}"], "expected"),
    ],
)
def test_what_is_somebody_elses_or_no_account_is_refused_and_nothing_is_changed(
    file: Path, changed: Callable[[], list[str]], arguments: list[str], told: str
) -> None:
    said = firedoor("people", "link", *arguments)
    assert (said.status, told in said.err) == (2, True), said
    assert changed() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["ann", "--slack", "T0ACME001/U0BOB"],
        ["ann", "--oidc", "okta-bob"],
        ["ann", "--token"],
        ["cid", "--passkey", "another"],
        ["eve", "--token"],
    ],
)
def test_what_is_not_theirs_is_not_taken_away(
    file: Path, changed: Callable[[], list[str]], arguments: list[str]
) -> None:
    assert firedoor("people", "unlink", *arguments).status == 2
    assert changed() == []


def test_a_new_token_is_shown_once_and_takes_the_place_of_the_last_one(file: Path) -> None:
    first, second = (firedoor("people", "link", "ann", "--token", "--json").json["token"] for _ in range(2))
    assert first != second
    known = people(file)
    assert known.person_by_token(hashlib.sha256(second.encode()).hexdigest()) == "ann"
    assert known.person_by_token(hashlib.sha256(first.encode()).hexdigest()) is None
    assert second not in file.read_text()
    said = firedoor("people", "link", "bob", "--token")
    (token,) = (line.strip() for line in said.out.splitlines() if line.strip().startswith("fdp_"))
    assert people(file).person_by_token(hashlib.sha256(token.encode()).hexdigest()) == "bob"


def test_a_file_that_does_not_check_is_told_and_left_alone(file: Path) -> None:
    file.write_text("people: {ann: {name: A, slak: x}}")
    said = firedoor("people", "link", "ann", "--token")
    assert said.status == 2
    assert "people.yaml:1:25" in said.err
    assert file.read_text() == "people: {ann: {name: A, slak: x}}"


def test_a_file_that_is_a_link_is_written_where_it_leads(file: Path, here: Path) -> None:
    there = here / "elsewhere.yaml"
    file.rename(there)
    file.symlink_to(there)
    assert firedoor("people", "link", "ann", "--oidc", "x").status == 0
    assert file.is_symlink()
    assert people(there).person_by_oidc("x") == "ann"


# ---- with Slack --------------------------------------------------------------------------


def link(*arguments: str, typed: str | None = None) -> Said:
    return firedoor("people", "link", *arguments, typed=typed)


@pytest.mark.integration
def test_an_account_of_ours_is_bound_once_its_name_is_confirmed(file: Path, slack: FakeSlack) -> None:
    said = link("bob", "--slack-user", "U0BOB", typed="y\n")
    assert said.status == 0, said.err
    assert "T0ACME001/U0BOB is Bob (@bob)" in said.err
    assert people(file).person_by_slack(TEAM, "U0BOB") == "bob"
    assert firedoor("people", "unlink", "bob", "--slack-user", "U0BOB").status == 0
    assert people(file).person_by_slack(TEAM, "U0BOB") is None


@pytest.mark.integration
@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_what_is_not_confirmed_is_not_bound(
    file: Path, slack: FakeSlack, changed: Callable[[], list[str]], typed: str
) -> None:
    assert link("bob", "--slack-user", "U0BOB", typed=typed).status == 1
    assert changed() == []


@pytest.mark.integration
@pytest.mark.parametrize(
    ("account", "told"),
    [
        ("U0GUEST", "is a guest's"),
        ("U0SINGLE", "is a guest's"),
        ("U0ROBOT", "is a bot"),
        ("U0GONE", "was deactivated"),
        ("U0PARTNER", "is of another workspace"),
        ("U0NOSUCH", "does not exist"),
    ],
)
def test_who_may_not_speak_is_not_bound_either(
    file: Path, slack: FakeSlack, changed: Callable[[], list[str]], account: str, told: str
) -> None:
    said = link("bob", "--slack-user", account, "--yes")
    assert (said.status, told in said.err) == (1, True), said
    assert changed() == []


@pytest.mark.integration
def test_an_account_of_ours_is_not_bound_under_another_team(
    file: Path, slack: FakeSlack, changed: Callable[[], list[str]]
) -> None:
    said = link("bob", "--slack", "T0OTHER/U0BOB", "--yes")
    assert (said.status, "T0ACME001/U0BOB" in said.err) == (1, True)
    assert changed() == []


@pytest.mark.integration
def test_slack_that_does_not_answer_binds_nobody(
    file: Path, slack: FakeSlack, changed: Callable[[], list[str]]
) -> None:
    slack.fail("users.info", status=503, body={"ok": False, "error": "service_unavailable"})
    said = link("bob", "--slack-user", "U0BOB", "--yes")
    assert said.status == 1
    assert TOKEN not in said.err
    assert changed() == []
