"""Everything a plugin may import from traderd, and nothing else.

A risk rule is one pure function over a frozen `OrderQuestion` that returns why the order is not allowed, or None; a module
offers it with the `traderd_risk_rules` hook (see docs/risk.md).

A strategy is one class with one method, `decide(observation)`, or with any of `on_book(observation)`, `on_trade(observation,
trade)`, `on_fill(observation, fill)` and `on_timer(observation, name)`. Each returns the commands it wants; `place(...)`,
`amend(...)` and `cancel(...)` make them. It never awaits, never reads a clock (the time is `observation.at`) and keeps only
its own notes. docs/write-a-strategy.md has all of it. The module offers it with the `traderd_strategies` hook:

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
from traderd.core.look import Look, OrderLook, PositionLook
from traderd.core.observation import (
    OBSERVATION_VERSION,
    Observation,
    OwnOrder,
    PriceSource,
    RecentTrade,
)
from traderd.core.observation_vector import (
    VECTOR_FIELDS,
    VECTOR_LENGTH,
    fields_with_features,
    vector_with_features,
)
from traderd.core.plugin_rules import OrderQuestion, RiskRule
from traderd.core.policy_moves import (
    POLICY_FACTS,
    PolicyMove,
    PolicySizes,
    commands_for,
)
from traderd.core.strategy_context import StrategyContext
from traderd.core.strategy_parameters import setting, tunable
from traderd.errors import BadInput
from traderd.model.book_events import BookGrade
from traderd.model.commands import (
    AmendOrder,
    CancelOrder,
    CancelOrders,
    ClearHalt,
    Command,
    DecreaseOrder,
    Flatten,
    Halt,
    Kill,
    Pause,
    PlaceOrder,
)
from traderd.model.events import (
    DegradedCleared,
    DegradedRaised,
    OrderFilled,
    StateChanged,
    TradePrinted,
)
from traderd.model.ids import MarketTicker
from traderd.model.market import Market, MarketStatus, PriceGrid
from traderd.model.notices import Notice, NoticeClass, NoticeMessage, Urgency
from traderd.model.orders import (
    Attribution,
    Fill,
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
    format_count,
    format_money,
    format_price,
    parse_count,
    parse_price,
    show_count,
    show_money,
    show_price,
)
from traderd.runtime.service import OnCrash, Service
from traderd.services.extensions import (
    CommandAnswer,
    CommandSpec,
    DaemonReader,
    HttpAnswer,
    NotDelivered,
    Notifier,
    ObservationFeature,
    PluginMetric,
    Post,
    Route,
    RouteAnswer,
    RouteRequest,
)

PROJECT_NAME = "traderd"
API_VERSION = "1"
"""The version of this interface, raised when a plugin that was written for it would no longer do; a module may demand one
with `TRADERD_API = "1"`."""
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


class Strategy(Protocol):
    """Decides for one market at a time.

    Instead of `decide` it may have any of `on_book`, `on_trade`, `on_fill`, `on_timer`; with live-tunable parameters it also
    has `on_parameters(parameters)`.
    """

    def decide(self, observation: Observation) -> Sequence[Command]:
        """Return what to do now; an empty sequence is "nothing"."""


@attrs.frozen(kw_only=True)
class StrategySpec:
    """A strategy as a plugin offers it."""

    name: str
    make: Callable[..., Any]
    """Makes the strategy from its parameters, and from its `StrategyContext` if it has an argument called `context`."""
    parameters: type
    """An attrs class with defaults; `[strategies.<name>]` of the configuration fills it. `setting` and `tunable` give its
    fields bounds and a line of help."""
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
    reduce_only: bool = False,
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
            reduce_only=reduce_only,
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
    "API_VERSION",
    "NS_PER_S",
    "OBSERVATION_VERSION",
    "ONE_CONTRACT",
    "ONE_DOLLAR",
    "POLICY_FACTS",
    "PROJECT_NAME",
    "VECTOR_FIELDS",
    "VECTOR_LENGTH",
    "AmendOrder",
    "BadInput",
    "BookGrade",
    "CancelOrder",
    "CancelOrders",
    "ClearHalt",
    "Command",
    "CommandAnswer",
    "CommandSpec",
    "Count",
    "DaemonReader",
    "DecreaseOrder",
    "DegradedCleared",
    "DegradedRaised",
    "Fill",
    "Flatten",
    "Halt",
    "HttpAnswer",
    "Kill",
    "Look",
    "Market",
    "MarketStatus",
    "MarketTicker",
    "Money",
    "NotDelivered",
    "Notice",
    "NoticeClass",
    "NoticeMessage",
    "Notifier",
    "Observation",
    "ObservationFeature",
    "OnCrash",
    "OrderFilled",
    "OrderLook",
    "OrderQuestion",
    "OrderStatus",
    "OwnOrder",
    "Pause",
    "PlaceOrder",
    "PluginMetric",
    "PolicyMove",
    "PolicySizes",
    "PositionLook",
    "Post",
    "Price",
    "PriceGrid",
    "PriceSource",
    "RecentTrade",
    "RiskRule",
    "Route",
    "RouteAnswer",
    "RouteRequest",
    "Service",
    "Side",
    "StateChanged",
    "Strategy",
    "StrategyContext",
    "StrategySpec",
    "TimeInForce",
    "Timestamp",
    "Top",
    "TradePrinted",
    "Urgency",
    "amend",
    "cancel",
    "commands_for",
    "decrease",
    "fields_with_features",
    "format_count",
    "format_money",
    "format_price",
    "hookimpl",
    "parse_count",
    "parse_price",
    "place",
    "setting",
    "show_count",
    "show_money",
    "show_price",
    "tunable",
    "vector_with_features",
]
