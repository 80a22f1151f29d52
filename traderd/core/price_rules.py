"""The rules of the price: the grid, the band, and how far an order goes through the market.

Owns: which witness of the price an order is held against. Only what goes through it is a slip of the finger: an order far
on its own side waits there and harms nobody.
Must not: hold state.
"""

from __future__ import annotations

from traderd.core import book_reads
from traderd.core.book import Top
from traderd.core.risk_limits import NONE
from traderd.core.verdict import Denied, Proposal
from traderd.model.orders import OrderOwner, Side
from traderd.model.units import FINE_PER_PRICE, Price, show_price


def on_grid(proposal: Proposal) -> Denied | None:
    """The price must be one the market allows."""
    market, price = proposal.market, proposal.terms.price
    if market is None or market.grid.allows(price):
        return None
    lower, upper = market.grid.floor(price), market.grid.ceil(price)
    beside = [show_price(each) for each in (lower, upper) if each is not None]
    nearest = f"nearest {'are' if len(beside) > 1 else 'is'} {' and '.join(beside)}"
    return Denied(
        rule="grid",
        control="C2",
        number=show_price(price),
        sentence=f"{show_price(price)} is not on the price grid of {market.ticker} "
        f"({market.grid.describe()}); {nearest}",
    )


def price_band(proposal: Proposal) -> Denied | None:
    """Prices at the very ends are a slip of the finger or a bet on nothing; what only closes is neither."""
    price, limits = proposal.terms.price, proposal.limits
    highest = limits.max_price or price
    if limits.min_price <= price <= highest or proposal.only_closes:
        return None
    below = price < limits.min_price
    name, limit = (
        ("min_price_dollars", limits.min_price) if below else ("max_price_dollars", highest)
    )
    return Denied(
        rule="price_band",
        control="C2",
        number=show_price(price),
        limit=show_price(limit),
        sentence=f"{show_price(price)} lies {'below' if below else 'above'} risk.{name} = {show_price(limit)}; "
        "price it inside the band",
    )


def collar(proposal: Proposal) -> Denied | None:
    """A price far through the market is a slip of the finger; with no price known nobody can tell.

    The worst price at which a person lets a position be closed is their own bound, where the book can give none.
    """
    if proposal.price_is_worst and proposal.only_closes:
        return None
    terms, book = proposal.terms, proposal.book
    if book is None or book.updated_at is None:
        return Denied(
            rule="book",
            control="C10",
            sentence=f"no book of {terms.ticker} has been seen yet; wait for its first snapshot",
        )
    # Last known prices on purpose: people, and what only takes risk away, may go by them when there is nothing better;
    # for anything else `book_grade` has spoken before.
    reference = _reference(terms.side, book.last_known_top(), proposal.last_trade)
    if reference is None:
        return Denied(
            rule="book",
            control="C10",
            sentence=f"the book of {terms.ticker} is empty and no trade was seen, so no price can be "
            "judged; wait for an order or a trade of somebody else",
        )
    (price, name), width = reference, proposal.limits.price_collar
    through = (terms.price - price) * terms.side.sign
    if through <= width:
        return None
    return Denied(
        rule="collar",
        control="C2",
        number=show_price(Price(through)),
        limit=show_price(width),
        sentence=f"{show_price(terms.price)} is {show_price(Price(through))} through {name} "
        f"({show_price(price)}) and risk.price_collar_dollars = {show_price(width)}; "
        "price it nearer to the book",
    )


def mid_collar(proposal: Proposal) -> Denied | None:
    """In a wide book the other side itself may be far from what the market is worth; what only closes has no choice."""
    terms, width = proposal.terms, proposal.limits.mid_collar
    middle = None if proposal.book is None else book_reads.mid(proposal.book.last_known_top())
    if middle is None or width == NONE or proposal.only_closes:
        return None
    # The middle may lie between two prices: against the order, it counts as the nearer one.
    through = (terms.price * FINE_PER_PRICE - middle) * terms.side.sign
    if through <= width * FINE_PER_PRICE:
        return None
    return _too_far(
        proposal,
        Price(middle // FINE_PER_PRICE),
        "the middle of the book",
        "mid_collar_dollars",
        width,
    )


def last_collar(proposal: Proposal) -> Denied | None:
    """A price far through the last trade is a slip, or the last trade is old: either way somebody must look.

    What only closes must get out of a market that has moved, as far as the collar around its book.
    """
    terms, width, last = proposal.terms, proposal.limits.last_collar, proposal.last_trade
    if proposal.only_closes:
        return None
    if last is None or width == NONE or (terms.price - last) * terms.side.sign <= width:
        return None
    return _too_far(proposal, last, "the last trade", "last_collar_dollars", width)


def price_jump(proposal: Proposal) -> Denied | None:
    """A book far from where the market last traded has jumped or is thin; strategies wait, people decide."""
    limit, last = proposal.limits.max_price_jump, proposal.last_trade
    middle = None if proposal.book is None else book_reads.mid(proposal.book.last_known_top())
    if limit == NONE or last is None or middle is None:
        return None
    if proposal.owner is OrderOwner.PERSON or proposal.reduces:
        return None
    jump = abs(middle - last * FINE_PER_PRICE)
    if jump <= limit * FINE_PER_PRICE:
        return None
    far = Price(jump // FINE_PER_PRICE)
    return Denied(
        rule="price_jump",
        control="C10",
        number=show_price(far),
        limit=show_price(limit),
        sentence=f"the middle of the book lies {show_price(far)} from the last trade ({show_price(last)}) and "
        f"risk.max_price_jump_dollars = {show_price(limit)}; wait until it trades there",
    )


def _too_far(proposal: Proposal, witness: Price, name: str, setting: str, width: Price) -> Denied:
    through = Price(abs(proposal.terms.price - witness))
    return Denied(
        rule="collar",
        control="C2",
        number=show_price(through),
        limit=show_price(width),
        sentence=f"{show_price(proposal.terms.price)} is {show_price(through)} through {name} "
        f"({show_price(witness)}) and risk.{setting} = {show_price(width)}; price it nearer to the book",
    )


def _reference(side: Side, top: Top, last_trade: Price | None) -> tuple[Price, str] | None:
    # What the order could trade against; when nothing rests there, the next best witness of the price.
    far, own = (top.ask, top.bid) if side is Side.BID else (top.bid, top.ask)
    if far is not None:
        return far, "the other side"
    if last_trade is not None:
        return last_trade, "the last trade"
    return None if own is None else (own, "the best of its own side")
