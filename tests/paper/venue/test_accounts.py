"""Wallets: cash, positions and what resting orders tie up; and the accounts that hold them."""

from __future__ import annotations

import pytest

from tests.paper.venue.test_collateral import order
from tests.paper.venues import FREE, NOW, STANDARD, TICKER, WITH_MAKER_FEES, refusal_of
from traderd.model.orders import Side
from traderd.model.units import Count, Money, Price, parse_count, parse_money
from traderd.paper.venue.accounts import Account, Wallet

B, A = Side.BID, Side.ASK


def wallet(cash: str, held: str = "0") -> Wallet:
    """Return a wallet with a signed position that cost nothing."""
    made = Wallet("ann", 0, parse_money(cash))
    count = parse_count(held)
    if count:
        made.position(TICKER).apply(B if count > 0 else A, Price(4000), Count(abs(count)), NOW)
    return made


def test_available_cash_is_cash_minus_what_resting_orders_tie_up():
    held = wallet("10")
    first, second = order("1", B, "10", "0.40"), order("2", A, "5", "0.60")
    for each in (first, second):
        held.rest(each, FREE)
    assert (held.reserved, held.available) == (parse_money("6"), parse_money("4"))
    assert held.all_resting() == [first, second]
    held.unrest(first, FREE)
    assert held.reserved == parse_money("2")
    assert held.resting(TICKER, B) == ()
    assert held.resting(TICKER, A) == (second,)
    assert first.reserved == 0


def test_a_position_relieves_the_oldest_orders_and_the_next_one_when_those_go():
    held = wallet("10", held="10")
    first, second = order("1", A, "8", "0.50"), order("2", A, "8", "0.50")
    held.rest(first, FREE)
    held.rest(second, FREE)
    assert (first.reserved, second.reserved) == (0, parse_money("3"))
    held.unrest(first, FREE)
    assert second.reserved == held.reserved == 0


def test_an_order_that_got_smaller_ties_up_less_and_leaves_its_relief_to_the_next():
    held = wallet("10", held="10")
    first, second = order("1", A, "10", "0.50"), order("2", A, "8", "0.50")
    held.rest(first, FREE)
    held.rest(second, FREE)
    first.remaining_count = parse_count("4")
    held.reserve(first, FREE)
    assert held.reserved == second.reserved == parse_money("1")


def test_reservations_follow_a_position_that_moves():
    held = wallet("10", held="5")
    closing = order("1", A, "5", "0.50")
    held.rest(closing, FREE)
    assert held.reserved == 0
    held.position(TICKER).apply(A, Price(5000), parse_count("8"), NOW)
    held.position_changed(TICKER, parse_count("5"), FREE)
    assert held.reserved == parse_money("2.5")
    opening = order("2", B, "4", "0.50")
    held.rest(opening, FREE)
    assert held.reserved == parse_money("2.5") + parse_money("0.5")


def test_reservations_follow_fees_that_change():
    held = wallet("100")
    held.rest(order("1", B, "100", "0.50"), STANDARD)
    assert held.reserved == parse_money("50")
    held.fees_changed(TICKER, WITH_MAKER_FEES)
    assert held.reserved == parse_money("50.4375")


def test_a_new_order_stands_behind_older_ones_for_the_position_it_closes():
    held = wallet("10", held="10")
    assert held.needed_for(order("1", A, "10", "0.50"), FREE) == 0
    held.rest(order("1", A, "8", "0.50"), FREE)
    assert held.needed_for(order("2", A, "10", "0.50"), FREE) == parse_money("4")
    assert held.needed_for(order("3", B, "10", "0.50"), FREE) == parse_money("5")


def test_a_post_only_order_needs_no_takers_fee():
    maker = order("1", B, "100", "0.50")
    maker.post_only = True
    assert wallet("100").needed_for(maker, STANDARD) == parse_money("50")
    assert wallet("100").needed_for(order("2", B, "100", "0.50"), STANDARD) == parse_money("51.75")


def test_an_amend_needs_what_it_costs_more_than_before():
    held = wallet("10")
    resting = order("1", B, "10", "0.40")
    held.rest(resting, FREE)
    assert held.amend_cost(resting, Price(5000), parse_count("10"), FREE) == parse_money("1")
    assert held.amend_cost(resting, Price(3000), parse_count("10"), FREE) == parse_money("-1")
    assert held.amend_cost(resting, Price(4000), parse_count("20"), FREE) == parse_money("4")


def test_an_amended_order_gives_the_relief_of_the_position_to_those_it_falls_behind():
    held = wallet("10", held="10")
    first, second = order("1", A, "10", "0.50"), order("2", A, "10", "0.80")
    held.rest(first, FREE)
    held.rest(second, FREE)
    assert held.reserved == parse_money("2")
    # Behind the second, which then closes, the first opens 10 NO at 0.50.
    assert held.amend_cost(first, Price(5000), parse_count("10"), FREE) == parse_money("3")


@pytest.mark.parametrize(
    ("cash", "amount", "can"),
    [("5", "5", True), ("5", "5.0001", False), ("-1", "0", True), ("-1", "0.0001", False)],
)
def test_a_wallet_below_zero_can_still_do_what_costs_nothing(cash, amount, can):
    assert wallet(cash).can_spend(parse_money(amount)) is can


def test_a_position_is_made_on_first_use_only():
    held = wallet("10")
    assert (held.count_of(TICKER), held.closable(TICKER, A)) == (0, 0)
    assert held.positions == {}
    assert held.position(TICKER) is held.position(TICKER)


def test_a_fill_changes_cash_fees_and_position_together():
    held = wallet("10")
    result = held.apply_fill(
        ticker=TICKER,
        side=B,
        price=Price(5200),
        count=Count(100),
        trade_fee=parse_money("0.017472"),
        remainder=Money(0),
        at=NOW,
    )
    assert held.cash == parse_money("9.4625")
    assert held.position(TICKER).fees_paid == result.net_fee == parse_money("0.0175")
    assert held.updated_at == NOW
    assert held.count_of(TICKER) == 100


def test_the_street_pays_no_fees_and_may_owe():
    street = Account("street:makers")
    assert street.is_street
    result = street.main.apply_fill(
        ticker=TICKER,
        side=B,
        price=Price(4000),
        count=Count(100),
        trade_fee=Money(5),
        remainder=Money(0),
        at=NOW,
    )
    assert (result.net_fee, street.main.cash) == (0, -400_000)
    assert street.main.position(TICKER).fees_paid == 0


def test_an_account_has_subaccount_0_and_those_that_were_opened():
    account = Account("ann")
    assert account.main is account.wallet() is account.wallet(0)
    assert refusal_of(account.wallet, 1) == (400, "invalid_parameters")
    assert account.open_wallet(1) is account.wallet(1)
    assert account.wallet(1).available == 0
    assert not account.is_street
