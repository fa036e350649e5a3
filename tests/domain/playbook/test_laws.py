"""Safety laws: each has a bad example that it names, and a good one that it lets pass."""

# ruff: noqa: E501 - steps stand here on one line each

from __future__ import annotations

from typing import NamedTuple

import pytest

from firedoor.domain.playbook.laws import LAWS, Law, objections
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.yaml.reader import load, read
from tests.harness import REGISTRY

SPECS = REGISTRY.specs
SHUT = "  - {id: shut_it, action: toy.shut, params: {door: a}}\n"
BACK = "  - {id: shut_back, action: toy.shut, params: {door: b}}\n"
WELD = "  - {id: weld_it, action: toy.weld, params: {door: c}}\n"
ASKED = "  - {id: asked, action: toy.shut, params: {door: d}, approval: {quorum: 2}}\n"
LOOKUP = "  - {id: owner, lookup: toy.find, params: {door: a}}\n"


class Example(NamedTuple):
    """A playbook's steps (and other keys), and what the law says to it: the way and a word."""

    text: str
    way: tuple[str | int, ...] = ()
    says: str = ""


def steps(*parts: str) -> str:
    return "steps:\n" + "".join(parts)


def together(*parts: str) -> str:
    return "  - together:\n" + "".join("    " + part for part in parts)


EXAMPLES: dict[str, tuple[list[Example], list[Example]]] = {
    "irreversible-last": (
        [
            Example(steps(WELD, SHUT), ("steps", 1), "move shut_it above weld_it"),
            Example(steps(together(WELD, SHUT)), ("steps", 0, "together", 1), "weld_it"),
            Example(steps(WELD, together(SHUT, BACK)), ("steps", 1, "together", 0), "shut_it"),
        ],
        [
            Example(steps(SHUT, WELD)),
            Example(steps(WELD, LOOKUP)),
            Example(steps(together(SHUT, BACK), WELD, WELD)),
        ],
    ),
    "automatic-after-gate": (
        [
            Example(steps(ASKED, SHUT), ("steps", 1), "move shut_it above asked"),
            Example(steps(WELD, SHUT), ("steps", 1), "weld_it"),
        ],
        [
            Example(steps(SHUT, ASKED)),
            Example(steps(ASKED, ASKED)),
            Example(steps(together(ASKED, SHUT))),
            Example("mode: ask\n" + steps(ASKED, SHUT)),
            Example(steps(ASKED, LOOKUP)),
        ],
    ),
    "hold-outlives-settling": (
        [Example("hold: 1s\n" + steps(SHUT), ("hold",), "at least 0:00:02")],
        [Example("hold: 2s\n" + steps(SHUT)), Example(steps(SHUT))],
    ),
    "bounded-trigger": (
        [
            Example(
                "responds_to: [{source: toy, types: ['Intrusion:*', '*']}]\n" + steps(SHUT),
                ("responds_to", 0, "types", 1),
                "every finding of toy",
            ),
            Example(
                "responds_to: [{source: toy, types: ['*?']}]\n" + steps(SHUT),
                ("responds_to", 0, "types", 0),
                "'*?'",
            ),
        ],
        [Example("responds_to: [{source: toy, types: ['Intrusion:*', '*Door*']}]\n" + steps(SHUT))],
    ),
    "bounded-for-each": (
        [
            Example(
                steps(
                    "  - {id: a, action: toy.shut, for_each: finding.resources, as: x, params: {door: a}}\n"
                ),
                ("steps", 0),
                "max_targets",
            )
        ],
        [
            Example(
                steps(
                    "  - {id: a, action: toy.shut, for_each: finding.resources, as: x, max_targets: 2, params: {}}\n"
                )
            )
        ],
    ),
    "escalation-goes-somewhere": (
        [
            Example(
                steps(
                    "  - {id: a, action: toy.weld, approval: {then: reject, to: [leads]}, params: {door: a}}\n"
                ),
                ("steps", 0, "approval", "to"),
                "then: escalate",
            )
        ],
        [
            Example(
                steps(
                    "  - {id: a, action: toy.weld, approval: {then: escalate, to: [leads]}, params: {door: a}}\n"
                )
            ),
            Example(steps("  - {id: a, action: toy.weld, approval: {to: [leads]}, params: {door: a}}\n")),
            Example(steps("  - {id: a, action: toy.weld, approval: {then: reject}, params: {door: a}}\n")),
        ],
    ),
    "reachable": (
        [
            Example(
                steps("  - {id: a, action: toy.shut, when: ' false ', params: {door: a}}\n"),
                ("steps", 0, "when"),
                "can never run",
            )
        ],
        [
            Example(
                steps("  - {id: a, action: toy.shut, when: finding.is_test == false, params: {door: a}}\n")
            )
        ],
    ),
    "own-incident": (
        [
            Example('incident: "${{ finding.type }}"\n' + steps(SHUT), ("incident",), "unrelated findings"),
            Example('incident: "x ${{ finding.account }}"\n' + steps(SHUT), ("incident",), "finding.account"),
        ],
        [Example('incident: "${{ finding.actor.access_key_id }}"\n' + steps(SHUT))],
    ),
    "own-place": (
        [
            Example(
                steps(
                    "  - {id: a, action: toy.shut, params: {door: \"${{ finding.resources.filter(r, r.name != '')[0].name }}\"}}\n"
                ),
                ("steps", 0),
                "does not tell in whose place",
            ),
            Example(
                steps(
                    "  - {id: a, action: toy.shut, for_each: 'finding.resources.map(r, r.name)', as: d, max_targets: 2, params: {door: '${{ d }}'}}\n"
                ),
                ("steps", 0),
                "and not where it is",
            ),
            Example(
                steps('  - {id: a, lookup: toy.find, params: {door: "${{ finding.resources.size() }}"}}\n'),
                ("steps", 0),
                "step a",
            ),
        ],
        [
            Example(
                steps('  - {id: a, action: toy.shut, params: {door: "${{ finding.resources[0].name }}"}}\n')
            ),
            Example(
                steps(
                    '  - {id: a, action: toy.shut, place: "${{ finding.resources[1] }}", params: {door: "${{ finding.resources.size() }}"}}\n'
                )
            ),
            Example(
                steps(
                    "  - {id: a, action: toy.shut, for_each: finding.resources, as: d, max_targets: 2, params: {door: '${{ d.name }}'}}\n"
                )
            ),
            Example(
                steps(
                    "  - {id: a, action: toy.shut, for_each: 'finding.resources.map(r, {\"name\": r.name, \"account\": r.account})', as: d, max_targets: 2, params: {door: '${{ d.name }}'}}\n"
                )
            ),
        ],
    ),
}


def book(text: str) -> Playbook:
    head = {
        "playbook": "close_doors",
        "summary": "Close the doors of the toy world.",
        "mode": "active",
        "responds_to": "[{source: toy, types: ['Intrusion:*']}]",
        "incident": '"${{ finding.uid }}"',
    }
    written = {line.split(":", 1)[0] for line in text.splitlines() if not line.startswith(" ")}
    kept = "".join(f"{key}: {value}\n" for key, value in head.items() if key not in written)
    return load(read(kept + text, "close_doors.yaml"), Playbook)


def name_of(law: Law) -> str:
    return law.__name__.replace("_", "-")


def test_every_law_has_a_bad_and_a_good_example_and_no_example_lacks_its_law() -> None:
    assert [name_of(law) for law in LAWS] == list(EXAMPLES)
    assert all(bad and good for bad, good in EXAMPLES.values())


@pytest.mark.parametrize("law", LAWS, ids=name_of)
def test_a_bad_example_is_named_with_its_place_and_its_mend(law: Law) -> None:
    for example in EXAMPLES[name_of(law)][0]:
        found = list(law(book(example.text), SPECS))
        assert found
        way, objection = found[0]
        assert way == example.way
        assert objection.law == name_of(law)
        assert example.says in f"{objection.found} {objection.expected} {objection.mend}"
        assert objection.found
        assert objection.expected
        assert objection.mend


@pytest.mark.parametrize("law", LAWS, ids=name_of)
def test_a_good_example_meets_no_objection(law: Law) -> None:
    for example in EXAMPLES[name_of(law)][1]:
        assert list(law(book(example.text), SPECS)) == []


@pytest.mark.parametrize("law", LAWS, ids=name_of)
def test_every_law_says_in_a_sentence_what_it_wants(law: Law) -> None:
    assert (law.__doc__ or "").strip().endswith(".")


def test_all_laws_are_asked() -> None:
    wrong = book(
        "hold: 1s\nincident: '${{ finding.type }}'\nresponds_to: [{source: toy, types: ['*']}]\n"
        + steps(
            WELD,
            "  - {id: a, action: toy.shut, when: 'false', for_each: '[]', as: x, params: {door: a}}\n",
            "  - {id: b, action: toy.weld, approval: {then: reject, to: [leads]}, params: {door: '${{ finding.resources.size() }}'}}\n",
        )
    )
    assert {objection.law for _, objection in objections(wrong, SPECS)} == set(EXAMPLES)


def test_an_action_nobody_knows_breaks_no_law() -> None:
    assert list(objections(book(steps("  - {id: a, action: toy.other, params: {}}\n", SHUT)), SPECS)) == []
