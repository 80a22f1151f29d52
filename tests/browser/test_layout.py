"""Nothing is cut off on screens of any width: a button that is out of sight is not there for whoever needs it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.pages import (
    BETWEEN_ORDERS_MS,
    MARKET,
    NEEDS_BROWSER,
    give_token,
    open_console,
    open_page,
    stopped,
    unexpected,
    until_drawn,
)
from tests.process_tools import DaemonProcess

WIDTHS = [360, 375, 390, 560, 561, 640, 641, 720, 820, 821, 1000, 1100, 1200, 1201, 1280, 1400]
ORDERS = 10
BELOW_THE_LIST_PX = 6
FILL_TABLES = """async (ticker) => {
  const { Fills, Orders, Positions } = await import("/console/tables.js");
  const { showStrategies } = await import("/console/strategies.js");
  const [fills, orders, positions] = [new Fills(), new Orders(), new Positions()];
  for (let number = 0; number < 3; number += 1) {
    const one = { ticker, key: `k${number}`, side: number % 2 ? "bid" : "ask", price_dollars: "0.4500", count: "5.00" };
    orders.show({ ...one, filled: "0.00", remaining: "5.00", status: "resting", owner: "spread_maker", order_id: "o", age_s: 255 });
    fills.show({ ...one, trade_id: `t${number}`, fee_dollars: "0.0175", is_taker: true, executed_at: "2026-11-20T10:29:00Z", order_key: one.key });
  }
  positions.show({ ticker, count: "5", side: "YES", held: "5.00", average_cost_dollars: "0.4700", held_mark_dollars: "0.4600",
    realized_pnl_dollars: "-0.150000", unrealized_pnl_dollars: "-0.100000", fees_dollars: "0.130100" });
  showStrategies({ denials: [{ owner: "spread_maker", rule: "max_open_orders_per_market", count: 40,
    last_sentence: "the kill switch was pulled by a person; nothing but cancels leaves until `traderd clear-halt kill`" }] });
}"""
SHOW_SERVICES = """async (status) => (await import("/console/services.js")).showServices(status)"""
FRAMES = (
    """async () => { for (let n = 0; n < 6; n += 1) await new Promise(requestAnimationFrame); }"""
)
"""What follows a new width follows within a few frames, however long these take."""
SLOW = {"handler_p50_ms": 1_234.5, "handler_p99_ms": 5_678.9}
"""The times of a machine that does much else: they need most room."""
CUT_OFF = """() => {
  const found = [...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => `${one.firstElementChild.id} by ${one.scrollWidth - one.clientWidth}`);
  for (const one of document.querySelectorAll(".account dt, .account dd")) {
    const [room, inside] = [one.parentElement.getBoundingClientRect(), document.createRange()];
    inside.selectNodeContents(one);
    if (inside.getBoundingClientRect().right > room.right) found.push(one.textContent);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page");
  return found;
}"""
CROSSED = """() => {
  const boxes = [...document.querySelectorAll("#machine .stay")].filter((one) => one.textContent).map((one) => one.getBoundingClientRect());
  return [...document.querySelectorAll("#machine .way")].filter((way) => {
    const place = way.getScreenCTM();
    for (let at = 0; at <= way.getTotalLength(); at += 1) {
      const { x, y } = way.getPointAtLength(at).matrixTransform(place);
      if (boxes.some((box) => x > box.left && x < box.right && y > box.top && y < box.bottom)) return true;
    }
    return false;
  }).map((way) => way.dataset.way);
}"""

pytestmark = NEEDS_BROWSER


def test_nothing_is_cut_off_at_any_width(daemon: DaemonProcess) -> None:
    with open_page() as (page, complaints):
        open_console(page, daemon)
        page.locator("#services [data-key]").first.wait_for()
        status = slow_status(daemon)
        # Until then the parts that come once a second would take the place of what is put there.
        until_drawn(page)
        with stopped(daemon):
            until_drawn(page)
            page.evaluate(FILL_TABLES, MARKET)
            page.evaluate(SHOW_SERVICES, status)
            cut = {}
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.evaluate(FRAMES)
                if found := page.evaluate(CUT_OFF):
                    cut[width] = found
            assert cut == {}
        assert unexpected(complaints) == []


def slow_status(daemon: DaemonProcess) -> dict[str, Any]:
    """Return the daemon's status as if everything took long."""
    status = daemon.status()
    assert status is not None
    inboxes = [service.get("inbox") for service in status["services"].values()]
    for inbox in (*inboxes, *status["other_inboxes"].values()):
        if inbox and "handler_p50_ms" in inbox:
            inbox.update(SLOW)
    return status


@pytest.mark.parametrize("width", [390, 1280])
def test_no_way_of_the_machine_crosses_the_time_of_a_stay(
    daemon: DaemonProcess, width: int
) -> None:
    with open_page(width=width) as (page, complaints):
        page.goto(daemon.url)
        page.locator("#machine [aria-current]").wait_for()
        page.locator("#machine .stay", has_text="ms").first.wait_for()
        assert page.evaluate(CROSSED) == []
        heights = page.locator("#health, #link").evaluate_all(
            "(lights) => lights.map((light) => light.getBoundingClientRect().top)"
        )
        assert len(set(heights)) == 1, "one light is alone on a line"
        assert unexpected(complaints) == []


def test_a_long_list_of_what_kill_would_do_stands_apart_from_what_follows(
    daemon: DaemonProcess,
) -> None:
    with open_page() as (page, complaints):
        open_console(page, daemon)
        order = {"ticker": MARKET, "side": "bid", "count": "1", "post_only": True}
        for number in range(ORDERS):
            daemon.client.command("place", {**order, "price_dollars": f"0.{number + 1:02d}"})
            page.wait_for_timeout(BETWEEN_ORDERS_MS)
        page.keyboard.press("k")
        give_token(page, daemon)
        items = page.locator("#verb-items")
        items.locator("li").nth(ORDERS - 1).wait_for(state="attached")
        assert items.evaluate("(list) => list.scrollHeight > list.clientHeight")
        room = page.evaluate(
            """() => document.getElementById("verb-typed-row").getBoundingClientRect().top
              - document.getElementById("verb-items").getBoundingClientRect().bottom"""
        )
        assert room >= BELOW_THE_LIST_PX
        # Its edge is seen, so what is cut there is not taken for the end.
        assert items.evaluate("(list) => getComputedStyle(list).borderBottomStyle") == "solid"
        assert unexpected(complaints) == []
