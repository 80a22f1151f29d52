"""Double entries: every amount of money that moves is booked where it came from and where it went.

Owns: the accounts, what one transaction is, and that its entries sum to 0; nothing else may change a balance.
What is owned or was spent counts above 0, what was earned or put in counts below 0.
Must not: know fills or markets' rules, or read a clock.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from traderd.errors import InvariantViolation
from traderd.model.ids import MarketTicker
from traderd.model.units import Money, Timestamp, show_money


class LedgerAccount(enum.Enum):
    """Where money can be."""

    CASH = "cash"
    """All cash, what resting orders tie up included."""
    POSITION_COST = "position_cost"
    """What the open positions cost; one per market."""
    REALIZED_PNL = "realized_pnl"
    """What closing by trades earned, below 0 for a profit."""
    SETTLEMENTS = "settlements"
    """What the end of markets earned beyond the cost, below 0 for a profit."""
    FEES = "fees"
    """Trade fees by the formula; a fee that no formula explains is here whole."""
    ROUNDING = "rounding"
    """What rounding to the balance's step cost (Kalshi: rounding fee)."""
    REBATES = "rebates"
    """What the exchange gave back of that, below 0."""
    OUTSIDE = "outside"
    """Deposits, withdrawals and transfers: the world outside this account."""
    CARRIED_IN = "carried_in"
    """What was there before our first reading, and what a person accepted without an explanation."""


A: Final = LedgerAccount
FEE_ACCOUNTS: Final = (A.FEES, A.ROUNDING, A.REBATES)
"""Together they are what the exchange charged."""
_Key: TypeAlias = tuple[LedgerAccount, MarketTicker | None]


class TransactionKind(enum.Enum):
    """What moved the money."""

    FILL = "fill"
    SETTLEMENT = "settlement"
    MOVEMENT = "movement"
    """A deposit, a withdrawal or a transfer."""
    CARRY_IN = "carry_in"
    OPENING = "opening"
    ACCEPTANCE = "acceptance"
    """A person took the exchange's balance over without an explanation."""


@attrs.frozen
class Entry:
    """One amount on one account."""

    account: LedgerAccount
    amount: Money
    ticker: MarketTicker | None = None


@attrs.frozen(kw_only=True)
class Transaction:
    """Entries that belong together."""

    kind: TransactionKind
    subject: str
    """The trade, market or movement that it is about."""
    at: Timestamp
    entries: tuple[Entry, ...]

    def check(self) -> None:
        """Raise InvariantViolation unless the entries sum to 0."""
        total = sum(entry.amount for entry in self.entries)
        if total:
            raise InvariantViolation(
                f"the entries of {self.kind.value} {self.subject} sum to {total} and not to 0"
            )

    @property
    def cash(self) -> Money:
        """The change of cash."""
        return Money(sum(e.amount for e in self.entries if e.account is A.CASH))


@attrs.define(eq=False)
class Books:
    """The balance of every account, as the sum of all transactions."""

    count: int = 0
    """Transactions so far."""
    _balances: dict[_Key, int] = attrs.Factory(dict)
    _totals: dict[LedgerAccount, int] = attrs.Factory(lambda: dict.fromkeys(LedgerAccount, 0))

    def post(self, transaction: Transaction) -> None:
        """Book a transaction; raises InvariantViolation, and changes nothing, unless it sums to 0."""
        transaction.check()
        for entry in transaction.entries:
            if entry.amount:
                key = (entry.account, entry.ticker)
                self._balances[key] = self._balances.get(key, 0) + entry.amount
                self._totals[entry.account] += entry.amount
        self.count += 1

    def balance(self, account: LedgerAccount, ticker: MarketTicker | None = None) -> Money:
        """Return an account's balance, of all markets or one."""
        if ticker is None:
            return Money(self._totals[account])
        return Money(self._balances.get((account, ticker), 0))

    def totals(self) -> dict[LedgerAccount, Money]:
        """Return all balances, in the order of the accounts."""
        return {account: Money(total) for account, total in self._totals.items()}

    def check(self) -> None:
        """Raise InvariantViolation unless all balances sum to 0, counted both ways."""
        if sum(self._totals.values()) or sum(self._balances.values()):
            shown = ", ".join(
                f"{account.value} {show_money(total, signed=True)}"
                for account, total in self.totals().items()
            )
            raise InvariantViolation(f"the ledger's accounts do not sum to 0: {shown}")
