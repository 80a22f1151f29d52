"""Everything a plugin may import from traderd, and nothing else.

A risk rule is one pure function over a frozen `OrderQuestion` that returns why the order is not allowed, or None; a module
offers it with the `traderd_risk_rules` hook (see docs/risk.md).

A strategy is one class with one method: `decide(observation)` returns the commands it wants, `place(...)` and
`cancel(...)` make them. It never awaits, never reads a clock and keeps only its own notes. The module offers it
with the `traderd_strategies` hook:

    from traderd.plugin_api import StrategySpec, hookimpl

    @hookimpl
    def traderd_strategies():
        return [StrategySpec(name="mine", make=Mine, parameters=MyParameters)]

Must not: hold logic of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs
import pluggy

from traderd.core.book import Top
from traderd.core.observation import Observation, OwnOrder
from traderd.core.plugin_rules import OrderQuestion, RiskRule
from traderd.errors import BadInput
from traderd.model.book_events import BookGrade
from traderd.model.commands import AmendOrder, CancelOrder, Command, DecreaseOrder, PlaceOrder
from traderd.model.ids import MarketTicker
from traderd.model.market import Market, MarketStatus, PriceGrid
from traderd.model.orders import (
    Attribution,
    OrderOwner,
    OrderStatus,
    OrderTerms,
    Side,
    TimeInForce,
)
from traderd.model.units import (
    NS_PER_S,
    ONE_CONTRACT,
    ONE_DOLLAR,
    Count,
    Money,
    Price,
    Timestamp,
    parse_count,
    parse_price,
    show_count,
    show_price,
)
from traderd.runtime.service import OnCrash, Service

PROJECT_NAME = "traderd"
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


class Strategy(Protocol):
    """Decides for one market at a time."""

    def decide(self, observation: Observation) -> Sequence[Command]:
        """Return what to do now; an empty sequence is "nothing"."""


@attrs.frozen(kw_only=True)
class StrategySpec:
    """A strategy as a plugin offers it."""

    name: str
    make: Callable[[Any], Strategy]
    """Makes the strategy from its parameters."""
    parameters: type
    """An attrs class with defaults; `[strategies.<name>]` of the configuration fills it."""
    enabled_in_sim: bool = False
    """Whether it runs in `sim` without being asked for."""
    min_book_grade: BookGrade = BookGrade.F
    """The worst book on which its new orders are sent on; the risk gate's own minimum holds besides.  Cancels always pass."""


def place(
    *,
    ticker: MarketTicker,
    side: Side,
    price: Price,
    count: Count,
    post_only: bool = False,
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELED,
    expires_in_s: int | None = None,
) -> PlaceOrder:
    """Return the command to place an order, which lives for `expires_in_s` at most; raises BadInput for terms that cannot be."""
    return PlaceOrder(
        terms=OrderTerms(
            ticker=ticker,
            side=side,
            price=price,
            count=count,
            post_only=post_only,
            time_in_force=time_in_force,
        ),
        attribution=Attribution(owner=OrderOwner.STRATEGY),
        expires_in_s=expires_in_s,
    )


def amend(order: OwnOrder, *, price: Price | None = None, count: Count | None = None) -> AmendOrder:
    """Return the command to give an order another price or another total, filled contracts included; raises BadInput."""
    return AmendOrder(key=order.key, price=price, count=count)


def decrease(order: OwnOrder, *, to: Count) -> DecreaseOrder:
    """Return the command to let at most `to` contracts of an order still fill; raises BadInput."""
    return DecreaseOrder(key=order.key, to=to)


def cancel(order: OwnOrder) -> CancelOrder:
    """Return the command to cancel one of the strategy's orders."""
    return CancelOrder(key=order.key)


__all__ = [
    "NS_PER_S",
    "ONE_CONTRACT",
    "ONE_DOLLAR",
    "PROJECT_NAME",
    "AmendOrder",
    "BadInput",
    "BookGrade",
    "CancelOrder",
    "Command",
    "Count",
    "DecreaseOrder",
    "Market",
    "MarketStatus",
    "MarketTicker",
    "Money",
    "Observation",
    "OnCrash",
    "OrderQuestion",
    "OrderStatus",
    "OwnOrder",
    "PlaceOrder",
    "Price",
    "PriceGrid",
    "RiskRule",
    "Service",
    "Side",
    "Strategy",
    "StrategySpec",
    "TimeInForce",
    "Timestamp",
    "Top",
    "amend",
    "cancel",
    "decrease",
    "hookimpl",
    "parse_count",
    "parse_price",
    "place",
    "show_count",
    "show_price",
]
