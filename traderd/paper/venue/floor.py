"""The trading floor under the venue: books, accounts, matching and settling of every match.

Owns: the only code that moves contracts between orders, and the broadcasts of it. `touched` notes what changed,
for whoever keeps the state.
Must not: decide whether an order may come in (`order_entry`), read a clock, or know the wire.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from traderd.model.ids import EventTicker, MarketTicker, OrderId, SeriesTicker
from traderd.model.orders import OrderStatus
from traderd.model.units import Count, Money, Timestamp
from traderd.paper.venue.accounts import Account, Wallet
from traderd.paper.venue.kept import Fact, Record
from traderd.paper.venue.listings import Event, Series, VenueMarket
from traderd.paper.venue.matching import MarketBook
from traderd.paper.venue.messages import (
    Broadcast,
    LevelChanged,
    OrderUpdated,
    PositionChanged,
    VenueRefusal,
)
from traderd.paper.venue.order_groups import GroupDesk
from traderd.paper.venue.quotes import Quotes
from traderd.paper.venue.records import (
    STREET_MAKERS,
    STREET_TAKERS,
    Resting,
    Trade,
    VenueOrder,
)

TRADES_KEPT: Final = 50_000
"""Bounds the public trades that can be asked for: about a day of the default street, 12 MB."""

Touched: TypeAlias = Record | Fact | Wallet | Account


def _ignore(thing: Touched) -> None:
    """Nobody keeps the state."""


class Floor:
    """Books and accounts, and what happens when orders meet."""

    def __init__(self, *, ids: Callable[[], str], tracks: bool = False) -> None:
        """Make an empty floor; `tracks` lets it note what changes in `touched`."""
        self.new_id = ids
        self.outbox: list[Broadcast] = []
        self.touched: list[Touched] = []
        self.touch: Callable[[Touched], None] = self.touched.append if tracks else _ignore
        self.fees_collected = Money(0)
        self.dust = Money(0)
        """What rounding of settlements left over."""
        self.paid_in = Money(0)
        """Deposits less withdrawals, opening cash included."""
        self.series: dict[SeriesTicker, Series] = {}
        self.events: dict[EventTicker, Event] = {}
        self.markets: dict[MarketTicker, VenueMarket] = {}
        self._of_event: dict[EventTicker, list[VenueMarket]] = {}
        self.books: dict[MarketTicker, MarketBook] = {}
        self.accounts = {name: Account(name) for name in (STREET_MAKERS, STREET_TAKERS)}
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.expiries: list[tuple[Timestamp, OrderId, str]] = []
        """A heap of (due, order id, account id); an entry whose order has ended or moved is skipped."""
        self.quotes = Quotes()
        self.groups = GroupDesk(
            accounts=self.accounts,
            cancel=self.cancel,
            tell=self.outbox.append,
            touch=self.touch,
        )
        self._priority = 0
        self._moved: dict[MarketTicker, Timestamp] = {}

    # --- markets ----------------------------------------------------------------------------------

    def add_market(self, market: VenueMarket) -> None:
        """List one market; its event has to be there."""
        self.markets[market.ticker] = market
        self._of_event.setdefault(market.event_ticker, []).append(market)
        self.books[market.ticker] = MarketBook()
        self.touch(market)

    def market(self, ticker: str) -> VenueMarket:
        """Return one market; raises VenueRefusal 404 `market_not_found`."""
        market = self.markets.get(MarketTicker(ticker))
        if market is None:
            raise VenueRefusal(404, "market_not_found")
        return market

    def markets_of(self, event_ticker: EventTicker) -> Iterable[VenueMarket]:
        """Yield an event's markets."""
        return iter(self._of_event.get(event_ticker, ()))

    def next_priority(self) -> int:
        """Return a place behind all that came before."""
        self._priority += 1
        return self._priority

    @property
    def last_priority(self) -> int:
        """The place given out last."""
        return self._priority

    def restore_priority(self, highest: int) -> None:
        """Go on after the priorities of a saved state."""
        self._priority = max(self._priority, highest)

    # --- turns ------------------------------------------------------------------------------------

    def take_outbox(self) -> list[Broadcast]:
        """Return what happened since the last call, each market's ticker last, and start anew."""
        self.end_turn()
        taken = self.outbox[:]
        # The list itself stays: others hold its `append`.
        self.outbox.clear()
        return taken

    def take_touched(self) -> list[Touched]:
        """Return what changed since the last call and start anew."""
        taken = self.touched[:]
        self.touched.clear()
        return taken

    def end_turn(self) -> None:
        """Look at the quotes of every book that changed."""
        if not self._moved:
            return
        moved, self._moved = self._moved, {}
        for ticker, at in moved.items():
            market = self.markets[ticker]
            shown = self.quotes.look(market, self.books[ticker], at)
            if shown is not None:
                self.outbox.append(shown)
                self.touch(self.quotes.minutes[ticker][-1])

    def changed(self, ticker: MarketTicker, now: Timestamp) -> None:
        """Note that a market's ticker may have changed."""
        self._moved[ticker] = now

    # --- orders -----------------------------------------------------------------------------------

    def rest(
        self, account: Account, market: VenueMarket, order: VenueOrder, now: Timestamp
    ) -> None:
        """Put what is left of an order on the book, at the back of its queue."""
        order.priority = self.next_priority()
        self.books[market.ticker].add(order)
        account.wallets[order.subaccount].rest(order, market.fees)
        if order.group_id is not None:
            self.groups.rested(order)
        if order.expires_at is not None:
            heapq.heappush(self.expiries, (order.expires_at, order.order_id, account.account_id))
        self.tell_level(order, order.remaining_count, now, cause=order)

    def lift(self, account: Account, order: VenueOrder, now: Timestamp) -> Count:
        """Take a resting order off the book and return how many contracts that were; its status is the caller's."""
        market = self.markets[order.ticker]
        reduced_by = order.remaining_count
        self.books[order.ticker].reduce(order.order_id, reduced_by)
        account.wallets[order.subaccount].unrest(order, market.fees)
        if order.group_id is not None:
            self.groups.left(order)
        self.tell_level(order, Count(-reduced_by), now, cause=order)
        return reduced_by

    def cancel(
        self, account: Account, order: VenueOrder, reason: str | None, now: Timestamp
    ) -> Count:
        """Cancel a resting order and return how many contracts that took off the book."""
        reduced_by = self.lift(account, order, now)
        order.status = OrderStatus.CANCELED
        order.reason = reason
        order.updated_at = now
        self.tell_order(account, order, now)
        return reduced_by

    def withdraw(self, resting: Resting, count: Count, now: Timestamp) -> None:
        """Take contracts off one anonymous order."""
        self.books[resting.ticker].reduce(resting.order_id, count)
        self.tell_level(resting, Count(-count), now, cause=None)

    # --- broadcasts -------------------------------------------------------------------------------

    def tell_level(
        self, resting: Resting, change: Count, now: Timestamp, *, cause: VenueOrder | None
    ) -> None:
        """Broadcast one change of one level; `cause` is whose own copy names its order, None for the street's."""
        self._moved[resting.ticker] = now
        if not isinstance(resting, VenueOrder):
            self.touch(resting)
        self.outbox.append(
            LevelChanged(
                ticker=resting.ticker,
                side=resting.side,
                price=resting.price,
                change=change,
                at=now,
                account=cause.account_id if cause else None,
                client_order_id=cause.client_order_id if cause else None,
                subaccount=cause.subaccount if cause else 0,
            )
        )

    def tell_order(self, account: Account, order: VenueOrder, now: Timestamp) -> None:
        """Broadcast an account's order as it is now."""
        self.touch(order)
        self.outbox.append(OrderUpdated(account=account.account_id, order=order.snapshot(), at=now))

    def tell_position(
        self, account: Account, wallet: Wallet, ticker: MarketTicker, now: Timestamp
    ) -> None:
        """Broadcast a position as it is now."""
        self.outbox.append(
            PositionChanged(
                account=account.account_id, position=wallet.positions[ticker].snapshot(), at=now
            )
        )
