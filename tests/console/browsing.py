"""A real browser on the console, watched: what it complains about fails the test."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

from tests.browsers import chromium

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE: ViewportSize = {"width": 1360, "height": 900}


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's Chromium, for as long as the block lasts."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield made
        finally:
            made.close()


@contextmanager
def visiting(browser: Browser, url: str, *, dark: bool = False) -> Iterator[Page]:
    """A page of a browser nobody has used before; what the console or the policy complains of raises."""
    context = browser.new_context(
        base_url=url, viewport=SIZE, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # Chromium reports every answer of 400 and more here; what the page does with it is tested instead.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert complaints == []
