"""Facts of a proposal that look at other orders and at the last moments.

Owns: which of our orders a new one equals or would trade with, how many messages were sent lately, and what collateral a
matching engine has left.
Must not: change anything, or judge.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from traderd.core.conditions import EXECUTIONS_HALT
from traderd.core.limit_rules import worst_cost
from traderd.core.order import Order
from traderd.core.risk_numbers import engine_index
from traderd.model.ids import StrategyName
from traderd.model.orders import OrderStatus, OrderTerms, Side
from traderd.model.state_events import HaltRaised
from traderd.model.units import NS_PER_MS, Count, Money, Price, Timestamp

if TYPE_CHECKING:
    from traderd.core.engine import Engine

GONE = (OrderStatus.REJECTED, OrderStatus.NOT_PLACED, OrderStatus.CANCELED)
"""How an order ends that may be placed again at once."""


@attrs.frozen(kw_only=True)
class Facts:
    """Fields of a `Proposal`."""

    strategy_halt: HaltRaised | None
    engine_orders: int
    collateral: tuple[Money, Money] | None
    fee_multiplier: int
    messages: int
    messages_here: int
    message_wait_ns: int
    equal_order: Order | None
    crossed_order: Order | None
    closable: Count


def gather(
    engine: Engine,
    terms: OrderTerms,
    others: Iterable[Order],
    strategy: StrategyName | None,
    now: Timestamp,
    *,
    own: Order | None,
) -> Facts:
    """Return the facts about an order; `others` are the live orders but for `own`, its own entry, if it has one yet."""
    others = tuple(others)
    index = engine_index(engine, terms.ticker)
    account, here = engine.risk.messages.count(terms.ticker, now)
    halts = engine.conditions.halts
    return Facts(
        strategy_halt=None if strategy is None else halts.get(f"{EXECUTIONS_HALT}{strategy}"),
        engine_orders=sum(engine_index(engine, order.ticker) == index for order in others),
        collateral=collateral_left(engine, terms, others),
        fee_multiplier=engine.ledger.fees.bound(terms.ticker),
        messages=account,
        messages_here=here,
        message_wait_ns=engine.risk.messages.wait_ns(terms.ticker, now),
        equal_order=equal_order(engine, terms, strategy, now) if own is None else None,
        crossed_order=crossed_order(terms, others),
        closable=Count(0) if strategy is None else may_still_close(engine, terms, strategy, own),
    )


def may_still_close(
    engine: Engine, terms: OrderTerms, strategy: StrategyName, own: Order | None
) -> Count:
    """Return how much a strategy may close on the side of `terms` of what it holds, what may still fill taken off."""
    book = engine.ledger.strategies.books.get(strategy)
    position = None if book is None else book.positions.get(terms.ticker)
    held = 0 if position is None else -position.count * terms.side.sign
    may_fill = sum(
        order.at_risk
        for order in engine.orders.at_risk()
        if order is not own
        and order.ticker == terms.ticker
        and order.side is terms.side
        and order.attribution.strategy == strategy
    )
    return Count(max(0, held - may_fill))


def crossed_order(terms: OrderTerms, others: Iterable[Order]) -> Order | None:
    """Return our own order of the other side that this one reaches; of one that is being amended either price counts."""
    for order in others:
        if order.ticker != terms.ticker or order.side is terms.side:
            continue
        if (terms.price - nearest_price(order)) * terms.side.sign >= 0:
            return order
    return None


def nearest_price(order: Order) -> Price:
    """Return the price at which an order is met first; of one that is being amended either may be it."""
    prices = [order.price] if order.pending is None else [order.price, order.pending.terms.price]
    return min(prices) if order.side is Side.ASK else max(prices)


def equal_order(
    engine: Engine, terms: OrderTerms, strategy: StrategyName | None, now: Timestamp
) -> Order | None:
    """Return an order by the same terms that the strategy placed within the window, if it lives or was executed."""
    window_ns = engine.limits.duplicate_window_ms * NS_PER_MS
    if strategy is None or window_ns == 0:
        return None
    for order in engine.orders.recent():
        if order.terms is None:
            # Adopted: it came in late and is as old as it is, so it says nothing about those before it.
            continue
        if order.created_at <= now - window_ns:
            return None
        if (
            order.attribution.strategy == strategy
            and order.status not in GONE
            # A stamp ahead of now is of a clock that has been set back since.
            and order.created_at <= now + window_ns
            and (order.ticker, order.side, order.price, order.count)
            == (terms.ticker, terms.side, terms.price, terms.count)
        ):
            return order
    return None


def collateral_left(
    engine: Engine, terms: OrderTerms, others: Iterable[Order]
) -> tuple[Money, Money] | None:
    """Return what an order may tie up, and what its matching engine has left; None when no reading tells.

    Orders that were placed since the reading began have their worst cost taken off.
    """
    account = engine.account
    index = engine_index(engine, terms.ticker)
    balance = dict(account.balance_by_engine).get(index)
    read_from = account.fills_read_from
    if balance is None or read_from is None:
        return None
    bound = engine.ledger.fees.bound
    since = [
        worst_cost(order.terms, bound(order.ticker))
        for order in others
        if order.terms is not None
        and order.created_at >= read_from
        and engine_index(engine, order.ticker) == index
    ]
    return worst_cost(terms, bound(terms.ticker)), Money(balance - sum(since))
