# ruff: noqa: E501  the snapshot shows lines as they are printed
"""`firedoor check` names every mistake with its place and its mend, and reaches for nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from firedoor.config.initial import Initial
from tests.cli.shell import firedoor
from tests.harness import TOY

GOOD = """\
playbook: stop_leak
summary: A leaked key is stopped, then deleted.
responds_to: [{source: generic, types: [leaked]}]
when: finding.severity >= severity.high
mode: active
incident: "${{ finding.actor.access_key_id }}"
steps:
  - id: keys
    lookup: aws.list_access_keys
    params: {user: "${{ finding.actor.user_name }}"}
  - id: stop_all
    action: aws.deactivate_access_key
    for_each: lookup.keys.keys
    as: key
    max_targets: 5
    params: {user: "${{ finding.actor.user_name }}", access_key_id: "${{ key }}"}
  - id: delete_key
    action: aws.delete_access_key
    when: steps.stop_all.outcome == "change"
    approval: {from: [secops], quorum: 2}
    params: {user: "${{ finding.actor.user_name }}", access_key_id: "${{ finding.actor.access_key_id }}"}
cases:
  - given: leak.json
    lookups: {keys: {keys: [AKIAIOSFODNN7EXAMPLE]}}
    expect: [stop_all, delete_key]
  - given: mild.json
    expect: []
    because: it is only medium
"""
FINDING: dict[str, Any] = {
    "uid": "f-1",
    "type": "leaked",
    "severity": "high",
    "account": "123456789012",
    "actor": {"user_name": "ci", "access_key_id": "AKIAIOSFODNN7EXAMPLE"},
    "modified": "2026-11-22T02:14:07Z",
}


@pytest.fixture
def books(here: Path) -> Path:
    """A folder with one good playbook and its cases."""
    folder = here / "books"
    (folder / "cases").mkdir(parents=True)
    (folder / "stop_leak.yaml").write_text(GOOD)
    given(folder, "leak.json", FINDING)
    given(folder, "mild.json", {**FINDING, "severity": "medium"})
    return folder


def given(folder: Path, name: str, payload: Any, source: str = "generic", **more: Any) -> None:
    (folder / "cases" / name).write_text(json.dumps({"source": source, "payload": payload, **more}))


def changed(folder: Path, old: str, new: str) -> None:
    file = folder / "stop_leak.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_good_playbook_is_told_in_a_line(books: Path) -> None:
    assert firedoor("check", "books") == (
        0,
        snapshot("""\
✓ 1 playbook, 2 cases: nothing to mend
  groups were not looked up: there is no people.yaml (--config)
"""),
        "",
    )
    assert firedoor("check", "books/stop_leak.yaml").status == 0


def test_every_mistake_is_told_at_once_with_its_mend(books: Path) -> None:
    changed(books, "aws.deactivate_access_key", "aws.deactivate_acces_key")
    changed(books, "severity.high", "severty.high")
    changed(books, "max_targets: 5", 'max_targets: "5"')
    changed(books, "    max_targets", "    colour: red\n    max_targets")
    said = firedoor("check", "books")
    assert said.status == 1
    assert said.out == snapshot("""\
books/stop_leak.yaml:15:5: unknown key 'colour'
  expected  one of lookup, place, when, approval, on_failure, together
  mend      remove it

books/stop_leak.yaml:16:18: the text "5"
  expected  a whole number
  mend      write it without quotes

✗ 2 problems in 1 of 1 playbooks
  groups were not looked up: there is no people.yaml (--config)
""")
    changed(books, "    colour: red\n", "")
    changed(books, '"5"', "5")
    assert firedoor("check", "books").out == snapshot("""\
books/stop_leak.yaml:4:7: the expression 'finding.severity >= severty.high' uses 'severty', which is nothing here
  expected  one of finding, severity
  mend      did you mean 'severity'?

books/stop_leak.yaml:12:13: there is no action 'aws.deactivate_acces_key'
  expected  a name from `firedoor actions`
  mend      did you mean 'aws.deactivate_access_key'?

✗ 2 problems in 1 of 1 playbooks
  groups were not looked up: there is no people.yaml (--config)
""")


def test_a_law_that_is_broken_is_named(books: Path) -> None:
    changed(books, "    max_targets: 5\n", "")
    said = firedoor("check", "books")
    assert said.status == 1
    assert said.out == snapshot("""\
books/stop_leak.yaml:11:5: step stop_all has no bound on its targets
  expected  max_targets
  mend      add `max_targets: 10`: above it people are asked
  breaks    law bounded-for-each

✗ 1 problem in 1 of 1 playbooks
  groups were not looked up: there is no people.yaml (--config)
""")


def test_a_case_that_does_not_hold_says_what_runs(books: Path) -> None:
    changed(books, "expect: []", "expect: [stop_all]")
    said = firedoor("check", "books")
    assert said.status == 1
    assert said.out == snapshot("""\
books/stop_leak.yaml:27:13: mild.json runs nothing; its `when` is not met: `finding.severity >= severity.high` is false; finding.severity is 3 (medium)
  expected  stop_all (it is only medium)
  mend      mend the playbook's triggers and conditions, or what the case expects

✗ 1 problem in 1 of 1 playbooks
  groups were not looked up: there is no people.yaml (--config)
""")


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda folder: (folder / "cases/leak.json").unlink(), "leak.json: it cannot be read: No such file"),
        (lambda folder: (folder / "cases/leak.json").write_text("{"), "leak.json: "),
        (lambda folder: (folder / "cases/leak.json").write_text("{}"), "leak.json: source: Field required"),
        (
            lambda folder: given(folder, "leak.json", FINDING, source="aws.eventbrige"),
            "there is no kind of source 'aws.eventbrige'",
        ),
        (lambda folder: given(folder, "leak.json", {"uid": "f-1"}), "leak.json: a finding without a time"),
        (
            lambda folder: given(folder, "leak.json", {**FINDING, "actor": {"user_name": "ci"}}),
            "'finding.actor.access_key_id' asks for",
        ),
        (
            lambda folder: changed(folder, "    lookups: {keys: {keys: [AKIAIOSFODNN7EXAMPLE]}}\n", ""),
            "has no answer",
        ),
        (
            lambda folder: changed(folder, "keys: [AKIAIOSFODNN7EXAMPLE]", "keys: [not-a-key]"),
            "step stop_all gives aws.deactivate_access_key no usable access_key_id",
        ),
    ],
)
def test_a_case_that_cannot_be_run_is_a_mistake(books: Path, mistake: Any, says: str) -> None:
    mistake(books)
    said = firedoor("check", "books")
    assert said.status == 1
    assert says in said.out
    assert said.out.startswith("books/stop_leak.yaml:23:12: leak.json: ")


def test_a_sample_of_the_detector_is_answered_by_nothing(books: Path) -> None:
    given(books, "leak.json", {**FINDING, "is_test": True})
    assert "leak.json runs nothing" in firedoor("check", "books").out


def test_a_github_case_brings_its_event(books: Path) -> None:
    """The event stands in a header; names of headers are as GitHub spells them."""
    given(
        books,
        "mild.json",
        {"zen": "Keep it logically awesome."},
        "github",
        headers={"X-GitHub-Event": "ping"},
    )
    assert firedoor("check", "books").status == 0


def test_groups_are_looked_up_where_there_are_people(books: Path, config: Initial) -> None:
    assert "nothing to mend\n" in firedoor("check", "books").out
    assert "groups were not looked up" not in firedoor("check", "books").out
    changed(books, "from: [secops]", "from: [sec-ops]")
    said = firedoor("check", "books", "--config", config.directory)
    assert said.status == 1
    assert "there is no group 'sec-ops' in people.yaml" in said.out
    assert firedoor("check", "books", "--config", "nowhere").status == 0


def test_no_secret_is_needed(books: Path, config: Initial) -> None:
    """As in CI: the configuration is there, its secrets are not."""
    for file in (config.directory / "secrets").iterdir():
        file.unlink()
    assert firedoor("check", "books").status == 0


def test_without_paths_the_playbooks_in_force_are_checked(books: Path, config: Initial) -> None:
    with (config.directory / "firedoor.yaml").open("a") as file:
        file.write("playbooks: books\n")
    said = firedoor("check", "--json")
    assert said.json["files"] == ["books/stop_leak.yaml"]


def test_actions_of_ones_own_are_known(books: Path, config: Initial, here: Path) -> None:
    (here / "own").symlink_to(TOY)
    with (config.directory / "firedoor.yaml").open("a") as file:
        file.write("actions: [own]\n")
    (books / "doors.yaml").write_text(
        "playbook: doors\nsummary: Shut every door there is.\nmode: active\n"
        "responds_to: [{source: toy, types: [open]}]\nincident: '${{ finding.uid }}'\n"
        "steps: [{id: shut, action: toy.shut, params: {door: front}}]\n"
    )
    assert firedoor("check", "books/doors.yaml").status == 0
    assert firedoor("check", "books/doors.yaml", "--config", "nowhere").status == 1


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_nothing_to_check_is_wrong_use(here: Path, path: str) -> None:
    (here / "empty").mkdir()
    said = firedoor("check", path)
    assert (said.status, said.out) == (2, "")


@pytest.mark.parametrize(
    ("content", "place"),
    [(b"playbook: \xff", "1:11"), (b"playbook: [", "1:"), (b"", "1:1"), (b"a: 1\na: 2\n", "2:1")],
)
def test_what_is_no_yaml_is_told_with_its_place(books: Path, content: bytes, place: str) -> None:
    (books / "broken.yaml").write_bytes(content)
    said = firedoor("check", "books/broken.yaml")
    assert said.status == 1
    assert said.out.startswith(f"books/broken.yaml:{place}")


def test_json_and_sarif_hold_every_problem(books: Path) -> None:
    changed(books, "    max_targets: 5\n", "")
    changed(books, "mode: active", "mode: active\nttl: 0x")
    told = firedoor("check", "books", "--format", "json")
    assert (told.status, told.json["ok"]) == (1, False)
    problems = told.json["problems"]
    sarif = firedoor("check", "books", "--format", "sarif")
    assert sarif.status == 1
    assert sarif.json["version"] == "2.1.0"
    (run,) = sarif.json["runs"]
    assert len(run["results"]) == len(problems) > 0
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    for result, problem in zip(run["results"], problems, strict=True):
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"]) == (problem["line"], problem["column"])
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "books/stop_leak.yaml"
        assert problem["found"] in result["message"]["text"]
        assert result["ruleId"] in rules


def test_a_broken_law_is_the_rule_in_sarif(books: Path) -> None:
    changed(books, "    max_targets: 5\n", "")
    (run,) = firedoor("check", "books", "--format", "sarif").json["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["bounded-for-each"]
