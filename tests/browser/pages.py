"""A browser for the console's tests: Debian's Chromium, headless, with everything that a page complains of."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.process_tools import DaemonProcess

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MARKET = "KXMLBGAME-26AUG071840NYMPIT-NYM"
BETWEEN_ORDERS_MS = 150
"""Slower than the risk gate allows in one market."""
LONG_MS = 10_000
EXPECTED = ("Failed to load resource", "WebSocket connection to")
"""What Chromium itself writes when a daemon is gone or refuses: no fault of the page."""

NEEDS_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="this machine has no Chromium (Debian: chromium)"),
]
"""The marks of a module whose tests open a page."""


@contextmanager
def open_page(
    *, width: int = 1280, height: int = 900, scheme: str = "dark"
) -> Iterator[tuple[Any, list[str]]]:
    """Give a page and the list of what it complains of."""
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, complaints
        browser.close()


@contextmanager
def stopped(daemon: DaemonProcess) -> Iterator[None]:
    """Have the daemon say nothing for a moment."""
    os.kill(daemon.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.process.pid, signal.SIGCONT)


def open_console(page: Any, daemon: DaemonProcess) -> None:
    """Open the page and wait until it shows a daemon at work and a book with levels."""
    from playwright.sync_api import expect

    page.goto(daemon.url)
    expect(page.locator("#state")).to_have_text(re.compile("ready|acting"), timeout=LONG_MS)
    expect(page.locator("#book")).to_be_visible(timeout=LONG_MS)
    page.locator("#book tbody tr.bid").first.wait_for()


def unexpected(complaints: list[str]) -> list[str]:
    """Return what is the page's own fault."""
    return [one for one in complaints if not one.startswith(EXPECTED)]


def token_of(daemon: DaemonProcess) -> str:
    return (daemon.state_dir / "control.token").read_text(encoding="ascii").strip()


def give_token(page: Any, daemon: DaemonProcess) -> None:
    """Answer the page's question for the control token."""
    page.locator("#token").fill(token_of(daemon))
    page.locator("#token-ok").click()
