"""The worst loss, against brute force over everything that can fill."""

import itertools
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    contracts,
    dollars,
    filled,
    intended,
    position_record,
    price,
    ready_engine,
    second,
    sent,
    tell,
    terms,
)
from traderd.core.exposure import Leg, account_exposure, grouped_exposure, market_exposure
from traderd.core.fees import USUAL_MULTIPLIER
from traderd.core.ledger import Position
from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price

B, A = Side.BID, Side.ASK


def held(count: str | int, cost: str) -> Position:
    position = Position(TICKER)
    position.carry_in(position_record(count, exposure=cost))
    return position


def leg(side: Side, at_price: str, count: str | int) -> Leg:
    return side, price(at_price), contracts(count)


FLAT = held(0, "0")


@pytest.mark.parametrize(
    ("position", "legs", "worst"),
    [
        (None, [], "0"),
        (None, [leg(B, "0.40", 100)], "41.68"),
        (None, [leg(A, "0.40", 100)], "61.75"),
        (FLAT, [leg(B, "0.40", 100), leg(A, "0.60", 100)], "41.68"),
        (FLAT, [leg(B, "0.40", 100), leg(B, "0.30", 100)], "73.15"),
        (held(100, "30"), [], "30"),
        (held(-100, "30"), [], "30"),
        (held(100, "30"), [leg(A, "0.60", 100)], "30"),
        (held(100, "30"), [leg(A, "0.60", 60), leg(A, "0.70", 40)], "30"),
        (held(-100, "30"), [leg(B, "0.60", 100)], "30"),
        (held(100, "30"), [leg(B, "0.40", 100)], "71.68"),
        # The ask closes 100 and opens 200 of NO at 40 cents; its fee is that of all 300.
        (held(100, "30"), [leg(A, "0.60", 300)], "85.04"),
        # What is closed below its cost of 90 cents is lost, and the rest opens NO at 80 cents.
        (held(100, "90"), [leg(A, "0.20", 200)], "153.5"),
    ],
)
def test_the_worst_loss_of_one_market(position, legs, worst):
    assert market_exposure(position, legs) == dollars(worst)


def test_reductions_are_free_whatever_they_cost_and_in_whatever_order_they_are_told():
    position = held(100, "30")
    for count in (1, 50, 100):
        for at_price in ("0.01", "0.50", "0.99"):
            assert market_exposure(position, [leg(A, at_price, count)]) == dollars("30")
    legs = [leg(A, "0.90", 50), leg(A, "0.20", 80)]
    assert market_exposure(position, legs) == market_exposure(position, legs[::-1])


def test_two_reductions_that_are_too_much_together_are_not_free():
    position = held(100, "30")
    assert market_exposure(position, [leg(A, "0.10", 100)]) == dollars("30")
    assert market_exposure(position, [leg(A, "0.10", 100)] * 2) > dollars("90")


def test_markets_are_added_and_the_order_in_question_counts():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted())
    tell(engine, filled("t9", 10, order_id="x9", key=None, ticker=OTHER))
    at_risk = engine.orders.at_risk()
    before = account_exposure(engine.ledger, at_risk, None)
    assert before == dollars("5.18") + dollars("5")
    extra = terms(B, "0.20", 10)
    assert account_exposure(engine.ledger, at_risk, extra) == before + dollars("2.12")


def test_what_was_reported_as_filled_counts_until_its_fill_is_booked():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(filled=10, remaining=0))
    assert engine.orders.live() == ()
    assert account_exposure(engine.ledger, engine.orders.at_risk(), None) == dollars("5.18")
    tell(engine, filled("t1", 10))
    assert account_exposure(engine.ledger, engine.orders.at_risk(), None) == dollars("5")


# --- brute force ----------------------------------------------------------------------------------


def fee(at_price: int, count: int) -> int:
    """Return the published taker fee of one fill, rounded up to a millionth of a dollar."""
    p = Decimal(at_price) / ONE_DOLLAR
    exact = Decimal("0.07") * Decimal(count) / 100 * p * (1 - p)
    return int((exact * 1_000_000).to_integral_value(ROUND_CEILING))


def true_worst_loss(position: Position, legs: list[Leg]) -> int:
    """Try every subset of the orders and both outcomes: cost of all that is held less what it pays."""
    worst = 0
    for size in range(len(legs) + 1):
        for filling in itertools.combinations(legs, size):
            spent = position.cost
            yes, no = max(position.count, 0), max(-position.count, 0)
            for side, at_price, count in filling:
                spent += (at_price if side is B else ONE_DOLLAR - at_price) * count
                spent += fee(at_price, count)
                yes, no = (yes + count, no) if side is B else (yes, no + count)
            worst = max(worst, spent - min(yes, no) * ONE_DOLLAR)
    return worst


LEGS = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, ONE_DOLLAR - 1), st.integers(1, 400)),
    max_size=5,
)
HELD = st.tuples(st.integers(-500, 500), st.integers(1, ONE_DOLLAR - 1))


def any_position(count: int, average: int) -> Position:
    position = Position(TICKER)
    position.count, position.cost = Count(count), Money(abs(count) * average)
    return position


@settings(deadline=None)
@given(HELD, LEGS)
def test_the_bound_is_never_below_the_true_worst_loss(holding, legs):
    position = any_position(*holding)
    assert market_exposure(position, legs) >= true_worst_loss(position, legs)


@given(HELD, LEGS)
def test_the_bound_is_at_most_everything_on_the_dearer_side(holding, legs):
    position = any_position(*holding)
    sides = {
        side: sum(
            (p if s is B else ONE_DOLLAR - p) * c + fee(ONE_DOLLAR // 2, c) + 10_000
            for s, p, c in legs
            if s is side
        )
        for side in Side
    }
    assert position.cost <= market_exposure(position, legs) <= position.cost + max(sides.values())


@settings(deadline=None, max_examples=300)
@given(HELD, LEGS, st.randoms(use_true_random=False))
def test_the_bound_never_rises_while_orders_fill_or_end(holding, legs, rng):
    position = any_position(*holding)
    bound = market_exposure(position, legs)
    for number in itertools.count():
        if not legs:
            break
        side, limit, count = legs.pop(rng.randrange(len(legs)))
        done = rng.randint(1, count)
        if rng.random() < 0.8:
            # At its limit, or better.
            low, high = (
                (max(1, limit - 300), limit) if side is B else (limit, min(9_999, limit + 300))
            )
            position.apply(
                Fill(
                    trade_id=TradeId(str(number)),
                    order_id=OrderId("x"),
                    ticker=TICKER,
                    side=side,
                    price=Price(rng.choice([limit, rng.randint(low, high)])),
                    count=Count(done),
                    fee=Money(0),
                    is_taker=True,
                    executed_at=second(number),
                )
            )
            if done < count:
                legs.append((side, Price(limit), Count(count - done)))
        after = market_exposure(position, legs)
        assert after <= bound
        bound = after


# --- exclusive events -----------------------------------------------------------------------------

NAMES = tuple(MarketTicker(f"KXE-26-{letter}") for letter in "ABC")
MARKETS = st.lists(st.tuples(HELD, LEGS.map(lambda legs: legs[:3])), min_size=2, max_size=3)
EXCLUSIVE = dict.fromkeys(NAMES, "KXE-26")


def usual(_: MarketTicker) -> int:
    return USUAL_MULTIPLIER


def together(positions, legs) -> int:
    return grouped_exposure(positions, legs, EXCLUSIVE, usual)


@pytest.mark.parametrize("exclusive", [{}, EXCLUSIVE], ids=["alone", "in an event"])
def test_each_market_counts_with_the_fees_of_its_own(exclusive):
    # 100 contracts at 50 cents: $50, and $1.75 by the usual fees.
    legs = {name: [leg(B, "0.50", 100)] for name in NAMES[:2]}
    double = {NAMES[0]: 2 * USUAL_MULTIPLIER}

    def bound(ticker: MarketTicker) -> int:
        return double.get(ticker, USUAL_MULTIPLIER)

    assert grouped_exposure({}, legs, exclusive, usual) == dollars("103.50")
    assert grouped_exposure({}, legs, exclusive, bound) == dollars("105.25")
    # What closes first is charged as well.
    turning = {NAMES[0]: [leg(A, "0.50", 200)]}
    position = {NAMES[0]: held(100, "50")}
    more = grouped_exposure(position, turning, exclusive, bound)
    assert more - grouped_exposure(position, turning, exclusive, usual) == dollars("3.50")


def test_positions_of_which_only_one_can_lose_are_not_all_lost():
    # Three NO positions of $60 for 100 contracts: one of them loses its $60, two pay $40 more than they cost.
    positions = {name: held(-100, "60") for name in NAMES}
    legs: dict[MarketTicker, list[Leg]] = {name: [] for name in NAMES}
    assert grouped_exposure(positions, legs, {}, usual) == dollars("180")
    assert together(positions, legs) == 0
    legs[NAMES[0]] = [leg(B, "0.40", 200)]
    # The bid closes 100 at a price that loses nothing, and opens 100 of YES, which is lost when another one pays.
    assert together(positions, legs) == dollars("40") + dollars("60") - dollars("40") + dollars(
        "3.36"
    )


def true_event_loss(positions, legs) -> int:
    """Try each market as the one that pays, and none; an order fills when that loses, at the published fee."""
    worst = 0
    for winner in (*positions, None):
        loss = 0
        for name, position in positions.items():
            pays = ONE_DOLLAR if name == winner else 0
            worth = pays if position.count > 0 else ONE_DOLLAR - pays
            loss += position.cost - abs(position.count) * worth
            for side, at_price, count in legs[name]:
                loss += max(0, (at_price - pays) * side.sign * count + fee(at_price, count))
        worst = max(worst, loss)
    return worst


@settings(deadline=None, max_examples=80)
@given(MARKETS)
def test_the_bound_of_an_exclusive_event_is_never_below_the_truth_nor_above_the_sum(drawn):
    positions = {
        name: any_position(*holding) for name, (holding, _) in zip(NAMES, drawn, strict=False)
    }
    legs = {name: rows for name, (_, rows) in zip(NAMES, drawn, strict=False)}
    bound = together(positions, legs)
    assert bound >= true_event_loss(positions, legs) - ROUNDING * len(positions)
    assert bound <= grouped_exposure(positions, legs, {}, usual)


ROUNDING = 1
"""Average costs are rounded up to the unit, so no more than that can be missing a market."""


@settings(deadline=None, max_examples=200)
@given(MARKETS, st.randoms(use_true_random=False))
def test_the_bound_of_an_exclusive_event_never_rises_while_orders_fill_or_end(drawn, rng):
    positions = {
        name: any_position(*holding) for name, (holding, _) in zip(NAMES, drawn, strict=False)
    }
    legs = {name: list(rows) for name, (_, rows) in zip(NAMES, drawn, strict=False)}
    bound = together(positions, legs)
    for number in range(12):
        name = rng.choice(list(positions))
        if not legs[name]:
            continue
        side, limit, count = legs[name].pop(rng.randrange(len(legs[name])))
        done = rng.randint(1, count)
        if rng.random() < 0.8:
            better = max(1, limit - 300) if side is B else min(9_999, limit + 300)
            positions[name].apply(
                Fill(
                    trade_id=TradeId(str(number)),
                    order_id=OrderId("x"),
                    ticker=name,
                    side=side,
                    price=Price(rng.choice([limit, better])),
                    count=Count(done),
                    fee=Money(0),
                    is_taker=True,
                    executed_at=second(number),
                )
            )
            if done < count:
                legs[name].append((side, Price(limit), Count(count - done)))
        after = together(positions, legs)
        assert after <= bound + ROUNDING * len(positions)
        bound = after
