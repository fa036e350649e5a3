"""A real browser for tests: the Chromium of this machine, without a window."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, async_playwright, expect

# Import `chromium` and `page` into a test file, and write `async def` tests that take `page`. Playwright
# without `await` keeps a running event loop in the main thread, and every async test after it would fail.

#: Chromium shall talk to the page under test, and to nobody else.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
#: Milliseconds; where all is well nothing waits as long. `expect` has five seconds of its own otherwise.
WAITS = 45_000
expect.set_options(timeout=WAITS)


def chromium_path() -> str:
    """Return where Chromium is on this machine, "" if nowhere."""
    named = os.environ.get("FIREDOOR_CHROMIUM", "")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or ""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser that all tests of a session share; a test opens pages of its own in it."""
    path = chromium_path()
    if not path:
        pytest.skip("no Chromium: install it (Debian: apt-get install chromium), or set FIREDOOR_CHROMIUM")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=path, headless=True, args=list(_FLAGS))
        except Error as error:
            pytest.skip(f"Chromium at {path} does not start: {error}")
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page in a browser context of its own; an error of its scripts fails the test."""
    context = await chromium.new_context(
        viewport={"width": 1100, "height": 900}, locale="en-GB", timezone_id="UTC"
    )
    context.set_default_timeout(WAITS)
    made = await context.new_page()
    broken: list[str] = []
    made.on("pageerror", lambda error: broken.append(str(error)))
    try:
        yield made
        assert not broken, f"scripts of the page failed: {broken}"
    finally:
        await context.close()
