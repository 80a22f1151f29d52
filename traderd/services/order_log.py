"""Tells every step of every order in one line that carries the order's key, so that its life can be read from the log.

Owns: the words and levels of those lines. Fills and what they did to the position are told by `positions`, and why the
exchange refused an order by `orders`.
Must not: change anything.
"""

from __future__ import annotations

from typing import Final

import trio

from traderd.config import Config
from traderd.core.order import Order
from traderd.model.events import OrderChanged
from traderd.model.orders import OrderStatus, order_words
from traderd.model.units import show_count
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.inbox import Policy
from traderd.services.context import Context

LEVELS: Final = {
    OrderStatus.INTENT: "debug",
    OrderStatus.SENT: "debug",
    OrderStatus.UNKNOWN: "warning",
    OrderStatus.RESTING: "info",
    OrderStatus.CANCELLING: "debug",
    OrderStatus.EXECUTED: "info",
    OrderStatus.CANCELED: "info",
    OrderStatus.REJECTED: "info",
    OrderStatus.NOT_PLACED: "info",
}
"""What is worth a line without being asked for: where an order rests and how it ends, not each step on the way."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the log of orders when trading is on."""
    return [Service(name="order_log", run=run)] if config.trading_enabled else []


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Log the steps of orders until cancelled."""
    with context.subscribe(OrderChanged, policy=Policy.LOSSLESS) as news:
        task_status.started()
        async for batch in news:
            for event in batch:
                _tell(context, event)


def _tell(context: Context, event: OrderChanged) -> None:
    order = context.view.order(event.key)
    if order is None or event.status is event.previous:
        return  # only its counts are new: a fill, told by `positions`; or it is forgotten already
    tell = getattr(context.log, LEVELS[event.status])
    tell(
        words(order, event),
        order=order.key,
        order_id=order.order_id,
        ticker=order.ticker,
        strategy=order.attribution.strategy,
        status=event.status.value,
    )


def words(order: Order, event: OrderChanged) -> str:
    """Return the line of one step."""
    came = "" if event.previous is None else f" (was {event.previous.value})"
    filled = f", {show_count(order.filled)} filled" if order.filled else ""
    return (
        f"order {order.key} is {event.status.value}{came}: "
        f"{order_words(order.ticker, order.side, order.count, order.price)}{filled}"
    )
