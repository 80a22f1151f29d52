"""The private connection: the proof that the key works, and the feed of our own orders and fills.

Owns: the stage that makes trading possible; while it stands, the account's limits are known and connections for
orders are warm. When its feed is lost the stage fails, and the supervisor climbs again
from here: orders rest meanwhile, and the calibration that follows finds what was missed.
Must not: place orders, or interpret what the feed brings.
"""

from __future__ import annotations

from typing import Final

import trio

from traderd.config import Config
from traderd.errors import AuthenticationRefused, ExchangeError, ExchangeUnavailable
from traderd.kalshi.feed import open_feed
from traderd.model import events as ev
from traderd.plugin_api import Service, hookimpl
from traderd.services.context import Context, key_refused
from traderd.services.stages import TRADING_CLIENT

CHANNELS: Final = ("fill", "user_orders", "order_group_updates")
LIMITS_EVERY_S: Final = 600.0
"""A tier changes a few times a year; a reading costs 20 of thousands of tokens."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the trading client stage when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name=TRADING_CLIENT, run=run, stage=TRADING_CLIENT)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Hold the private connection; raises ExchangeError when it cannot be had or is lost."""
    try:
        await _hold(context, task_status)
    except AuthenticationRefused as exc:
        raise key_refused(context, exc) from exc


async def _hold(context: Context, task_status: trio.TaskStatus[None]) -> None:
    venue = context.venue
    limits = await venue.rest.learn_limits()
    connection = next(context.shared.private_connections)
    async with open_feed(
        env=context.env,
        url=venue.ws_url,
        signer=venue.signer,
        feed=ev.FeedName.PRIVATE,
        connection=connection,
        on_events=context.publish_batch,
        clock_offset_ms=lambda: venue.rest.clock_offset_ms,
    ) as feed:
        await feed.subscribe(CHANNELS)
        context.publish(
            ev.FeedConnected(
                at=context.now(), feed=feed.name, connection=connection, url=venue.ws_url
            )
        )
        context.log.info(
            f"trading client connected, tier {limits.usage_tier}, "
            f"clock offset {venue.rest.clock_offset_ms} ms"
        )
        reason = "the stage was taken down"
        try:
            task_status.started()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(venue.rest.keep_warm)
                nursery.start_soon(_relearn_limits, context)
                reason = await feed.wait_lost()
                nursery.cancel_scope.cancel()
        finally:
            context.publish(
                ev.FeedDisconnected(
                    at=context.now(), feed=feed.name, connection=connection, reason=reason
                )
            )
    raise ExchangeUnavailable(f"the private feed was lost: {reason}")


async def _relearn_limits(context: Context) -> None:
    while True:
        await trio.sleep(LIMITS_EVERY_S)
        try:
            await context.venue.rest.learn_limits()
        except ExchangeError as exc:
            context.log.debug(f"the limits were not read again: {exc}")
