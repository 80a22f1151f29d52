"""The exchange itself, pure: requests in, replies out, broadcasts left in `outbox`.

Owns: markets, accounts, orders, matching and the rules about all of them (Kalshi: order entry, matching
semantics). Callers pass the time and drain `outbox` after every call.
Must not: read a clock, draw random numbers, wait, or know the wire.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs

from traderd.model.ids import ClientOrderId, OrderId
from traderd.model.market import MarketStatus
from traderd.model.orders import OrderStatus, OrderTerms, Side, TimeInForce
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper.venue.accounts import Account, Position
from traderd.paper.venue.floor import Floor, Incoming
from traderd.paper.venue.matching import MarketBook
from traderd.paper.venue.messages import (
    PAYOUT_PER_COUNT,
    STREET,
    Broadcast,
    CancelReply,
    TradeHappened,
    VenueFill,
    VenueMarket,
    VenueOrder,
    VenueRefusal,
)
from traderd.paper.venue.street import Street

Levels: TypeAlias = tuple[tuple[Price, Count], ...]


@attrs.frozen(kw_only=True)
class Balance:
    """An account's money.  `available` is what Kalshi's `balance` is taken to mean here."""

    cash: Money
    reserved: Money
    available: Money
    portfolio_value: Money
    """Open positions at the best price they could be closed at, else at the last trade, else at cost."""


class Venue:
    """Markets, accounts and one book per market."""

    def __init__(self, *, markets: Iterable[VenueMarket], ids: Callable[[], str]) -> None:
        self._floor = Floor(markets=markets, ids=ids)
        self.street = Street(self._floor)
        """Anonymous liquidity, for the opening books and the order flow."""

    @property
    def outbox(self) -> list[Broadcast]:
        """What happened since the caller last drained it, in order; drain it with `take_outbox`."""
        return self._floor.outbox

    def take_outbox(self) -> list[Broadcast]:
        """Return what happened since the last call and start a new list."""
        taken, self._floor.outbox = self._floor.outbox, []
        return taken

    # --- accounts ---------------------------------------------------------------------------------

    def open_account(self, account_id: str, cash: Money) -> Account:
        """Open an account with this much cash.

        Raises:
            VenueRefusal: 409 `account_already_exists`, or 400 for a reserved name or negative cash.
        """
        if account_id in self._floor.accounts:
            raise VenueRefusal(409, "account_already_exists")
        if account_id.startswith(STREET) or not account_id or cash < 0:
            raise VenueRefusal(400, "invalid_parameters")
        account = self._floor.accounts[account_id] = Account(account_id, cash)
        return account

    def account(self, account_id: str) -> Account:
        """Return an account to read; raises VenueRefusal 400 `user_not_found:_<id>`."""
        account = self._floor.accounts.get(account_id)
        if account is None:
            raise VenueRefusal(400, f"user_not_found:_{account_id}", "user not found")
        return account

    def account_ids(self) -> tuple[str, ...]:
        """Return every account's id but the street's, in the order they were opened."""
        return tuple(
            name for name, account in self._floor.accounts.items() if not account.is_street
        )

    def balance(self, account_id: str) -> Balance:
        """Return an account's money now."""
        account = self.account(account_id)
        value = sum(self._value(position) for position in account.positions.values())
        return Balance(
            cash=account.cash,
            reserved=account.reserved,
            available=account.available,
            portfolio_value=Money(value),
        )

    def _value(self, position: Position) -> int:
        if not position.count:
            return 0
        closing = Side.BID if position.count > 0 else Side.ASK
        mark = self._floor.books[position.ticker].best(closing)
        if mark is None:
            mark = self._floor.markets[position.ticker].last_price
        if mark is None:
            return position.exposure
        per_count = mark if position.count > 0 else PAYOUT_PER_COUNT - mark
        return abs(position.count) * per_count

    def positions(self, account_id: str) -> tuple[Position, ...]:
        """Return the positions an account has or had, oldest first."""
        return tuple(self.account(account_id).positions.values())

    def total_money(self) -> Money:
        """Return all cash, collected fees and collateral of open positions: constant but for deposits."""
        cash = sum(account.cash for account in self._floor.accounts.values())
        pairs = sum(
            max(0, position.count)
            for account in self._floor.accounts.values()
            for position in account.positions.values()
        )
        return Money(cash + self._floor.fees_collected + pairs * PAYOUT_PER_COUNT)

    # --- reads ------------------------------------------------------------------------------------

    def markets(self) -> tuple[VenueMarket, ...]:
        """Return every market in the scenario's order."""
        return tuple(self._floor.markets.values())

    def market(self, ticker: str) -> VenueMarket:
        """Return one market; raises VenueRefusal 404 `market_not_found`."""
        return self._floor.market(ticker)

    def book(self, ticker: str) -> tuple[Levels, Levels]:
        """Return (bids, asks) in YES prices, best first; raises VenueRefusal 404 `market_not_found`."""
        book = self.book_of(ticker)
        return tuple(book.levels(Side.BID)), tuple(book.levels(Side.ASK))

    def book_of(self, ticker: str) -> MarketBook:
        """Return a market's live book to read; raises VenueRefusal 404 `market_not_found`."""
        return self._floor.books[self.market(ticker).ticker]

    def trades(self, ticker: str | None = None) -> list[TradeHappened]:
        """Return the kept public trades, newest first."""
        newest_first = reversed(self._floor.trades)
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
    ) -> list[VenueOrder]:
        """Return snapshots of an account's orders, newest first."""
        return [
            order.snapshot()
            for order in reversed(self.account(account_id).orders.values())
            if (ticker is None or order.ticker == ticker)
            and (status is None or order.status is status)
        ]

    def fills(
        self, account_id: str, *, ticker: str | None = None, order_id: str | None = None
    ) -> list[VenueFill]:
        """Return an account's fills, newest first."""
        return [
            fill
            for fill in reversed(self.account(account_id).fills)
            if (ticker is None or fill.ticker == ticker)
            and (order_id is None or fill.order_id == order_id)
        ]

    # --- order entry ------------------------------------------------------------------------------

    def create_order(
        self,
        account_id: str,
        terms: OrderTerms,
        client_order_id: ClientOrderId | None,
        now: Timestamp,
        *,
        cancel_on_pause: bool = False,
    ) -> VenueOrder:
        """Match an order and rest what its time in force leaves; return its snapshot afterwards.

        Raises:
            VenueRefusal: nothing was changed; the codes are Kalshi's (section "Codes" of its error page).
        """
        account = self.account(account_id)
        market = self.market(terms.ticker)
        # Before anything that may have changed since: a repeated create has to prove its first arrival.
        if client_order_id is not None and client_order_id in account.client_order_ids:
            raise VenueRefusal(409, "order_already_exists")
        self._floor.open_market(terms.ticker, now)
        self._check_terms(market, terms, now)
        wanted = terms.count
        if terms.reduce_only:
            # An immediate order trades before anything that rests, so the whole position is its to close.
            wanted = Count(min(wanted, max(0, -terms.side.sign * account.count_of(terms.ticker))))
        order = VenueOrder(
            order_id=OrderId(self._floor.new_id()),
            account_id=account_id,
            client_order_id=client_order_id,
            ticker=terms.ticker,
            side=terms.side,
            price=terms.price,
            initial_count=terms.count,
            remaining_count=wanted,
            time_in_force=terms.time_in_force,
            created_at=now,
            updated_at=now,
            expires_at=terms.expires_at,
            self_trade_prevention=terms.self_trade_prevention,
            post_only=terms.post_only,
            reduce_only=terms.reduce_only,
            cancel_on_pause=cancel_on_pause,
        )
        if account.needed_for(order, market.fees) > account.available:
            raise VenueRefusal(400, "insufficient_balance")
        account.orders[order.order_id] = order
        if client_order_id is not None:
            account.client_order_ids[client_order_id] = order.order_id
        incoming = Incoming(account, order.side, order.price, order.remaining_count, order)
        self._floor.match(market, incoming, now)
        self._finish(account, market, incoming, order, now)
        return order.snapshot()

    def _check_terms(self, market: VenueMarket, terms: OrderTerms, now: Timestamp) -> None:
        if not market.grid.allows(terms.price):
            raise VenueRefusal(400, "invalid_price")
        if terms.expires_at is not None and terms.expires_at <= now:
            raise VenueRefusal(
                400, "invalid_order", details="Expiration timestamp must be in the future"
            )
        book = self._floor.books[market.ticker]
        if terms.post_only and book.next_match(terms.side, terms.price) is not None:
            raise VenueRefusal(400, "invalid_order", details="post only cross")
        if (
            terms.time_in_force is TimeInForce.FILL_OR_KILL
            and book.crossing_volume(terms.side, terms.price) < terms.count
        ):
            raise VenueRefusal(409, "fill_or_kill_insufficient_resting_volume")

    def _finish(
        self,
        account: Account,
        market: VenueMarket,
        incoming: Incoming,
        order: VenueOrder,
        now: Timestamp,
    ) -> None:
        # Decides what becomes of the unfilled rest, then tells the account: the order once, with its
        # final counts, and its fills after it (Kalshi: emission seen on the margin exchange).
        rests = (
            incoming.remaining > 0
            and incoming.stopped_by is None
            and order.time_in_force is TimeInForce.GOOD_TILL_CANCELED
        )
        order.remaining_count = incoming.remaining if rests else Count(0)
        if rests:
            self._floor.rest(account, market, order, now)
        else:
            filled = order.fill_count == order.initial_count
            order.status = OrderStatus.EXECUTED if filled else OrderStatus.CANCELED
            if incoming.stopped_by is not None:
                order.reason = incoming.stopped_by
            elif order.reduce_only and not incoming.remaining and not filled:
                order.reason = "ReduceOnlyCancel"
        account.reserve(market.ticker, market.fees)
        self._floor.tell_order(account, order, now)
        self.outbox.extend(incoming.fills)

    def cancel_order(self, account_id: str, order_id: str, now: Timestamp) -> CancelReply:
        """Take an order off the book.

        Raises:
            VenueRefusal: 404 `not_found` for one that is unknown, canceled or executed, all alike;
                400 `market_inactive` after the close.
        """
        account = self.account(account_id)
        order = account.orders.get(OrderId(order_id))
        if order is None or not order.is_resting:
            raise VenueRefusal(404, "not_found")
        market = self._floor.markets[order.ticker]
        if market.status is MarketStatus.CLOSED or now >= market.close_time:
            raise VenueRefusal(400, "market_inactive")
        reduced_by = self._floor.cancel(account, order, None, now)
        return CancelReply(order=order.snapshot(), reduced_by=reduced_by)

    # --- time -------------------------------------------------------------------------------------

    def next_due(self) -> Timestamp | None:
        """Return when `expire_due` next has work, as far as known: an expiry or a market's close."""
        closes = [
            m.close_time for m in self._floor.markets.values() if m.status is MarketStatus.ACTIVE
        ]
        if self._floor.expiries:
            closes.append(self._floor.expiries[0][0])
        return min(closes, default=None)

    def expire_due(self, now: Timestamp) -> list[VenueOrder]:
        """Cancel orders whose time has come, close markets whose time has come; return the orders."""
        ended: list[VenueOrder] = []
        while self._floor.expiries and self._floor.expiries[0][0] <= now:
            _, order_id, account_id = heapq.heappop(self._floor.expiries)
            account = self._floor.accounts[account_id]
            order = account.orders[order_id]
            if order.is_resting:
                self._floor.cancel(account, order, "ExpiryCancel", now)
                ended.append(order.snapshot())
        for market in self._floor.markets.values():
            if market.status is MarketStatus.ACTIVE and market.close_time <= now:
                market.status = MarketStatus.CLOSED
                market.updated_at = now
                ended.extend(self._clear_book(market, now))
        return ended

    def _clear_book(self, market: VenueMarket, now: Timestamp) -> list[VenueOrder]:
        book = self._floor.books[market.ticker]
        ended: list[VenueOrder] = []
        for side in Side:
            for price, _ in tuple(book.levels(side)):
                for resting in book.queue_at(side, price):
                    account = self._floor.accounts[resting.owner]
                    if account.is_street:
                        self.street.reduce(market.ticker, resting, resting.remaining, now)
                    else:
                        order = account.orders[resting.order_id]
                        self._floor.cancel(account, order, "CloseCancel", now)
                        ended.append(order.snapshot())
        return ended
