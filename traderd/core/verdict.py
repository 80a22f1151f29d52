"""What the risk rules judge, and how they answer.

Owns: `Proposal`, one order with everything that it is judged by, and `Denied`, a refusal with its control and numbers.
Must not: judge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from traderd.core.book import Book
from traderd.core.fees import USUAL_MULTIPLIER
from traderd.core.order import Order
from traderd.core.quality_records import BookQuality
from traderd.core.risk_limits import RiskLimits
from traderd.core.risk_numbers import NOTHING_AT_RISK, RiskNumbers
from traderd.model.ids import StrategyName
from traderd.model.market import Market
from traderd.model.orders import OrderOwner, OrderTerms
from traderd.model.state_events import HaltRaised
from traderd.model.states import State
from traderd.model.units import Count, Money, Price, Timestamp

if TYPE_CHECKING:
    from traderd.core.strategy_share import StrategyShare

STRATEGY: Final = OrderOwner.STRATEGY
"""As whose an order is judged unless somebody says otherwise: more rules bind it than a person's."""


@attrs.frozen(kw_only=True)
class Proposal:
    """One order that wants to be placed, and everything the rules judge it by."""

    terms: OrderTerms
    owner: OrderOwner = STRATEGY
    """Who wants it: a person is trusted to look at a book, a strategy is not."""
    strategy: StrategyName | None = None
    limits: RiskLimits
    state: State
    market: Market | None
    book: Book | None
    quality: BookQuality | None
    """How good the book is now; None only when there is none."""
    position: Count
    same_side: Count
    """What may still fill of other orders on the same side of this market."""
    live_orders: int
    """Resting, in flight and unknown."""
    unknown_here: int
    """Orders of this market whose outcome is unknown."""
    exposure_before: Money
    exposure_after: Money
    halt: HaltRaised | None
    paused: str | None
    venue_paused: str | None
    """Why the whole exchange takes no orders."""
    venue_paused_here: str | None
    """Why the exchange takes none for this market alone."""
    last_trade: Price | None
    """Where this market last traded, as far as we saw."""
    position_in_doubt: bool = False
    """The exchange contradicts our position: nobody knows what would reduce it."""
    left_because: str | None = None
    """Why the market is not followed any more."""
    in_flight: OrderTerms | None = None
    """Of an amend: the worse of old and new terms, which count until the answer comes."""
    strategy_stopped: str | None = None
    """Why the strategy that asks is stopped until a person resets it."""
    strategy_halt: HaltRaised | None = None
    """The halt of a strategy that executed too often: of its orders only those pass that can do nothing but close."""
    now: Timestamp = Timestamp(0)
    before: RiskNumbers = NOTHING_AT_RISK
    """What is at risk without this order: resting, in flight, unknown and owed fills included."""
    after: RiskNumbers = NOTHING_AT_RISK
    """The same with it."""
    engine_orders: int = 0
    """`live_orders`, of the matching engine that holds this market."""
    collateral: tuple[Money, Money] | None = None
    """What this order may tie up, and what that engine has left for it; None while that is not known."""
    fee_multiplier: int = USUAL_MULTIPLIER
    """Bounds the fees of this market, in 1/1000."""
    messages: int = 0
    """Creates and amends of the account within the last second."""
    messages_here: int = 0
    """The same of this market."""
    message_wait_ns: int = 0
    """How long until the oldest of them is a second old."""
    equal_order: Order | None = None
    """A live or executed order of the same strategy, placed a moment ago by the same terms."""
    crossed_order: Order | None = None
    """Our own resting order that this one would trade with."""
    closable: Count = Count(0)
    """How much the strategy that asks can close of what it holds itself, its own orders taken off; a person may close the
    whole position."""
    share: StrategyShare | None = None
    """What the strategy that asks may use of the account; None: all that the account may."""
    strategy_orders: int = 0
    """Its own open orders: resting, in flight and unknown."""
    price_is_worst: bool = False
    """A person named the price as the worst that they take, knowing that the book cannot be judged."""

    @property
    def reduces(self) -> bool:
        """Tell whether filling it, and all orders of its side before it, only takes risk away."""
        if self.position_in_doubt:
            return False
        against = self.position * self.terms.side.sign < 0
        count = (self.in_flight or self.terms).count
        return against and self.same_side + count <= abs(self.position)

    @property
    def only_closes(self) -> bool:
        """Tell whether it can do nothing but close what is held by who asks: the caller's word for it is not enough.

        The exchange is told that it only reduces (such an order never rests), and by our own count it does, with
        everything taken off that may still fill on its side.
        """
        terms = self.terms
        return (
            terms.reduce_only
            and self.reduces
            and (self.owner is OrderOwner.PERSON or terms.count <= self.closable)
        )


@attrs.frozen(kw_only=True)
class Denied:
    """Why an order was not allowed."""

    rule: str
    sentence: str
    """What broke which limit, and what to do."""
    control: str = ""
    """The number of the control in docs/risk.md: `C3`."""
    number: str = ""
    """What broke the limit, in words for people; empty where there is no number."""
    limit: str = ""

    @property
    def words(self) -> str:
        """The whole refusal for people."""
        return f"denied by rule {self.rule}: {self.sentence}" + (
            f" [{self.control}]" if self.control else ""
        )


Rule: TypeAlias = Callable[[Proposal], Denied | None]
"""A pure function: the same proposal, the same answer."""
