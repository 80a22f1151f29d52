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
from traderd.core.engine import Engine
from traderd.core.observation import LEVELS_SEEN, Observation, OwnOrder, PriceSource
from traderd.core.observation_vector import VECTOR_FIELDS
from traderd.core.observe import observe
from traderd.core.trade_tape import RECENT_TRADES_KEPT
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.ids import StrategyName, TradeId
from traderd.model.orders import Attribution, OrderOwner, Side
from traderd.model.units import Count, Money, Timestamp

MAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))
TAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("taker"))


def seen(engine: Engine, strategy: str = "maker") -> Observation:
    observation = observe(StateView(engine), TICKER, strategy, second(9))
    assert observation is not None
    return observation


def trade(number: int, at: Timestamp) -> ev.TradePrinted:
    return ev.TradePrinted(
        trade_id=TradeId(f"p{number}"),
        ticker=TICKER,
        price=price("0.52"),
        count=contracts(1),
        taker_side=Side.BID,
        at=at,
    )


def test_a_market_that_is_quiet():
    assert seen(ready_engine()) == Observation(
        at=second(9),
        market=market(),
        source=PriceSource.LIVE,
        book_grade=ev.BookGrade.A,
        book_causes=(),
        book_age_ns=second(9) - second(0),
        bids=((price("0.45"), contracts(100)),),
        asks=((price("0.55"), contracts(100)),),
        last_trade=None,
        trades=(),
        orders=(),
        position=Count(0),
        account_position=Count(0),
        average_cost=None,
        realized_pnl=Money(0),
        unrealized_pnl=Money(0),
        fees_paid=Money(0),
        balance=seen(ready_engine()).balance,
    )
    assert seen(ready_engine()).ticker == TICKER


def test_the_figures_of_the_book_are_exact():
    engine = ready_engine()
    tell(engine, snapshot(3, {"0.45": 30, "0.44": 5}, {"0.50": 10}))
    observation = seen(engine)
    assert (observation.bid, observation.ask) == (price("0.45"), price("0.50"))
    assert (observation.bid_count, observation.ask_count) == (contracts(30), contracts(10))
    assert observation.spread == price("0.05")
    assert (observation.mid, observation.microprice) == (475_000, 487_500)
    assert observation.imbalance == 5_000
    assert observation.bids == ((price("0.45"), contracts(30)), (price("0.44"), contracts(5)))


def test_only_the_best_levels_are_seen():
    engine = ready_engine()
    tell(engine, snapshot(3, {f"0.{n:02}": n for n in range(1, 31)}, {"0.50": 1}))
    bids = seen(engine).bids
    assert len(bids) == LEVELS_SEEN
    assert bids[0] == (price("0.30"), contracts(30))
    assert bids[-1] == (price("0.21"), contracts(21))


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
    bid, ask = (
        OwnOrder(
            key=key,
            side=side,
            price=price(at),
            remaining=contracts(left),
            status=status,
            count=contracts(count),
            placed_at=second(1),
        )
        for key, side, at, left, count, status in (
            ("c1", Side.BID, "0.50", 6, 10, S.RESTING),
            ("c2", Side.ASK, "0.60", 3, 3, S.INTENT),
        )
    )
    observation = seen(engine)
    assert observation.orders == (bid, ask)
    assert (observation.own(Side.BID), observation.own(Side.ASK)) == ((bid,), (ask,))
    assert observation.position == contracts(4)
    assert [order.key for order in seen(engine, "taker").orders] == ["c3"]
    tell(engine, reported(S.CANCELED, 4))
    assert seen(engine).orders == (ask,)


def test_without_a_book_to_trust_the_last_known_prices_stand_in_and_say_so():
    engine = ready_engine()
    tell(engine, delta(9, Side.BID, "0.50", 1))
    observation = seen(engine)
    assert observation.source is PriceSource.LAST_KNOWN
    assert not observation.book_usable
    assert (observation.bid, observation.ask) == (price("0.45"), price("0.55"))
    assert observation.book_grade is ev.BookGrade.F
    assert observation.book_causes[0] == "frames before seq 9 of subscription 1:1 are missing"
    assert dict(zip(VECTOR_FIELDS, observation.vector(), strict=True))["live"] == 0.0
    tell(engine, snapshot(10, {"0.47": 1}, {"0.48": 1}))
    assert seen(engine).source is PriceSource.LIVE
    assert seen(engine).bid == price("0.47")


def test_a_strategy_sees_what_it_holds_and_earned_itself():
    engine = ready_engine()
    tell(engine, intended("c1", attribution=MAKER), sent("c1"), accepted("c1", "x1"))
    tell(engine, filled("t1", 4))
    mine, others = seen(engine), seen(engine, "taker")
    assert (mine.position, mine.account_position) == (contracts(4), contracts(4))
    assert mine.average_cost == price("0.50")
    # Four contracts bought at 0.50 and marked at the best bid of 0.45.
    assert mine.unrealized_pnl == -200_000
    assert (others.position, others.account_position) == (0, contracts(4))
    assert (others.average_cost, others.unrealized_pnl) == (None, 0)


def test_the_last_trades_are_seen_in_the_order_of_their_times():
    engine = ready_engine()
    for number in range(RECENT_TRADES_KEPT + 5):
        tell(engine, trade(number, second(10 + number)))
    tell(engine, trade(99, second(20.5)))
    trades = seen(engine).trades
    assert len(trades) == RECENT_TRADES_KEPT
    assert [one.at for one in trades] == sorted(one.at for one in trades)
    assert second(20.5) in [one.at for one in trades]
    assert trades[-1].at == second(10 + RECENT_TRADES_KEPT + 4)


def test_the_time_to_the_close_is_counted_from_the_observation():
    observation = seen(ready_engine())
    assert observation.time_to_close_ns == market().close_time - second(9)
    assert attrs.evolve(observation, at=Timestamp(market().close_time + 1)).time_to_close_ns == 0


def test_the_fingerprint_tells_of_any_difference_and_of_nothing_else():
    observation = seen(ready_engine())
    assert observation.fingerprint() == seen(ready_engine()).fingerprint()
    for change in (
        {"at": Timestamp(1)},
        {"position": Count(1)},
        {"bids": ()},
        {"fees_paid": Money(1)},
    ):
        assert attrs.evolve(observation, **change).fingerprint() != observation.fingerprint()


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
