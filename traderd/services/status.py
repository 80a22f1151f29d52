"""Says regularly where the daemon stands: a line at its period, the box every 30 s while it works.

Owns: when the log tells the status, and the last boxes.
Must not: compute; `status_box` does.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import trio

from traderd.config import Config
from traderd.model.units import show_duration
from traderd.plugin_api import Service, hookimpl
from traderd.services.context import Context
from traderd.services.status_box import STATUS_BOXES, status_box

BOX_INTERVAL_S: Final = 30.0
BOXES_KEPT: Final = 100
"""Bounds the boxes that can be read back: the last fifty minutes."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the status service."""
    return [Service(name="status", run=run)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Tell the status until cancelled."""
    boxes: deque[str] = deque(maxlen=BOXES_KEPT)
    context.shared.extras[STATUS_BOXES] = boxes
    task_status.started()
    lines_left = _lines_between(context)
    while True:
        await trio.sleep(context.config.status.interval_s)
        lines_left -= 1
        if context.view.working and lines_left <= 0:
            lines_left = _lines_between(context)
            box = status_box(
                context.view,
                environment=context.config.environment,
                trading=context.config.trading_enabled,
                now=context.now(),
            )
            boxes.append(box)
            context.log.info("status", box=box)
        else:
            context.log.debug(status_line(context))


def _lines_between(context: Context) -> int:
    # Counted in lines: sums of floats may fall a hair short of the moment, and the box would come a line later.
    return math.ceil(BOX_INTERVAL_S / context.config.status.interval_s)


def status_line(context: Context) -> str:
    """Return the one-line status."""
    view, data = context.view, context.view.market_data
    uptime = context.env.monotonic() - context.shared.started_at
    line = (
        f"{view.state.value}, up {show_duration(uptime)}: books {data.usable_books()}/"
        f"{len(view.followed)}, snapshots {data.snapshots_received}, deltas {data.deltas_received}"
    )
    if context.config.trading_enabled:
        line += f", fills {view.ledger.fill_count}, orders {len(view.live_orders())}"
    return line
