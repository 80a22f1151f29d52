"""Changes of resting orders: decrease and amend, with what each does to the order's place in the queue.

Owns: the rules of Kalshi's decrease and amend and their codes. Every check comes before the first change, so a refusal
changes nothing.
Must not: read a clock, know the wire, or move contracts itself (`floor`, `crossing`).
"""

from __future__ import annotations

import heapq

import attrs

from traderd.model.orders import OrderStatus
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper import choices
from traderd.paper.venue.accounts import Account
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import AmendReply, AmendTerms, VenueRefusal
from traderd.paper.venue.order_entry import OrderEntry
from traderd.paper.venue.records import BurnedId, VenueOrder, mean_fee, mean_price


@attrs.define(eq=False)
class OrderChanges:
    """Decrease and amend over one order entry."""

    entry: OrderEntry

    def decrease(
        self,
        account: Account,
        order_id: str,
        now: Timestamp,
        *,
        reduce_by: Count | None = None,
        reduce_to: Count | None = None,
        subaccount: int | None = None,
    ) -> VenueOrder:
        """Make an order smaller; it keeps its place. To nothing is a cancel.

        Raises:
            VenueRefusal: as `cancel`, or 400 `invalid_order_size` for more than there is or nothing at all.
        """
        self.entry.check_cancels()
        order = self.entry.find_resting(account, order_id, now, subaccount)
        by = reduce_by if reduce_by is not None else order.remaining_count - (reduce_to or 0)
        if not 0 < by <= order.remaining_count or (reduce_to is not None and reduce_to < 0):
            raise VenueRefusal(
                400, "invalid_order_size", details="an order can only be made smaller"
            )
        if by == order.remaining_count:
            if reduce_to is not None and not choices.DECREASE_TO_ZERO_CANCELS:
                raise VenueRefusal(400, "invalid_order_size", details="nothing would be left")
            self.entry.floor.cancel(account, order, None, now)
            return order.snapshot()
        self._shrink(account, order, Count(by), now)
        order.reason = "Decrease"
        order.updated_at = now
        self.entry.floor.tell_order(account, order, now)
        return order.snapshot()

    def _shrink(self, account: Account, order: VenueOrder, by: Count, now: Timestamp) -> None:
        market = self.entry.floor.markets[order.ticker]
        self.entry.floor.books[order.ticker].reduce(order.order_id, by)
        account.wallets[order.subaccount].reserve(order, market.fees)
        self.entry.floor.tell_level(order, Count(-by), now, cause=order)

    def amend(
        self,
        account: Account,
        order_id: str,
        terms: AmendTerms,
        now: Timestamp,
        *,
        subaccount: int | None = None,
    ) -> AmendReply:
        """Change price, size, expiry or client order id of a resting order.

        Only a smaller size or another expiry keeps its place; anything else goes to the back and may trade.

        Raises:
            VenueRefusal: nothing was changed. 404 `not_found`, 400 for what does not fit the order or the market.
        """
        self.entry.check_trading()
        order = self.entry.find_resting(account, order_id, now, subaccount)
        market = self.entry.floor.markets[order.ticker]
        self.entry.check_open(market, now)
        self._check_amend(account, market, order, terms, now)
        remaining = Count(terms.count - order.fill_count)
        before = order.snapshot()
        keeps_place = _keeps_place(order, terms.price, remaining)
        self._rename(account, order, terms)
        order.initial_count = terms.count
        order.reason = "Amend"
        order.updated_at = now
        if keeps_place:
            self._set_expiry(order, terms)
            if remaining < order.remaining_count:
                self._shrink_or_end(account, order, remaining, now)
            self.entry.floor.tell_order(account, order, now)
        else:
            self._replace(account, market, order, terms, remaining, now)
        filled = Count(order.fill_count - before.fill_count)
        cost = Money(order.fill_cost - before.fill_cost)
        return AmendReply(
            before=before,
            order=order.snapshot(),
            filled=filled,
            average_fill_price=mean_price(order.side, cost, filled),
            average_fee=mean_fee(Money(order.fees - before.fees), filled),
        )

    def _check_amend(
        self,
        account: Account,
        market: VenueMarket,
        order: VenueOrder,
        terms: AmendTerms,
        now: Timestamp,
    ) -> None:
        if terms.ticker != order.ticker:
            raise VenueRefusal(400, "order_ticker_mismatch")
        if terms.side is not order.side:
            raise VenueRefusal(400, "order_side_mismatch")
        if terms.client_order_id is not None and terms.client_order_id != order.client_order_id:
            raise VenueRefusal(400, "order_id_and_client_order_id_mismatch")
        renamed = terms.updated_client_order_id
        if renamed not in (None, order.client_order_id):
            self.entry.check_client_order_id(account, renamed)
        self.entry.check_price(market, terms.price)
        if not order.fill_count <= terms.count <= choices.ORDER_COUNT_MAX or terms.count <= 0:
            raise VenueRefusal(
                400, "invalid_order_size", details="count is the total, filled contracts included"
            )
        if terms.expires_at is not None and terms.expires_at <= now:
            raise VenueRefusal(400, "invalid_order", details=choices.EXPIRY_IN_THE_PAST)
        remaining = Count(terms.count - order.fill_count)
        if not _keeps_place(order, terms.price, remaining):
            wallet = account.wallets[order.subaccount]
            if not wallet.can_spend(wallet.amend_cost(order, terms.price, remaining, market.fees)):
                raise VenueRefusal(400, "insufficient_balance")

    def _rename(self, account: Account, order: VenueOrder, terms: AmendTerms) -> None:
        renamed = terms.updated_client_order_id
        if renamed is None or renamed == order.client_order_id:
            return
        if order.client_order_id is not None:
            burned = BurnedId(
                account_id=account.account_id,
                client_order_id=order.client_order_id,
                order_id=order.order_id,
            )
            self.entry.floor.touch(burned)
        order.client_order_id = renamed
        account.client_order_ids[renamed] = order.order_id

    def _set_expiry(self, order: VenueOrder, terms: AmendTerms) -> None:
        if terms.removes_expiry:
            order.expires_at = None
        elif terms.expires_at is not None:
            order.expires_at = terms.expires_at
            heapq.heappush(
                self.entry.floor.expiries, (terms.expires_at, order.order_id, order.account_id)
            )

    def _shrink_or_end(
        self, account: Account, order: VenueOrder, remaining: Count, now: Timestamp
    ) -> None:
        if remaining:
            self._shrink(account, order, Count(order.remaining_count - remaining), now)
            return
        # The new total is what has traded already, so there is nothing left to do.
        self.entry.floor.lift(account, order, now)
        order.status = OrderStatus.EXECUTED

    def _replace(
        self,
        account: Account,
        market: VenueMarket,
        order: VenueOrder,
        terms: AmendTerms,
        remaining: Count,
        now: Timestamp,
    ) -> None:
        self.entry.floor.lift(account, order, now)
        order.price = terms.price
        order.remaining_count = remaining
        self._set_expiry(order, terms)
        book = self.entry.floor.books[market.ticker]
        takes = remaining and book.next_match(order.side, order.price) is not None
        if order.post_only and takes:
            order.remaining_count = Count(0)
            order.status = OrderStatus.CANCELED
            order.reason = "PostOnlyCrossCancel"
            self.entry.floor.tell_order(account, order, now)
            return
        self.entry.run(account, account.wallets[order.subaccount], market, order, now)


def _keeps_place(order: VenueOrder, price: Price, remaining: Count) -> bool:
    # Kalshi: priority survives only a smaller size or a change of the expiry alone.
    return price == order.price and remaining <= order.remaining_count
