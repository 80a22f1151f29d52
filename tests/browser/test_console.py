"""The console in headless Chromium, in front of a real daemon on its embedded exchange."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.pages import (
    MARKET,
    NEEDS_BROWSER,
    give_token,
    hold_timers,
    let_timers_go,
    open_page,
    unexpected,
)
from tests.process_tools import DaemonProcess, running_daemon, running_exchange, settings_of

FILL_BUDGET_MS = 180_000
OTHER_MARKET = "KXMLBGAME-26AUG072140LADAZ-LAD"

pytestmark = NEEDS_BROWSER


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    with running_daemon(tmp_path / "state") as process:
        process.wait_ready()
        yield process


def test_the_page_loads_reads_ready_and_shows_a_fill_without_console_errors(
    daemon: DaemonProcess, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        page.goto(daemon.url)
        state = page.locator("#state")
        expect(state).to_contain_text("ready")
        expect(page.locator("#environment")).to_contain_text("sim", ignore_case=True)
        expect(page).to_have_title("sim · traderd")
        expect(page.locator("#fills tbody")).to_contain_text("KX", timeout=FILL_BUDGET_MS)
        expect(page.locator("#balance")).not_to_have_text("–")
        expect(page.locator("#log")).to_contain_text("filled")
        page.screenshot(path=tmp_path / "console.png", full_page=True)
    assert complaints == []
    fills = daemon.client.get("/v3/fills")["fills"]
    assert fills, "the page showed a fill that the daemon does not know"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_the_feed_and_the_book_say_how_good_they_are_on_any_screen(
    daemon: DaemonProcess, width: int, scheme: str
) -> None:
    from playwright.sync_api import expect

    with open_page(width=width, scheme=scheme) as (page, _):
        page.goto(daemon.url)
        expect(page.locator("#feed-link")).to_contain_text("market data")
        expect(page.locator("#feed-link")).to_have_attribute("data-link", "live")
        expect(page.locator("#feed-numbers")).to_contain_text("12 of 12")
        expect(page.locator("#grades [data-grade=A]")).to_have_text("A 12")
        expect(page.locator("#grades [data-grade=F]")).to_have_text("F")
        # A line has two points at least, and a rate needs as many looks.
        expect(page.locator("#feed-spark polyline")).to_have_attribute(
            "points", re.compile(r"\S+ \S+")
        )
        expect(page.locator("#feed-rate")).to_contain_text("peak")
        # The first market is shown without being asked for.
        expect(page.locator("#book-grade")).to_have_text("A")
        expect(page.locator("#book-words")).to_contain_text("last change")
        expect(page.locator("#book-reads")).to_contain_text(re.compile(r"\d\.\d{6} / \d\.\d{6}"))
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_feed_that_is_gone_shows_which_books_can_no_longer_be_trusted(tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with ExitStack() as stack:
        exchange = stack.enter_context(running_exchange(tmp_path / "exchange"))
        markets = f"{MARKET},{OTHER_MARKET}"
        settings = settings_of(exchange) | {"market_data__markets": markets}
        daemon = stack.enter_context(running_daemon(tmp_path / "state", **settings))
        daemon.wait_ready()
        page, _ = stack.enter_context(open_page(width=390))
        page.goto(daemon.url)
        expect(page.locator("#book-grade")).to_have_text("A")
        os.kill(exchange["pid"], signal.SIGTERM)
        expect(page.locator("#feed-link")).to_have_attribute("data-link", "lost")
        expect(page.locator("#book-grade")).to_have_text("F")
        expect(page.locator("#book-words")).to_contain_text("Not usable")
        expect(page.locator("#book")).to_have_class(re.compile("unusable"))
        expect(page.locator("#grades [data-grade=F]")).to_have_text("F 2")
        expect(page.locator("#feed-numbers .warn")).to_have_text("0 of 2")
        page.screenshot(path=tmp_path / "lost.png", full_page=True)


def test_the_page_says_so_when_the_daemon_is_gone_and_comes_back_by_itself(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page(width=390, height=800) as (page, _):
        page.goto(daemon.url)
        expect(page.locator("#state")).to_contain_text("ready")
        assert daemon.stop() == 0
        expect(page.locator("#link")).not_to_contain_text("live")
        with running_daemon(daemon.state_dir, web__port=daemon.port) as again:
            again.wait_ready()
            expect(page.locator("#link")).to_contain_text("live")


def test_the_bar_says_what_was_done_until_the_next_verb_or_for_a_minute(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    order = {"ticker": MARKET, "side": "bid", "count": "1", "post_only": True}
    with open_page() as (page, complaints):
        hold_timers(page, from_ms=60_000)
        page.goto(daemon.url)
        said = page.locator("#command-outcome")
        for price in ("0.01", "0.02"):
            key = daemon.client.command("place", {**order, "price_dollars": price})["key"]
            page.locator(f"#orders tr[data-key='{key}'] .actions button").click()
            if price == "0.01":
                give_token(page, daemon)
            expect(said).to_contain_text("is canceled")
            if price == "0.01":
                page.keyboard.press("p")
                expect(page.locator("#verb-preview")).to_contain_text("no new risk would be taken")
                assert said.inner_text() == ""
                page.keyboard.press("Escape")
                page.wait_for_timeout(300)
        assert let_timers_go(page) == [60_000]
        expect(said).to_be_empty()
        assert unexpected(complaints) == []
