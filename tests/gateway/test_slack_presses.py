"""What is pressed in Slack, by either of its ways: what is counted, what is refused, what people are told."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from firedoor.channels.slack.interaction import payload_of
from firedoor.domain.core.errors import Unavailable
from firedoor.gateway.decisions.port import VOTES
from firedoor.gateway.slack import interactions
from tests.channels.slack.reports import RULE
from tests.fake_slack import TEAM
from tests.gateway.people_engine import PEOPLE
from tests.gateway.slack_door import Door


@pytest.fixture(params=["http", "socket"])
def door(request: pytest.FixtureRequest) -> Door:
    return Door(request.param)


def counted(outcome: str) -> float:
    return float(VOTES.labels("slack", outcome)._value.get())


# ---- a vote -----------------------------------------------------------------------------


async def test_a_press_becomes_a_vote_and_an_empty_answer(door: Door) -> None:
    assert (await door.press("U1")).done
    (vote,) = door.engine.votes.values()
    assert (vote.voter.person, vote.decision, vote.door, vote.generation) == ("alice", "approve", "slack", 1)
    assert vote.fingerprint == door.engine.report_now.ask.plan_sha256  # type: ignore[union-attr]
    assert "alice@example.com" in vote.voter.names
    assert not door.slack.ephemerals


async def test_a_double_click_is_one_vote_and_no_complaint(door: Door) -> None:
    assert (await door.press("U1")).done
    assert (await door.press("U1")).done
    assert len(door.engine.votes) == 1
    assert not door.slack.ephemerals


async def test_the_same_press_by_both_ways_is_one_vote(door: Door) -> None:
    assert (await door.press("U1")).done
    door.transport = "http" if door.transport == "socket" else "socket"
    assert (await door.press("U1")).done
    assert len(door.engine.votes) == 1


async def test_two_people_at_once_are_two_votes(door: Door) -> None:
    first, second = await asyncio.gather(door.press("U1"), door.press("U2"))
    assert (first.done, second.done) == (True, True)
    assert {vote.voter.person for vote in door.engine.votes.values()} == {"alice", "bob"}
    assert door.engine.report_now.ask.missing() == 0  # type: ignore[union-attr]


async def test_one_human_has_one_vote_through_two_slack_accounts(door: Door) -> None:
    alice = PEOPLE.people["alice"].model_copy(update={"slack": (f"{TEAM}/U1", f"{TEAM}/U1SECOND")})
    door.people = PEOPLE.model_copy(update={"people": {**PEOPLE.people, "alice": alice}})
    assert (await door.press("U1")).done
    assert (await door.press("U1SECOND")).done
    assert len(door.engine.votes) == 1


async def test_an_account_is_known_by_its_organisation_as_well(door: Door) -> None:
    alice = PEOPLE.people["alice"].model_copy(update={"slack": "E0ACME/U1"})
    door.people = PEOPLE.model_copy(update={"people": {**PEOPLE.people, "alice": alice}})
    assert (await door.press("U1", enterprise={"id": "E0ACME"})).done
    assert len(door.engine.votes) == 1


@pytest.mark.parametrize("home", ["E0ACME", "T0SISTER", None])
async def test_a_member_of_our_organisation_presses_from_wherever_slack_says_they_belong(
    door: Door, home: str | None
) -> None:
    """In an organisation `user.team_id` is its id, or another of its workspaces; users.info has the word."""
    who = {"id": "U1", "team_id": home}
    assert (await door.press("U1", user=who, enterprise={"id": "E0ACME"})).done
    assert len(door.engine.votes) == 1
    door.accounts.kinds["U2"] = "external"
    assert (await door.press("U2", user={**who, "id": "U2"}, enterprise={"id": "E0ACME"})).done
    assert len(door.engine.votes) == 1


async def test_a_name_is_no_identity(door: Door) -> None:
    """Somebody else calls himself alice, with her e-mail."""
    who = {"id": "U9", "team_id": TEAM, "name": "alice", "username": "alice", "email": "alice@example.com"}
    await door.press("U1", user=who)
    assert not door.engine.votes


async def test_undo_is_asked_for_once_by_a_double_click(door: Door) -> None:
    door.pending = undoable(door)
    assert (await door.press("U3", "firedoor.undo")).done
    assert (await door.press("U3", "firedoor.undo")).done
    (request,) = door.engine.undos.values()
    assert (request.person, request.door) == ("eve", "slack")
    assert "eve@example.com" in request.names


def undoable(door: Door) -> Any:
    from firedoor.channels.slack.reference import Reference

    value = Reference(r=door.engine.report_now.id, g=0, d="undo").encode()
    return door.kept("done", [actions("firedoor.undo", value)])


def actions(action_id: str, value: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": "press"}
    return {
        "type": "actions",
        "elements": [{"type": "button", "action_id": action_id, "value": value, "text": text}],
    }


# ---- the order of refusals --------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"api_app_id": "A0OTHER"},
        {"team": {"id": "T0OTHER"}},
        {"team": None},
        {"team": {"id": "T0OTHER"}, "enterprise": {"id": "E0OTHER"}},
    ],
)
async def test_a_press_in_another_app_or_workspace_is_refused(door: Door, other: dict[str, Any]) -> None:
    before = counted("not_ours")
    assert not (await door.press("U1", **other)).acked
    assert not door.engine.votes
    assert not door.accounts.asked
    assert counted("not_ours") == before + 1


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ({"is_bot": True}, "bot"),
        ({"is_restricted": True}, "guest"),
        ({"is_ultra_restricted": True}, "guest"),
        ({"is_stranger": True}, "external"),
        ({"team_id": "T0OTHER"}, "external"),
        ({"team_id": None}, "external"),
    ],
)
async def test_bots_guests_and_external_people_cannot_decide(
    door: Door, user: dict[str, Any], why: str
) -> None:
    before = counted("refused")
    assert (await door.press("U1", user={"id": "U1", "team_id": TEAM, **user})).done
    assert not door.engine.votes
    assert f"{why} accounts cannot decide" in door.said()
    assert counted("refused") == before + 1


@pytest.mark.parametrize("kind", ["deleted", "bot", "guest", "external", "unknown"])
async def test_what_slack_itself_says_of_an_account_counts_more_than_its_press(door: Door, kind: str) -> None:
    door.accounts.kinds["U1"] = kind
    assert (await door.press("U1")).done
    assert not door.engine.votes
    assert f"{kind} accounts cannot decide" in door.said()


@pytest.mark.parametrize("how", ["silent", "slow"])
async def test_an_account_that_slack_says_nothing_about_means_no(
    door: Door, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "_KNOWN_WITHIN", 0.01)
    setattr(door.accounts, how, True)
    assert (await door.press("U1")).done
    assert not door.engine.votes
    assert "Slack does not say what kind of account this is" in door.said()


@pytest.mark.parametrize("action", ["firedoor.approve", "firedoor.reject", "firedoor.details"])
async def test_a_press_in_another_channel_is_refused(door: Door, action: str) -> None:
    """A card that was forwarded or shared elsewhere."""
    told = await door.press(
        "U1", action, channel={"id": "C0OTHER"}, container={"type": "message", "channel_id": "C0OTHER"}
    )
    assert told.done
    assert not door.engine.votes
    assert not door.opened
    assert "a channel where nothing is decided" in door.said()


async def test_an_old_card_is_told_to_a_stranger_before_who_he_is(door: Door) -> None:
    door.engine.ask_now(generation=2)
    await door.press("U9STRANGER")
    assert "out of date" in door.said()
    assert "belongs to nobody" not in door.said()


async def test_a_vote_for_an_older_card_is_answered_with_the_reason(door: Door) -> None:
    door.engine.ask_now(generation=2)
    await door.press("U1")
    assert not door.engine.votes
    assert "out of date" in door.said()


async def test_a_vote_for_another_plan_is_answered_with_the_reason(door: Door) -> None:
    door.engine.ask_now(plan_sha256="0" * 64)
    await door.press("U1")
    assert not door.engine.votes
    assert "the plan has changed" in door.said()


async def test_a_vote_after_the_deadline_is_answered_with_the_reason(door: Door) -> None:
    door.clock.now += timedelta(hours=1)
    await door.press("U1")
    assert not door.engine.votes
    assert "the time to answer is over" in door.said()


async def test_an_account_that_is_nobody_is_told_what_to_do(door: Door) -> None:
    assert (await door.press("U9STRANGER")).done
    assert not door.engine.votes
    assert "belongs to nobody" in door.said()
    assert "config/people.yaml" in door.said()


async def test_somebody_in_no_asked_group_is_told_why(door: Door) -> None:
    before = counted("refused")
    assert (await door.press("U3")).done
    assert not door.engine.votes
    assert "This does not count" in door.said()
    assert "you are not in secops" in door.said()
    assert door.slack.ephemerals[0]["response_type"] == "ephemeral"
    assert counted("refused") == before + 1


async def test_the_groups_are_those_of_the_moment_of_the_click(door: Door) -> None:
    door.people = PEOPLE.model_copy(update={"groups": {"secops": ("bob",)}})
    assert (await door.press("U1")).done
    assert not door.engine.votes
    assert "you are not in secops" in door.said()


async def test_an_empty_group_is_nobody(door: Door) -> None:
    door.people = PEOPLE.model_copy(update={"groups": {"secops": ()}})
    await door.press("U1")
    assert not door.engine.votes


@pytest.mark.parametrize(
    ("field", "names", "why"),
    [
        ("subjects", ("alice@example.com",), "the finding is about you"),
        ("owners", ("ALICE@example.com",), "what would be changed is yours"),
        ("editors", ("alice@example.com",), "the last to change this playbook"),
    ],
)
async def test_whoever_it_is_about_cannot_say_yes(
    door: Door, field: str, names: tuple[str, ...], why: str
) -> None:
    door.engine.ask_now(**{field: names})
    await door.press("U1")
    assert not door.engine.votes
    assert why in door.said()


async def test_whoever_asked_for_it_cannot_say_yes(door: Door) -> None:
    door.engine.ask_now(requester="alice")
    await door.press("U1")
    assert not door.engine.votes
    assert "you asked for this yourself" in door.said()


async def test_a_press_never_says_yes_where_a_fresh_sign_in_is_wanted(door: Door) -> None:
    door.engine.ask_now(rules=(RULE.but(step_up=True),))
    await door.press("U1")
    assert not door.engine.votes
    assert "signed by a fresh sign-in or a passkey" in door.said()


async def test_a_directory_that_cannot_be_read_means_no(door: Door) -> None:
    door.people = None
    assert (await door.press("U1")).done
    assert not door.engine.votes
    assert "nobody can decide now" in door.said()


async def test_an_unknown_response_is_answered_with_the_reason(door: Door) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    payload: Any = payload_of(press.body)
    value = json.loads(payload["actions"][0]["value"])
    for id_ in ("respond/leaked_access_key/" + "0" * 32, "desk", "respond/x/../y", "r" * 200):
        payload["actions"][0]["value"] = json.dumps({**value, "r": id_})
        assert (await door.send(door.slack.sign(payload))).done
    assert not door.engine.votes
    assert door.said().count("no response has this id") == 4
    assert door.engine.heard == {"respond/leaked_access_key/" + "0" * 32}, "other workflows are not reached"


# ---- what nobody knows ------------------------------------------------------------------


async def test_what_could_not_be_made_durable_is_told_as_failed(door: Door) -> None:
    door.engine.broken = Unavailable("Temporal does not answer")
    assert (await door.press("U1")).done
    assert "FAILED" in door.said()
    assert "It may or may not be recorded. Send it again; it counts once." in door.said()
    assert "firedoor approve --fingerprint" in door.said()


async def test_what_waits_for_the_engine_is_told_as_recorded(door: Door) -> None:
    door.engine.waiting = True
    assert (await door.press("U1")).done
    assert "Recorded, waiting for the engine" in door.said()
    assert "FAILED" not in door.said()


async def test_an_engine_that_is_silent_is_not_waited_for_longer_than_slack_waits(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(interactions, "WITHIN", 0.05)
    monkeypatch.setattr(door.engine, "vote", silence)
    before = counted("late")
    assert (await door.press("U1")).done
    assert "It may or may not be recorded" in door.said()
    assert counted("late") == before + 1


async def test_a_press_without_a_way_to_answer_is_still_counted(door: Door) -> None:
    assert (await door.press("U1", response_url=None)).done
    assert len(door.engine.votes) == 1
    assert (await door.press("U3", response_url=None)).done


async def test_an_answer_that_slack_does_not_take_changes_nothing(door: Door) -> None:
    door.unreachable.add("response_url")
    assert (await door.press("U3")).done
    assert not door.engine.votes


async def test_what_is_no_press_is_answered_with_nothing(door: Door) -> None:
    assert (await door.press("U1", type="view_closed")).done
    assert not door.engine.votes
    assert not door.accounts.asked


async def test_what_slack_would_not_send_is_not_acked(door: Door) -> None:
    before = counted("unreadable")
    assert not (await door.press("U1", actions=[])).acked
    assert counted("unreadable") == before + 1


async def test_a_press_that_echoes_a_large_message_is_counted(door: Door) -> None:
    text = {"type": "plain_text", "text": "x" * 3000}
    door.pending.blocks += door.slack.with_ids([{"type": "section", "text": text}] * 40)
    assert len(door.slack.press("U1", door.pending, "firedoor.approve").body) > 100_000
    assert (await door.press("U1")).done
    assert len(door.engine.votes) == 1


async def test_secrets_of_a_press_are_in_no_log(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    press = door.slack.press("U3", door.pending, "firedoor.approve")
    payload: Any = payload_of(press.body)
    await door.send(press)
    door.engine.broken = Unavailable("Temporal does not answer")
    await door.press("U1")
    written = "".join(capsys.readouterr())
    assert "vote" in written
    assert payload["response_url"].rsplit("/", 1)[1] not in written
    assert payload["trigger_id"] not in written
