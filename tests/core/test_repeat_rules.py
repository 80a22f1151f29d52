"""Self-matches, equal orders and message rates."""

import attrs

from tests.core.builders import TICKER, contracts, limits, price, second
from tests.core.test_risk import proposal
from traderd.core.order import Order
from traderd.core.repeat_rules import duplicate, message_rate, self_match
from traderd.model.ids import StrategyName
from traderd.model.orders import (
    Attribution,
    OrderOwner,
    OrderStatus,
    SelfTradePrevention,
    Side,
)
from traderd.model.units import NS_PER_MS

MAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))


def an_order(side: Side = Side.ASK) -> Order:
    return Order(
        key="c9",
        ticker=TICKER,
        side=side,
        price=price("0.50"),
        count=contracts(10),
        attribution=MAKER,
        status=OrderStatus.RESTING,
        created_at=second(1),
        updated_at=second(1),
    )


def test_an_order_that_would_trade_with_our_own_is_refused_whoever_asks():
    denied = self_match(proposal(crossed_order=an_order()))
    assert denied is not None
    assert (denied.rule, denied.control) == ("self_match", "C11")
    assert denied.sentence == (
        "at $0.5000 it could trade with our own ask of maker at $0.5000 (order c9); cancel that one first"
    )
    assert self_match(proposal()) is None


def test_a_person_is_told_how_to_go_on_and_may():
    asked = proposal(crossed_order=an_order(), owner=OrderOwner.PERSON)
    denied = self_match(asked)
    assert denied is not None
    assert denied.sentence.endswith("or place this one with --own-gives-way, and that one ends")
    chosen = attrs.evolve(asked.terms, self_trade_prevention=SelfTradePrevention.MAKER)
    assert self_match(attrs.evolve(asked, terms=chosen)) is None
    by_strategy = attrs.evolve(asked, terms=chosen, owner=OrderOwner.STRATEGY)
    assert self_match(by_strategy) is not None


def test_an_equal_order_is_named_with_its_age():
    asked = proposal(
        equal_order=an_order(Side.BID), now=second(1.5), limits=limits(duplicate_window_ms=2_000)
    )
    denied = duplicate(asked)
    assert denied is not None
    assert (denied.rule, denied.control, denied.number, denied.limit) == (
        "duplicate",
        "C8",
        "500 ms",
        "2000 ms",
    )
    assert duplicate(proposal()) is None


def test_messages_are_bounded_for_the_account_and_for_each_market():
    bounds = limits(max_messages_per_s=5, max_market_messages_per_s=3)
    wait = {"message_wait_ns": 249_000_001, "limits": bounds}
    assert message_rate(proposal(messages=4, messages_here=2, **wait)) is None
    of_account = message_rate(proposal(messages=5, messages_here=2, **wait))
    assert of_account is not None
    assert of_account.sentence == (
        "the account sent 5 orders and amends within a second and risk.max_messages_per_s = 5; "
        "try again in 250 ms"
    )
    of_market = message_rate(proposal(messages=4, messages_here=3, **wait))
    assert of_market is not None
    assert f"{TICKER} sent 3" in of_market.sentence
    assert (of_market.control, wait["message_wait_ns"] // NS_PER_MS) == ("C6", 249)


def test_what_only_takes_risk_away_is_not_held_up():
    asked = proposal(messages=5, limits=limits(max_messages_per_s=5), position=contracts(-10))
    assert message_rate(asked) is None
