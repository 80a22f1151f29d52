"""The life of every order we know of, as a table, and the matching of facts to orders.

Owns: which status may follow which, and that quantities decide, never the order in which news arrives.
Must not: send anything, or judge risk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from traderd.errors import IllegalTransition
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import (
    Attribution,
    Fill,
    OrderOwner,
    OrderRecord,
    OrderStatus,
    OrderTerms,
    Side,
)
from traderd.model.units import Count, Price, Timestamp

S = OrderStatus

ORDERS_KEPT_MAX: Final = 5_000
"""Bounds finished orders in memory (about 2 MB); the journal keeps them all."""
UNMATCHED_FILLS_MAX: Final = 1_000
"""Bounds fills whose order is not known yet; they already count in the position."""

LIFE: Final[dict[tuple[OrderStatus, OrderStatus], OrderStatus]] = {
    # (where it is, what we are told): where it is then.
    (S.INTENT, S.SENT): S.SENT,
    (S.INTENT, S.UNKNOWN): S.UNKNOWN,  # the daemon died between the journal and the answer
    (S.INTENT, S.NOT_PLACED): S.NOT_PLACED,  # no connection could be opened: nothing was sent
    (S.SENT, S.RESTING): S.RESTING,
    (S.SENT, S.EXECUTED): S.EXECUTED,
    (S.SENT, S.CANCELED): S.CANCELED,
    (S.SENT, S.REJECTED): S.REJECTED,
    (S.SENT, S.UNKNOWN): S.UNKNOWN,
    (S.SENT, S.NOT_PLACED): S.NOT_PLACED,
    (S.UNKNOWN, S.UNKNOWN): S.UNKNOWN,
    (S.UNKNOWN, S.RESTING): S.RESTING,
    (S.UNKNOWN, S.EXECUTED): S.EXECUTED,
    (S.UNKNOWN, S.CANCELED): S.CANCELED,
    (S.UNKNOWN, S.REJECTED): S.REJECTED,
    (S.UNKNOWN, S.NOT_PLACED): S.NOT_PLACED,
    (S.RESTING, S.RESTING): S.RESTING,
    (S.RESTING, S.CANCELLING): S.CANCELLING,
    (S.RESTING, S.EXECUTED): S.EXECUTED,
    (S.RESTING, S.CANCELED): S.CANCELED,
    # The feed told of it before the reply was lost: the order exists, whatever the reply said.
    (S.RESTING, S.UNKNOWN): S.RESTING,
    (S.EXECUTED, S.UNKNOWN): S.EXECUTED,
    (S.CANCELED, S.UNKNOWN): S.CANCELED,
    (S.CANCELLING, S.UNKNOWN): S.CANCELLING,
    (S.CANCELLING, S.CANCELLING): S.CANCELLING,  # asked again
    # A reading may be older than our cancel (about 360 ms seen), so it does not undo it.
    (S.CANCELLING, S.RESTING): S.CANCELLING,
    (S.CANCELLING, S.EXECUTED): S.EXECUTED,
    (S.CANCELLING, S.CANCELED): S.CANCELED,
    # Finished orders: late news of an earlier time changes nothing ...
    (S.EXECUTED, S.RESTING): S.EXECUTED,
    (S.EXECUTED, S.EXECUTED): S.EXECUTED,
    (S.EXECUTED, S.CANCELED): S.EXECUTED,
    (S.EXECUTED, S.CANCELLING): S.EXECUTED,
    (S.CANCELED, S.RESTING): S.CANCELED,
    (S.CANCELED, S.CANCELED): S.CANCELED,
    (S.CANCELED, S.CANCELLING): S.CANCELED,
    (S.CANCELED, S.EXECUTED): S.EXECUTED,  # ... but a fill may arrive after the cancel.
    # A late arrival after we had given up is the exchange's word against ours: theirs counts.
    (S.REJECTED, S.RESTING): S.RESTING,
    (S.REJECTED, S.EXECUTED): S.EXECUTED,
    (S.REJECTED, S.CANCELED): S.CANCELED,
    (S.REJECTED, S.REJECTED): S.REJECTED,
    (S.NOT_PLACED, S.RESTING): S.RESTING,
    (S.NOT_PLACED, S.EXECUTED): S.EXECUTED,
    (S.NOT_PLACED, S.CANCELED): S.CANCELED,
    (S.NOT_PLACED, S.NOT_PLACED): S.NOT_PLACED,
    (S.NOT_PLACED, S.UNKNOWN): S.UNKNOWN,
}
"""Anything not listed raises.  Facts that arrive before the reply (a fill before its 201) are told to
the row of SENT; INTENT cannot be overtaken, because nothing has left yet."""


@attrs.define(eq=False)
class Order:
    """One order as far as we know it."""

    key: str
    ticker: MarketTicker
    side: Side
    price: Price
    count: Count
    attribution: Attribution
    status: OrderStatus
    created_at: Timestamp
    updated_at: Timestamp
    client_order_id: ClientOrderId | None = None
    order_id: OrderId | None = None
    terms: OrderTerms | None = None
    """What we asked for; None for an order that we adopted."""
    filled: Count = Count(0)
    """Sum of the fills that we have booked."""
    reported_filled: Count = Count(0)
    """What the exchange's record says was filled."""
    sentence: str = ""
    """Why it was rejected, is unknown, or ended."""

    @property
    def remaining(self) -> Count:
        """Contracts that can still fill: 0 once it is finished."""
        if not self.status.is_live:
            return Count(0)
        return Count(max(0, self.count - max(self.filled, self.reported_filled)))

    @property
    def fills_missing(self) -> bool:
        """Tell whether the exchange reported more fills than we have booked."""
        return self.reported_filled > self.filled


@attrs.frozen
class Change:
    """What one fact did to one order."""

    order: Order
    previous: OrderStatus | None

    @property
    def is_new(self) -> bool:
        """Tell whether the order was not known before."""
        return self.previous is None


@attrs.define(eq=False)
class OrderRegister:
    """All orders of the account, by our key and by the exchange's id."""

    _by_key: dict[str, Order] = attrs.Factory(dict)
    _by_order_id: dict[OrderId, Order] = attrs.Factory(dict)
    _live: dict[str, Order] = attrs.Factory(dict)
    _unmatched: dict[OrderId, list[Fill]] = attrs.Factory(dict)

    def get(self, key: str) -> Order | None:
        """Return an order by client order id or by order id."""
        return self._by_key.get(key) or self._by_order_id.get(OrderId(key))

    def live(self) -> tuple[Order, ...]:
        """Return the orders that can still fill, oldest first."""
        return tuple(self._live.values())

    def recent(self) -> Iterator[Order]:
        """Yield orders, newest first."""
        return reversed(self._by_key.values())

    def intend(
        self,
        client_order_id: ClientOrderId,
        terms: OrderTerms,
        attribution: Attribution,
        at: Timestamp,
    ) -> Change:
        """Add an order that is about to be sent; a client order id can be used once only.

        Raises:
            IllegalTransition: the id was used before.
        """
        if client_order_id in self._by_key:
            raise IllegalTransition(f"client order id {client_order_id} was used before")
        order = Order(
            key=client_order_id,
            ticker=terms.ticker,
            side=terms.side,
            price=terms.price,
            count=terms.count,
            attribution=attribution,
            status=S.INTENT,
            created_at=at,
            updated_at=at,
            client_order_id=client_order_id,
            terms=terms,
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
        order.sentence = sentence or order.sentence
        if order.status.is_live:
            self._live[order.key] = order
        else:
            self._live.pop(order.key, None)
        return Change(order, previous)

    def cancel_refused(self, order: Order, at: Timestamp, sentence: str) -> Change:
        """Undo CANCELLING: the exchange did not take the cancel, so the order rests as before."""
        previous = order.status
        if previous is S.CANCELLING:
            order.status, order.updated_at, order.sentence = S.RESTING, at, sentence
        return Change(order, previous)

    def link(self, order: Order, order_id: OrderId) -> list[Fill]:
        """Learn the exchange's id of an order; returns fills that were waiting for it."""
        order.order_id = order_id
        self._by_order_id[order_id] = order
        return self._unmatched.pop(order_id, [])

    def report(self, record: OrderRecord, at: Timestamp) -> Change:
        """Fold the exchange's record of an order, adopting one that we never placed."""
        order = self._find(record)
        previous = order.status if order is not None else None
        if order is None:
            order = self._adopt(record, at)
        if order.order_id is None:
            for fill in self.link(order, record.order_id):
                order.filled = Count(order.filled + fill.count)
        order.reported_filled = Count(max(order.reported_filled, record.fill_count))
        order.count = record.initial_count
        self.tell(order, self._told_by(record, order), at, record.reason or "")
        return Change(order, previous)

    def fill(self, fill: Fill, at: Timestamp) -> Change | None:
        """Count a fill that the ledger saw for the first time; None while its order is not known."""
        order = self._by_order_id.get(fill.order_id)
        if order is None and fill.client_order_id is not None:
            order = self._by_key.get(fill.client_order_id)
            if order is not None:
                for waiting in self.link(order, fill.order_id):
                    order.filled = Count(order.filled + waiting.count)
        if order is None:
            self._unmatched.setdefault(fill.order_id, []).append(fill)
            if len(self._unmatched) > UNMATCHED_FILLS_MAX:
                del self._unmatched[next(iter(self._unmatched))]
            return None
        order.filled = Count(order.filled + fill.count)
        if order.filled >= order.count:
            return self.tell(order, S.EXECUTED, at)
        # A fill proves that the order exists; of a finished one it changes only the counts.
        return self.tell(order, S.RESTING, at)

    def _find(self, record: OrderRecord) -> Order | None:
        order = self._by_order_id.get(record.order_id)
        if order is None and record.client_order_id:
            order = self._by_key.get(record.client_order_id)
        return order

    def _adopt(self, record: OrderRecord, at: Timestamp) -> Order:
        order = Order(
            key=record.client_order_id or record.order_id,
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
        )
        self._add(order)
        return order

    @staticmethod
    def _told_by(record: OrderRecord, order: Order) -> OrderStatus:
        filled = max(order.filled, record.fill_count)
        if record.status is not S.RESTING and filled >= record.initial_count:
            return S.EXECUTED
        return record.status

    def _add(self, order: Order) -> None:
        self._by_key[order.key] = order
        self._live[order.key] = order
        if len(self._by_key) > ORDERS_KEPT_MAX:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        for key, order in self._by_key.items():
            if not order.status.is_live:
                del self._by_key[key]
                if order.order_id is not None:
                    self._by_order_id.pop(order.order_id, None)
                return
