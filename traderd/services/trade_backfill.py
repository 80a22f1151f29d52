"""Reads the trades that the feed missed, and publishes them marked as backfilled.

Owns: since when each market's trades may be missing, until they were read. A trade that the feed brought as well is
told once: while late trades are being read, and shortly after, the feed's own go through a filter.
Must not: hold up the feed; live trades go on, and are whole from the market's TradesBackfilled on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import trio

from traderd.errors import ExchangeError, ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.market_lists import PAUSE_S
from traderd.model import events as ev
from traderd.model.ids import MarketTicker, TradeId
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.retry import Backoff
from traderd.services.context import Context
from traderd.services.market_clock import exchange_now

PAGES_MAX: Final = 5
"""Bounds the reading of one market: its 5 000 newest trades; older ones are given up, and that is said."""
QUIET_MARKET_NS: Final = 60 * NS_PER_S
"""How far before a loss the reading of a market starts that was never seen to trade: a line may be dead for a while
before it counts as lost."""
RETRY_FIRST_S: Final = 1.0
RETRY_CAP_S: Final = 60.0
FINAL_STATUSES: Final = (400, 404, 410)
EXTRA: Final = "missed_trades"
GUARD_S: Final = 30.0
"""How long after a reading the feed may still bring a trade that the reading brought."""


@attrs.frozen(eq=False)
class Hole:
    """Trades of a market may be missing; each loss makes a new one, so that a reading knows whether it was in time."""

    since: Timestamp
    """By the exchange's clock."""
    seen: dict[TradeId, None] = attrs.Factory(dict)
    """What the feed brought since, until the reading: it may take so long that the tape has forgotten them."""


@attrs.define(eq=False)
class TradeBackfill:
    """The stage's one reader of missed trades: one request at a time, held markets first."""

    _context: Context
    _holes: dict[MarketTicker, Hole] = attrs.field(init=False)
    _covered: dict[MarketTicker, None] = attrs.Factory(dict)
    """Markets whose trades the feed brings now: only a reading of those leaves no hole behind."""
    _wake: trio.Event = attrs.Factory(trio.Event)
    _guarded_until: float = -1.0

    def __attrs_post_init__(self) -> None:
        # A restart of the stage is a hole in the trades like any other.
        self._holes = self._context.shared.extras.setdefault(EXTRA, {})

    def miss(self, tickers: Iterable[MarketTicker]) -> None:
        """Note that trades of these markets may be missed from now on, until they are covered and were read."""
        tape, now = self._context.view.market_data.tape, exchange_now(self._context)
        for ticker in tickers:
            earlier = self._holes.get(ticker)
            since = tape.last_at.get(ticker, Timestamp(now - QUIET_MARKET_NS))
            self._holes[ticker] = Hole(since) if earlier is None else attrs.evolve(earlier)
            self._covered.pop(ticker, None)

    def cover(self, tickers: Iterable[MarketTicker]) -> None:
        """Note that the feed brings trades of these markets from now on; what they missed is read."""
        self._covered.update(dict.fromkeys(tickers))
        self._wake.set()

    def filtered(self, events: list[ev.Event]) -> list[ev.Event]:
        """Return the feed's events without trades that a reading has told of already."""
        is_guarded = trio.current_time() <= self._guarded_until
        if not is_guarded and not self._holes:
            return events
        tape = self._context.view.market_data.tape
        new = []
        for event in events:
            if isinstance(event, ev.TradePrinted):
                if is_guarded and tape.knows(event):
                    continue
                if (hole := self._holes.get(event.ticker)) is not None:
                    hole.seen[event.trade_id] = None
            new.append(event)
        return new

    async def run(self) -> None:
        """Read what is missing, whenever something is, until cancelled."""
        rng = self._context.env.rng
        backoff = Backoff(first_s=RETRY_FIRST_S, cap_s=RETRY_CAP_S, rng=rng)
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while (ticker := self._next()) is not None:
                try:
                    await self._read(ticker)
                except ExchangeError as exc:
                    if _is_final(exc):
                        self._give_up(ticker, exc)
                        continue
                    self._context.log.debug(f"trades of {ticker} cannot be read yet: {exc}")
                    await trio.sleep(backoff.next_delay())
                else:
                    backoff.reset()
                    await trio.sleep(PAUSE_S)

    def _give_up(self, ticker: MarketTicker, error: ExchangeError) -> None:
        context, hole = self._context, self._holes.pop(ticker)
        context.log.warning(f"missed trades of {ticker} cannot be had: {error}", ticker=ticker)
        context.publish(
            ev.TradesBackfilled(
                at=context.now(), ticker=ticker, since=hole.since, count=0, complete=False
            )
        )

    def _next(self) -> MarketTicker | None:
        view = self._context.view
        # Who left meanwhile needs nothing.
        for kept in (self._holes, self._covered):
            for ticker in [each for each in kept if each not in view.universe.followed]:
                del kept[ticker]
        waiting = [ticker for ticker in self._holes if ticker in self._covered]
        held = view.held_markets() if waiting else {}
        return next((ticker for ticker in waiting if ticker in held), next(iter(waiting), None))

    async def _read(self, ticker: MarketTicker) -> None:
        context, hole = self._context, self._holes[ticker]
        self._guarded_until = trio.current_time() + GUARD_S
        reading = await context.venue.rest.lists.trades(
            ticker, since=hole.since, pages_max=PAGES_MAX
        )
        self._guarded_until = trio.current_time() + GUARD_S
        if self._holes.get(ticker) is not hole or ticker not in context.view.universe.followed:
            # Lost again, or left, while it was read.
            return
        del self._holes[ticker]
        tape = context.view.market_data.tape
        # Newest first on the wire; those at or after `since` were not all seen, so the ids decide.
        missed = [
            trade
            for trade in reversed(reading.rows)
            if trade.trade_id not in hole.seen and not tape.knows(trade)
        ]
        done = ev.TradesBackfilled(
            at=context.now(),
            ticker=ticker,
            since=hole.since,
            count=len(missed),
            complete=reading.complete,
        )
        context.publish(*missed, done)
        if missed:
            tell = context.log.info if reading.complete else context.log.warning
            rest = (
                ""
                if reading.complete
                else f"; older ones are lost, only {PAGES_MAX} pages are read"
            )
            tell(f"backfilled {len(missed)} trades of {ticker}{rest}", ticker=ticker)


def _is_final(error: ExchangeError) -> bool:
    # Asking again cannot help; a refused key or too many requests are nothing that this market is to blame for.
    if isinstance(error, ExchangeRefused):
        return error.status in FINAL_STATUSES
    return isinstance(error, ExchangeProtocolError)
