"""Reads markets again of which a step may have been missed.

Owns: which markets those are, that what is marked meanwhile is read together, and that a reading which fails is tried
again and holds nothing up.
Must not: judge what a step means, or decide what is followed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NoReturn

import attrs
import trio

from traderd.errors import AuthenticationRefused, ExchangeError
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.runtime.retry import Backoff
from traderd.services.context import Context

REREAD_FIRST_S: Final = 1.0
REREAD_CAP_S: Final = 60.0
"""Bounds the wait before a reading that failed is tried again."""
APART_S: Final = 1.0
"""Bounds how often markets are read: an exchange may tell of steps all the time."""


@attrs.define(eq=False)
class MarketReread:
    """The reader of one connection."""

    _context: Context
    _stale: dict[MarketTicker, None] = attrs.Factory(dict)
    _news: trio.Event = attrs.Factory(trio.Event)
    _failure: str = ""

    def mark(self, tickers: Iterable[MarketTicker]) -> None:
        """Note that a step of these markets may have been missed."""
        self._stale.update(dict.fromkeys(tickers))
        self._news.set()

    async def run(self) -> NoReturn:
        """Read what is marked, whenever something is, until cancelled.

        Raises:
            AuthenticationRefused: the key is refused; trying again alone cannot help.
        """
        context = self._context
        backoff = Backoff(first_s=REREAD_FIRST_S, cap_s=REREAD_CAP_S, rng=context.env.rng)
        while True:
            await self._news.wait()
            self._news = trio.Event()
            while self._stale:
                # Taken first: a market that is marked while it is read has to be read once more.
                tickers, self._stale = tuple(self._stale), {}
                try:
                    await self._read(tickers)
                except AuthenticationRefused:
                    raise
                except ExchangeError as exc:
                    self._tell_failure(str(exc))
                    self._stale.update(dict.fromkeys(tickers))
                    await trio.sleep(backoff.next_delay())
                else:
                    self._tell_success()
                    backoff.reset()
                    await trio.sleep(APART_S)

    async def _read(self, tickers: tuple[MarketTicker, ...]) -> None:
        context = self._context
        read_at = context.now()
        lists, known = context.venue.rest.prompt_lists, context.view.market
        search = await lists.listings(tickers, known=known)
        followed = context.view.universe.followed
        markets = tuple(
            listing.market for listing in search.listings if listing.market.ticker in followed
        )
        if markets:
            context.publish(ev.MarketsListed(at=context.now(), markets=markets, read_at=read_at))

    def _tell_failure(self, problem: str) -> None:
        # The same problem once: an exchange that is away is asked for hours.
        if problem != self._failure:
            self._context.log.warning(
                f"markets whose steps may have been missed cannot be read yet: {problem}"
            )
            self._failure = problem

    def _tell_success(self) -> None:
        if self._failure:
            self._context.log.info("markets whose steps may have been missed can be read again")
            self._failure = ""
