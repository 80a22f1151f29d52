"""What is at risk, of the account and of its parts."""

import attrs
import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    amend_failed,
    amend_requested,
    amend_unknown,
    contracts,
    dollars,
    fees_published,
    filled,
    intended,
    market,
    ready_engine,
    second,
    sent,
    tell,
    terms,
    unknown,
)
from tests.core.test_ledger import Unwalked
from traderd.core.engine import Engine
from traderd.core.risk_numbers import RiskNumbers, engine_index, risk_numbers, worst_position
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.ids import EventTicker, MarketTicker, StrategyName
from traderd.model.orders import Attribution, OrderOwner, Side
from traderd.model.units import Count, Price

MAKER = StrategyName("maker")
OF_MAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=MAKER)


def numbers(engine: Engine, extra=None, *, ticker=TICKER, strategy=None) -> RiskNumbers:
    return risk_numbers(engine, engine.orders.at_risk(), extra, ticker=ticker, strategy=strategy)


@pytest.mark.parametrize(
    ("held", "bids", "asks", "worst"),
    [(0, 0, 0, 0), (5, 3, 0, 8), (5, 0, 3, 5), (5, 0, 12, 7), (-5, 0, 3, 8), (-5, 12, 0, 7)],
)
def test_the_worst_position_is_that_of_one_side_filling(held, bids, asks, worst):
    legs = [(Side.BID, Price(5_000), Count(bids)), (Side.ASK, Price(6_000), Count(asks))]
    assert worst_position(Count(held), legs) == worst


def test_positions_resting_in_flight_and_unknown_orders_and_the_one_in_question_count():
    engine = ready_engine()
    tell(engine, intended("c1", terms(count=5)), sent("c1"), filled("t1", 5))
    tell(engine, intended("c2", terms(count=6)), sent("c2"), unknown("c2"))
    tell(engine, intended("c3", terms(count=7)))
    tell(engine, intended("c4", terms(Side.ASK, "0.60", 8, ticker=OTHER)), sent("c4"))
    found = numbers(engine, terms(count=1))
    assert found.market_position == contracts(19)
    assert found.event_position == found.account_position == contracts(27)


def test_a_strategy_counts_what_is_its_own():
    engine = ready_engine()
    tell(engine, intended("c1", terms(count=5), attribution=OF_MAKER), sent("c1"))
    tell(engine, filled("t1", 2))
    tell(engine, intended("c2", terms(count=6)), sent("c2"))
    assert numbers(engine, terms(count=1), strategy=MAKER).strategy_position == contracts(6)
    assert numbers(engine, terms(count=1)).strategy_position == 0


def test_each_matching_engine_is_counted_by_itself():
    engine = ready_engine()
    elsewhere = attrs.evolve(market(OTHER), exchange_index=2)
    tell(engine, ev.MarketsListed(at=second(1), markets=(elsewhere,)))
    tell(engine, intended("c1", terms(count=10)), intended("c2", terms(count=20, ticker=OTHER)))
    assert (engine_index(engine, TICKER), engine_index(engine, OTHER)) == (0, 2)
    found, other = numbers(engine), numbers(engine, ticker=OTHER)
    assert found.engine_exposure == dollars("5.18")
    assert found.exposure == other.exposure == found.engine_exposure + other.engine_exposure
    assert other.engine_exposure > found.engine_exposure


def test_an_event_remembers_what_it_has_cost_for_good():
    engine = ready_engine()
    tell(engine, intended("c1", terms(count=10)), sent("c1"), filled("t1", 10, fee="0.10"))
    tell(engine, intended("c2", terms(Side.ASK, "0.40", 10)), sent("c2"))
    tell(engine, filled("t2", 10, side=Side.ASK, at_price="0.40", order_id="x2", key="c2"))
    assert numbers(engine).event_loss == dollars("1.10")
    assert numbers(engine).exposure == 0


def test_a_market_that_came_back_to_its_event_counts_there_once():
    engine = ready_engine()
    tell(engine, intended("c1", terms(count=10)), sent("c1"), filled("t1", 10, fee="0.10"))
    tell(engine, intended("c2", terms(Side.ASK, "0.40", 10)), sent("c2"))
    tell(engine, filled("t2", 10, side=Side.ASK, at_price="0.40", order_id="x2", key="c2"))
    elsewhere = attrs.evolve(market(), event_ticker=EventTicker("KXB-26"))
    for listed in (elsewhere, market()):
        tell(engine, ev.MarketsListed(at=second(5), markets=(listed,)))
    assert numbers(engine).event_loss == dollars("1.10")


def test_the_exposure_of_an_exclusive_event_is_less_than_the_sum_of_its_markets():
    engine = ready_engine()
    for key, ticker in (("c1", TICKER), ("c2", OTHER)):
        tell(engine, intended(key, terms(Side.ASK, "0.50", 10, ticker=ticker)), sent(key))
        tell(
            engine, filled(f"t{key}", 10, side=Side.ASK, order_id=f"x{key}", key=key, ticker=ticker)
        )
    assert numbers(engine).exposure == numbers(engine).event_loss == dollars("10")
    described = ev.EventsDescribed(at=second(1), exclusive=((EventTicker("KXA-26"), True),))
    tell(engine, described)
    assert numbers(engine).exposure == numbers(engine).event_loss == 0
    # Of a market that is not listed nobody knows the event.
    assert numbers(engine, ticker=MarketTicker("KXELSE-26-A")).event_loss == 0


def test_orders_may_come_one_by_one_and_what_was_reckoned_is_handed_on():
    engine = ready_engine()
    attribution = OF_MAKER
    tell(engine, intended("c1", terms(count=5), attribution=attribution), sent("c1"))
    orders = engine.orders.at_risk()
    asked = {"ticker": TICKER, "strategy": MAKER}
    whole = risk_numbers(engine, tuple(orders), None, **asked)
    assert whole.strategy_position == contracts(5)
    assert risk_numbers(engine, iter(tuple(orders)), None, **asked) == whole
    known = {}
    assert risk_numbers(engine, orders, None, known=known, **asked) == whole
    assert known


def test_while_an_amend_is_unclear_the_worse_of_both_terms_counts():
    engine = ready_engine()
    tell(engine, intended("c1", terms(count=10)), sent("c1"), accepted())
    before = numbers(engine)
    tell(engine, amend_requested("0.55", 30), amend_unknown())
    found = numbers(engine)
    assert (before.market_position, found.market_position) == (contracts(10), contracts(30))
    assert found.exposure == dollars("17.03")
    tell(engine, amend_failed())
    assert numbers(engine) == before


def test_a_verdict_walks_open_positions_only_and_counts_the_whole_event():
    engine = ready_engine()
    tell(engine, filled("t1", 10, at_price="0.50"))
    tell(engine, filled("t2", 10, side=Side.ASK, at_price="0.40", order_id="x2", key="c2"))
    before = numbers(engine, terms(), ticker=OTHER, strategy=MAKER)
    for number in range(50):
        engine.ledger.position(MarketTicker(f"M{number}"))
    engine.ledger.open_positions()
    engine.ledger.positions = Unwalked(engine.ledger.positions)
    assert numbers(engine, terms(), ticker=OTHER, strategy=MAKER) == before
    # A dollar was lost for good in a market of this event that is flat now.
    assert before.event_loss >= dollars("1")


def test_every_number_in_money_counts_with_the_fees_that_the_exchange_publishes():
    engine = ready_engine()
    tell(engine, ev.MarketsListed(at=second(0), markets=(market(),)))
    tell(engine, intended("c1", terms(count=100), attribution=OF_MAKER), sent("c1"), accepted())
    usual = numbers(engine, strategy=MAKER)
    tell(engine, fees_published("KXA-26", 3_000))
    dear = numbers(engine, strategy=MAKER)
    for name in ("exposure", "engine_exposure", "event_loss"):
        # $1.75 by the usual fees.
        assert getattr(dear, name) - getattr(usual, name) == dollars("3.50"), name
    assert StateView(engine).exposure() == dear.exposure
    # Whoever asks for more is judged by it.
    denied = engine.judge(terms(Side.BID, "0.50", 1))
    assert denied is None
    engine.limit(attrs.evolve(engine.limits, max_exposure=dollars("55")))
    denied = engine.judge(terms(Side.BID, "0.50", 1))
    assert denied is not None
    assert denied.rule == "exposure"
