"""What the page writes to itself: a change of state waits for the browser's own work, so news changes only what it is about."""

from __future__ import annotations

from typing import Any

from tests.browser.pages import (
    BETWEEN_ORDERS_MS,
    MARKET,
    NEEDS_BROWSER,
    open_console,
    open_page,
    stopped,
    unexpected,
    until_drawn,
)
from tests.process_tools import DaemonProcess

ORDERS_SHOWN = 10
KEEP_NEWS = """
window.newest = {};
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    window.line = this;
    this.addEventListener("message", (event) => { window.newest[JSON.parse(event.data).type] = event.data; });
  }
};
// News of nothing, so that a daemon that is stopped for long is not taken for one that is stuck.
setInterval(() => window.line?.dispatchEvent(new MessageEvent("message", { data: '{"type":"nothing"}' })), 1000);
window.tellAgain = (type) => window.line.dispatchEvent(new MessageEvent("message", { data: window.newest[type] }));
"""
WATCH = """() => {
  window.written = [];
  // Ages go on by themselves, and a chart is a picture that moves with the clock.
  const moves = (element) => element.closest("[data-since], .charts") !== null;
  new MutationObserver((changes) => {
    for (const { type, target, attributeName, oldValue } of changes) {
      const element = target instanceof Element ? target : target.parentElement;
      if (element === null || moves(element)) continue;
      // The same value again costs nothing, except where the browser looks no further than at the name.
      if (type === "attributes" && attributeName !== "hidden" && target.getAttribute(attributeName) === oldValue) continue;
      window.written.push(`${type} ${attributeName} of ${element.tagName} ${element.id} ${element.className}`);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true, attributeOldValue: true });
}"""

pytestmark = NEEDS_BROWSER


def place_and_cancel(daemon: DaemonProcess, page: Any) -> None:
    """Place one order far from the market and cancel it, the page looking on."""
    order = {"ticker": MARKET, "side": "bid", "price_dollars": "0.01", "count": "1"}
    key = daemon.client.command("place", {**order, "post_only": True})["key"]
    page.locator(f"#orders tr[data-key='{key}'] button", has_text="Cancel").wait_for()
    daemon.client.command("cancel", {"key": key})
    page.locator(f"#orders tr[data-key='{key}'].over").wait_for()
    page.wait_for_timeout(BETWEEN_ORDERS_MS)


def test_what_is_told_again_unchanged_is_not_written_again(daemon: DaemonProcess) -> None:
    with open_page() as (page, complaints):
        page.add_init_script(KEEP_NEWS)
        open_console(page, daemon)
        place_and_cancel(daemon, page)
        until_drawn(page)
        with stopped(daemon):
            # What was on its way is worked off first.
            until_drawn(page)
            page.evaluate(WATCH)
            for message in ("trader_status", "book", "order"):
                page.evaluate("(type) => window.tellAgain(type)", message)
            until_drawn(page)
            assert page.evaluate("window.written") == []
        assert unexpected(complaints) == []


def test_a_change_of_state_keeps_the_drawing_and_moves_nothing(daemon: DaemonProcess) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        # From then on the table of orders is as long as it will be.
        for _ in range(ORDERS_SHOWN):
            place_and_cancel(daemon, page)
        expect(page.locator("#transitions li").first).to_contain_text("acting → ready")
        charts = page.locator("#chart-price")
        before = charts.bounding_box()
        page.evaluate(
            """() => {
              window.drawn = [...document.querySelectorAll("#machine [data-state], #machine [data-way]")];
              window.moved = 0;
              new ResizeObserver((news) => { window.moved += news.length; }).observe(document.getElementById("orders"));
            }"""
        )
        until_drawn(page)
        assert page.evaluate("window.moved") == 1  # an observer is told the size it begins with
        for _ in range(3):
            place_and_cancel(daemon, page)
        expect(page.locator("#machine .way.last")).to_have_attribute("data-way", "acting ready")
        expect(page.locator("#machine [data-state=ready]")).to_have_attribute(
            "aria-current", "step"
        )
        assert page.evaluate("window.drawn.length > 15 && window.drawn.every((o) => o.isConnected)")
        assert page.evaluate("window.moved") == 1
        assert charts.bounding_box() == before
        assert unexpected(complaints) == []


def test_a_late_joiner_sees_the_orders_as_the_page_that_was_there_all_along(
    daemon: DaemonProcess,
) -> None:
    from playwright.sync_api import expect

    with open_page() as (page, complaints):
        open_console(page, daemon)
        keep = {"ticker": MARKET, "side": "bid", "count": "1", "post_only": True}
        open_keys = []
        for price in ("0.01", "0.02"):
            answer = daemon.client.command("place", {**keep, "price_dollars": price})
            open_keys.append(answer["key"])
            page.wait_for_timeout(BETWEEN_ORDERS_MS)
        for _ in range(ORDERS_SHOWN + 2):
            place_and_cancel(daemon, page)
        rows = page.locator("#orders tbody tr")
        expect(rows).to_have_count(ORDERS_SHOWN)
        keys = "(rows) => rows.map((row) => row.dataset.key)"
        before = rows.evaluate_all(keys)
        assert before[:2] == open_keys
        newest = daemon.client.get("/v3/orders")["orders"][0]["key"]
        assert before[-1] == newest
        page.reload()
        page.locator(f"#orders tr[data-key='{newest}']").wait_for()
        until_drawn(page)
        assert rows.evaluate_all(keys) == before
        assert unexpected(complaints) == []


def test_what_cannot_be_drawn_keeps_nothing_else_from_being_drawn(daemon: DaemonProcess) -> None:
    with open_page() as (page, complaints):
        open_console(page, daemon)
        drawn = page.evaluate(
            """async () => {
              const { later } = await import("/console/drawing.js");
              const drawn = [];
              const bad = () => { drawn.push("bad"); throw new Error("one bad part"); };
              const good = () => drawn.push("good");
              const pause = () => new Promise((done) => setTimeout(done, 300));
              for (let round = 0; round < 2; round += 1) {
                later(bad, 0);
                later(good, 0);
                await pause();
              }
              return drawn.join();
            }"""
        )
        assert drawn == "bad,good,bad,good"
        assert unexpected(complaints) == ["one bad part"] * 2


def test_a_page_that_nobody_sees_does_not_fall_behind(daemon: DaemonProcess) -> None:
    with open_page() as (page, complaints):
        page.add_init_script(KEEP_NEWS)
        open_console(page, daemon)
        with stopped(daemon):
            until_drawn(page)
            # A browser runs the timers of a hidden page once a second, and later once a minute.
            shown = page.evaluate(
                """async () => {
                  Object.defineProperty(document, "hidden", { get: () => true });
                  const later = window.setTimeout;
                  window.setTimeout = (act, ms, ...given) => later(act, Math.max(ms ?? 0, 60000), ...given);
                  const tell = (type, data) => window.line.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ type, data }) }));
                  for (let number = 0; number < 3000; number += 1) {
                    tell("position", { ticker: `KXHIDDEN-${number % 200}`, count: "1", side: "YES", held: String(number) });
                  }
                  await new Promise((done) => later(done, 50));
                  return [...document.querySelectorAll("#positions tr[data-key='KXHIDDEN-199'] td")][2].textContent;
                }"""
            )
            assert shown == "2\u202f999"
        assert unexpected(complaints) == []


def test_a_way_that_is_not_drawn_for_itself_is_there_while_it_was_the_last(
    daemon: DaemonProcess,
) -> None:
    with open_page() as (page, complaints):
        open_console(page, daemon)
        found = page.evaluate(
            """async () => {
              const { Machine } = await import("/console/machine.js");
              const machine = new Machine();
              const last = () => [...document.querySelectorAll("#machine .last")].map((way) => way.dataset.way);
              const count = () => document.querySelectorAll("#machine .way").length;
              const told = [];
              machine.show("ready", 0);
              const plain = count();
              for (const [from, to] of [["ready", "error"], ["error", "initializing"], ["ready", "shutdown"]]) {
                machine.note({ from_state: from, to_state: to, duration_ms: 5 }, true);
                told.push([last().join(), count() - plain]);
              }
              return told;
            }"""
        )
        assert found == [["ready error", 1], ["error initializing", 0], ["ready shutdown", 1]]
        assert unexpected(complaints) == []


def test_what_is_written_over_keeps_its_elements_but_no_button_gets_another_meaning(
    daemon: DaemonProcess,
) -> None:
    with open_page() as (page, complaints):
        open_console(page, daemon)
        found = page.evaluate(
            """async () => {
              const { patch } = await import("/console/drawing.js");
              const { make, button } = await import("/console/dom.js");
              const pressed = [];
              const row = (label, text, share) => {
                const cell = make("td", { class: share > 50 ? "warn" : null }, text);
                cell.style.setProperty("--share", `${share}%`);
                return [cell, make("td", {}, button(label, () => pressed.push(label)))];
              };
              const root = document.createElement("tr");
              patch(root, row("Pause", "a", 10));
              const [cell, pause] = [root.firstChild, root.querySelector("button")];
              patch(root, row("Pause", "b", 60));
              const kept = root.firstChild === cell && root.querySelector("button") === pause;
              const written = `${cell.textContent} ${cell.className} ${cell.style.getPropertyValue("--share")}`;
              patch(root, [...row("Release", "b", 20), make("td", {}, "more")]);
              root.querySelector("button").click();
              const shorter = row("Release", "c", 20).slice(0, 1);
              patch(root, shorter);
              return [kept, written, cell.className, pressed.join(), root.childNodes.length, root.textContent];
            }"""
        )
        assert found == [True, "b warn 60%", "", "Release", 1, "c"]
        assert unexpected(complaints) == []
