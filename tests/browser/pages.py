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

from tests.process_tools import DaemonProcess, wait_for

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
LONG_MS = 60_000
"""Bounds whatever the page has to come to: only what never comes fails by it, not a busy machine."""
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
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=LONG_MS)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        page.set_default_timeout(LONG_MS)
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, complaints
        browser.close()


def until_drawn(page: Any) -> None:
    """Wait, in the page's own time, until what it was told is drawn: that waits for a second at most, and then for its frame."""
    page.evaluate(
        """async () => {
          await new Promise((done) => setTimeout(done, 1200));
          for (let frame = 0; frame < 30; frame += 1) await new Promise(requestAnimationFrame);
        }"""
    )


def hold_timers(page: Any, *, from_ms: int) -> None:
    """Have timers of so long and longer wait for `let_timers_go`: what is shown for a moment only is there until it was looked at."""
    page.add_init_script(
        f"""{{
        const [start, stop] = [window.setTimeout, window.clearTimeout];
        let last = 0;
        window.heldTimers = new Map();
        window.setTimeout = (act, ms, ...given) => {{
          if (!(ms >= {from_ms})) return start(act, ms, ...given);
          last -= 1;
          window.heldTimers.set(last, {{ act: () => act(...given), ms }});
          return last;
        }};
        window.clearTimeout = (id) => window.heldTimers.delete(id) || stop(id);
        }}"""
    )


def let_timers_go(page: Any) -> list[int]:
    """Have what was held happen now, and return for how many milliseconds each was meant to wait."""
    gone: list[int] = page.evaluate(
        """() => [...window.heldTimers].map(([id, { act, ms }]) => {
          window.heldTimers.delete(id);
          act();
          return ms;
        })"""
    )
    return gone


def wait_until_told(page: Any, daemon: DaemonProcess) -> None:
    """Wait until the page decides by what is true now: the daemon refuses what would let risk in by anything older."""
    wait_for(
        lambda: page.evaluate("document.body.dataset.stateVersion") == version_of(daemon),
        within_s=LONG_MS / 1_000,
        what="the state version of the daemon on the page",
    )


def version_of(daemon: DaemonProcess) -> str:
    status = daemon.status()
    assert status is not None
    return str(status["state_version"])


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
    expect(page.locator("#state")).to_have_text(re.compile("ready|acting"))
    expect(page.locator("#book")).to_be_visible()
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
