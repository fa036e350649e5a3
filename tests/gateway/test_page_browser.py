"""The page in a real browser: on a phone, by keyboard, without scripts, and with a passkey."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize
from structlog.testing import capture_logs

from firedoor.domain.people.people import Passkey
from firedoor.domain.yaml import reader
from tests.browser import WAITS, chromium
from tests.channels.slack.injections import INJECTIONS
from tests.channels.slack.reports import every_standing, finding
from tests.gateway.people_engine import TOKENS
from tests.page_kit import AT, Site, served

__all__ = ["chromium"]

pytestmark = pytest.mark.integration
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    async with served() as made:
        yield made


async def opened(browser: Browser, **settings: Any) -> tuple[BrowserContext, Page, list[str]]:
    """Open a phone; returns its page and the complaints of its console, which hold every violated policy."""
    context = await browser.new_context(
        viewport=PHONE, is_mobile=True, has_touch=True, locale="en-GB", timezone_id="UTC", **settings
    )
    context.set_default_timeout(WAITS)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: (
            complaints.append(said.text)
            if said.type in ("error", "warning") and "status of 4" not in said.text
            else None
        ),
    )
    return context, page, complaints


@pytest_asyncio.fixture(loop_scope="session")
async def phone(chromium: Browser) -> AsyncIterator[Page]:
    context, page, complaints = await opened(chromium)
    try:
        yield page
        assert not complaints
    finally:
        await context.close()


async def sign_in(page: Page, site: Site, name: str = "alice", path: str = "/") -> None:
    await page.goto(site.url + path)
    await page.get_by_label("Personal token").fill(TOKENS[name])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(site.url + path)


async def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(
        await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    )


async def test_a_phone_signs_in_sees_what_is_asked_and_says_yes(phone: Page, site: Site) -> None:
    await sign_in(phone, site)
    assert await phone.get_by_role("heading", level=1).inner_text() == "1 to decide"
    await phone.get_by_role("link", name="Approve? delete access key").click()
    assert await fits(phone)
    await phone.get_by_role("button", name=f"Approve {site.ask.fingerprint}").click()
    assert "Your yes counts: 1 person to go." in await phone.get_by_role("status").first.inner_text()
    (vote,) = site.engine.votes.values()
    assert (vote.voter.person, vote.door, vote.fingerprint) == ("alice", "page", site.ask.plan_sha256)


async def test_a_phone_says_no_with_a_reason(phone: Page, site: Site) -> None:
    await sign_in(phone, site, "bob", AT)
    await phone.get_by_text("Reject…").click()
    await phone.get_by_label("Real, but a bad time").check()
    await phone.get_by_label("What should the next responder know?").fill("the release runs until seven")
    await phone.get_by_role("button", name="Reject ").click()
    assert "it is rejected" in await phone.get_by_role("status").first.inner_text()
    (vote,) = site.engine.votes.values()
    assert (vote.decision, vote.reason, vote.comment) == (
        "reject",
        "bad_time",
        "the release runs until seven",
    )


async def test_the_keyboard_alone_is_enough(phone: Page, site: Site) -> None:
    await sign_in(phone, site, path=AT)
    await phone.keyboard.press("Tab")
    assert await phone.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(30):
        await phone.keyboard.press("Tab")
        if (await phone.evaluate("document.activeElement.textContent")).strip().startswith("Approve "):
            break
    outline = await phone.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "one sees where one is"
    await phone.keyboard.press("Enter")
    await phone.get_by_text("Your yes counts").wait_for()
    assert len(site.engine.votes) == 1


async def test_everything_but_a_passkey_works_without_a_script(chromium: Browser, site: Site) -> None:
    context, page, _ = await opened(chromium, java_script_enabled=False)
    try:
        await sign_in(page, site, path=AT)
        await page.get_by_role("button", name="Approve ").click()
        await page.get_by_text("Your yes counts").wait_for()
        await page.get_by_text("Not now, or not you…").click()
        await page.get_by_label("Remind people later").select_option("60")
        await page.get_by_role("button", name="Snooze").click()
        await page.get_by_text("People are reminded at").wait_for()
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("heading", name="Sign in to Firedoor").wait_for()
    finally:
        await context.close()


@pytest.mark.parametrize("width", [320, 360])
async def test_nothing_is_scrolled_sideways_whatever_a_finding_says(
    phone: Page, site: Site, width: int
) -> None:
    await phone.set_viewport_size({"width": width, "height": 700})
    await sign_in(phone, site)
    report = every_standing()["pending"]
    for hostile in (INJECTIONS[-6], "x" * 4000, "شلوم " * 50, INJECTIONS[12]):
        text = hostile[:2000]
        step = report.asked_steps[0].model_copy(update={"says": text, "target": text})
        actor = report.finding.actor.model_copy(update={"user_name": text})
        site.engine.report_now = report.model_copy(
            update={"asked_steps": (step,), "finding": finding(title=text, actor=actor)}
        )
        for path in ("/", AT):
            await phone.goto(site.url + path)
            assert await fits(phone), (path, text[:20])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_has_enough_contrast(chromium: Browser, site: Site, scheme: str) -> None:
    context, page, complaints = await opened(chromium, color_scheme=scheme)
    try:
        await sign_in(page, site, path=AT)
        site.engine.ask_now(glass=("alice",))
        for path in ("/", AT, "/passkey"):
            await page.goto(site.url + path)
            for summary in await page.locator("summary").all():
                await summary.click()
            assert await page.evaluate(_POOR) == []
        assert not complaints
    finally:
        await context.close()


#: Lists texts whose contrast with what lies under them is below WCAG's AA.
_POOR = """() => {
  const parsed = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const under = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const color = parsed(getComputedStyle(each).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("main *, header *")) {
    const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim());
    if (!own || !node.offsetParent) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parsed(style.color)), light(under(node))].sort((x, y) => y - x);
    const needed = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    if ((a + 0.05) / (b + 0.05) < needed) poor.push(node.textContent.trim().slice(0, 40));
  }
  return poor;
}"""


async def test_a_fresh_sign_in_at_the_provider_signs_a_yes(phone: Page, site: Site) -> None:
    site.step_up()
    await phone.goto(site.url + AT)
    await phone.get_by_role("link", name="Sign in with").click()
    await phone.get_by_role("link", name="Sign in again to approve").click()
    await phone.wait_for_url("**/confirm")
    assert not site.engine.votes
    await phone.get_by_role("button", name="Approve ").click()
    await phone.get_by_text("Your yes counts").wait_for()
    (vote,) = site.engine.votes.values()
    assert vote.proof is not None
    assert vote.proof.kind == "oidc"


async def test_claims_that_went_stale_are_read_again_by_themselves(phone: Page, site: Site) -> None:
    await phone.goto(site.url + AT)
    await phone.get_by_role("link", name="Sign in with").click()
    await phone.get_by_role("button", name="Approve ").wait_for()
    site.clock.now += timedelta(minutes=2)
    await phone.get_by_role("button", name="Approve ").click()
    await phone.get_by_text("You are known anew.").wait_for()
    assert not site.engine.votes
    await phone.get_by_role("button", name="Approve ").click()
    await phone.get_by_text("Your yes counts").wait_for()


async def authenticator(page: Page) -> None:
    """Give the browser a device that checks who holds it."""
    client = await page.context.new_cdp_session(page)
    await client.send("WebAuthn.enable")
    await client.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


async def test_a_passkey_is_made_and_then_signs_a_yes(phone: Page, site: Site) -> None:
    site.step_up()
    await authenticator(phone)
    await sign_in(phone, site, path="/passkey")
    await phone.get_by_label("What do you call this device?").fill("my phone")
    await phone.get_by_role("button", name="Make a passkey").click()
    line = await phone.locator("code.command").inner_text()
    given = line.split("--passkey ")[1].strip("'")
    site.directory.keys = {"alice": (reader.load(reader.read(given, "line"), Passkey),)}
    await phone.goto(site.url + AT)
    await phone.get_by_role("link", name="Approve with a passkey").click()
    await phone.get_by_role("button", name="Approve ").click()
    await phone.get_by_text("Your yes counts").wait_for()
    (vote,) = site.engine.votes.values()
    assert vote.proof is not None
    assert (vote.proof.kind, vote.proof.plan_sha256) == ("passkey", site.ask.plan_sha256)


async def test_a_passkey_that_gives_no_answer_sends_nothing(phone: Page, site: Site) -> None:
    site.step_up()
    await authenticator(phone)
    site.directory.keys = {"alice": (Passkey(name="lost", id="AAAA", key="AAAA"),)}
    await sign_in(phone, site, path=AT)
    await phone.get_by_role("link", name="Approve with a passkey").click()
    await phone.get_by_role("button", name="Approve ").click()
    await phone.get_by_text("Nothing was sent").wait_for()
    assert not site.engine.votes


async def test_a_page_of_somebody_else_can_neither_frame_it_nor_send_its_forms(
    chromium: Browser, site: Site
) -> None:
    context, page, _ = await opened(chromium)
    try:
        await sign_in(page, site, path=AT)
        evil = await context.new_page()
        ask = json.dumps({"ask": site.ask.id, "generation": "1", "plan": site.ask.plan_sha256})
        await evil.goto(site.idp.issuer + "/jwks")
        await evil.evaluate(
            """([url, fields]) => {
              const form = document.createElement("form");
              form.method = "post"; form.action = url;
              for (const [name, value] of Object.entries(JSON.parse(fields))) {
                const input = document.createElement("input");
                input.name = name; input.value = value; form.append(input);
              }
              document.body.append(form); form.submit();
            }""",
            [f"{site.url}{AT}/approve", ask],
        )
        await evil.get_by_role("heading", level=1).wait_for()
        assert not site.engine.votes
        await evil.goto(site.idp.issuer + "/jwks")
        await evil.evaluate(
            "(url) => { const frame = document.createElement('iframe'); frame.src = url; "
            "document.body.append(frame); return new Promise((done) => { frame.onload = done; }) }",
            site.url + AT,
        )
        framed = [await frame.content() for frame in evil.frames if frame.parent_frame]
        assert framed
        assert not any("Approve" in content for content in framed)
    finally:
        await context.close()
