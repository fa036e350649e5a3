"""Settings: one directory, checked whole before anything starts."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firedoor.config import settings
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.yaml.problem import Problems

# What interface.md promises, word by word but for its elisions.
FIREDOOR = """
url: https://firedoor.example.com            # where people and Slack reach the gateway
sources:
  guardduty:  {kind: aws.eventbridge, auth: {header: x-firedoor-key, secret: {env: GUARDDUTY_KEY}}, accounts: ["123456789012"]}
  acme:       {kind: generic, auth: {standard_webhooks: {env: ACME_WHSEC}}}
  github:     {kind: github, auth: {secret: {env: GITHUB_WEBHOOK_SECRET}}}
accounts:
  "123456789012": {name: prod, environment: prod, regions: [us-east-1, eu-west-1], role: arn:aws:iam::123456789012:role/FiredoorResponder, external_id: {env: FIREDOOR_EXTERNAL_ID}}
  "210987654321": {name: sandbox, environment: dev, role: none}      # none: the ambient credentials
slack: {bot_token: {env: SLACK_BOT_TOKEN}, signing_secret: {env: SLACK_SIGNING_SECRET}, app_id: A0, team_id: T0, channel: C0, base_url: https://slack.com/api/}
evidence: {store: file:var/evidence, signing_key: {file: var/evidence.key}}
gateway: {signing_key: {file: secrets/gateway.pem}, keys: [MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=]}
playbooks: playbooks
"""  # noqa: E501 - as promised
PEOPLE = "people: {ann: {name: Ann}}\ngroups: {secops: [ann]}\n"
POLICY = "default: {from: [secops], within: 30m}\n"
PROTECTED = "protected: []\n"
ENV = {
    "GUARDDUTY_KEY": "guardduty-key-hunter2",
    "ACME_WHSEC": "whsec_" + base64.b64encode(b"s" * 32).decode(),
    "GITHUB_WEBHOOK_SECRET": "github-hunter2",
    "FIREDOOR_EXTERNAL_ID": "external-hunter2",
    "SLACK_BOT_TOKEN": "xoxb-hunter2",
    "SLACK_SIGNING_SECRET": "slack-hunter2",
}


def pem(key: Any) -> bytes:
    made: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Make the directory of interface.md, whole."""
    directory = tmp_path / "config"
    for folder in (directory, tmp_path / "playbooks", tmp_path / "var"):
        folder.mkdir()
    (directory / "firedoor.yaml").write_text(FIREDOOR)
    (directory / "people.yaml").write_text(PEOPLE)
    (directory / "policy.yaml").write_text(POLICY)
    (directory / "protected.yaml").write_text(PROTECTED)
    (tmp_path / "var/evidence.key").write_bytes(pem(Ed25519PrivateKey.generate()))
    return directory


def changed(config: Path, old: str, new: str, file: str = "firedoor.yaml") -> None:
    text = (config / file).read_text()
    assert old in text
    (config / file).write_text(text.replace(old, new))


def problems(config: Path, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(Problems) as caught:
        settings.load(config, ENV if env is None else env)
    assert "hunter2" not in str(caught.value)
    return str(caught.value).splitlines()


def test_the_configuration_of_the_interface_is_read_whole(config: Path) -> None:
    read = settings.load(config, ENV)
    assert read.url == "https://firedoor.example.com"
    guardduty, acme, github = (read.sources[name] for name in ("guardduty", "acme", "github"))
    assert (guardduty.kind, guardduty.header) == ("aws.eventbridge", "x-firedoor-key")
    assert guardduty.secret.values() == ("guardduty-key-hunter2",)
    assert guardduty.accounts == frozenset(["123456789012"])
    assert (acme.kind, acme.header, acme.accounts) == ("generic", None, None)
    assert acme.secret.value() == ENV["ACME_WHSEC"]
    assert github.secret.value() == "github-hunter2"
    prod, sandbox = read.accounts["123456789012"], read.accounts["210987654321"]
    assert prod.role == "arn:aws:iam::123456789012:role/FiredoorResponder"
    assert prod.regions == ("us-east-1", "eu-west-1")
    assert prod.external_id is not None
    assert prod.external_id.value() == "external-hunter2"
    assert (sandbox.role, sandbox.external_id, sandbox.regions, sandbox.environment) == (
        None,
        None,
        (),
        "dev",
    )
    assert read.slack is not None
    assert read.slack.bot_token.value() == "xoxb-hunter2"
    assert (read.slack.team_id, read.slack.base_url) == ("T0", "https://slack.com/api/")
    assert read.people.members("secops") == {"ann"}
    assert read.policy.default.from_ == ("secops",)
    assert read.protected.protects("arn:aws:s3:::b") is None


def test_relative_paths_count_from_the_folder_that_holds_the_configuration(
    config: Path, tmp_path: Path
) -> None:
    read = settings.load(config, ENV)
    assert read.playbooks == tmp_path / "playbooks"
    assert read.evidence.store == tmp_path / "var/evidence"
    assert "PRIVATE KEY" in read.evidence.signing_key.value()
    changed(config, "store: file:var/evidence", "store: file:/srv/evidence")
    assert settings.load(config, ENV).evidence.store == Path("/srv/evidence")


def test_without_a_folder_of_ones_own_the_shipped_playbooks_are_in_force(config: Path) -> None:
    changed(config, "playbooks: playbooks\n", "")
    assert settings.load(config, ENV).playbooks == settings.SHIPPED_PLAYBOOKS


def test_no_secret_is_shown_by_the_settings(config: Path) -> None:
    assert "hunter2" not in repr(settings.load(config, ENV))


def test_two_secrets_are_read_for_rotation_and_three_are_refused(config: Path) -> None:
    changed(config, "secret: {env: GUARDDUTY_KEY}", "secret: [{env: GUARDDUTY_KEY}, {env: NEXT}]")
    read = settings.load(config, ENV | {"NEXT": "next"})
    assert read.sources["guardduty"].secret.values() == ("guardduty-key-hunter2", "next")
    assert problems(config) == [
        (
            "config/firedoor.yaml:4:101: environment variable NEXT is not set or empty; expected a secret; "
            "set it before starting"
        )
    ]
    changed(config, "{env: NEXT}]", "{env: NEXT}, {env: NEXT}]")
    assert "at most 2" in problems(config)[0]


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        (
            "hunter2",
            "45: text; expected {env: NAME} or {file: PATH} or a list of {env: NAME} or {file: PATH}",
        ),
        (
            '"hunter2"',
            "45: text; expected {env: NAME} or {file: PATH} or a list of {env: NAME} or {file: PATH}",
        ),
        ("12345", "45: a whole number; expected {env: NAME} or {file: PATH} or a list of {env: NAME}"),
        ("[hunter2]", "46: text; expected {env: NAME} or {file: PATH}; write where the secret is found"),
        (
            "{env: hunter2-x}",
            "51: what cannot be the name of an environment variable; expected a name; write",
        ),
        ("{value: hunter2}", "46: unknown key 'value'; expected one of env, file; remove it"),
        ("{}", "45: a secret with not exactly one place; expected {env: NAME} or {file: PATH}; write where"),
        (
            "{env: A, file: b}",
            "45: a secret with not exactly one place; expected {env: NAME} or {file: PATH}",
        ),
        ("", "44: nothing; expected {env: NAME} or {file: PATH} or a list of {env: NAME} or {file: PATH}"),
    ],
)
def test_a_secret_written_down_is_refused_with_the_mend_and_not_repeated(
    config: Path, secret: str, told: str
) -> None:
    changed(config, "{env: GITHUB_WEBHOOK_SECRET}", secret)
    (problem,) = problems(config)
    assert problem.startswith(f"config/firedoor.yaml:6:{told}")
    assert "12345" not in problem
    assert "the secret itself never stands here" in problem or "unknown key" in problem


def test_a_source_without_authentication_is_refused(config: Path) -> None:
    changed(config, "kind: github, auth: {secret: {env: GITHUB_WEBHOOK_SECRET}}", "kind: github")
    assert problems(config) == [
        "config/firedoor.yaml:6:15: the key 'auth' is missing; expected a mapping with secret; add 'auth'"
    ]
    for nothing in ("", "null", "none", "{}", "false"):
        changed(config, "kind: github", f"kind: github, auth: {nothing}")
        assert problems(config)
        changed(config, f"kind: github, auth: {nothing}", "kind: github")


def test_an_unknown_kind_of_source_is_named_with_the_known_ones(config: Path) -> None:
    changed(config, "kind: github", "kind: gihub")
    assert problems(config) == [
        (
            "config/firedoor.yaml:6:22: kind 'gihub'; expected one of aws.eventbridge, generic, github; "
            "did you mean 'github'?"
        )
    ]


def test_everything_that_is_wrong_is_told_at_once_with_its_place(config: Path) -> None:
    changed(config, "url: https://firedoor.example.com ", "url: firedoor.example.com ")
    changed(config, "role: none", "roll: none")
    changed(config, "from: [secops]", "form: [secops]", "policy.yaml")
    changed(config, "secops: [ann]", "secops: [anne]", "people.yaml")
    (config / "protected.yaml").write_text("protected: [\n")
    assert [line.split("; ")[0] for line in problems(config)] == [
        "config/firedoor.yaml:2:6: the text 'firedoor.example.com'",
        "config/firedoor.yaml:9:53: unknown key 'roll'",
        "config/people.yaml:2:19: 'anne', who is nobody here",
        "config/policy.yaml:1:11: unknown key 'form'",
        (
            "config/protected.yaml:2:1: broken YAML: while parsing a flow node, expected the node content, "
            "but found '<stream end>'"
        ),
    ]


def test_all_missing_secrets_are_told_at_once_each_by_its_name(config: Path) -> None:
    (config.parent / "var/evidence.key").unlink()
    told = problems(config, {})
    assert len(told) == 6
    for name in ENV:
        assert sum(f" {name} " in line or f"/{name} " in line for line in told) == 1


@pytest.mark.parametrize("gone", ["firedoor.yaml", "people.yaml", "policy.yaml", "protected.yaml"])
def test_a_missing_file_is_refused_and_never_taken_for_an_empty_one(config: Path, gone: str) -> None:
    (config / gone).unlink()
    (told,) = problems(config)
    assert told.startswith(f"config/{gone}:1:1: ")
    assert "No such file or directory" in told
    assert "firedoor init" in told


def test_a_directory_that_is_not_there_says_how_to_begin(tmp_path: Path) -> None:
    told = problems(tmp_path / "nowhere")
    assert len(told) == 4
    assert all("`firedoor init` writes a set to start from" in line for line in told)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["123456789012"]', '["123456789013"]', "account 123456789013, which is not one of ours"),
        ('["123456789012"]', "[]", "an empty list; expected it to have at least 1 item"),
        ("iam::123456789012:role", "iam::210987654321:role", "a role of account 210987654321 under"),
        ('"210987654321":', "21098765432:", "expected text that matches ^[0-9]{12}$"),
        ("role: none", "role: admin", "the text 'admin'; expected text that matches"),
        ("dev, role: none", "dev", "the key 'role' is missing"),
        ("role: none", "role: none, external_id: {env: X}", "an external_id without a role to assume"),
        ("file:var/evidence,", "s3://bucket,", "not built yet; expected file:PATH; use file:PATH"),
        ("file:var/evidence,", "var/evidence,", "write file: before the folder"),
        ("playbooks: playbooks", "playbooks: plays", "plays is no folder"),
        ("playbooks: playbooks", "actions: [ours]", "ours is no folder"),
        ("slack.com/api/", "slack.com/api", "expected text that matches"),
        ("header: x-firedoor-key", "header: 'a b'", "expected text that matches"),
        ("  acme: ", "  Acme: ", "expected text that matches ^[a-z]"),
        ("url: https://fire", "url: https://u:hunter2@fire", "'https://…@firedoor.example.com'; expected"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_its_mend(config: Path, old: str, new: str, told: str) -> None:
    changed(config, old, new)
    (problem,) = problems(config)
    assert told in problem
    assert problem.startswith("config/firedoor.yaml:")


def test_a_group_that_the_policy_names_and_nobody_knows_is_told_in_the_policy(config: Path) -> None:
    changed(config, "from: [secops]", "from: [secop]", "policy.yaml")
    (told,) = problems(config)
    assert told.startswith("config/policy.yaml:1:18: the group 'secop', which is not in people.yaml; ")
    assert told.endswith("expected one of secops; did you mean 'secops'?")


def test_whom_the_policy_lets_act_alone_is_a_person_whom_people_yaml_knows(config: Path) -> None:
    glass = "break_glass: {people: [ann, anna], review: {from: [secops], within: 24h}}\n"
    (config / "policy.yaml").write_text(POLICY + glass)
    (told,) = problems(config)
    assert told.startswith("config/policy.yaml:2:29: 'anna', ")
    assert told.endswith("which is not in people.yaml; expected one of ann; did you mean 'ann'?")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("undo: {from: [secops], within: 1h, then: proceed}", "2:42"),
        ("storm: {from: [secops], within: 1h, then: proceed}", "2:43"),
        (
            "break_glass: {people: [ann], review: {from: [secops], within: 1h, then: proceed}}",
            "2:73",
        ),
        (
            "floor: [{reversibility: [none, partial], ask: {from: [secops], within: 1h, then: proceed}}]",
            "2:82",
        ),
    ],
)
def test_silence_that_could_never_be_a_yes_is_not_written_as_one(config: Path, text: str, place: str) -> None:
    (config / "policy.yaml").write_text(f"{POLICY}{text}\n")
    (told,) = problems(config)
    assert told.startswith(f"config/policy.yaml:{place}: silence as a yes, where it is always a no; ")


def test_silence_may_be_a_yes_for_what_can_be_taken_back_in_full(config: Path) -> None:
    rule = "{reversibility: [full], ask: {from: [secops], within: 1h, then: proceed}}"
    (config / "policy.yaml").write_text(f"{POLICY}floor: [{rule}]\n")
    assert settings.load(config, ENV).policy.floor[0].ask is not None


def test_a_signing_key_of_another_kind_and_a_signature_secret_that_is_none_are_refused(config: Path) -> None:
    (config.parent / "var/evidence.key").write_bytes(pem(X25519PrivateKey.generate()))
    told = problems(config, ENV | {"ACME_WHSEC": "whsec_hunter2!"})
    assert [line.split("; ", 1)[1] for line in told] == [
        "expected a Standard Webhooks secret: whsec_ and base64",
        "expected an Ed25519 private key in PEM",
    ]


def test_a_gateway_starts_without_the_key_that_the_worker_seals_evidence_with(config: Path) -> None:
    (config.parent / "var/evidence.key").unlink()
    read = settings.load(config, ENV)
    with pytest.raises(Misconfigured, match=r"var/evidence\.key cannot be read"):
        read.evidence.signing_key.value()


def test_an_account_id_keeps_its_leading_zero_with_or_without_quotes(config: Path) -> None:
    changed(config, '"210987654321"', "012345670123")
    assert "012345670123" in settings.load(config, ENV).accounts


def test_temporal_follows_its_own_environment_configuration(config: Path) -> None:
    # HOME, so that a developer's own ~/.config/temporalio is no part of the test.
    env = ENV | {"HOME": str(config), "XDG_CONFIG_HOME": str(config)}
    assert settings.load(config, env).temporal == settings.Temporal(
        address="127.0.0.1:7233", namespace="firedoor"
    )
    told = settings.load(
        config,
        env
        | {"TEMPORAL_ADDRESS": "t.example:7233", "TEMPORAL_NAMESPACE": "n", "TEMPORAL_API_KEY": "hunter2"},
    ).temporal
    assert (told.address, told.namespace) == ("t.example:7233", "n")
    assert told.more["api_key"] == "hunter2"
    assert told.more["tls"] is True
    assert "hunter2" not in repr(told)


def test_a_broken_temporal_configuration_is_told_without_its_contents(config: Path) -> None:
    broken = config / "temporal.toml"
    broken.write_text('[profile.default]\napi_key = "hunter2\n')
    (told,) = problems(config, ENV | {"TEMPORAL_CONFIG_FILE": str(broken)})
    assert told.startswith("environment:1:1: Temporal's settings: ")


def test_the_directory_is_the_named_one_then_the_environments_then_config(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIREDOOR_CONFIG", raising=False)
    assert settings.from_environment().directory == config
    other = config.rename(tmp_path / "other")
    monkeypatch.setenv("FIREDOOR_CONFIG", "other")
    assert settings.from_environment().directory == other
    monkeypatch.setenv("FIREDOOR_CONFIG", "nowhere")
    assert settings.from_environment(other).directory == other


def test_only_the_settings_read_the_environment() -> None:
    root = Path(settings.__file__).parents[2]
    files = [file for room in ("firedoor", "workflows", "activities") for file in (root / room).rglob("*.py")]
    files.append(root / "worker.py")
    readers = {
        file.relative_to(root).as_posix()
        for file in files
        if file.exists() and any(word in file.read_text() for word in ("os.environ", "os.getenv", "getenv("))
    }
    assert readers == {"firedoor/config/settings.py"}
