"""Calibration: reading the whole account and letting the engine compare it with ours.

Owns: what a complete reading is. A reading that failed or is partial changes nothing; it is logged and tried
again. As a stage it runs once before the daemon is ready, then every 30 s and on demand.
Must not: correct anything itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio

from traderd.config import Config
from traderd.core.reconcile import fill_difference
from traderd.errors import ExchangeError, ExchangeProtocolError, describe_error
from traderd.model import events as ev
from traderd.model.commands import Answer, Calibrate, Command, Outcome
from traderd.model.orders import Fill, OrderRecord, OrderStatus
from traderd.model.units import NS_PER_MS, NS_PER_S, Timestamp, show_money
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.context import Context
from traderd.services.stages import SYNC

FILL_OVERLAP_NS = 60 * NS_PER_S
"""How far before the last complete reading the next one starts: fills may be listed late, and count once."""
SOON_S = 3.0
"""How long after a fill the account is read: positions lag fills by a second, and fills come in bursts."""
GONE_AFTER_S = 60.0
"""How long an accepted order must be unknown to the exchange before it counts as gone: single reads lag."""
PART = "calibration"
UNREADABLE_HALT = "unreadable_account"


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the sync stage when trading is on."""
    return [Service(name=SYNC, run=run, stage=SYNC)] if config.trading_enabled else []


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Calibrate once, then for ever; raises ExchangeError while the first reading cannot be had."""
    await calibrate(context, "initial")
    with (
        context.shared.commands.serve(Calibrate) as requests,
        context.subscribe(
            ev.OrderFilled, ev.FrameRefused, policy=Policy.LATEST, key=type
        ) as reasons,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ask_when_something_happened, context, reasons)
            task_status.started()
            await _serve(context, requests)


async def _serve(
    context: Context, requests: trio.MemoryReceiveChannel[CommandRequest[Command, Outcome]]
) -> None:
    while True:
        request: CommandRequest[Command, Outcome] | None = None
        with trio.move_on_after(context.config.trading.sync_interval_s):
            request = await requests.receive()
        if request is None:
            await _calibrate_or_say_why(context)
            continue
        # Also when the stage is taken down half way somebody waits for the answer.
        with request:
            request.answer(await _calibrate_or_say_why(context))


async def _ask_when_something_happened(context: Context, reasons: Inbox[Any]) -> None:
    """Calibrate soon after a fill, whose money only the exchange knows, and after a private frame was lost."""
    async for batch in reasons:
        reasons.done()
        if any(_is_reason(event) for event in batch):
            await trio.sleep(SOON_S)
            await context.send(Calibrate())


def _is_reason(event: ev.OrderFilled | ev.FrameRefused) -> bool:
    if isinstance(event, ev.OrderFilled):
        return event.source is ev.Source.FEED
    return event.feed is ev.FeedName.PRIVATE


async def calibrate(context: Context, sync_type: str) -> ev.TradingStateUpdated:
    """Read the account and publish it; raises ExchangeError and publishes nothing when it failed."""
    rest, started_at = context.venue.rest, context.now()
    await check_venue(context)
    positions, (orders, absent), balance = await gather(
        rest.positions, partial(_orders, context), rest.balance
    )
    # After the positions, so that every fill that they contain is among them.
    fills = await _fills(context, started_at)
    at, view, differences = context.now(), context.view, []
    batch: list[ev.Event] = []
    for fill in reversed(view.missed_fills(fills)):
        # Newest first on the wire; the ledger books in the order of execution.
        differences.append(fill_difference(fill))
        batch.append(ev.OrderFilled(at=at, fill=fill, source=ev.Source.SYNC))
    for record in orders:
        difference = view.order_difference(record)
        if difference is not None:
            differences.append(difference)
            batch.append(ev.OrderReported(at=at, record=record, source=ev.Source.SYNC))
    batch += _vanished(context, absent)
    synced = ev.AccountSynced(
        at=at,
        started_at=started_at,
        sync_type=sync_type,
        positions=positions,
        balance=balance,
        differences=tuple(differences),
    )
    with context.subscribe(ev.TradingStateUpdated, policy=Policy.LOSSLESS) as updates:
        context.publish(*batch, synced)
        update: ev.TradingStateUpdated = (await updates.receive())[-1]
    context.shared.lifecycle.last_update = update
    _log_update(context, update)
    return update


async def check_venue(context: Context) -> None:
    """Ask whether the exchange takes orders, and publish the condition when it changed."""
    status = await context.venue.rest.exchange_status()
    paused = context.view.conditions.venue_paused is not None
    if status.trading_active and status.exchange_active:
        if paused:
            context.publish(ev.VenueResumed(at=context.now()))
            context.log.info("the exchange takes orders again")
    elif not paused:
        what = "trading" if status.exchange_active else "the exchange"
        context.publish(ev.VenuePaused(at=context.now(), sentence=f"{what} is paused"))
        context.log.warning(f"{what} is paused by the venue; orders wait")


async def gather(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Run calls at the same time and return their results in order; the first error ends them all."""
    results: list[Any] = [None] * len(calls)

    async def run_one(index: int, call: Callable[[], Awaitable[Any]]) -> None:
        results[index] = await call()

    try:
        async with trio.open_nursery() as nursery:
            for index, call in enumerate(calls):
                nursery.start_soon(run_one, index, call)
    except* ExchangeError as group:
        unreadable = group.subgroup(ExchangeProtocolError) is not None
        kind = ExchangeProtocolError if unreadable else ExchangeError
        raise kind(describe_error(group)) from group
    return results


async def _orders(context: Context) -> tuple[tuple[OrderRecord, ...], tuple[str, ...]]:
    """Return the records of every resting order and of each that we believe live, and who has none."""
    rest, asked_at = context.venue.rest, context.now()
    resting = await rest.orders(status=OrderStatus.RESTING)
    listed = {record.order_id for record in resting}
    ended, absent = [], []
    for order in context.view.live_orders():
        if order.order_id is None or order.order_id in listed or order.updated_at >= asked_at:
            continue
        record = await rest.order(order.order_id)
        if record is None:
            absent.append(order.key)
        else:
            ended.append(record)
    return (*resting, *ended), tuple(absent)


def _vanished(context: Context, absent: tuple[str, ...]) -> list[ev.Event]:
    """Return the end of orders that no reading has found for `GONE_AFTER_S`; fills are read as always."""
    now_s, at = context.env.monotonic(), context.now()
    # A restart of the stage does not begin anew.
    earlier = context.shared.absent_orders
    since = {key: earlier.get(key, now_s) for key in absent}
    earlier.clear()
    earlier.update(since)
    sentence = (
        f"the exchange has not known it for {GONE_AFTER_S:.0f} s; nobody can say how it ended"
    )
    gone = [key for key, since_s in since.items() if now_s - since_s >= GONE_AFTER_S]
    for key in gone:
        context.log.error(f"order {key} vanished: {sentence}", order=key)
    return [ev.OrderVanished(at=at, key=key, sentence=sentence) for key in gone]


async def _fills(context: Context, started_at: Timestamp) -> tuple[Fill, ...]:
    """Return the fills since the last complete reading, and all fills of orders that still owe some."""
    rest, view = context.venue.rest, context.view
    fills = await rest.fills(since=_fills_since(context, started_at))
    # A fill may be listed late; an order whose record tells of more than we booked says which.
    owing = [order.order_id for order in view.owing_orders() if order.order_id is not None]
    for order_id in owing:
        fills += await rest.fills(order_id=order_id)
    return fills


def _fills_since(context: Context, started_at: Timestamp) -> Timestamp:
    # Where the last complete reading began, not the newest fill: the feed may have brought a fill that
    # is younger than one that nobody has seen yet.
    account = context.view.account
    # Ours, while fills carry the exchange's time.
    offset_ns = context.venue.rest.clock_offset_ms * NS_PER_MS
    return Timestamp((account.fills_read_from or started_at) + offset_ns - FILL_OVERLAP_NS)


async def _calibrate_or_say_why(context: Context) -> Outcome:
    try:
        update = await calibrate(context, "update")
    except ExchangeError as exc:
        # A failed reading is never "flat": everything stays as it was, and is read again.
        context.log.warning(f"calibration failed, nothing was changed: {exc}")
        _tell_failure(context, exc)
        return Outcome(answer=Answer.UNAVAILABLE, sentence=f"calibration failed: {exc}")
    _tell_success(context)
    found = len(update.differences)
    verdict = f"{found} differences, see the log" if found else "nothing differed"
    return Outcome(answer=Answer.DONE, sentence=f"{describe_update(update)}; {verdict}")


def _tell_failure(context: Context, error: ExchangeError) -> None:
    at, conditions = context.now(), context.view.conditions
    if PART not in conditions.degraded:
        context.publish(ev.DegradedRaised(at=at, part=PART, reason=str(error)))
    if isinstance(error, ExchangeProtocolError) and UNREADABLE_HALT not in conditions.halts:
        # What cannot be read may be a fill: without it no limit can be trusted.
        context.publish(
            ev.HaltRaised(
                at=at,
                halt_id=UNREADABLE_HALT,
                author=ev.Author.MACHINE,
                reason=f"the account cannot be read: {error}",
            )
        )


def _tell_success(context: Context) -> None:
    at, conditions = context.now(), context.view.conditions
    if PART in conditions.degraded:
        context.publish(ev.DegradedCleared(at=at, part=PART))
    if UNREADABLE_HALT in conditions.halts:
        context.publish(ev.HaltCleared(at=at, halt_id=UNREADABLE_HALT, author=ev.Author.MACHINE))


def describe_update(update: ev.TradingStateUpdated) -> str:
    """Return the one line that tells where the account stands."""
    return (
        f"Trading state updated: balance {show_money(update.balance)} "
        f"({show_money(update.balance_change, signed=True)}), "
        f"positions {update.position_count} ({_signed(update.position_count_change)}), "
        f"orders {update.order_count} ({_signed(update.order_count_change)})"
    )


def _signed(change: int) -> str:
    return f"{change:+d}" if change else "0"


def _log_update(context: Context, update: ev.TradingStateUpdated) -> None:
    changes = (
        update.balance_change,
        update.position_count_change,
        update.order_count_change,
        update.differences,
    )
    if update.sync_type == "initial" or any(changes):
        context.log.info(describe_update(update), version=update.version)
    for difference in update.differences:
        context.log.warning(
            f"{difference.kind} {difference.subject}: we had {difference.ours}, "
            f"the exchange says {difference.theirs}",
            kind=difference.kind,
        )
