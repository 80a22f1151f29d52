"""What happens when orders meet: price-time matching, and both sides of every match.

Owns: the only code that moves contracts and money between accounts. A match trades at the resting order's price.
Must not: decide whether an order may come in (`order_entry`), read a clock, or know the wire.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.model.ids import TradeId
from traderd.model.orders import OrderStatus, SelfTradePrevention, Side
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper import choices
from traderd.paper.venue.accounts import Account, Wallet
from traderd.paper.venue.fees import NO_FEES, FeeSchedule
from traderd.paper.venue.floor import Floor
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.matching import MarketBook
from traderd.paper.venue.messages import FillHappened, TradeHappened
from traderd.paper.venue.records import Resting, Trade, VenueFill, VenueOrder

GROUP_STOP: Final = "GroupStop"
"""Why an incoming order was stopped by its own group; Kalshi has no reason for it, so none is told."""


@attrs.define(eq=False)
class Incoming:
    """An order on its way through the book; `order` is None for the street."""

    owner: Account
    wallet: Wallet
    side: Side
    limit: Price
    remaining: Count
    order: VenueOrder | None
    stopped_by: str | None = None
    fills: list[FillHappened] = attrs.field(factory=list)


@attrs.define(eq=False)
class Crossing:
    """Matching over one floor."""

    floor: Floor

    def match(self, market: VenueMarket, incoming: Incoming, now: Timestamp) -> None:
        """Trade an incoming order against the book until nothing crosses or it is stopped."""
        book = self.floor.books[market.ticker]
        while incoming.remaining > 0 and incoming.stopped_by is None:
            resting = book.next_match(incoming.side, incoming.limit)
            if resting is None:
                return
            maker = self.floor.accounts[resting.account_id]
            order = incoming.order
            if order is not None and _is_same_person(order, resting):
                if order.self_trade_prevention is SelfTradePrevention.TAKER_AT_CROSS:
                    incoming.stopped_by = "SelfTradeCancel"
                    return
                assert isinstance(resting, VenueOrder), "an account's resting order is its record"
                self.floor.cancel(maker, resting, "SelfTradeCancel", now)
                continue
            self._trade(market, book, incoming, resting, maker, now)

    def _trade(
        self,
        market: VenueMarket,
        book: MarketBook,
        incoming: Incoming,
        resting: Resting,
        maker: Account,
        now: Timestamp,
    ) -> None:
        count = min(incoming.remaining, resting.remaining_count)
        trade = Trade(
            trade_id=TradeId(self.floor.new_id()),
            ticker=market.ticker,
            price=resting.price,
            count=count,
            taker_side=incoming.side,
            at=now,
        )
        book.reduce(resting.order_id, count)
        incoming.remaining = Count(incoming.remaining - count)
        made = resting if isinstance(resting, VenueOrder) else None
        cause = incoming.order if choices.TRADED_LEVELS_NAME_THE_TAKER else made
        self.floor.tell_level(resting, Count(-count), now, cause=cause)
        self.floor.outbox.append(TradeHappened(trade=trade))
        self.floor.trades.append(trade)
        self.floor.touch(trade)

        fees = market.fees
        if market.fee_waiver_until is not None and now < market.fee_waiver_until:
            fees = NO_FEES
        wallet = maker.wallets[made.subaccount if made else 0]
        opened = 0
        if made is not None:
            before = wallet.count_of(market.ticker)
            maker_fill = self._settle(fees, maker, wallet, made, trade, is_taker=False)
            if made.remaining_count:
                wallet.reserve(made, market.fees)
            else:
                made.status = OrderStatus.EXECUTED
                wallet.unrest(made, market.fees)
                if made.group_id is not None:
                    self.floor.groups.left(made)
            wallet.position_changed(market.ticker, before, market.fees)
            opened += _longs(before, wallet.count_of(market.ticker))
            self.floor.tell_order(maker, made, now)
            self.floor.outbox.append(maker_fill)
            self.floor.tell_position(maker, wallet, market.ticker, now)
        else:
            opened += self._settle_street(wallet, resting.side, trade)
        if incoming.order is not None:
            before = incoming.wallet.count_of(market.ticker)
            taker_fill = self._settle(
                fees, incoming.owner, incoming.wallet, incoming.order, trade, is_taker=True
            )
            incoming.wallet.position_changed(market.ticker, before, market.fees)
            opened += _longs(before, incoming.wallet.count_of(market.ticker))
            incoming.fills.append(taker_fill)
        else:
            opened += self._settle_street(incoming.wallet, incoming.side, trade)
        self._count(market, trade, opened)
        self._watch_groups(incoming, made, count, now)

    def _count(self, market: VenueMarket, trade: Trade, opened: int) -> None:
        self.floor.quotes.traded(market, trade, market.last_price)
        market.open_interest = Count(market.open_interest + opened)
        market.volume = Count(market.volume + trade.count)
        market.dollar_volume = Money(market.dollar_volume + trade.price * trade.count)
        market.last_price, market.last_count = trade.price, trade.count
        self.floor.touch(market)

    def _watch_groups(
        self, incoming: Incoming, made: VenueOrder | None, count: Count, now: Timestamp
    ) -> None:
        for order in (made, incoming.order):
            if order is None or order.group_id is None:
                continue
            group = self.floor.groups.matched(order, count, now)
            if group is None:
                continue
            self.floor.groups.trigger(group, now)
            if incoming.order is not None and incoming.order.group_id == group.group_id:
                incoming.stopped_by = GROUP_STOP

    def _settle_street(self, wallet: Wallet, side: Side, trade: Trade) -> int:
        # The street has no order record, pays no fee and hears nothing.
        position = wallet.position(trade.ticker)
        before = position.count
        wallet.cash = Money(wallet.cash + position.apply(side, trade.price, trade.count, trade.at))
        self.floor.touch(wallet)
        self.floor.touch(position)
        return _longs(before, position.count)

    def _settle(
        self,
        fees: FeeSchedule,
        account: Account,
        wallet: Wallet,
        order: VenueOrder,
        trade: Trade,
        *,
        is_taker: bool,
    ) -> FillHappened:
        # Books one account's side of a match.
        ticker = trade.ticker
        charged = wallet.apply_fill(
            ticker=ticker,
            side=order.side,
            price=trade.price,
            count=trade.count,
            trade_fee=fees.trade_fee(trade.price, trade.count, is_taker=is_taker),
            remainder=order.fee_remainder,
            at=trade.at,
        )
        self.floor.fees_collected = Money(self.floor.fees_collected + charged.net_fee)
        fill = VenueFill(
            trade_id=trade.trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            account_id=account.account_id,
            subaccount=order.subaccount,
            ticker=ticker,
            side=order.side,
            price=trade.price,
            count=trade.count,
            is_taker=is_taker,
            fee=charged.net_fee,
            at=trade.at,
        )
        account.fills.append(fill)
        order.record_fill(fill, charged.remainder)
        self.floor.touch(wallet)
        self.floor.touch(wallet.positions[ticker])
        self.floor.touch(fill)
        return FillHappened(
            account=account.account_id,
            fill=fill,
            post_position=wallet.positions[ticker].count,
        )


def _is_same_person(order: VenueOrder, resting: Resting) -> bool:
    if order.account_id != resting.account_id or not isinstance(resting, VenueOrder):
        return False
    return choices.SELF_TRADE_SPANS_SUBACCOUNTS or order.subaccount == resting.subaccount


def _longs(before: int, after: int) -> int:
    # How many long contracts a change of one position added: open interest is their sum.
    return max(0, after) - max(0, before)
