"""Who may say yes: looked up at the click and once more when the quorum is complete."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from firedoor.testing.slack.people import UserGroup
from tests.approvals import BARRED, PEOPLE, Approvals, Asked, Way, text_of, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def open_ask(everyone: Approvals) -> Iterator[Asked]:
    """An ask of people in general that nobody of these tests may answer."""
    yield from _kept_open(everyone, everyone.start("weld_two"))


@pytest.fixture(scope="module")
def personal_ask(everyone: Approvals) -> Iterator[Asked]:
    """An ask that is about bob, and about what belongs to alice, in a playbook that erin changed last."""
    door = f"{everyone.world.door('alices')}"
    resource = {"kind": "Toy::Door", "uid": f"arn:toy:door:::{door}", "name": door}
    finding = everyone.finding(
        "edited",
        door,
        actor={"email": "bob@example.com"},
        resources=[{**resource, "attributes": {"tags": {"Owner": "alice@example.com"}}}],
    )
    (started,) = everyone.post(finding)["responses"]
    yield from _kept_open(everyone, Asked(everyone, started["id"], door))


def _kept_open(everyone: Approvals, asked: Asked) -> Iterator[Asked]:
    if asked in everyone.opened:
        everyone.opened.remove(asked)
    asked.asking()
    yield asked
    assert asked.voters() == []
    asked.end()


@pytest.fixture
def people(office: Approvals) -> Iterator[dict[str, Any]]:
    """The people, to be changed and written; they are as before after the test."""
    yield copy.deepcopy(PEOPLE)
    office.here.write_people(PEOPLE)


def without(people: dict[str, Any], who: str) -> dict[str, Any]:
    people["groups"]["responders"].remove(who)
    return people


# ---- at the click -----------------------------------------------------------------------------


@pytest.mark.parametrize("who", BARRED)
def test_guests_bots_deleted_and_external_accounts_cannot_decide_whatever_the_directory_says(
    way: Way, open_ask: Asked, who: str
) -> None:
    kinds = {"greta": "guest", "sam": "guest", "deploybot": "bot", "gary": "deleted", "pat": "external"}
    assert f"{kinds[who]} accounts cannot decide here" in way.refused(who, open_ask.asking())


def test_an_account_that_is_nobodys_is_told_what_to_do(way: Way, open_ask: Asked) -> None:
    told = way.refused("stranger", open_ask.asking())
    assert "belongs to nobody" in told
    assert "config/people.yaml" in told


def test_somebody_who_is_not_asked_is_told_who_is(way: Way, open_ask: Asked) -> None:
    assert "you are not in responders" in way.refused("carol", open_ask.asking())


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("bob", "the finding is about you"),
        ("alice", "what would be changed is yours"),
        ("erin", "you were the last to change this playbook"),
    ],
    ids=["subject", "owner", "last editor"],
)
def test_whoever_it_is_about_cannot_say_yes(way: Way, personal_ask: Asked, who: str, why: str) -> None:
    assert why in way.refused(who, personal_ask.asking())


def test_whoever_asked_for_an_undo_cannot_say_yes_to_it(office: Approvals, way: Way) -> None:
    asked = office.start("shut_asked")
    way.yes("alice", asked.asking())
    done = asked.card("Contained", button="undo")
    assert way.press("alice", done, "undo").outcome == "ok"
    undo = asked.card("Approve undo", button="approve")
    assert "you asked for this yourself" in way.refused("alice", undo)
    way.yes("bob", undo)
    asked.until_status("undone")
    assert asked.effects() == [f"shut {asked.door}", f"open {asked.door}"]


def test_a_group_that_slack_keeps_is_looked_up_there(office: Approvals, way: Way) -> None:
    asked = office.start("of_secops")
    card = asked.asking()
    assert "you are not in secops" in way.refused("erin", card)
    way.yes("alice", card)
    way.yes("bob", card)
    asked.until_status("contained")


@pytest.mark.parametrize("kind", ["of_nobody", "of_silent"])
def test_an_empty_group_is_nobody(office: Approvals, way: Way, kind: str) -> None:
    asked = office.start(kind)
    card = asked.asking()
    for who in ("alice", "bob", "carol", "dave"):
        assert f"you are not in {kind.removeprefix('of_')}" in way.refused(who, card)
    assert asked.voters() == []
    assert asked.effects() == []


def test_the_groups_are_those_of_the_moment_of_the_click(
    office: Approvals, way: Way, people: dict[str, Any]
) -> None:
    asked = office.start()
    card = asked.asking()
    office.here.write_people(without(people, "alice"))
    assert "you are not in responders" in way.refused("alice", card)
    office.here.write_people(PEOPLE)
    way.yes("alice", card)
    asked.until_status("contained")


# ---- what cannot be looked up means no ------------------------------------------------------------


def test_a_directory_that_cannot_be_read_means_no_until_it_can(
    office: Approvals, way: Way, people: dict[str, Any]
) -> None:
    asked = office.start("weld_two")
    card = asked.asking()
    office.here.write_people("people: [this is no directory\n")
    assert "nobody can decide now" in way.refused("alice", card)
    office.here.write_people(people)
    assert asked.voters() == []
    way.yes("alice", card)
    assert asked.voters() == [("alice", "slack")]


def test_a_user_group_that_slack_does_not_tell_means_no_until_it_does(
    office: Approvals, way: Way, people: dict[str, Any]
) -> None:
    slack = office.slack
    group = f"S0{way.transport.upper()}"  # a group of its own: what was told is believed for a minute
    slack.usergroups[group] = UserGroup(group, "oncall", ("U0ALICE",))
    people["groups"]["oncall"] = {"slack_usergroup": group}
    office.here.write_people(people)
    asked = office.start("of_oncall")
    card = asked.as_seen()  # pressed again and again, also when its buttons are gone
    slack.fail("usergroups.users.list", status=503, times=1000)
    try:
        assert "who is in oncall cannot be read now, which means no" in way.refused("alice", card)
    finally:
        slack.faults.clear()
    assert asked.voters() == []
    # Nobody who is down is asked again within two seconds.
    until(lambda: way.press("alice", card).outcome == "ok" and asked.effects(), "the yes counts again")


def test_an_account_that_slack_says_nothing_about_means_no(way: Way, open_ask: Asked) -> None:
    way.slack.fail("users.info", status=503, times=1000)
    try:
        told = way.refused(f"late_{way.transport}", open_ask.asking())
    finally:
        way.slack.faults.clear()
    assert "Slack does not say what kind of account this is" in told


# ---- and once more ------------------------------------------------------------------------------


def test_an_approver_who_was_removed_between_vote_and_quorum_does_not_count(
    office: Approvals, way: Way, people: dict[str, Any]
) -> None:
    asked = office.start("weld_two")
    first = asked.asking()
    way.yes("alice", first)
    office.here.write_people(without(people, "alice"))
    way.yes("bob", first)
    again = asked.card("No longer counts", button="approve")
    assert again.ts != first.ts, "it is asked again by a new message"
    assert asked.voters() == [("bob", "slack")]
    assert asked.effects() == []
    assert "a vote fell" in text_of(first)
    way.yes("erin", again)
    asked.until_status("contained")
    assert asked.effects() == [f"weld {asked.door}"]
