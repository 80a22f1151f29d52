"""What the console's charts begin with: profit and prices of the last hour, for whoever opens the page late.

Owns: the samples, and that they are bounded.
Must not: read a clock, or be used for anything but a picture (the ledger and the journal have the facts).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import attrs

from traderd.core.book import NOTHING_KNOWN
from traderd.core.view import StateView
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_S, Money, Price, Timestamp, format_money, format_price

SAMPLE_S: Final = 5
"""How far apart the samples are: finer than a chart of an hour can draw."""
SAMPLES_KEPT: Final = 720
"""Bounds the samples of one line: an hour."""
MARKETS_KEPT: Final = 200
"""Bounds the markets whose prices are kept, the first followed ones: some 15 MB."""

Document: TypeAlias = dict[str, Any]
PriceSample: TypeAlias = tuple[int, Price | None, Price | None]
ProfitSample: TypeAlias = tuple[int, Money, Money]
_kept: Final[Callable[[], deque[Any]]] = partial(deque, maxlen=SAMPLES_KEPT)


@attrs.define
class ChartHistory:
    """Samples of the account and of each market, oldest first; times are seconds since the epoch."""

    profits: deque[ProfitSample] = attrs.Factory(_kept)
    """Realized and unrealized profit, fees taken off the first."""
    prices: dict[MarketTicker, deque[PriceSample]] = attrs.Factory(dict)
    """Best bid and ask, None while a book cannot be trusted."""
    _sampled_at_s: int | None = None

    def sample(self, view: StateView, now: Timestamp) -> None:
        """Keep how things stand, unless the last sample is younger than `SAMPLE_S`."""
        at_s = now // NS_PER_S
        if self._sampled_at_s is not None and 0 <= at_s - self._sampled_at_s < SAMPLE_S:
            return
        self._sampled_at_s = at_s
        ledger = view.ledger
        realized = Money(ledger.realized_pnl - ledger.fees_paid)
        self.profits.append((at_s, realized, view.unrealized_pnl()))
        followed = view.followed[:MARKETS_KEPT]
        self.prices = {ticker: self.prices.get(ticker, _kept()) for ticker in followed}
        for ticker, samples in self.prices.items():
            book = view.book(ticker)
            top = book.top() if book is not None and book.usable else NOTHING_KNOWN
            samples.append((at_s, top.bid, top.ask))

    def profit_document(self) -> Document:
        """Return the profit; each point is [seconds, realized minus fees, unrealized] in dollars."""
        points = [
            [at_s, format_money(realized), format_money(unrealized)]
            for at_s, realized, unrealized in self.profits
        ]
        return {"ticker": None, "every_s": SAMPLE_S, "points": points}

    def price_document(self, ticker: str) -> Document:
        """Return the prices of one market; each point is [seconds, best bid, best ask] in dollars."""
        points = [
            [at_s, _text(bid), _text(ask)]
            for at_s, bid, ask in self.prices.get(MarketTicker(ticker), ())
        ]
        return {"ticker": ticker, "every_s": SAMPLE_S, "points": points}


def _text(price: Price | None) -> str | None:
    return None if price is None else format_price(price)
