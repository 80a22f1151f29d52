"""Settlements and movements of cash, from the wire."""

import msgspec
import pytest

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.wire import portfolio
from traderd.kalshi.wire.money import move_from_wire, settlement_from_wire, transfer_from_wire
from traderd.model.cash import MoveKind
from traderd.model.units import NS_PER_S

SETTLEMENT = {
    "ticker": "A",
    "market_result": "no",
    "yes_count_fp": "0.00",
    "yes_total_cost_dollars": "0.000000",
    "no_count_fp": "3.50",
    "no_total_cost_dollars": "1.750000",
    "revenue": 350,
    "settled_time": "2026-11-15T06:29:30.5Z",
    "fee_cost": "0.017500",
    "value": 0,
}


def settlement(**changes):
    return settlement_from_wire(msgspec.convert(SETTLEMENT | changes, portfolio.Settlement))


def test_a_settlement_has_the_side_that_was_held_and_cents_as_money():
    read = settlement()
    assert (read.ticker, read.result, read.count, read.value) == ("A", "no", -350, 0)
    assert (read.cost, read.revenue, read.fees_paid) == (1_750_000, 3_500_000, 17_500)


@pytest.mark.parametrize(("value", "price"), [(37, 3_700), (37.5, 3_750), (None, None)])
def test_the_value_of_a_contract_may_be_scalar_or_missing(value, price):
    assert settlement(market_result="scalar", value=value).value == price


@pytest.mark.parametrize(
    "broken", [{"settled_time": "then"}, {"no_count_fp": "many"}, {"ticker": ""}]
)
def test_what_is_no_settlement_is_refused_by_name(broken):
    with pytest.raises(ExchangeProtocolError, match="settlement of"):
        settlement(**broken)


def test_a_deposit_came_in_and_a_withdrawal_went_out():
    row = portfolio.CashMovement(
        id="m1", status="applied", amount_cents=1_234, fee_cents=5, created_ts=10, finalized_ts=20
    )
    came, went = (move_from_wire(row, kind) for kind in (MoveKind.DEPOSIT, MoveKind.WITHDRAWAL))
    assert (came.amount, went.amount) == (12_340_000, -12_340_000)
    assert (came.fee, came.moved_at) == (50_000, 20 * NS_PER_S)
    unfinished = portfolio.CashMovement(id="m", status="applied", amount_cents=1, created_ts=10)
    assert move_from_wire(unfinished, MoveKind.DEPOSIT).moved_at == 10 * NS_PER_S


def test_a_transfer_is_seen_from_our_subaccount():
    row = portfolio.Transfer(
        transfer_id="x", from_subaccount=0, to_subaccount=3, amount_cents=100, created_ts=1
    )
    assert transfer_from_wire(row, 0).amount == -1_000_000
    assert transfer_from_wire(row, 3).amount == 1_000_000
