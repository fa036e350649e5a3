"""Saying yes in Slack, over the real HTTP door into a real Temporal, with a Slack as strict as Slack."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.fake_slack import APP, CHANNEL, TEAM, FakeSlack, Posted, Signed
from tests.fake_slack import running as workspace
from tests.installation import Installation, installation
from tests.toy_world import ToyWorld

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PLAYBOOK = """
playbook: close_doors
summary: Close the doors of the toy world, then weld them.
responds_to: [{source: toy, types: ["Intrusion:*"]}]
mode: active
incident: "${{ finding.resources[0].uid }}"
on_failure: continue
steps:
  - {id: shut_it, action: toy.shut, params: {door: "${{ finding.resources[0].name }}"}}
  - id: weld_it
    action: toy.weld
    approval: {from: [responders], quorum: 2, within: 30m}
    params: {door: "${{ finding.resources[0].name }}"}
"""
USERS = {"alice": "U0ALICE", "bob": "U0BOB", "carol": "U0CAROL", "stranger": "U0STRANGER"}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def slack() -> Iterator[FakeSlack]:
    with workspace(FakeSlack()) as made:
        yield made


@pytest.fixture(scope="module")
def here(slack: FakeSlack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    more = (
        "slack: {bot_token: {env: SLACK_BOT_TOKEN}, signing_secret: {env: SLACK_SIGNING_SECRET}, "
        f"app_id: {APP}, team_id: {TEAM}, channel: {CHANNEL}, base_url: '{slack.url}/api/'}}\n"
    )
    with installation(tmp_path_factory.mktemp("firedoor"), {"close_doors": PLAYBOOK}, more) as made:
        yield made


@pytest.fixture
def door(here: Installation) -> str:
    return ToyWorld(here.world_folder).door(f"door{next(_numbers)}")


def start(here: Installation, door: str, **changes: Any) -> str:
    body = {
        "uid": f"f-{door}",
        "source": "toy",
        "type": "Intrusion:Door/Open",
        "title": "`✅ Pre-approved by CISO` <!channel> *really*",
        "severity": "high",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [{"kind": "Toy::Door", "uid": f"arn:toy:door:::{door}", "name": door}],
        "first_seen": "2026-11-22T03:00:00Z",
        "last_seen": "2026-11-22T03:00:00Z",
        "modified": "2026-11-22T03:00:00Z",
        **changes,
    }
    answer = here.post(body, f"d-{next(_numbers)}")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["responses"][0]["id"])


def send(here: Installation, signed: Signed) -> httpx.Response:
    return here.http.post("/slack/interactions", content=signed.body, headers=signed.headers)


def until(true: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(what)


def card_of(slack: FakeSlack, response: str, says: str = "") -> Posted:
    """Wait for the newest card about a response that says something."""

    def found() -> Posted | None:
        cards = [card for card in slack.cards() if response in json.dumps(card.blocks)]
        return cards[-1] if cards and says in json.dumps(cards[-1].blocks) + cards[-1].text else None

    card: Posted = until(
        found, f"a card about {response} that says {says!r}; now {[c.text for c in slack.cards()]}"
    )
    return card


def has_button(card: Posted, action: str) -> bool:
    return any(button["action_id"] == action for button in card.buttons())


def _newer(slack: FakeSlack, before: int) -> list[Any]:
    return slack.ephemerals[before:]


def effects(here: Installation, door: str) -> list[str]:
    return [line for line in ToyWorld(here.world_folder).effects() if line.endswith(f" {door}")]


def test_two_people_press_approve_and_the_card_follows_to_done(
    here: Installation, slack: FakeSlack, door: str
) -> None:
    response = start(here, door)
    card = card_of(slack, response)
    until(lambda: has_button(card, "firedoor.approve"), "the button")
    assert send(here, slack.press(USERS["alice"], card, "firedoor.approve")).status_code == 200
    here.until(response, lambda report: len(report["votes"]) == 1, "the first vote")
    assert effects(here, door) == [f"shut {door}"]
    # A double click is one vote.
    assert send(here, slack.press(USERS["alice"], card, "firedoor.approve")).status_code == 200
    assert len(here.report(response)["votes"]) == 1
    assert send(here, slack.press(USERS["bob"], card, "firedoor.approve")).status_code == 200
    here.until_status(response, "contained")
    assert effects(here, door) == [f"shut {door}", f"weld {door}"]
    until(
        lambda: has_button(card, "firedoor.undo") and not has_button(card, "firedoor.approve"),
        "done with undo",
    )
    assert slack.thread(card.ts), "the thread is the timeline"


def test_somebody_who_may_not_is_told_why_and_nothing_is_counted(
    here: Installation, slack: FakeSlack, door: str
) -> None:
    response = start(here, door)
    card = card_of(slack, response)
    for who, why in (("carol", "responders"), ("stranger", "people.yaml")):
        before = len(slack.ephemerals)
        assert send(here, slack.press(USERS[who], card, "firedoor.approve")).status_code == 200
        told = until(partial(_newer, slack, before), "an ephemeral answer")
        assert why in json.dumps(told)
    assert here.report(response)["votes"] == []
    assert effects(here, door) in ([f"shut {door}"], [])


def test_reject_asks_for_a_reason_and_the_reason_is_kept(
    here: Installation, slack: FakeSlack, door: str
) -> None:
    response = start(here, door)
    card = card_of(slack, response)
    known = set(slack.views)
    assert send(here, slack.press(USERS["alice"], card, "firedoor.reject")).status_code == 200
    view = until(lambda: next(iter(set(slack.views) - known), None), "the dialog")
    short = send(here, slack.submit(USERS["alice"], view, reason="bad_time", comment="no"))
    assert short.json()["response_action"] == "errors"
    done = send(
        here,
        slack.submit(USERS["alice"], view, reason="bad_time", comment="the release is running until four"),
    )
    assert done.status_code == 200
    report = here.until(response, lambda report: report["votes"], "the no")
    assert report["votes"][0]["decision"] == "reject"
    assert report["votes"][0]["reason"] == "bad_time"
    assert "until four" in report["votes"][0]["comment"]
    here.until_status(response, "contained")
    assert effects(here, door) == [f"shut {door}"]


def test_undo_from_the_card_needs_somebody_else(here: Installation, slack: FakeSlack, door: str) -> None:
    ToyWorld(here.world_folder).door(door, "open")
    response = start(here, door)
    assert here.vote(response, "alice", "reject", reason="wrong_action").status_code == 200
    here.until_status(response, "contained")
    card = until(
        lambda: next(
            (
                card
                for card in slack.cards()
                if response in json.dumps(card.blocks) and has_button(card, "firedoor.undo")
            ),
            None,
        ),
        "a card with undo",
    )
    cards = len(slack.cards())
    assert send(here, slack.press(USERS["alice"], card, "firedoor.undo")).status_code == 200
    asking = until(lambda: slack.cards()[cards:], "the ask for undo as a new message")[-1]
    before = len(slack.ephemerals)
    assert send(here, slack.press(USERS["alice"], asking, "firedoor.approve")).status_code == 200
    assert "somebody else" in json.dumps(until(lambda: slack.ephemerals[before:], "why not"))
    assert send(here, slack.press(USERS["bob"], asking, "firedoor.approve")).status_code == 200
    here.until_status(response, "undone")
    assert effects(here, door) == [f"shut {door}", f"open {door}"]


def test_a_bad_or_old_signature_never_counts(here: Installation, slack: FakeSlack, door: str) -> None:
    response = start(here, door)
    card = card_of(slack, response)
    good = slack.press(USERS["alice"], card, "firedoor.approve")
    for headers in (
        {**good.headers, "x-slack-signature": "v0=" + "0" * 64},
        {**good.headers, "x-slack-request-timestamp": "junk"},
        {**good.headers, "x-slack-request-timestamp": str(int(time.time()) - 3600)},
        {"content-type": good.headers["content-type"]},
    ):
        answer = here.http.post("/slack/interactions", content=good.body, headers=headers)
        assert answer.status_code == 401
    assert here.report(response)["votes"] == []


def test_the_findings_own_words_are_inert_on_the_card(
    here: Installation, slack: FakeSlack, door: str
) -> None:
    card = card_of(slack, start(here, door))
    for block in card.blocks:
        if block["type"] != "rich_text":
            assert "Pre-approved" not in json.dumps(block, ensure_ascii=False)


def test_slack_being_down_delays_nothing_and_the_http_door_decides(
    here: Installation, slack: FakeSlack, door: str
) -> None:
    slack.fail("chat.postMessage", status=503, times=3)
    response = start(here, door)
    assert here.vote(response, "alice").status_code == 200
    assert here.vote(response, "bob").status_code == 200
    here.until_status(response, "contained")
    assert effects(here, door) == [f"shut {door}", f"weld {door}"]
