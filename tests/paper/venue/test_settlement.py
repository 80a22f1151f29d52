"""Paying out: once, exactly, with a record, and nothing lost to rounding."""

from __future__ import annotations

import pytest

from tests.paper.venues import NOW, STANDARD, TICKER, bid, deal, later, market, told, venue
from traderd.model.orders import Side
from traderd.model.units import Count, Price, parse_count, parse_money, parse_price
from traderd.paper.venue.listings import Result
from traderd.paper.venue.messages import PositionChanged
from traderd.paper.venue.settlement import payout, settle_market


def settled(result: Result, value: str | None = None, **more):
    """Return a venue where ann held 10 YES at 0.40 against bob, after the end."""
    v = venue(**more)
    deal(v, "ann", "bob", "10", "0.40")
    v.life.determine(TICKER, result, None if value is None else parse_price(value), later(1))
    v.take_outbox()
    v.life.finalize(TICKER, later(61))
    v.check_money()
    return v


@pytest.mark.parametrize(
    ("result", "value", "long", "short"),
    [
        (Result.YES, None, "10", "0"),
        (Result.NO, None, "0", "10"),
        (Result.SCALAR, "0.25", "2.5", "7.5"),
        (Result.SCALAR, "0", "0", "10"),
        (Result.SCALAR, "1", "10", "0"),
    ],
)
def test_each_side_gets_what_the_result_says(result, value, long, short):
    v = settled(result, value)
    assert v.balance("ann").cash == parse_money("996") + parse_money(long)
    assert v.balance("bob").cash == parse_money("994") + parse_money(short)
    ((yes,), (no,)) = v.account("ann").settlements, v.account("bob").settlements
    assert (yes.revenue, no.revenue) == (parse_money(long), parse_money(short))
    assert (yes.yes_count, yes.no_count, yes.yes_cost) == (1000, 0, parse_money("4"))
    assert (no.yes_count, no.no_count, no.no_cost) == (0, 1000, parse_money("6"))
    assert (yes.result, yes.at, yes.event_ticker) == (result, later(61), "KXDEMO-26DEC31")


def test_the_position_is_gone_and_its_profit_is_realized():
    v = settled(Result.YES)
    (position,) = v.positions("ann")
    assert (position.count, position.exposure, position.settled) == (0, 0, True)
    assert position.realized_pnl == parse_money("6")
    # What was open at the end stays in the market (Kalshi: capture of settled markets).
    assert v.market(TICKER).open_interest == 1000
    told_of = told(v, PositionChanged)
    assert [(each.account, each.position.count) for each in told_of] == [("ann", 0), ("bob", 0)]


def test_nobody_is_paid_twice():
    v = settled(Result.YES)
    cash = v.balance("ann").cash
    v.life.finalize(TICKER, later(100))
    settle_market(v.floor, v.market(TICKER), later(100))
    assert v.balance("ann").cash == cash
    assert len(v.account("ann").settlements) == 1
    v.check_money()


def test_a_scalar_is_paid_in_whole_cents_and_the_rest_is_kept():
    v = venue()
    deal(v, "ann", "bob", "0.01", "0.40")
    v.life.determine(TICKER, Result.SCALAR, parse_price("0.255"), NOW)
    v.life.finalize(TICKER, NOW)
    assert [each.revenue for each in v.account("ann").settlements] == [0]
    assert [each.revenue for each in v.account("bob").settlements] == [0]
    assert v.floor.dust == parse_money("0.01")
    v.check_money()


@pytest.mark.parametrize(
    ("count", "value", "result", "expected"),
    [
        ("10", "1", Result.YES, "10"),
        ("-10", "1", Result.YES, "0"),
        ("-10", "0", Result.NO, "10"),
        ("0.07", "1", Result.YES, "0.07"),
        ("3", "0.255", Result.SCALAR, "0.76"),
        ("-3", "0.255", Result.SCALAR, "2.23"),
        ("0", "1", Result.YES, "0"),
    ],
)
def test_payouts(count, value, result, expected):
    assert payout(parse_count(count), parse_price(value), result) == parse_money(expected)


def test_the_record_names_the_trading_fees_and_flat_positions_get_none():
    v = venue(market(fees=STANDARD))
    deal(v, "ann", "bob", "10", "0.50")
    v.open_account("cat", parse_money("100"))
    deal(v, "cat", "ann", "10", "0.50")
    v.life.determine(TICKER, Result.NO, None, NOW)
    v.life.finalize(TICKER, NOW)
    assert v.account("ann").settlements == []
    assert v.positions("ann")[0].settled
    (cats,) = v.account("cat").settlements
    assert cats.fees == v.fills("cat")[0].fee > 0
    v.check_money()


def test_the_street_is_paid_without_a_record_and_subaccounts_with_their_own():
    v = venue()
    ann = v.account("ann")
    v.bank.open_subaccount(ann, NOW)
    v.bank.transfer(ann, "t", 0, 1, parse_money("100"), NOW)
    v.street.add(TICKER, Side.ASK, Price(4000), Count(1000), NOW)
    v.create_order("ann", bid("10", "0.40"), None, NOW, subaccount=1)
    v.life.determine(TICKER, Result.NO, None, NOW)
    v.life.finalize(TICKER, NOW)
    assert [(each.subaccount, each.revenue) for each in ann.settlements] == [(1, 0)]
    assert v.account("street:makers").settlements == []
    assert v.account("street:makers").main.cash == parse_money("4")
    v.check_money()
