"""The console in front of two hundred busy markets: it paints at once and never holds the browser up."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.browser.pages import NEEDS_BROWSER, open_page, unexpected
from tests.process_tools import running_daemon, running_exchange, settings_of, wait_for

MARKETS = 200
EVENTS_PER_S = 1_000.0
"""As busy as the exchange's order flow can be; each event is about two deltas where the machine keeps up."""
WATCHED_MS = 10_000
LONG_TASK_MS = 100
FIRST_PAINT_MS = 1_000
OBSERVE = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.longTasks.push(Math.round(task.duration));
}).observe({ type: "longtask", buffered: true });
"""

pytestmark = NEEDS_BROWSER


SETTINGS = {
    "market_data__discover__enabled": "true",
    "market_data__discover__max_markets": str(MARKETS),
    "strategies__spread_maker__enabled": "false",
}


def test_the_page_stays_quick_with_two_hundred_busy_markets_behind_it(tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with ExitStack() as stack:
        exchange = stack.enter_context(
            running_exchange(
                tmp_path / "exchange", "--markets", str(MARKETS), events_per_s=EVENTS_PER_S
            )
        )
        daemon = stack.enter_context(
            running_daemon(tmp_path / "state", **settings_of(exchange), **SETTINGS)
        )
        daemon.wait_ready()
        wait_for(
            lambda: daemon.client.get("/v3/status")["metrics"]["markets_connected"] == MARKETS,
            within_s=20,
            what=f"{MARKETS} books",
        )
        page, complaints = stack.enter_context(open_page())
        page.add_init_script(OBSERVE)
        page.goto(daemon.url)
        expect(page.locator("#feed-numbers")).to_contain_text(f"{MARKETS} of {MARKETS}")
        expect(page.locator("#book")).to_be_visible(timeout=10_000)
        page.wait_for_timeout(WATCHED_MS)
        long_tasks = page.evaluate("window.longTasks")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        deltas = daemon.client.get("/v3/status")["market_data"]["per_second"]["deltas"]
        print(f"deltas/s {deltas}, first paint {paint:.0f} ms, long tasks {long_tasks}")
        assert deltas > 100, "nothing was behind the page"
        assert [task for task in long_tasks if task > LONG_TASK_MS] == []
        assert paint < FIRST_PAINT_MS
        assert unexpected(complaints) == []
