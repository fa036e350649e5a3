"""The generated pages, and the examples that people copy out of the written ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from activities import registry
from firedoor import reference
from firedoor.config.configuration import AccountSettings, SlackSettings
from firedoor.domain.people.people import People
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.yaml.reader import load, read

ROOT = Path(__file__).parent.parent


def example(page: str, heading: str = "") -> str:
    """Return the first YAML block of a page, or the first one that begins with a key."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    return next(str(block) for block in blocks if re.search(rf"^{heading}", block, flags=re.MULTILINE))


def objections(playbook: Any) -> list[str]:
    """Return what an editor would underline in a playbook."""
    schema = json.loads(reference.playbook_schema(registry.load().specs.values()))
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(playbook)]


@pytest.fixture
def playbook() -> dict[str, Any]:
    """Return the playbook that the how-to shows."""
    parsed = yaml.safe_load(example("docs/how-to/write-a-playbook.md"))
    assert isinstance(parsed, dict)
    return parsed


def test_a_page_that_differs_from_the_code_is_named_and_written_again(tmp_path: Path) -> None:
    assert set(reference.write(tmp_path)) == set(reference.PAGES)
    assert reference.stale(tmp_path) == ()
    page = tmp_path / "docs/reference/actions.md"
    page.write_text(page.read_text().replace("access key", "door key"))
    assert reference.stale(tmp_path) == ("docs/reference/actions.md",)
    assert reference.write(tmp_path) == ("docs/reference/actions.md",)
    assert reference.stale(tmp_path) == ()


def test_a_missing_page_is_stale(tmp_path: Path) -> None:
    assert set(reference.stale(tmp_path)) == set(reference.PAGES)


def test_every_action_is_in_the_reference_with_its_permissions() -> None:
    page = reference.actions_page(registry.load().specs.values())
    for name, spec in registry.load().specs.items():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        asked = {*spec.permissions.read, *spec.permissions.apply, *spec.permissions.undo}
        assert spec.summary in section
        assert all(f"`{permission}`" in section for permission in asked), name


def test_a_link_in_the_contents_leads_to_its_action() -> None:
    page = reference.actions_page(registry.load().specs.values())
    anchors = {heading.replace(".", "") for heading in re.findall(r"^## (.+)$", page, flags=re.MULTILINE)}
    assert set(re.findall(r"\]\(#(\w+)\)", page)) == anchors


def test_an_editor_accepts_a_good_playbook(playbook: dict[str, Any]) -> None:
    assert objections(playbook) == []


def test_an_editor_underlines_an_action_that_is_not_there(playbook: dict[str, Any]) -> None:
    playbook["steps"][0]["action"] = "aws.close_everything"
    assert objections(playbook)


def test_an_editor_underlines_a_parameter_of_the_wrong_type(playbook: dict[str, Any]) -> None:
    playbook["steps"][0]["params"]["user"] = 5
    assert objections(playbook)


def test_an_editor_underlines_a_parameter_that_the_action_does_not_take(playbook: dict[str, Any]) -> None:
    playbook["steps"][0]["params"]["uesr"] = "ci-deployer"
    assert objections(playbook)


def test_an_editor_underlines_a_parameter_that_is_missing(playbook: dict[str, Any]) -> None:
    del playbook["steps"][0]["params"]["user"]
    assert objections(playbook)


def test_an_editor_accepts_an_expression_where_the_action_takes_no_text(playbook: dict[str, Any]) -> None:
    playbook["steps"] = [
        {
            "id": "close",
            "action": "aws.revoke_open_ingress",
            "params": dict.fromkeys(
                registry.load().specs["aws.revoke_open_ingress"].params_schema["properties"], "${{ finding }}"
            ),
        }
    ]
    assert objections(playbook) == []


def test_the_playbook_of_the_how_to_is_one() -> None:
    text = example("docs/how-to/write-a-playbook.md")
    assert load(read(text, "leaked_ci_key.yaml"), Playbook).playbook == "leaked_ci_key"


def test_the_people_of_the_how_to_can_vote() -> None:
    people = load(read(example("docs/how-to/slack.md", "people:"), "people.yaml"), People)
    assert {person.slack for person in people.people.values()} == {
        "T0123456789/U0123456789",
        "T0123456789/U0987654321",
    }


def test_the_slack_settings_of_the_how_to_are_read() -> None:
    document = read(example("docs/how-to/slack.md", "slack:"), "firedoor.yaml")
    assert load(document, SlackSettings, ("slack",)).channel == "C0123456789"


def test_the_account_of_the_how_to_is_read() -> None:
    document = read(example("docs/how-to/aws-roles.md", "accounts:"), "firedoor.yaml")
    account = load(document, AccountSettings, ("accounts", "123456789012"))
    assert account.role == "arn:aws:iam::123456789012:role/FiredoorResponder"
