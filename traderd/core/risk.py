"""The risk rules: each a small pure function that allows an order or says why not.

Owns: the rules and their order. A denial names the rule, the number that broke it, the limit and the cure.
An order that only takes risk away passes the rules that bound risk.
Must not: hold state; everything it judges by is in the `Proposal`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.core.book import Book, Top
from traderd.core.quality_records import BookQuality
from traderd.model.events import BookGrade, HaltRaised
from traderd.model.ids import MarketTicker
from traderd.model.market import Market, MarketStatus
from traderd.model.orders import OrderOwner, OrderTerms, Side
from traderd.model.states import WORKING, State
from traderd.model.units import (
    Count,
    Money,
    Price,
    show_count,
    show_money,
    show_price,
)

STRATEGY: Final = OrderOwner.STRATEGY
"""As whose an order is judged unless somebody says otherwise: more rules bind it than a person's."""


@attrs.frozen(kw_only=True)
class RiskLimits:
    """The numbers that bound risk."""

    max_order_count: Count
    max_open_orders: int
    max_exposure: Money
    breaker_errors: int
    price_collar: Price
    """How far beyond the far side of the book an order may be priced."""
    min_book_grade: BookGrade
    """The worst book on which a strategy takes new risk."""


@attrs.frozen(kw_only=True)
class Proposal:
    """One order that wants to be placed, and everything the rules judge it by."""

    terms: OrderTerms
    owner: OrderOwner
    """Who wants it: a person is trusted to look at a book, a strategy is not."""
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

    @property
    def reduces(self) -> bool:
        """Tell whether filling it, and all orders of its side before it, only takes risk away."""
        if self.position_in_doubt:
            return False
        against = self.position * self.terms.side.sign < 0
        return against and self.same_side + self.terms.count <= abs(self.position)


@attrs.frozen(kw_only=True)
class Denied:
    """Why an order was not allowed."""

    rule: str
    sentence: str


Rule = Callable[[Proposal], Denied | None]


def ready(proposal: Proposal) -> Denied | None:
    """Orders are taken only when the daemon is ready."""
    if proposal.state in WORKING:
        return None
    return Denied(
        rule="state",
        sentence=f"the daemon is not ready: its state is {proposal.state.value}; try again when it is",
    )


def not_halted(proposal: Proposal) -> Denied | None:
    """A halt stops new risk; reductions pass."""
    halt = proposal.halt
    if halt is None or proposal.reduces:
        return None
    return Denied(
        rule="halt",
        sentence=f"halt {halt.halt_id!r} by {halt.author.value}: {halt.reason}; clear it first",
    )


def not_paused(proposal: Proposal) -> Denied | None:
    """A pause stops new risk; reductions pass."""
    if proposal.paused is None or proposal.reduces:
        return None
    return Denied(rule="pause", sentence=f"trading is paused: {proposal.paused}; resume it first")


def venue_open(proposal: Proposal) -> Denied | None:
    """While the exchange pauses nothing is sent to it."""
    if proposal.venue_paused is not None:
        what, why = "the exchange", proposal.venue_paused
    elif proposal.venue_paused_here is not None:
        what, why = f"market {proposal.terms.ticker}", proposal.venue_paused_here
    else:
        return None
    return Denied(
        rule="venue_pause", sentence=f"{what} is paused: {why}; try again when it resumes"
    )


def market_open(proposal: Proposal) -> Denied | None:
    """The market must be known and active."""
    ticker = proposal.terms.ticker
    if proposal.market is None:
        return Denied(
            rule="market",
            sentence=f"market {ticker} is not known here; {_where_to_look(ticker)}",
        )
    if proposal.market.status is not MarketStatus.ACTIVE:
        return Denied(
            rule="market",
            sentence=f"market {ticker} is {proposal.market.status.value}, not active; "
            "choose one that trades",
        )
    return None


def _where_to_look(ticker: MarketTicker) -> str:
    # Kalshi: tickers are written in capitals.
    if ticker != ticker.upper():
        return f"did you mean {ticker.upper()}?"
    return (
        "`traderd markets` lists those that are followed; market_data.markets names them, or "
        "market_data.discover looks for them"
    )


def book_grade(proposal: Proposal) -> Denied | None:
    """A strategy takes no risk at the prices of a wrong, late or dubious book; reductions pass, and people decide."""
    quality, minimum = proposal.quality, proposal.limits.min_book_grade
    if proposal.owner is OrderOwner.PERSON or proposal.reduces:
        # A person is shown the grade, and may trade on last known prices however long the feed is down.
        return None
    if quality is None or quality.grade.is_at_least(minimum):
        return None
    return Denied(
        rule="book_grade",
        sentence=f"book grade {quality.grade.value}, minimum {minimum.value}: "
        f"{'; '.join(quality.causes)}; wait until it is better, or lower risk.min_book_grade",
    )


def on_grid(proposal: Proposal) -> Denied | None:
    """The price must be one the market allows."""
    market, price = proposal.market, proposal.terms.price
    if market is None or market.grid.allows(price):
        return None
    lower, upper = market.grid.floor(price), market.grid.ceil(price)
    return Denied(
        rule="grid",
        sentence=f"{show_price(price)} is not on the price grid of {market.ticker} "
        f"({market.grid.describe()}); nearest are {show_price(lower)} and {show_price(upper)}",
    )


def size(proposal: Proposal) -> Denied | None:
    """One order may not be larger than the limit."""
    count, limit = proposal.terms.count, proposal.limits.max_order_count
    if count <= limit:
        return None
    return Denied(
        rule="size",
        sentence=f"{show_count(count)} contracts is more than risk.max_order_contracts = "
        f"{show_count(limit)}; ask for less or raise the limit",
    )


def not_fenced(proposal: Proposal) -> Denied | None:
    """A market with an order of unknown outcome takes no new risk until it is resolved."""
    if proposal.unknown_here == 0 or proposal.reduces:
        return None
    return Denied(
        rule="fence",
        sentence=f"{proposal.unknown_here} order(s) of {proposal.terms.ticker} have an unknown "
        "outcome; the market is fenced, wait until they are found",
    )


def open_orders(proposal: Proposal) -> Denied | None:
    """Resting, in flight and unknown orders together are bounded."""
    limit = proposal.limits.max_open_orders
    if proposal.live_orders < limit:
        return None
    return Denied(
        rule="open_orders",
        sentence=f"{proposal.live_orders} orders are open and risk.max_open_orders = {limit}; "
        "cancel one first",
    )


def exposure(proposal: Proposal) -> Denied | None:
    """The worst loss over all markets is bounded; orders that lower it always pass."""
    after, limit = proposal.exposure_after, proposal.limits.max_exposure
    if after <= limit or after <= proposal.exposure_before:
        return None
    return Denied(
        rule="exposure",
        sentence=f"worst-case exposure would be {show_money(after)} and "
        f"risk.max_exposure_dollars = {show_money(limit)}; reduce a position or cancel orders first",
    )


def collar(proposal: Proposal) -> Denied | None:
    """A price far through the market is a slip of the finger; with no price known nobody can tell."""
    terms, book = proposal.terms, proposal.book
    if book is None or book.updated_at is None:
        return Denied(
            rule="book",
            sentence=f"no book of {terms.ticker} has been seen yet; wait for its first snapshot",
        )
    # Last known prices on purpose: people, and what only takes risk away, may go by them when there is nothing better;
    # for anything else `book_grade` has spoken before.
    reference = _reference(terms.side, book.last_known_top(), proposal.last_trade)
    if reference is None:
        return Denied(
            rule="book",
            sentence=f"the book of {terms.ticker} is empty and no trade was seen, so no price can be "
            "judged; wait for an order or a trade of somebody else",
        )
    (price, name), width = reference, proposal.limits.price_collar
    through = (terms.price - price) * terms.side.sign
    if through <= width:
        return None
    return Denied(
        rule="collar",
        sentence=f"{show_price(terms.price)} is {show_price(Price(through))} through {name} "
        f"({show_price(price)}) and risk.price_collar_dollars = {show_price(width)}; "
        "price it nearer to the book",
    )


def _reference(side: Side, top: Top, last_trade: Price | None) -> tuple[Price, str] | None:
    # What the order could trade against; when nothing rests there, the next best witness of the price.
    far, own = (top.ask, top.bid) if side is Side.BID else (top.bid, top.ask)
    if far is not None:
        return far, "the other side"
    if last_trade is not None:
        return last_trade, "the last trade"
    return None if own is None else (own, "the best of its own side")


CONDITION_RULES: Final[tuple[Rule, ...]] = (ready, not_halted, not_paused, venue_open)
"""What can change between the verdict and the moment at which an order leaves."""

RULES: Final[tuple[Rule, ...]] = (
    *CONDITION_RULES,
    market_open,
    book_grade,
    on_grid,
    size,
    not_fenced,
    open_orders,
    exposure,
    collar,
)
"""In order: conditions first, then the market, then the order itself, then the account."""


def judge(proposal: Proposal, rules: tuple[Rule, ...] = RULES) -> Denied | None:
    """Return the first denial, None when every rule allows the order."""
    for rule in rules:
        denied = rule(proposal)
        if denied is not None:
            return denied
    return None
