"""Folding a complete reading of the account into the state.

Owns: what follows from a reading's positions and balance. Its fills and orders are events of their own that
come before it in the same batch. Fills are the truth for positions: a reading that disagrees with them halts
its market, it does not overwrite them. A position is carried in only where there was nothing of ours before
the run began, or where a person accepted the exchange's number by clearing the halt. A position that is gone from
a market that has stopped trading waits for its settlement.
Must not: remove anything because a reading does not show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from traderd.core import reconcile
from traderd.core.account import Mismatch
from traderd.core.balance_sync import fold_balance
from traderd.core.ledger import Position
from traderd.core.standing import is_ignored, note_mismatches, position_item
from traderd.core.strategy_books import EXTERNAL
from traderd.core.unreadable import hides_position
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_S, Money, Timestamp, show_count

if TYPE_CHECKING:
    from traderd.core.engine import Engine

INITIAL = "initial"
UPDATE = "update"
SETTLEMENT_LAG_NS: Final = 3_600 * NS_PER_S
"""Bounds how long a position of an ended market may be gone before its settlement is listed; then it is a mismatch."""


def mismatched_market(halt: ev.HaltRaised) -> MarketTicker | None:
    """Return the market whose position this halt is about, None if it is about something else."""
    if halt.ticker is None or halt.halt_id != position_item(halt.ticker):
        return None
    return halt.ticker


def position_changed(position: Position, at: Timestamp) -> ev.PositionChanged:
    """Return the news of a position as it stands now."""
    return ev.PositionChanged(
        at=at,
        ticker=position.ticker,
        count=position.count,
        average_cost=position.average_cost,
        realized_pnl=position.realized_pnl,
        fees_paid=position.fees_paid,
    )


def fold_sync(engine: Engine, event: ev.AccountSynced) -> list[ev.Event]:
    """Fold the reading; the last event that follows is always the TradingStateUpdated."""
    found, news = _fold_positions(engine, event)
    _give_up_waiting(engine)
    found += fold_balance(engine, event)
    return [*news, _updated(engine, event, (*event.differences, *found))]


def _fold_positions(
    engine: Engine, event: ev.AccountSynced
) -> tuple[list[ev.Difference], list[ev.Event]]:
    differences: list[ev.Difference] = []
    follow: list[ev.Event] = []
    ledger, account, reading = engine.ledger, engine.account, (event.positions, event.theirs_at)
    undecided = list(reconcile.undecided_positions(ledger, *reading))
    doubtful = list(undecided)
    still_settling: dict[MarketTicker, Timestamp] = {}
    mismatches: dict[MarketTicker, Mismatch] = {}
    first = event.sync_type == INITIAL and account.first_reading
    for record, difference in reconcile.position_differences(ledger, *reading):
        if hides_position(account.unreadable, record.ticker):
            # What is missing here may be in a row that nobody can read: neither wrong nor ours to take over.
            undecided.append(record.ticker)
            doubtful.append(record.ticker)
            continue
        if difference.kind == "position_gone" and _is_settling(engine, event, record.ticker):
            if record.ticker not in account.settling_since:
                differences.append(attrs.evolve(difference, kind="position_settling"))
            # A stamp of the future is of an earlier run, whose clock was ahead.
            since = min(account.settling_since.get(record.ticker, event.at), event.at)
            still_settling[record.ticker] = since
            undecided.append(record.ticker)
            doubtful.append(record.ticker)
            continue
        if _may_carry_in(engine, record.ticker, first=first):
            position = ledger.carry_in(record, event.at)
            differences.append(attrs.evolve(difference, kind="carried_in"))
            follow.append(position_changed(position, event.at))
            continue
        mismatch = Mismatch(reconcile.held(ledger, record.ticker), record.count)
        mismatches[record.ticker], item = mismatch, position_item(record.ticker)
        if is_ignored(account, item, mismatch.amount):
            continue
        differences.append(difference)
        doubtful.append(record.ticker)
        if item not in engine.conditions.halts:
            follow.append(_mismatch_halt(event, difference, record.ticker))
    differences += _agreements(engine, doubtful, differences)
    # What this reading could not judge keeps its right until one can; every other right is used up.
    account.may_carry_in = dict.fromkeys(
        ticker for ticker in undecided if _may_carry_in(engine, ticker, first=first)
    )
    account.settling_since = still_settling
    differences += note_mismatches(account, mismatches, undecided)
    if event.sync_type == INITIAL:
        account.first_reading = False
    follow += _end_of_mismatches(engine, event, doubtful)
    return differences, follow


def _is_settling(engine: Engine, event: ev.AccountSynced, ticker: MarketTicker) -> bool:
    since = engine.account.settling_since.get(ticker, event.at)
    return ticker in event.settling and event.at - since < SETTLEMENT_LAG_NS


def _give_up_waiting(engine: Engine) -> None:
    # A complete reading knows every order of ours that is not still on its way: what fills of other
    # orders wait for an owner, nobody here asked for.
    on_their_way = {(o.ticker, o.side) for o in engine.orders.live() if o.order_id is None}
    for fill in engine.ledger.strategies.waiting():
        if (fill.ticker, fill.side) not in on_their_way:
            engine.ledger.strategies.attribute(fill.order_id, EXTERNAL)


def _agreements(
    engine: Engine, doubtful: list[MarketTicker], found: list[ev.Difference]
) -> list[ev.Difference]:
    # A right that this reading uses up by agreeing is news of its own: without it the reading might be
    # too quiet for the journal, and a replay would still find the right there.
    carried_in = [difference.subject for difference in found]
    return [
        ev.Difference(
            kind="position_agrees",
            subject=ticker,
            ours=(ours := show_count(reconcile.held(engine.ledger, ticker), signed=True)),
            theirs=f"{ours} as well",
        )
        for ticker in engine.account.may_carry_in
        if ticker not in doubtful and ticker not in carried_in
    ]


def _may_carry_in(engine: Engine, ticker: MarketTicker, *, first: bool) -> bool:
    # A restart must neither end a standing mismatch, or one that a person noted, nor overwrite what earlier runs booked.
    account, item = engine.account, position_item(ticker)
    if item in engine.conditions.halts or item in account.ignored:
        return False
    return ticker in account.may_carry_in or (first and ticker not in account.known_before)


def _mismatch_halt(
    event: ev.AccountSynced, difference: ev.Difference, ticker: MarketTicker
) -> ev.HaltRaised:
    return ev.HaltRaised(
        at=event.at,
        halt_id=position_item(ticker),
        author=ev.Author.MACHINE,
        ticker=ticker,
        reason=f"our fills make {difference.ours} contracts of {ticker}, "
        f"the exchange says {difference.theirs}; clearing this halt accepts the exchange's word",
    )


def _end_of_mismatches(
    engine: Engine, event: ev.AccountSynced, doubtful: list[MarketTicker]
) -> list[ev.Event]:
    # A machine's halt ends by itself once a reading agrees with the fills alone, because nothing is
    # carried in while it stands; a reading that could not judge proves nothing.
    still = {position_item(ticker) for ticker in doubtful}
    return [
        ev.HaltCleared(at=event.at, halt_id=halt.halt_id, author=ev.Author.MACHINE)
        for halt in engine.conditions.halts.values()
        if mismatched_market(halt) is not None and halt.halt_id not in still
    ]


def _updated(
    engine: Engine, event: ev.AccountSynced, differences: tuple[ev.Difference, ...]
) -> ev.TradingStateUpdated:
    account = engine.account
    balance_before = account.balance if account.balance is not None else event.balance.balance
    positions, orders = len(engine.ledger.open_positions()), len(engine.orders.live())
    updated = ev.TradingStateUpdated(
        at=event.at,
        sync_type=event.sync_type,
        version=account.version + 1,
        balance=event.balance.balance,
        balance_change=Money(event.balance.balance - balance_before),
        portfolio_value=event.balance.portfolio_value,
        position_count=positions,
        position_count_change=positions - account.position_count,
        order_count=orders,
        order_count_change=orders - account.order_count,
        differences=differences,
    )
    account.balance = event.balance.balance
    account.balance_by_engine = event.balance.by_engine
    account.portfolio_value = event.balance.portfolio_value
    account.read_at, account.version = event.at, updated.version
    account.first_read_at = account.first_read_at or event.started_at
    if event.fills_whole:
        # Also when it is earlier than the last: a fill that is read twice counts once, a missed one does not.
        account.fills_read_from = event.theirs_at
    account.position_count, account.order_count = positions, orders
    account.readings.append(updated)
    account.differences.update(difference.kind for difference in differences)
    return updated
