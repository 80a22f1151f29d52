"""The risk rules: each a small pure function that allows an order or says why not.

Owns: the rules of conditions and markets, and the order of all rules. A denial names the rule, its control, the number that
broke it, the limit and the cure. An order that only takes risk away passes the rules that bound risk.
Must not: hold state; everything it judges by is in the `Proposal`.
"""

from __future__ import annotations

from typing import Final

from traderd.core.conditions import BREAKER_HALT, KILL_HALT, venue_pause_words
from traderd.core.limit_rules import (
    account_position,
    collateral,
    engine_exposure,
    engine_orders,
    event_loss,
    event_position,
    exposure,
    market_position,
    not_fenced,
    open_orders,
    order_cost,
    size,
    strategy_position,
)
from traderd.core.loss_watch import DAILY_LOSS_HALT, DRAWDOWN_HALT
from traderd.core.price_rules import (
    collar,
    last_collar,
    mid_collar,
    on_grid,
    price_band,
    price_jump,
)
from traderd.core.repeat_rules import duplicate, message_rate, self_match
from traderd.core.risk_limits import RiskLimits
from traderd.core.share_rules import strategy_exposure, strategy_orders
from traderd.core.verdict import STRATEGY, Denied, Proposal, Rule
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketStatus
from traderd.model.orders import OrderOwner
from traderd.model.states import WORKING

__all__ = [
    "CONDITION_RULES",
    "RULES",
    "STRATEGY",
    "Denied",
    "Proposal",
    "RiskLimits",
    "Rule",
    "judge",
    "size",
]


HALT_CONTROLS: Final = {
    DAILY_LOSS_HALT: "C5",
    DRAWDOWN_HALT: "C5",
    "last_gate": "C9",
    BREAKER_HALT: "C15",
}
"""The control that raised a halt of the machine."""


def ready(proposal: Proposal) -> Denied | None:
    """Orders are taken only when the daemon is ready."""
    if proposal.state in WORKING:
        return None
    return Denied(
        rule="state",
        sentence=f"the daemon is not ready: its state is {proposal.state.value}; try again when it is",
    )


def not_halted(proposal: Proposal) -> Denied | None:
    """A halt stops new risk; reductions pass, but not the kill switch."""
    halt = proposal.halt
    if halt is None:
        return None
    if halt.halt_id == KILL_HALT:
        return Denied(
            rule="kill",
            control="C12",
            sentence=f"the kill switch was pulled by {halt.by or halt.author.value}: {halt.reason}; "
            f"nothing but cancels leaves until `traderd clear-halt {KILL_HALT}`",
        )
    if proposal.reduces:
        return None
    return Denied(
        rule="halt",
        control=HALT_CONTROLS.get(halt.halt_id, ""),
        sentence=f"halt {halt.halt_id!r} by {halt.author.value}: {halt.reason}; "
        f"`traderd clear-halt {halt.halt_id}` ends it",
    )


def not_paused(proposal: Proposal) -> Denied | None:
    """A pause stops new risk; reductions pass."""
    if proposal.paused is None or proposal.reduces:
        return None
    return Denied(
        rule="pause",
        sentence=f"trading is paused: {proposal.paused}; `traderd resume` of the same scope ends it",
    )


def strategy_allowed(proposal: Proposal) -> Denied | None:
    """A strategy whose order group was triggered opens nothing until a person resets it."""
    if proposal.strategy_stopped is None or proposal.only_closes:
        return None
    return Denied(rule="order_group", control="C7", sentence=proposal.strategy_stopped)


def not_repeating(proposal: Proposal) -> Denied | None:
    """A strategy that executed too often places nothing until a person enables it.

    Orders that rest are nothing for it, whatever they would do; what can only close its own position passes, or nobody
    could flatten it.
    """
    halt = proposal.strategy_halt
    if halt is None or proposal.only_closes:
        return None
    return Denied(
        rule="executions",
        control="C7",
        sentence=f"strategy {proposal.strategy} is stopped: {halt.reason}; find out why, then "
        f"`traderd clear-halt {halt.halt_id}`",
    )


def not_restricted(proposal: Proposal) -> Denied | None:
    """What is on the restricted list is not traded, not even to reduce."""
    names = [proposal.terms.ticker]
    if proposal.market is not None:
        names.append(MarketTicker(proposal.market.event_ticker))
    for entry in proposal.limits.restricted:
        if any(name == entry or name.startswith(f"{entry}-") for name in names):
            return Denied(
                rule="restricted",
                control="C16",
                sentence=f"{proposal.terms.ticker} is on the restricted list as {entry}; trade another market, or "
                "take it off risk.restricted",
                number=proposal.terms.ticker,
                limit=entry,
            )
    return None


def venue_open(proposal: Proposal) -> Denied | None:
    """While the exchange pauses nothing is sent to it."""
    if proposal.venue_paused is not None:
        what, why = "the exchange", proposal.venue_paused
    elif proposal.venue_paused_here is not None:
        what, why = f"market {proposal.terms.ticker}", proposal.venue_paused_here
    else:
        return None
    return Denied(
        rule="venue_pause", sentence=f"{venue_pause_words(what, why)}; try again when it resumes"
    )


def market_open(proposal: Proposal) -> Denied | None:
    """The market must be known and active."""
    ticker = proposal.terms.ticker
    if proposal.market is None and proposal.left_because is not None:
        return Denied(
            rule="market",
            sentence=f"market {ticker} is not followed any more: {proposal.left_because}; choose one that trades",
        )
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
        control="C10",
        number=quality.grade.value,
        limit=minimum.value,
        sentence=f"book grade {quality.grade.value}, minimum {minimum.value}: "
        f"{'; '.join(quality.causes)}; wait until it is better, or lower risk.min_book_grade",
    )


CONDITION_RULES: Final[tuple[Rule, ...]] = (
    ready,
    not_repeating,
    not_halted,
    not_paused,
    strategy_allowed,
    venue_open,
)
"""What can change between the verdict and the moment at which an order leaves."""

RULES: Final[tuple[Rule, ...]] = (
    *CONDITION_RULES,
    not_restricted,
    market_open,
    book_grade,
    on_grid,
    price_band,
    size,
    order_cost,
    not_fenced,
    open_orders,
    engine_orders,
    market_position,
    event_position,
    strategy_position,
    account_position,
    exposure,
    strategy_orders,
    strategy_exposure,
    engine_exposure,
    event_loss,
    collateral,
    collar,
    mid_collar,
    last_collar,
    price_jump,
    self_match,
    duplicate,
    message_rate,
)
"""In order: conditions, the market, the order itself, the account, the price, and last what a moment mends."""


def judge(proposal: Proposal, rules: tuple[Rule, ...] = RULES) -> Denied | None:
    """Return the first denial, None when every rule allows the order."""
    for rule in rules:
        denied = rule(proposal)
        if denied is not None:
            return denied
    return None
