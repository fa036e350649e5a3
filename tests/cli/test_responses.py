# ruff: noqa: E501  the snapshot shows lines as they are printed
"""What is asked and people's words about it from a terminal, through the gateway's own application."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import httpx
import pytest
from inline_snapshot import snapshot
from structlog.testing import capture_logs

from firedoor.cli import responses as responses_command
from firedoor.cli import votes as votes_command
from firedoor.config.initial import Initial
from firedoor.domain.core.errors import Unavailable
from firedoor.domain.finding.finding import Finding
from firedoor.domain.response.contract import Intake
from firedoor.gateway.api.app import create_app
from firedoor.gateway.api.responses import responses_router
from tests.channels.slack.reports import ID, every_standing
from tests.cli.shell import Said, firedoor
from tests.gateway.people_engine import PEOPLE, TOKENS, Clock, MemoryDirectory, MemoryEngine

GATEWAY = "http://127.0.0.1:8080"
SHORT = ID.rpartition("/")[2][:12]


class Nothing:
    """Takes no finding."""

    async def take(self, finding: Finding, *, source: str) -> Intake:
        raise NotImplementedError


class There:
    """A gateway that every HTTP client of this process reaches, and what it was asked."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.engine = MemoryEngine(self.clock)
        self.asked: list[httpx.Request] = []

        async def ready() -> dict[str, str]:
            return {}

        directory = MemoryDirectory(lambda: PEOPLE)
        router = responses_router(directory=directory, engine=self.engine, clock=self.clock)
        app = create_app(doors={}, responses=Nothing(), ready=ready, clock=self.clock, routers=[router])
        self._app = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer as the application does."""
        self.asked.append(request)

        async def ask() -> httpx.Response:
            answer = await self._app.handle_async_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return asyncio.run(ask())

    @property
    def fingerprint(self) -> str:
        """The fingerprint of what is asked."""
        assert self.engine.report_now.ask
        return self.engine.report_now.ask.fingerprint


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[There]:
    """A gateway in memory, and alice's token."""
    made = There()
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _, request: made.handle(request))
    monkeypatch.setenv("FIREDOOR_TOKEN", TOKENS["alice"])
    with capture_logs():  # the gateway's audit trail is not what the command says
        yield made


def ask(*arguments: object, **more: Any) -> Said:
    return firedoor(*arguments, "--url", GATEWAY, **more)


def stand(monkeypatch: pytest.MonkeyPatch, moment: Clock) -> None:
    """Let the commands see the gateway's time."""

    class Fixed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return moment().astimezone(tz)

    for module in (responses_command, votes_command):
        monkeypatch.setattr(module, "datetime", Fixed)


def test_the_list_shows_what_every_command_understands(there: There) -> None:
    said = ask("responses")
    assert said.status == 0
    assert said.out == snapshot("""\
id            status             playbook           severity  account  started
0b7d5c1e9f2a  awaiting approval  leaked_access_key            -        2026-11-22 18:29:51Z
""")
    assert ask("responses", SHORT).status == 0
    assert ask("responses", SHORT[:4]).status == 0


def test_the_list_is_narrowed_by_the_gateway(there: There) -> None:
    assert ask("responses", "--status", "undone").out == "No response fits.\n"
    assert ask("responses", "--playbook", "leaked_access_key", "--since", "24h", "--json").json["responses"]
    wrong = ask("responses", "--status", "nonsense")
    assert wrong.status == 2
    assert "an unknown status" in wrong.err


def test_one_response_tells_its_plan_its_ask_and_what_happened(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand(monkeypatch, there.clock)
    said = ask("responses", ID)
    assert said.status == 0
    assert said.out == snapshot("""\
Approve?  leaked_access_key  respond/leaked_access_key/0b7d5c1e9f2a4b6c8d0e1f2a3b4c5d6e
Nothing of this is done until enough people say yes.

high · aws.guardduty UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom · account 123456789012 · us-east-1
“Access key used from a Tor exit node and an unusual network”
started 2026-11-22 18:29:51Z

Plan

✓  stop_key  aws.deactivate_access_key  verified
    does   deactivate access key AKIAIOSFODNN7EXAMPLE of user svc-deploy
    where  arn:aws:iam::123456789012:user/svc-deploy · us-east-1

✓  end_sessions  aws.revoke_user_sessions  verified
    does   end every session of user svc-deploy that began before now
    where  arn:aws:iam::123456789012:user/svc-deploy · us-east-1

○  delete_key  aws.delete_access_key  not begun
    does    delete access key AKIAIOSFODNN7EXAMPLE of user svc-deploy
    where   arn:aws:iam::123456789012:user/svc-deploy · us-east-1
    breaks  • whatever still signs with this key fails for good (last used 4 min ago by s3)
            • CI deploys of 3 services stop until a new key is rolled out
    undo    IMPOSSIBLE: AWS keeps no copy of a deleted secret
    asks    2 people of secops within 30 min, then secops-leads too

Approve?  1397-3AAF-2486
  • delete access key AKIAIOSFODNN7EXAMPLE of user svc-deploy  IMPOSSIBLE: AWS keeps no copy of a deleted secret
      breaks whatever still signs with this key fails for good
      breaks CI deploys of 3 services stop until a new key is rolled out
  who    2 people of secops · 2 to go
  until  2026-11-22 19:00:00Z (in 29 min); then secops-leads too

Timeline
  +9.0 s  received  aws.guardduty reported a leaked key
  +9.0 s  planned   so it is
  +9.0 s  begun     stop_key: so it is
  +9.0 s  applied   stop_key: so it is
  +9.0 s  verified  stop_key: so it is
  +9.0 s  begun     end_sessions: so it is
  +9.0 s  applied   end_sessions: so it is
  +9.0 s  verified  end_sessions: so it is

  say yes  firedoor approve 0b7d5c1e9f2a --fingerprint 1397-3AAF-2486
  say no   firedoor reject 0b7d5c1e9f2a --fingerprint 1397-3AAF-2486 --reason false_positive
""")


@pytest.mark.parametrize("name", every_standing())
def test_every_standing_can_be_shown(there: There, name: str) -> None:
    report = every_standing()[name]
    there.engine.report_now = report.model_copy(update={"ask": report.ask or there.engine.report_now.ask})
    said = ask("responses", ID)
    assert (said.status, said.err) == (0, "")
    assert report.finding.type in said.out


def test_a_yes_that_names_the_plan_counts(there: There) -> None:
    said = ask("approve", SHORT, "--fingerprint", there.fingerprint)
    assert said == (0, "✓ your yes counts: 1 person to go\n", "")
    (vote,) = there.engine.votes.values()
    assert (vote.voter.person, vote.decision, vote.fingerprint) == ("alice", "approve", there.fingerprint)
    assert vote.door == "cli"


def test_the_last_yes_is_looked_up_once_more(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("approve", SHORT, "--fingerprint", there.fingerprint)
    monkeypatch.setenv("FIREDOOR_TOKEN", TOKENS["bob"])
    said = ask("approve", SHORT, "--fingerprint", there.fingerprint, "--json")
    assert said.json == {
        "response": ID,
        "state": "confirming",
        "missing": 0,
        "fingerprint": there.fingerprint,
    }


def test_a_yes_to_another_plan_is_a_no_with_the_reason(there: There) -> None:
    said = ask("approve", SHORT, "--fingerprint", "AAAA-BBBB-CCCC")
    assert (said.status, said.out) == (1, "")
    assert "the plan has changed" in said.err
    assert not there.engine.votes


def test_somebody_who_may_not_decide_is_told_so(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREDOOR_TOKEN", TOKENS["eve"])
    said = ask("approve", SHORT, "--fingerprint", there.fingerprint)
    assert said.status == 1
    assert "you are not in secops" in said.err


def test_without_a_terminal_a_yes_names_its_plan(there: There) -> None:
    """A script that says yes to whatever is there is no approval."""
    said = ask("approve", SHORT, typed="y\n")
    assert (said.status, said.out) == (2, "")
    assert "no fingerprint, and no terminal to show the plan on" in said.err
    assert not there.engine.votes


@pytest.mark.parametrize(
    ("typed", "status", "votes"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0), ("", 1, 0)]
)
def test_on_a_terminal_the_card_is_shown_and_the_person_asked(
    there: There, monkeypatch: pytest.MonkeyPatch, typed: str, status: int, votes: int
) -> None:
    monkeypatch.setattr(votes_command, "on_terminal", lambda: True)
    said = ask("approve", SHORT, typed=typed)
    assert said.status == status
    assert len(there.engine.votes) == votes
    assert there.fingerprint in said.err
    assert "delete access key AKIAIOSFODNN7EXAMPLE of user svc-deploy" in said.err
    assert "IMPOSSIBLE" in said.err
    assert [vote.fingerprint for vote in there.engine.votes.values()] == [there.fingerprint] * votes


def test_a_no_carries_its_reason_and_a_sentence(there: There) -> None:
    said = ask(
        "reject",
        SHORT,
        "--fingerprint",
        there.fingerprint,
        "--reason",
        "bad_time",
        "--comment",
        "release: at six",
    )
    assert said == (0, "✓ your no counts: it is rejected; nothing of it is done\n", "")
    (vote,) = there.engine.votes.values()
    assert (vote.decision, vote.reason, vote.comment) == ("reject", "bad_time", "release: at six")


@pytest.mark.parametrize("reason", [[], ["--reason", "because"]])
def test_a_no_without_a_reason_is_wrong_use(there: There, reason: list[str]) -> None:
    assert ask("reject", SHORT, "--fingerprint", there.fingerprint, *reason).status == 2
    assert not there.engine.votes


def test_what_is_asked_is_listed_with_whom_until_when_and_which_plan(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand(monkeypatch, there.clock)
    there.engine.ask_now(assigned_to="bob")
    said = ask("approvals")
    assert said.status == 0
    assert said.out == snapshot("""\
0b7d5c1e9f2a  Approve? delete access key AKIAIOSFODNN7EXAMPLE of user svc-deploy
  who    2 people of secops · 2 to go
  until  2026-11-22 19:00:00Z (in 29 min)
  plan   1397-3AAF-2486
  asked  bob was asked to look

""")
    told = ask("approvals", "--json").json
    assert [(each["response"], each["fingerprint"]) for each in told["approvals"]] == [
        (ID, there.fingerprint)
    ]
    assert told["approvals"][0]["who"] == [{"quorum": 2, "groups": ["secops"]}]


def test_where_nothing_is_asked_that_is_said(there: There) -> None:
    there.engine.report_now = every_standing()["contained"]
    assert ask("approvals").out == "Nobody is asked anything now.\n"
    assert ask("approvals", "--json").json == {"approvals": [], "unreadable": 0}


def test_an_ask_that_cannot_be_read_is_counted(there: There) -> None:
    there.engine.mute = Unavailable("the response does not answer")
    said = ask("approvals")
    assert said.status == 0
    assert "1 more cannot be read now" in said.err


def test_the_glass_is_broken_with_a_written_reason_alone(there: There) -> None:
    there.engine.ask_now(glass=("alice",))
    plan = ("--fingerprint", there.fingerprint)
    assert ask("approve", SHORT, *plan, "--break-glass", "short").status == 2
    assert not there.asked
    assert ask("approve", SHORT, *plan, "--break-glass", "the attacker is in there now").status == 0
    (vote,) = there.engine.votes.values()
    assert (vote.break_glass, vote.comment) == (True, "the attacker is in there now")


def test_a_reminder_is_put_off(there: There) -> None:
    said = ask("snooze", SHORT, "--for", "1h")
    assert said == (0, "✓ people are reminded at 2026-11-22 19:31:00Z\n", "")
    (request,) = there.engine.nudges.values()
    assert request.fingerprint == there.fingerprint
    for wrong in ("0m", "25h", "soon", "10s"):
        assert ask("snooze", SHORT, "--for", wrong).status == 2
    assert ask("snooze", SHORT, "--fingerprint", "AAAA-BBBB-CCCC").status == 1


def test_somebody_is_asked_to_look(there: There) -> None:
    said = ask("reassign", SHORT, "--to", "bob")
    assert said == (0, "✓ bob is asked to look; nobody is reminded any more\n", "")
    assert ask("reassign", SHORT, "--to", "nobody").status == 1
    assert ask("reassign", SHORT, "--to", "Bob Of Accounting").status == 2
    assert ask("reassign", SHORT).status == 2


def test_undo_is_asked_for_and_tells_how_it_is_approved(there: There) -> None:
    said = ask("undo", SHORT, "--why", "it was a drill")
    assert said.status == 0
    assert said.out == snapshot("""\
✓ undo is asked for; 2 people needed
  somebody else says yes:  firedoor approve 0b7d5c1e9f2a --fingerprint 1397-3AAF-2486
""")
    (request,) = there.engine.undos.values()
    assert (request.person, request.why) == ("alice", "it was a drill")


def test_a_vote_that_is_not_counted_yet_says_so(there: There) -> None:
    there.engine.waiting = True
    said = ask("approve", SHORT, "--fingerprint", there.fingerprint)
    assert said == (0, "… recorded, and waiting for the engine to count it\n", "")


def test_an_engine_that_is_down_is_no_yes(there: There) -> None:
    there.engine.broken = Unavailable("Temporal does not answer")
    said = ask("approve", SHORT, "--fingerprint", there.fingerprint)
    assert (said.status, said.out) == (1, "")
    assert "Temporal does not answer" in said.err


def test_a_token_that_is_nobodys_is_wrong_use(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREDOOR_TOKEN", "stolen")
    said = ask("responses")
    assert said.status == 2
    assert "this token belongs to nobody" in said.err
    assert "stolen" not in said.err


def test_a_token_may_stand_in_a_file(there: There, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    monkeypatch.delenv("FIREDOOR_TOKEN")
    assert "nothing says who you are" in ask("responses").err
    assert "nowhere cannot be read" in ask("responses", "--token-file", "nowhere").err
    (here / "token").write_text(TOKENS["alice"] + "\n")
    assert ask("responses", "--token-file", "token").status == 0


@pytest.mark.parametrize("token", ["two words", "fd_Grüße", "fd_x\r\nX-Evil: 1"])
def test_what_cannot_be_a_token_is_sent_nowhere(
    there: There, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("FIREDOOR_TOKEN", token)
    said = ask("responses")
    assert said.status == 2
    assert token not in said.err
    assert not there.asked


def test_the_url_comes_from_the_configuration_and_needs_no_secret(there: There, config: Initial) -> None:
    for file in (config.directory / "secrets").iterdir():
        file.unlink()
    assert firedoor("responses").status == 0
    assert str(there.asked[0].url) == f"{GATEWAY}/v1/responses"


def test_without_any_url_nothing_is_asked(there: There) -> None:
    said = firedoor("responses")
    assert said.status == 2
    assert "nothing says where the gateway is" in said.err
    assert firedoor("responses", "--url", "file:///etc/passwd").status == 2
    assert not there.asked


def test_an_id_that_nobody_knows_is_a_no(there: There) -> None:
    assert ask("responses", "ffff").status == 1
    assert ask("responses", "respond/leaked_access_key/" + "0" * 32).status == 1
    assert ask("responses", "0b7").status == 2


def answer(monkeypatch: pytest.MonkeyPatch, reply: httpx.Response | Exception) -> None:
    def handle(_: object, __: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json=[1]),
        httpx.Response(302, headers={"location": "http://elsewhere/"}),
        httpx.Response(500, text="boom"),
        httpx.Response(503, json={"found": 7}),
        httpx.ConnectError("no"),
        httpx.ReadTimeout("slow"),
    ],
)
def test_something_that_is_no_gateway_is_told_as_such(
    there: There, monkeypatch: pytest.MonkeyPatch, reply: httpx.Response | Exception
) -> None:
    answer(monkeypatch, reply)
    said = ask("responses")
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("✗ ")


def test_a_token_is_not_carried_to_where_a_redirect_points(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def handle(_: object, request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://127.0.0.1:8080/elsewhere"})

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    assert ask("responses").status == 1
    assert asked == [f"{GATEWAY}/v1/responses"]


def test_a_gateway_of_another_version_is_told_as_such(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, httpx.Response(200, json={"id": ID, "new": True}))
    said = ask("responses", ID)
    assert said.status == 1
    assert "another version" in said.err
    assert ask("responses", ID, "--json").json == {"id": ID, "new": True}


def test_two_that_fit_are_not_guessed_between(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"respond/p/abcd{number}{'0' * 27}" for number in (1, 2)]
    answer(monkeypatch, httpx.Response(200, json={"responses": [{"id": each} for each in ids]}))
    said = ask("approve", "abcd", "--fingerprint", "AAAA-BBBB-CCCC")
    assert said.status == 2
    assert all(each in said.err for each in ids)
