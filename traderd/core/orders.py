"""Every order we know of, and the matching of facts to orders.

Owns: that quantities decide, never the order in which news arrives, and which order a fact is about. A fact
that bears one of our ids but another market or side is about somebody else's order.
Must not: send anything, or judge risk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from traderd.core.order import Order
from traderd.core.order_amends import learn_terms
from traderd.core.order_life import LIFE
from traderd.errors import IllegalTransition
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.order_events import OrderIntended
from traderd.model.orders import (
    Attribution,
    Fill,
    OrderOwner,
    OrderRecord,
    OrderStatus,
)
from traderd.model.units import NS_PER_MS, Count, Timestamp

__all__ = ["Change", "Order", "OrderRegister"]

S = OrderStatus

ORDERS_KEPT_MAX: Final = 5_000
"""Bounds finished orders in memory (about 2 MB); the journal keeps them all."""
UNMATCHED_FILLS_MAX: Final = 1_000
"""Bounds fills whose order is not known yet; they already count in the position."""


@attrs.frozen
class Change:
    """What one fact did to one order."""

    order: Order
    previous: OrderStatus | None
    """None when the order was not known before."""


@attrs.define(eq=False)
class OrderRegister:
    """All orders of the account, by our key and by the exchange's id."""

    _by_key: dict[str, Order] = attrs.Factory(dict)
    _by_order_id: dict[OrderId, Order] = attrs.Factory(dict)
    _live: dict[str, Order] = attrs.Factory(dict)
    _live_in: dict[MarketTicker, dict[str, Order]] = attrs.Factory(dict)
    """The same by market: each look at one asks for its orders."""
    _owing: dict[str, Order] = attrs.Factory(dict)
    """Finished orders whose fills are still on their way."""
    _unmatched: dict[OrderId, list[Fill]] = attrs.Factory(dict)

    def get(self, key: str) -> Order | None:
        """Return an order by client order id or by order id."""
        return self._by_key.get(key) or self._by_order_id.get(OrderId(key))

    def live(self, ticker: MarketTicker | None = None) -> tuple[Order, ...]:
        """Return the orders that can still fill, oldest first, of all markets or one."""
        found = self._live if ticker is None else self._live_in.get(ticker, {})
        return tuple(found.values())

    def at_risk(self) -> tuple[Order, ...]:
        """Return every order that may still change a position: the live ones and those that owe fills."""
        return (*self._live.values(), *self._owing.values())

    def find(self, order_id: OrderId, client_order_id: ClientOrderId | None) -> Order | None:
        """Return the order that a fact of the exchange is about.

        A client order id that already belongs to another order of the exchange does not match: other
        programs on the account may use theirs again.
        """
        order = self._by_order_id.get(order_id)
        if order is None and client_order_id:
            order = self._by_key.get(client_order_id)
            if order is not None and order.order_id not in {None, order_id}:
                return None
        return order

    def find_for(self, fact: OrderRecord | Fill) -> Order | None:
        """Return the order that a record or a fill is about, None for one of somebody else's."""
        order = self.find(fact.order_id, fact.client_order_id)
        return order if order is not None and _fits(order, fact) else None

    def reused_by(self, fact: OrderRecord | Fill) -> Order | None:
        """Return our order whose id this fact bears although its market or side is another's."""
        order = self.find(fact.order_id, fact.client_order_id)
        return order if order is not None and not _fits(order, fact) else None

    def disproved_by(self, record: OrderRecord) -> Order | None:
        """Return our unknown order whose client order id this record shows to be another order's.

        Kalshi: a client order id is used once per account, so an order of that id which is not ours
        proves that ours never arrived.
        """
        order = self._by_key.get(record.client_order_id or "")
        if order is None or order.status is not S.UNKNOWN or _fits(order, record):
            return None
        return order

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Yield what is kept, how much of it, and its cap; orders that can still change something count extra."""
        cap = ORDERS_KEPT_MAX + len(self._live) + len(self._owing)
        yield "orders", len(self._by_key), cap
        yield "ids of orders", len(self._by_order_id), cap
        yield "orders of unmatched fills", len(self._unmatched), UNMATCHED_FILLS_MAX

    def recent(self) -> Iterator[Order]:
        """Yield orders, newest first."""
        return reversed(self._by_key.values())

    def intend(self, event: OrderIntended) -> Change:
        """Add an order that is about to be sent; a client order id can be used once only.

        Raises:
            IllegalTransition: the id was used before.
        """
        key, terms = event.client_order_id, event.terms
        if key in self._by_key:
            raise IllegalTransition(f"client order id {key} was used before")
        order = Order(
            key=key,
            ticker=terms.ticker,
            side=terms.side,
            price=terms.price,
            count=terms.count,
            attribution=event.attribution,
            status=S.INTENT,
            created_at=event.at,
            updated_at=event.at,
            client_order_id=key,
            terms=terms,
            exchange_client_id=key,
            expires_at=terms.expires_at,
            is_leased=event.is_leased,
            good_until=event.good_until,
        )
        self._add(order)
        return Change(order, None)

    def tell(self, order: Order, told: OrderStatus, at: Timestamp, sentence: str = "") -> Change:
        """Step an order along the table.

        Raises:
            IllegalTransition: the table has no such row; nothing was changed.
        """
        previous = order.status
        try:
            order.status = LIFE[previous, told]
        except KeyError:
            raise IllegalTransition(
                f"order {order.key} is {previous.value} and cannot become {told.value}"
            ) from None
        order.updated_at = at
        if order.status.is_live:
            order.ended_at = None
        elif order.ended_at is None:
            order.ended_at = at
        if order.status is told and sentence:
            # News that the table overruled explains nothing.
            order.sentence = sentence
        self._index(order)
        return Change(order, previous)

    def cancel_refused(self, order: Order, at: Timestamp, sentence: str) -> Change:
        """Undo CANCELLING: the exchange did not take the cancel, so the order rests as before."""
        previous = order.status
        if previous is S.CANCELLING:
            order.status, order.updated_at, order.sentence = S.RESTING, at, sentence
        return Change(order, previous)

    def accept(
        self, order: Order, order_id: OrderId, filled: Count, remaining: Count, at: Timestamp
    ) -> Change:
        """Fold the exchange's answer to a create.

        Raises:
            IllegalTransition: the order was never sent; nothing was changed.
        """
        _must_have_left(order)
        self._link(order, order_id)
        order.reported_filled = Count(max(order.reported_filled, filled))
        if max(order.filled, filled) >= order.count:
            told = S.EXECUTED
        elif remaining > 0:
            told = S.RESTING
        else:
            # Kalshi: no status in the reply; nothing left and not all filled means the rest was
            # canceled (IOC remainder, self-trade prevention).
            told = S.CANCELED
        return self.tell(order, told, at)

    def report(self, record: OrderRecord, at: Timestamp) -> Change:
        """Fold the exchange's record of an order, adopting one that we never placed.

        Raises:
            IllegalTransition: the order was never sent; nothing was changed.
        """
        order = self.find_for(record)
        previous = order.status if order is not None else None
        if order is None:
            order = self._adopt(record, at)
        _must_have_left(order)
        self._link(order, record.order_id)
        if order.vanished and record.status.is_live:
            order.status = S.RESTING
        order.vanished = False
        order.reported_filled = Count(max(order.reported_filled, record.fill_count))
        learn_terms(order, record, at)
        was_over = order.ended_at is not None
        self.tell(order, self._told_by(record, order), at, record.reason or "")
        if order.ended_at is not None and not was_over:
            # It may have ended long before we heard of it.
            order.ended_at = record.updated_at or at
        return Change(order, previous)

    def vanish(self, order: Order, at: Timestamp, sentence: str) -> Change:
        """End an order that the exchange does not know any more; fills that it owes stay counted.

        Raises:
            IllegalTransition: the order was never sent; nothing was changed.
        """
        change = self.tell(order, S.CANCELED, at, sentence)
        order.vanished = True
        return change

    def fill(self, fill: Fill, at: Timestamp) -> Change | None:
        """Count a fill that the ledger has not seen; None while its order is not known.

        Raises:
            IllegalTransition: the order was never sent; nothing was changed.
        """
        order = self.find_for(fill)
        if order is None:
            self._unmatched.setdefault(fill.order_id, []).append(fill)
            if len(self._unmatched) > UNMATCHED_FILLS_MAX:
                del self._unmatched[next(iter(self._unmatched))]
            return None
        _must_have_left(order)
        self._link(order, fill.order_id)
        _book(order, fill)
        # A fill proves that the order exists; of a finished one it changes only the counts.
        # While an amend is under way the larger of both sizes counts, or the rest would be forgotten.
        done = order.filled >= order.worst_count
        return self.tell(order, S.EXECUTED if done else S.RESTING, at)

    def _link(self, order: Order, order_id: OrderId) -> None:
        # Learn the exchange's id of an order, and count the fills that were waiting for it.
        if order.order_id is not None:
            return
        order.order_id = order_id
        other = self._by_order_id.get(order_id)
        if other is None or (other.ticker, other.side) == (order.ticker, order.side):
            self._by_order_id[order_id] = order
        waiting = self._unmatched.pop(order_id, [])
        for fill in waiting:
            _book(order, fill)

    def _adopt(self, record: OrderRecord, at: Timestamp) -> Order:
        key: str = record.client_order_id or record.order_id
        order = Order(
            key=record.order_id if key in self._by_key else key,
            ticker=record.ticker,
            side=record.side,
            price=record.price,
            count=record.initial_count,
            attribution=Attribution(owner=OrderOwner.EXTERNAL),
            # SENT is the row from which the exchange's word can lead anywhere.
            status=S.SENT,
            created_at=record.created_at or at,
            updated_at=at,
            client_order_id=record.client_order_id,
            exchange_client_id=record.client_order_id,
            filled_before=record.fill_count,
            adopted_at=record.updated_at or at,
        )
        # Before it is linked, so that it takes the exchange's id over from an order that bore it wrongly.
        self._by_order_id.pop(record.order_id, None)
        self._add(order)
        return order

    @staticmethod
    def _told_by(record: OrderRecord, order: Order) -> OrderStatus:
        filled = max(order.filled, record.fill_count)
        # Quantities decide: a record may be older than the fills that we have booked.
        total = order.worst_count if record.status.is_live else record.total_count
        return S.EXECUTED if filled >= total else record.status

    def _add(self, order: Order) -> None:
        self._by_key[order.key] = order
        self._note_live(order)

    def _note_live(self, order: Order) -> None:
        self._live[order.key] = order
        self._live_in.setdefault(order.ticker, {})[order.key] = order

    def _note_ended(self, order: Order) -> None:
        if self._live.pop(order.key, None) is None:
            return
        here = self._live_in[order.ticker]
        del here[order.key]
        if not here:
            del self._live_in[order.ticker]

    def _index(self, order: Order) -> None:
        if order.status.is_live:
            self._note_live(order)
        else:
            # What has ended cannot be changed any more, whatever became of a change under way.
            order.pending = None
            self._note_ended(order)
        if not order.status.is_live and order.owed > 0:
            self._owing[order.key] = order
        else:
            self._owing.pop(order.key, None)
        # Here, because thousands may end at once, and no new one need follow.
        if len(self._by_key) - len(self._live) - len(self._owing) > ORDERS_KEPT_MAX:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        # One that still owes fills can change a position, so it is not history yet.
        for key, order in self._by_key.items():
            if not order.status.is_live and key not in self._owing:
                del self._by_key[key]
                if order.order_id is not None and self._by_order_id.get(order.order_id) is order:
                    del self._by_order_id[order.order_id]
                return


def _fits(order: Order, fact: OrderRecord | Fill) -> bool:
    # Of an adopted order the exchange's word is all we have; of ours we know what we asked for.
    return order.terms is None or (order.ticker, order.side) == (fact.ticker, fact.side)


def _book(order: Order, fill: Fill) -> None:
    order.filled = Count(order.filled + fill.count)
    # Milliseconds, because some of the exchange's messages carry no more.
    if (
        order.adopted_at is not None
        and fill.executed_at // NS_PER_MS <= order.adopted_at // NS_PER_MS
    ):
        # One from before the adoption, which so is no part of what was carried in.
        order.filled_before = Count(max(0, order.filled_before - fill.count))


def _must_have_left(order: Order) -> None:
    # Checked before anything is touched: what the exchange tells of an order that we have not sent
    # means that somebody else uses our ids.
    if order.status is S.INTENT:
        raise IllegalTransition(f"the exchange tells of order {order.key}, which was never sent")
