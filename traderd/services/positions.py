"""Tells every fill and settlement and what it did to the position, in words.

Owns: the log lines of fills, settlements and fees that the model cannot explain.
Must not: compute; the ledger did.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import trio

from traderd.config import Config
from traderd.model import events as ev
from traderd.model.units import show_count, show_money, show_price
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.inbox import Policy
from traderd.services.context import Context


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the positions service when trading is on."""
    return [Service(name="positions", run=run)] if config.trading_enabled else []


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Log fills and position changes until cancelled."""
    with context.subscribe(
        ev.OrderFilled,
        ev.MarketSettled,
        ev.PositionChanged,
        ev.FeeDiffered,
        policy=Policy.LOSSLESS,
    ) as news:
        task_status.started()
        async for batch in news:
            _tell(context, batch)


def _tell(context: Context, batch: list[Any]) -> None:
    # A fill that was known already is not followed by a changed position; it is not news.
    for event in batch:
        if isinstance(event, ev.FeeDiffered):
            _tell_fee(context, event)
    for fill_event, changed in pairwise(batch):
        if isinstance(fill_event, ev.MarketSettled) and isinstance(changed, ev.PositionChanged):
            _tell_settlement(context, fill_event, changed)
        if not isinstance(fill_event, ev.OrderFilled) or not isinstance(
            changed, ev.PositionChanged
        ):
            continue
        fill = fill_event.fill
        if fill.ticker != changed.ticker:
            continue
        order = context.view.order(fill.order_id)
        context.log.info(
            f"filled {fill.side.value} {show_count(fill.count)} @ {show_price(fill.price)} of "
            f"{fill.ticker} as {'taker' if fill.is_taker else 'maker'}, fee {show_money(fill.fee)}; "
            f"position {show_count(changed.count, signed=True)}, "
            f"realized {show_money(changed.realized_pnl, signed=True)}",
            ticker=fill.ticker,
            order=None if order is None else order.key,
            strategy=None if order is None else order.attribution.strategy,
            order_id=fill.order_id,
            trade_id=fill.trade_id,
        )


def _tell_settlement(
    context: Context, event: ev.MarketSettled, changed: ev.PositionChanged
) -> None:
    settlement = event.settlement
    context.log.info(
        f"settled {settlement.ticker}: {settlement.result}, "
        f"{show_count(settlement.count, signed=True)} contracts paid {show_money(settlement.revenue)}; "
        f"realized {show_money(changed.realized_pnl, signed=True)}",
        ticker=settlement.ticker,
    )


def _tell_fee(context: Context, event: ev.FeeDiffered) -> None:
    context.log.warning(
        f"the fee of fill {event.trade_id} of {event.ticker} is {show_money(event.charged)}, and no "
        f"published schedule explains it (expected {show_money(event.expected)}); it is booked as charged",
        ticker=event.ticker,
        trade_id=event.trade_id,
    )
