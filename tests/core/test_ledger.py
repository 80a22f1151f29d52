"""The arithmetic of fills, against models that share no line with it."""

from collections import deque
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import (
    OTHER,
    TICKER,
    contracts,
    dollars,
    fill,
    position_record,
    price,
    second,
)
from traderd.core import ledger as ledger_module
from traderd.core.ledger import Ledger, Position
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price


def book(*fills: Fill) -> Ledger:
    ledger = Ledger()
    for one in fills:
        ledger.book(one)
    return ledger


# --- transcripts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "at_price", "cost"),
    [(Side.BID, "0.47", "4.7"), (Side.ASK, "0.47", "5.3")],
    ids=["long YES", "long NO"],
)
def test_opening_costs_the_price_of_the_side_that_is_held(side, at_price, cost):
    ledger = book(fill("t1", 10, side=side, at_price=at_price, fee="0.18"))
    position = ledger.positions[TICKER]
    assert position.count == side.sign * contracts(10)
    assert position.cost == dollars(cost)
    assert (position.realized_pnl, position.fees_paid) == (0, dollars("0.18"))
    assert ledger.cash_flow == -dollars(cost) - dollars("0.18")


def test_closing_pays_a_dollar_per_pair_and_realizes_the_difference():
    ledger = book(
        fill("t1", 10, at_price="0.40"), fill("t2", 4, side=Side.ASK, at_price="0.55", fee="0.07")
    )
    position = ledger.positions[TICKER]
    assert (position.count, position.cost) == (contracts(6), dollars("2.4"))
    assert (position.realized_pnl, position.fees_paid) == (dollars("0.6"), dollars("0.07"))
    assert ledger.cash_flow == dollars("-4.00") + dollars("2.20") - dollars("0.07")


def test_a_fill_can_turn_the_position_around():
    ledger = book(fill("t1", 10, at_price="0.40"), fill("t2", 15, side=Side.ASK, at_price="0.30"))
    position = ledger.positions[TICKER]
    assert (position.count, position.cost) == (contracts(-5), dollars("3.5"))
    assert position.average_cost == price("0.70")
    assert position.realized_pnl == dollars("-1")


def test_the_average_cost_is_that_of_all_that_is_held():
    ledger = book(fill("t1", 10, at_price="0.40"), fill("t2", 30, at_price="0.60"))
    assert ledger.positions[TICKER].average_cost == price("0.55")
    ledger.book(fill("t3", 39, side=Side.ASK, at_price="0.60"))
    assert ledger.positions[TICKER].average_cost == price("0.55")
    ledger.book(fill("t4", 1, side=Side.ASK, at_price="0.60"))
    assert ledger.positions[TICKER].average_cost is None
    assert ledger.positions[TICKER].cost == 0


def test_a_cost_that_does_not_divide_is_released_rounded_up_and_to_the_last_unit():
    ledger = book(fill("t1", "0.01", at_price="0.01"), fill("t2", "0.02", at_price="0.02"))
    position = ledger.positions[TICKER]
    assert position.cost == 500
    ledger.book(fill("t3", "0.01", side=Side.ASK, at_price="0.02"))
    assert (position.cost, position.realized_pnl) == (333, 200 - 167)
    ledger.book(fill("t4", "0.01", side=Side.ASK, at_price="0.02"))
    assert (position.cost, position.realized_pnl) == (166, 400 - 334)
    ledger.book(fill("t5", "0.01", side=Side.ASK, at_price="0.02"))
    assert (position.count, position.cost, position.realized_pnl) == (0, 0, 600 - 500)


def test_a_fill_counts_once_however_often_it_is_told():
    one = fill("t1", 10, fee="0.1")
    ledger = book(one, one, attrs.evolve(one, executed_at=second(99)))
    assert ledger.knows(TradeId("t1"), OrderId("x1"))
    assert not ledger.knows(TradeId("t2"), OrderId("x1"))
    assert not ledger.knows(TradeId("t1"), OrderId("x2"))
    assert (ledger.fill_count, len(ledger.recent_fills)) == (1, 1)
    assert ledger.positions[TICKER].count == contracts(10)
    assert ledger.cash_flow == -dollars("5.1")
    assert ledger.latest_fill_at == second(3)


def test_both_sides_of_a_trade_with_ourselves_are_booked():
    ledger = book(
        fill("t1", 10, at_price="0.50", fee="0.18"),
        fill("t1", 10, at_price="0.50", fee="0.05", side=Side.ASK, order_id="x2"),
    )
    assert (ledger.fill_count, ledger.positions[TICKER].count) == (2, 0)
    assert ledger.cash_flow == -dollars("0.23")


def test_markets_are_apart_and_summed():
    ledger = book(
        fill("t1", 10, at_price="0.40", fee="0.01"),
        fill("t2", 10, at_price="0.50", side=Side.ASK, fee="0.02"),
        fill("t3", 5, ticker=OTHER, fee="0.03"),
    )
    assert ledger.realized_pnl == dollars("1")
    assert ledger.fees_paid == dollars("0.06")
    assert [position.ticker for position in ledger.open_positions()] == [OTHER]


def test_the_newest_fill_is_known_by_when_it_was_executed():
    ledger = book(fill("t1", 1, at=50), fill("t2", 1, at=20), fill("t3", 1, ticker=OTHER, at=60))
    assert ledger.latest_fill_at == second(60)
    assert ledger.positions[TICKER].last_fill_at == second(50)


@pytest.mark.parametrize(
    ("side", "mark", "profit"),
    [
        (Side.BID, "0.45", "-0.5"),
        (Side.BID, "0.60", "1"),
        (Side.ASK, "0.45", "0.5"),
        (Side.ASK, "0.60", "-1"),
    ],
)
def test_the_open_profit_is_that_of_the_side_that_is_held(side, mark, profit):
    position = book(fill("t1", 10, side=side, at_price="0.50")).positions[TICKER]
    assert position.unrealized_pnl(price(mark)) == dollars(profit)


def test_without_a_mark_the_open_profit_is_not_known_unless_there_is_nothing_open():
    ledger = book(fill("t1", 10))
    assert ledger.positions[TICKER].unrealized_pnl(None) is None
    assert ledger.position(OTHER).unrealized_pnl(None) == 0


def test_a_position_that_no_fill_explains_is_carried_in_with_its_cost():
    position = book(fill("t1", 10)).positions[TICKER]
    assert position.carry_in(position_record(-4, exposure="2.8")) == contracts(-14)
    assert (position.count, position.cost) == (contracts(-4), dollars("2.8"))
    assert position.carried_in == contracts(-14)


def test_what_is_kept_in_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(ledger_module, "FILL_IDS_KEPT_MAX", 2)
    ledger = book(*(fill(f"t{n}", 1) for n in (1, 2, 3)))
    known = [ledger.knows(TradeId(f"t{n}"), OrderId("x1")) for n in (1, 2, 3)]
    assert known == [False, True, True]
    assert ledger.positions[TICKER].count == contracts(3)


# --- any fills ------------------------------------------------------------------------------------


@attrs.define
class PerContract:
    """The brute force: every 1/100 contract is held by itself, all at their average cost."""

    held: deque[Fraction] = attrs.Factory(deque)
    sign: int = 0
    realized: Fraction = Fraction(0)
    cash: Fraction = Fraction(0)

    def trade(self, side: Side, at_price: int, count: int) -> None:
        paid = Fraction(at_price if side is Side.BID else ONE_DOLLAR - at_price)
        for _ in range(count):
            self.cash -= paid
            if self.held and self.sign != side.sign:
                # A pair of YES and NO is worth $1.
                cost = sum(self.held, Fraction(0)) / len(self.held)
                self.held = deque([cost] * (len(self.held) - 1))
                self.cash += ONE_DOLLAR
                self.realized += ONE_DOLLAR - paid - cost
            else:
                self.sign = side.sign
                self.held.append(paid)

    @property
    def cost(self) -> Fraction:
        return sum(self.held, Fraction(0))


@st.composite
def trades(draw: Any) -> tuple[Side, int, int]:
    return (
        draw(st.sampled_from(Side)),
        draw(st.integers(1, ONE_DOLLAR - 1)),
        draw(st.integers(1, 12)),
    )


def numbered(one: tuple[Side, int, int], number: int, fee: int = 0) -> Fill:
    side, at_price, count = one
    return Fill(
        trade_id=TradeId(f"t{number}"),
        order_id=OrderId("x"),
        ticker=TICKER,
        side=side,
        price=Price(at_price),
        count=Count(count),
        fee=Money(fee),
        is_taker=True,
        executed_at=second(number),
    )


@given(st.lists(trades(), max_size=12), st.randoms(use_true_random=False))
def test_cash_profit_cost_and_fees_always_agree_to_the_last_unit(story, rng):
    ledger, fees = Ledger(), 0
    for number, one in enumerate(story):
        fee = rng.randint(0, 500)
        fees += fee
        before = ledger.cash_flow
        position = ledger.book(numbered(one, number, fee)).position
        # What came in is what was realized, less what lies in the position, less fees.
        assert ledger.cash_flow == ledger.realized_pnl - position.cost - ledger.fees_paid
        assert ledger.fees_paid == fees
        assert position.cost >= 0
        assert (position.cost == 0) == (position.count == 0)
        assert abs(ledger.cash_flow - before) <= one[2] * ONE_DOLLAR + fee


@given(st.lists(trades(), max_size=12))
def test_the_ledger_agrees_with_contracts_held_one_by_one(story):
    ledger, model = Ledger(), PerContract()
    position, closings = ledger.position(TICKER), 0
    for number, one in enumerate(story):
        closings += position.count * one[0].sign < 0
        ledger.book(numbered(one, number))
        model.trade(*one)
        assert position.count == model.sign * len(model.held)
        assert ledger.cash_flow == model.cash
        # Each closing rounds the released cost up by less than one unit.
        assert model.cost - closings <= position.cost <= model.cost
        assert model.realized - closings <= position.realized_pnl <= model.realized


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 9)), max_size=12),
    st.integers(1, ONE_DOLLAR - 1),
    st.integers(1, ONE_DOLLAR - 1),
)
def test_where_the_average_divides_the_ledger_is_exact(story, bid, ask):
    ledger, model = Ledger(), PerContract()
    for number, (side, count) in enumerate(story):
        one = side, bid if side is Side.BID else ask, count
        ledger.book(numbered(one, number))
        model.trade(*one)
        position = ledger.positions[TICKER]
        assert (position.count, position.cost) == (model.sign * len(model.held), model.cost)
        assert position.realized_pnl == model.realized


@given(st.lists(trades(), max_size=8), st.randoms(use_true_random=False))
def test_a_fill_in_parts_is_the_same_as_in_one_piece(story, rng):
    whole, parts, pieces = Ledger(), Ledger(), 0
    for number, one in enumerate(story):
        whole.book(numbered(one, number, fee=one[2]))
        left = one[2]
        while left:
            piece = rng.randint(1, left)
            pieces += 1
            parts.book(numbered((one[0], one[1], piece), 1_000 + pieces, fee=piece))
            left -= piece
    one_go, in_parts = whole.position(TICKER), parts.position(TICKER)
    assert in_parts.count == one_go.count
    assert in_parts.fees_paid == one_go.fees_paid
    assert parts.cash_flow == whole.cash_flow
    # Only the rounding of the released cost may differ, by less than a unit per closing.
    assert abs(in_parts.cost - one_go.cost) <= pieces
    assert in_parts.realized_pnl - in_parts.cost == one_go.realized_pnl - one_go.cost


@given(st.lists(trades(), min_size=1, max_size=10), st.booleans())
def test_settling_at_either_outcome_leaves_exactly_the_profit_in_cash(story, yes):
    ledger, model = Ledger(), PerContract()
    for number, one in enumerate(story):
        ledger.book(numbered(one, number))
        model.trade(*one)
    position = ledger.positions[TICKER]
    pays = position.count > 0 if yes else position.count < 0
    paid = abs(position.count) * ONE_DOLLAR if pays else 0
    profit = position.unrealized_pnl(Price(ONE_DOLLAR if yes else 0))
    assert profit is not None
    assert ledger.cash_flow + paid == position.realized_pnl + profit


def test_a_position_says_how_it_stands():
    assert Position(TICKER) != Position(TICKER), "positions are things, not values"
    assert Position(TICKER).average_cost is None


# --- what may leave memory ------------------------------------------------------------------------


def paid(ticker: str, count: int, *, at: float = 50) -> Settlement:
    return Settlement(
        ticker=MarketTicker(ticker),
        result="yes",
        yes_count=contracts(count),
        no_count=contracts(0),
        cost=dollars("0"),
        revenue=Money(count * 1_000_000),
        fees_paid=Money(0),
        settled_at=second(at),
        value=ONE_DOLLAR,
    )


def test_only_open_positions_are_walked():
    ledger = book(fill("t1", 10), fill("t2", 10, side=Side.ASK, order_id="x2"))
    assert ledger.open_positions() == ()
    ledger.book(fill("t3", 4, ticker=OTHER, order_id="x3"))
    ledger.positions = Unwalked(ledger.positions)
    assert [p.ticker for p in ledger.open_positions()] == [OTHER]
    ledger.book(fill("t4", 5, order_id="x4"))
    assert {p.ticker for p in ledger.open_positions()} == {TICKER, OTHER}


class Unwalked(dict):
    """A dict that may be asked, but not walked."""

    def __iter__(self):
        raise AssertionError("walked")

    items = values = keys = __iter__


def test_flat_positions_leave_memory_and_what_they_earned_stays(monkeypatch):
    monkeypatch.setattr(ledger_module, "POSITIONS_KEPT_MAX", 3)
    ledger, model = Ledger(), Ledger()
    for one in (ledger, model):
        if one is model:
            monkeypatch.undo()
        one.book(fill("open", 7, ticker=OTHER, order_id="x0"))
        for number in range(20):
            ticker, order = f"M{number}", f"x{number + 1}"
            one.book(fill("a", 10, at_price="0.40", fee="0.1", ticker=ticker, order_id=order), "s")
            if number % 2:
                one.settle(paid(ticker, 10, at=100 + number))
            else:
                sold = fill("b", 10, side=Side.ASK, at_price="0.55", ticker=ticker, order_id=order)
                one.book(sold, "s")
            one.open_positions()
        one.check()
    assert len(ledger.positions) == 4
    assert sorted([*ledger._open, *ledger._flat]) == sorted(ledger.positions)
    assert len(model.positions) == 21
    assert len(ledger.settlements) < len(model.settlements) == 10
    assert OTHER in ledger.positions
    assert (ledger.realized_pnl, ledger.fees_paid) == (model.realized_pnl, model.fees_paid)
    assert (ledger.cash, ledger.earned) == (model.cash, model.earned)
    ours, theirs = ledger.strategies.books["s"], model.strategies.books["s"]
    assert (ours.realized_pnl, ours.fees_paid) == (theirs.realized_pnl, theirs.fees_paid)
    assert len(ours.positions) < len(theirs.positions)
    # Told again it is not paid again, although nobody remembers it; one that is still open is.
    cash = ledger.cash
    assert "M1" not in ledger.settlements
    assert ledger.settle(paid("M1", 10, at=101)) is None
    assert ledger.cash == cash
    assert ledger.settle(paid(OTHER, 7, at=60)) is not None
    assert ledger.cash == cash + dollars("7")


def test_movements_of_cash_are_known_by_their_time_when_their_ids_are_forgotten(monkeypatch):
    monkeypatch.setattr(ledger_module, "MOVES_KEPT_MAX", 3)
    ledger = Ledger()
    ledger.open(dollars("100"), second(0))
    moves = [
        CashMove(
            move_id=f"d{number}",
            kind=MoveKind.DEPOSIT,
            amount=dollars("1"),
            fee=Money(0),
            moved_at=second(number + 1),
        )
        for number in range(10)
    ]
    assert all(ledger.move_cash(move) for move in moves)
    assert not any(ledger.move_cash(move) for move in moves)
    assert all(ledger.knows_move(move) for move in moves)
    assert ledger.cash == dollars("110")
