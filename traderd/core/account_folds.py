"""Which facts of money the ledger books, and what follows from them.

Owns: the folds of settlements, movements of cash and accepted balances, the booking of a fill, and the halt when entries
do not sum to 0.
Must not: compute money (the ledger does).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from traderd.core.account_sync import fold_sync, position_changed
from traderd.core.folding import Fold
from traderd.core.orders import Order
from traderd.core.standing import fold_ignored, fold_position_accepted, position_item
from traderd.core.strategy_books import label_of
from traderd.core.unreadable import fold_rows
from traderd.errors import InvariantViolation
from traderd.model import events as ev
from traderd.model.orders import Fill
from traderd.model.units import Timestamp

if TYPE_CHECKING:
    from traderd.core.engine import Engine

LEDGER_HALT: Final = "ledger"
"""The halt of entries that do not sum to 0; only a person clears it."""


def account_folds(engine: Engine) -> dict[type, Fold]:
    """Return the folds of the account's facts."""
    return {
        ev.AccountSynced: lambda event: _checked(engine, event.at, lambda: _synced(engine, event)),
        ev.MarketSettled: lambda event: _checked(engine, event.at, lambda: _settled(engine, event)),
        ev.CashMoved: lambda event: _checked(engine, event.at, lambda: _moved(engine, event)),
        ev.FeesPublished: lambda event: _published(engine, event),
        ev.BalanceAccepted: lambda event: _accepted(engine, event),
        ev.PositionAccepted: lambda event: fold_position_accepted(engine, event),
        ev.DifferenceIgnored: lambda event: fold_ignored(engine, event),
        ev.UnreadableRowsChanged: lambda event: fold_rows(engine, event),
    }


def book_fill(engine: Engine, fill: Fill, at: Timestamp) -> list[ev.Event]:
    """Book a fill that the ledger has not seen; the order must have been told before."""
    return _checked(engine, at, lambda: _fill(engine, fill, at))


def attribute_fills(engine: Engine, order: Order) -> None:
    """Give fills that came before their order was known to its owner."""
    if order.order_id is not None:
        engine.ledger.strategies.attribute(order.order_id, label_of(order.attribution))


def _fill(engine: Engine, fill: Fill, at: Timestamp) -> list[ev.Event]:
    order = engine.orders.find_for(fill)
    owner = None
    if order is not None:
        owner = label_of(order.attribution)
        attribute_fills(engine, order)
    booked = engine.ledger.book(fill, owner)
    follow: list[ev.Event] = [position_changed(booked.position, at)]
    if booked.expected_fee is not None:
        follow.append(
            ev.FeeDiffered(
                at=at,
                ticker=fill.ticker,
                trade_id=fill.trade_id,
                order_id=fill.order_id,
                charged=fill.fee,
                expected=booked.expected_fee,
            )
        )
    return follow


def _synced(engine: Engine, event: ev.AccountSynced) -> list[ev.Event]:
    news = fold_sync(engine, event)
    try:
        engine.ledger.check()
    except InvariantViolation as exc:
        # The reading's own news stays last: who asked for it waits for that.
        return [*ledger_halt(engine, event.at, exc), *news]
    return news


def _settled(engine: Engine, event: ev.MarketSettled) -> list[ev.Event]:
    position = engine.ledger.settle(event.settlement)
    if position is None:
        return []
    follow: list[ev.Event] = [position_changed(position, event.at)]
    halt_id = position_item(position.ticker)
    if halt_id in engine.conditions.halts:
        # What the exchange paid is its last word on this position: there is nothing left to accept.
        cleared = ev.HaltCleared(at=event.at, halt_id=halt_id, author=ev.Author.MACHINE)
        follow.append(cleared)
    return follow


def _moved(engine: Engine, event: ev.CashMoved) -> list[ev.Event]:
    engine.ledger.move_cash(event.move)
    return []


def _published(engine: Engine, event: ev.FeesPublished) -> list[ev.Event]:
    engine.ledger.fees.publish(event.fees)
    return []


def _accepted(engine: Engine, event: ev.BalanceAccepted) -> list[ev.Event]:
    engine.ledger.accept(event.amount, event.at)
    return []


def _checked(engine: Engine, at: Timestamp, fold: Callable[[], list[ev.Event]]) -> list[ev.Event]:
    try:
        return fold()
    except InvariantViolation as exc:
        return ledger_halt(engine, at, exc)


def ledger_halt(engine: Engine, at: Timestamp, violation: InvariantViolation) -> list[ev.Event]:
    """Return the halt that a broken ledger raises, once."""
    if LEDGER_HALT in engine.conditions.halts:
        return []
    reason = f"{violation}: look at the journal before you clear this"
    return [ev.HaltRaised(at=at, halt_id=LEDGER_HALT, author=ev.Author.MACHINE, reason=reason)]
