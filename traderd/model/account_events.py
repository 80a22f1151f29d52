"""Facts of money: positions, complete readings of the account, and what was new in them.

Owns: the events of the account.
Must not: compare or compute (see `core/reconcile.py` and `core/ledger.py`).
"""

from __future__ import annotations

import attrs

from traderd.model.cash import CashMove, Settlement
from traderd.model.fees import PublishedFees
from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.orders import (
    BalanceRecord,
    PositionRecord,
)
from traderd.model.rows import UnreadableRow
from traderd.model.units import Count, Money, Price, Timestamp


@attrs.frozen(kw_only=True)
class PositionChanged:
    """Follows from a fill or an adoption: the market's position is new."""

    at: Timestamp
    ticker: MarketTicker
    count: Count
    average_cost: Price | None
    realized_pnl: Money
    fees_paid: Money


@attrs.frozen(kw_only=True)
class MarketSettled:
    """The exchange paid a position out; it counts once per market, however often it is told."""

    at: Timestamp
    settlement: Settlement


@attrs.frozen(kw_only=True)
class CashMoved:
    """Cash came from outside or went there; it counts once per movement, however often it is told."""

    at: Timestamp
    move: CashMove


@attrs.frozen(kw_only=True)
class BalanceAccepted:
    """A person took the exchange's balance over although nothing explains it."""

    at: Timestamp
    amount: Money
    """What was unexplained: the exchange's balance less ours."""
    by: str = ""
    """The name of who accepted it, as far as it is known."""


@attrs.frozen(kw_only=True)
class PositionAccepted:
    """A person took the exchange's position over although our fills do not explain it."""

    at: Timestamp
    ticker: MarketTicker
    by: str = ""


@attrs.frozen(kw_only=True)
class DifferenceIgnored:
    """A person noted a standing difference: it is told no more and stops nothing until it changes."""

    at: Timestamp
    item: str
    """`balance`, or `position:` and the ticker."""
    amount: int
    """The exchange's figure less ours: Money of the balance, a signed Count of a position."""
    by: str = ""


@attrs.frozen(kw_only=True)
class UnreadableRowsChanged:
    """Rows of the account that cannot be read are others than before."""

    at: Timestamp
    rows: tuple[UnreadableRow, ...]
    whole: bool = True
    """These are all of a complete reading; else rows that a look at one order found beside what is known."""


@attrs.frozen(kw_only=True)
class FeesPublished:
    """The exchange charges the fills of a series, or of one event, by these terms."""

    at: Timestamp
    fees: PublishedFees


@attrs.frozen(kw_only=True)
class FeeDiffered:
    """Follows from a fill: its fee is not what the series' published fees make it, or what its earlier fills do."""

    at: Timestamp
    ticker: MarketTicker
    trade_id: TradeId
    order_id: OrderId
    charged: Money
    expected: Money


@attrs.frozen(kw_only=True)
class Difference:
    """One thing in which the exchange and we disagreed."""

    kind: str
    """`fill_missed`, `fill_external`, `order_adopted`, `order_found`, `order_ended`, `order_amended`, `order_filled`,
    `position`, `position_gone`, `position_settling`, `position_agrees`, `carried_in`, `market_settled`,
    `settled_count`, `cash_moved`, `opening_balance`, `balance`, `balance_explained`, `balance_inconclusive`,
    `unreadable_order`, `unreadable_fill`, `unreadable_position`, `unreadable_settlement`, `ignored_ended`."""
    subject: str
    ours: str
    theirs: str


@attrs.frozen(kw_only=True)
class AccountSynced:
    """A complete reading of the account; a failed or partial one never becomes this event."""

    at: Timestamp
    started_at: Timestamp
    """Facts observed after this moment may be missing from the reading."""
    exchange_started_at: Timestamp | None = None
    """The same moment by the exchange's clock, to compare its own times with; None in what earlier versions wrote."""
    sync_type: str
    """`initial` or `update`."""
    positions: tuple[PositionRecord, ...]
    balance: BalanceRecord
    differences: tuple[Difference, ...] = ()
    """What the reading's fills, orders and settlements told that was new; they are events of their own."""
    settling: tuple[MarketTicker, ...] = ()
    """Markets that do not trade any more: a position that is gone from one of these is being paid out."""
    fills_whole: bool = True
    """False: a fill could not be read, so the next reading of fills starts where this one did."""
    proves_balance: bool = False
    """Whether settlements and movements of cash were read too, so that the balance can be proved; the readings of
    earlier versions did not."""

    unread_moves: tuple[str, ...] = ()
    """Lists of movements of cash that were asked for and could not be read: what is in them stays unexplained."""

    @property
    def theirs_at(self) -> Timestamp:
        """When it began by the exchange's clock, as well as that is known."""
        return self.started_at if self.exchange_started_at is None else self.exchange_started_at


@attrs.frozen(kw_only=True)
class TradingStateUpdated:
    """Follows from AccountSynced: where the account stands and what was new in it."""

    at: Timestamp
    sync_type: str
    version: int
    balance: Money
    balance_change: Money
    portfolio_value: Money
    position_count: int
    position_count_change: int
    order_count: int
    order_count_change: int
    differences: tuple[Difference, ...]
