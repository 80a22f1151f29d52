"""Tells every fill and what it did to the position, in words.

Owns: the log lines of fills.
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
    with context.subscribe(ev.OrderFilled, ev.PositionChanged, policy=Policy.LOSSLESS) as news:
        task_status.started()
        async for batch in news:
            _tell(context, batch)


def _tell(context: Context, batch: list[Any]) -> None:
    # A fill that was known already is not followed by a changed position; it is not news.
    for fill_event, changed in pairwise(batch):
        if not isinstance(fill_event, ev.OrderFilled) or not isinstance(
            changed, ev.PositionChanged
        ):
            continue
        fill = fill_event.fill
        if fill.ticker != changed.ticker:
            continue
        context.log.info(
            f"filled {fill.side.value} {show_count(fill.count)} @ {show_price(fill.price)} of "
            f"{fill.ticker} as {'taker' if fill.is_taker else 'maker'}, fee {show_money(fill.fee)}; "
            f"position {show_count(changed.count, signed=True)}, "
            f"realized {show_money(changed.realized_pnl, signed=True)}",
            ticker=fill.ticker,
            order_id=fill.order_id,
            trade_id=fill.trade_id,
        )
