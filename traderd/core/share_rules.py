"""The rules of one strategy's share of the account: its open orders and what it can lose.

Owns: these two; its contracts are bounded by `limit_rules.strategy_position`.
Must not: bound what only closes or lowers the loss.
"""

from __future__ import annotations

from traderd.core.strategy_share import UNBOUNDED
from traderd.core.verdict import Denied, Proposal
from traderd.model.units import Money, show_money


def strategy_orders(proposal: Proposal) -> Denied | None:
    """Open orders of one strategy; what only closes never rests and passes."""
    share = proposal.share
    limit = UNBOUNDED if share is None else share.max_open_orders
    if not limit or proposal.strategy_orders < limit or proposal.only_closes:
        return None
    return Denied(
        rule="strategy_orders",
        control="C4",
        number=str(proposal.strategy_orders),
        limit=str(limit),
        sentence=f"{proposal.strategy_orders} orders of strategy {proposal.strategy} are open and its share allows "
        f"{limit}; cancel one first, or raise its share_percent or max_open_orders",
    )


def strategy_exposure(proposal: Proposal) -> Denied | None:
    """What one strategy can lose at worst by its own positions and orders."""
    share, before = proposal.share, proposal.before.strategy_exposure
    after = proposal.after.strategy_exposure
    limit = UNBOUNDED if share is None else share.max_exposure
    if not limit or after <= limit or after <= before:
        return None
    return Denied(
        rule="strategy_exposure",
        control="C4",
        number=show_money(after),
        limit=show_money(Money(limit)),
        sentence=f"the worst loss of strategy {proposal.strategy} would be {show_money(after)} and its share allows "
        f"{show_money(Money(limit))}; reduce its positions or cancel its orders first, or raise its share_percent or "
        "max_exposure_dollars",
    )
