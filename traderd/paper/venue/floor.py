"""The trading floor under the venue: books, accounts, matching and settling of every match.

Owns: the only code that moves contracts and money, and the broadcasts of it.
Must not: decide whether an order may come in (`venue`), read a clock, or know the wire.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.market import MarketStatus
from traderd.model.orders import OrderStatus, SelfTradePrevention, Side
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper.venue.accounts import Account
from traderd.paper.venue.matching import MarketBook, Resting
from traderd.paper.venue.messages import (
    STREET_MAKERS,
    STREET_TAKERS,
    Broadcast,
    FillHappened,
    LevelChanged,
    OrderUpdated,
    TradeHappened,
    VenueFill,
    VenueMarket,
    VenueOrder,
    VenueRefusal,
)

TRADES_KEPT: Final = 10_000
"""Bounds the public trades that can be asked for: about four hours of the default street."""


@attrs.define(eq=False)
class Incoming:
    """An order on its way through the book; `order` is None for the street."""

    owner: Account
    side: Side
    limit: Price
    remaining: Count
    order: VenueOrder | None
    stopped_by: str | None = None
    fills: list[FillHappened] = attrs.field(factory=list)


class Floor:
    """Books and accounts, and what happens when orders meet."""

    def __init__(self, *, markets: Iterable[VenueMarket], ids: Callable[[], str]) -> None:
        self.new_id = ids
        self.outbox: list[Broadcast] = []
        self.fees_collected = Money(0)
        self.markets = {market.ticker: market for market in markets}
        self.books = {ticker: MarketBook() for ticker in self.markets}
        self.accounts = {name: Account(name, Money(0)) for name in (STREET_MAKERS, STREET_TAKERS)}
        self.trades: deque[TradeHappened] = deque(maxlen=TRADES_KEPT)
        self.expiries: list[tuple[Timestamp, OrderId, str]] = []
        """A heap of (due, order id, account id); an entry whose order has ended is skipped."""

    def rest(
        self, account: Account, market: VenueMarket, order: VenueOrder, now: Timestamp
    ) -> None:
        """Put what is left of an order on the book; `Account.reserve` has to follow."""
        resting = Resting(
            order.order_id, account.account_id, order.side, order.price, order.remaining_count
        )
        self.books[market.ticker].add(resting)
        account.rest(order)
        if order.expires_at is not None:
            heapq.heappush(self.expiries, (order.expires_at, order.order_id, account.account_id))
        self.tell_level(market.ticker, resting, order.remaining_count, now, order)

    def cancel(
        self, account: Account, order: VenueOrder, reason: str | None, now: Timestamp
    ) -> Count:
        """Take a resting order off the book and return how many contracts that were."""
        market = self.markets[order.ticker]
        reduced_by = order.remaining_count
        resting = self.books[order.ticker].reduce(order.order_id, reduced_by)
        account.unrest(order)
        order.remaining_count = Count(0)
        order.status = OrderStatus.CANCELED
        order.reason = reason
        order.updated_at = now
        account.reserve(order.ticker, market.fees)
        self.tell_level(order.ticker, resting, Count(-reduced_by), now, order)
        self.tell_order(account, order, now)
        return reduced_by

    def match(self, market: VenueMarket, incoming: Incoming, now: Timestamp) -> None:
        """Trade an incoming order against the book until nothing crosses or it is stopped."""
        book = self.books[market.ticker]
        while incoming.remaining > 0:
            resting = book.next_match(incoming.side, incoming.limit)
            if resting is None:
                return
            maker = self.accounts[resting.owner]
            if maker is incoming.owner and incoming.order is not None:
                prevention = incoming.order.self_trade_prevention
                if prevention is SelfTradePrevention.TAKER_AT_CROSS:
                    incoming.stopped_by = "SelfTradeCancel"
                    return
                self.cancel(maker, maker.orders[resting.order_id], "SelfTradeCancel", now)
                continue
            self._trade(market, incoming, resting, maker, now)

    def _trade(
        self,
        market: VenueMarket,
        incoming: Incoming,
        resting: Resting,
        maker: Account,
        now: Timestamp,
    ) -> None:
        count = Count(min(incoming.remaining, resting.remaining))
        trade = TradeHappened(
            trade_id=TradeId(self.new_id()),
            ticker=market.ticker,
            price=resting.price,
            count=count,
            taker_side=incoming.side,
            at=now,
        )
        order = maker.orders.get(resting.order_id)
        longs_before = self._longs(market.ticker, maker, incoming.owner)
        self.books[market.ticker].reduce(resting.order_id, count)
        incoming.remaining = Count(incoming.remaining - count)
        self.tell_level(market.ticker, resting, Count(-count), now, order)
        self.outbox.append(trade)
        self.trades.append(trade)

        maker_fill = self._settle(market, maker, order, resting.side, trade, is_taker=False)
        taker_fill = self._settle(
            market, incoming.owner, incoming.order, incoming.side, trade, is_taker=True
        )
        opened = self._longs(market.ticker, maker, incoming.owner) - longs_before
        market.open_interest = Count(market.open_interest + opened)
        market.volume = Count(market.volume + count)
        market.last_price, market.last_count = trade.price, count
        if order is not None and maker_fill is not None:
            order.remaining_count = resting.remaining
            if not resting.remaining:
                order.status = OrderStatus.EXECUTED
                maker.unrest(order)
            maker.reserve(market.ticker, market.fees)
            self.tell_order(maker, order, now)
            self.outbox.append(maker_fill)
        if taker_fill is not None:
            incoming.fills.append(taker_fill)

    def _longs(self, ticker: MarketTicker, one: Account, other: Account) -> int:
        return max(0, one.count_of(ticker)) + max(0, other.count_of(ticker))

    def _settle(
        self,
        market: VenueMarket,
        account: Account,
        order: VenueOrder | None,
        side: Side,
        trade: TradeHappened,
        *,
        is_taker: bool,
    ) -> FillHappened | None:
        # Books one side of a match. The street has no order record, pays no fee and hears nothing.
        fee = Money(0)
        if order is not None:
            fee = market.fees.trade_fee(trade.price, trade.count, is_taker=is_taker)
        charged = account.apply_fill(
            ticker=market.ticker,
            side=side,
            price=trade.price,
            count=trade.count,
            trade_fee=fee,
            remainder=order.fee_remainder if order else Money(0),
            at=trade.at,
        )
        if order is None:
            return None
        self.fees_collected = Money(self.fees_collected + charged.net_fee)
        fill = VenueFill(
            trade_id=trade.trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            account_id=account.account_id,
            ticker=market.ticker,
            side=side,
            price=trade.price,
            count=trade.count,
            is_taker=is_taker,
            fee=charged.net_fee,
            at=trade.at,
        )
        account.fills.append(fill)
        order.record_fill(fill, charged.remainder)
        return FillHappened(
            account=account.account_id,
            fill=fill,
            post_position=account.count_of(market.ticker),
        )

    # --- markets ----------------------------------------------------------------------------------

    def market(self, ticker: str) -> VenueMarket:
        """Return one market; raises VenueRefusal 404 `market_not_found`."""
        market = self.markets.get(MarketTicker(ticker))
        if market is None:
            raise VenueRefusal(404, "market_not_found")
        return market

    def open_market(self, ticker: str, now: Timestamp) -> VenueMarket:
        """Return one market that trades now; raises VenueRefusal 404, or 400 `market_inactive`."""
        market = self.market(ticker)
        if market.status is not MarketStatus.ACTIVE or now >= market.close_time:
            raise VenueRefusal(400, "market_inactive")
        return market

    # --- broadcasts -------------------------------------------------------------------------------

    def tell_level(
        self,
        ticker: MarketTicker,
        resting: Resting,
        change: Count,
        now: Timestamp,
        order: VenueOrder | None,
    ) -> None:
        """Broadcast one change of one level; `order` is None for the street."""
        self.outbox.append(
            LevelChanged(
                ticker=ticker,
                side=resting.side,
                price=resting.price,
                change=change,
                at=now,
                account=order.account_id if order else None,
                client_order_id=order.client_order_id if order else None,
            )
        )

    def tell_order(self, account: Account, order: VenueOrder, now: Timestamp) -> None:
        """Broadcast an account's order as it is now."""
        self.outbox.append(OrderUpdated(account=account.account_id, order=order.snapshot(), at=now))
