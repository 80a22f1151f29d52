"""The life of markets: opening, pausing, closing, determining, settling, by the clock and by command.

Owns: the table of steps, what each does to resting orders and money, and which of them Kalshi tells of. Opening and
closing on time are silent; everything else is a `market_lifecycle_v2` message (Kalshi: market lifecycle).
Must not: read a clock, or take orders in.
"""

from __future__ import annotations

import heapq
from typing import Final

import attrs

from traderd.model.ids import EventTicker, MarketTicker
from traderd.model.market import MarketStatus, PriceGrid
from traderd.model.units import NS_PER_S, ONE_DOLLAR, Price, Timestamp
from traderd.paper import choices
from traderd.paper.venue.fees import FeeSchedule
from traderd.paper.venue.floor import Floor
from traderd.paper.venue.listings import Event, Result, Series, VenueMarket
from traderd.paper.venue.messages import (
    EventCreated,
    EventFeesChanged,
    Lifecycle,
    MarketChanged,
    VenueRefusal,
)
from traderd.paper.venue.records import VenueOrder
from traderd.paper.venue.settlement import settle_market

_S: Final = MarketStatus
STEPS: Final[dict[MarketStatus, tuple[MarketStatus, ...]]] = {
    _S.INITIALIZED: (_S.ACTIVE, _S.CLOSED),
    _S.ACTIVE: (_S.INACTIVE, _S.CLOSED),
    _S.INACTIVE: (_S.ACTIVE, _S.CLOSED),
    # Reopened with a later close; a market that closed early by mistake is the real case.
    _S.CLOSED: (_S.ACTIVE, _S.DETERMINED),
    _S.DETERMINED: (_S.DISPUTED, _S.FINALIZED),
    _S.DISPUTED: (_S.AMENDED,),
    _S.AMENDED: (_S.DISPUTED, _S.FINALIZED),
    _S.FINALIZED: (),
}
"""Which step may follow which; everything else is refused with 409 `invalid_market_transition`."""


@attrs.define(eq=False)
class MarketLife:
    """Every market's life; times come in, broadcasts go to the floor's outbox."""

    floor: Floor

    _agenda: list[tuple[Timestamp, MarketTicker]] = attrs.field(factory=list)
    """A heap of (when, whose) something may be due; one that is not due any more does nothing."""

    # --- listing ----------------------------------------------------------------------------------

    def add_series(self, series: Series) -> None:
        """Add a series."""
        self.floor.series[series.ticker] = series
        self.floor.touch(series)

    def add_event(self, event: Event, now: Timestamp, *, tell: bool = False) -> None:
        """Add an event; its series has to be there."""
        self.floor.events[event.ticker] = event
        self.floor.touch(event)
        if tell:
            self.floor.outbox.append(EventCreated(event=event.snapshot(), at=now))

    def add_market(self, market: VenueMarket, now: Timestamp, *, tell: bool = False) -> None:
        """List a market; its event has to be there."""
        self.floor.add_market(market)
        self.watch(market)
        if tell:
            self._tell(Lifecycle.CREATED, market, now)

    def watch(self, market: VenueMarket) -> None:
        """Put everything on the agenda that a market's own times make due."""
        for due in (market.open_time, market.close_time, market.settles_at, market.sweep_at):
            if due is not None:
                heapq.heappush(self._agenda, (due, market.ticker))

    # --- the clock --------------------------------------------------------------------------------

    def next_due(self) -> Timestamp | None:
        """Return when something may be due next."""
        return self._agenda[0][0] if self._agenda else None

    def advance(self, now: Timestamp) -> list[VenueOrder]:
        """Do what is due and return the orders that ended because of it."""
        ended: list[VenueOrder] = []
        while self._agenda and self._agenda[0][0] <= now:
            _, ticker = heapq.heappop(self._agenda)
            market = self.floor.markets[ticker]
            if market.status is _S.INITIALIZED and market.open_time <= now < market.close_time:
                self._step(market, _S.ACTIVE, now)
            if market.close_time <= now and _S.CLOSED in STEPS[market.status]:
                self._close(market, now)
            if market.sweep_at is not None and market.sweep_at <= now:
                market.sweep_at = None
                ended.extend(self._sweep(market, "CloseCancel", now))
                self.floor.touch(market)
            if market.settles_at is not None and market.settles_at <= now:
                self.finalize(market.ticker, now)
        return ended

    # --- commands ---------------------------------------------------------------------------------

    def pause(self, ticker: str, now: Timestamp) -> None:
        """Take no orders in one market; raises VenueRefusal."""
        market = self.floor.market(ticker)
        self._step(market, _S.INACTIVE, now)
        self._tell(Lifecycle.DEACTIVATED, market, now)

    def resume(self, ticker: str, now: Timestamp) -> None:
        """Take orders again; every order that rested through the pause is canceled; raises VenueRefusal."""
        market = self.floor.market(ticker)
        if market.status is not _S.INACTIVE:
            raise _wrong_step(market, _S.ACTIVE)
        self._sweep(market, None, now)
        self._step(market, _S.ACTIVE, now)
        self._tell(Lifecycle.ACTIVATED, market, now)

    def close(self, ticker: str, now: Timestamp) -> None:
        """Close a market now, whatever its close time was; raises VenueRefusal."""
        market = self.floor.market(ticker)
        if _S.CLOSED not in STEPS[market.status]:
            raise _wrong_step(market, _S.CLOSED)
        if now < market.close_time:
            market.close_time = now
            self._tell(Lifecycle.CLOSE_DATE_UPDATED, market, now)
        self._close(market, now)

    def move_close(self, ticker: str, close_time: Timestamp, now: Timestamp) -> None:
        """Give a market another close time; one that is closed trades again; raises VenueRefusal."""
        market = self.floor.market(ticker)
        if close_time <= now:
            raise VenueRefusal(400, "invalid_parameters", details="the close must lie ahead")
        reopens = market.status is _S.CLOSED
        if not reopens and market.status not in (_S.INITIALIZED, _S.ACTIVE, _S.INACTIVE):
            raise _wrong_step(market, _S.ACTIVE)
        market.close_time = close_time
        if market.latest_expiration_time is not None:
            market.latest_expiration_time = max(market.latest_expiration_time, close_time)
        market.updated_at = now
        self.watch(market)
        self._tell(Lifecycle.CLOSE_DATE_UPDATED, market, now)
        if reopens:
            if market.sweep_at is not None:
                # The orders of before the close were on their way out.
                market.sweep_at = None
                self._sweep(market, "CloseCancel", now)
            self._step(market, _S.ACTIVE, now)
            self._tell(Lifecycle.ACTIVATED, market, now)

    def determine(
        self, ticker: str, result: Result, value: Price | None, now: Timestamp
    ) -> VenueMarket:
        """Say how a market ended; it becomes final after its settlement timer. Saying the same twice is harmless.

        Args:
            ticker: whose.
            result: yes, no or scalar.
            value: what a YES contract is worth; only for scalar.
            now: when.

        Raises:
            VenueRefusal: 400 for a value that does not fit, 409 for another result than the one it has.
        """
        market = self.floor.market(ticker)
        worth = _worth(result, value)
        if market.result is not None and market.status is not _S.DISPUTED:
            if (market.result, market.settlement_value) != (result, worth):
                raise VenueRefusal(
                    409,
                    "market_already_determined",
                    details=f"{ticker} ended {market.result.value} and stays so",
                )
            return market
        if market.status in (_S.INITIALIZED, _S.ACTIVE, _S.INACTIVE):
            self.close(ticker, now)
        if market.sweep_at is not None:
            market.sweep_at = None
            self._sweep(market, "CloseCancel", now)
        amended = market.status is _S.DISPUTED
        self._step(market, _S.AMENDED if amended else _S.DETERMINED, now)
        market.result, market.settlement_value = result, worth
        market.determined_at = now
        market.settles_at = Timestamp(now + market.settlement_timer_s * NS_PER_S)
        self.watch(market)
        self._tell(Lifecycle.DETERMINED, market, now)
        return market

    def dispute(self, ticker: str, now: Timestamp) -> None:
        """Hold a determined market back until `determine` says again how it ended; raises VenueRefusal."""
        market = self.floor.market(ticker)
        self._step(market, _S.DISPUTED, now)
        market.settles_at = None

    def finalize(self, ticker: str, now: Timestamp) -> None:
        """Settle a determined market, once; a second time does nothing; raises VenueRefusal."""
        market = self.floor.market(ticker)
        if market.status is _S.FINALIZED:
            return
        self._step(market, _S.FINALIZED, now)
        market.settles_at = None
        market.settled_at = now
        settle_market(self.floor, market, now)
        self._tell(Lifecycle.SETTLED, market, now)

    def change_grid(self, ticker: str, grid: PriceGrid, label: str, now: Timestamp) -> None:
        """Give a market another price grid; resting orders stay as they are; raises VenueRefusal."""
        market = self.floor.market(ticker)
        market.grid, market.level_structure = grid, label
        market.updated_at = now
        self._tell(Lifecycle.GRID_UPDATED, market, now)

    # --- fees -------------------------------------------------------------------------------------

    def change_event_fees(
        self, event_ticker: EventTicker, fees: FeeSchedule | None, now: Timestamp
    ) -> None:
        """Set or take away an event's fee override; raises VenueRefusal 404 `not_found`."""
        event = self.floor.events.get(event_ticker)
        if event is None:
            raise VenueRefusal(404, "not_found")
        event.fee_override = fees
        event.updated_at = now
        self.floor.touch(event)
        effective = fees or self.floor.series[event.series_ticker].fees
        self._charge(event_ticker, effective)
        self.floor.outbox.append(EventFeesChanged(event_ticker=event_ticker, fees=fees, at=now))

    def change_series_fees(self, series: Series, fees: FeeSchedule, now: Timestamp) -> None:
        """Give a series another schedule; events with an override keep theirs."""
        series.fees = fees
        series.updated_at = now
        self.floor.touch(series)
        for event in self.floor.events.values():
            if event.series_ticker == series.ticker and event.fee_override is None:
                self._charge(event.ticker, fees)

    def _charge(self, event_ticker: EventTicker, fees: FeeSchedule) -> None:
        for market in self.floor.markets_of(event_ticker):
            market.fees = fees
            self.floor.touch(market)
            # What resting orders tie up holds the worst fee, so it follows.
            for account in self.floor.accounts.values():
                for wallet in account.wallets.values():
                    wallet.fees_changed(market.ticker, fees)

    # --- steps ------------------------------------------------------------------------------------

    def _step(self, market: VenueMarket, status: MarketStatus, now: Timestamp) -> None:
        if status not in STEPS[market.status]:
            raise _wrong_step(market, status)
        market.status = status
        market.updated_at = now
        self.floor.touch(market)

    def _close(self, market: VenueMarket, now: Timestamp) -> None:
        self._step(market, _S.CLOSED, now)
        market.sweep_at = Timestamp(now + choices.CLOSE_SWEEP_NS)
        heapq.heappush(self._agenda, (market.sweep_at, market.ticker))

    def _sweep(self, market: VenueMarket, reason: str | None, now: Timestamp) -> list[VenueOrder]:
        # Takes everything off a book; the street leaves without a word.
        book = self.floor.books[market.ticker]
        ended: list[VenueOrder] = []
        for resting in book.orders():
            account = self.floor.accounts[resting.account_id]
            if isinstance(resting, VenueOrder):
                self.floor.cancel(account, resting, reason, now)
                ended.append(resting.snapshot())
            else:
                self.floor.withdraw(resting, resting.remaining_count, now)
        return ended

    def _tell(self, kind: Lifecycle, market: VenueMarket, now: Timestamp) -> None:
        self.floor.touch(market)
        self.floor.outbox.append(MarketChanged(kind=kind, market=market.snapshot(), at=now))


def _worth(result: Result, value: Price | None) -> Price:
    if result is Result.SCALAR:
        if value is None:
            raise VenueRefusal(400, "missing_parameters", details="a scalar result needs its value")
        if not 0 <= value <= ONE_DOLLAR:
            raise VenueRefusal(400, "invalid_parameters", details="a value is between $0 and $1")
        return value
    if value is not None:
        raise VenueRefusal(400, "invalid_parameters", details="only a scalar result has a value")
    return ONE_DOLLAR if result is Result.YES else Price(0)


def _wrong_step(market: VenueMarket, status: MarketStatus) -> VenueRefusal:
    return VenueRefusal(
        409,
        "invalid_market_transition",
        details=f"{market.ticker} is {market.status.value} already"
        if market.status is status
        else f"{market.ticker} is {market.status.value} and cannot become {status.value}",
    )
