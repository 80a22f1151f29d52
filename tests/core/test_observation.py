"""What a strategy sees: values of one moment, its own orders, and nothing it could reach through."""

import attrs
import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    S,
    accepted,
    contracts,
    delta,
    filled,
    intended,
    limits,
    market,
    price,
    ready_engine,
    reported,
    second,
    sent,
    snapshot,
    tell,
    terms,
)
from traderd.core.book import Top
from traderd.core.engine import Engine
from traderd.core.observation import Observation, OwnOrder, observe
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.ids import StrategyName, TradeId
from traderd.model.orders import Attribution, OrderOwner, Side
from traderd.model.units import Count

MAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))
TAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("taker"))


def seen(engine: Engine, strategy: str = "maker") -> Observation:
    observation = observe(StateView(engine), TICKER, strategy, second(9))
    assert observation is not None
    return observation


def test_a_market_that_is_quiet():
    assert seen(ready_engine()) == Observation(
        at=second(9),
        market=market(),
        book_usable=True,
        book_grade=ev.BookGrade.A,
        book_causes=(),
        bid=price("0.45"),
        bid_count=contracts(100),
        ask=price("0.55"),
        ask_count=contracts(100),
        last_known=Top(
            bid=price("0.45"),
            bid_count=contracts(100),
            ask=price("0.55"),
            ask_count=contracts(100),
        ),
        last_trade=None,
        position=Count(0),
        orders=(),
    )
    assert seen(ready_engine()).ticker == TICKER


def test_nothing_is_seen_before_the_market_and_its_book_are_known():
    engine = Engine(limits=limits())
    view = StateView(engine)
    tell(engine, snapshot(1, {"0.45": 1}, {}))
    assert observe(view, TICKER, "maker", second(1)) is None
    tell(engine, ev.MarketsListed(at=second(0), markets=(market(), market(OTHER))))
    assert observe(view, TICKER, "maker", second(1)) is not None
    assert observe(view, OTHER, "maker", second(1)) is None
    tell(engine, delta(2, Side.BID, "0.45", 1, ticker=OTHER))
    assert observe(view, OTHER, "maker", second(1)) is None, "a book without a snapshot is no book"


def test_a_strategy_sees_its_own_live_orders_only():
    engine = ready_engine()
    tell(engine, intended("c1", attribution=MAKER), sent("c1"), accepted("c1", "x1"))
    tell(engine, intended("c2", terms(Side.ASK, "0.60", 3), attribution=MAKER))
    tell(engine, intended("c3", attribution=TAKER), sent("c3"), accepted("c3", "x3"))
    tell(engine, intended("c4", terms(ticker=OTHER), attribution=MAKER))
    tell(engine, reported(S.RESTING, 0, order_id="x5", key="theirs"))
    tell(engine, filled("t1", 4))
    bid = OwnOrder(
        key="c1", side=Side.BID, price=price("0.50"), remaining=contracts(6), status=S.RESTING
    )
    ask = OwnOrder(
        key="c2", side=Side.ASK, price=price("0.60"), remaining=contracts(3), status=S.INTENT
    )
    observation = seen(engine)
    assert observation.orders == (bid, ask)
    assert (observation.own(Side.BID), observation.own(Side.ASK)) == ((bid,), (ask,))
    assert observation.position == contracts(4)
    assert [order.key for order in seen(engine, "taker").orders] == ["c3"]
    tell(engine, reported(S.CANCELED, 4))
    assert seen(engine).orders == (ask,)


def test_a_book_in_doubt_is_said_to_be_so_and_has_old_prices_only_by_name():
    engine = ready_engine()
    tell(engine, delta(9, Side.BID, "0.50", 1))
    observation = seen(engine)
    assert not observation.book_usable
    assert (observation.bid, observation.ask) == (None, None)
    assert (observation.bid_count, observation.ask_count) == (0, 0)
    last_known = observation.last_known
    assert (last_known.bid, last_known.ask) == (price("0.45"), price("0.55"))
    assert observation.book_grade is ev.BookGrade.F
    assert observation.book_causes[0] == "frames before seq 9 of subscription 1:1 are missing"


def test_an_empty_side_has_no_price():
    engine = ready_engine()
    tell(engine, snapshot(3, {}, {"0.55": 1}))
    assert (seen(engine).bid, seen(engine).bid_count) == (None, 0)


def test_the_last_trade_is_shown():
    engine = ready_engine()
    tell(
        engine,
        ev.TradePrinted(
            trade_id=TradeId("p1"),
            ticker=TICKER,
            price=price("0.52"),
            count=contracts(1),
            taker_side=Side.BID,
            at=second(5),
        ),
    )
    assert seen(engine).last_trade == price("0.52")


def test_an_observation_does_not_move_with_the_state_and_cannot_be_changed():
    engine = ready_engine()
    tell(engine, intended("c1", attribution=MAKER), sent("c1"), accepted("c1", "x1"))
    before = seen(engine)
    tell(engine, filled("t1", 10), delta(3, Side.BID, "0.46", 1))
    assert (before.position, before.bid) == (0, price("0.45"))
    assert before.orders[0].remaining == contracts(10)
    assert seen(engine) != before
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        before.bid = None
