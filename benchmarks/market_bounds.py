"""Bounds of market data: memory of ten thousand books, the collector's pauses, and orders in a flood of deltas.

Owns: one child process for the books, so that its memory is theirs alone; one flood beside signed orders; one daemon
that follows ten thousand markets of an exchange in another process.
Must not: compare with anybody; the bounds are the daemon's own.
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import trio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import Row, bound_row
from benchmarks.market_clients import daemon_engine
from benchmarks.market_frames import Market
from benchmarks.market_ingest import DEADLINE_S, blaster
from tests.process_tools import DaemonProcess, running_daemon, running_exchange, wait_for
from traderd.cli.json_request import CommandFailed
from traderd.kalshi.auth import load_signer
from traderd.kalshi.feed import open_feed
from traderd.kalshi.rest import RestClient, open_rest
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.model import events as ev
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import Count, Price, Timestamp
from traderd.runtime.env import RealEnv
from traderd.runtime.inbox import Policy

ROOT: Final = Path(__file__).resolve().parent.parent
BOOKS: Final = 10_000
MARKETS_LISTED: Final = 10_500
"""Some of them are not open."""
BOOKS_BOUND_MB: Final = 40
PAUSE_BOUND_MS: Final = 5
CHILDREN: Final = 3
SNAPSHOTS_A_READ: Final = 40
"""What 64 KiB hold."""
DELTAS_AFTER: Final = 200_000
NOW: Final = Timestamp(1_786_085_189_000_000_000)
FLOOD_PER_S: Final = 50_000
FLOOD_S: Final = 8
FLOODS: Final = 3
ORDER_BOUND_MS: Final = 50
ORDERS_BETWEEN_S: Final = 0.02
ORDERS_TICKER: Final = MarketTicker("KXWNBAGAME-26AUG07PHXCONN-PHX")
DAEMON_BOUND_MB: Final = 100
DAEMON_LEVELS: Final = (None, 20)
"""How deep the books open, on each side: as the exchange makes them up (about 5), and as deep as they are promised to be."""
FOLLOW_BUDGET_S: Final = 120
DAEMON_MOMENTS_S: Final = (5, 125)
"""When its memory is taken, after the last book was there: at once, and after two minutes in which deltas touched books for
the first time."""
SAMPLED_FROM: Final = 1_000
"""The most that one answer lists."""
SAMPLED_EVERY: Final = 10


def rss_mb(process: int | str) -> float:
    """Return the resident memory of a process in MB."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


# --- books and pauses -----------------------------------------------------------------------------


def fill_books() -> dict[str, float]:
    """Fill the books as the feed does, then let deltas come; the child process's work."""
    env, rng = RealEnv(), random.Random(1)
    engine, bus = daemon_engine()
    decoder = FrameDecoder(1, ev.FeedName.MARKET_DATA, use_yes_price=False)
    pauses, began = [0.0], 0.0

    def watch(phase: str, _: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.thread_time()
        else:
            # CPU time, so that what other processes took meanwhile is not held against the collector.
            pauses.append((time.thread_time() - began) * 1_000)

    def publish(frames: list[bytes]) -> None:
        events: list[ev.Event] = []
        decoder.decode_all(frames, NOW, events, print)
        bus.publish(events)

    markets = [Market(number, rng, in_yes_prices=False) for number in range(200)]
    env.settle_memory()
    before_mb = rss_mb("self")
    gc.callbacks.append(watch)
    for first in range(0, BOOKS, SNAPSHOTS_A_READ):
        numbers = range(first, first + SNAPSHOTS_A_READ)
        publish([Market(n, rng, in_yes_prices=False).snapshot(n + 1) for n in numbers])
    env.settle_memory()
    books_mb = rss_mb("self") - before_mb
    # Deltas for markets whose snapshot is ours, so that books really change.
    publish([market.snapshot(BOOKS + n) for n, market in enumerate(markets, 1)])
    seq = BOOKS + len(markets)
    for _ in range(0, DELTAS_AFTER, 250):
        publish([rng.choice(markets).delta(seq + n) for n in range(1, 251)])
        seq += 250
    if engine.market_data.usable_books() != BOOKS or engine.market_data.gaps:
        raise RuntimeError("not every book is good")
    return {"books_mb": books_mb, "pause_ms": max(pauses)}


def book_rows() -> list[Row]:
    """Return the medians of memory and pauses, from processes of their own."""
    told = [
        json.loads(
            subprocess.run(
                [sys.executable, __file__], cwd=ROOT, check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(CHILDREN)
    ]
    books_mb, pause_ms = (
        statistics.median(each[what] for each in told) for what in ("books_mb", "pause_ms")
    )
    return [
        bound_row(f"{BOOKS} books of 20 levels a side", books_mb, BOOKS_BOUND_MB, "MB"),
        bound_row(
            f"longest pause of the collector, {BOOKS} snapshots and {DELTAS_AFTER} deltas",
            pause_ms,
            PAUSE_BOUND_MS,
            "ms",
        ),
    ]


# --- orders in a flood ----------------------------------------------------------------------------


async def place_orders(
    rest: RestClient, prefix: str, until: trio.Event, times_ms: list[float]
) -> None:
    """Place signed orders, one at a time with a short rest between, and note how long each took."""
    terms = OrderTerms(ticker=ORDERS_TICKER, side=Side.BID, price=Price(100), count=Count(1))
    number = 0
    while not until.is_set():
        number += 1
        began = time.perf_counter()
        await rest.create_order(ClientOrderId(f"{prefix}-{number}"), terms)
        times_ms.append((time.perf_counter() - began) * 1_000)
        await trio.sleep(ORDERS_BETWEEN_S)


async def flood(
    ready: dict[str, Any], port: int, name: str
) -> tuple[list[float], list[float], float]:
    """Return how long orders took without and with the flood (ms), and how many deltas a second it brought."""
    account, env = ready["accounts"][0], RealEnv()
    signer = load_signer(account["key_id"], Path(account["key_file"]))
    deltas = FLOOD_PER_S * FLOOD_S
    engine, bus = daemon_engine()
    calm: list[float] = []
    flooded: list[float] = []
    last = trio.Event()
    async with open_rest(env=env, base_url=ready["rest_url"], signer=signer) as rest:
        # Else the smallest account's tokens would be measured, not the way of an order.
        await rest.learn_limits()
        with trio.move_on_after(FLOOD_S):
            await place_orders(rest, f"calm-{name}", last, calm)

        def on_events(events: list[ev.Event]) -> None:
            bus.publish(events)
            if engine.market_data.deltas_received == deltas:
                last.set()

        async def serve(inbox: Any) -> None:
            async for _ in inbox:
                pass

        with trio.fail_after(DEADLINE_S):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    inbox = bus.subscribe(
                        ev.BookDelta, name="bench", policy=Policy.LOSSLESS, depth=1_000_000
                    )
                    nursery.start_soon(serve, inbox)
                async with open_feed(
                    env=env,
                    url=f"ws://127.0.0.1:{port}/paced/{deltas}/{FLOOD_PER_S}",
                    signer=signer,
                    feed=ev.FeedName.MARKET_DATA,
                    connection=1,
                    on_events=on_events,
                ) as opened:
                    await opened.subscribe(["orderbook_delta"], [])
                    began = time.perf_counter()
                    await place_orders(rest, f"flood-{name}", last, flooded)
                    per_s = deltas / (time.perf_counter() - began)
                nursery.cancel_scope.cancel()
    if engine.market_data.gaps or engine.market_data.deltas_received != deltas:
        raise RuntimeError("the flood did not arrive whole")
    return calm, flooded, per_s


def flood_row() -> Row:
    """Return the p99 of an order's time in the flood, the median of some floods; the calm one is in the name."""
    told = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_exchange(Path(folder), account="trader:1000000", events_per_s=0) as ready,
        blaster(FLOOD_PER_S * FLOOD_S) as (port, _),
    ):
        for number in range(FLOODS):
            calm, flooded, per_s = trio.run(flood, ready, port, f"{number}")
            told.append((_p99(calm), _p99(flooded), per_s))
    calm_ms, flooded_ms, per_s = (statistics.median(side) for side in zip(*told, strict=True))
    return bound_row(
        f"order round trip in a flood of {per_s:.0f} deltas a second, p99 (without the flood {calm_ms:.1f} ms)",
        flooded_ms,
        ORDER_BOUND_MS,
        "ms",
    )


def _p99(times_ms: list[float]) -> float:
    return statistics.quantiles(times_ms, n=100)[98]


# --- the whole daemon -----------------------------------------------------------------------------


def good_books(daemon: DaemonProcess) -> int:
    """Return how many books the daemon has, 0 while it does not answer."""
    try:
        return int(daemon.client.get("/v3/status")["metrics"]["markets_connected"])
    except CommandFailed:
        return 0


def levels_a_side(daemon: DaemonProcess) -> float:
    """Return how deep the daemon's books are, from a sample: the exchange decides that, and memory goes with it."""
    listed = daemon.client.get(f"/v3/markets?limit={SAMPLED_FROM}")["markets"]
    tickers = [market["ticker"] for market in listed]
    books = [daemon.client.get(f"/v3/books/{ticker}") for ticker in tickers[::SAMPLED_EVERY]]
    depths = [int(book[side]) for book in books for side in ("bid_levels", "ask_levels")]
    return statistics.mean(depths)


def daemon_rows(levels_opened: int | None) -> list[Row]:
    """Return the memory of a daemon that follows ten thousand markets, its exchange in another process, at each moment."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        scenario = folder / "markets.toml"
        depth = "" if levels_opened is None else f"levels = {levels_opened}\n"
        scenario.write_text(f'name = "many"\n[generated]\nmarkets = {MARKETS_LISTED}\n{depth}')
        with running_exchange(
            folder / "exchange", "--scenario", str(scenario), events_per_s=100
        ) as ready:
            account = ready["accounts"][0]
            settings = {
                "exchange__embedded": "false",
                "exchange__rest_url": ready["rest_url"],
                "exchange__ws_url": ready["ws_url"],
                "exchange__key_id": account["key_id"],
                "exchange__key_file": account["key_file"],
                "market_data__discover__enabled": "true",
                "market_data__discover__max_markets": str(BOOKS),
                "market_data__first_snapshot_s": "60",
                "market_data__connect_deadline_s": "90",
            }
            with running_daemon(folder / "daemon", **settings) as daemon:
                wait_for(
                    lambda: good_books(daemon) >= BOOKS,
                    within_s=FOLLOW_BUDGET_S,
                    what="ten thousand books",
                )
                used_mb, followed_at = [], time.monotonic()
                for moment_s in DAEMON_MOMENTS_S:
                    time.sleep(max(0.0, followed_at + moment_s - time.monotonic()))
                    used_mb.append(rss_mb(daemon.process.pid))
                # Only now, because the list of ten thousand markets takes memory too.
                levels = levels_a_side(daemon)
                daemon.stop()
    name = f"whole daemon with {BOOKS} books of {levels:.1f} levels a side"
    return [
        bound_row(f"{name}, after {moment_s} s", used, DAEMON_BOUND_MB, "MB")
        for moment_s, used in zip(DAEMON_MOMENTS_S, used_mb, strict=True)
    ]


def rows() -> list[Row]:
    """Return all of it."""
    daemons = [row for levels in DAEMON_LEVELS for row in daemon_rows(levels)]
    return [*book_rows(), flood_row(), *daemons]


if __name__ == "__main__":
    print(json.dumps(fill_books()))
