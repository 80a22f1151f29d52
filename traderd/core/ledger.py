"""All positions and all money, as double entries that sum to 0.

Owns: what each fact books: a fill, a settlement, a movement of cash, a position or a balance that was taken over. Fills
are known by trade id and order id, settlements by market and movements by their id, so each counts once: two orders of
one account that trade with each other share the trade id.
Must not: guess a fill from a position, or a position from an order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import attrs

from traderd.core.entries import (
    FEE_ACCOUNTS,
    Books,
    Entry,
    LedgerAccount,
    Transaction,
    TransactionKind,
)
from traderd.core.fee_model import FeeModel
from traderd.core.position import Position
from traderd.core.strategy_books import StrategyBooks
from traderd.errors import InvariantViolation
from traderd.model.cash import CashMove, Settlement
from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, PositionRecord
from traderd.model.units import ONE_DOLLAR, Count, Money, Price, Timestamp

__all__ = ["Booked", "Ledger", "Position"]

A: Final = LedgerAccount
FILL_IDS_KEPT_MAX: Final = 200_000
"""Bounds the memory of seen fills (about 50 MB); older ones are behind every sync's window."""
RECENT_FILLS_KEPT: Final = 1_000
"""Bounds the fills that screens can ask for; the journal keeps them all."""
POSITIONS_KEPT_MAX: Final = 10_000
"""Bounds the positions in memory (about 5 MB), besides those that are open: of the oldest that are flat only what they earned
and paid is kept, and a settlement goes with its position."""
MOVES_KEPT_MAX: Final = 10_000
"""Bounds the movements of cash that are known by their ids; older ones are known by their time."""
RECENT_TRANSACTIONS_KEPT: Final = 1_000
"""Bounds the transactions that screens can ask for; replaying the journal makes them all again."""


@attrs.frozen
class Booked:
    """What booking a fill did."""

    position: Position
    expected_fee: Money | None
    """What the fee model would have charged when it cannot explain what was; else None."""


@attrs.define(eq=False)
class Ledger:
    """All positions, the fills that made them, and the accounts."""

    positions: dict[MarketTicker, Position] = attrs.Factory(dict)
    recent_fills: deque[Fill] = attrs.Factory(lambda: deque(maxlen=RECENT_FILLS_KEPT))
    fill_count: int = 0
    cash_flow: Money = Money(0)
    """Sum of the cash changes of every fill we booked, fees included."""
    latest_fill_at: Timestamp | None = None
    """Execution time of the newest fill: where the next reading of fills starts from."""
    books: Books = attrs.Factory(Books)
    transactions: deque[Transaction] = attrs.Factory(lambda: deque(maxlen=RECENT_TRANSACTIONS_KEPT))
    fees: FeeModel = attrs.Factory(FeeModel)
    strategies: StrategyBooks = attrs.Factory(StrategyBooks)
    settlements: dict[MarketTicker, Settlement] = attrs.Factory(dict)
    """What was paid for the position of each market that has ended."""
    latest_settled_at: Timestamp | None = None
    """When the newest settlement was paid."""
    opened_at: Timestamp | None = None
    """When the reading began whose balance the accounts start from, by the exchange's clock; older movements of cash
    are in it."""
    _open: dict[MarketTicker, Position] = attrs.Factory(dict)
    """Every position that is not flat, and no other."""
    _flat: dict[MarketTicker, None] = attrs.Factory(dict)
    """Every other one, in the order in which they became so."""
    _forgotten_pnl: Money = Money(0)
    """What the positions earned that left memory."""
    _forgotten_fees: Money = Money(0)
    _settled_until: Timestamp | None = None
    """The newest settlement that left memory."""
    _moves: dict[str, Timestamp] = attrs.Factory(dict)
    _moves_until: Timestamp | None = None
    """The newest movement of cash that left memory."""
    _seen: dict[tuple[TradeId, OrderId], None] = attrs.Factory(dict)

    def knows(self, trade_id: TradeId, order_id: OrderId) -> bool:
        """Tell whether this fill was booked."""
        return (trade_id, order_id) in self._seen

    def knows_move(self, move: CashMove) -> bool:
        """Tell whether this movement of cash was told before."""
        if move.move_id in self._moves:
            return True
        return self._moves_until is not None and move.moved_at <= self._moves_until

    def knows_settlement(self, settlement: Settlement) -> bool:
        """Tell whether this settlement was booked; one of a position that is still open never was."""
        ticker = settlement.ticker
        if ticker in self.settlements:
            return True
        if ticker in self.positions or self._settled_until is None:
            return False
        return settlement.settled_at <= self._settled_until

    def book(self, fill: Fill, owner: str | None = None) -> Booked:
        """Book a fill; one that was booked before changes nothing.

        `owner` is whose order it was, None while nobody knows.

        Raises:
            InvariantViolation: its entries do not sum to 0; nothing was changed.
        """
        position = self.position(fill.ticker)
        if self.knows(fill.trade_id, fill.order_id):
            return Booked(position, None)
        judgement, effect = self.fees.judge(fill), position.effect_of(fill)
        split, ticker = judgement.split, fill.ticker
        earned = A.SETTLEMENTS if position.settled else A.REALIZED_PNL
        transaction = Transaction(
            kind=TransactionKind.FILL,
            subject=fill.trade_id,
            at=fill.executed_at,
            entries=(
                Entry(A.CASH, Money(effect.revenue - fill.fee)),
                Entry(A.POSITION_COST, effect.cost_change, ticker),
                Entry(earned, Money(-effect.realized), ticker),
                Entry(A.FEES, split.trade_fee, ticker),
                Entry(A.ROUNDING, split.rounding, ticker),
                Entry(A.REBATES, Money(-split.rebate), ticker),
            ),
        )
        self._post(transaction)
        self._seen[fill.trade_id, fill.order_id] = None
        if len(self._seen) > FILL_IDS_KEPT_MAX:
            del self._seen[next(iter(self._seen))]
        position.apply(fill)
        self._sort_in(position)
        self.cash_flow = Money(self.cash_flow + transaction.cash)
        self.strategies.book(fill, owner)
        self.fill_count += 1
        self.recent_fills.append(fill)
        self.latest_fill_at = max(self.latest_fill_at or fill.executed_at, fill.executed_at)
        return Booked(position, judgement.expected)

    def settle(self, settlement: Settlement) -> Position | None:
        """Turn a market's position into cash and profit; None when it was settled before.

        A position that no fill made is carried in first, at what the exchange says that it had cost.
        """
        ticker = settlement.ticker
        if self.knows_settlement(settlement):
            return None
        position = self.positions.get(ticker)
        if position is None:
            position = self.carry_in(
                PositionRecord(
                    ticker=ticker,
                    count=settlement.count,
                    exposure=settlement.cost,
                    realized_pnl=Money(0),
                    fees_paid=Money(0),
                ),
                settlement.settled_at,
            )
        cost, revenue = position.cost, settlement.revenue
        self._post(
            Transaction(
                kind=TransactionKind.SETTLEMENT,
                subject=ticker,
                at=settlement.settled_at,
                entries=(
                    Entry(A.CASH, revenue),
                    Entry(A.POSITION_COST, Money(-cost), ticker),
                    Entry(A.SETTLEMENTS, Money(cost - revenue), ticker),
                ),
            )
        )
        self.settlements[ticker] = settlement
        settled_at = settlement.settled_at
        self.latest_settled_at = max(self.latest_settled_at or settled_at, settled_at)
        position.settle(revenue)
        self._sort_in(position)
        self.strategies.settle(settlement, _value_of(settlement))
        return position

    def move_cash(self, move: CashMove) -> bool:
        """Book a movement of cash; False when it was known, or is older than the first balance."""
        if self.knows_move(move):
            return False
        self._moves[move.move_id] = move.moved_at
        if len(self._moves) > MOVES_KEPT_MAX:
            moved_at = self._moves.pop(next(iter(self._moves)))
            self._moves_until = max(self._moves_until or moved_at, moved_at)
        if self.opened_at is None or move.moved_at <= self.opened_at:
            return False
        self._post(
            Transaction(
                kind=TransactionKind.MOVEMENT,
                subject=move.move_id,
                at=move.moved_at,
                entries=(
                    Entry(A.CASH, Money(move.amount - move.fee)),
                    Entry(A.OUTSIDE, Money(move.fee - move.amount)),
                ),
            )
        )
        return True

    def carry_in(self, record: PositionRecord, at: Timestamp) -> Position:
        """Take a position over from the exchange that no fill explains."""
        position = self.position(record.ticker)
        change = Money(record.exposure - position.cost)
        self._post(_against_carried_in(TransactionKind.CARRY_IN, at, record.ticker, change))
        position.carry_in(record)
        self._sort_in(position)
        return position

    def open(self, cash: Money, at: Timestamp) -> None:
        """Begin with so much cash, whatever was booked before; `at` is when its reading began."""
        self.opened_at = at
        self._take_over_cash(TransactionKind.OPENING, Money(cash - self.cash), at)

    def accept(self, amount: Money, at: Timestamp) -> None:
        """Take cash over that nothing explains."""
        self._take_over_cash(TransactionKind.ACCEPTANCE, amount, at)

    def _take_over_cash(self, kind: TransactionKind, amount: Money, at: Timestamp) -> None:
        self._post(_against_carried_in(kind, at, None, amount))

    def _post(self, transaction: Transaction) -> None:
        self.books.post(transaction)
        self.transactions.append(transaction)

    def check(self) -> None:
        """Compare the accounts with each other and with the positions.

        Raises:
            InvariantViolation: they do not agree.
        """
        self.books.check()
        cost = sum(position.cost for position in self.positions.values())
        for name, ours, booked in (
            ("the positions' cost", cost, self.books.balance(A.POSITION_COST)),
            ("realized profit", self.realized_pnl, self.earned),
            ("fees", self.fees_paid, self.fees_booked),
        ):
            if ours != booked:
                raise InvariantViolation(f"{name} is {ours} by position and {booked} by entries")

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Yield what is kept, how much of it, and its cap; positions that are open count extra."""
        yield "positions", len(self.positions), POSITIONS_KEPT_MAX + len(self._open)
        yield "ids of fills", len(self._seen), FILL_IDS_KEPT_MAX
        yield "ids of cash movements", len(self._moves), MOVES_KEPT_MAX

    def position(self, ticker: MarketTicker) -> Position:
        """Return a market's position, flat if there never was one."""
        position = self.positions.get(ticker)
        if position is None:
            position = self.positions[ticker] = Position(ticker)
            # Where an earlier one left memory flat, what its owners' fills still make was carried in.
            position.carried_in = Count(-self.strategies.held(ticker))
            self._sort_in(position)
        return position

    def open_positions(self) -> tuple[Position, ...]:
        """Return the positions that are not flat; it walks no others, however many there were."""
        return tuple(self._open.values())

    def _sort_in(self, position: Position) -> None:
        # After each change, so that what is kept is within its cap also when thousands become flat at once.
        ticker = position.ticker
        if position.count:
            self._flat.pop(ticker, None)
            self._open[ticker] = position
            return
        self._open.pop(ticker, None)
        self._flat.setdefault(ticker)
        if len(self._flat) > POSITIONS_KEPT_MAX:
            self._forget(next(iter(self._flat)))

    def _forget(self, ticker: MarketTicker) -> None:
        del self._flat[ticker]
        position = self.positions.pop(ticker)
        self._forgotten_pnl = Money(self._forgotten_pnl + position.realized_pnl)
        self._forgotten_fees = Money(self._forgotten_fees + position.fees_paid)
        settlement = self.settlements.pop(ticker, None)
        if settlement is not None:
            settled_at = settlement.settled_at
            self._settled_until = max(self._settled_until or settled_at, settled_at)
        self.strategies.forget(ticker)

    @property
    def cash(self) -> Money:
        """All cash, what resting orders tie up included; only once `opened_at` is known is it all there is."""
        return self.books.balance(A.CASH)

    @property
    def earned(self) -> Money:
        """What closing and settling earned, by the entries."""
        return Money(-self.books.balance(A.REALIZED_PNL) - self.books.balance(A.SETTLEMENTS))

    @property
    def fees_booked(self) -> Money:
        """What fills were charged, by the entries: fees and rounding less rebates."""
        return Money(sum(self.books.balance(account) for account in FEE_ACCOUNTS))

    @property
    def realized_pnl(self) -> Money:
        """Sum over all markets, fees not included."""
        return Money(self._forgotten_pnl + sum(p.realized_pnl for p in self.positions.values()))

    @property
    def fees_paid(self) -> Money:
        """Sum over all markets."""
        return Money(self._forgotten_fees + sum(p.fees_paid for p in self.positions.values()))


def _against_carried_in(
    kind: TransactionKind, at: Timestamp, ticker: MarketTicker | None, amount: Money
) -> Transaction:
    account = A.CASH if ticker is None else A.POSITION_COST
    return Transaction(
        kind=kind,
        subject=ticker or "cash",
        at=at,
        entries=(Entry(account, amount, ticker), Entry(A.CARRIED_IN, Money(-amount), ticker)),
    )


def _value_of(settlement: Settlement) -> Price | None:
    # Not by the words: a word of tomorrow must not be a payout of nothing.
    if settlement.value is not None:
        return settlement.value
    return {"yes": ONE_DOLLAR, "no": Price(0)}.get(settlement.result)
