"""The console in front of two hundred busy markets: it paints at once and never holds the browser up.

What keeps this from failing on a slow machine: the exchange makes up for what it falls behind, so the rate is an average that it owes;
and a task that is long only because the machine was busy elsewhere is not long in every window, one that the page is to blame for is.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from tests.browser.busy_exchange import busy_exchange
from tests.browser.pages import NEEDS_BROWSER, open_page, unexpected
from tests.process_tools import DaemonProcess, running_daemon, settings_of, wait_for

MARKETS = 200
PROMISED_PER_S = 2_000
OFFERED_PER_S = 2_400
WINDOW_MS = 8_000
WINDOWS = 10
LONG_TASK_MS = 100
FIRST_PAINT_MS = 1_000
OBSERVE = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.longTasks.push(Math.round(task.duration));
}).observe({ type: "longtask", buffered: true });
"""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"

pytestmark = NEEDS_BROWSER


SETTINGS = {
    "market_data__discover__enabled": "true",
    "market_data__discover__max_markets": str(MARKETS),
    "strategies__spread_maker__enabled": "false",
}


def test_the_page_stays_quick_with_two_hundred_markets_and_two_thousand_deltas_a_second_behind_it(
    tmp_path: Path,
) -> None:
    from playwright.sync_api import expect

    with ExitStack() as stack:
        exchange = stack.enter_context(
            busy_exchange(tmp_path / "exchange", markets=MARKETS, deltas_per_s=OFFERED_PER_S)
        )
        daemon = stack.enter_context(
            running_daemon(tmp_path / "state", **settings_of(exchange), **SETTINGS)
        )
        daemon.wait_ready()
        wait_for(
            lambda: daemon.client.get("/v3/status")["metrics"]["markets_connected"] == MARKETS,
            within_s=120,
            what=f"{MARKETS} books",
        )
        page, complaints = stack.enter_context(open_page())
        page.add_init_script(OBSERVE)
        paints, windows = [], []
        for _ in range(WINDOWS):
            page.goto(daemon.url)
            expect(page.locator("#feed-numbers")).to_contain_text(f"{MARKETS} of {MARKETS}")
            expect(page.locator("#book")).to_be_visible()
            before, began = deltas_of(daemon), time.monotonic()
            page.wait_for_timeout(WINDOW_MS)
            rate = (deltas_of(daemon) - before) / (time.monotonic() - began)
            too_long = [ms for ms in page.evaluate("window.longTasks") if ms > LONG_TASK_MS]
            paints.append(page.evaluate(FIRST_PAINT))
            windows.append((round(rate), too_long))
            print(f"{rate:.0f} deltas/s, first paint {paints[-1]:.0f} ms, too long {too_long}")
            if rate >= PROMISED_PER_S and not too_long and paints[-1] < FIRST_PAINT_MS:
                break
        assert max(rate for rate, _ in windows) >= PROMISED_PER_S
        assert min(len(too_long) for _, too_long in windows) == 0, windows
        assert min(paints) < FIRST_PAINT_MS
        assert unexpected(complaints) == []


def deltas_of(daemon: DaemonProcess) -> int:
    return int(daemon.client.get("/v3/status")["metrics"]["deltas_received"])
