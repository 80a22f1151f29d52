"""Calibration: reading the whole account and letting the engine compare it with ours.

Owns: when the account is read (see `account_reading`) and what of a reading is news. One that failed or is partial
changes nothing; it is logged and tried again. As a stage it runs once before the daemon is ready, then every 30 s and
on demand.
Must not: correct anything itself.
"""

from __future__ import annotations

from typing import Any

import attrs
import trio

from traderd.config import Config
from traderd.core.reconcile import (
    NO_DRIFT,
    fill_difference,
    move_difference,
    settlement_differences,
    unreadable_difference,
)
from traderd.core.strategy_books import EXTERNAL
from traderd.core.unreadable import bounded, is_row_halt
from traderd.errors import ExchangeError, ExchangeProtocolError
from traderd.model import events as ev
from traderd.model.commands import Answer, Calibrate, Command, Outcome, Reconcile
from traderd.model.rows import RowKind
from traderd.model.units import show_money
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.account_reading import AccountReading, read_account
from traderd.services.balance_watch import tell_inconclusive
from traderd.services.context import Context
from traderd.services.reconciling import decide, wish_of
from traderd.services.stages import SYNC

SOON_S = 3.0
"""How long after a fill the account is read: positions lag fills by a second, and fills come in bursts."""
GONE_AFTER_S = 60.0
"""How long an accepted order must be unknown to the exchange before it counts as gone: single reads lag."""
PART = "calibration"
UNDECIDED = (
    "the account was read, but no difference was decided about: the state, a halt or a pause has changed since this "
    "was asked for, perhaps by what was read"
)
UNREADABLE_HALT = "unreadable_account"
MONEY_BY_TIME = frozenset({RowKind.FILL, RowKind.SETTLEMENT})
"""Lists that are read from where the last complete reading began: a row that cannot be read yet must stay in reach."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the sync stage when trading is on."""
    return [Service(name=SYNC, run=run, stage=SYNC)] if config.trading_enabled else []


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Calibrate once, then for ever; raises ExchangeError while the first reading cannot be had."""
    await calibrate(context, "initial")
    with (
        context.shared.commands.serve(Calibrate, Reconcile) as requests,
        context.subscribe(
            ev.OrderFilled,
            ev.FrameRefused,
            ev.MarketLifecycleChanged,
            policy=Policy.LATEST,
            key=_topic,
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
            if not request.stands():
                continue
            outcome = await _calibrate_or_say_why(context)
            # Judged by the reading of this moment: a person's word is about what stands now.
            if outcome.ok and (wish := wish_of(request.command)) is not None:
                refusal = request.refusal()
                outcome = (
                    await _settle(context, wish)
                    if refusal is None
                    else attrs.evolve(refusal, sentence=f"{outcome.sentence}; {UNDECIDED}")
                )
            request.answer(outcome)


async def _ask_when_something_happened(context: Context, reasons: Inbox[Any]) -> None:
    """Calibrate soon after a fill or a settlement, whose money only the exchange knows, and after a lost frame."""
    async for batch in reasons:
        reasons.done()
        if any(_is_reason(context, event) for event in batch):
            await trio.sleep(SOON_S)
            await context.send(Calibrate())


def _topic(event: ev.OrderFilled | ev.FrameRefused | ev.MarketLifecycleChanged) -> object:
    # One fill stands for all, but the end of another market does not stand for the end of ours.
    return event.ticker if isinstance(event, ev.MarketLifecycleChanged) else type(event)


def _is_reason(
    context: Context, event: ev.OrderFilled | ev.FrameRefused | ev.MarketLifecycleChanged
) -> bool:
    if isinstance(event, ev.MarketLifecycleChanged):
        position = context.view.position(event.ticker)
        return event.step is ev.LifeStep.SETTLED and position is not None and position.count != 0
    if isinstance(event, ev.OrderFilled):
        return event.source is ev.Source.FEED
    return event.feed is ev.FeedName.PRIVATE


async def calibrate(context: Context, sync_type: str) -> ev.TradingStateUpdated:
    """Read the account and publish it; raises ExchangeError and publishes nothing when it failed."""
    await check_venue(context)
    reading = await read_account(context)
    facts, differences = _news(context, reading)
    # Folded before the balance is judged, for only then is it known whether money is missing.
    unreadable, odd = _unreadable(context, reading)
    differences += odd
    context.publish(*unreadable, *facts)
    moves, unread = await _cash_moves(context, reading)
    differences += [move_difference(move.move) for move in moves]
    synced = ev.AccountSynced(
        at=context.now(),
        started_at=reading.started_at,
        exchange_started_at=reading.exchange_started_at,
        sync_type=sync_type,
        positions=reading.positions,
        balance=reading.balance,
        differences=tuple(differences),
        settling=reading.settling,
        fills_whole=reading.clock_held
        and not any(row.kind in MONEY_BY_TIME for row in reading.unreadable),
        proves_balance=True,
        unread_moves=unread,
    )
    with context.subscribe(ev.TradingStateUpdated, policy=Policy.LOSSLESS) as updates:
        context.publish(*moves, synced)
        update: ev.TradingStateUpdated = (await updates.receive())[-1]
    context.shared.lifecycle.last_update = update
    _log_update(context, update)
    tell_inconclusive(context)
    return update


def _news(context: Context, reading: AccountReading) -> tuple[list[ev.Event], list[ev.Difference]]:
    """Return the facts of a reading that we did not have, and each of them as a difference."""
    at, view = context.now(), context.view
    facts: list[ev.Event] = []
    differences: list[ev.Difference] = []
    for fill in reversed(view.missed_fills(reading.fills)):
        # Newest first on the wire; the ledger books in the order of execution.
        external = view.owner_of(fill) == EXTERNAL
        differences.append(fill_difference(fill, is_external=external))
        facts.append(ev.OrderFilled(at=at, fill=fill, source=ev.Source.SYNC))
    for record in reading.orders:
        difference = view.order_difference(record)
        if difference is not None:
            differences.append(difference)
            facts.append(ev.OrderReported(at=at, record=record, source=ev.Source.SYNC))
    for settlement in reversed(reading.settlements):
        if not view.ledger.knows_settlement(settlement):
            differences += settlement_differences(view.ledger, settlement)
            facts.append(ev.MarketSettled(at=at, settlement=settlement))
    return [*facts, *_vanished(context, reading.absent)], differences


async def _cash_moves(
    context: Context, reading: AccountReading
) -> tuple[list[ev.CashMoved], tuple[str, ...]]:
    """Return deposits, withdrawals and transfers that may explain the balance, and the lists that could not be read.

    They are asked for only when one must.
    """
    view = context.view
    started_at, theirs_at = reading.started_at, reading.exchange_started_at
    if not view.balance_gap(reading.balance.balance, started_at, theirs_at):
        return [], ()
    try:
        read = await context.venue.rest.account.cash_moves()
    except ExchangeError as exc:
        context.log.warning(f"cash movements could not be read: {exc}")
        return [], ("movements of cash",)
    at = context.now()
    moves = [
        ev.CashMoved(at=at, move=move)
        for move in reversed(read.moves)
        if not view.ledger.knows_move(move)
    ]
    return moves, read.refused


def _unreadable(
    context: Context, reading: AccountReading
) -> tuple[list[ev.Event], list[ev.Difference]]:
    """Return that other rows than before cannot be read, and each new one as a difference."""
    known = context.view.account.unreadable
    rows = bounded(reading.unreadable)
    new = [row for row in rows if row not in known]
    for row in new:
        context.log.error(f"a row cannot be read: {row.words}", ticker=row.ticker, raw=row.raw)
    if known and not rows:
        context.log.info("every row of the account can be read again")
    stale = any(is_row_halt(halt_id) for halt_id in context.view.conditions.halts)
    if rows == known and (rows or not stale):
        return [], []
    changed = ev.UnreadableRowsChanged(at=context.now(), rows=rows)
    return [changed], [unreadable_difference(row) for row in new]


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


async def _settle(context: Context, command: Reconcile) -> Outcome:
    """Publish what a person decided, and read the account again, which takes over what was adopted."""
    outcome = decide(context, command)
    if not outcome.items or not command.adopt:
        return outcome
    read = await _calibrate_or_say_why(context)
    return attrs.evolve(outcome, sentence=f"{outcome.sentence}; {read.sentence}")


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
    context.clear_degraded(PART)
    if UNREADABLE_HALT in context.view.conditions.halts:
        cleared = ev.HaltCleared(
            at=context.now(), halt_id=UNREADABLE_HALT, author=ev.Author.MACHINE
        )
        context.publish(cleared)


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
        context.log.info(describe_update(update), reading=update.version)
    for difference in update.differences:
        tell = context.log.info if difference.kind in NO_DRIFT else context.log.warning
        tell(_difference_words(difference), kind=difference.kind)


def _difference_words(difference: ev.Difference) -> str:
    if difference.kind == "opening_balance":
        return f"our books open with the balance at the exchange, {difference.theirs}"
    return (
        f"{difference.kind} {difference.subject}: we had {difference.ours}, "
        f"the exchange says {difference.theirs}"
    )
