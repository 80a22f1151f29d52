"""One strategy's share: its own open orders and its own worst loss."""

import pytest

from tests.core.builders import (
    accepted,
    contracts,
    dollars,
    filled,
    intended,
    ready_engine,
    sent,
    tell,
    terms,
)
from tests.core.test_risk import proposal
from traderd.core.risk_numbers import RiskNumbers
from traderd.core.share_rules import strategy_exposure, strategy_orders
from traderd.core.strategy_share import StrategyShare
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, Side
from traderd.model.units import Money

MAKER, TAKER = StrategyName("maker"), StrategyName("taker")


def by(strategy: StrategyName) -> Attribution:
    return Attribution(owner=OrderOwner.STRATEGY, strategy=strategy)


def share(**bounds) -> StrategyShare:
    return StrategyShare(strategy=MAKER, **bounds)


def test_open_orders_up_to_the_share_pass():
    assert strategy_orders(proposal(share=None, strategy_orders=99)) is None
    assert strategy_orders(proposal(share=share(), strategy_orders=99)) is None
    assert strategy_orders(proposal(share=share(max_open_orders=3), strategy_orders=2)) is None
    denied = strategy_orders(proposal(share=share(max_open_orders=3), strategy_orders=3))
    assert (denied.rule, denied.number, denied.limit) == ("strategy_orders", "3", "3")
    assert "share_percent" in denied.sentence


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [(0, 5, True), (0, 6, False), (9, 9, True), (9, 8, True), (9, 10, False)],
)
def test_only_what_raises_the_worst_loss_beyond_the_share_is_denied(before, after, allowed):
    asked = proposal(
        share=share(max_exposure=Money(5)),
        before=RiskNumbers(strategy_exposure=Money(before)),
        after=RiskNumbers(strategy_exposure=Money(after)),
    )
    assert (strategy_exposure(asked) is None) is allowed
    assert strategy_exposure(proposal(share=None, after=asked.after)) is None


def test_only_the_strategys_own_orders_and_positions_count_against_its_share():
    engine = ready_engine(shares=(share(max_exposure=dollars("8"), max_open_orders=2),))
    tell(engine, intended("c1", attribution=by(TAKER)), sent("c1"), accepted("c1", "x1"))
    tell(engine, filled("t1", 10))
    order = terms(Side.BID, "0.45", 10)
    # The taker's $5 at risk are none of the maker's; its own $4.50 and the fee are within $8.
    assert engine.judge(order, attribution=by(MAKER)) is None
    tell(engine, intended("c2", order, attribution=by(MAKER)))
    denied = engine.judge(terms(Side.BID, "0.44", 10), attribution=by(MAKER))
    assert denied.rule == "strategy_exposure"
    assert "strategy maker" in denied.sentence
    assert engine.judge(terms(Side.BID, "0.44", 10), attribution=by(TAKER)) is None
    tell(engine, intended("c3", terms(Side.BID, "0.44", 1), attribution=by(MAKER)))
    assert engine.judge(terms(Side.BID, "0.43", 1), attribution=by(MAKER)).rule == "strategy_orders"


def test_a_share_of_contracts_narrows_the_limit_of_every_strategy():
    engine = ready_engine(
        max_strategy_position=contracts(100), shares=(share(max_position=contracts(5)),)
    )
    assert engine.judge(terms(Side.BID, "0.45", 5), attribution=by(MAKER)) is None
    denied = engine.judge(terms(Side.BID, "0.45", 6), attribution=by(MAKER))
    assert (denied.rule, denied.limit) == ("strategy_position", "5")
    assert engine.judge(terms(Side.BID, "0.45", 6), attribution=by(TAKER)) is None
