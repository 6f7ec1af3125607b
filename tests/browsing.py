"""A real Chromium for tests marked `browser`. A test package imports `chromium` in its conftest.py."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Playwright, expect, sync_playwright

_PLACES = ("chromium", "google-chrome", "chromium-browser")
_ARGUMENTS = [
    "--no-sandbox",  # Chromium's own sandbox refuses to run as root, as tests in a container do
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Playwright's own five seconds are too few for a page on a machine that is busy with much else.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
_HAS_THE_KEYBOARD = """(_, patience_ms) => new Promise(done => {
  const until = performance.now() + patience_ms;
  (function look() { document.hasFocus() || performance.now() > until ? done() : setTimeout(look, 10) })();
})"""


# For a module, not the session: while it is open, playwright's blocking API keeps an event loop running in this thread,
# in which no other test could call asyncio.run().
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A Chromium that this module's tests share; each opens contexts of its own.

    Taken from CHROMIUM_PATH, the system, or playwright's own download. Without one the test is skipped, in CI it fails.
    """
    with sync_playwright() as playwright:
        path = _chromium_path(playwright)
        if path is None:
            _no_chromium()
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


def wait_for_the_keyboard(inside: Locator) -> None:
    """Until keys go to the document of `inside`: a sandboxed frame is another process, which gets the focus a little later."""
    inside.evaluate(_HAS_THE_KEYBOARD, PATIENCE_MS)


def _chromium_path(playwright: Playwright) -> str | None:
    if given := os.environ.get("CHROMIUM_PATH"):
        return given
    own = playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, _PLACES)), None) or (own if Path(own).exists() else None)


def _no_chromium() -> None:
    message = "NO BROWSER: install Chromium (apt-get install chromium) or set CHROMIUM_PATH to one"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
