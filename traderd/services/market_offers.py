"""Markets put on a subscription in batches, so that one which the exchange refuses takes no other along.

Owns: the size of a batch, which markets one connection was refused and when they are offered again, and that what stands
is not given up for what more was wanted.
Must not: know a channel, or what is subscribed already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
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
AGAIN_FIRST_S: Final = 60.0
AGAIN_CAP_S: Final = 3_600.0
"""A refused market is offered again this much later, then after twice as long: the exchange may not have known it yet."""
PATIENCE_TRIES: Final = 5
PATIENCE_FIRST_S: Final = 1.0
"""After error 27 a command is sent again this much later, then twice as much, so many times."""


@attrs.frozen
class Refused:
    """A market that the exchange refused."""

    words: str
    """The exchange's, of the last time."""
    times: int
    again_at: float
    """When it may be offered again, on Trio's clock."""


@attrs.define(eq=False)
class MarketOffers:
    """What one connection offers to the exchange."""

    _log: structlog.stdlib.BoundLogger
    refused: dict[MarketTicker, Refused] = attrs.Factory(dict)
    """Those that were refused the last time they were offered."""
    _has_taken: bool = False
    """Some market was taken on this connection, so it is of use whatever else is refused."""

    @property
    def is_due(self) -> bool:
        """Tell whether a refused market may be offered again."""
        return any(map(self._may_offer, self.refused))

    def forget_but(self, wanted: Container[MarketTicker]) -> None:
        """Drop what was refused and is not wanted any more."""
        for ticker in [ticker for ticker in self.refused if ticker not in wanted]:
            del self.refused[ticker]

    async def put(
        self,
        tickers: Iterable[MarketTicker],
        ask: Callable[[Sequence[MarketTicker]], Awaitable[None]],
    ) -> None:
        """Ask for markets batch by batch; a batch that is refused is asked for in halves.

        What finds no room stays out, and is offered again by the next call; what was refused, by one that comes later.

        Args:
            tickers: those to put on the subscription.
            ask: sends one command for a batch.

        Raises:
            ExchangeRefused: for another reason than a market, or the connection takes no market at all.
        """
        refused_before = len(self.refused)
        waiting = [ticker for ticker in tickers if self._may_offer(ticker)]
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
            for ticker in batch:
                if self.refused.pop(ticker, None) is not None:
                    self._log.info(f"the exchange takes {ticker} now", ticker=ticker)
            del waiting[: len(batch)]
            size = min(BATCH, 2 * size)
        if len(self.refused) > max(refused_before, REFUSED_TOLD):
            self._log.warning(f"the exchange takes no subscription to {len(self.refused)} markets")

    def _may_offer(self, ticker: MarketTicker) -> bool:
        refused = self.refused.get(ticker)
        return refused is None or refused.again_at <= trio.current_time()

    def _refuse(self, ticker: MarketTicker, error: ExchangeRefused) -> None:
        before = self.refused.get(ticker)
        times = 0 if before is None else before.times
        again_s = min(AGAIN_CAP_S, AGAIN_FIRST_S * 2 ** min(times, 8))
        self.refused[ticker] = Refused(str(error), times + 1, trio.current_time() + again_s)
        is_told = before is None and len(self.refused) <= REFUSED_TOLD
        tell = self._log.warning if is_told else self._log.debug
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
