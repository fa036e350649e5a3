"""The served fake Slack: JSON and forms, faults on the wire, and the three seconds of an answer."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from firedoor.testing.slack import Workspace, running, serve
from firedoor.testing.slack.__main__ import main
from firedoor.testing.slack.delivery import payload_of
from firedoor.testing.slack.messages import Signed
from firedoor.testing.slack.people import APP_TOKEN, CHANNEL, TOKEN
from tests.servers import free_port
from tests.testing.kit import Json, actions, button, modal, post, trigger
from tests.testing.stub_gateway import Gateway, stub

pytestmark = pytest.mark.integration


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with running(Workspace()) as made:
        yield made


def ask(
    slack: Workspace, path: str, body: bytes, *, kind: str = "application/json", token: str = TOKEN
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(slack.url).netloc, timeout=5)
    headers = {"content-type": kind} | ({"authorization": f"Bearer {token}"} if token else {})
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def call(slack: Workspace, method: str, **body: Any) -> Json:
    answer: Json = json.loads(ask(slack, f"/api/{method}", json.dumps(body).encode())[2])
    return answer


def form(slack: Workspace, method: str, **fields: str) -> Json:
    body = urlencode(fields).encode()
    answer = ask(slack, f"/api/{method}", body, kind="application/x-www-form-urlencoded", token="")
    told: Json = json.loads(answer[2])
    return told


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with stub() as made:
        yield made


# ---- calls -------------------------------------------------------------------------


def test_json_and_forms_are_taken(slack: Workspace) -> None:
    blocks = json.dumps(actions(button()))
    assert call(slack, "chat.postMessage", channel=CHANNEL, text="x", blocks=actions(button()))["ok"]
    assert form(slack, "chat.postMessage", token=TOKEN, channel=CHANNEL, text="x", blocks=blocks)["ok"]
    assert [[each["action_id"] for each in card.buttons()] for card in slack.cards()] == [["go"], ["go"]]
    assert slack.calls == ["chat.postMessage"] * 2


def test_junk_is_refused_and_not_a_500(slack: Workspace) -> None:
    for junk in (b"{", b"[]", b"\xff"):
        status, _, answer = ask(slack, "/api/chat.postMessage", junk)
        assert (status, json.loads(answer)["error"]) == (200, "invalid_json")


def test_an_app_token_counts_in_the_header_only(slack: Workspace) -> None:
    assert form(slack, "apps.connections.open", token=APP_TOKEN)["error"] == "invalid_auth"
    answer = ask(slack, "/api/apps.connections.open", b"", token=APP_TOKEN)
    assert json.loads(answer[2])["url"].startswith(slack.url.replace("http", "ws") + "/link/?ticket=")


def test_an_answer_is_lost_after_the_message_is_stored(slack: Workspace) -> None:
    slack.fail("chat.postMessage", lost=True)
    with pytest.raises((http.client.HTTPException, OSError)):
        call(slack, "chat.postMessage", channel=CHANNEL, text="x")
    assert [card.text for card in slack.cards()] == ["x"]


def test_too_many_calls_and_broken_answers_come_as_they_do_from_slack(slack: Workspace) -> None:
    slack.fail("chat.update", status=429, body={"ok": False}, headers={"Retry-After": "7"}, times=2)
    slack.fail("auth.test", status=503, body="<html>maintenance</html>")
    for _ in range(2):
        status, headers, _ = ask(slack, "/api/chat.update", b"{}")
        assert (status, headers["retry-after"]) == (429, "7")
    status, headers, body = ask(slack, "/api/auth.test", b"")
    assert (status, body) == (503, b"<html>maintenance</html>")
    assert headers["content-type"].startswith("text/html")
    assert call(slack, "auth.test")["ok"]


def test_an_answer_can_be_late(slack: Workspace) -> None:
    slack.fail("auth.test", delay=0.2)
    began = time.monotonic()
    assert call(slack, "auth.test")["ok"]
    assert time.monotonic() - began >= 0.2


def test_an_answer_url_is_served_without_a_token(slack: Workspace) -> None:
    url = payload_of(slack.press("U0BOB", post(slack, *actions(button())), "go"))["response_url"]
    assert url.startswith(f"{slack.url}/actions/")
    said = [ask(slack, urlsplit(url).path, b'{"text": "no"}', token="")[::2] for _ in range(6)]
    assert said == [(200, b"ok")] * 5 + [(404, b"used_url")]


async def test_nothing_but_loopback_is_listened_on() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        await serve(Workspace(), "0.0.0.0", 0)  # noqa: S104  the point of the test


def test_a_page_of_another_site_cannot_press(slack: Workspace) -> None:
    """Whoever uses this machine presses as anybody; a page that their browser shows must not."""
    own = urlsplit(slack.url).netloc
    press = json.dumps({"by": "U0BOB"}).encode()
    for host, origin in (
        (own, "http://evil.example"),
        ("evil.example", "http://evil.example"),
        (own, "null"),
    ):
        connection = http.client.HTTPConnection(own, timeout=5)
        connection.request("POST", "/page/press", press, {"host": host, "origin": origin})
        assert connection.getresponse().status == 403
        connection.close()


# ---- deliveries --------------------------------------------------------------------


def test_a_press_arrives_signed(slack: Workspace, gateway: Gateway) -> None:
    signed = slack.press("U0BOB", post(slack, *actions(button())), "go")
    assert slack.deliver(gateway.url, signed).outcome == "ok"
    ((headers, body),) = gateway.requests
    assert body == signed.body
    assert headers["x-slack-signature"] == signed.headers["x-slack-signature"]
    assert headers["user-agent"].startswith("Slackbot 1.0")
    assert not slack.notices


def test_an_answer_after_three_seconds_is_none(slack: Workspace, gateway: Gateway) -> None:
    slack.delivery.within, gateway.delay = 0.15, 1.5  # the rule, with shorter seconds
    delivered = slack.deliver(gateway.url, slack.press("U0BOB", post(slack, *actions(button())), "go"))
    assert delivered.outcome == "operation_timeout"
    assert delivered.seconds < 1.4, "nobody is waited for longer"
    assert [notice.code for notice in slack.noticed("U0BOB")] == ["operation_timeout"]
    assert "3 seconds" in slack.notices[0].text


def test_an_answer_that_is_no_200_is_shown_to_the_person(slack: Workspace, gateway: Gateway) -> None:
    gateway.status = 500
    delivered = slack.deliver(gateway.url, slack.press("U0BOB", post(slack, *actions(button())), "go"))
    assert (delivered.outcome, delivered.status) == ("failed", 500)
    assert slack.noticed("U0BOB")[0].text == "This app responded with Status Code 500."
    nobody = f"http://127.0.0.1:{free_port()}/"
    assert slack.deliver(nobody, slack.press("U0BOB", slack.cards()[0], "go")).outcome == "failed"
    assert slack.noticed("U0BOB")[1].text == "This app did not respond."


@pytest.mark.parametrize(
    ("answer", "shown", "errors"),
    [
        (b"", 0, {}),
        (b'{"response_action": "errors", "errors": {"why": "Say more."}}', 1, {"why": "Say more."}),
        (b'{"response_action": "clear"}', 0, {}),
    ],
)
def test_the_answer_to_a_dialog_closes_it_or_complains_in_it(
    slack: Workspace, gateway: Gateway, answer: bytes, shown: int, errors: dict[str, str]
) -> None:
    gateway.body = answer
    view = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": modal()})["view"]["id"]
    slack.deliver(gateway.url, slack.submit_view("U0ALICE", view, {}))
    assert slack.dialogs.of(view).open == bool(shown)
    assert slack.dialogs.of(view).errors == errors


def test_the_answer_to_a_dialog_changes_it_or_puts_another_on_top(slack: Workspace, gateway: Gateway) -> None:
    view = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": modal()})["view"]["id"]
    for action in ("update", "push"):
        says = modal(title={"type": "plain_text", "text": action})
        gateway.body = json.dumps({"response_action": action, "view": says}).encode()
        slack.deliver(gateway.url, slack.submit_view("U0ALICE", view, {}))
    top = str(slack.shown("U0ALICE"))
    assert (slack.views[view]["title"]["text"], slack.views[top]["title"]["text"]) == ("update", "push")
    assert slack.dialogs.of(top).previous == view


def test_a_dialog_stays_open_when_the_app_fails(slack: Workspace, gateway: Gateway) -> None:
    gateway.status = 502
    view = slack.call("views.open", TOKEN, {"trigger_id": trigger(slack), "view": modal()})["view"]["id"]
    slack.deliver(gateway.url, slack.submit_view("U0ALICE", view, {}))
    assert slack.shown("U0ALICE") == view
    assert "trouble connecting" in slack.noticed("U0ALICE")[0].text


def test_a_workspace_without_an_app_to_deliver_to_says_so(slack: Workspace) -> None:
    assert slack.send(slack.press("U0BOB", post(slack, *actions(button())), "go")).outcome == "failed"
    assert slack.noticed("U0BOB")[0].text == "This app did not respond."


# ---- on its own --------------------------------------------------------------------


def test_it_runs_on_its_own_says_so_in_one_line_and_ends_when_told(gateway: Gateway) -> None:
    words = ["--deliver-to", gateway.url, "--people", "U1=ann", "U2=guy:guest", "--groups", "S1=ops:U1,U2"]
    command = [sys.executable, "-m", "firedoor.testing.slack", *words, "--signing-secret", "hush"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            line = process.stdout.readline()
            there = Workspace()
            there.url = line.split()[2]
            assert line == f"fake Slack: {there.url} (API {there.url}/api/)\n"
            assert call(there, "usergroups.users.list", usergroup="S1")["users"] == ["U1", "U2"]
            assert call(there, "users.info", user="U2")["user"]["is_restricted"] is True
            ts = call(there, "chat.postMessage", channel=CHANNEL, text="x", blocks=actions(button()))["ts"]
            press = {"as": "U1", "channel": CHANNEL, "ts": ts, "action_id": "go"}
            assert ask(there, "/page/press", json.dumps(press).encode())[0] == 200
            assert payload_of(Signed(gateway.requests[0][1], {}))["user"]["id"] == "U1"
            process.send_signal(signal.SIGTERM)
            assert process.stdout.read() == ""
            process.wait(5)
        finally:
            process.kill()


@pytest.mark.parametrize("word", ["U1", "=ann", "U1=ann:emperor"])
def test_a_person_that_cannot_be_read_is_refused_with_what_was_expected(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--people", word])
    assert "expected ID=name" in capsys.readouterr().err
