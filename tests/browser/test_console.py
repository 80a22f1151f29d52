"""The console in headless Chromium, in front of a real daemon on its embedded exchange."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest

from tests.process_tools import DaemonProcess, running_daemon, running_exchange

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
FILL_BUDGET_MS = 60_000
MARKET = "KXMLBGAME-26AUG071840NYMPIT-NYM"
OTHER_MARKET = "KXMLBGAME-26AUG072140LADAZ-LAD"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="this machine has no Chromium (Debian: chromium)"),
]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    with running_daemon(tmp_path / "state") as process:
        process.wait_ready()
        yield process


def test_the_page_loads_reads_ready_and_shows_a_fill_without_console_errors(
    daemon: DaemonProcess, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(daemon.url)
        state = page.locator("#state")
        expect(state).to_contain_text("ready", timeout=10_000)
        expect(page.locator("#environment")).to_contain_text("sim", ignore_case=True)
        expect(page).to_have_title("sim · traderd")
        expect(page.locator("#fills tbody")).to_contain_text("KX", timeout=FILL_BUDGET_MS)
        expect(page.locator("#balance")).not_to_have_text("–")
        expect(page.locator("#log")).to_contain_text("filled")
        page.screenshot(path=tmp_path / "console.png", full_page=True)
        browser.close()
    assert complaints == []
    fills = daemon.client.get("/v3/fills")["fills"]
    assert fills, "the page showed a fill that the daemon does not know"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_the_feed_and_the_book_say_how_good_they_are_on_any_screen(
    daemon: DaemonProcess, width: int, scheme: Literal["dark", "light"]
) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto(daemon.url)
        expect(page.locator("#feed-link")).to_contain_text("market data", timeout=10_000)
        expect(page.locator("#feed-link")).to_have_attribute("data-link", "live")
        expect(page.locator("#feed-numbers")).to_contain_text("12 of 12")
        expect(page.locator("#grades [data-grade=A]")).to_have_text("A 12")
        expect(page.locator("#grades [data-grade=F]")).to_have_text("F")
        # A line has two points at least, and a rate needs as many looks.
        expect(page.locator("#feed-spark polyline")).to_have_attribute(
            "points", re.compile(r"\S+ \S+"), timeout=10_000
        )
        expect(page.locator("#feed-rate")).to_contain_text("peak")
        # The first market is shown without being asked for.
        expect(page.locator("#book-grade")).to_have_text("A")
        expect(page.locator("#book-words")).to_contain_text("last change")
        expect(page.locator("#book-reads")).to_contain_text(re.compile(r"\d\.\d{6} / \d\.\d{6}"))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()


def test_a_feed_that_is_gone_shows_which_books_can_no_longer_be_trusted(tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    with ExitStack() as stack:
        exchange = stack.enter_context(running_exchange(tmp_path / "exchange"))
        account = exchange["accounts"][0]
        settings = {
            "exchange__embedded": "false",
            "exchange__rest_url": exchange["rest_url"],
            "exchange__ws_url": exchange["ws_url"],
            "exchange__key_id": account["key_id"],
            "exchange__key_file": account["key_file"],
            "market_data__markets": f"{MARKET},{OTHER_MARKET}",
        }
        daemon = stack.enter_context(running_daemon(tmp_path / "state", **settings))
        daemon.wait_ready()
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 390, "height": 900})
        page.goto(daemon.url)
        expect(page.locator("#book-grade")).to_have_text("A", timeout=10_000)
        os.kill(exchange["pid"], signal.SIGTERM)
        expect(page.locator("#feed-link")).to_have_attribute("data-link", "lost", timeout=20_000)
        expect(page.locator("#book-grade")).to_have_text("F")
        expect(page.locator("#book-words")).to_contain_text("Not usable")
        expect(page.locator("#book")).to_have_class(re.compile("unusable"))
        expect(page.locator("#grades [data-grade=F]")).to_have_text("F 2")
        expect(page.locator("#feed-numbers .warn")).to_have_text("0 of 2")
        page.screenshot(path=tmp_path / "lost.png", full_page=True)
        browser.close()


def test_the_page_says_so_when_the_daemon_is_gone_and_comes_back_by_itself(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(daemon.url)
        expect(page.locator("#state")).to_contain_text("ready", timeout=10_000)
        assert daemon.stop() == 0
        expect(page.locator("#link")).not_to_contain_text("live", timeout=10_000)
        with running_daemon(daemon.state_dir, web__port=daemon.port) as again:
            again.wait_ready()
            expect(page.locator("#link")).to_contain_text("live", timeout=30_000)
        browser.close()
