"""Reads the trades that the feed missed, and publishes them marked as backfilled.

Owns: since when each market's trades may be missing, until they were read. A trade that the feed brought as well is
told once: while late trades are being read, and shortly after, the feed's own go through a filter.
A market that cannot be read lets the others go first.
Must not: hold up the feed; live trades go on, and are whole from the market's TradesBackfilled on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import trio

from traderd.errors import ExchangeError, ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.market_lists import PAUSE_S
from traderd.kalshi.wire.decoder import AHEAD_MAX_NS
from traderd.model import events as ev
from traderd.model.events import TradePrinted
from traderd.model.ids import MarketTicker, TradeId
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.retry import Backoff
from traderd.services.context import Context

PAGES_MAX: Final = 5
"""Bounds the reading of one market: its 5 000 newest trades; older ones are given up, and that is said."""
QUIET_MARKET_NS: Final = 180 * NS_PER_S
"""How far before a loss the reading of a market starts that was never seen to trade: a subscription may be dead for two proofs
of a minute each before it counts as lost."""
SLACK_NS: Final = AHEAD_MAX_NS
"""How far before the last trade in order the reading of a hole starts: that trade's stamp is believed up to so far ahead,
and markets that share a subscription keep no order among them."""
RETRY_FIRST_S: Final = 1.0
RETRY_CAP_S: Final = 60.0
FINAL_STATUSES: Final = (400, 404, 410)
GUARD_S: Final = 30.0
"""How long after a reading the feed may still bring a trade that the reading brought, and how long after the feed is back
it may still be silent about one."""
SEEN_MAX: Final = 20_000
"""Bounds the trades of one market that are remembered until it was read (about 3 MB): with more of them since the loss it is
too late to tell which ones were missed."""


@attrs.frozen(eq=False)
class Hole:
    """Trades of a market may be missing; each loss makes a new one, so that a reading knows whether it was in time."""

    since: Timestamp
    """By the exchange's clock, as `until`."""
    until: Timestamp | None = None
    """What was traded after this the feed has brought; None while it is away."""
    seen: dict[TradeId, None] = attrs.Factory(dict)
    """What the feed brought in between, until the reading: it may take so long that the tape has forgotten them."""

    def has(self, trade: TradePrinted) -> bool:
        """Tell whether a trade falls into the time of which trades may be missing."""
        return self.until is None or time_of(trade) <= self.until


def time_of(trade: TradePrinted) -> Timestamp:
    """Return when a trade was made, or else seen."""
    return trade.at if trade.exchange_at is None else trade.exchange_at


@attrs.define(eq=False)
class TradeBackfill:
    """The stage's one reader of missed trades: one request at a time, held markets first."""

    _context: Context
    _holes: dict[MarketTicker, Hole] = attrs.field(init=False)
    _covered: dict[MarketTicker, None] = attrs.Factory(dict)
    """Markets whose trades the feed brings now: only a reading of those leaves no hole behind."""
    _wake: trio.Event = attrs.Factory(trio.Event)
    _guarded_until: float = -1.0
    _in_vain: dict[MarketTicker, None] = attrs.Factory(dict)
    """Markets that could not be read since the last one of all that wait was tried."""
    _failure: str = ""

    def __attrs_post_init__(self) -> None:
        # A restart of the stage is a hole in the trades like any other.
        self._holes = self._context.shared.missed_trades

    def miss(self, tickers: Iterable[MarketTicker]) -> None:
        """Note that trades of these markets may be missed from now on, until they are covered and were read."""
        last_at = self._context.view.market_data.tape.last_at
        now = self._context.exchange_now()
        quiet = Timestamp(now - QUIET_MARKET_NS)
        for ticker in tickers:
            # A stamp may lie ahead.
            self._open(ticker, min(last_at.get(ticker, quiet), now))

    def missed(self, tickers: Iterable[MarketTicker], since: Timestamp | None) -> None:
        """Note that trades of these markets are missing before one that came.

        Args:
            tickers: the markets of the subscription.
            since: when the last trade before the hole was made, by the exchange's clock; None where there was none.
        """
        # Not since the last trade of each: that may be the one that showed the hole.
        began = self._context.exchange_now() - QUIET_MARKET_NS if since is None else since
        for ticker in tickers:
            self._open(ticker, Timestamp(max(0, began - SLACK_NS)))

    def _open(self, ticker: MarketTicker, since: Timestamp) -> None:
        earlier = self._holes.get(ticker)
        if earlier is None:
            self._holes[ticker] = Hole(since)
        else:
            self._holes[ticker] = attrs.evolve(earlier, since=min(earlier.since, since), until=None)
        self._covered.pop(ticker, None)

    def cover(self, tickers: Iterable[MarketTicker]) -> None:
        """Note that the feed brings trades of these markets from now on; what they missed is read."""
        until = Timestamp(self._context.exchange_now() + round(GUARD_S * NS_PER_S))
        for ticker in tickers:
            hole = self._holes.get(ticker)
            if hole is not None and ticker not in self._covered:
                self._holes[ticker] = attrs.evolve(hole, until=until)
            self._covered[ticker] = None
        self._wake.set()

    def filtered(self, events: list[ev.Event]) -> list[ev.Event]:
        """Return the feed's events without trades that a reading has told of already."""
        is_guarded = trio.current_time() <= self._guarded_until
        if not is_guarded and not self._holes:
            return events
        tape = self._context.view.market_data.tape
        new = []
        for event in events:
            if isinstance(event, TradePrinted):
                if is_guarded and tape.knows(event):
                    continue
                hole = self._holes.get(event.ticker)
                if hole is not None and hole.has(event) and len(hole.seen) < SEEN_MAX:
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
                        self._give_up(ticker, str(exc))
                        continue
                    self._in_vain[ticker] = None
                    self._tell_failure(str(exc))
                    await self._wait(backoff.next_delay())
                else:
                    backoff.reset()
                    await trio.sleep(PAUSE_S)
            self._tell_success()

    async def _wait(self, delay_s: float) -> None:
        # A market that was just lost is tried before those that wait for the exchange to get well.
        due = trio.current_time() + delay_s
        await trio.sleep(min(delay_s, RETRY_FIRST_S))
        with trio.move_on_at(due):
            await self._wake.wait()
            self._wake = trio.Event()

    def _tell_failure(self, problem: str) -> None:
        # The same problem once: an exchange that is away is asked for hours.
        if problem != self._failure:
            self._context.log.warning(f"missed trades cannot be read yet: {problem}")
            self._failure = problem

    def _tell_success(self) -> None:
        if self._failure:
            self._context.log.info("missed trades could be read again")
            self._failure = ""

    def _give_up(self, ticker: MarketTicker, why: str) -> None:
        context, hole = self._context, self._holes.pop(ticker)
        context.log.warning(f"missed trades of {ticker} cannot be had: {why}", ticker=ticker)
        context.publish(
            ev.TradesBackfilled(
                at=context.now(), ticker=ticker, since=hole.since, count=0, complete=False
            )
        )

    def _next(self) -> MarketTicker | None:
        view = self._context.view
        # Who left meanwhile needs nothing.
        for kept in (self._holes, self._covered, self._in_vain):
            for ticker in [each for each in kept if each not in view.universe.followed]:
                del kept[ticker]
        waiting = [ticker for ticker in self._holes if ticker in self._covered]
        untried = [ticker for ticker in waiting if ticker not in self._in_vain]
        if not untried:
            self._in_vain.clear()
            untried = waiting
        held = view.held_markets() if untried else {}
        return next((ticker for ticker in untried if ticker in held), next(iter(untried), None))

    async def _read(self, ticker: MarketTicker) -> None:
        context, hole = self._context, self._holes[ticker]
        if len(hole.seen) >= SEEN_MAX:
            self._give_up(ticker, f"{SEEN_MAX} trades came before they could be read")
            return
        self._guarded_until = trio.current_time() + GUARD_S
        is_past = hole.until is not None and hole.until < context.exchange_now()
        reading = await context.venue.rest.lists.trades(
            ticker,
            since=hole.since,
            until=hole.until if is_past else None,
            pages_max=PAGES_MAX,
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
            if hole.has(trade) and trade.trade_id not in hole.seen and not tape.knows(trade)
        ]
        done = ev.TradesBackfilled(
            at=context.now(),
            ticker=ticker,
            since=hole.since,
            count=len(missed),
            complete=reading.complete,
        )
        context.publish(*missed, done)
        if missed or reading.unreadable:
            tell = context.log.info if reading.complete else context.log.warning
            rest = (
                ""
                if reading.complete
                else f"; one at least is lost: {reading.unreadable}"
                if reading.unreadable
                else f"; older ones are lost, only {PAGES_MAX} pages are read"
            )
            tell(f"backfilled {len(missed)} trades of {ticker}{rest}", ticker=ticker)


def _is_final(error: ExchangeError) -> bool:
    # Asking again cannot help; a refused key or too many requests are nothing that this market is to blame for.
    if isinstance(error, ExchangeRefused):
        return error.status in FINAL_STATUSES
    return isinstance(error, ExchangeProtocolError)
