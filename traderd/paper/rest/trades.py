"""Public trades, live and archived (Kalshi: trades, historical trades).

Owns: a trade's body, filters and pages. Newest first.
Must not: know who traded.
"""

from __future__ import annotations

from itertools import takewhile

import attrs
import msgspec
from msgspec import UNSET, UnsetType

from traderd.kalshi.wire import serve
from traderd.model.units import (
    ONE_DOLLAR,
    Timestamp,
    complement,
    format_count,
    format_price,
    format_time,
)
from traderd.paper.rest.archive import cutoff
from traderd.paper.rest.call import Call, Desk, Routes, answer, public
from traderd.paper.rest.legacy import cents, whole
from traderd.paper.rest.query import Query, page_of
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.records import Trade


class TradeBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One public trade; the last fields are of the legacy dialect."""

    trade_id: str
    ticker: str
    count_fp: str
    yes_price_dollars: str
    no_price_dollars: str
    taker_outcome_side: str
    taker_book_side: str
    taker_side: str
    created_time: str
    is_block_trade: bool = False
    price: float | UnsetType = UNSET
    """Kalshi: a number, and deprecated in December 2025 already; taken to be dollars."""
    count: int | UnsetType = UNSET
    yes_price: int | UnsetType = UNSET
    no_price: int | UnsetType = UNSET


def trade_body(trade: Trade, *, legacy: bool) -> TradeBody:
    """Return a trade's body; `legacy` adds the integers."""
    outcome = serve.outcome_word(trade.taker_side)
    body = TradeBody(
        trade_id=trade.trade_id,
        ticker=trade.ticker,
        count_fp=format_count(trade.count),
        yes_price_dollars=format_price(trade.price),
        no_price_dollars=format_price(complement(trade.price)),
        taker_outcome_side=outcome,
        taker_book_side=trade.taker_side.value,
        taker_side=outcome,
        created_time=format_time(trade.at),
    )
    if not legacy:
        return body
    return msgspec.structs.replace(
        body,
        price=float(format_price(trade.price)),
        count=whole(trade.count),
        yes_price=cents(trade.price),
        no_price=cents(ONE_DOLLAR) - cents(trade.price),
    )


def routes(desk: Desk) -> Routes:
    """Return both lists of trades."""
    reads = TradeReads(desk)
    return {
        "/markets/trades": public(reads.live),
        "/historical/trades": public(reads.archived),
    }


@attrs.frozen
class TradeReads:
    """Handlers of one desk."""

    desk: Desk

    def live(self, call: Call) -> Response:
        """`GET /markets/trades`."""
        return self._page(call.query("GetTrades"), cutoff(self.desk, call.now), None)

    def archived(self, call: Call) -> Response:
        """`GET /historical/trades`."""
        return self._page(call.query("GetTradesHistorical"), None, cutoff(self.desk, call.now))

    def _page(self, query: Query, since: Timestamp | None, before: Timestamp | None) -> Response:
        limit, ticker = query.limit(), query.text("ticker")
        low, high = query.seconds("min_ts"), query.seconds("max_ts")
        only_blocks = query.flag("is_block_trade") is True
        oldest = max((at for at in (low, since) if at is not None), default=Timestamp(0))
        newest_first = reversed(self.desk.venue.floor.trades)
        page, cursor = page_of(
            takewhile(lambda trade: trade.at >= oldest, newest_first),
            lambda trade: trade.trade_id,
            limit=limit,
            cursor=query.text("cursor"),
            keep=lambda trade: (
                not only_blocks
                and (ticker is None or trade.ticker == ticker)
                and (high is None or trade.at <= high)
                and (before is None or trade.at < before)
            ),
        )
        legacy = self.desk.settings.is_legacy
        bodies = [trade_body(trade, legacy=legacy) for trade in page]
        return answer({"trades": bodies, "cursor": cursor})
