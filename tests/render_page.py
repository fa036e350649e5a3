"""Draws the page as a phone shows it: `python -m tests.render_page docs/images`; `DIR all` for all states."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from firedoor.domain.people.people import Passkey
from tests.browser import chromium_path
from tests.channels.slack.reports import RULE, asked, entry, every_standing
from tests.gateway.people_engine import TOKENS
from tests.page_kit import AT, Site, served, sign_address

PHONE: ViewportSize = {"width": 390, "height": 844}


async def draw(folder: Path, *, everything: bool) -> None:
    """Take the pictures of the docs; with `everything` one of each state as well, light and dark."""
    async with async_playwright() as playwright, served() as site:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path(), headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            page = await _signed_in(browser, site)
            await _picture(page, site, "/", folder / "page-pending.png", until="main > p:last-child")
            await _picture(page, site, AT, folder / "page-response.png", until="main > details:last-of-type")
            if everything:
                await _every_state(browser, site, folder)
        finally:
            await browser.close()


async def _every_state(browser: Browser, site: Site, folder: Path) -> None:
    page = await _signed_in(browser, site)
    for name, report in every_standing().items():
        site.engine.report_now = report.model_copy(update={"ask": report.ask or site.ask})
        await _picture(page, site, AT, folder / f"state-{name}.png")
    dark = await _signed_in(browser, site, color_scheme="dark")
    site.engine.report_now = every_standing()["pending"]
    site.engine.ask_now(glass=("alice",))
    await dark.goto(site.url + AT)
    for summary in await dark.locator("summary").all():
        await summary.click()
    await dark.screenshot(path=folder / "state-dark-open.png", full_page=True)
    await dark.reload()
    await dark.get_by_role("button", name="Approve ").click()
    await dark.screenshot(path=folder / "state-said-yes.png", full_page=True)
    site.step_up()
    site.directory.keys = {"alice": (Passkey(name="phone", id="AAAA", key="AAAA"),)}
    site.engine.ask_now(votes=())
    await _picture(page, site, AT, folder / "state-step-up.png")
    await _picture(page, site, sign_address(site, "passkey"), folder / "state-passkey.png")
    site.engine.report_now = every_standing()["contained"].model_copy(
        update={
            "review": asked(kind="review", number="review-1", rules=(RULE,)),
            "entries": (*every_standing()["contained"].entries, entry("glass", says="bob acted alone")),
        }
    )
    await _picture(page, site, AT, folder / "state-review.png")
    await _picture(page, site, "/passkey", folder / "state-new-passkey.png")
    await page.context.clear_cookies()
    await _picture(page, site, "/login", folder / "state-login.png")


async def _signed_in(browser: Browser, site: Site, **settings: Any) -> Page:
    context = await browser.new_context(
        viewport=PHONE, device_scale_factor=2, is_mobile=True, locale="en-GB", timezone_id="UTC", **settings
    )
    page = await context.new_page()
    await page.goto(f"{site.url}/login")
    await page.get_by_label("Personal token").fill(TOKENS["alice"])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{site.url}/")
    return page


async def _picture(page: Page, site: Site, path: str, file: Path, *, until: str = "") -> None:
    """Take a picture of a whole page, or of it down to the end of an element."""
    await page.goto(site.url + path)
    box = await page.locator(until).bounding_box() if until else None
    if box is None:
        await page.screenshot(path=file, full_page=True)
        return
    height = box["y"] + box["height"] + 16
    await page.screenshot(
        path=file, full_page=True, clip={"x": 0, "y": 0, "width": PHONE["width"], "height": height}
    )


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    asyncio.run(draw(target, everything="all" in sys.argv[2:]))
