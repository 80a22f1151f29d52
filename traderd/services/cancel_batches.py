"""Cancelling many orders with few requests.

Owns: the batches. A batch costs as many tokens as its cancels by themselves (Kalshi: 2 each) and one round trip instead
of many; but it is refused as a whole when the bucket cannot hold it, so whatever is not sure afterwards is left to
single cancels.
Must not: believe a reply; an order's record or its `user_order` message ends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

import attrs

from traderd.core.order import Order
from traderd.errors import ExchangeError
from traderd.kalshi.order_calls import CANCELS_MAX, Canceled
from traderd.model import events as ev
from traderd.model.orders import OrderStatus
from traderd.services.context import Context


@attrs.frozen
class CancelBatches:
    """Sends batches of cancels, each once."""

    context: Context
    wait_ends: Callable[[Sequence[Order]], Awaitable[None]]
    """Waits a moment for these orders to end, by the news of the feed."""

    async def cancel(self, orders: Sequence[Order]) -> list[Order]:
        """Cancel with batches what can be; returns the orders that are still live.

        Cancelling leaves every order to the periodic sync.
        """
        fit = [order for order in orders if _can_be_batched(order)]
        if len(fit) > 1:
            for start in range(0, len(fit), CANCELS_MAX):
                await self._send(list(islice(fit, start, start + CANCELS_MAX)))
            await self.wait_ends(fit)
        return [order for order in orders if order.status.is_live]

    async def _send(self, batch: list[Order]) -> None:
        context, live = self.context, [order for order in batch if _can_be_batched(order)]
        asked = tuple(
            (order.order_id, order.ticker) for order in live if order.order_id is not None
        )
        if not asked:
            return
        at = context.now()
        context.publish(*(ev.CancelRequested(at=at, order_id=order_id) for order_id, _ in asked))
        try:
            results = await context.venue.rest.cancel_orders(asked)
        except ExchangeError as exc:
            # Repeating a cancel is safe: each of them is sent by itself after this.
            context.log.warning(f"a batch of {len(asked)} cancels went wrong: {exc}")
            return
        at = context.now()
        context.publish_batch([
            ev.CancelAcknowledged(at=at, order_id=order_id, reduced_by=result.reduced_by)
            for (order_id, _), result in zip(asked, results, strict=True)
            if isinstance(result, Canceled)
        ])


def _can_be_batched(order: Order) -> bool:
    return order.order_id is not None and order.status in {
        OrderStatus.RESTING,
        OrderStatus.CANCELLING,
    }
