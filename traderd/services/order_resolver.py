"""Finding out what became of an order whose outcome is unknown.

Owns: the search. Kalshi has no look-up by client order id, so the orders of the market are paged from before
the send. Found: the record and its fills are folded. Absent after the quarantine from a complete answer that no time
bounds: not placed. An error never counts as absence, nor does a list whose bound a clock may have put in the wrong place,
and nothing is ever sent again.
A row of the list that cannot be read and may be the order keeps anybody from calling it absent.
Must not: place or cancel.
"""

from __future__ import annotations

import trio

from traderd.core.orders import Order
from traderd.core.unreadable import may_be
from traderd.errors import ExchangeError
from traderd.model import events as ev
from traderd.model.orders import OrderRecord, OrderStatus
from traderd.model.rows import UnreadableRow
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.retry import Backoff
from traderd.services.context import Context
from traderd.services.order_look import unreadable_fills

SEARCH_BEFORE_NS = 60 * NS_PER_S
"""How long before the intent the search begins, which keeps its lists short: the time that a request may have waited and
be under way before its outcome is called unknown, and what the exchange's clock is known to."""
SEARCH_FIRST_S = 0.3
SEARCH_CAP_S = 5.0


class OrderResolver:
    """Searches until it knows; each order once at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._searching: dict[str, str] = {}
        """The orders that are searched for, with the last failure's words."""

    async def resolve(self, order: Order) -> None:
        """Search until the order is found or proved absent.  Cancelling leaves it unknown."""
        if order.key in self._searching:
            return
        self._searching[order.key] = ""
        backoff = Backoff(first_s=SEARCH_FIRST_S, cap_s=SEARCH_CAP_S, rng=self._context.env.rng)
        asked_at = trio.current_time()
        try:
            while order.status is OrderStatus.UNKNOWN:
                if await self._search(order, waited_s=trio.current_time() - asked_at):
                    return
                await trio.sleep(backoff.next_delay())
        finally:
            del self._searching[order.key]

    async def _search(self, order: Order, *, waited_s: float) -> bool:
        context = self._context
        decides = waited_s >= context.config.trading.unknown_quarantine_s
        # A wrong bound only delays the finding; what the quarantine decides is decided without one.
        since = None if decides else self._since(order, waited_s)
        try:
            reading = await context.venue.rest.read_orders(ticker=order.ticker, since=since)
            found = [r for r in reading.rows if r.client_order_id == order.client_order_id]
            if found:
                await self._found(order, found[0])
                return True
        except ExchangeError as exc:
            self._tell_failure(order, str(exc))
            return False
        if not decides:
            return False
        hidden = [row for row in reading.unreadable if self._may_be(row, order)]
        if hidden:
            self._tell_failure(order, f"it may be in a row that cannot be read: {hidden[0].words}")
            return False
        sentence = f"not among the {len(reading.rows)} orders of {order.ticker} after {waited_s:.0f} s of search"
        if order.client_order_id is None or order.status is not OrderStatus.UNKNOWN:
            # The feed or the sync was faster than this search.
            return True
        context.publish(
            ev.OrderNotPlaced(
                at=context.now(), client_order_id=order.client_order_id, sentence=sentence
            )
        )
        context.log.warning(f"order {order.key} was not placed: {sentence}", order=order.key)
        return True

    def _may_be(self, row: UnreadableRow, order: Order) -> bool:
        # The id of another order of which we know rules it out; that of one that nobody knows does not.
        known = None if row.order_id is None else self._context.view.order(row.order_id)
        return may_be(row, order) and known in {None, order}

    def _since(self, order: Order, waited_s: float) -> Timestamp:
        # By the exchange's time, which it filters by; never later than this search, whatever an earlier run's clock said.
        context = self._context
        intended = min(order.created_at, context.now() - round(waited_s * NS_PER_S))
        return Timestamp(intended + context.exchange_ahead_ns - SEARCH_BEFORE_NS)

    def _tell_failure(self, order: Order, words: str) -> None:
        # Once per change: an outage of hours must not fill the log with one sentence.
        log = self._context.log
        tell = log.debug if self._searching[order.key] == words else log.warning
        self._searching[order.key] = words
        tell(f"the search for {order.key} failed: {words}", order=order.key)

    async def _found(self, order: Order, record: OrderRecord) -> None:
        context = self._context
        reading = await context.venue.rest.read_fills(order_id=record.order_id)
        at = context.now()
        context.publish(
            # Its market is halted before it is fenced no more.
            *unreadable_fills(context, order, reading.unreadable),
            ev.OrderReported(at=at, record=record, source=ev.Source.SYNC),
            *(ev.OrderFilled(at=at, fill=fill, source=ev.Source.SYNC) for fill in reading.rows),
        )
        context.log.info(f"order {order.key} was found: {record.status.value}", order=order.key)
