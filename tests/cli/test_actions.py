"""`firedoor actions` tells what a playbook can do."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from activities.registry import load
from firedoor.config.initial import Initial
from tests.cli.shell import firedoor
from tests.harness import TOY


def test_it_lists_every_action_and_lookup() -> None:
    said = firedoor("actions")
    assert said.status == 0
    assert all(name in said.out for name in load())


@pytest.fixture
def toys(config: Initial) -> None:
    """Actions of one's own, in a folder that the configuration names."""
    Path("own").symlink_to(TOY)
    with (config.directory / "firedoor.yaml").open("a") as file:
        file.write("actions: [own]\n")


@pytest.mark.usefixtures("toys")
def test_it_tells_all_of_one() -> None:
    said = firedoor("actions", "toy.weld")
    assert said.status == 0
    assert said.out == snapshot("""\
toy.weld  weld a door shut

  undo     impossible: a weld does not come off
  risk     high when the finding is wrong
  settles  true everywhere within 2 s

params
  door  text  required

permissions
  to plan and verify  toy:Look
  to apply            toy:Weld

example
  - id: step
    action: toy.weld
    params:
      door: front

  Weld one door shut.
""")


def test_a_lookup_only_reads() -> None:
    assert "lookup: aws.list_access_keys" in firedoor("actions", "aws.list_access_keys").out


def test_a_misspelt_name_is_recognised() -> None:
    said = firedoor("actions", "aws.deactivate_acces_key")
    assert (said.status, said.out) == (2, "")
    assert said.err == snapshot("""\
✗ there is no action 'aws.deactivate_acces_key'
  expected  a name that `firedoor actions` lists
  mend      did you mean 'aws.deactivate_access_key'?
""")


def test_json_is_the_whole_contract() -> None:
    listed = firedoor("actions", "--json").json
    assert [each["name"] for each in listed] == list(load())
    one = firedoor("actions", "aws.delete_access_key", "--json").json
    assert one in listed
    assert one["reversibility"]["kind"] == "none"
    assert one["params_schema"]["required"] == ["user", "access_key_id"]


@pytest.mark.usefixtures("toys")
def test_actions_of_ones_own_are_among_them() -> None:
    assert "toy.weld" in firedoor("actions").out
    assert "impossible" not in firedoor("actions", "toy.shut").out


def test_a_broken_configuration_is_told_with_its_place(config: Initial) -> None:
    (config.directory / "firedoor.yaml").write_text("url: 7\nnonsense: 1\n")
    said = firedoor("actions")
    assert said.status == 2
    assert "firedoor.yaml:2:1: unknown key 'nonsense'" in said.err
