"""A storm: two hundred findings are a handful of messages, and one dialog decides about all alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.approvals import (
    PLAYBOOKS,
    Approvals,
    Asked,
    Transport,
    approvals,
    has_button,
    playbook,
    text_of,
    until,
)
from tests.fake_slack import Posted

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

MANY = 200
#: What may be asked by a card of its own before it is known to be a storm.
BEFORE = 5


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Approvals]:
    playbooks = {"weld_one": PLAYBOOKS["weld_one"]}
    with approvals(tmp_path_factory.mktemp("storm"), playbooks, strict_rates=True) as made:
        yield made
        assert made.slack.complaints() == [], "every message is within Slack's limits and rates"


def _in_review(message: Posted) -> int:
    """Tell about how many asks the button of a digest leads to."""
    found = re.search(r"Review (\d+)…", text_of(message))
    return int(found[1]) if found else 0


def _approve_all(office: Approvals, digest: Posted, who: str, transport: Transport) -> int:
    """Approve all that is alike, from the dialog; returns how many that are."""
    way = office.way(transport)
    view = way.dialog(who, digest, "review.0")
    count = _in_review(digest)
    assert office.slack.views[view]["title"]["text"] == f"Review {count}"
    assert "2 of responders" in way.view(view), "one tier higher than a single ask"
    told = way.submit(who, view, decision="approve")
    assert "Recorded, waiting for the engine" in str(told.answer)
    return count


def test_two_hundred_findings_are_at_most_five_messages_and_are_decided_from_the_review_dialog(
    office: Approvals,
) -> None:
    with ThreadPoolExecutor(8) as detectors:
        asks: list[Asked] = list(detectors.map(lambda _: office.start(), range(MANY)))
    digest = until(lambda: next(filter(_in_review, office.slack.cards()), None), "a digest", 120)
    until(lambda: _in_review(digest) >= MANY - BEFORE, lambda: f"all of them: {text_of(digest)}", 120)
    office.until_quiet(5)  # it is drawn every three seconds: now it says what the desk knows
    assert len(office.slack.messages) <= 5

    count = _approve_all(office, digest, "alice", "http")
    said = "".join
    until(
        lambda: f"it counted on {count} asks" in said(map(text_of, office.slack.thread(digest.ts))), "it", 120
    )
    assert office.world.effects() == [], "one person alone does not decide about many"
    assert "you have voted already" not in said(map(text_of, office.slack.messages))
    assert sum(len(asked.report()["votes"]) for asked in asks[:: MANY // 10]) >= 9

    assert _approve_all(office, digest, "bob", "socket") == count
    until(lambda: len(office.world.effects()) >= count, lambda: f"{len(office.world.effects())} welds", 180)
    assert len(office.world.effects()) == len(set(office.world.effects())) == count
    until(lambda: f"{count} contained" in text_of(digest), lambda: text_of(digest), 60)
    assert len(office.slack.messages) <= 5


# ---- what differs ------------------------------------------------------------------------------

FEW = 9
_BOOK = playbook("either", weld=None, shut="quorum: 1").replace(
    "shut_it,", "shut_it, when: finding.severity == severity.critical,"
) + (
    "  - {id: weld_it, when: finding.severity != severity.critical, action: toy.weld, "
    'params: {door: "${{ finding.resources[0].name }}"}}\n'
)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Approvals]:
    playbooks = {"either": _BOOK, "shut_asked": PLAYBOOKS["shut_asked"]}
    with approvals(tmp_path_factory.mktemp("mixed"), playbooks, strict_rates=True) as made:
        yield made
        assert made.slack.complaints() == [], "every message is within Slack's limits and rates"


def _storm(office: Approvals, kind: str) -> tuple[list[Asked], Posted]:
    office.end_all()
    office.new_desk()
    known = len(office.slack.messages)
    with ThreadPoolExecutor(8) as detectors:
        asks = list(detectors.map(lambda _: office.start(kind), range(FEW)))
    digests = lambda: [each for each in office.slack.messages[known:] if _in_review(each)]  # noqa: E731
    return asks, until(lambda: next(iter(digests()), None), "a digest", 60)


def test_what_differs_is_on_a_card_of_its_own_and_in_no_set_that_was_frozen(mixed: Approvals) -> None:
    asks, digest = _storm(mixed, "either")
    odd = mixed.start("either", severity="critical")
    card = until(
        lambda: odd.cards() and has_button(odd.cards()[-1], "approve") and odd.cards()[-1], "its card", 60
    )
    assert f"shut door {odd.door}" in text_of(card)
    way = mixed.way("http")
    view = way.dialog("alice", digest, "review.0")
    assert odd.door not in way.view(view)
    late = mixed.start("either")
    assert way.submit("alice", view, decision="approve").outcome == "ok"
    until(lambda: sum(len(each.report()["votes"]) for each in asks) >= FEW - BEFORE, "the word is counted")
    assert odd.voters() == [], "it is asked alone"
    assert late.voters() == [], "what came later is not in the set"
    assert mixed.world.effects() == []


def test_an_undo_is_never_in_one_set_with_what_is_to_be_done(mixed: Approvals) -> None:
    asks, digest = _storm(mixed, "shut_asked")
    back = asks[-1]
    assert back.vote("alice").is_success
    back.until_status("contained")
    assert mixed.here.undo(back.response, "alice").is_success
    back.until(lambda report: report["asking"] and report["ask"]["kind"] == "undo", "the undo is asked")
    card = until(
        lambda: back.cards() and has_button(back.cards()[-1], "approve") and back.cards()[-1], "its card", 60
    )
    assert "Approve undo?" in text_of(card)
    way = mixed.way("http")
    for who in ("bob", "erin"):
        view = way.dialog(who, digest, "review.0")
        assert back.door not in way.view(view)
        assert way.submit(who, view, decision="approve").outcome == "ok"
    until(lambda: len(mixed.world.effects()) >= FEW - BEFORE, "the others are shut", 60)
    assert back.effects() == [f"shut {back.door}"], "it stays shut"
    assert back.voters() == []
