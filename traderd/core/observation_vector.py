"""An observation as a row of float32 numbers, for models.

Owns: which number stands where (VECTOR_FIELDS). Prices are dollars, sizes contracts, money dollars, times seconds; what
is missing is 0.0 beside a flag that says so. A model is trained for one OBSERVATION_VERSION.
Must not: be used to compute a price or an amount: those are the exact integers of the observation.
"""

from __future__ import annotations

from array import array
from typing import Final

from traderd.core.book_reads import IMBALANCE_MAX
from traderd.core.observation import LEVELS_SEEN, Observation
from traderd.core.trade_tape import RECENT_TRADES_KEPT
from traderd.model.book_events import BookGrade
from traderd.model.market_events import Levels
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, ONE_CONTRACT, ONE_DOLLAR

MONEY_PER_DOLLAR: Final = 1_000_000
FINE_PER_DOLLAR: Final = 1_000_000
AGE_MAX_S: Final = 86_400.0
"""Bounds every age and time to close in seconds: a day and a year tell a model the same."""
GRADES: Final = {grade: float(5 - index) for index, grade in enumerate(BookGrade)}
"""A is 5, F is 0."""

_SCALARS: Final = (
    *("live", "grade", "book_age_s", "time_to_close_s"),
    *("has_bid", "has_ask", "spread", "mid", "microprice", "imbalance"),
    *(
        "position",
        "account_position",
        "average_cost",
        "realized_pnl",
        "unrealized_pnl",
        "fees_paid",
    ),
    *("balance", "own_bid_price", "own_bid_count", "own_ask_price", "own_ask_count"),
)
_DEPTH: Final = tuple(
    f"{side}_{what}_{level}"
    for side in ("bid", "ask")
    for level in range(1, LEVELS_SEEN + 1)
    for what in ("price", "count")
)
_TRADES: Final = tuple(
    f"trade_{what}_{number}"
    for number in range(1, RECENT_TRADES_KEPT + 1)
    for what in ("price", "count", "age_s")
)
VECTOR_FIELDS: Final = (*_SCALARS, *_DEPTH, *_TRADES)
"""The name of each number; level 1 is the best, trade 1 the newest."""
VECTOR_LENGTH: Final = len(VECTOR_FIELDS)
_NO_TRADE: Final = [0.0] * 3


def vector_of(seen: Observation) -> array[float]:
    """Return the numbers of an observation; features of plugins are not among them, for its length is fixed."""
    row = array("f", _scalars(seen))
    for levels in (seen.bids, seen.asks):
        row.extend(_depth(levels))
    row.extend(_trades(seen))
    return row


def fields_with_features(seen: Observation) -> tuple[str, ...]:
    """Return the names of `vector_with_features`: VECTOR_FIELDS, and those of the plugins' features after them."""
    return (*VECTOR_FIELDS, *(name for name, _ in seen.features))


def vector_with_features(seen: Observation) -> array[float]:
    """Return `vector_of` with the features of plugins after it, each in its own unit and in the order of the names."""
    row = vector_of(seen)
    row.extend(float(number) for _, number in seen.features)
    return row


def _scalars(seen: Observation) -> list[float]:
    own_bid, own_ask = _own(seen, Side.BID), _own(seen, Side.ASK)
    imbalance = seen.imbalance or 0
    return [
        float(seen.book_usable),
        GRADES[seen.book_grade],
        AGE_MAX_S if seen.book_age_ns is None else _seconds(seen.book_age_ns),
        _seconds(seen.time_to_close_ns),
        float(seen.bid is not None),
        float(seen.ask is not None),
        (seen.spread or 0) / ONE_DOLLAR,
        (seen.mid or 0) / FINE_PER_DOLLAR,
        (seen.microprice or 0) / FINE_PER_DOLLAR,
        imbalance / IMBALANCE_MAX,
        seen.position / ONE_CONTRACT,
        seen.account_position / ONE_CONTRACT,
        (seen.average_cost or 0) / ONE_DOLLAR,
        seen.realized_pnl / MONEY_PER_DOLLAR,
        (seen.unrealized_pnl or 0) / MONEY_PER_DOLLAR,
        seen.fees_paid / MONEY_PER_DOLLAR,
        (seen.balance or 0) / MONEY_PER_DOLLAR,
        *own_bid,
        *own_ask,
    ]


def _own(seen: Observation, side: Side) -> tuple[float, float]:
    # The best price of the side's own orders, and how much of them can still fill.
    orders = seen.own(side)
    if not orders:
        return 0.0, 0.0
    best = max(orders, key=lambda order: order.price * side.sign)
    remaining = sum(order.remaining for order in orders)
    return best.price / ONE_DOLLAR, remaining / ONE_CONTRACT


def _depth(levels: Levels) -> list[float]:
    row = [0.0] * (2 * LEVELS_SEEN)
    for index, (price, count) in enumerate(levels):
        row[2 * index], row[2 * index + 1] = price / ONE_DOLLAR, count / ONE_CONTRACT
    return row


def _trades(seen: Observation) -> list[float]:
    at, row = seen.at, list[float]()
    for trade in reversed(seen.trades):
        row += (
            trade.price / ONE_DOLLAR,
            trade.taker_side.sign * trade.count / ONE_CONTRACT,
            _seconds(at - trade.at),
        )
    return row + _NO_TRADE * (RECENT_TRADES_KEPT - len(seen.trades))


def _seconds(duration_ns: int) -> float:
    # Asked for each trade at each look.
    seconds = duration_ns / NS_PER_S
    return 0.0 if seconds <= 0 else min(seconds, AGE_MAX_S)
