"""What an operator does at the console, in headless Chromium, in front of a real daemon on its embedded exchange."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any

import pytest

from tests.browser.pages import (
    NEEDS_BROWSER,
    give_token,
    hold_timers,
    open_console,
    open_page,
    token_of,
    unexpected,
    wait_until_told,
)
from tests.process_tools import DaemonProcess, running_daemon

pytestmark = NEEDS_BROWSER

MARKET = "KXMLBGAME-26AUG072140LADAZ-LAD"


def test_an_order_is_placed_at_a_price_of_the_ladder_seen_in_the_book_and_cancelled(
    still: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, still)
        # The lowest bid that is shown: it rests, and bidding there costs least.
        price = page.locator("#book tr.bid .price button").last.inner_text()
        form = page.locator("#ticket")
        form.locator("[name=side]").select_option("bid")
        form.locator("[name=price_dollars]").fill(price)
        form.locator("[name=count]").fill("0.001")
        expect(page.locator("#ticket-place")).to_be_disabled()
        form.locator("[name=count]").fill("3")
        cost = f"{3 * round(float(price) * 10_000) / 10_000:.4f}"
        expect(page.locator("#ticket-cost")).to_contain_text(f"At most ${cost[:-2]}")
        page.locator("#ticket-place").click()
        page.locator("#token").fill("not the token of this daemon")
        page.locator("#token-ok").click()
        expect(page.locator("#token-text")).to_contain_text("does not know that token")
        give_token(page, still)
        expect(page.locator("#ticket-outcome")).to_contain_text("done")
        row = page.locator("#orders tbody tr", has_text="person")
        expect(row).to_contain_text("resting")
        expect(page.locator("#book .own", has_text="3.00")).to_have_count(1)
        row.get_by_role("button", name=re.compile("^Cancel")).click()
        expect(row).to_contain_text("canceled")
        expect(page.locator("#book .own", has_text="3.00")).to_have_count(0)
        # An ask in the ladder is bought.
        page.locator("#book tr.ask .price button").last.click()
        expect(form.locator("[name=side]")).to_have_value("bid")
        assert unexpected(complaints) == []


def test_pause_and_resume_say_what_they_would_do_and_are_told_to_everybody(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        # Without a mouse: the key, the token, the preview, Enter.
        page.keyboard.press("p")
        page.keyboard.type(token_of(daemon))
        page.keyboard.press("Enter")
        expect(page.locator("#verb-preview")).to_contain_text("no new risk would be taken")
        assert daemon.status()["paused"] is None, "a preview did something"  # type: ignore[index]
        page.locator("#verb-reason").fill("lunch")
        expect(page.locator("#verb-confirm")).to_be_enabled()
        page.keyboard.press("Enter")
        expect(page.locator("#verb-outcome")).to_contain_text("done")
        page.keyboard.press("Enter")
        expect(page.locator("#verb-dialog")).to_be_hidden()
        expect(page.locator("#paused")).to_be_visible()
        expect(page.locator("#pauses")).to_contain_text("lunch")
        expect(page.locator("#pauses")).to_contain_text("console")
        # An order is refused, and the page says by which rule.
        page.locator("#ticket [name=price_dollars]").fill("0.01")
        page.locator("#ticket [name=count]").fill("1")
        page.locator("#ticket-place").click()
        expect(page.locator("#ticket-outcome")).to_have_attribute("data-answer", "denied")
        expect(page.locator("#denials")).to_contain_text("person")
        wait_until_told(page, daemon)
        page.locator("#pauses button").click()
        expect(page.locator("#verb-confirm")).to_be_enabled()
        page.locator("#verb-confirm").click()
        expect(page.locator("#verb-outcome")).to_contain_text("done")
        page.locator("#verb-close").click()
        expect(page.locator("#paused")).to_be_hidden()
        assert unexpected(complaints) == []


def test_kill_needs_its_word_holds_over_a_restart_and_is_cleared_by_a_person(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        resting = {"ticker": MARKET, "side": "bid", "price_dollars": "0.02", "count": "3"}
        daemon.client.command("place", resting)
        page.keyboard.press("k")
        give_token(page, daemon)
        expect(page.locator("#verb-preview")).to_contain_text("nothing is done")
        confirm, typed = page.locator("#verb-confirm"), page.locator("#verb-typed")
        expect(confirm).to_be_disabled()
        typed.fill("kil")
        expect(confirm).to_be_disabled()
        typed.press("Enter")
        assert daemon.status()["halts"] == []  # type: ignore[index]
        typed.fill("kill")
        expect(confirm).to_be_enabled()
        confirm.click()
        expect(page.locator("#verb-outcome")).to_contain_text("done")
        became = f"bid 3 @ $0.0200 of {MARKET} is canceled"
        expect(page.locator("#verb-items li")).to_have_text([became])
        page.locator("#verb-close").click()
        # What is over ages no more, and says when it ended.
        expect(page.locator("#orders tr.over [title^='ended 20']")).to_have_count(1)
        expect(page.locator("#orders tr.over [data-since]")).to_have_count(0)
        halt = page.locator("#halts [data-key=kill]")
        expect(halt).to_be_visible()
        expect(halt).to_contain_text(
            re.compile(r"asked for by a person · console, \d\d:\d\d:\d\d · kill")
        )
        expect(page.locator("#halted")).to_be_visible()
        assert daemon.stop() == 0
        expect(page.locator("#link")).to_have_attribute("data-link", "lost")
        with running_daemon(daemon.state_dir, web__port=daemon.port) as again:
            again.wait_ready()
            expect(page.locator("#link")).to_have_attribute("data-link", "live")
            expect(halt).to_be_visible()
            wait_until_told(page, again)
            halt.get_by_role("button").click()
            expect(page.locator("#verb-confirm")).to_be_enabled()
            page.locator("#verb-confirm").click()
            expect(page.locator("#verb-outcome")).to_contain_text("done")
            page.locator("#verb-close").click()
            expect(halt).to_have_count(0)
        assert unexpected(complaints) == []


def test_the_machine_the_health_and_the_inboxes_say_how_they_are(daemon: DaemonProcess) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        expect(page.locator("#machine [data-state=ready]")).to_have_attribute(
            "aria-current", "step"
        )
        expect(page.locator("#machine .way.last")).to_have_attribute(
            "data-way", "kalshi_data_sync ready"
        )
        expect(page.locator("#machine [data-state=initializing] .stay")).to_contain_text(
            re.compile(r"\d m?s")
        )
        # A transition opens to its metadata.
        page.locator("#transitions summary", has_text="initializing → orderbook_connect").click()
        expect(page.locator("#transitions details[open]")).to_contain_text("market_count")
        disk = page.locator("#health-parts [data-key=disk]")
        expect(disk).to_contain_text("limit 200 MB")
        disk.locator("summary").click()
        expect(disk).to_contain_text("Make room")
        # It stays open when the next status comes.
        page.wait_for_timeout(2_500)
        expect(disk.locator("details")).to_have_attribute("open", "")
        row = page.locator("#services [data-key=orders]")
        expect(row).to_contain_text("/ 5")
        expect(page.locator("#plugins")).to_contain_text("spread_maker")
        expect(page.locator("#plugins-note")).to_contain_text("built in, all running")
        expect(page.locator("#chart-profit canvas")).to_be_visible()
        expect(page.locator("#chart-price")).to_have_attribute(
            "aria-label", re.compile(r"bid 0\.\d{4}, ask 0\.\d{4}")
        )
        expect(page.locator("#balance-proof")).to_contain_text("proved")
        assert unexpected(complaints) == []


def test_a_late_joiner_filters_the_log_and_copies_it(daemon: DaemonProcess) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        hold_timers(page, from_ms=2_000)  # how long a button says what it has done
        open_console(page, daemon)
        lines = page.locator("#log li:not([hidden])")
        expect(lines.first).to_be_visible()
        page.locator("#log-service").select_option("sync")
        expect(page.locator("#log li:not([hidden])").first).to_have_attribute(
            "data-service", "sync"
        )
        page.keyboard.press("Escape")
        page.locator("#log-service").select_option("")
        page.locator("#log").focus()
        page.keyboard.press("/")
        page.keyboard.type("orderbook_connect")
        expect(lines.first).to_contain_text("orderbook_connect")
        page.locator("#log-copy").click()
        expect(page.locator("#log-copy")).to_contain_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.count("\n") + 1 == lines.count()
        assert "orderbook_connect" in copied
        page.locator("#log-older").click()
        expect(page.locator("#log-older")).to_have_text(re.compile("older"))
        assert unexpected(complaints) == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_phone_shows_everything_without_scrolling_sideways(
    daemon: DaemonProcess, scheme: str
) -> None:
    from playwright.sync_api import expect

    with open_page(width=390, height=844, scheme=scheme) as (page, complaints):
        open_console(page, daemon)
        expect(page.locator("#kill")).to_be_visible()
        expect(page.locator("#plugins tbody tr").first).to_be_visible()
        expect(page.locator("#chart-price canvas")).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        too_small = page.evaluate(
            """() => [...document.querySelectorAll("header button, #orders button")]
                .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 30)
                .map((one) => one.id)"""
        )
        assert too_small == []
        assert unexpected(complaints) == []


def test_a_daemon_that_stands_still_is_told_from_one_that_has_nothing_to_say(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        link = page.locator("#link")
        os.kill(daemon.process.pid, signal.SIGSTOP)
        expect(link).to_have_attribute("data-link", "stale")
        # A line that says nothing for long is given up, as one that died without a word.
        expect(link).to_have_attribute("data-link", re.compile("lost|connecting"))
        os.kill(daemon.process.pid, signal.SIGCONT)
        expect(link).to_have_attribute("data-link", "live")
        expect(page.locator("#state")).to_have_text(re.compile("ready|acting"))
        assert unexpected(complaints) == []


def test_a_slow_click_on_what_changes_ten_times_a_second_is_not_lost(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, _):
        open_console(page, daemon)
        price = page.locator("#ticket [name=price_dollars]")
        for _ in range(3):
            page.locator("#book tr.ask .price button").nth(4).hover()
            page.mouse.down()
            page.wait_for_timeout(700)
            page.mouse.up()
            expect(price).to_have_value(re.compile(r"0\.\d{4}"))
            price.fill("")
        # What is not held any more goes on.
        expect(page.locator("#book-words")).to_contain_text("last change")


def test_the_balance_is_told_as_a_whole_and_for_each_shard_where_the_exchange_has_some(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        account = daemon.client.get("/v3/status")["account"]
        rows = page.locator("#shards tbody tr")
        expect(rows).to_have_count(2)
        for name in ("whole, by the exchange", "whole, by our entries"):
            cells = rows.filter(has_text=name).locator("td")
            expect(cells.nth(1)).to_have_text(shown(account["balance_dollars"]))
            expect(cells.nth(2)).to_have_text(re.compile(r"^\d+ s$"))
        # The embedded exchange has one engine, so two are put into what the daemon tells.
        page.route_web_socket(re.compile("/v3/ws"), with_two_shards)
        page.reload()
        expect(rows).to_have_count(4)
        expect(rows.nth(0)).to_contain_text("shard 0")
        expect(rows.nth(0).locator("td").nth(1)).to_have_text("1\u202f200.50")
        expect(rows.nth(1)).to_contain_text("shard 3")
        expect(rows.nth(1).locator("td").nth(1)).to_have_text("0.1234")
        assert unexpected(complaints) == []


def with_two_shards(route: Any) -> None:
    """Pass messages on, the account as that of an exchange with two matching engines."""

    def passed_on(text: str) -> None:
        message = json.loads(text)
        if message["type"] == "trader_status":
            message["data"]["account"]["balance_by_shard"] = [
                {"exchange_index": 0, "balance_dollars": "1200.500000"},
                {"exchange_index": 3, "balance_dollars": "0.123400"},
            ]
        route.send(json.dumps(message))

    route.connect_to_server().on_message(passed_on)


def shown(dollars: str) -> str:
    """Return an amount as the page writes it: two places, thousands apart."""
    whole, _, rest = dollars.rstrip("0").partition(".")
    return f"{int(whole):,}".replace(",", "\u202f") + "." + rest.ljust(2, "0")


KEY_BEHIND_CLOSING = """() => {
  document.getElementById("verb-dialog").close();
  const key = new KeyboardEvent("keydown", { key: "p", bubbles: true });
  document.getElementById("verb-reason").dispatchEvent(key);
}"""


def test_a_wrong_token_does_nothing_is_asked_for_again_and_can_be_left(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        dialog, text = page.locator("#token-dialog"), page.locator("#token-text")
        page.keyboard.press("p")
        expect(dialog).to_be_visible()
        expect(text).to_have_text("To pause in sim, give the control token.")
        assert page.locator("#token").get_attribute("type") == "password"
        for wrong in ("not the token of this daemon", (token_of(daemon) + "x")):
            page.locator("#token").fill(wrong)
            page.keyboard.press("Enter")
            expect(text).to_contain_text("The daemon does not know that token.")
            expect(page.locator("#token")).to_have_value("")
        # A token that only reads is told from one that is wrong.
        reading = (daemon.state_dir / "read.token").read_text(encoding="ascii").strip()
        page.locator("#token").fill(reading)
        page.locator("#token-ok").click()
        expect(text).to_contain_text("That token only reads.")
        assert page.evaluate("Object.keys(sessionStorage)") == []
        # Who has none leaves, and nothing was done.
        page.locator("#token-cancel").click()
        expect(dialog).to_be_hidden()
        expect(page.locator("#verb-dialog")).to_be_hidden()
        assert daemon.status()["paused"] is None  # type: ignore[index]
        page.keyboard.press("p")
        give_token(page, daemon)
        expect(page.locator("#verb-preview")).to_contain_text("no new risk would be taken")
        page.keyboard.press("Escape")
        expect(page.locator("#verb-dialog")).to_be_hidden()
        # It is kept for the tab: the next verb does not ask.
        page.keyboard.press("r")
        expect(page.locator("#verb-dialog")).to_be_visible()
        expect(dialog).to_be_hidden()
        # Right behind the closing a key still finds the focus in what was closed.
        page.evaluate(KEY_BEHIND_CLOSING)
        expect(page.locator("#verb-dialog")).to_be_visible()
        assert unexpected(complaints) == []


def test_a_halt_that_came_after_the_dialog_was_opened_keeps_it_from_letting_risk_in(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        daemon.client.command("pause", {"reason": "lunch"})
        wait_until_told(page, daemon)
        page.keyboard.press("r")
        give_token(page, daemon)
        expect(page.locator("#verb-confirm")).to_be_enabled()
        daemon.client.command("halt", {"reason": "something burns"})
        expect(page.locator("#halts")).to_contain_text("something burns")
        page.locator("#verb-confirm").click()
        expect(page.locator("#verb-outcome")).to_contain_text("has changed since")
        assert daemon.status()["paused"] is not None  # type: ignore[index]
        page.locator("#verb-close").click()
        # Decided anew, it goes.
        wait_until_told(page, daemon)
        page.keyboard.press("r")
        expect(page.locator("#verb-confirm")).to_be_enabled()
        page.locator("#verb-confirm").click()
        expect(page.locator("#verb-outcome")).to_contain_text("done")
        assert unexpected(complaints) == []
