"""The rules against a program that runs away: self-matches, equal orders, and too many messages.

Owns: what is refused although each order by itself would be fine.
Must not: hold state, or count; the counts are in the `Proposal`.
"""

from __future__ import annotations

from traderd.core.risk_limits import NONE
from traderd.core.verdict import Denied, Proposal
from traderd.model.orders import OrderOwner, SelfTradePrevention
from traderd.model.units import NS_PER_MS, show_count, show_price


def self_match(proposal: Proposal) -> Denied | None:
    """An order could trade with our own; the exchange would end one of them, so we say which beforehand."""
    crossed = proposal.crossed_order
    if crossed is None:
        return None
    is_person = proposal.owner is OrderOwner.PERSON
    if is_person and proposal.terms.self_trade_prevention is SelfTradePrevention.MAKER:
        # They have said which of the two gives way.
        return None
    whose = crossed.attribution.strategy or crossed.attribution.owner.value
    cure = "cancel that one first"
    if is_person:
        cure += ", or place this one with --own-gives-way, and that one ends"
    return Denied(
        rule="self_match",
        control="C11",
        number=show_price(proposal.terms.price),
        limit=show_price(crossed.price),
        sentence=f"at {show_price(proposal.terms.price)} it could trade with our own {crossed.side.value} of "
        f"{whose} at {show_price(crossed.price)} (order {crossed.key}); {cure}",
    )


def duplicate(proposal: Proposal) -> Denied | None:
    """The same strategy placed the same order a moment ago, and it lives or was executed.

    A position is closed in equal steps, and no repetition of them closes more than is held.
    """
    equal = proposal.equal_order
    if equal is None or proposal.only_closes:
        return None
    window_ms = proposal.limits.duplicate_window_ms
    terms = proposal.terms
    return Denied(
        rule="duplicate",
        control="C8",
        number=f"{max(0, proposal.now - equal.created_at) // NS_PER_MS} ms",
        limit=f"{window_ms} ms",
        sentence=f"{terms.side.value} {show_count(terms.count)} @ {show_price(terms.price)} of {terms.ticker} is what "
        f"order {equal.key} is, placed less than {window_ms} ms ago (risk.duplicate_window_ms); wait, or change it",
    )


def message_rate(proposal: Proposal) -> Denied | None:
    """Creates and amends within any second are bounded; what only takes risk away passes."""
    limits = proposal.limits
    for rule, where, count, limit in (
        ("max_messages_per_s", "the account", proposal.messages, limits.max_messages_per_s),
        (
            "max_market_messages_per_s",
            proposal.terms.ticker,
            proposal.messages_here,
            limits.max_market_messages_per_s,
        ),
    ):
        if limit != NONE and count >= limit and not proposal.reduces:
            wait_ms = -(-proposal.message_wait_ns // NS_PER_MS)
            return Denied(
                rule="message_rate",
                control="C6",
                number=str(count),
                limit=str(limit),
                sentence=f"{where} sent {count} orders and amends within a second and risk.{rule} = {limit}; "
                f"try again in {wait_ms} ms",
            )
    return None
