"""Reads markets again of which a step may have been missed.

Owns: which markets those are, that what is marked meanwhile is read together, that a reading which fails is tried
again and holds nothing up, and when what our own clock opened or closed is looked up: a message that put it off may be lost.
No reading, whatever it is for, takes back what that clock did while the list has yet to notice.
Must not: judge what a step means, or decide what is followed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NoReturn

import attrs
import trio

from traderd.errors import AuthenticationRefused, ExchangeError
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.runtime.retry import Backoff
from traderd.services.context import Context
from traderd.services.market_clock import with_known_status

REREAD_FIRST_S: Final = 1.0
REREAD_CAP_S: Final = 60.0
"""Bounds the wait before a reading that failed is tried again."""
APART_S: Final = 1.0
"""Bounds how often markets are read: an exchange may tell of steps all the time."""
CONFIRM_S: Final = (2.0, 5.0)
"""When what our clock did is looked up: the exchange has done it by then, and not everybody asks in the same moment."""
CONFIRM_GROWTH: Final = 4
CONFIRM_TRIES: Final = 4
"""Where the exchange's list still says otherwise it is asked again ever later, for some 5 minutes; then the universe looks anyhow."""


@attrs.define(eq=False)
class MarketReread:
    """The reader of one connection."""

    _context: Context
    _stale: dict[MarketTicker, None] = attrs.Factory(dict)
    _due: dict[MarketTicker, float] = attrs.Factory(dict)
    """When each step of our clock is looked up, on Trio's clock."""
    _tries: dict[MarketTicker, int] = attrs.Factory(dict)
    _news: trio.Event = attrs.Factory(trio.Event)
    _failure: str = ""

    def mark(self, tickers: Iterable[MarketTicker]) -> None:
        """Note that a step of these markets may have been missed."""
        self._stale.update(dict.fromkeys(tickers))
        self._news.set()

    def confirm(self, tickers: Iterable[MarketTicker]) -> None:
        """Look these markets up in some seconds: our clock opened or closed them, and whoever put that off may not have been heard."""
        for ticker in tickers:
            self._tries.pop(ticker, None)
            self._look_up(ticker)

    def heard(self, ticker: MarketTicker) -> None:
        """Note that a step told where this market stands: what our clock did of it needs no looking up any more."""
        self._due.pop(ticker, None)
        self._tries.pop(ticker, None)

    async def run(self) -> NoReturn:
        """Read what is marked, whenever something is, until cancelled.

        Raises:
            AuthenticationRefused: the key is refused; trying again alone cannot help.
        """
        context = self._context
        backoff = Backoff(first_s=REREAD_FIRST_S, cap_s=REREAD_CAP_S, rng=context.env.rng)
        while True:
            await self._wait_for_work()
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

    async def _wait_for_work(self) -> None:
        # Before each reading, not only after a wait: where marks never end nothing is waited for.
        self._take_due()
        while not self._stale:
            with trio.move_on_at(min(self._due.values(), default=math.inf)):
                await self._news.wait()
                self._news = trio.Event()
            self._take_due()

    def _take_due(self) -> None:
        # With those that are due soon after: they are read together.
        soon = trio.current_time() + APART_S
        for ticker in [ticker for ticker, at in self._due.items() if at <= soon]:
            del self._due[ticker]
            self._stale[ticker] = None

    def _look_up(self, ticker: MarketTicker) -> None:
        tries = self._tries.get(ticker, 0)
        if tries >= CONFIRM_TRIES:
            del self._tries[ticker]
            return
        self._tries[ticker] = tries + 1
        wait_s = self._context.env.rng.uniform(*CONFIRM_S) * CONFIRM_GROWTH**tries
        self._due[ticker] = trio.current_time() + wait_s
        self._news.set()

    async def _read(self, tickers: tuple[MarketTicker, ...]) -> None:
        context = self._context
        read_at = context.now()
        lists, known = context.venue.rest.prompt_lists, context.view.market
        search = await lists.listings(tickers, known=known)
        followed, now = context.view.universe.followed, context.exchange_now()
        listed = [one.market for one in search.listings if one.market.ticker in followed]
        markets = tuple(with_known_status(market, known(market.ticker), now) for market in listed)
        pairs = zip(listed, markets, strict=True)
        behind = {ours.ticker: None for read, ours in pairs if ours is not read}
        for ticker in tickers:
            if ticker not in behind:
                self._tries.pop(ticker, None)
            elif ticker not in self._due:
                self._look_up(ticker)
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
