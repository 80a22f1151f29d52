"""Sizes, positions, money: each with its number, its limit and its control."""

import attrs
import pytest

from tests.core.builders import contracts, dollars, limits, market, terms
from tests.core.test_risk import proposal
from traderd.core import limit_rules
from traderd.core.limit_rules import collateral, engine_orders, order_cost, worst_cost
from traderd.core.risk_numbers import RiskNumbers
from traderd.model.orders import Side


def test_an_order_costs_its_side_and_its_fee():
    assert worst_cost(terms(Side.BID, "0.40", 100), 1_000) == dollars("41.68")
    assert worst_cost(terms(Side.ASK, "0.40", 100), 1_000) == dollars("61.75")
    assert worst_cost(terms(Side.ASK, "0.40", 100), 3_000) == dollars("65.25")


def test_one_order_is_bounded_in_dollars_and_a_reduction_is_free():
    bounds = limits(max_order_cost=dollars("5"))
    denied = order_cost(proposal(limits=bounds))
    assert denied is not None
    assert (denied.rule, denied.control, denied.number, denied.limit) == (
        "order_cost",
        "C1",
        "$5.18",
        "$5.00",
    )
    assert order_cost(proposal(limits=bounds, position=contracts(-10))) is None
    dearer = order_cost(proposal(limits=bounds, fee_multiplier=2_000))
    assert dearer is not None
    assert dearer.number == "$5.35"
    assert order_cost(proposal(limits=limits(max_order_cost=dollars("5.18")))) is None


@pytest.mark.parametrize(
    ("rule", "limit", "number", "control"),
    [
        ("market_position", "max_market_position", "market_position", "C3"),
        ("event_position", "max_event_position", "event_position", "C3"),
        ("strategy_position", "max_strategy_position", "strategy_position", "C3"),
        ("account_position", "max_account_position", "account_position", "C3"),
        ("event_loss", "max_event_loss", "event_loss", "C3"),
        ("engine_exposure", "max_engine_exposure", "engine_exposure", "C4"),
    ],
)
def test_what_would_pass_a_limit_further_is_denied_and_what_does_not_is_allowed(
    rule, limit, number, control
):
    judge = getattr(limit_rules, rule)
    bounds = limits(**{limit: 1_000})

    def verdict(before: int, after: int):
        return judge(
            proposal(
                limits=bounds,
                before=RiskNumbers(**{number: before}),
                after=RiskNumbers(**{number: after}),
            )
        )

    assert verdict(0, 1_000) is None
    denied = verdict(0, 1_001)
    assert (denied.rule, denied.control) == (rule, control)
    assert denied.number in denied.sentence
    assert f"risk.{limit}_" in denied.sentence
    # Above the limit already: only what raises it is denied.
    assert verdict(2_000, 2_000) is None
    assert verdict(2_000, 1_900) is None
    assert verdict(2_000, 2_001) is not None
    assert judge(proposal(after=RiskNumbers(**{number: 10**12}))) is None


def test_what_only_reduces_passes_the_limit_of_its_market_whatever_else_may_fill():
    worse = {
        "limits": limits(max_market_position=1_000),
        "before": RiskNumbers(market_position=2_000),
        "after": RiskNumbers(market_position=2_001),
    }
    assert limit_rules.market_position(proposal(**worse)) is not None
    assert limit_rules.market_position(proposal(**worse, position=contracts(-10))) is None


def test_each_matching_engine_has_its_own_count():
    bounds = limits(max_engine_open_orders=2)
    assert engine_orders(proposal(limits=bounds, engine_orders=1)) is None
    denied = engine_orders(proposal(limits=bounds, engine_orders=2))
    assert denied is not None
    assert (denied.control, denied.number, denied.limit) == ("C4", "2", "2")


def test_collateral_is_asked_of_the_matching_engine_that_holds_the_market():
    asked = proposal(collateral=(dollars("5"), dollars("4.99")))
    denied = collateral(asked)
    assert denied is not None
    assert "matching engine 0" in denied.sentence
    elsewhere = collateral(attrs.evolve(asked, market=attrs.evolve(market(), exchange_index=2)))
    assert elsewhere is not None
    assert "matching engine 2" in elsewhere.sentence
    unlisted = collateral(attrs.evolve(asked, market=None))
    assert unlisted is not None
    assert "matching engine 0" in unlisted.sentence
    assert collateral(attrs.evolve(asked, collateral=(dollars("5"), dollars("5")))) is None
    assert collateral(attrs.evolve(asked, position=contracts(-10))) is None
    assert collateral(proposal()) is None
