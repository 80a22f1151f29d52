"""Markets put on a subscription in batches, so that one which the exchange refuses takes no other along.

Owns: the size of a batch, and which markets one connection was refused.
Must not: know a channel, or what is subscribed already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import attrs
import structlog

from traderd.errors import ExchangeRefused
from traderd.model.ids import MarketTicker

BATCH: Final = 100
"""Bounds the markets of one command: about 4 KiB, and so many snapshots at once."""
REFUSED_MAX: Final = 20
"""Bounds the refused markets of one connection: with more of them it is not the markets that are wrong."""
INVALID_PARAMETER: Final = "feed_error_11"
"""Kalshi: error 11, which may be about one market of a command."""


@attrs.define(eq=False)
class MarketOffers:
    """What one connection offers to the exchange."""

    _log: structlog.stdlib.BoundLogger
    refused: dict[MarketTicker, str] = attrs.Factory(dict)
    """With the exchange's words; they are not offered again on this connection."""

    async def put(
        self,
        tickers: Iterable[MarketTicker],
        ask: Callable[[Sequence[MarketTicker]], Awaitable[None]],
        *,
        once: bool = False,
    ) -> None:
        """Ask for markets batch by batch; a batch that is refused is asked for in halves.

        Args:
            tickers: those to put on the subscription.
            ask: sends one command for a batch.
            once: only until a first batch was accepted.

        Raises:
            ExchangeRefused: for another reason than a market, or too many markets are refused.
        """
        waiting = [ticker for ticker in tickers if ticker not in self.refused]
        size = BATCH
        while waiting:
            batch = waiting[:size]
            try:
                await ask(batch)
            except ExchangeRefused as exc:
                if exc.code != INVALID_PARAMETER:
                    raise
                culprit = batch[0] if len(batch) == 1 else MarketTicker(exc.details)
                if culprit in batch:
                    self._refuse(culprit, exc)
                    waiting.remove(culprit)
                size = max(1, len(batch) // 2)
                continue
            del waiting[: len(batch)]
            size = min(BATCH, 2 * size)
            if once:
                return

    def _refuse(self, ticker: MarketTicker, error: ExchangeRefused) -> None:
        self.refused[ticker] = str(error)
        self._log.warning(f"the exchange takes no subscription to {ticker}: {error}", ticker=ticker)
        if len(self.refused) > REFUSED_MAX:
            raise error
