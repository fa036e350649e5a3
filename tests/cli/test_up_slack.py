"""`firedoor up --slack fake`: approvals from end to end, with no workspace."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Locator, Page, expect
from standardwebhooks import Webhook

from firedoor.config.initial import Initial
from firedoor.demo.slack_page import SlackPage
from tests.browser import chromium, page
from tests.cli.shell import firedoor
from tests.cli.up_kit import PARTS, PATIENCE, Running, alive, until, up
from tests.servers import free_port, ministack, request
from tests.toy_world import ToyWorld

__all__ = ["chromium", "page"]

pytestmark = pytest.mark.integration
_ROOT = Path(__file__).parent.parent.parent
_ACTIONS = _ROOT / "tests" / "toy_actions"
_PLAYBOOK = """
playbook: close_doors
summary: Weld the doors of the toy world.
responds_to: [{source: toy, types: ["Intrusion:*"]}]
mode: active
incident: "${{ finding.resources[0].uid }}"
steps:
  - id: weld_it
    action: toy.weld
    approval: {from: [secops], quorum: 2, within: 30m}
    params: {door: "${{ finding.resources[0].name }}"}
"""


@contextmanager
def up_with_slack(*more: str, environment: dict[str, str] | None = None) -> Iterator[tuple[Running, str]]:
    """Start it with a fake workspace; also tells where that one is."""
    port = free_port()
    with up("--slack", "fake", "--slack-port", str(port), *more, environment=environment) as running:
        yield running, f"http://127.0.0.1:{port}"


@pytest.mark.usefixtures("config")
def test_with_a_fake_slack_four_parts_run_and_all_of_them_stop() -> None:
    with up_with_slack("--json") as (running, slack):
        (line,) = running.said
        assert json.loads(line)["slack"] == slack
        assert b"<title>Fake Slack</title>" in request(slack)
        state = json.loads(request(f"{slack}/page/state"))
        assert [each["name"] for each in state["people"]] == ["responder", "lead"]
        children = running.children()
        assert set(children) == set(PARTS)
        assert running.stop(signal.SIGINT) == 0
        assert not any(alive(pid) for pid in children.values())


@pytest.mark.usefixtures("config")
def test_no_secret_of_the_fake_slack_stands_on_a_command_line() -> None:
    with up_with_slack() as (running, _):
        folder = Path("var/fake-slack/config/secrets")
        secrets = [file.read_bytes() for file in folder.iterdir()]
        assert sorted(file.name for file in folder.iterdir()) == ["bot_token", "signing_secret"]
        for pid in (running.process.pid, *running.children().values()):
            said = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert said, "there is a command line to look at"
            assert not [secret for secret in secrets if secret in said]
        logs = b"".join(file.read_bytes() for file in Path("var/log").iterdir())
        assert not [secret for secret in secrets if secret in logs]


@pytest.mark.usefixtures("config")
def test_the_port_of_the_fake_slack_is_looked_at_like_the_others() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [part for name in ("gateway", "temporal", "ui") for part in (f"--{name}-port", free_port())]
        said = firedoor("up", *ports, "--slack", "fake", "--slack-port", taken.getsockname()[1])
    assert said.status == 2
    assert "--slack-port" in said.err


async def test_two_people_press_approve_in_a_browser_and_the_card_says_done(
    page: Page, config: Initial, here: Path
) -> None:
    """The whole way of a newcomer: a signed finding, a card, two people, one of them twice."""
    world = ToyWorld(here / "world")
    door = world.door("front")
    with up_with_slack(environment=with_toys(config, here)) as (running, slack):
        post(config, running, door)
        await page.goto(slack)
        card = page.get_by_test_id("message").filter(has_text=f"weld door {door}").first
        await approve(page, card, "U0RESPONDER")
        await expect(card).to_contain_text("1 of 2")
        await approve(page, card, "U0RESPONDER")
        await expect(card).to_contain_text("1 of 2")
        assert world.effects() == []
        await approve(page, card, "U0LEAD")
        await expect(card).to_contain_text("Done: every change is verified")
        await expect(card.get_by_role("button", name="Approve plan")).to_have_count(0)
        assert world.effects() == [f"weld {door}"]


async def approve(page: Page, card: Locator, account: str) -> None:
    """Press the card's own button as somebody, and confirm."""
    await page.get_by_test_id("act-as").select_option(account)
    await card.get_by_role("button", name="Approve plan").click()
    async with page.expect_response("**/page/press"):
        await card.get_by_test_id("confirm-yes").and_(page.locator(":visible")).click()


def with_toys(config: Initial, here: Path) -> dict[str, str]:
    """Configure the toy world; return what its parts need around them."""
    (here / "books").mkdir()
    (here / "books/close_doors.yaml").write_text(_PLAYBOOK)
    with (config.directory / "firedoor.yaml").open("a") as file:
        file.write(f'playbooks: books\nactions: ["{_ACTIONS}"]\n')
    return {"TOY_WORLD": str(here / "world"), "PYTHONPATH": str(_ROOT)}


def post(config: Initial, running: Running, door: str) -> None:
    """Post a finding about a door, signed by Standard Webhooks as the first configuration has it."""
    now = datetime.now(UTC)
    finding = {
        "uid": f"f-{door}",
        "source": "toy",
        "type": "Intrusion:Door/Open",
        "title": f"The door {door} stands open.",
        "severity": "high",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [{"kind": "Toy::Door", "uid": f"arn:toy:door:::{door}", "name": door}],
        **dict.fromkeys(("first_seen", "last_seen", "modified"), now.isoformat()),
    }
    body = json.dumps(finding)
    secret = (config.directory / "secrets/generic.whsec").read_text().strip()
    headers = {
        "content-type": "application/json",
        "webhook-id": f"d-{door}",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(f"d-{door}", now, body),
    }
    url = f"{running.url}/findings/generic"
    answer = httpx.post(url, content=body, headers=headers, timeout=20, trust_env=False)
    assert answer.status_code == 202, answer.text


@pytest.mark.usefixtures("config")
def test_the_tutorial_leads_to_a_card_that_asks_two_people(here: Path) -> None:
    """Its script is run as it stands there, but for the ports."""
    page = (_ROOT / "docs/tutorial/approve-in-slack.md").read_text()
    script = page.partition("```python\n")[2].partition("```")[0]
    with ministack(auth=False) as aws:
        around = {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        with up_with_slack(environment=around) as (running, slack):
            (here / "leak.py").write_text(
                script.replace("http://127.0.0.1:4566", aws.url).replace("http://127.0.0.1:8080", running.url)
            )
            leak = [sys.executable, "leak.py"]
            said = subprocess.run(leak, capture_output=True, text=True, check=False, timeout=PATIENCE)
            assert said.stdout.startswith("202 [{"), said.stdout + said.stderr
            read = SlackPage(slack, {"responder": "U0RESPONDER"})
            until(lambda: any("firedoor.approve" in card.actions for card in read.cards()), "a card")
            (card,) = read.cards()
            assert card.lines[0].startswith("Approve? delete access key ")
            assert "• 2 people of secops · 2 to go" in card.lines
