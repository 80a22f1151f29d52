"""What the risk rules judge an order by, gathered from the state.

Owns: what an order is judged against: everything that is open, in flight or unknown, but for its own entry. An amend is
judged as the new order in the place of the old one, with the worse of both counted until the answer comes.
Must not: change anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from traderd.core.conditions import scope_words
from traderd.core.order import Order
from traderd.core.plugin_rules import ask_plugins
from traderd.core.proposal_facts import gather
from traderd.core.risk import CONDITION_RULES, STRATEGY, Denied, Proposal, judge, size
from traderd.core.risk_numbers import NOTHING_AT_RISK, before_and_after
from traderd.core.standing import position_item
from traderd.core.strategy_books import label_of
from traderd.model.events import TradingPaused
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderStatus, OrderTerms, Side
from traderd.model.units import Count, Timestamp

if TYPE_CHECKING:
    from traderd.core.engine import Engine


_UNDER_WAY = (OrderStatus.INTENT, OrderStatus.SENT)


def proposal(
    engine: Engine,
    terms: OrderTerms,
    *,
    own: Order | None = None,
    in_flight: OrderTerms | None = None,
    now: Timestamp | None = None,
    attribution: Attribution | None = None,
    conditions_only: bool = False,
    price_is_worst: bool = False,
) -> Proposal:
    """Return everything that `terms` are judged by; `own` is the entry in the register that does not count.

    Without `now` the book is graded as of the newest market data. With `conditions_only` what is at risk is left out,
    because no condition asks for it and the last look must be quick.
    """
    ticker, data, conditions = terms.ticker, engine.market_data, engine.conditions
    live = [order for order in engine.orders.live() if order is not own]
    everything = engine.orders.at_risk()
    at_risk = [order for order in everything if order is not own]
    same_side = [o.at_risk for o in at_risk if o.ticker == ticker and o.side is terms.side]
    position = engine.ledger.positions.get(ticker)
    paused_here = conditions.markets_paused.get(ticker)
    replaced = in_flight is not None
    strategy = None if attribution is None else attribution.strategy
    standing = everything if replaced else at_risk
    before = after = NOTHING_AT_RISK
    if not conditions_only:
        before, after = before_and_after(engine, standing, at_risk, in_flight or terms, strategy)
    moment = now or data.last_message_at or Timestamp(0)
    facts = gather(engine, terms, live, strategy, moment, own=own)
    # As people name it: the orders of persons are those of `person`.
    label = None if attribution is None else StrategyName(label_of(attribution))
    pause = conditions.pause_for(ticker, label)
    return Proposal(
        terms=terms,
        in_flight=in_flight,
        owner=STRATEGY if attribution is None else attribution.owner,
        strategy=strategy,
        now=moment,
        before=before,
        after=after,
        **attrs.asdict(facts, recurse=False),
        limits=engine.limits,
        state=engine.state,
        market=data.markets.get(ticker),
        left_because=data.universe.left_because(ticker) if ticker not in data.markets else None,
        book=data.books.get(ticker),
        quality=data.quality(ticker, moment),
        position=position.count if position is not None else Count(0),
        same_side=Count(sum(same_side)),
        live_orders=len(live),
        unknown_here=sum(_is_unclear(o) and o.ticker == ticker for o in live),
        exposure_before=before.exposure,
        exposure_after=after.exposure,
        halt=conditions.halt_for(ticker, label),
        paused=None if pause is None else pause_words(pause),
        venue_paused=conditions.venue_paused,
        venue_paused_here=None if paused_here is None else paused_here[0],
        last_trade=data.last_trade.get(ticker),
        position_in_doubt=position_item(ticker) in conditions.halts,
        price_is_worst=price_is_worst,
        share=engine.limits.share_of(strategy),
        strategy_orders=sum(o.attribution.strategy == strategy for o in live) if strategy else 0,
        strategy_stopped=None if strategy is None else engine.groups.stopped.get(strategy),
    )


def pause_words(pause: TradingPaused) -> str:
    """Return a pause for people: its reason, and whose it is when not the account's."""
    if pause.ticker is None and pause.strategy is None:
        return pause.reason
    return f"{pause.reason} ({scope_words(pause.ticker, pause.strategy)})"


def _is_unclear(order: Order) -> bool:
    return order.status is OrderStatus.UNKNOWN or order.terms_unknown


def judge_conditions(
    engine: Engine, terms: OrderTerms, attribution: Attribution | None = None
) -> Denied | None:
    """Return why an order that was intended may not leave any more, None if it may.

    Only conditions are asked: state, halts, pauses. The intent of these terms does not count against itself.
    """
    own = next(
        (
            order
            for order in reversed(engine.orders.live())
            if order.status in _UNDER_WAY and order.terms == terms
        ),
        None,
    )
    asked = proposal(engine, terms, own=own, attribution=attribution, conditions_only=True)
    return judge(asked, CONDITION_RULES)


def judge_amend(
    engine: Engine, order: Order, new: OrderTerms, *, now: Timestamp | None = None
) -> Denied | None:
    """Return why a resting order may not become `new`, whose count is the total, None if it may."""
    asked = _amended(engine, order, new, now)
    denied = judge(asked) or ask_plugins(engine.risk.rules, asked)
    # The size of an order is its whole size, or it could grow for ever by filling and growing.
    return denied or size(attrs.evolve(asked, terms=new))


def judge_amend_conditions(engine: Engine, order: Order, new: OrderTerms) -> Denied | None:
    """Return which condition forbids that an amend which was intended leaves now, None if none does."""
    return judge(_amended(engine, order, new, None, conditions_only=True), CONDITION_RULES)


def _amended(
    engine: Engine,
    order: Order,
    new: OrderTerms,
    now: Timestamp | None,
    *,
    conditions_only: bool = False,
) -> Proposal:
    # What has filled is no risk of the order any more; what it owes is.
    left = Count(max(1, new.count - order.filled))
    worse = max if order.side is Side.BID else min
    worst_total = max(order.worst_count, new.count)
    return proposal(
        engine,
        attrs.evolve(new, count=left),
        own=order,
        in_flight=attrs.evolve(
            new,
            price=worse(order.worst_price, new.price),
            count=Count(max(1, worst_total - order.filled)),
        ),
        now=now,
        attribution=order.attribution,
        conditions_only=conditions_only,
    )
