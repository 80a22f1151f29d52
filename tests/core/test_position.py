"""One position: settling it, and fills that come too late (fills themselves are in `test_ledger`)."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import TICKER, contracts, dollars, fill, price
from traderd.core.position import Position
from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Money


def held(*fills) -> Position:
    position = Position(TICKER)
    for one in fills:
        position.apply(one)
    return position


def test_an_effect_can_be_asked_for_without_changing_anything():
    position = held(fill("t1", 10, at_price="0.40"))
    effect = position.effect_of(fill("t2", 4, side=Side.ASK, at_price="0.55"))
    assert (effect.revenue, effect.realized) == (dollars("2.2"), dollars("0.6"))
    assert effect.cost_change == dollars("-1.6")
    assert position.count == contracts(10)


def test_a_settled_position_is_profit_and_nothing_else():
    position = held(fill("t1", 10, at_price="0.40"))
    position.settle(dollars("10"))
    assert (position.count, position.cost, position.realized_pnl) == (0, 0, dollars("6"))
    assert position.settled
    assert position.unrealized_pnl(None) == 0
    assert position.average_cost is None


def test_a_fill_after_the_settlement_is_profit_or_loss_and_opens_nothing():
    position = held(fill("t1", 10, at_price="0.40"))
    # The exchange paid for 6 contracts: it knew of an ask of 4 that we had not seen.
    position.settle(dollars("6"))
    effect = position.apply(fill("t2", 4, side=Side.ASK, at_price="0.60"))
    assert effect.revenue == dollars("2.4")
    assert (position.count, position.cost) == (0, 0)
    assert position.realized_pnl == dollars("6") - dollars("4") + dollars("2.4")


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 99), st.integers(1, 9)), max_size=8),
    st.integers(0, 100),
    st.integers(0, 8),
)
def test_what_is_earned_does_not_depend_on_whether_the_settlement_or_a_fill_came_first(
    story, value, late
):
    fills = [
        fill(f"t{n}", count, side=side, at_price=f"0.{cents:02d}")
        for n, (side, cents, count) in enumerate(story)
    ]
    whole = held(*fills)
    worth = value * 100 if whole.count > 0 else ONE_DOLLAR - value * 100
    revenue = Money(abs(whole.count) * worth)
    whole.settle(revenue)
    early = held(*fills[: len(fills) - late])
    early.settle(revenue)
    for one in fills[len(fills) - late :] if late else ():
        early.apply(one)
    if late <= len(fills):
        assert early.realized_pnl == whole.realized_pnl
        assert early.settled_count == whole.settled_count


def test_a_mark_prices_the_side_that_is_held():
    position = held(fill("t1", 10, side=Side.ASK, at_price="0.50"))
    assert position.unrealized_pnl(price("0.45")) == dollars("0.5")
    assert position.unrealized_pnl(None) is None
