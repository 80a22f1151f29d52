"""The rules of size and of what is at risk, in contracts and in money.

Owns: how much one order, one market, one event, one strategy, one matching engine and the account may risk, as if
everything that may fill had filled. A limit that is passed already stops only what would pass it further.
Must not: hold state.
"""

from __future__ import annotations

from traderd.core.fees import worst_fee
from traderd.core.risk_limits import NONE
from traderd.core.verdict import Denied, Proposal
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import (
    ONE_DOLLAR,
    Count,
    Money,
    Price,
    notional,
    show_count,
    show_money,
)


def worst_cost(terms: OrderTerms, multiplier: int) -> Money:
    """Return what an order costs at most when it fills, fee included; `multiplier` bounds that, in 1/1000."""
    price = terms.price if terms.side is Side.BID else Price(ONE_DOLLAR - terms.price)
    fee = worst_fee(terms.side, terms.price, terms.count, multiplier)
    return Money(notional(price, terms.count) + fee)


def size(proposal: Proposal) -> Denied | None:
    """One order may not be larger than the limit."""
    count, limit = proposal.terms.count, proposal.limits.max_order_count
    if count <= limit:
        return None
    return Denied(
        rule="size",
        control="C1",
        number=show_count(count),
        limit=show_count(limit),
        sentence=f"{show_count(count)} contracts is more than risk.max_order_contracts = "
        f"{show_count(limit)}; ask for less or raise the limit",
    )


def order_cost(proposal: Proposal) -> Denied | None:
    """One order may not cost more than the limit; what only takes risk away costs nothing."""
    cost, limit = (
        worst_cost(proposal.terms, proposal.fee_multiplier),
        proposal.limits.max_order_cost,
    )
    if limit == NONE or cost <= limit or proposal.reduces:
        return None
    return Denied(
        rule="order_cost",
        control="C1",
        number=show_money(cost),
        limit=show_money(limit),
        sentence=f"the order can cost {show_money(cost)} and risk.max_order_dollars = {show_money(limit)}; "
        "ask for less or raise the limit",
    )


def not_fenced(proposal: Proposal) -> Denied | None:
    """A market with an order of unknown outcome takes no new risk until it is resolved."""
    if proposal.unknown_here == 0 or proposal.reduces:
        return None
    return Denied(
        rule="fence",
        control="C3",
        number=str(proposal.unknown_here),
        limit="0",
        sentence=f"{proposal.unknown_here} order(s) of {proposal.terms.ticker} have an unknown "
        "outcome; the market is fenced, wait until they are found",
    )


def open_orders(proposal: Proposal) -> Denied | None:
    """Resting, in flight and unknown orders together are bounded; what only closes never rests and passes."""
    limit = proposal.limits.max_open_orders
    if proposal.live_orders < limit or proposal.only_closes:
        return None
    return Denied(
        rule="open_orders",
        control="C4",
        number=str(proposal.live_orders),
        limit=str(limit),
        sentence=f"{proposal.live_orders} orders are open and risk.max_open_orders = {limit}; "
        "cancel one first",
    )


def engine_orders(proposal: Proposal) -> Denied | None:
    """The same for the matching engine that holds this market."""
    limit, count = proposal.limits.max_engine_open_orders, proposal.engine_orders
    if limit == NONE or count < limit or proposal.only_closes:
        return None
    return Denied(
        rule="engine_orders",
        control="C4",
        number=str(count),
        limit=str(limit),
        sentence=f"{count} orders are open on this market's matching engine and "
        f"risk.max_engine_open_orders = {limit}; cancel one of them first",
    )


def exposure(proposal: Proposal) -> Denied | None:
    """The worst loss over all markets is bounded; orders that lower it always pass."""
    after, limit = proposal.exposure_after, proposal.limits.max_exposure
    if after <= limit or after <= proposal.exposure_before:
        return None
    return Denied(
        rule="exposure",
        control="C4",
        number=show_money(after),
        limit=show_money(limit),
        sentence=f"worst-case exposure would be {show_money(after)} and "
        f"risk.max_exposure_dollars = {show_money(limit)}; reduce a position or cancel orders first",
    )


def engine_exposure(proposal: Proposal) -> Denied | None:
    """The same for the markets of the matching engine that holds this one."""
    return _too_much_money(
        "engine_exposure",
        "C4",
        "max_engine_exposure_dollars",
        "worst-case exposure on this market's matching engine",
        (proposal.before.engine_exposure, proposal.after.engine_exposure),
        proposal.limits.max_engine_exposure,
    )


def event_loss(proposal: Proposal) -> Denied | None:
    """What one event can cost over all its outcomes is bounded, with what it has cost so far."""
    return _too_much_money(
        "event_loss",
        "C3",
        "max_event_loss_dollars",
        "the worst loss in this market's event",
        (proposal.before.event_loss, proposal.after.event_loss),
        proposal.limits.max_event_loss,
    )


def collateral(proposal: Proposal) -> Denied | None:
    """Each matching engine has a balance of its own, and an order needs it there."""
    if proposal.collateral is None or proposal.reduces:
        return None
    needed, left = proposal.collateral
    if needed <= left:
        return None
    index = 0 if proposal.market is None else proposal.market.exchange_index
    return Denied(
        rule="collateral",
        control="C4",
        number=show_money(needed),
        limit=show_money(left),
        sentence=f"the order can tie up {show_money(needed)} and {show_money(left)} are left on matching engine "
        f"{index}; move money there, ask for less or cancel orders first",
    )


def market_position(proposal: Proposal) -> Denied | None:
    """Contracts of one market, position and all that may fill on one side of it."""
    if proposal.reduces:
        return None
    return _too_many_contracts(
        "market_position",
        "this market",
        (proposal.before.market_position, proposal.after.market_position),
        proposal.limits.max_market_position,
    )


def event_position(proposal: Proposal) -> Denied | None:
    """Contracts of all markets of one event."""
    return _too_many_contracts(
        "event_position",
        "this market's event",
        (proposal.before.event_position, proposal.after.event_position),
        proposal.limits.max_event_position,
    )


def strategy_position(proposal: Proposal) -> Denied | None:
    """Contracts of one strategy, over all markets."""
    return _too_many_contracts(
        "strategy_position",
        f"strategy {proposal.strategy}",
        (proposal.before.strategy_position, proposal.after.strategy_position),
        _strategy_limit(proposal),
    )


def _strategy_limit(proposal: Proposal) -> Count:
    share, limit = proposal.share, proposal.limits.max_strategy_position
    bounds = [bound for bound in (limit, share.max_position if share else NONE) if bound != NONE]
    return Count(min(bounds, default=NONE))


def account_position(proposal: Proposal) -> Denied | None:
    """Contracts of the account, over all markets."""
    return _too_many_contracts(
        "account_position",
        "the account",
        (proposal.before.account_position, proposal.after.account_position),
        proposal.limits.max_account_position,
    )


def _too_many_contracts(
    rule: str, whose: str, counts: tuple[Count, Count], limit: Count
) -> Denied | None:
    before, after = counts
    if limit == NONE or after <= limit or after <= before:
        return None
    return Denied(
        rule=rule,
        control="C3",
        number=show_count(after),
        limit=show_count(limit),
        sentence=f"{whose} could come to hold {show_count(after)} contracts and "
        f"risk.max_{rule}_contracts = {show_count(limit)}; reduce a position or cancel orders first",
    )


def _too_much_money(
    rule: str, control: str, setting: str, what: str, amounts: tuple[Money, Money], limit: Money
) -> Denied | None:
    before, after = amounts
    if limit == NONE or after <= limit or after <= before:
        return None
    return Denied(
        rule=rule,
        control=control,
        number=show_money(after),
        limit=show_money(limit),
        sentence=f"{what} would be {show_money(after)} and risk.{setting} = {show_money(limit)}; "
        "reduce a position or cancel orders first",
    )
