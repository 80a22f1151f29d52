"""The exchange itself, pure: requests in, replies out, broadcasts left in `outbox`.

Owns: the one door to markets, accounts, orders and money; behind it `order_entry` has the rules of orders, `lifecycle`
those of markets, `banking` those of money, `floor` the matching. Callers pass the time and take the outbox after
every call.
Must not: read a clock, draw random numbers, wait, or know the wire.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Final

from traderd.errors import InvariantViolation
from traderd.model.ids import ClientOrderId, EventTicker, MarketTicker, OrderId, SeriesTicker
from traderd.model.orders import OrderStatus, OrderTerms, Side
from traderd.model.units import Count, Money, Timestamp
from traderd.paper import choices
from traderd.paper.venue.accounts import Account
from traderd.paper.venue.banking import Bank
from traderd.paper.venue.calendar import WeeklyPause
from traderd.paper.venue.fee_calendar import FeeCalendar
from traderd.paper.venue.floor import Floor, Touched
from traderd.paper.venue.lifecycle import MarketLife
from traderd.paper.venue.listings import Event, Series, VenueMarket
from traderd.paper.venue.matching import MarketBook
from traderd.paper.venue.messages import (
    AmendReply,
    AmendTerms,
    Balance,
    Broadcast,
    CancelReply,
    Levels,
    QueuePlace,
    QuoteChanged,
    VenueRefusal,
)
from traderd.paper.venue.order_changes import OrderChanges
from traderd.paper.venue.order_entry import OrderEntry
from traderd.paper.venue.order_groups import GroupDesk
from traderd.paper.venue.pauses import Pauses
from traderd.paper.venue.quotes import Minute
from traderd.paper.venue.records import PAYOUT_PER_COUNT, Position, Trade, VenueFill, VenueOrder
from traderd.paper.venue.street import Street

START: Final = Timestamp(0)
"""When accounts are opened that nobody gave a time for."""


class Venue:
    """Markets, accounts and one book per market."""

    def __init__(
        self,
        *,
        ids: Callable[[], str],
        pauses: Iterable[WeeklyPause] = (),
        tracks: bool = False,
    ) -> None:
        """Make an exchange without markets.

        Args:
            ids: gives fresh ids for orders, trades and transfers.
            pauses: weekly trading pauses.
            tracks: note what changes, for `take_touched`.
        """
        self.floor = Floor(ids=ids, tracks=tracks)
        self.entry = OrderEntry(self.floor)
        self.changes = OrderChanges(self.entry)
        self.life = MarketLife(self.floor)
        self.bank = Bank(self.floor)
        self.fee_calendar = FeeCalendar(self.floor, self.life)
        self.street = Street(self.entry)
        """Anonymous liquidity, for the opening books and the order flow."""
        self.pauses = Pauses(self.entry, tuple(pauses))

    # --- news -------------------------------------------------------------------------------------

    def take_outbox(self) -> list[Broadcast]:
        """Return what happened since the last call, in order, and start a new list."""
        return self.floor.take_outbox()

    def take_touched(self) -> list[Touched]:
        """Return the records that changed since the last call, repeats included; empty unless `tracks`."""
        return self.floor.take_touched()

    # --- accounts ---------------------------------------------------------------------------------

    def open_account(
        self, account_id: str, cash: Money, now: Timestamp = START, *, name: str = ""
    ) -> Account:
        """Open an account with this much cash; raises VenueRefusal as `Bank.open_account` does."""
        return self.bank.open_account(account_id, cash, now, name=name)

    def account(self, account_id: str) -> Account:
        """Return an account to read; raises VenueRefusal 400 `user_not_found:_<id>`."""
        account = self.floor.accounts.get(account_id)
        if account is None:
            raise VenueRefusal(400, f"user_not_found:_{account_id}", "user not found")
        return account

    def account_ids(self) -> tuple[str, ...]:
        """Return every account's id but the street's, in the order they were opened."""
        return tuple(name for name, account in self.floor.accounts.items() if not account.is_street)

    def balance(self, account_id: str, subaccount: int = 0) -> Balance:
        """Return a subaccount's money now; raises VenueRefusal."""
        wallet = self.account(account_id).wallet(subaccount)
        value = sum(self._value(position) for position in wallet.positions.values())
        return Balance(
            cash=wallet.cash,
            reserved=wallet.reserved,
            available=wallet.available,
            portfolio_value=Money(value),
        )

    def _value(self, position: Position) -> int:
        if not position.count:
            return 0
        market = self.floor.markets[position.ticker]
        closing = Side.BID if position.count > 0 else Side.ASK
        mark = market.settlement_value
        if mark is None:
            mark = self.floor.books[position.ticker].best(closing)
        if mark is None:
            mark = market.last_price
        if mark is None:
            return position.exposure
        per_count = mark if position.count > 0 else PAYOUT_PER_COUNT - mark
        return abs(position.count) * per_count

    def positions(self, account_id: str, subaccount: int | None = 0) -> tuple[Position, ...]:
        """Return the positions a subaccount has or had, oldest first; None is all subaccounts."""
        account = self.account(account_id)
        wallets = account.wallets.values() if subaccount is None else [account.wallet(subaccount)]
        return tuple(position for wallet in wallets for position in wallet.positions.values())

    def total_money(self) -> Money:
        """Return all cash, collected fees and collateral of open positions: what was paid in, always."""
        cash = pairs = 0
        for account in self.floor.accounts.values():
            for wallet in account.wallets.values():
                cash += wallet.cash
                pairs += sum(max(0, each.count) for each in wallet.positions.values())
        return Money(cash + self.floor.fees_collected + self.floor.dust + pairs * PAYOUT_PER_COUNT)

    def check_money(self) -> None:
        """Raise InvariantViolation if money came from nowhere or went there."""
        if (total := self.total_money()) != self.floor.paid_in:
            raise InvariantViolation(
                f"the exchange holds {total} and was paid {self.floor.paid_in} (1/1000000 $)"
            )

    # --- reads ------------------------------------------------------------------------------------

    def series(self) -> tuple[Series, ...]:
        """Return every series in the scenario's order."""
        return tuple(self.floor.series.values())

    def events(self) -> tuple[Event, ...]:
        """Return every event in the scenario's order."""
        return tuple(self.floor.events.values())

    def one_series(self, ticker: str) -> Series:
        """Return one series; raises VenueRefusal 404 `not_found`."""
        found = self.floor.series.get(SeriesTicker(ticker))
        if found is None:
            raise VenueRefusal(404, "not_found")
        return found

    def event(self, ticker: str) -> Event:
        """Return one event; raises VenueRefusal 404 `not_found`."""
        found = self.floor.events.get(EventTicker(ticker))
        if found is None:
            raise VenueRefusal(404, "not_found")
        return found

    def markets(self) -> tuple[VenueMarket, ...]:
        """Return every market in the scenario's order."""
        return tuple(self.floor.markets.values())

    def market(self, ticker: str) -> VenueMarket:
        """Return one market; raises VenueRefusal 404 `market_not_found`."""
        return self.floor.market(ticker)

    def book(self, ticker: str) -> tuple[Levels, Levels]:
        """Return (bids, asks) in YES prices, best first; raises VenueRefusal 404 `market_not_found`."""
        book = self.book_of(ticker)
        return tuple(book.levels(Side.BID)), tuple(book.levels(Side.ASK))

    def book_of(self, ticker: str) -> MarketBook:
        """Return a market's live book to read; raises VenueRefusal 404 `market_not_found`."""
        return self.floor.books[self.market(ticker).ticker]

    def quote(self, ticker: MarketTicker) -> QuoteChanged | None:
        """Return what a market's ticker shows, None if nothing ever did; pending changes are looked at."""
        self.floor.end_turn()
        return self.floor.quotes.shown.get(ticker)

    def minutes(self, ticker: MarketTicker) -> tuple[Minute, ...]:
        """Return a market's kept minutes, oldest first."""
        return tuple(self.floor.quotes.minutes.get(ticker, ()))

    def minute_at(self, ticker: MarketTicker, at: Timestamp) -> Minute | None:
        """Return the last kept minute that had ended by then, None before the first."""
        return self.floor.quotes.minute_at(ticker, at)

    def trades(self, ticker: str | None = None) -> list[Trade]:
        """Return the kept public trades, newest first."""
        newest_first = reversed(self.floor.trades)
        return [trade for trade in newest_first if ticker is None or trade.ticker == ticker]

    def order(self, account_id: str, order_id: str) -> VenueOrder:
        """Return a snapshot of one order; raises VenueRefusal 404 `not_found`."""
        order = self.account(account_id).orders.get(OrderId(order_id))
        if order is None:
            raise VenueRefusal(404, "not_found")
        return order.snapshot()

    def orders(
        self,
        account_id: str,
        *,
        ticker: str | None = None,
        status: OrderStatus | None = None,
        subaccount: int | None = None,
    ) -> list[VenueOrder]:
        """Return an account's orders to read, newest first."""
        return [
            order
            for order in reversed(self.account(account_id).orders.values())
            if (ticker is None or order.ticker == ticker)
            and (status is None or order.status is status)
            and (subaccount is None or order.subaccount == subaccount)
        ]

    def fills(
        self,
        account_id: str,
        *,
        ticker: str | None = None,
        order_id: str | None = None,
        subaccount: int | None = None,
    ) -> list[VenueFill]:
        """Return an account's fills, newest first."""
        return [
            fill
            for fill in reversed(self.account(account_id).fills)
            if (ticker is None or fill.ticker == ticker)
            and (order_id is None or fill.order_id == order_id)
            and (subaccount is None or fill.subaccount == subaccount)
        ]

    def queue_place(self, account_id: str, order_id: str) -> QueuePlace:
        """Return how many contracts trade before an order; raises VenueRefusal 404 `not_found`."""
        order = self.account(account_id).orders.get(OrderId(order_id))
        if order is None or not order.is_resting:
            raise VenueRefusal(404, "not_found")
        book = self.floor.books[order.ticker]
        ahead = 0
        if choices.QUEUE_COUNTS_BETTER_PRICES:
            for price, size in book.levels(order.side):
                if price == order.price:
                    break
                ahead += size
        for other in book.queue_at(order.side, order.price):
            if other is order:
                break
            ahead += other.remaining_count
        return QueuePlace(order_id=order.order_id, ticker=order.ticker, ahead=Count(ahead))

    # --- order entry ------------------------------------------------------------------------------

    def create_order(
        self,
        account_id: str,
        terms: OrderTerms,
        client_order_id: ClientOrderId | None,
        now: Timestamp,
        *,
        cancel_on_pause: bool = False,
        subaccount: int = 0,
        group_id: str | None = None,
        in_no_terms: bool = False,
    ) -> VenueOrder:
        """Match an order, rest what its time in force leaves, and return its snapshot afterwards.

        Raises:
            VenueRefusal: nothing was changed.
        """
        order = self.entry.create(
            self.account(account_id),
            terms,
            client_order_id,
            now,
            cancel_on_pause=cancel_on_pause,
            subaccount=subaccount,
            group_id=group_id,
            in_no_terms=in_no_terms,
        )
        return order.snapshot()

    def cancel_order(
        self, account_id: str, order_id: str, now: Timestamp, *, subaccount: int | None = None
    ) -> CancelReply:
        """Take an order off the book; raises VenueRefusal as `OrderEntry.cancel` does."""
        return self.entry.cancel(self.account(account_id), order_id, now, subaccount=subaccount)

    def cancel_all(self, account_id: str, subaccount: int | None, now: Timestamp) -> int:
        """Cancel all of an account's resting orders, or of one subaccount, and return how many."""
        return self.entry.cancel_all(self.account(account_id), subaccount, now)

    def decrease_order(
        self,
        account_id: str,
        order_id: str,
        now: Timestamp,
        *,
        reduce_by: Count | None = None,
        reduce_to: Count | None = None,
        subaccount: int | None = None,
    ) -> VenueOrder:
        """Make an order smaller and return its snapshot; raises VenueRefusal."""
        return self.changes.decrease(
            self.account(account_id),
            order_id,
            now,
            reduce_by=reduce_by,
            reduce_to=reduce_to,
            subaccount=subaccount,
        )

    def amend_order(
        self,
        account_id: str,
        order_id: str,
        terms: AmendTerms,
        now: Timestamp,
        *,
        subaccount: int | None = None,
    ) -> AmendReply:
        """Change a resting order; raises VenueRefusal."""
        return self.changes.amend(
            self.account(account_id), order_id, terms, now, subaccount=subaccount
        )

    @property
    def paused(self) -> str | None:
        """The code that new orders are refused with while trading or the whole exchange is paused."""
        return self.entry.paused

    @property
    def groups(self) -> GroupDesk:
        """The order groups."""
        return self.floor.groups

    # --- time -------------------------------------------------------------------------------------

    def next_due(self) -> Timestamp | None:
        """Return when `advance` next may have work: an expiry, a market's step, a fee change, a pause."""
        dues = [self.life.next_due(), self.fee_calendar.next_due(), self.pauses.next_edge]
        if self.floor.expiries:
            dues.append(self.floor.expiries[0][0])
        return min((due for due in dues if due is not None), default=None)

    def advance(self, now: Timestamp) -> list[VenueOrder]:
        """Do everything that is due and return the orders that ended because of it."""
        ended: list[VenueOrder] = []
        expiries = self.floor.expiries
        while expiries and expiries[0][0] <= now:
            due, order_id, account_id = heapq.heappop(expiries)
            account = self.floor.accounts[account_id]
            order = account.orders[order_id]
            # An amend may have moved the expiry.
            if order.is_resting and order.expires_at == due:
                self.floor.cancel(account, order, "ExpiryCancel", now)
                ended.append(order.snapshot())
        self.fee_calendar.advance(now)
        ended.extend(self.life.advance(now))
        self.pauses.follow(now)
        return ended
