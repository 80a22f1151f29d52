"""The worst loss of an event, against brute force over every outcome and every set of fills."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.builders import TICKER, contracts, dollars, position_record, price, second
from traderd.core.event_loss import NO, YES, Holding, event_loss, realized_loss
from traderd.core.exposure import Leg
from traderd.core.fees import worst_fee
from traderd.core.position import Position
from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, notional

B, A = Side.BID, Side.ASK


def held(count: str | int, cost: str) -> Position:
    position = Position(TICKER)
    position.carry_in(position_record(count, exposure=cost))
    return position


def leg(side: Side, at_price: str, count: str | int) -> Leg:
    return side, price(at_price), contracts(count)


@pytest.mark.parametrize(
    ("holdings", "exclusive", "worst"),
    [
        ([], True, "0"),
        ([Holding(held(100, "30"))], True, "30"),
        # One of the three NO positions loses, the other two pay $100 each for $60.
        ([Holding(held(-100, "60"))] * 3, True, "-20"),
        ([Holding(held(-100, "60"))] * 3, False, "180"),
        # YES of all three: at most one pays, and none may.
        ([Holding(held(100, "30"))] * 3, True, "90"),
        ([Holding(held(-100, "60")), Holding(held(100, "30"))], True, "90"),
        # A resting sale of YES in another market is lost only where that one pays.
        ([Holding(held(-100, "60")), Holding(None, (leg(A, "0.50", 100),))], True, "60"),
        ([Holding(held(-100, "60")), Holding(None, (leg(A, "0.50", 100),))], False, "111.75"),
    ],
)
def test_the_worst_loss_of_an_event(holdings, exclusive, worst):
    assert event_loss(holdings, exclusive=exclusive) == dollars(worst)


def paid_by(position_count: int, value: int) -> int:
    return abs(position_count) * (value if position_count > 0 else ONE_DOLLAR - value)


def brute_force(holdings: list[Holding], *, exclusive: bool) -> int:
    """Try every outcome, and in it every set of orders that may fill, booked one after the other."""
    markets = range(len(holdings))
    values = [[YES if one == winner else NO for one in markets] for winner in (*markets, None)]
    if not exclusive:
        values = [list(choice) for choice in itertools.product((NO, YES), repeat=len(holdings))]
    legs = [(market, leg) for market in markets for leg in holdings[market].legs]
    worst = None
    for outcome in values:
        for size in range(len(legs) + 1):
            for filling in itertools.combinations(legs, size):
                loss = 0
                for market in markets:
                    position = Position(TICKER)
                    before = holdings[market].position
                    if before is not None:
                        position.count, position.cost = before.count, before.cost
                    for where, (side, at_price, count) in filling:
                        if where == market:
                            position.apply(a_fill(side, at_price, count))
                            loss += worst_fee(side, at_price, count)
                    loss += position.cost - position.realized_pnl
                    loss -= paid_by(position.count, outcome[market])
                worst = loss if worst is None else max(worst, loss)
    assert worst is not None
    return worst


def a_fill(side: Side, at_price: int, count: int, number: int = 0) -> Fill:
    return Fill(
        trade_id=TradeId(str(number)),
        order_id=OrderId("x"),
        ticker=TICKER,
        side=side,
        price=Price(at_price),
        count=Count(count),
        fee=Money(0),
        is_taker=True,
        executed_at=second(number),
    )


LEGS = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, ONE_DOLLAR - 1), st.integers(1, 400)),
    max_size=3,
)
HELD = st.tuples(st.integers(-500, 500), st.integers(1, ONE_DOLLAR - 1))


def holding_of(drawn) -> Holding:
    (count, average), legs = drawn
    position = Position(MarketTicker("KXA"))
    position.count, position.cost = Count(count), Money(abs(count) * average)
    return Holding(position, tuple(legs))


EVENT = st.lists(st.tuples(HELD, LEGS).map(holding_of), min_size=1, max_size=3)


@settings(deadline=None, max_examples=60)
@given(EVENT, st.booleans())
def test_it_is_exactly_what_brute_force_finds(holdings, exclusive):
    assert event_loss(holdings, exclusive=exclusive) == brute_force(holdings, exclusive=exclusive)


@given(EVENT)
def test_exclusive_is_never_dearer_than_not_knowing(holdings):
    assert event_loss(holdings, exclusive=True) <= event_loss(holdings, exclusive=False)


@settings(deadline=None, max_examples=60)
@given(EVENT, st.lists(st.integers(0, ONE_DOLLAR), min_size=3, max_size=3))
def test_a_market_that_pays_a_part_lies_between_the_outcomes(holdings, shares):
    total = max(ONE_DOLLAR, sum(shares))
    values = [Price(share * ONE_DOLLAR // total) for share in shares]
    loss = sum(one.loss_if(value) for one, value in zip(holdings, values, strict=False))
    assert loss <= event_loss(holdings, exclusive=True)


@settings(deadline=None, max_examples=100)
@given(EVENT, st.randoms(use_true_random=False))
def test_with_what_was_realized_it_never_rises_while_orders_fill_or_end(holdings, rng):
    def worst() -> int:
        positions = [one.position for one in holdings if one.position is not None]
        return event_loss(holdings, exclusive=True) + realized_loss(positions)

    bound = worst()
    for number in range(9):
        market = rng.randrange(len(holdings))
        legs = list(holdings[market].legs)
        if not legs:
            continue
        side, limit, count = legs.pop(rng.randrange(len(legs)))
        done = rng.randint(1, count)
        if rng.random() < 0.8:
            better = max(1, limit - 300) if side is B else min(ONE_DOLLAR - 1, limit + 300)
            position = holdings[market].position
            assert position is not None
            position.apply(a_fill(side, rng.choice([limit, better]), done, number))
            if done < count:
                legs.append((side, Price(limit), Count(count - done)))
        holdings[market] = Holding(holdings[market].position, tuple(legs))
        assert worst() <= bound
        bound = worst()


def test_an_order_loses_or_gains_by_itself_once_the_outcome_is_known():
    bid = Holding(None, (leg(B, "0.40", 100),))
    assert bid.loss_if(NO) == dollars("40") + worst_fee(B, price("0.40"), contracts(100))
    assert bid.loss_if(YES) == 0
    assert notional(price("0.40"), contracts(100)) == dollars("40")
