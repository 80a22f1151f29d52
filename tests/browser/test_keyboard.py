"""The console with a keyboard alone: the focus never gets lost, nobody takes it away, and all that can be done can be reached."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.pages import (
    BETWEEN_ORDERS_MS,
    MARKET,
    NEEDS_BROWSER,
    open_console,
    open_page,
    stopped,
    token_of,
    unexpected,
    until_drawn,
    wait_until_told,
)
from tests.process_tools import DaemonProcess

STOPS_MAX = 300
FOCUS = """() => {
  const at = document.activeElement;
  return at.ariaLabel || at.dataset.key || at.closest("[data-key]")?.dataset.key || at.id || at.getAttribute("aria-labelledby") || at.tagName;
}"""
HALTS = """async (ids) => {
  const { showHalts } = await import("/console/risk.js");
  const halt = (id) => ({ id, reason: "r", raised_at: "2026-11-20T10:29:00Z", author: "person" });
  showHalts({ halts: ids.map(halt), pauses: [], paused: null });
}"""
SETTLEMENTS = """async (tickers) => {
  const { Settlements } = await import("/console/tables.js");
  window.ended ??= new Settlements();
  window.ended.show(tickers.map((ticker) => ({ ticker, settled_at: "2026-11-20T10:29:00Z", result: "yes", count: "1.00",
    cost_dollars: "0.400000", revenue_dollars: "1.000000", profit_dollars: "0.600000", fees_dollars: "0.010000" })));
}"""
STRATEGY = """async (status) => {
  const { showStrategies } = await import("/console/strategies.js");
  showStrategies({ tenants: [{ strategy: "maker", status, ticks: 5, outcomes: {}, callback_p99_ms: 1, callback_budget_ms: 100, commands: 0, in_flight: 0 }] });
}"""
PLUGINS = """async (states) => {
  const plugin = ([name, state]) => ({ name, state, origin: "folder", hooks: ["traderd_strategies"], file: name });
  window.fetch = async () => new Response(JSON.stringify({ plugins: states.map(plugin) }));
  const { readPlugins } = await import("/console/services.js");
  await readPlugins();
}"""
TRANSITIONS = """async (number) => {
  const { Transitions } = await import("/console/transitions.js");
  window.steps ??= new Transitions();
  const step = (from_state, to_state) => window.steps.add({ from_state, to_state, timestamp: `2026-11-20T10:29:0${number}Z`, duration_ms: 3, context: "c" });
  step("ready", "acting");
  step("acting", "ready");
}"""
STOP = """() => {
  const at = document.activeElement;
  if (at === document.body) return null;
  const [bar, box] = [document.querySelector(".bar").getBoundingClientRect(), at.getBoundingClientRect()];
  at.dataset.reached = "yes";
  return { what: at.outerHTML.slice(0, 90), ring: getComputedStyle(at).outlineStyle,
    isHidden: box.bottom <= 0 || box.top >= innerHeight || (!at.closest(".bar") && box.top >= bar.top && box.bottom <= bar.bottom) };
}"""
NOT_REACHED = """() => [...document.querySelectorAll("button, input, select, summary")]
  .filter((one) => !one.disabled && one.tabIndex >= 0 && one.checkVisibility() && one.type !== "hidden" && !one.dataset.reached)
  .map((one) => one.outerHTML.slice(0, 90))"""
NAMELESS = """() => [...document.querySelectorAll("button, input, select, [tabindex='0'], section, dialog, [role=img]")]
  .filter((one) => one.type !== "hidden" && !(one.ariaLabel || one.textContent.trim() || one.labels?.length || one.getAttribute("aria-labelledby")))
  .map((one) => one.outerHTML.slice(0, 90))"""
SAID_ALOUD = """() => {
  window.said = [];
  for (const region of document.querySelectorAll("[role=status]")) {
    new MutationObserver(() => window.said.push(region.innerText)).observe(region, { subtree: true, childList: true, characterData: true });
  }
}"""

pytestmark = NEEDS_BROWSER


def know_token(page: Any, daemon: DaemonProcess) -> None:
    """Have the tab know the token, as after a first verb."""
    page.evaluate(
        "(token) => sessionStorage.setItem('traderd-control-token', token)", token_of(daemon)
    )


def place_three(page: Any, daemon: DaemonProcess) -> list[str]:
    """Rest three orders and return their keys, from the top of the table."""
    keys = []
    for price in ("0.01", "0.02", "0.03"):
        order = {"ticker": MARKET, "side": "bid", "count": "1", "post_only": True}
        key = daemon.client.command("place", {**order, "price_dollars": price})["key"]
        page.locator(f"#orders tr[data-key='{key}'] .actions button").wait_for()
        keys.append(key)
        page.wait_for_timeout(BETWEEN_ORDERS_MS)
    return keys


def canceller(page: Any, key: str) -> Any:
    return page.locator(f"#orders tr[data-key='{key}'] .actions button")


def test_a_key_cancels_one_order_after_the_other_and_the_page_stands_still(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page(height=500) as (page, complaints):
        open_console(page, daemon)
        know_token(page, daemon)
        first, middle, last = place_three(page, daemon)
        page.keyboard.press("Tab")
        canceller(page, middle).focus()
        # A held key presses once.
        scrolled = page.evaluate("window.scrollY")
        for _ in range(3):
            page.keyboard.down("Enter")
        page.keyboard.up("Enter")
        # The one below, then the one above, then the table.
        expect(canceller(page, last)).to_be_focused()
        expect(canceller(page, first)).to_be_visible()
        page.keyboard.press("Enter")
        expect(canceller(page, first)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".scroll:has(#orders)")).to_be_focused()
        assert page.evaluate("window.scrollY") == scrolled
        page.keyboard.press("Tab")
        expect(page.locator("#orders .ticker").first).to_be_focused()
        assert unexpected(complaints) == []


def test_a_click_that_cancels_does_not_put_a_key_on_the_next_order(daemon: DaemonProcess) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        know_token(page, daemon)
        first, middle, _ = place_three(page, daemon)
        canceller(page, first).click()
        expect(page.locator(f"#orders tr[data-key='{first}'].over")).to_be_visible()
        expect(page.locator(".scroll:has(#orders)")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Space")
        page.wait_for_timeout(BETWEEN_ORDERS_MS)
        expect(canceller(page, middle)).to_be_visible()
        assert unexpected(complaints) == []


def test_a_refused_cancel_keeps_the_focus_where_it_is(daemon: DaemonProcess) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        keys = place_three(page, daemon)
        page.keyboard.press("Tab")
        canceller(page, keys[1]).focus()
        page.keyboard.press("Enter")
        expect(page.locator("#token-dialog")).to_be_visible()
        expect(page.locator("#token-dialog")).to_contain_text("in its line token")
        page.keyboard.press("Escape")
        expect(canceller(page, keys[1])).to_be_focused()
        expect(canceller(page, keys[1])).to_be_enabled()
        assert unexpected(complaints) == []


def test_the_focus_goes_to_the_next_of_a_kind_wherever_an_update_takes_it(
    daemon: DaemonProcess,
) -> None:
    with open_page() as (page, complaints):
        open_console(page, daemon)
        until_drawn(page)
        with stopped(daemon):
            until_drawn(page)
            page.keyboard.press("Tab")
            found = []

            def after(script: str, given: Any) -> None:
                page.evaluate(script, given)
                until_drawn(page)
                found.append(page.evaluate(FOCUS))

            page.evaluate(HALTS, ["a", "b", "c"])
            page.locator("#halts [data-key=b] button").focus()
            for halts in (["z", "a", "b", "c"], ["a", "c"], ["a"], []):
                after(HALTS, halts)
            assert found == ["b", "c", "a", "main"]
            found.clear()
            page.evaluate(SETTLEMENTS, ["A", "B", "C"])
            page.locator("#settlements tbody tr").nth(1).locator("button").focus()
            for tickers in (["Z", "A", "B", "C"], ["Z", "A", "C"], []):
                after(SETTLEMENTS, tickers)
            assert [one.split(" ")[0] for one in found] == ["B", "C", "h-settlements"]
            found.clear()
            page.evaluate(STRATEGY, "quarantined")
            page.locator("#strategies").get_by_text("Cancel its orders").focus()
            after(STRATEGY, "running")
            assert found == ["maker"]
            assert page.evaluate("document.activeElement.textContent") == "Cancel its orders"
            # A plugin that was switched off stands at the top, and its button says the opposite.
            page.evaluate(PLUGINS, [["a", "running"], ["b", "running"]])
            page.get_by_role("button", name="disable b").focus()
            found.clear()
            after(PLUGINS, [["a", "running"], ["b", "disabled"]])
            page.evaluate(PLUGINS, [["a", "disabled"], ["b", "disabled"]])
            after(PLUGINS, [["a", "disabled"]])
            after(PLUGINS, [])
            assert found == ["enable b", "enable a", "h-plugins"]
            page.evaluate(TRANSITIONS, 1)
            until_drawn(page)
            page.locator("#transitions summary").first.focus()
            after(TRANSITIONS, 2)
            assert page.evaluate("document.activeElement.innerText").startswith("10:29:02")
        assert unexpected(complaints) == []


def test_an_update_takes_the_focus_from_nobody_and_scrolls_nothing(daemon: DaemonProcess) -> None:
    from playwright.sync_api import expect

    with open_page(height=500) as (page, complaints):
        open_console(page, daemon)
        know_token(page, daemon)
        keys = place_three(page, daemon)
        canceller(page, keys[0]).focus()
        page.keyboard.press("l")
        page.keyboard.press("/")
        page.keyboard.type("ready")
        typing = page.locator("#log-text")
        stands_at = typing.evaluate("(one) => one.getBoundingClientRect().top")
        for key in keys:
            daemon.client.command("cancel", {"key": key})
        expect(page.locator("#orders .actions button")).to_have_count(0)
        page.keyboard.type(" now")
        expect(typing).to_have_value("ready now")
        assert typing.evaluate("(one) => one.getBoundingClientRect().top") == stands_at
        # Who left what they had by a click elsewhere is not fetched back either.
        page.locator("#h-log").click()
        daemon.client.command("pause", {"reason": "lunch"})
        expect(page.locator("#pause")).to_be_disabled()
        assert page.evaluate("document.activeElement.tagName") == "BODY"
        assert unexpected(complaints) == []


def confirm_by_key(page: Any) -> None:
    """Press the focused button of a verb, and confirm it in its dialog."""
    from playwright.sync_api import expect

    page.keyboard.press("Enter")
    expect(page.locator("#verb-confirm")).to_be_enabled()
    page.locator("#verb-confirm").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#verb-outcome")).to_contain_text("done")


def test_after_a_dialog_the_focus_is_back_or_beside_what_is_gone(daemon: DaemonProcess) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        know_token(page, daemon)
        # A key opened it, and nothing had the focus before: Tab goes on at the verbs.
        for key, dialog in (("?", "#keys-dialog"), ("p", "#verb-dialog")):
            page.keyboard.press(key)
            expect(page.locator(dialog)).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.locator(dialog)).to_be_hidden()
            expect(page.locator("header")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator("#pause")).to_be_focused()
        # Its button can no more be pressed: the one beside it.
        confirm_by_key(page)
        expect(page.locator("#verb-close")).to_be_focused()
        expect(page.locator("#pauses li")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page.locator("#resume")).to_be_focused()
        # What the button stood for is gone, and its whole panel with it.
        wait_until_told(page, daemon)
        page.locator("#pauses button").focus()
        confirm_by_key(page)
        expect(page.locator("#halts-panel")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator(".scroll:has(#positions)")).to_be_focused()
        assert unexpected(complaints) == []


def test_tab_comes_to_every_control_and_each_is_seen_and_has_a_name(daemon: DaemonProcess) -> None:
    with open_page(width=1000, height=500) as (page, complaints):
        open_console(page, daemon)
        place_three(page, daemon)
        with stopped(daemon):
            until_drawn(page)
            for key in ("Tab", "Shift+Tab"):
                stops: list[dict[str, Any]] = []
                page.evaluate(
                    "document.querySelectorAll('[data-reached]').forEach((one) => delete one.dataset.reached)"
                )
                while len(stops) < STOPS_MAX:
                    page.keyboard.press(key)
                    stop = page.evaluate(STOP)
                    if stop is None:
                        break
                    stops.append(stop)
                assert [one for one in stops if one["ring"] == "none" or one["isHidden"]] == []
                assert page.evaluate(NOT_REACHED) == []
            assert page.evaluate(NAMELESS) == []
            # The prices of the ladder are two stops for Tab; the arrows go through the others.
            page.locator("#book tr.ask .price button").last.focus()
            page.keyboard.press("ArrowDown")
            page.keyboard.press("ArrowDown")
            price = page.locator("#book tr.bid .price button").nth(1)
            page.keyboard.press("Enter")
            assert page.locator("#ticket [name=price_dollars]").input_value() == price.inner_text()
        assert unexpected(complaints) == []


def test_what_moves_every_second_is_not_said_aloud(daemon: DaemonProcess) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        page.evaluate(SAID_ALOUD)
        with stopped(daemon):
            expect(page.locator("#link-count")).to_have_text(re.compile("for [6-9] s"))
            expect(page.locator("#link-count")).to_have_text(re.compile("again in|attempt"))
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        assert not [words for words in page.evaluate("window.said") if re.search(r"\d", words)]
        # A halt is: whoever does not see it must hear of it.
        daemon.client.command("halt", {"reason": "something burns"})
        expect(page.locator("#halted")).to_be_visible()
        assert page.locator("[role=status]:has(#halted)").count() == 1
        assert unexpected(complaints) == []
