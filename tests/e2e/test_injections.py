"""What attackers write is letters on the card and nothing else, as a real browser shows it."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.approvals import Approvals, Asked
from tests.browser import chromium, page
from tests.channels.slack.injections import INJECTIONS, blocks_are_inert
from tests.fake_slack import CHANNEL, Posted

__all__ = ["chromium", "page"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

#: Text of a finding is at most so long, whatever a detector sends.
_LONGEST = 4096
_TOGETHER = 5  # findings; more at once would be a storm
_doors = itertools.count(1)

_CORPUS = [each[:_LONGEST] for each in INJECTIONS if each.strip()]
#: Three texts for each finding; tests/channels/slack/test_hostile.py holds that each is inert everywhere.
_PARTS = [[_CORPUS[(n + shift) % len(_CORPUS)] for shift in range(3)] for n in range(0, len(_CORPUS), 3)]
_TURNS = [_PARTS[start : start + _TOGETHER] for start in range(0, len(_PARTS), _TOGETHER)]

#: Lists what of the page is a link, a mention or bold and speaks as an attacker does; none of ours does.
_ALIVE = """() => {
  const spoken = /evil|Pre-approved|U1E93F9732|Approved by|Open AWS console|:alice:|reboot/;
  const lively = "a, b, strong, i, s, h3, .context, [class*=mention], script, iframe, img, object";
  return [...document.querySelectorAll("article :is(" + lively + ")")]
    .filter((each) => !each.closest("header"))
    .map((each) => each.tagName + " " + each.textContent + " " + (each.getAttribute("href") || ""))
    .filter((said) => spoken.test(said));
}"""


def _hostile(office: Approvals, part: list[str]) -> Asked:
    """Report a finding that is hostile in every field that an attacker can choose."""
    door = office.world.door(f"hostile{next(_doors)}")
    attributes = {"tags": {"owner": part[2], "note": part[0]}}
    finding = office.finding(
        "weld_one",
        door,
        title=part[0],
        actor={"user_name": part[1], "access_key_id": part[2], "source_ips": part, "kind": "iam_user"},
        resources=[
            {"kind": "Toy::Door", "uid": f"arn:toy:door:::{door}", "name": door, "attributes": attributes}
        ],
    )
    (started,) = office.post(finding)["responses"]
    office.opened.append(Asked(office, started["id"], door))
    return office.opened[-1]


@pytest.mark.parametrize("turn", range(len(_TURNS)))
async def test_what_attackers_write_into_findings_is_letters_on_the_card(
    office: Approvals, page: Page, turn: int, tmp_path: Path
) -> None:
    def asked() -> list[Posted]:
        office.until_quiet()  # what earlier tests ended would make it a storm
        office.new_desk()
        made = [_hostile(office, part) for part in _TURNS[turn]]
        cards = [each.asking() for each in made]
        for each, card in zip(made, cards, strict=True):
            own = f"http://127.0.0.1:{office.here.port}/responses/{each.response}"
            blocks_are_inert(card.blocks, own=(own,))
        return cards

    cards = await asyncio.to_thread(asked)
    await page.goto(office.slack.url)
    for card in cards:
        drawn = page.locator(f'[id="m-{card.ts}"]')
        picture = await drawn.screenshot(path=tmp_path / f"{card.ts}.png")
        assert len(picture) > 5_000, "there is something to see"
        assert await drawn.locator(".mention").count() == 0
    assert await page.evaluate(_ALIVE) == []


async def test_what_people_write_is_letters_on_the_card_too(office: Approvals, page: Page) -> None:
    """A reason of somebody who may say no, read by everybody else."""
    hostile = " ".join(_CORPUS)[:900]

    def rejected() -> Posted:
        asked = office.start("weld_two")
        way = office.way("http")
        view = way.dialog("alice", asked.asking(), "reject")
        assert way.submit("alice", view, reason="bad_time", comment=hostile).answer is None
        return asked.card("Rejected")

    card = await asyncio.to_thread(rejected)
    blocks_are_inert(
        card.blocks, own=(f"http://127.0.0.1:{office.here.port}/responses/{office.opened[-1].response}",)
    )
    await page.goto(office.slack.url)
    await page.locator(f'[id="m-{card.ts}"]').wait_for()
    assert await page.evaluate(_ALIVE) == []


async def test_what_is_looked_for_would_be_found(office: Approvals, page: Page) -> None:
    """The same look at a message that somebody else posted as markup."""
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Pre-approved* <https://evil.test|go>"}}
    ]
    office.slack.keep(Posted(CHANNEL, office.slack.stamp(), "x", office.slack.with_ids(blocks)))
    await page.goto(office.slack.url)
    await page.locator("article b", has_text="Pre-approved").wait_for()
    assert len(await page.evaluate(_ALIVE)) == 2
    office.slack.messages.pop()


def test_ten_thousand_letters_are_refused_at_the_door_of_our_own_format(office: Approvals) -> None:
    door = office.world.door("longest")
    for text in (each for each in INJECTIONS if len(each) > _LONGEST):
        answer = office.here.post(office.finding("weld_one", door, title=text), "d-long")
        assert answer.status_code == 422, answer.text
        assert "at most 4096 characters" in answer.text
