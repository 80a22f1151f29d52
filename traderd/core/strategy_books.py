"""Profit by who asked for it: each strategy's own positions and cash, from its own orders' fills.

Owns: which fill belongs to whom, also when the order becomes known after its fill. A strategy's cost is the average of
its own fills, so its split between realized and open may differ from the account's, but not the sum of both.
Must not: hold money of its own: the entries of the account are in `ledger`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from traderd.core.position import Position
from traderd.model.cash import Settlement
from traderd.model.ids import MarketTicker, OrderId
from traderd.model.orders import Attribution, Fill, OrderOwner
from traderd.model.units import ONE_DOLLAR, Count, Money, Price

EXTERNAL: Final = OrderOwner.EXTERNAL.value
"""Whose fills are that nobody here asked for."""
WAITING_ORDERS_MAX: Final = 1_000
"""Bounds orders whose fills came before anybody knew whose they are; the oldest counts as external then."""


def label_of(attribution: Attribution) -> str:
    """Return the name under which an order's profit is counted."""
    return attribution.strategy or attribution.owner.value


@attrs.define(eq=False)
class StrategyBook:
    """What one strategy has and earned."""

    label: str
    positions: dict[MarketTicker, Position] = attrs.Factory(dict)
    fill_count: int = 0
    cash_flow: Money = Money(0)
    """Cash that its fills and settlements moved, fees included."""
    _open: dict[MarketTicker, Position] = attrs.Factory(dict)
    """Every position that is not flat, and some that are."""
    _forgotten_pnl: Money = Money(0)
    _forgotten_fees: Money = Money(0)

    @property
    def realized_pnl(self) -> Money:
        """Sum over its markets, fees not included."""
        return Money(self._forgotten_pnl + sum(p.realized_pnl for p in self.positions.values()))

    @property
    def fees_paid(self) -> Money:
        """Sum over its markets."""
        return Money(self._forgotten_fees + sum(p.fees_paid for p in self.positions.values()))

    def position(self, ticker: MarketTicker) -> Position:
        """Return its position in a market to change it, flat if there never was one."""
        found = self.positions.get(ticker)
        if found is None:
            found = self.positions[ticker] = Position(ticker)
        self._open[ticker] = found
        return found

    def open_positions(self) -> tuple[Position, ...]:
        """Return its positions that are not flat."""
        for ticker in [ticker for ticker, position in self._open.items() if not position.count]:
            del self._open[ticker]
        return tuple(self._open.values())

    def forget(self, ticker: MarketTicker) -> None:
        """Keep of a position only what it earned and paid; one that is not flat stays."""
        position = self.positions.get(ticker)
        if position is None or position.count:
            return
        del self.positions[ticker]
        self._open.pop(ticker, None)
        self._forgotten_pnl = Money(self._forgotten_pnl + position.realized_pnl)
        self._forgotten_fees = Money(self._forgotten_fees + position.fees_paid)

    def book(self, fill: Fill) -> None:
        """Book one of its fills."""
        revenue = self.position(fill.ticker).apply(fill).revenue
        self.cash_flow = Money(self.cash_flow + revenue - fill.fee)
        self.fill_count += 1

    def settle(self, ticker: MarketTicker, value: Price) -> None:
        """Pay its position out, at the value of one YES contract."""
        position = self.positions.get(ticker)
        if position is None or position.settled:
            return
        worth = value if position.count > 0 else ONE_DOLLAR - value
        revenue = Money(abs(position.count) * worth)
        position.settle(revenue)
        self.cash_flow = Money(self.cash_flow + revenue)


@attrs.define(eq=False)
class StrategyBooks:
    """Every strategy's book, and the fills that wait for an owner."""

    books: dict[str, StrategyBook] = attrs.Factory(dict)
    _waiting: dict[OrderId, list[Fill]] = attrs.Factory(dict)
    _values: dict[MarketTicker, Price] = attrs.Factory(dict)
    """What a YES contract of each settled market was worth: for fills that find their owner later."""

    def book(self, fill: Fill, owner: str | None) -> None:
        """Book a fill for its owner; None: nobody knows yet."""
        if owner is not None:
            self._book(fill, owner)
            return
        self._waiting.setdefault(fill.order_id, []).append(fill)
        if len(self._waiting) > WAITING_ORDERS_MAX:
            self.attribute(next(iter(self._waiting)), EXTERNAL)

    def attribute(self, order_id: OrderId, owner: str) -> None:
        """Give the fills of an order that waited to their owner."""
        for fill in self._waiting.pop(order_id, ()):
            self._book(fill, owner)

    def held(self, ticker: MarketTicker) -> Count:
        """Return the signed count of a market that all owners and the fills without one make together."""
        owned = sum(
            book.positions[ticker].count for book in self.books.values() if ticker in book.positions
        )
        waiting = sum(
            fill.signed_count
            for fills in self._waiting.values()
            for fill in fills
            if fill.ticker == ticker
        )
        return Count(owned + waiting)

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Yield what is kept, how much of it, and its cap."""
        yield "orders whose fills wait for an owner", len(self._waiting), WAITING_ORDERS_MAX

    def waiting(self) -> tuple[Fill, ...]:
        """Return the first fill of each order that nobody knows."""
        return tuple(fills[0] for fills in self._waiting.values())

    def settle(self, settlement: Settlement, value: Price | None) -> None:
        """Pay every strategy's position of a market out; without a value they stay open, as nobody can say how."""
        if value is None:
            return
        self._values[settlement.ticker] = value
        for book in self.books.values():
            book.settle(settlement.ticker, value)

    def forget(self, ticker: MarketTicker) -> None:
        """Keep of a market that left the ledger only what it earned and paid, where it is flat."""
        self._values.pop(ticker, None)
        for book in self.books.values():
            book.forget(ticker)

    def _book(self, fill: Fill, owner: str) -> None:
        book = self.books.get(owner)
        if book is None:
            book = self.books[owner] = StrategyBook(owner)
        position = book.position(fill.ticker)
        late = position.settled or fill.ticker in self._values
        if late and not position.settled:
            book.settle(fill.ticker, self._values[fill.ticker])
        book.book(fill)
        if late:
            self._pay_late(book, fill)

    def _pay_late(self, book: StrategyBook, fill: Fill) -> None:
        # The account's payout counted this fill already, its owner's did not.
        value = self._values[fill.ticker]
        position = book.positions[fill.ticker]
        now = position.settled_count or 0
        before = now - fill.signed_count

        def worth(count: int) -> int:
            return abs(count) * (value if count > 0 else ONE_DOLLAR - value)

        paid = worth(now) - worth(before)
        position.realized_pnl = Money(position.realized_pnl + paid)
        book.cash_flow = Money(book.cash_flow + paid)
