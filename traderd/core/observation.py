"""What a strategy sees of one market at one moment.

Owns: the observation, version OBSERVATION_VERSION: exact integers, no references into the live state, so a strategy
cannot reach in. `docs/observation.md` has every field with its unit and shape, `observation_vector` the view in floats.
Must not: contain anything that recorded events do not contain (`observe.OBSERVED_KINDS`).
"""

from __future__ import annotations

import enum
import hashlib
import sys
from array import array
from typing import Final

import attrs
import msgspec

from traderd.core import book_reads
from traderd.core.book import Top
from traderd.model.book_events import BookGrade
from traderd.model.ids import MarketTicker
from traderd.model.market import Market
from traderd.model.market_events import Levels
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import Count, FinePrice, Money, Price, Timestamp

OBSERVATION_VERSION: Final = 1
"""Raised when a field changes its name, its unit or its meaning; a field that is added does not raise it."""
LEVELS_SEEN: Final = 10
"""Bounds the levels of each side, best first: deeper ones are hardly ever reached and cost time at every look."""


class PriceSource(enum.Enum):
    """Where the prices of an observation are from."""

    LIVE = "live"
    LAST_KNOWN = "last_known"
    """The book cannot be trusted now: its prices are as they were last seen, however old or doubtful."""


@attrs.frozen(kw_only=True)
class OwnOrder:
    """One of the strategy's own live orders."""

    key: str
    side: Side
    price: Price
    remaining: Count
    """What can still fill."""
    status: OrderStatus
    count: Count = Count(0)
    """The total that was asked for, filled contracts included: what an amend names."""
    changing: bool = False
    """An amend is under way, or its outcome is unknown."""
    placed_at: Timestamp = Timestamp(0)


@attrs.frozen(kw_only=True)
class RecentTrade:
    """One public trade of the market."""

    at: Timestamp
    """By the exchange's clock where it gave a time, else when we saw it."""
    price: Price
    count: Count
    taker_side: Side
    """BID: who took bought YES."""


@attrs.frozen(kw_only=True)
class Observation:
    """One market at one moment; prices are YES prices in 1/10 000 $, counts 1/100 contract, money 1/1 000 000 $."""

    at: Timestamp
    """The moment: the only clock a strategy has."""
    market: Market
    source: PriceSource
    book_grade: BookGrade
    """How good the book is, and why it is no better: `book_causes`."""
    book_causes: tuple[str, ...]
    book_age_ns: int | None
    """Since the book's last proof of life (delta, snapshot, audit that agreed); None when nothing tells."""
    bids: Levels
    """(price, size) of the best LEVELS_SEEN levels, highest first; from `source`."""
    asks: Levels
    """The same of the other side, lowest first."""
    last_trade: Price | None
    trades: tuple[RecentTrade, ...]
    """The last public trades, newest last."""
    orders: tuple[OwnOrder, ...]
    """The strategy's own live orders, oldest first."""
    position: Count
    """What the strategy itself holds; signed: above 0 long YES, below 0 long NO."""
    account_position: Count
    """What the whole account holds, whoever bought it."""
    average_cost: Price | None
    """Of the strategy's position, of the held side; None when flat; rounded down."""
    realized_pnl: Money
    """What closing and settling earned the strategy in this market, fees left out."""
    unrealized_pnl: Money | None
    """Its open profit if it were closed at the opposite best price; None without such a price, 0 when flat."""
    fees_paid: Money
    """By the strategy in this market."""
    balance: Money | None
    """What the exchange last said that the account can spend; None before the first reading."""
    features: tuple[tuple[str, int], ...] = ()
    """What plugins add (hook `traderd_observations`): names and exact integers, in the order of the names."""

    @property
    def ticker(self) -> MarketTicker:
        """The market's ticker."""
        return self.market.ticker

    @property
    def book_usable(self) -> bool:
        """Tell whether the prices can be trusted now."""
        return self.source is PriceSource.LIVE

    @property
    def last_known(self) -> Top:
        """The best prices of both sides as they were last seen, live or not."""
        return Top(bid=self.bid, bid_count=self.bid_count, ask=self.ask, ask_count=self.ask_count)

    @property
    def bid(self) -> Price | None:
        """The best bid, None when that side is empty."""
        return self.bids[0][0] if self.bids else None

    @property
    def bid_count(self) -> Count:
        """The size at the best bid, 0 when that side is empty."""
        return self.bids[0][1] if self.bids else Count(0)

    @property
    def ask(self) -> Price | None:
        """The best ask, None when that side is empty."""
        return self.asks[0][0] if self.asks else None

    @property
    def ask_count(self) -> Count:
        """The size at the best ask, 0 when that side is empty."""
        return self.asks[0][1] if self.asks else Count(0)

    @property
    def spread(self) -> Price | None:
        """Ask minus bid, None unless both sides exist."""
        return self.last_known.spread

    @property
    def mid(self) -> FinePrice | None:
        """The middle of both in 1/1 000 000 $, None unless both sides exist."""
        return book_reads.mid(self.last_known)

    @property
    def microprice(self) -> FinePrice | None:
        """The middle weighted with the sizes of the other side, in 1/1 000 000 $."""
        return book_reads.microprice(self.last_known)

    @property
    def imbalance(self) -> int | None:
        """How much more is bid than asked at the best prices, in 1/10 000; None while both sides are empty."""
        return book_reads.imbalance(self.last_known)

    @property
    def time_to_close_ns(self) -> int:
        """Until the market stops trading, 0 once it has."""
        return max(0, self.market.close_time - self.at)

    def own(self, side: Side) -> tuple[OwnOrder, ...]:
        """Return the strategy's live orders of one side."""
        return tuple(order for order in self.orders if order.side is side)

    def vector(self) -> array[float]:
        """Return the view for models: float32, as many as `VECTOR_FIELDS` has names and in their order."""
        from traderd.core.observation_vector import vector_of

        return vector_of(self)

    def canonical_bytes(self) -> bytes:
        """Return every field and the vector as bytes that are the same in every run, process and Python version."""
        row = self.vector()
        if sys.byteorder == "big":
            row.byteswap()
        return _ENCODER.encode((OBSERVATION_VERSION, self)) + row.tobytes()

    def fingerprint(self) -> str:
        """Return the SHA-256 of those bytes, in hex: two observations with the same one are the same."""
        return hashlib.sha256(self.canonical_bytes()).hexdigest()


_ENCODER: Final = msgspec.json.Encoder()
