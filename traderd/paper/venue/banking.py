"""Money that moves without trading: deposits, withdrawals, subaccounts and transfers between them.

Owns: their rules and records (Kalshi: subaccounts), and the target allocation. A transfer's client id is good once, for ever.
Must not: move contracts.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.model.units import Money, Timestamp, show_money
from traderd.paper.venue.accounts import Account
from traderd.paper.venue.floor import Floor
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.records import STREET, CashMove, TargetAllocation, Transfer

SUBACCOUNT_MAX: Final = 63
"""Bounds a subaccount's number, and with it how many there are beside 0 (Kalshi: subaccounts)."""
CASH_MAX: Final = Money(10**15)
"""Bounds one movement of money: a billion dollars."""


@attrs.define(eq=False)
class Bank:
    """Every account's money that does not come from trading."""

    floor: Floor

    def open_account(self, account_id: str, cash: Money, now: Timestamp, *, name: str) -> Account:
        """Open an account with this much cash.

        Raises:
            VenueRefusal: 409 `account_already_exists`, or 400 for a reserved name or impossible cash.
        """
        if account_id in self.floor.accounts:
            raise VenueRefusal(409, "account_already_exists")
        if account_id.startswith(STREET) or not account_id or not 0 <= cash <= CASH_MAX:
            raise VenueRefusal(400, "invalid_parameters")
        account = self.floor.accounts[account_id] = Account(account_id, name or account_id)
        self.floor.touch(account)
        account.main.updated_at = now
        self._pay_in(account, cash)
        return account

    def deposit(self, account: Account, amount: Money, now: Timestamp) -> CashMove:
        """Put money into subaccount 0, or take it out when `amount` is below 0.

        Raises:
            VenueRefusal: 400 `available_balance_too_low` for more than is available, or an impossible amount.
        """
        if amount == 0 or abs(amount) > CASH_MAX:
            raise VenueRefusal(400, "invalid_parameters", details="amount is out of range")
        if amount < 0 and account.main.available < -amount:
            raise VenueRefusal(
                400,
                "available_balance_too_low",
                details=f"{account.name} has {show_money(account.main.available)} available",
            )
        move = CashMove(
            move_id=self.floor.new_id(), account_id=account.account_id, amount=amount, at=now
        )
        account.cash_moves.append(move)
        account.main.updated_at = now
        self._pay_in(account, amount)
        self.floor.touch(move)
        return move

    def _pay_in(self, account: Account, amount: Money) -> None:
        account.main.cash = Money(account.main.cash + amount)
        self.floor.paid_in = Money(self.floor.paid_in + amount)
        self.floor.touch(account.main)

    def open_subaccount(self, account: Account, now: Timestamp) -> int:
        """Open the next subaccount and return its number; raises VenueRefusal 400 when there are 63."""
        number = len(account.wallets)
        if number > SUBACCOUNT_MAX:
            raise VenueRefusal(
                400,
                "invalid_parameters",
                details=f"there are {SUBACCOUNT_MAX} subaccounts already",
            )
        wallet = account.open_wallet(number)
        wallet.updated_at = now
        self.floor.touch(wallet)
        return number

    def set_netting(self, account: Account, number: int, *, enabled: bool) -> None:
        """Keep whether a subaccount should net; raises VenueRefusal 400 when it is not there."""
        wallet = account.wallet(number)
        wallet.nets = enabled
        self.floor.touch(wallet)

    def set_target(self, account: Account, target: TargetAllocation) -> None:
        """Keep how an account wants its balance spread over the engines."""
        account.target = target
        self.floor.touch(account)

    def transfer(
        self,
        account: Account,
        client_transfer_id: str,
        from_subaccount: int,
        to_subaccount: int,
        amount: Money,
        now: Timestamp,
    ) -> Transfer:
        """Move money between two subaccounts of one account.

        Raises:
            VenueRefusal: 409 `transfer_already_exists` for a client id used before, 400 for what cannot be.
        """
        if client_transfer_id in account.transfers:
            raise VenueRefusal(409, "transfer_already_exists")
        source, target = account.wallet(from_subaccount), account.wallet(to_subaccount)
        if source is target or not 0 < amount <= CASH_MAX:
            raise VenueRefusal(400, "invalid_parameters", details="nothing to transfer")
        if source.available < amount:
            raise VenueRefusal(400, "available_balance_too_low")
        transfer = Transfer(
            transfer_id=self.floor.new_id(),
            account_id=account.account_id,
            client_transfer_id=client_transfer_id,
            from_subaccount=from_subaccount,
            to_subaccount=to_subaccount,
            amount=amount,
            at=now,
        )
        account.transfers[client_transfer_id] = transfer
        source.cash = Money(source.cash - amount)
        target.cash = Money(target.cash + amount)
        source.updated_at = target.updated_at = now
        for thing in (source, target, transfer):
            self.floor.touch(thing)
        return transfer
