"""An exchange as busy as asked: its markets' books change at a steady rate, which the order flow of a real exchange would not keep.

Run as a program it serves until killed. What it falls behind it makes up for, so that the sum is as asked on a slow machine too.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from tests.process_tools import ROOT, START_BUDGET_S, wait_for
from traderd.model.orders import Side
from traderd.model.units import Count, Money, Price
from traderd.paper.exchange import PaperExchange
from traderd.paper.scenario import generated_scenario
from traderd.paper.serve import ServeOptions, serve_exchange
from traderd.paper.settings import ExchangeSettings, Tier
from traderd.runtime.env import RealEnv

BURST = 25
"""Deltas between two turns of the loop: what a busy matching engine makes between two reads of its sockets."""
PRICE = Price(100)
LOT = Count(100)


@contextmanager
def busy_exchange(directory: Path, *, markets: int, deltas_per_s: int) -> Iterator[dict[str, Any]]:
    """Serve one in its own process and give its ready file's document."""
    directory.mkdir(parents=True, exist_ok=True)
    ready_file, log = directory / "ready.json", (directory / "exchange.log").open("ab")
    arguments = [
        "-m",
        "tests.browser.busy_exchange",
        str(directory),
        str(markets),
        str(deltas_per_s),
    ]
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        wait_for(ready_file.exists, within_s=START_BUDGET_S, what="the exchange's ready file")
        yield json.loads(ready_file.read_text(encoding="utf-8"))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        log.close()


async def stir(exchange: PaperExchange, deltas_per_s: int) -> None:
    """Put a bid into one market after another and take it out again."""
    tickers, street = tuple(exchange.venue.floor.markets), exchange.venue.street
    began, made = trio.current_time(), 0
    while True:
        due = int((trio.current_time() - began) * deltas_per_s)
        for number in range(made, min(due, made + BURST)):
            change = street.remove if number % 2 else street.add
            change(tickers[number // 2 % len(tickers)], Side.BID, PRICE, LOT, exchange.now())
            exchange.settle()
        made = min(due, made + BURST)
        await trio.sleep(0.005 if made == due else 0)


async def serve(directory: Path, markets: int, deltas_per_s: int) -> None:
    """Serve until killed."""
    options = ServeOptions(
        host="127.0.0.1",
        port=0,
        scenario=generated_scenario(markets, 1),
        accounts={"trader": Money(1_000_000_000)},
        keys_dir=directory / "keys",
        ready_file=directory / "ready.json",
        flow_rate=0,
        seed=1,
        settings=ExchangeSettings(tier=Tier.UNLIMITED),
    )
    async with trio.open_nursery() as nursery:
        served = await nursery.start(partial(serve_exchange, options, env=RealEnv()))
        await stir(served.exchange, deltas_per_s)


if __name__ == "__main__":
    trio.run(serve, Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
