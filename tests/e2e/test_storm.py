"""A storm: two hundred findings are a handful of messages, and one dialog decides about all alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.approvals import PLAYBOOKS, Approvals, Asked, Transport, approvals, text_of, until
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
