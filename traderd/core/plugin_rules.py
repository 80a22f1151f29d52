"""Risk rules of plugins: what they see, and how they are asked.

Owns: `OrderQuestion`, which is frozen all the way down, and that a rule that fails denies in its own name. Plugins can
only forbid new risk: they are not asked about what takes risk away, so none of them can keep a position open.
Must not: let a rule overrule another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from traderd.core.book import NOTHING_KNOWN, Top
from traderd.core.verdict import Denied, Proposal
from traderd.model.book_events import BookGrade
from traderd.model.ids import StrategyName
from traderd.model.market import Market
from traderd.model.orders import OrderOwner, OrderTerms
from traderd.model.units import Count, Money, Timestamp

PLUGIN_CONTROL: Final = "plugin"
"""Stands where a built-in rule has the number of its control."""


@attrs.frozen(kw_only=True)
class OrderQuestion:
    """An order that would take new risk, as a plugin's rule sees it."""

    now: Timestamp
    terms: OrderTerms
    owner: OrderOwner
    strategy: StrategyName | None
    """None: a person asks."""
    market: Market
    top: Top
    """Best prices as they were last seen; `book_grade` tells how far to trust them."""
    book_grade: BookGrade
    position: Count
    """Signed: above 0 long YES."""
    live_orders: int
    exposure_before: Money
    exposure_after: Money


@attrs.frozen(kw_only=True)
class RiskRule:
    """A rule as a plugin offers it."""

    name: str
    """How denials call it."""
    check: Callable[[OrderQuestion], str | None]
    """A pure function: why the order is not allowed and what to do, None if it is."""


def question_of(proposal: Proposal, market: Market) -> OrderQuestion:
    """Return what plugins are shown of a proposal."""
    book, quality = proposal.book, proposal.quality
    return OrderQuestion(
        now=proposal.now,
        terms=proposal.terms,
        owner=proposal.owner,
        strategy=proposal.strategy,
        market=market,
        top=NOTHING_KNOWN if book is None else book.last_known_top(),
        book_grade=BookGrade.F if quality is None else quality.grade,
        position=proposal.position,
        live_orders=proposal.live_orders,
        exposure_before=proposal.exposure_before,
        exposure_after=proposal.exposure_after,
    )


def ask_plugins(rules: Iterable[RiskRule], proposal: Proposal) -> Denied | None:
    """Return the first denial of a plugin's rule, None when all of them allow the order."""
    market = proposal.market
    if market is None or proposal.reduces:
        return None
    for rule in rules:
        try:
            sentence = rule.check(question_of(proposal, market))
        except Exception as exc:  # noqa: BLE001 - a foreign rule may fail in any way; then it has not allowed the order
            sentence = f"the rule failed, so nothing passes it: {type(exc).__name__}: {exc}; mend or remove the plugin"
        if sentence is not None:
            return Denied(rule=rule.name, sentence=str(sentence), control=PLUGIN_CONTROL)
    return None
