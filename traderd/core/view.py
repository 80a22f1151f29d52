"""What everybody but the engine may see of the state: questions, no levers.

Owns: the reads that services, screens and strategies share, with their units.
Must not: change anything, or keep anything of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from traderd.core import book_reads, proposals, reconcile
from traderd.core.account import Account
from traderd.core.balance_sync import balance_gap
from traderd.core.book import Book
from traderd.core.conditions import Conditions
from traderd.core.engine import Engine
from traderd.core.exposure import account_exposure
from traderd.core.feed_state import FeedState
from traderd.core.keyed_requests import KeyedRequest
from traderd.core.ledger import Ledger, Position
from traderd.core.market_data import MarketData
from traderd.core.order import Order
from traderd.core.order_groups import OrderGroups
from traderd.core.quality_records import BookQuality
from traderd.core.risk import Denied, RiskLimits
from traderd.core.risk_account import RiskState, marked_profit
from traderd.core.standing import Standing, standing
from traderd.core.strategy_books import EXTERNAL, StrategyBook, label_of
from traderd.core.tick_counts import TickCounts
from traderd.core.universe import Universe
from traderd.errors import BookUnavailable
from traderd.model.events import (
    BookGrade,
    Difference,
    FeedName,
    HealthChecked,
    ServiceChanged,
    StateChanged,
    TradePrinted,
)
from traderd.model.ids import MarketTicker
from traderd.model.market import Market
from traderd.model.orders import Attribution, Fill, OrderOwner, OrderRecord, OrderTerms
from traderd.model.states import WORKING, State
from traderd.model.units import FINE_PER_PRICE, ONE_DOLLAR, FinePrice, Money, Price, Timestamp


class StateView:
    """Read-only questions to the engine; what it returns must not be changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def state(self) -> State:
        """The daemon's state."""
        return self._engine.state

    @property
    def state_since(self) -> Timestamp | None:
        """When it was entered."""
        return self._engine.state_since

    @property
    def working(self) -> bool:
        """Tell whether strategies may act."""
        return self._engine.state in WORKING

    @property
    def limits(self) -> RiskLimits:
        """The numbers that bound risk."""
        return self._engine.limits

    @property
    def market_data(self) -> MarketData:
        """Books, feeds and their counters."""
        return self._engine.market_data

    @property
    def universe(self) -> Universe:
        """Which markets are followed, and why."""
        return self._engine.market_data.universe

    @property
    def followed(self) -> tuple[MarketTicker, ...]:
        """The markets that are followed now, in the order in which they came."""
        return tuple(self._engine.market_data.universe.followed)

    @property
    def ledger(self) -> Ledger:
        """Positions and fills."""
        return self._engine.ledger

    @property
    def account(self) -> Account:
        """The exchange's last words about our money."""
        return self._engine.account

    @property
    def conditions(self) -> Conditions:
        """Halts, pauses, degraded parts, the breaker."""
        return self._engine.conditions

    @property
    def transitions(self) -> tuple[StateChanged, ...]:
        """The last state changes, oldest first."""
        return tuple(self._engine.transitions)

    @property
    def left_since(self) -> tuple[Timestamp | None, ...]:
        """For each of `transitions`, when the state that it left had been entered, if that is known."""
        return tuple(self._engine.left_since)

    @property
    def services(self) -> dict[str, ServiceChanged]:
        """Each service's last status."""
        return dict(self._engine.services)

    @property
    def restarts(self) -> dict[str, int]:
        """How often each service was restarted in this run; those that never were are missing."""
        return dict(self._engine.restarts)

    @property
    def health(self) -> HealthChecked | None:
        """The last health check, None before the first."""
        return self._engine.health

    @property
    def health_history(self) -> tuple[HealthChecked, ...]:
        """The newest checks that found something else than the one before, oldest first."""
        return tuple(self._engine.health_history)

    @property
    def ticks(self) -> TickCounts:
        """How every look of a strategy ended, and how strategies do."""
        return self._engine.ticks

    @property
    def keyed_requests(self) -> Mapping[str, KeyedRequest]:
        """What was asked of us by keys of the askers' own, by key; also what is too long ago, until it is let go of."""
        return self._engine.requests.kept

    @property
    def denials(self) -> dict[str, int]:
        """Denied orders per rule, most frequent first."""
        return dict(self._engine.denials.most_common())

    @property
    def risk(self) -> RiskState:
        """What the risk gate remembers: refusals, losses, limits of the run before."""
        return self._engine.risk

    def marked_profit(self) -> Money | None:
        """Return the profit that loss limits go by, None while the first book of a market that we hold is waited for."""
        return marked_profit(self._engine)

    def feed(self, name: FeedName) -> FeedState:
        """Return one connection's state."""
        return self._engine.market_data.feeds[name]

    def market(self, ticker: MarketTicker) -> Market | None:
        """Return a market as the exchange listed it."""
        return self._engine.market_data.markets.get(ticker)

    def book(self, ticker: MarketTicker) -> Book | None:
        """Return a market's book, usable or not; its `last_known_...` reads never raise, its others may."""
        return self._engine.market_data.books.get(ticker)

    def usable_book(self, ticker: MarketTicker) -> Book:
        """Return a market's book for reading prices that can be trusted.

        Raises:
            BookUnavailable: there is no such book, or it cannot be trusted now; says why.
        """
        book = self.book(ticker)
        if book is None:
            raise BookUnavailable(f"there is no book of {ticker}")
        if not book.usable:
            raise BookUnavailable(f"the book of {ticker}: {book.unusable_because}")
        return book

    def quality(self, ticker: MarketTicker, now: Timestamp) -> BookQuality | None:
        """Return how good a market's book is at the time `now`, None if there is no such book."""
        return self._engine.market_data.quality(ticker, now)

    def grades(self) -> dict[BookGrade, int]:
        """Return how many books had each grade when they were last reviewed; those in doubt are an F at once."""
        data = self._engine.market_data
        return data.qualities.histogram(data.books.values())

    def books_below_grade(self) -> int:
        """Return how many books can be read but are graded below `risk.min_book_grade`: too poor for strategies."""
        minimum, books = self._engine.limits.min_book_grade, self._engine.market_data.books
        below = sum(n for grade, n in self.grades().items() if not grade.is_at_least(minimum))
        # Books in doubt count as an F.
        return max(0, below - sum(not book.usable for book in books.values()))

    def last_trade(self, ticker: MarketTicker) -> Price | None:
        """Return the YES price of a market's last trade that was seen, None before the first."""
        return self._engine.market_data.last_trade.get(ticker)

    def recent_trades(self, ticker: MarketTicker) -> tuple[TradePrinted, ...]:
        """Return a market's last public trades, newest last, RECENT_TRADES_KEPT at most."""
        return tuple(self._engine.market_data.tape.recent.get(ticker, ()))

    def strategy_position(self, strategy: str, ticker: MarketTicker) -> Position | None:
        """Return what one strategy holds of a market by its own fills, None if it never traded there."""
        book = self._engine.ledger.strategies.books.get(strategy)
        return None if book is None else book.positions.get(ticker)

    def position(self, ticker: MarketTicker) -> Position | None:
        """Return a market's position, None if there never was one."""
        return self._engine.ledger.positions.get(ticker)

    def positions_of_account(self) -> tuple[Position, ...]:
        """Return every position that is open or has made or lost money."""
        return tuple(
            position
            for position in self._engine.ledger.positions.values()
            if position.count or position.realized_pnl or position.fees_paid
        )

    def order(self, key: str) -> Order | None:
        """Return an order by client order id or order id."""
        return self._engine.orders.get(key)

    def held_markets(self) -> dict[MarketTicker, str]:
        """Return the markets that we have something in, with what: nothing may stop following those."""
        held = {p.ticker: "it has a position" for p in self._engine.ledger.open_positions()}
        for order in self._engine.orders.at_risk():
            status = order.status
            word = "an order that owes fills" if not status.is_live else f"a {status.value} order"
            held.setdefault(order.ticker, f"it has {word}")
        return held

    def missed_fills(self, fills: Iterable[Fill]) -> list[Fill]:
        """Return the fills of a reading that are not booked yet."""
        return reconcile.missed_fills(self._engine.ledger, fills)

    def owner_of(self, fill: Fill) -> str:
        """Return whose order a fill was of: a strategy, `person`, or `external` for one of nobody here."""
        order = self._engine.orders.find_for(fill)
        return EXTERNAL if order is None else label_of(order.attribution)

    def strategies(self) -> tuple[StrategyBook, ...]:
        """Return what each strategy has and earned, persons and external orders among them."""
        return tuple(self._engine.ledger.strategies.books.values())

    def balance_gap(
        self, balance: Money, started_at: Timestamp, theirs_at: Timestamp | None = None
    ) -> Money:
        """Return what a balance read from `started_at` on would leave unexplained, 0 while nothing can be said.

        `theirs_at` is the same moment by the exchange's clock, where that is another.
        """
        return balance_gap(self._engine, balance, started_at, theirs_at)

    def standing(self) -> tuple[Standing, ...]:
        """Return the differences that stand until somebody does something about them."""
        return standing(self._engine.account, self._engine.conditions)

    def order_difference(self, record: OrderRecord) -> Difference | None:
        """Return what an order's record tells that is not known yet."""
        return reconcile.order_difference(self._engine.orders, record)

    def live_orders(self, ticker: MarketTicker | None = None) -> tuple[Order, ...]:
        """Return the orders that can still fill, oldest first, of all markets or one."""
        return self._engine.orders.live(ticker)

    def own_live_orders(self, ticker: MarketTicker | None = None) -> tuple[Order, ...]:
        """Return the live orders that this daemon placed."""
        return tuple(
            order
            for order in self.live_orders(ticker)
            if order.attribution.owner is not OrderOwner.EXTERNAL
        )

    def owing_orders(self) -> tuple[Order, ...]:
        """Return the orders of which the exchange reported more fills than we have booked."""
        return tuple(order for order in self._engine.orders.at_risk() if order.fills_missing)

    def recent_orders(self, limit: int) -> tuple[Order, ...]:
        """Return the newest orders, finished ones included."""
        return tuple(islice(self._engine.orders.recent(), limit))

    def recent_fills(self, limit: int) -> Iterator[Fill]:
        """Yield the newest fills, newest first."""
        return islice(reversed(self._engine.ledger.recent_fills), limit)

    def judge(
        self,
        terms: OrderTerms,
        *,
        now: Timestamp | None = None,
        attribution: Attribution | None = None,
        price_is_worst: bool = False,
    ) -> Denied | None:
        """Return why an order may not be placed at the time `now`, None if it may.

        Without `attribution` it is judged as a strategy's, which more rules bind; without `now` the book is graded as of
        the newest market data. `price_is_worst` says that a person named the price as the worst at which it may close.
        """
        return self._engine.judge(
            terms, now=now, attribution=attribution, price_is_worst=price_is_worst
        )

    def only_closes(self, terms: OrderTerms, attribution: Attribution) -> bool:
        """Tell whether an order can do nothing but close what is held by who asks, by our own count."""
        asked = proposals.proposal(
            self._engine, terms, attribution=attribution, conditions_only=True
        )
        return asked.only_closes

    def judge_conditions(
        self, terms: OrderTerms, attribution: Attribution | None = None
    ) -> Denied | None:
        """Return which condition forbids that an order which was intended leaves now, None if none does."""
        return self._engine.judge_conditions(terms, attribution)

    def judge_amend(
        self, order: Order, new: OrderTerms, *, now: Timestamp | None = None
    ) -> Denied | None:
        """Return why a resting order may not become `new`, whose count is the total, None if it may."""
        return proposals.judge_amend(self._engine, order, new, now=now)

    def judge_amend_conditions(self, order: Order, new: OrderTerms) -> Denied | None:
        """Return which condition forbids that an intended amend leaves now, None if none does."""
        return proposals.judge_amend_conditions(self._engine, order, new)

    @property
    def order_groups(self) -> OrderGroups:
        """Our order groups at the exchange, and the strategies that they stopped."""
        return self._engine.groups

    def exposure(self) -> Money:
        """Return the worst-case loss over all markets, as if all that may still fill had filled."""
        engine = self._engine
        at_risk = engine.orders.at_risk()
        exclusive = engine.risk.exclusive_markets(self.held_markets())
        return account_exposure(engine.ledger, at_risk, None, exclusive)

    def last_known_mark(self, position: Position) -> Price | None:
        """Return the YES price at which the position could be closed: the opposite best, as it was last seen.

        Profit is shown with old prices rather than not at all; None when that side is empty.
        """
        book = self.book(position.ticker)
        if book is None:
            return None
        top = book.last_known_top()
        return top.bid if position.count > 0 else top.ask

    def last_known_mid(self, position: Position) -> FinePrice | None:
        """Return the middle of the position's book as it was last seen; None when a side is empty."""
        book = self.book(position.ticker)
        return None if book is None else book_reads.mid(book.last_known_top())

    def unrealized_at_mid(self, position: Position) -> Money | None:
        """Return a position's open profit at that middle, rounded down; None without one, 0 when flat."""
        if position.count == 0:
            return Money(0)
        middle = self.last_known_mid(position)
        if middle is None:
            return None
        worth = middle if position.count > 0 else ONE_DOLLAR * FINE_PER_PRICE - middle
        return Money(worth * abs(position.count) // FINE_PER_PRICE - position.cost)

    def unrealized_pnl_at_mid(self) -> Money:
        """Return the open profit at the middle of each book; where a side is empty, at the closing price."""
        total = 0
        for position in self._engine.ledger.open_positions():
            at_mid = self.unrealized_at_mid(position)
            total += self.profit_at_closing_price(position) if at_mid is None else at_mid
        return Money(total)

    def profit_at_closing_price(self, position: Position) -> Money:
        """Return a position's open profit at its mark; a side without buyers marks at its worst price."""
        worst = Price(0) if position.count > 0 else ONE_DOLLAR
        mark = self.last_known_mark(position)
        return position.unrealized_pnl(worst if mark is None else mark) or Money(0)

    def unrealized_pnl(self) -> Money:
        """Return the open profit at those marks; a side without buyers marks at its worst price."""
        positions = self._engine.ledger.open_positions()
        return Money(sum(self.profit_at_closing_price(position) for position in positions))
