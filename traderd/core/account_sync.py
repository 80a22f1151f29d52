"""Folding a complete reading of the account into the state.

Owns: what follows from a reading's positions and balance. Its fills and orders are events of their own that
come before it in the same batch. Fills are the truth for positions: a reading that disagrees with them halts
its market, it does not overwrite them; only the first reading of a run may carry a position in.
Must not: remove anything because a reading does not show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traderd.core import reconcile
from traderd.core.ledger import Position
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.units import Money, Timestamp

if TYPE_CHECKING:
    from traderd.core.engine import Engine

INITIAL = "initial"
UPDATE = "update"


def position_halt_id(ticker: MarketTicker) -> str:
    """Return the id of the halt that a position mismatch raises on its market."""
    return f"position:{ticker}"


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
    return [*news, _updated(engine, event, (*event.differences, *found))]


def _fold_positions(
    engine: Engine, event: ev.AccountSynced
) -> tuple[list[ev.Difference], list[ev.Event]]:
    differences: list[ev.Difference] = []
    follow: list[ev.Event] = []
    doubtful = list(reconcile.undecided_positions(engine.ledger, event.positions, event.started_at))
    first = event.sync_type == INITIAL and engine.account.may_carry_in
    for record, difference in reconcile.position_differences(
        engine.ledger, event.positions, event.started_at
    ):
        position = engine.ledger.position(record.ticker)
        if first:
            position.carry_in(record)
            differences.append(
                ev.Difference(
                    kind="carried_in",
                    subject=record.ticker,
                    ours=difference.ours,
                    theirs=difference.theirs,
                )
            )
            follow.append(position_changed(position, event.at))
            continue
        differences.append(difference)
        doubtful.append(record.ticker)
        follow.append(_mismatch_halt(event, difference, record.ticker))
    if event.sync_type == INITIAL:
        engine.account.may_carry_in = False
    follow += _end_of_mismatches(engine, event, doubtful)
    return differences, follow


def _mismatch_halt(
    event: ev.AccountSynced, difference: ev.Difference, ticker: MarketTicker
) -> ev.HaltRaised:
    return ev.HaltRaised(
        at=event.at,
        halt_id=position_halt_id(ticker),
        author=ev.Author.MACHINE,
        ticker=ticker,
        reason=f"our fills make {difference.ours} contracts of {ticker}, "
        f"the exchange says {difference.theirs}",
    )


def _end_of_mismatches(
    engine: Engine, event: ev.AccountSynced, doubtful: list[MarketTicker]
) -> list[ev.Event]:
    # A machine's halt ends by itself once a reading agrees; one that could not be judged proves nothing.
    still = {position_halt_id(ticker) for ticker in doubtful}
    return [
        ev.HaltCleared(at=event.at, halt_id=halt.halt_id, author=ev.Author.MACHINE)
        for halt in engine.conditions.halts.values()
        if halt.ticker is not None
        and halt.halt_id == position_halt_id(halt.ticker)
        and halt.halt_id not in still
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
    account.portfolio_value = event.balance.portfolio_value
    account.read_at, account.version = event.at, updated.version
    account.first_read_at = account.first_read_at or event.started_at
    account.fills_read_from = max(account.fills_read_from or event.started_at, event.started_at)
    account.position_count, account.order_count = positions, orders
    return updated
