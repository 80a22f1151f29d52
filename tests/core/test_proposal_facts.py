"""Other orders and the last moments, as a proposal sees them."""

import attrs

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    amend_requested,
    contracts,
    dollars,
    fees_published,
    filled,
    intended,
    price,
    ready_engine,
    sent,
    synced,
    tell,
    terms,
)
from traderd.core.proposal_facts import collateral_left, crossed_order, may_still_close
from traderd.core.proposals import judge_amend
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, BalanceRecord, OrderOwner, Side
from traderd.model.units import Money

DEMO = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("demo"))


def test_an_order_crosses_our_own_of_the_other_side_at_its_price_or_better():
    engine = ready_engine()
    tell(engine, intended("c1", terms(Side.ASK, "0.52", 5)))
    live = engine.orders.live()
    assert crossed_order(terms(Side.BID, "0.51"), live) is None
    assert crossed_order(terms(Side.BID, "0.52"), live) is live[0]
    assert crossed_order(terms(Side.BID, "0.60"), live) is live[0]
    assert crossed_order(terms(Side.ASK, "0.50"), live) is None
    assert crossed_order(terms(Side.BID, "0.60", ticker=OTHER), live) is None


def test_of_an_order_that_is_being_amended_the_nearer_price_counts():
    engine = ready_engine()
    tell(engine, intended("c1", terms(Side.BID, "0.45", 10)), sent("c1"), accepted())
    tell(engine, amend_requested("0.48"))
    live = engine.orders.live()
    assert crossed_order(terms(Side.ASK, "0.48"), live) is live[0]
    assert crossed_order(terms(Side.ASK, "0.49"), live) is None


def test_an_amend_does_not_cross_itself_but_may_cross_another():
    engine = ready_engine()
    tell(engine, intended("c1", terms(Side.BID, "0.45", 10)), sent("c1"), accepted())
    order = engine.orders.get("c1")
    assert order is not None
    assert order.terms is not None
    assert judge_amend(engine, order, attrs.evolve(order.terms, price=price("0.47"))) is None
    tell(engine, intended("c2", terms(Side.ASK, "0.47", 10)), sent("c2"))
    denied = judge_amend(engine, order, attrs.evolve(order.terms, price=price("0.47")))
    assert denied is not None
    assert denied.rule == "self_match"


def test_collateral_is_known_only_where_the_exchange_tells_of_several_engines():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=100))
    assert collateral_left(engine, terms(), ()) is None
    shards = ((0, dollars("6")), (2, Money(0)))
    reading = synced(started=200)
    record = BalanceRecord(
        balance=reading.balance.balance, portfolio_value=Money(0), by_engine=shards
    )
    tell(engine, attrs.evolve(reading, balance=record))
    assert collateral_left(engine, terms(), ()) == (dollars("5.18"), dollars("6"))
    # An order that was placed since has its share taken off; an older one is in the balance.
    tell(engine, intended("c1", terms(count=1), at=205), intended("c2", terms(count=1), at=150))
    left = collateral_left(engine, terms(), engine.orders.live())
    assert left == (dollars("5.18"), dollars("6") - dollars("0.52"))
    denied = engine.judge(terms(Side.BID, "0.50", 11))
    assert denied is not None
    assert (denied.rule, denied.control) == ("collateral", "C4")
    # $0.18 of the ten contracts and $0.02 of the one are fees, which the exchange may charge twice of this series.
    tell(engine, fees_published(TICKER.partition("-")[0], 2_000))
    left = collateral_left(engine, terms(), engine.orders.live())
    assert left == (dollars("5.35"), dollars("6") - dollars("0.54"))


def test_a_strategy_can_close_what_it_holds_itself_less_what_its_orders_may_still_close():
    engine = ready_engine()
    buy = terms(Side.BID, "0.50", 10)
    tell(
        engine, intended("c1", buy, attribution=DEMO), sent("c1"), accepted(filled=10, remaining=0)
    )
    tell(engine, filled(count=10))
    asked = terms(Side.ASK, "0.45", 4)
    assert may_still_close(engine, asked, DEMO.strategy, None) == contracts(10)
    assert may_still_close(engine, terms(Side.BID), DEMO.strategy, None) == 0
    assert may_still_close(engine, asked, StrategyName("other"), None) == 0
    tell(engine, intended("c2", terms(Side.ASK, "0.60", 7), attribution=DEMO), sent("c2"))
    assert may_still_close(engine, asked, DEMO.strategy, None) == contracts(3)
    assert may_still_close(engine, asked, DEMO.strategy, engine.orders.get("c2")) == contracts(10)
