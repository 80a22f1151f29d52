"""One subscription of a connection, shared by who follows markets, who repairs books and who proves that it lives.

Owns: its id at the exchange, the markets on it, and how it is made anew.
Must not: decide which markets are on it, or when it is made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs
import trio

from traderd.errors import ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.feed import Feed
from traderd.model.ids import MarketTicker

MARKETS_PER_COMMAND: Final = 500
"""Bounds the markets of one command: their snapshots must all come within its deadline."""
NONE_STANDS: Final = 0
"""The id while there is no subscription: the exchange counts from 1."""
SUBSCRIPTION_GONE: Final = ("feed_error_7", "feed_error_10", "feed_error_25")
"""Refusals of a command that say that its subscription is no more.  Source: Kalshi error codes."""


@attrs.define(eq=False)
class LineSubscription:
    """One channel's subscription.

    Who adds or takes away a market at the exchange changes `tickers` too; `sid` changes when the subscription is made
    anew, so read it anew before each command.
    """

    feed: Feed
    channel: str
    of_all_markets: bool = False
    """The channel names no markets: it brings all of them."""
    sid: int = NONE_STANDS
    tickers: dict[MarketTicker, None] = attrs.Factory(dict)
    """The markets on it, in order."""
    changing: trio.Lock = attrs.Factory(trio.Lock)
    """Held by who changes `tickers` or `sid` at the exchange, so that the two never miss each other."""
    asking: trio.Lock = attrs.Factory(trio.Lock)
    """Held while snapshots are asked for: one request at a time."""
    awaited: dict[MarketTicker, float] = attrs.Factory(dict)
    """Markets that were put on it and whose first snapshots are on their way, with Trio's time until which they may be."""
    _made: trio.Event = attrs.Factory(trio.Event)

    @property
    def name(self) -> str:
        """What events call it: `<connection>:<sid>`."""
        return f"{self.feed.connection}:{self.sid}"

    @property
    def stands(self) -> bool:
        """Tell whether there is one: not before its first market, nor when it was ended without any."""
        return self.sid != NONE_STANDS

    async def open(self, tickers: Iterable[MarketTicker] = ()) -> None:
        """Make it with these markets, at most MARKETS_PER_COMMAND; raises ExchangeError."""
        first = tuple(tickers)
        self.sid = (await self.feed.subscribe((self.channel,), first))[self.channel]
        self.tickers.update(dict.fromkeys(first))
        self._tell_made()

    async def make_anew(self) -> None:
        """Make it anew on the same connection; without markets it is only ended, and the next market makes it.

        Raises:
            ExchangeError: the connection is lost, the exchange refuses, or it gives the old id again.
        """
        old, tickers = self.sid, tuple(self.tickers)
        try:
            await self.feed.unsubscribe([old])
        except ExchangeRefused:
            pass  # it does not know it any more, which is what we wanted
        if not tickers and not self.of_all_markets:
            self.sid = NONE_STANDS
            self._tell_made()
            return
        await self.open(tickers[:MARKETS_PER_COMMAND])
        if self.sid == old:
            raise ExchangeProtocolError(
                f"the new subscription to {self.channel} has the old id {old}"
            )
        for start in range(MARKETS_PER_COMMAND, len(tickers), MARKETS_PER_COMMAND):
            await self.feed.add_markets(self.sid, tickers[start : start + MARKETS_PER_COMMAND])

    def wait_for(self, tickers: Iterable[MarketTicker], *, within_s: float) -> None:
        """Note that first snapshots of these markets are on their way, so that nobody asks for them meanwhile."""
        self.awaited.update(dict.fromkeys(tickers, trio.current_time() + within_s))

    async def request_snapshot(self, tickers: Sequence[MarketTicker]) -> tuple[MarketTicker, ...]:
        """Ask for snapshots when it is our turn, and return the markets that were answered for; raises ExchangeError."""
        async with self.asking:
            return await self.feed.request_snapshot(self.sid, tickers)

    async def wait_made(self, instead_of: int) -> None:
        """Wait until the subscription with this id was made anew.  Cancelling is safe."""
        while self.sid == instead_of:
            await self._made.wait()

    def _tell_made(self) -> None:
        made, self._made = self._made, trio.Event()
        made.set()
