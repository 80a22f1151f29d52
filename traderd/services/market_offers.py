"""Markets put on a subscription in batches, so that one which the exchange refuses takes no other along.

Owns: the size of a batch, which markets one connection was refused, and that what stands is not given up for what more
was wanted.
Must not: know a channel, or what is subscribed already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import attrs
import structlog
import trio

from traderd.errors import ExchangeRefused
from traderd.model.ids import MarketTicker

BATCH: Final = 100
"""Bounds the markets of one command: about 4 KiB, and so many snapshots at once."""
REFUSED_MAX: Final = 20
"""Bounds the refused markets of a connection that has taken none yet: then it is not the markets that are wrong."""
REFUSED_TOLD: Final = 20
"""Bounds the refused markets that a connection tells of one by one; what more there are is told as a number."""
INVALID_PARAMETER: Final = "feed_error_11"
"""Kalshi: error 11, which may be about one market of a command."""
NO_ROOM: Final = "feed_error_26"
"""Kalshi: error 26, the connection has as many markets as it may."""
TOO_MANY_REQUESTS: Final = "feed_error_27"
"""Kalshi: error 27, commands came too fast."""
PATIENCE_TRIES: Final = 5
PATIENCE_FIRST_S: Final = 1.0
"""After error 27 a command is sent again this much later, then twice as much, so many times."""


@attrs.define(eq=False)
class MarketOffers:
    """What one connection offers to the exchange."""

    _log: structlog.stdlib.BoundLogger
    refused: dict[MarketTicker, str] = attrs.Factory(dict)
    """With the exchange's words; they are not offered again on this connection."""
    _has_taken: bool = False
    """Some market was taken on this connection, so it is of use whatever else is refused."""

    async def put(
        self,
        tickers: Iterable[MarketTicker],
        ask: Callable[[Sequence[MarketTicker]], Awaitable[None]],
    ) -> None:
        """Ask for markets batch by batch; a batch that is refused is asked for in halves.

        What finds no room stays out, and is offered again by the next call.

        Args:
            tickers: those to put on the subscription.
            ask: sends one command for a batch.

        Raises:
            ExchangeRefused: for another reason than a market, or the connection takes no market at all.
        """
        refused_before = len(self.refused)
        waiting = [ticker for ticker in tickers if ticker not in self.refused]
        size = BATCH
        while waiting:
            batch = waiting[:size]
            try:
                await _ask_patiently(ask, batch)
            except ExchangeRefused as exc:
                if exc.code == NO_ROOM and self._has_taken:
                    self._log.error(f"no room for {len(waiting)} more markets: {exc}")
                    break
                if exc.code != INVALID_PARAMETER:
                    raise
                culprit = batch[0] if len(batch) == 1 else MarketTicker(exc.details)
                if culprit in batch:
                    self._refuse(culprit, exc)
                    waiting.remove(culprit)
                size = max(1, len(batch) // 2)
                continue
            self._has_taken = True
            del waiting[: len(batch)]
            size = min(BATCH, 2 * size)
        if len(self.refused) > max(refused_before, REFUSED_TOLD):
            self._log.warning(f"the exchange takes no subscription to {len(self.refused)} markets")

    def _refuse(self, ticker: MarketTicker, error: ExchangeRefused) -> None:
        self.refused[ticker] = str(error)
        tell = self._log.warning if len(self.refused) <= REFUSED_TOLD else self._log.debug
        tell(f"the exchange takes no subscription to {ticker}: {error}", ticker=ticker)
        if len(self.refused) > REFUSED_MAX and not self._has_taken:
            raise error


async def _ask_patiently(
    ask: Callable[[Sequence[MarketTicker]], Awaitable[None]], batch: Sequence[MarketTicker]
) -> None:
    for number in range(PATIENCE_TRIES):
        try:
            await ask(batch)
        except ExchangeRefused as exc:
            if exc.code != TOO_MANY_REQUESTS:
                raise
            await trio.sleep(PATIENCE_FIRST_S * 2**number)
        else:
            return
    await ask(batch)
