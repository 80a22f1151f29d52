"""Finding out by which terms an order rests after a change of it got no clear answer.

Owns: the search. The order's record proves that the change happened; old terms in it prove the opposite only after the
quarantine, because a request may arrive late and single reads lag. Neither an error nor a record that is missing counts,
and nothing is sent again.
Must not: change an order.
"""

from __future__ import annotations

import trio

from traderd.core.order import Order, PendingAmend
from traderd.core.order_folds import NOT_APPLIED
from traderd.model import events as ev
from traderd.model.units import show_count, show_price
from traderd.runtime.retry import Backoff
from traderd.services.context import Context
from traderd.services.order_look import Seen, look

LOOK_FIRST_S = 0.5
"""Single reads lag changes by about 360 ms."""
LOOK_CAP_S = 5.0


class AmendResolver:
    """Looks until it knows; each order once at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._looking: dict[str, None] = {}

    async def resolve(self, order: Order) -> None:
        """Look until the order's terms are known.  Cancelling leaves them unknown."""
        if order.key in self._looking:
            return
        self._looking[order.key] = None
        backoff = Backoff(first_s=LOOK_FIRST_S, cap_s=LOOK_CAP_S, rng=self._context.env.rng)
        began_at, pending = trio.current_time(), order.pending
        try:
            while order.terms_unknown:
                await trio.sleep(backoff.next_delay())
                asked_at = trio.current_time()
                if order.pending is not pending:
                    # The one in doubt was settled meanwhile, and another is in doubt now: its quarantine begins anew.
                    began_at, pending = asked_at, order.pending
                if await look(self._context, order) is Seen.RECORD:
                    self._give_up(order, pending, waited_s=asked_at - began_at)
            self._context.log.info(
                f"the terms of order {order.key} are known again: {show_count(order.count)} @ "
                f"{show_price(order.price)}, {order.status.value}",
                order=order.key,
            )
        finally:
            del self._looking[order.key]

    def _give_up(self, order: Order, pending: PendingAmend | None, *, waited_s: float) -> None:
        quarantine_s = self._context.config.trading.unknown_quarantine_s
        if not order.terms_unknown or order.pending is not pending or waited_s < quarantine_s:
            return
        assert order.order_id is not None
        sentence = f"its record shows the old terms after {waited_s:.0f} s"
        self._context.publish(
            ev.AmendFailed(
                at=self._context.now(),
                order_id=order.order_id,
                code=NOT_APPLIED,
                sentence=sentence,
            )
        )
        self._context.log.warning(f"order {order.key} was not changed: {sentence}", order=order.key)
