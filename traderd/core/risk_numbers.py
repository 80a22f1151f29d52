"""How much is at risk: worst-case money and contracts, of the account and of its parts.

Owns: one reading of all these numbers, with or without the order in question. What is resting, in flight, unknown or owed
counts as filled wherever that is worse. Each number can only fall while orders fill or end.
Must not: know the limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from traderd.core.event_loss import Holding, event_loss, realized_loss
from traderd.core.exposure import Leg, Worst, grouped_exposure, legs_of
from traderd.core.order import Order
from traderd.core.position import Position
from traderd.core.strategy_books import label_of
from traderd.model.ids import EventTicker, MarketTicker, StrategyName
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import Count, Money

if TYPE_CHECKING:
    from traderd.core.engine import Engine


@attrs.frozen(kw_only=True)
class RiskNumbers:
    """What can be lost and held at worst; contracts of several markets are added."""

    exposure: Money = Money(0)
    engine_exposure: Money = Money(0)
    """Of the matching engine that holds the market in question."""
    event_loss: Money = Money(0)
    """Of the event of the market in question, with what it has cost so far."""
    market_position: Count = Count(0)
    event_position: Count = Count(0)
    strategy_position: Count = Count(0)
    strategy_exposure: Money = Money(0)
    """Of the strategy in question by its own positions and orders; reckoned only for one that has a share."""
    account_position: Count = Count(0)


NOTHING_AT_RISK: Final = RiskNumbers()


def before_and_after(
    engine: Engine,
    before: Iterable[Order],
    after: Iterable[Order],
    extra: OrderTerms,
    strategy: StrategyName | None,
) -> tuple[RiskNumbers, RiskNumbers]:
    """Return what is at risk by the orders `before`, and by `after` together with `extra`.

    The two may differ in the market of `extra` alone, so the others are reckoned once.
    """
    ticker, known = extra.ticker, dict[MarketTicker, Worst]()
    first = risk_numbers(engine, before, None, ticker=ticker, strategy=strategy, known=known)
    known.pop(ticker, None)
    return first, risk_numbers(engine, after, extra, ticker=ticker, strategy=strategy, known=known)


def risk_numbers(
    engine: Engine,
    orders: Iterable[Order],
    extra: OrderTerms | None,
    *,
    ticker: MarketTicker,
    strategy: StrategyName | None,
    known: dict[MarketTicker, Worst] | None = None,
) -> RiskNumbers:
    """Return what is at risk by these orders and `extra`, as `strategy`'s where there is one, seen from one market.

    `known` has the exposure of markets that were reckoned before; this call adds to it.
    """
    orders, known = tuple(orders), {} if known is None else known
    positions = engine.ledger.positions
    legs = legs_of(engine.ledger.open_positions(), orders, extra)
    event = _event_of(engine, ticker)
    here = [one for one in legs if _event_of(engine, one) == event]
    index = engine_index(engine, ticker)
    on_engine = {one: rows for one, rows in legs.items() if engine_index(engine, one) == index}
    is_one_engine = len(on_engine) == len(legs)
    exclusive = engine.risk.exclusive_markets(legs)
    worst = {one: worst_position(_held(positions, one), rows) for one, rows in legs.items()}
    bound = engine.ledger.fees.bound
    holdings = [Holding(positions.get(one), tuple(legs[one]), bound(one)) for one in here]
    of_event = here if event is None else engine.risk.markets_of(event)
    spent = realized_loss(positions[one] for one in of_event if one in positions)
    is_exclusive = event is not None and engine.risk.is_exclusive(event)
    strategy_position, strategy_exposure = _of_strategy(engine, orders, extra, strategy)
    exposure = grouped_exposure(positions, legs, exclusive, bound, known)
    return RiskNumbers(
        exposure=exposure,
        engine_exposure=exposure
        if is_one_engine
        else grouped_exposure(positions, on_engine, exclusive, bound, known),
        event_loss=Money(event_loss(holdings, exclusive=is_exclusive) + spent),
        market_position=worst.get(ticker, Count(0)),
        event_position=Count(sum(worst[one] for one in here)),
        strategy_position=strategy_position,
        strategy_exposure=strategy_exposure,
        account_position=Count(sum(worst.values())),
    )


def worst_position(held: Count, legs: Iterable[Leg]) -> Count:
    """Return the largest position in one market that its orders can lead to, whichever way."""
    bids = asks = 0
    for side, _, count in legs:
        if side is Side.BID:
            bids += count
        else:
            asks += count
    return Count(max(held + bids, asks - held))


def engine_index(engine: Engine, ticker: MarketTicker) -> int:
    """Return which matching engine holds a market; 0 for one that is not listed here."""
    market = engine.market_data.markets.get(ticker)
    return 0 if market is None else market.exchange_index


def _event_of(engine: Engine, ticker: MarketTicker) -> EventTicker | None:
    market = engine.market_data.markets.get(ticker)
    return None if market is None else market.event_ticker


def _held(positions: Mapping[MarketTicker, Position], ticker: MarketTicker) -> Count:
    position = positions.get(ticker)
    return Count(0) if position is None else position.count


def _of_strategy(
    engine: Engine,
    orders: Iterable[Order],
    extra: OrderTerms | None,
    strategy: StrategyName | None,
) -> tuple[Count, Money]:
    """Return the contracts of one strategy at worst, and what it can lose where its share bounds that."""
    if strategy is None:
        return Count(0), Money(0)
    book = engine.ledger.strategies.books.get(strategy)
    positions = {} if book is None else book.positions
    own = (order for order in orders if label_of(order.attribution) == strategy)
    legs = legs_of(() if book is None else book.open_positions(), own, extra)
    contracts = sum(worst_position(_held(positions, one), rows) for one, rows in legs.items())
    share, loss = engine.limits.share_of(strategy), Money(0)
    if share is not None and share.max_exposure:
        exclusive = engine.risk.exclusive_markets(legs)
        loss = grouped_exposure(positions, legs, exclusive, engine.ledger.fees.bound)
    return Count(contracts), loss
