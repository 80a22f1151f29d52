"""Money that moves without trading."""

from __future__ import annotations

import pytest

from tests.paper.venues import NOW, bid, later, refusal_of, venue
from traderd.model.units import Money, parse_money
from traderd.paper.venue.banking import CASH_MAX, SUBACCOUNT_MAX
from traderd.paper.venue.records import RESERVATION_DEFAULT, TargetAllocation

WRONG = (400, "invalid_parameters")
TOO_LOW = (400, "available_balance_too_low")


@pytest.mark.parametrize(
    ("name", "cash", "expected"),
    [
        ("ann", 1, (409, "account_already_exists")),
        ("street:x", 1, WRONG),
        ("", 1, WRONG),
        ("x", -1, WRONG),
        ("x", CASH_MAX + 1, WRONG),
    ],
)
def test_accounts_that_cannot_be_opened(name, cash, expected):
    v = venue()
    assert refusal_of(v.open_account, name, cash) == expected
    assert v.account_ids() == ("ann", "bob")
    v.check_money()


def test_an_account_is_opened_with_its_cash_and_a_name():
    v = venue()
    account = v.open_account("cat", parse_money("5"), NOW, name="Cat")
    assert (account.name, account.main.cash) == ("Cat", parse_money("5"))
    assert v.account("ann").name == "ann"
    assert v.floor.paid_in == parse_money("2005")
    v.check_money()


def test_deposits_and_withdrawals_move_cash_and_are_recorded():
    v = venue()
    ann = v.account("ann")
    for amount in ("5", "-1005"):
        v.bank.deposit(ann, parse_money(amount), later(1))
        v.check_money()
    assert ann.main.cash == 0
    assert [each.amount for each in ann.cash_moves] == [parse_money("5"), parse_money("-1005")]
    assert ann.main.updated_at == ann.cash_moves[0].at == later(1)
    assert v.floor.paid_in == parse_money("1000")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, WRONG),
        (CASH_MAX + 1, WRONG),
        (-CASH_MAX - 1, WRONG),
        (parse_money("-600.0001"), TOO_LOW),
    ],
)
def test_a_deposit_or_withdrawal_that_cannot_be(amount, expected):
    v = venue()
    v.create_order("ann", bid("1000", "0.40"), None, NOW)
    ann = v.account("ann")
    # What an order ties up cannot leave.
    assert refusal_of(v.bank.deposit, ann, Money(amount), NOW) == expected
    assert (ann.main.cash, ann.cash_moves) == (parse_money("1000"), [])


def test_subaccounts_are_numbered_one_by_one_up_to_63():
    v = venue()
    ann = v.account("ann")
    numbers = [v.bank.open_subaccount(ann, later(1)) for _ in range(SUBACCOUNT_MAX)]
    assert numbers == list(range(1, 64))
    assert ann.wallet(63).updated_at == later(1)
    assert refusal_of(v.bank.open_subaccount, ann, NOW) == WRONG
    assert v.bank.open_subaccount(v.account("bob"), NOW) == 1


def test_a_transfer_moves_cash_between_two_subaccounts():
    v = venue()
    ann = v.account("ann")
    v.bank.open_subaccount(ann, NOW)
    made = v.bank.transfer(ann, "t", 0, 1, parse_money("400"), later(1))
    assert (ann.main.cash, ann.wallet(1).cash) == (parse_money("600"), parse_money("400"))
    assert ann.transfers == {"t": made}
    assert (made.from_subaccount, made.to_subaccount, made.at) == (0, 1, later(1))
    v.bank.transfer(ann, "u", 1, 0, parse_money("400"), NOW)
    assert ann.main.cash == parse_money("1000")
    v.check_money()


@pytest.mark.parametrize(
    ("client_id", "source", "target", "amount", "expected"),
    [
        ("t", 0, 1, "1", (409, "transfer_already_exists")),
        ("u", 0, 2, "1", WRONG),
        ("u", 3, 0, "1", WRONG),
        ("u", 0, 0, "1", WRONG),
        ("u", 0, 1, "0", WRONG),
        ("u", 0, 1, "-1", WRONG),
        ("u", 0, 1, "599.0001", TOO_LOW),
        ("u", 1, 0, "1.0001", TOO_LOW),
    ],
)
def test_a_transfer_that_cannot_be_changes_nothing(client_id, source, target, amount, expected):
    v = venue()
    ann = v.account("ann")
    v.bank.open_subaccount(ann, NOW)
    v.bank.transfer(ann, "t", 0, 1, parse_money("1"), NOW)
    v.create_order("ann", bid("1000", "0.40"), None, NOW)
    transfer = (v.bank.transfer, ann, client_id, source, target, parse_money(amount), NOW)
    assert refusal_of(*transfer) == expected
    assert (ann.main.cash, ann.wallet(1).cash) == (parse_money("999"), parse_money("1"))
    assert list(ann.transfers) == ["t"]


def test_two_accounts_may_use_the_same_transfer_id():
    v = venue()
    for name in ("ann", "bob"):
        account = v.account(name)
        v.bank.open_subaccount(account, NOW)
        assert v.bank.transfer(account, "t", 0, 1, parse_money("1"), NOW).account_id == name


def test_netting_is_kept_for_a_subaccount_that_is_there():
    built = venue()
    account = built.account("ann")
    built.bank.set_netting(account, 0, enabled=True)
    assert account.wallet(0).nets
    built.bank.set_netting(account, 0, enabled=False)
    assert not account.wallet(0).nets
    assert refusal_of(lambda: built.bank.set_netting(account, 1, enabled=True)) == WRONG


def test_a_target_is_kept_and_noted_as_a_change():
    v = venue(tracks=True)
    account = v.account("ann")
    assert (account.target.shares, account.target.reservation) == ((), RESERVATION_DEFAULT)
    v.take_touched()
    wanted = TargetAllocation(shares=((0, 100),), reservation="max")
    v.bank.set_target(account, wanted)
    assert account.target is wanted
    assert list(v.take_touched()) == [account]
