"""The schemas of orders, positions, fills, books and markets.

Owns: which fields these records have, and of what kind.
Must not: make the records (`services.documents` does; a test holds both against each other).
"""

from __future__ import annotations

from typing import Final

from traderd.web.schema_words import (
    COUNT,
    DOLLARS,
    FLAG,
    MILLISECONDS,
    MOMENT,
    PRICE,
    SECONDS,
    SIDE,
    TALLY,
    TEXT,
    TICKER,
    Schema,
    choice,
    list_of,
    map_of,
    maybe,
    record,
)

GRADE: Final = choice("A", "B", "C", "D", "E", "F")
LEVELS: Final = list_of({
    "type": "array",
    "items": {"anyOf": [PRICE, COUNT]},
    "minItems": 2,
    "maxItems": 2,
})
"""Price and contracts of each level, best first."""

ORDER: Final = record(
    key=TEXT,
    order_id=maybe(TEXT),
    ticker=TICKER,
    side=SIDE,
    price_dollars=PRICE,
    count=COUNT,
    filled=COUNT,
    remaining=COUNT,
    status=TEXT,
    owner=TEXT,
    age_s=maybe(SECONDS),
    ended_at=maybe(MOMENT),
    reason=TEXT,
    expires_at=maybe(MOMENT),
    renewed=FLAG,
    change=maybe(
        record(kind=TEXT, price_dollars=PRICE, count=COUNT, outcome=choice("unknown", "under way"))
    ),
)

POSITION: Final = record(
    ticker=TICKER,
    count=COUNT,
    side=choice("YES", "NO", "flat"),
    held=COUNT,
    average_cost_dollars=maybe(PRICE),
    mark_dollars=maybe(PRICE),
    held_mark_dollars=maybe(PRICE),
    realized_pnl_dollars=DOLLARS,
    unrealized_pnl_dollars=maybe(DOLLARS),
    unrealized_at_bid_dollars=maybe(DOLLARS),
    unrealized_at_mid_dollars=maybe(DOLLARS),
    settled=FLAG,
    fees_dollars=DOLLARS,
)

FILL: Final = record(
    trade_id=TEXT,
    ticker=TICKER,
    side=SIDE,
    price_dollars=PRICE,
    count=COUNT,
    fee_dollars=DOLLARS,
    is_taker=FLAG,
    executed_at=MOMENT,
    order_key=maybe(TEXT),
    owner=TEXT,
)

_PRICES: Final[Schema] = {
    "bids": LEVELS,
    "asks": LEVELS,
    "bid_levels": TALLY,
    "ask_levels": TALLY,
    "bid_depth": COUNT,
    "ask_depth": COUNT,
    "best_bid": maybe(PRICE),
    "best_ask": maybe(PRICE),
    "best_bid_count": COUNT,
    "best_ask_count": COUNT,
    "spread": maybe(PRICE),
    "mid": maybe(PRICE),
    "microprice": maybe(PRICE),
    "imbalance": maybe(PRICE),
}

QUALITY: Final = record(
    grade=GRADE,
    causes=list_of(TEXT),
    proven_s=maybe(SECONDS),
    line_silent_s=maybe(SECONDS),
    lag_ms=maybe(MILLISECONDS),
    lag_p50_ms=maybe(MILLISECONDS),
    lag_p99_ms=maybe(MILLISECONDS),
    faults=map_of(TALLY),
    resyncs=TALLY,
    crossings=TALLY,
    dropped_deltas=TALLY,
    audits_agreed=TALLY,
    audits_differed=TALLY,
    history=list_of(record(at=MOMENT, grade=GRADE, causes=list_of(TEXT))),
)

BOOK: Final = record(
    ticker=TICKER,
    title=TEXT,
    usable=FLAG,
    reason=TEXT,
    **_PRICES,
    last_known=maybe(record(**_PRICES)),
    last_trade=maybe(PRICE),
    age_s=maybe(SECONDS),
    quality=QUALITY,
    own_orders=list_of(record(side=SIDE, price_dollars=PRICE, remaining=COUNT)),
)
"""A book that cannot be trusted has no prices but those under `last_known`."""

MARKETS: Final = record(
    followed=TALLY,
    problems=list_of(TEXT),
    markets=list_of(
        record(
            ticker=TICKER,
            title=TEXT,
            status=TEXT,
            closes_at=maybe(MOMENT),
            why=TEXT,
            usable=FLAG,
            reason=TEXT,
            grade=maybe(GRADE),
            best_bid=maybe(PRICE),
            best_ask=maybe(PRICE),
            spread=maybe(PRICE),
            last_trade=maybe(PRICE),
            age_s=maybe(SECONDS),
        )
    ),
)
