"""Slack's door: what is counted, what is refused, and what the person who pressed is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.domain.errors import Misconfigured, Unavailable
from firedoor.domain.people import People
from firedoor.gateway.slack import slack_router
from firedoor.gateway.votes import VOTES
from firedoor.slack.card import card
from firedoor.slack.interaction import payload_of
from tests.fake_slack import APP, CHANNEL, SECRET, TEAM, FakeSlack, Posted, Signed
from tests.gateway.people_engine import PEOPLE, Clock, MemoryEngine
from tests.slack.reports import every_standing


class Door:
    """The gateway with its Slack door, an engine in memory, and Slack itself, without a socket."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.slack = FakeSlack(self.clock.seconds)
        self.engine = MemoryEngine(self.clock)
        self.people: People = PEOPLE
        self.secrets: tuple[bytes, ...] = (SECRET,)
        self.unreachable = False
        self.app = FastAPI()
        self.app.include_router(
            slack_router(
                signing_secrets=lambda: self.secrets,
                app_id=APP,
                team_id=TEAM,
                people=self._directory,
                engine=self.engine,
                slack=self,
                clock=self.clock,
            )
        )
        self.pending = self.posted("pending")

    def _directory(self) -> People:
        if self.people is None:
            raise OSError("people.yaml is gone")
        return self.people

    def posted(self, standing: str) -> Posted:
        """Return a card as Slack would hold it."""
        report = self.engine.report_now if standing == "pending" else every_standing()[standing]
        drawn = card(report)
        return Posted(CHANNEL, "1.1", drawn.text, json.loads(json.dumps(list(drawn.blocks))))

    async def open_view(self, trigger_id: str, view: dict[str, Any]) -> None:
        """Hand a dialog to Slack."""
        if self.unreachable:
            raise Unavailable("slack:views.open gave no usable answer")
        answer = self.slack.call(
            "views.open", "xoxb-made-up-for-tests", {"trigger_id": trigger_id, "view": view}
        )
        assert answer["ok"], answer

    async def ephemeral(self, response_url: str, text: str, blocks: Sequence[dict[str, Any]]) -> None:
        """Hand an answer to Slack."""
        body = {"response_type": "ephemeral", "text": text, "blocks": list(blocks)}
        assert self.slack.answer(response_url.rsplit("/", 1)[1], json.loads(json.dumps(body))) == "ok"

    async def send(self, signed: Signed, **headers: str) -> httpx.Response:
        """Send what Slack would send."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://firedoor.test") as client:
            return await client.post(
                "/slack/interactions", content=signed.body, headers={**signed.headers, **headers}
            )

    async def press(self, by: str, action: str = "firedoor.approve", **other: Any) -> httpx.Response:
        """Press a button of the card."""
        return await self.send(self.slack.press(by, self.pending, action, **other))

    def said(self) -> str:
        """Return all that people were told."""
        return json.dumps(self.slack.ephemerals, ensure_ascii=False)


@pytest.fixture
def door() -> Door:
    return Door()


def acked(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.content) == (200, b"")


async def test_a_press_becomes_a_vote_and_an_empty_answer(door: Door) -> None:
    assert acked(await door.press("U1"))
    (vote,) = door.engine.votes.values()
    assert (vote.voter.person, vote.decision, vote.door, vote.generation) == ("alice", "approve", "slack", 1)
    assert vote.fingerprint == door.engine.report_now.ask.plan_sha256  # type: ignore[union-attr]
    assert "alice@example.com" in vote.voter.names
    assert not door.slack.ephemerals


async def test_a_double_click_is_one_vote_and_no_complaint(door: Door) -> None:
    assert acked(await door.press("U1"))
    assert acked(await door.press("U1"))
    assert len(door.engine.votes) == 1
    assert not door.slack.ephemerals


async def test_two_people_are_two_votes(door: Door) -> None:
    await door.press("U1")
    await door.press("U2")
    assert door.engine.report_now.ask.state(door.clock()) == "granted"  # type: ignore[union-attr]


async def test_the_groups_are_those_of_the_moment_of_the_click(door: Door) -> None:
    door.people = PEOPLE.model_copy(update={"groups": {"secops": ("bob",)}})
    assert acked(await door.press("U1"))
    assert not door.engine.votes
    assert "you are not in secops" in door.said()


async def test_somebody_in_no_asked_group_is_told_why(door: Door) -> None:
    before = VOTES.labels("slack", "refused")._value.get()
    assert acked(await door.press("U3"))
    assert not door.engine.votes
    assert "This does not count" in door.said()
    assert "you are not in secops" in door.said()
    assert door.slack.ephemerals[0]["response_type"] == "ephemeral"
    assert VOTES.labels("slack", "refused")._value.get() == before + 1


async def test_an_account_that_is_nobody_is_told_what_to_do(door: Door) -> None:
    assert acked(await door.press("U9STRANGER"))
    assert not door.engine.votes
    assert "belongs to nobody" in door.said()
    assert "config/people.yaml" in door.said()


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
    who = {"id": "U1", "team_id": TEAM, **user}
    assert acked(await door.press("U1", user=who))
    assert not door.engine.votes
    assert f"{why} accounts cannot decide" in door.said()


async def test_a_name_is_no_identity(door: Door) -> None:
    """Somebody else calls himself alice, with her e-mail."""
    who = {"id": "U9", "team_id": TEAM, "name": "alice", "username": "alice", "email": "alice@example.com"}
    await door.press("U1", user=who)
    assert not door.engine.votes


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
    answer = await door.press("U1", **other)
    assert answer.status_code == 403
    assert not door.engine.votes


async def test_a_directory_that_cannot_be_read_means_no(door: Door) -> None:
    door.people = None  # type: ignore[assignment]
    assert acked(await door.press("U1"))
    assert not door.engine.votes
    assert "nobody can decide now" in door.said()


async def test_a_vote_for_an_older_card_is_answered_with_the_reason(door: Door) -> None:
    ask = door.engine.report_now.ask
    assert ask is not None
    door.engine.report_now = door.engine.report_now.model_copy(
        update={"ask": ask.model_copy(update={"generation": 2})}
    )
    await door.press("U1")
    assert not door.engine.votes
    assert "out of date" in door.said()


async def test_a_vote_after_the_deadline_is_answered_with_the_reason(door: Door) -> None:
    door.clock.now += timedelta(hours=1)
    await door.press("U1")
    assert "the time to answer is over" in door.said()


async def test_an_unknown_response_is_answered_with_the_reason(door: Door) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    payload: Any = payload_of(press.body)
    value = json.loads(payload["actions"][0]["value"])
    for id_ in ("respond/leaked_access_key/" + "0" * 32, "desk", "respond/x/../y", "r" * 200):
        payload["actions"][0]["value"] = json.dumps({**value, "r": id_})
        assert acked(await door.send(door.slack.sign(payload)))
    assert not door.engine.votes
    assert door.said().count("no response has this id") == 4
    assert door.engine.heard == {"respond/leaked_access_key/" + "0" * 32}, "other workflows are not reached"


async def test_what_could_not_be_made_durable_is_told_as_failed(door: Door) -> None:
    door.engine.broken = Unavailable("Temporal does not answer")
    assert acked(await door.press("U1"))
    assert "FAILED" in door.said()
    assert "may or may not be recorded" in door.said()
    assert "firedoor approve --fingerprint" in door.said()


async def test_what_waits_for_the_engine_is_told_as_recorded(door: Door) -> None:
    door.engine.waiting = True
    assert acked(await door.press("U1"))
    assert "Recorded. It waits for the engine" in door.said()
    assert "FAILED" not in door.said()


async def test_an_engine_that_is_silent_is_not_waited_for_longer_than_slack_waits(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(door.engine, "vote", silence)
    assert acked(await door.press("U1"))
    assert "FAILED" in door.said()


async def test_undo_is_asked_for_once_by_a_double_click(door: Door) -> None:
    door.pending = door.posted("contained")
    assert acked(await door.press("U3", "firedoor.undo"))
    assert acked(await door.press("U3", "firedoor.undo"))
    (request,) = door.engine.undos.values()
    assert (request.person, request.door) == ("eve", "slack")
    assert "eve@example.com" in request.names


async def test_reject_opens_a_dialog_and_its_answer_is_the_vote(door: Door) -> None:
    assert acked(await door.press("U1", "firedoor.reject"))
    assert not door.engine.votes
    (view,) = door.slack.views
    answer = await door.send(
        door.slack.submit("U1", view, reason="bad_time", comment="the release is running")
    )
    assert acked(answer)
    (vote,) = door.engine.votes.values()
    assert (vote.decision, vote.reason, vote.comment) == ("reject", "bad_time", "the release is running")
    assert vote.voter.person == "alice"


async def test_a_no_without_a_reason_or_a_sentence_is_answered_in_the_dialog(door: Door) -> None:
    await door.press("U1", "firedoor.reject")
    (view,) = door.slack.views
    answer = await door.send(door.slack.submit("U1", view, reason=None, comment="too short"))
    assert answer.json()["response_action"] == "errors"
    assert set(answer.json()["errors"]) == {"reason", "comment"}
    assert not door.engine.votes


async def test_a_no_that_does_not_count_is_answered_in_the_dialog(door: Door) -> None:
    await door.press("U1", "firedoor.reject")
    (view,) = door.slack.views
    answer = await door.send(
        door.slack.submit("U3", view, reason="bad_time", comment="the release is running")
    )
    assert "you are not in secops" in answer.json()["errors"]["comment"]
    stranger = await door.send(
        door.slack.submit("U9", view, reason="bad_time", comment="the release is running")
    )
    assert "belongs to nobody" in stranger.json()["errors"]["comment"]
    assert not door.engine.votes


async def test_a_no_that_could_not_be_made_durable_is_answered_in_the_dialog(door: Door) -> None:
    await door.press("U1", "firedoor.reject")
    (view,) = door.slack.views
    door.engine.broken = Unavailable("Temporal does not answer")
    answer = await door.send(
        door.slack.submit("U1", view, reason="bad_time", comment="the release is running")
    )
    assert "FAILED" in answer.json()["errors"]["comment"]


async def test_a_no_that_waits_for_the_engine_is_told_so(door: Door) -> None:
    await door.press("U1", "firedoor.reject")
    (view,) = door.slack.views
    door.engine.waiting = True
    answer = await door.send(
        door.slack.submit("U1", view, reason="bad_time", comment="the release is running")
    )
    assert answer.json()["response_action"] == "update"
    assert "Recorded" in json.dumps(answer.json()["view"])


async def test_a_dialog_that_does_not_open_is_told_and_counts_nothing(door: Door) -> None:
    door.unreachable = True
    assert acked(await door.press("U1", "firedoor.reject"))
    assert "The dialog did not open; nothing is recorded" in door.said()
    assert not door.engine.votes


async def test_a_stranger_is_not_shown_the_dialog(door: Door) -> None:
    await door.press("U9", "firedoor.reject")
    assert not door.slack.views
    assert "belongs to nobody" in door.said()


async def test_a_press_without_a_way_to_answer_is_still_counted(door: Door) -> None:
    assert acked(await door.press("U1", response_url=None))
    assert len(door.engine.votes) == 1
    assert acked(await door.press("U3", response_url=None))


# ---- signature and replay -----------------------------------------------------------


async def test_the_same_request_again_is_refused(door: Door) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    assert acked(await door.send(press))
    assert (await door.send(press)).status_code == 401
    door.clock.now += timedelta(minutes=4)
    assert (await door.send(press)).status_code == 401


@pytest.mark.parametrize("late", [301, -301, 10**6])
async def test_a_request_from_another_time_is_refused(door: Door, late: int) -> None:
    payload = payload_of(door.slack.press("U1", door.pending, "firedoor.approve").body)
    answer = await door.send(door.slack.sign(payload, at=door.clock.seconds() - late))
    assert answer.status_code == 401
    assert not door.engine.votes


@pytest.mark.parametrize("late", [299, -299])
async def test_clocks_may_differ_a_little(door: Door, late: int) -> None:
    payload = payload_of(door.slack.press("U1", door.pending, "firedoor.approve").body)
    assert acked(await door.send(door.slack.sign(payload, at=door.clock.seconds() - late)))


async def test_two_secrets_live_while_one_is_rotated(door: Door) -> None:
    door.secrets = (b"the next one", SECRET)
    assert acked(await door.press("U1"))
    door.secrets = (b"the next one",)
    assert (await door.press("U2")).status_code == 401


@pytest.mark.parametrize("secrets", [(), (b"",), (b"  ",)])
async def test_secrets_that_vanished_let_nobody_in(door: Door, secrets: tuple[bytes, ...]) -> None:
    door.secrets = secrets
    payload = payload_of(door.slack.press("U1", door.pending, "firedoor.approve").body)
    assert (await door.send(door.slack.sign(payload, secret=b"x"))).status_code == 401
    assert (await door.send(door.slack.sign(payload, secret=b"\0"))).status_code == 401


@pytest.mark.parametrize("secrets", [(), (b"",), (b" \n",), (SECRET, b"")])
def test_an_empty_signing_secret_does_not_start(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(Misconfigured, match="signing_secret"):
        slack_router(
            signing_secrets=lambda: secrets,
            app_id=APP,
            team_id=TEAM,
            people=lambda: PEOPLE,
            engine=MemoryEngine(Clock()),
            slack=Door(),
            clock=Clock(),
        )


async def test_a_body_that_was_changed_is_refused(door: Door) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    assert (await door.send(Signed(press.body.replace(b"U1", b"U2"), press.headers))).status_code == 401


@pytest.mark.parametrize("name", ["x-slack-signature", "x-slack-request-timestamp"])
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"v0=",
        b"\xff\xfe",
        "ünicode".encode(),
        b"v0=" + b"g" * 64,
        b"-1",
        b"1e9",
        b"9" * 400,
        b"nan",
        b"\t",
    ],
)
async def test_junk_in_a_header_is_a_401(door: Door, name: str, junk: bytes) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    headers = [
        (key.encode(), junk if key == name else value.encode()) for key, value in press.headers.items()
    ]
    assert await status_of(door, press.body, headers) == 401


@pytest.mark.parametrize("name", ["x-slack-signature", "x-slack-request-timestamp"])
async def test_a_header_that_is_missing_or_doubled_is_a_401(door: Door, name: str) -> None:
    press = door.slack.press("U1", door.pending, "firedoor.approve")
    headers = [(key.encode(), value.encode()) for key, value in press.headers.items()]
    assert await status_of(door, press.body, [each for each in headers if each[0] != name.encode()]) == 401
    assert (
        await status_of(door, press.body, headers + [each for each in headers if each[0] == name.encode()])
        == 401
    )
    assert not door.engine.votes


@settings(max_examples=100, deadline=None)
@given(timestamp=st.binary(max_size=30), signature=st.binary(max_size=80))
async def test_no_header_whatever_makes_a_500(timestamp: bytes, signature: bytes) -> None:
    door = Door()
    headers = [(b"x-slack-request-timestamp", timestamp), (b"x-slack-signature", signature)]
    assert await status_of(door, b"payload=%7B%7D", headers) == 401


async def test_a_signed_body_that_is_no_payload_is_a_400(door: Door) -> None:
    for body in (b"", b"payload=%7B", b"\xff\xfe", b"payload=" + b"%5B" * 60_000):
        door.clock.now += timedelta(seconds=1)
        assert (await door.send(door.slack.sign(body))).status_code == 400


async def test_a_body_larger_than_slack_sends_is_refused(door: Door) -> None:
    answer = await door.send(door.slack.sign(b"payload=" + b"x" * 262_144))
    assert answer.status_code == 413


async def test_what_is_no_press_is_answered_with_nothing(door: Door) -> None:
    assert acked(await door.press("U1", type="view_closed"))
    assert not door.engine.votes


async def test_secrets_of_a_press_are_in_no_log(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    press = door.slack.press("U3", door.pending, "firedoor.approve")
    payload: Any = payload_of(press.body)
    await door.send(press)
    door.engine.broken = Unavailable("Temporal does not answer")
    await door.press("U1")
    written = "".join(capsys.readouterr())
    assert "firedoor.audit" in written or "vote" in written
    assert payload["response_url"].rsplit("/", 1)[1] not in written
    assert payload["trigger_id"] not in written
    assert SECRET.decode() not in written


async def status_of(door: Door, body: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """Send raw headers, which an HTTP client would refuse to send."""
    status: list[int] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/slack/interactions",
        "raw_path": b"/slack/interactions",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("firedoor.test", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    await door.app(scope, receive, send)
    return status[0]
