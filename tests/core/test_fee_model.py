"""What a fill should have cost: the documented examples, and every fee that no schedule explains."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import TICKER, contracts, dollars, fill, price, second
from traderd.core.fee_model import PUBLISHED_MAX, SCHEDULES, FeeModel, Schedule
from traderd.model.fees import FeeChange, FeeTerms, PublishedFees
from traderd.model.ids import MarketTicker, OrderId, TradeId
from traderd.model.orders import Fill, Side
from traderd.model.units import ONE_DOLLAR, Count, Money, Price
from traderd.paper.venue.fees import FeeSchedule, FeeType, charge

MAKER_FEES = FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES)


@pytest.mark.parametrize(
    ("count", "at_price", "fee", "parts"),
    [
        # The worked examples of the protocol's section on rounding, two of them captured.
        (1, "0.52", "0.0175", (17_472, 28, 0)),
        (1, "0.99", "0.0007", (693, 7, 0)),
        (10, "0.52", "0.1748", (174_720, 80, 0)),
    ],
)
def test_the_documented_fees_are_split_to_the_last_unit(count, at_price, fee, parts):
    model = FeeModel()
    judgement = model.judge(fill("t1", count, at_price=at_price, fee=fee))
    split = judgement.split
    assert (split.trade_fee, split.rounding, split.rebate) == parts
    assert (judgement.expected, model.differed) == (None, 0)


def test_a_fee_that_nothing_explains_is_kept_whole_and_counted():
    model = FeeModel()
    model.judge(fill("t1", 10, at_price="0.52", fee="0.1748"))
    judgement = model.judge(fill("t2", 10, at_price="0.52", fee="0.3"))
    assert judgement.split.trade_fee == dollars("0.3")
    assert judgement.expected == dollars("0.1748")
    assert model.differed == 1


def test_a_series_whose_fees_changed_alarms_once_and_is_judged_by_the_new_ones():
    model = FeeModel()
    model.judge(fill("t1", 10, at_price="0.50", fee="0.175"))
    assert model.judge(fill("t2", 10, at_price="0.50", fee="0.0875")).expected == dollars("0.175")
    assert model.judge(fill("t3", 10, at_price="0.50", fee="0.0875")).expected is None
    assert model.differed == 1


def test_series_are_judged_apart():
    model = FeeModel()
    model.judge(fill("t1", 10, at_price="0.50", fee="0.175"))
    free = fill("t2", 10, at_price="0.50", fee="0", ticker=MarketTicker("KXFREE-26-Y"))
    assert model.judge(free).expected is None


def test_the_bound_of_a_market_is_the_dearest_of_its_series_and_its_event_now_or_announced():
    model, other = FeeModel(), MarketTicker("KXOTHER-26-A")
    series, _, _ = TICKER.partition("-")
    event = TICKER.rpartition("-")[0]

    def publish(of: str, *multipliers: int) -> None:
        now, *later = (FeeTerms(maker_rate=0, multiplier=each) for each in multipliers)
        changes = tuple(FeeChange(at=second(900), terms=each) for each in later)
        model.publish(PublishedFees(of=of, terms=now, changes=changes))

    assert model.bound(TICKER) == 1_000
    # A waiver may end.
    publish(series, 0)
    assert model.bound(TICKER) == 1_000
    publish(series, 500, 1_500)
    assert model.bound(TICKER) == 1_500
    publish(event, 2_000)
    assert model.bound(TICKER) == 2_000
    publish(event, 1_000)
    assert (model.bound(TICKER), model.bound(other)) == (1_500, 1_000)


def test_what_a_resting_order_may_be_charged_is_a_range_until_a_maker_fill_tells():
    model = FeeModel()
    asked = (fill().ticker, price("0.50"), contracts(100))
    assert model.maker_fee(*asked) == (0, dollars("0.875"))
    maker = attrs.evolve(fill("t1", 100, at_price="0.50", fee="0.4375"), is_taker=False)
    model.judge(maker)
    assert model.maker_fee(*asked) == (dollars("0.4375"), dollars("0.4375"))


def test_a_rebate_is_explained_by_what_rounding_took_within_the_order_only():
    model = FeeModel()
    # 0.01 contracts at $0.0101: 0.000101 $ of cost, so the cash is rounded down to the next $0.0001.
    small = attrs.evolve(fill("t1", "0.01", at_price="0.0101"), fee=Money(99))
    assert model.judge(small).expected is None
    assert model.judge(attrs.evolve(small, fee=Money(99 - 100 * 9))).expected is not None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Side),
            st.integers(1, ONE_DOLLAR - 1),
            st.integers(1, 5_000),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_it_agrees_with_a_second_implementation_that_keeps_the_orders_remainder(story):
    model, remainder = FeeModel(), Money(0)
    for number, (side, at_price, count, is_taker) in enumerate(story):
        one = Fill(
            trade_id=fill(f"t{number}").trade_id,
            order_id=OrderId("x"),
            ticker=MarketTicker("KXA-26-Y"),
            side=side,
            price=Price(at_price),
            count=Count(count),
            fee=Money(0),
            is_taker=is_taker,
            executed_at=fill().executed_at,
        )
        trade_fee = MAKER_FEES.trade_fee(one.price, one.count, is_taker=is_taker)
        charged = charge(Money(-one.cost), trade_fee, remainder)
        remainder = charged.remainder
        judgement = model.judge(attrs.evolve(one, fee=charged.net_fee))
        assert judgement.expected is None
        split = judgement.split
        assert split.trade_fee + split.rounding - split.rebate == charged.net_fee
    assert model.differed == 0


def test_every_published_schedule_is_tried_once_likeliest_first():
    assert len(set(SCHEDULES)) == len(SCHEDULES) == 18
    assert SCHEDULES[0] == Schedule(multiplier=1_000, maker_rate=0, step=100)


def test_the_orders_that_are_counted_are_bounded(monkeypatch):
    monkeypatch.setattr("traderd.core.fee_model.ORDERS_KEPT_MAX", 2)
    model = FeeModel()
    for number in range(5):
        model.judge(fill(f"t{number}", order_id=f"x{number}"))
    assert list(model._fills_of) == ["x3", "x4"]


def published(maker_rate=0, multiplier=1_000, *, of="KXA", changes=()) -> PublishedFees:
    terms = FeeTerms(maker_rate=maker_rate, multiplier=multiplier)
    return PublishedFees(of=of, terms=terms, changes=changes)


def test_published_terms_judge_the_first_fill_already():
    """Without them a fee of half the usual one is taken for that of a series with half fees."""
    half = fill("t1", 100, at_price="0.52", fee="0.8736")
    assert FeeModel().judge(half).expected is None
    model = FeeModel()
    model.publish(published())
    assert model.judge(half).expected == dollars("1.7472")
    assert model.differed == 1
    model.publish(published(multiplier=500))
    assert model.judge(attrs.evolve(half, trade_id=TradeId("t2"))).expected is None


def test_an_event_with_fees_of_its_own_comes_before_its_series():
    model = FeeModel()
    model.publish(published())
    model.publish(published(multiplier=500, of="KXA-26"))
    assert model.judge(fill("t1", 100, at_price="0.52", fee="0.8736")).expected is None
    # Taken back, the series counts again.
    model.publish(PublishedFees(of="KXA-26", terms=None))
    half = fill("t2", 100, at_price="0.52", fee="0.8736", order_id="x2")
    assert model.judge(half).expected == dollars("1.7472")


def test_an_announced_change_judges_what_fills_after_it():
    change = FeeChange(at=second(100), terms=FeeTerms(maker_rate=0, multiplier=500))
    model = FeeModel()
    model.publish(published(changes=(change,)))
    assert model.judge(fill("t1", 100, at_price="0.52", fee="1.7472", at=99)).expected is None
    late = fill("t2", 100, at_price="0.52", fee="0.8736", at=100, order_id="x2")
    assert model.judge(late).expected is None
    assert model.differed == 0


def test_a_market_with_a_waiver_is_no_alarm():
    model = FeeModel()
    model.publish(published())
    judged = model.judge(fill("t1", 100, at_price="0.52", fee="0"))
    assert (judged.expected, judged.split.trade_fee, model.differed) == (None, 0, 0)


def test_a_fee_that_is_not_the_published_one_is_split_by_the_schedule_that_explains_it():
    model = FeeModel()
    model.publish(published())
    judged = model.judge(fill("t1", 100, at_price="0.52", fee="0.8736"))
    assert judged.split.trade_fee == dollars("0.8736")


def test_what_resting_contracts_pay_is_exact_once_the_fees_are_published():
    model = FeeModel()
    least, most = model.maker_fee(TICKER, price("0.52"), contracts(100))
    assert least < most
    model.publish(published(maker_rate=175))
    assert model.is_published(TICKER)
    fee = dollars("0.4368")
    assert model.maker_fee(TICKER, price("0.52"), contracts(100)) == (fee, fee)


def test_the_published_fees_that_are_kept_are_bounded():
    model = FeeModel()
    for number in range(PUBLISHED_MAX + 5):
        model.publish(published(of=f"S{number}"))
    assert len(model.published) == PUBLISHED_MAX
