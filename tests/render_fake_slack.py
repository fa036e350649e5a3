"""Photographs a pending card on the fake Slack's page: `python -m tests.render_fake_slack PNG`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from firedoor.channels.slack.card import card
from firedoor.channels.slack.render_context import Around
from firedoor.testing.slack import Person, Workspace, WorkspaceConfig, running
from firedoor.testing.slack.people import CHANNEL, TOKEN
from tests.browser import chromium_path
from tests.channels.slack.reports import NOW, every_standing

#: Whom `firedoor init` writes into people.yaml.
PEOPLE = (Person("U0RESPONDER", "responder"), Person("U0LEAD", "lead"))


def photograph(file: Path) -> None:
    """Post the card as Firedoor does, and take a picture of the page with Chromium."""
    message = card(every_standing()["pending"], Around(page="http://127.0.0.1:8080"))
    said = {"channel": CHANNEL, "text": message.text, "blocks": list(message.blocks)}
    config = WorkspaceConfig(users={}, others=PEOPLE, usergroups=())
    with running(Workspace(config, NOW.timestamp)) as slack, sync_playwright() as playwright:
        answer = slack.call("chat.postMessage", TOKEN, said)
        if not answer["ok"]:
            raise SystemExit(f"the fake Slack refused the card: {answer}")
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 960, "height": 730}, device_scale_factor=1.5)
        page.goto(f"{slack.url}/?as=U0RESPONDER")
        page.get_by_test_id("button").first.wait_for()
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    photograph(Path(sys.argv[1]))
