"""How much the synthetic street looks like Kalshi: its book changes beside those of a production recording.

Owns: the figures, taken in the same way from both: the recording of 2026-08-07 (twelve markets, 56 s, 245 changes) and
the default scenario under the order flow.
Must not: be a test; `tests/paper/flow/test_order_flow.py` bounds the same figures.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from traderd.model.orders import Side
from traderd.model.units import NS_PER_MS, NS_PER_S, Timestamp, complement, parse_count, parse_price
from traderd.paper.flow.order_flow import OrderFlow
from traderd.paper.scenario import build_venue, default_scenario, street_plans
from traderd.paper.venue.messages import LevelChanged

ROOT: Final = Path(__file__).resolve().parent.parent
RECORDING: Final = ROOT / "tests" / "data" / "ws_orderbook_prod_20260807.json"
SYNTHETIC_S: Final = 3_600.0
START: Final = Timestamp(1_800_000_000 * NS_PER_S)
TICK: Final = 100
"""Every recorded market has whole cents."""

Books = dict[tuple[str, Side], dict[int, int]]


@dataclass(frozen=True)
class Change:
    """One change of one level."""

    at: int
    book: tuple[str, Side]
    price: int
    """As a YES price."""
    by: int


@dataclass(frozen=True)
class Figures:
    """What is compared."""

    changes_per_s: float
    removal_share: float
    touch_moves: float
    """Of one market in a minute: how often a best price comes or goes."""
    mean_ticks_behind: float
    """Of changes that leave both best prices where they are; so are the next three."""
    at_touch_share: float
    size_median: float
    """In contracts."""
    size_90: float
    levels_a_side: float
    level_median: float
    """Size of a level, in contracts."""
    busiest_share: float
    """Of all changes, in the busiest quarter of the markets."""


def figures_of(books: Books, changes: Iterable[Change], seconds: float) -> Figures:
    """Return the figures of a run, replaying its changes on its opening books, which end as the closing ones."""
    sizes: list[int] = []
    ticks: list[int] = []
    total = removals = 0
    per_market: dict[str, int] = {ticker: 0 for ticker, _ in books}
    for change in changes:
        levels = books[change.book]
        ticker, side = change.book
        pick = max if side is Side.BID else min
        best = pick(levels, default=None)
        levels[change.price] = levels.get(change.price, 0) + change.by
        if not levels[change.price]:
            del levels[change.price]
        total += 1
        removals += change.by < 0
        per_market[ticker] += 1
        if best is not None and best == pick(levels, default=None):
            ticks.append(side.sign * (best - change.price) // TICK)
            sizes.append(abs(change.by))
    sizes.sort()
    busiest = sorted(per_market.values(), reverse=True)[: len(per_market) // 4]
    return Figures(
        changes_per_s=total / seconds,
        removal_share=removals / total,
        touch_moves=(total - len(sizes)) / len(per_market) / (seconds / 60),
        mean_ticks_behind=statistics.fmean(ticks),
        at_touch_share=ticks.count(0) / len(ticks),
        size_median=sizes[len(sizes) // 2] / 100,
        size_90=sizes[len(sizes) * 9 // 10] / 100,
        levels_a_side=statistics.fmean(len(levels) for levels in books.values()),
        level_median=statistics.median(s for levels in books.values() for s in levels.values())
        / 100,
        busiest_share=sum(busiest) / total,
    )


def recorded_figures(recording: bytes) -> Figures:
    """Return the figures of a recording of raw WebSocket frames."""
    books: Books = {}
    changes: list[Change] = []
    received: list[int] = []
    for each in json.loads(recording)["frames"]:
        frame = each["frame"]
        received.append(each["received_ms"])
        if frame["type"] == "orderbook_snapshot":
            _open(books, frame["msg"])
        elif frame["type"] == "orderbook_delta":
            changes.append(_change(frame["msg"]))
    return figures_of(books, changes, (received[-1] - received[0]) / 1_000)


def _open(books: Books, message: dict[str, Any]) -> None:
    ticker = message["market_ticker"]
    yes, no = message["yes_dollars_fp"], message["no_dollars_fp"]
    books[ticker, Side.BID] = {parse_price(p): parse_count(size) for p, size in yes}
    books[ticker, Side.ASK] = {complement(parse_price(p)): parse_count(size) for p, size in no}


def _change(message: dict[str, Any]) -> Change:
    side = Side.BID if message["side"] == "yes" else Side.ASK
    price = parse_price(message["price_dollars"])
    return Change(
        at=message["ts_ms"] * NS_PER_MS,
        book=(message["market_ticker"], side),
        price=price if side is Side.BID else complement(price),
        by=parse_count(message["delta_fp"]),
    )


def synthetic_figures(seed: int, seconds: float = SYNTHETIC_S) -> Figures:
    """Return the figures of the default scenario under the order flow."""
    numbers = itertools.count()
    scenario = default_scenario()
    venue = build_venue(scenario, ids=lambda: f"id-{next(numbers)}", now=START)
    books: Books = {
        (market.ticker, side): dict(venue.book_of(market.ticker).levels(side))
        for market in venue.markets()
        for side in Side
    }
    flow = OrderFlow(venue, Random(seed), plans=street_plans(scenario))

    def run() -> Iterator[Change]:
        now, end = START, START + int(seconds * NS_PER_S)
        while True:
            delay, action = flow.next_action(now)
            now = Timestamp(now + int(delay * NS_PER_S))
            if now > end:
                return
            flow.apply(action, now)
            for news in venue.take_outbox():
                if isinstance(news, LevelChanged):
                    yield Change(now, (news.ticker, news.side), news.price, news.change)

    return figures_of(books, run(), seconds)


def main() -> None:
    """Print both, side by side."""
    recorded = recorded_figures(RECORDING.read_bytes())
    synthetic = [synthetic_figures(seed) for seed in (1, 2, 3)]
    print(f"{'':20}{'recorded':>10}{'seed 1':>10}{'seed 2':>10}{'seed 3':>10}")
    for name in Figures.__dataclass_fields__:
        row = [getattr(each, name) for each in (recorded, *synthetic)]
        print(f"{name:20}" + "".join(f"{value:>10.2f}" for value in row))


if __name__ == "__main__":
    main()
