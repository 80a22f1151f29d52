"""From a change of state in the daemon to whoever watches: a WebSocket client, and a real browser's page.

Owns: the bound of 10 ms (p99) for one client. The daemon is a process of its own on its embedded exchange, orders are placed and
cancelled, and each of these is two changes of state; the market in the book changes all the while.
Must not: judge the paint that follows the change of the page: the screen decides about that.

On a machine that is busy with other work the figures are about that work; `chrt -r 1` before the command leaves it out.

Sender and receiver are on one machine, so the moments are of one clock; the browser's is compared with it first.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import Row, bound_row, report
from tests.browser.pages import CHROMIUM, open_page
from tests.process_tools import DaemonProcess, running_daemon

ORDERS: Final = 100
"""Placed and cancelled, so there are four times as many changes of state."""
PAUSE_S: Final = 0.073
"""Between two commands: not a part of the tenth of a second at which books and status are sent."""
BOUND_MS: Final = 10.0
MARKET: Final = "KXMLBGAME-26AUG071840NYMPIT-NYM"
SETTINGS: Final = {"strategies__spread_maker__enabled": "false", "exchange__events_per_s": "6"}
WATCH_STATE: Final = """
window.told = [];
window.shown = [];
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "state_transition") window.told.push([message.data.timestamp, message.data.to_state]);
    });
  }
};
window.watchState = () => {
  const state = document.getElementById("state");
  window.told = [];
  let last = state.textContent;
  new MutationObserver((changes) => {
    const at = performance.timeOrigin + performance.now();
    for (const change of changes) {
      for (const node of change.addedNodes) {
        // The same state is told again with each status.
        if (node.textContent !== last) window.shown.push([at, node.textContent]);
        last = node.textContent;
      }
    }
  }).observe(state, { childList: true });
};
"""
CLOCK: Final = "performance.timeOrigin + performance.now()"


def place_and_cancel(daemon: DaemonProcess) -> None:
    """Place one order that rests far from the market, and cancel it."""
    order = {"ticker": MARKET, "side": "bid", "price_dollars": "0.01", "count": "1"}
    key = daemon.client.command("place", {**order, "post_only": True})["key"]
    time.sleep(PAUSE_S)
    daemon.client.command("cancel", {"key": key})
    time.sleep(PAUSE_S)


async def to_a_client(daemon: DaemonProcess) -> list[float]:
    """Return how late (ms) each change of state was at a WebSocket client."""
    late: list[float] = []

    async def read(stream: WebSocketConnection) -> None:
        while True:
            message = json.loads(await stream.get_message())
            now_ms = time.time() * 1_000
            if message["type"] == "state_transition":
                late.append(now_ms - moment_ms(message["data"]["timestamp"]))

    async with open_websocket_url(f"ws://127.0.0.1:{daemon.port}/v3/ws") as stream:
        await stream.send_message(json.dumps({"watch": MARKET}))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, stream)
            await trio.sleep(1)
            late.clear()  # what came till now was history
            for _ in range(ORDERS):
                await trio.to_thread.run_sync(partial(place_and_cancel, daemon))
            await trio.sleep(0.5)
            nursery.cancel_scope.cancel()
    return late


def to_a_page(daemon: DaemonProcess) -> list[float]:
    """Return how late (ms) each change of state was in the page that a browser shows."""
    with open_page() as (page, _):
        page.add_init_script(WATCH_STATE)
        page.goto(daemon.url)
        page.locator("#book tbody tr").first.wait_for()
        page.evaluate("window.watchState()")
        print(f"the browser's clock is {clock_difference_ms(page):+.2f} ms off at most")
        for _ in range(ORDERS):
            place_and_cancel(daemon)
        page.wait_for_timeout(500)
        told, shown = page.evaluate("window.told"), page.evaluate("window.shown")
        assert [state for _, state in told] == [state for _, state in shown], (
            "the page left one out"
        )
        return [at - moment_ms(moment) for (at, _), (moment, _) in zip(shown, told, strict=True)]


def clock_difference_ms(page: Any) -> float:
    """Return by how much the browser's clock may differ from ours, at most."""
    differences = []
    for _ in range(50):
        before = time.time() * 1_000
        theirs = page.evaluate(CLOCK)
        after = time.time() * 1_000
        differences.append(max(before - theirs, theirs - after, 0.0))
    return min(differences)


def moment_ms(timestamp: str) -> float:
    """Return the moment of a change of state, stamped as it was published, in ms since the epoch."""
    return datetime.fromisoformat(timestamp).timestamp() * 1_000


def rows_of(who: str, late: list[float]) -> list[Row]:
    """Return the rows of one receiver."""
    hundredths = statistics.quantiles(late, n=100)
    print(
        f"{who}: {len(late)} changes of state, p50 {hundredths[49]:.2f} ms, p99 {hundredths[98]:.2f} ms, worst {max(late):.2f} ms"
    )
    return [bound_row(f"console: change of state to {who}, p99", hundredths[98], BOUND_MS, "ms")]


def waiting_share(daemon: DaemonProcess) -> float:
    """Return which share of the time in which the daemon could have run it waited for a processor, over its life."""
    fields = Path(f"/proc/{daemon.process.pid}/schedstat").read_text(encoding="ascii").split()
    ran, waited = int(fields[0]), int(fields[1])
    return waited / (ran + waited)


def main() -> int:
    """Measure, print, and return 1 if the bound does not hold."""
    print("load of the machine", *(f"{one:.1f}" for one in os.getloadavg()))
    with (
        tempfile.TemporaryDirectory() as folder,
        running_daemon(Path(folder) / "state", **SETTINGS) as daemon,
    ):
        daemon.wait_ready()
        rows = rows_of("a WebSocket client", trio.run(to_a_client, daemon))
        if CHROMIUM is None:
            print("no Chromium here: the page is not measured")
        else:
            rows += rows_of("the page in a browser", to_a_page(daemon))
        print(
            f"of the time it wanted, the daemon waited {waiting_share(daemon):.0%} for a processor"
        )
        daemon.stop()
    return report(rows, "console_latency.json")


if __name__ == "__main__":
    sys.exit(main())
