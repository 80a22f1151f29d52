"""What the console's charts begin with: profit and prices of the last hour, for whoever opens the page late.

Owns: the samples, and that they are bounded.
Must not: read a clock, or be used for anything but a picture (the ledger and the journal have the facts).
"""

from __future__ import annotations

from array import array
from collections import deque
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
"""Bounds the markets whose prices are kept, the first followed ones: 0.6 MB."""
NO_PRICE: Final = -1
"""Stands for None where prices are kept as bare numbers: a tuple for each sample would take 15 MB in an hour."""

Document: TypeAlias = dict[str, Any]
ProfitSample: TypeAlias = tuple[int, Money, Money]


@attrs.define
class ChartHistory:
    """Samples of the account and of each market, oldest first; times are seconds since the epoch."""

    profits: deque[ProfitSample] = attrs.Factory(lambda: deque(maxlen=SAMPLES_KEPT))
    """Realized and unrealized profit, fees taken off the first."""
    prices: dict[MarketTicker, array[int]] = attrs.Factory(dict)
    """Best bid and best ask in turn, up to the newest moment of `profits`; NO_PRICE while a book cannot be trusted."""
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
        self.prices = {ticker: self.prices.get(ticker, array("h")) for ticker in followed}
        for ticker, samples in self.prices.items():
            book = view.book(ticker)
            top = book.top() if book is not None and book.usable else NOTHING_KNOWN
            samples.extend(NO_PRICE if price is None else price for price in (top.bid, top.ask))
            del samples[: -2 * SAMPLES_KEPT]

    def profit_document(self) -> Document:
        """Return the profit; each point is [seconds, realized minus fees, unrealized] in dollars."""
        points = [
            [at_s, format_money(realized), format_money(unrealized)]
            for at_s, realized, unrealized in self.profits
        ]
        return {"ticker": None, "every_s": SAMPLE_S, "points": points}

    def price_document(self, ticker: str) -> Document:
        """Return the prices of one market; each point is [seconds, best bid, best ask] in dollars."""
        kept = self.prices.get(MarketTicker(ticker), array("h"))
        bids, asks = kept[::2], kept[1::2]
        # All lines get their samples at once, so a market that came later has the newest moments.
        moments = [at_s for at_s, *_ in self.profits][len(self.profits) - len(bids) :]
        points = [
            [at_s, _text(bid), _text(ask)]
            for at_s, bid, ask in zip(moments, bids, asks, strict=True)
        ]
        return {"ticker": ticker, "every_s": SAMPLE_S, "points": points}


def _text(price: int) -> str | None:
    return None if price == NO_PRICE else format_price(Price(price))
