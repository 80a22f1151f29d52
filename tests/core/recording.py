"""A recorded production session, and what its books must be, computed from the raw JSON with Decimal.

Nothing here uses a line of the daemon's own arithmetic: this is the other witness.
"""

import copy
import functools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from traderd.core.book import Book
from traderd.model.orders import Side

PATH = Path(__file__).resolve().parents[1] / "data" / "ws_orderbook_prod_20260807.json"
LAST_REPLY = {"type": "ok", "id": 99, "sid": 1, "seq": 269, "msg": {"market_tickers": []}}
"""The recording ends with a delta; a reply after it shows whether that delta was missed."""

Levels = dict[Decimal, Decimal]
Truth = tuple[Levels, Levels]
"""Bids and asks in YES prices."""


@functools.cache
def frames() -> tuple[dict[str, Any], ...]:
    """Return every frame that has a sequence number, in order, and a reply that ends the session."""
    recorded = json.loads(PATH.read_text())["frames"]
    assert len(recorded) == 269
    numbered = [row["frame"] for row in recorded if "seq" in row["frame"]]
    return (*numbered, LAST_REPLY)


@functools.cache
def truth() -> tuple[dict[str, Truth], ...]:
    """Return the true books after each frame: index 0 is before the first, index n after seq n."""
    states: list[dict[str, Truth]] = [{}]
    for frame in frames():
        books, message = dict(states[-1]), frame["msg"]
        if frame["type"] == "orderbook_snapshot":
            books[message["market_ticker"]] = (
                {Decimal(p): Decimal(c) for p, c in message.get("yes_dollars_fp", [])},
                {1 - Decimal(p): Decimal(c) for p, c in message.get("no_dollars_fp", [])},
            )
        elif frame["type"] == "orderbook_delta":
            bids, asks = copy.deepcopy(books[message["market_ticker"]])
            at_price, change = Decimal(message["price_dollars"]), Decimal(message["delta_fp"])
            if message["side"] == "yes":
                _change(bids, at_price, change)
            else:
                _change(asks, 1 - at_price, change)
            books[message["market_ticker"]] = bids, asks
        states.append(books)
    return tuple(states)


def _change(levels: Levels, at_price: Decimal, change: Decimal) -> None:
    levels[at_price] = levels.get(at_price, Decimal(0)) + change
    if not levels[at_price]:
        del levels[at_price]


@functools.cache
def in_units(seq: int, ticker: str) -> tuple[dict[int, int], dict[int, int]]:
    """Return one true book after `seq` in 1/10 000 $ and 1/100 contract, which must be exact."""
    sides = []
    for levels in truth()[seq][ticker]:
        whole = {int(p * 10_000): int(c * 100) for p, c in levels.items()}
        assert {Decimal(p) / 10_000: Decimal(c) / 100 for p, c in whole.items()} == levels
        sides.append(whole)
    return sides[0], sides[1]


def levels_of(book: Book) -> tuple[dict[int, int], dict[int, int]]:
    """Return what a book of ours holds."""
    return book.levels(Side.BID), book.levels(Side.ASK)
