"""Changes of fees, at once and scheduled."""

from __future__ import annotations

from tests.paper.venues import (
    FREE,
    NOW,
    STANDARD,
    TICKER,
    WITH_MAKER_FEES,
    bid,
    deal,
    later,
    market,
    refusal_of,
    told,
    venue,
)
from traderd.model.ids import EventTicker, SeriesTicker
from traderd.model.units import parse_money
from traderd.paper.venue.fees import FeeSchedule
from traderd.paper.venue.listings import FeeChange
from traderd.paper.venue.messages import EventFeesChanged

SERIES = SeriesTicker("KXDEMO")
EVENT = EventTicker("KXDEMO-26DEC31")


def change(
    due_s: float, fees: FeeSchedule | None, *, event: EventTicker | None = None
) -> FeeChange:
    return FeeChange(
        change_id=f"change at {due_s}",
        series_ticker=SERIES,
        event_ticker=event,
        fees=fees,
        due=later(due_s),
    )


def test_changes_come_in_the_order_of_their_times_and_not_before():
    v = venue()
    late, early = change(20, STANDARD), change(10, WITH_MAKER_FEES)
    for each in (late, early):
        v.fee_calendar.schedule(each)
    assert v.fee_calendar.next_due() == later(10)
    v.advance(later(9.9))
    assert v.market(TICKER).fees == FREE
    v.advance(later(10))
    assert v.market(TICKER).fees == WITH_MAKER_FEES
    assert (v.fee_calendar.done, v.fee_calendar.pending) == ([early], [late])
    v.advance(later(30))
    assert v.market(TICKER).fees == STANDARD
    assert v.fee_calendar.next_due() is None


def test_of_two_changes_at_one_moment_the_later_scheduled_stays():
    v = venue()
    for fees in (STANDARD, WITH_MAKER_FEES):
        v.fee_calendar.schedule(change(10, fees))
    v.advance(later(10))
    assert v.one_series(SERIES).fees == WITH_MAKER_FEES


def test_a_series_change_is_silent_and_charges_the_next_fill():
    v = venue()
    v.fee_calendar.schedule(change(10, STANDARD))
    deal(v, "ann", "bob", "1", "0.52")
    v.take_outbox()
    v.advance(later(10))
    assert v.take_outbox() == []
    deal(v, "ann", "bob", "1", "0.52")
    assert [each.fee for each in v.fills("ann")] == [parse_money("0.0175"), 0]


def test_an_override_of_an_event_hides_its_series_until_it_goes():
    other = market("KXDEMO-27JAN31-B")
    v = venue(market(), other)
    v.fee_calendar.schedule(change(10, WITH_MAKER_FEES, event=EVENT))
    v.fee_calendar.schedule(change(20, STANDARD))
    v.fee_calendar.schedule(change(30, None, event=EVENT))
    v.advance(later(10))
    (news,) = told(v, EventFeesChanged)
    assert (news.event_ticker, news.fees, news.at) == (EVENT, WITH_MAKER_FEES, later(10))
    v.advance(later(20))
    assert v.market(TICKER).fees == WITH_MAKER_FEES
    assert v.market(other.ticker).fees == STANDARD
    v.advance(later(30))
    assert [each.fees for each in told(v, EventFeesChanged)] == [None]
    assert v.market(TICKER).fees == STANDARD


def test_what_resting_orders_tie_up_follows():
    v = venue(market(fees=STANDARD))
    v.create_order("ann", bid("100", "0.50"), None, NOW)
    v.fee_calendar.schedule(change(10, WITH_MAKER_FEES))
    v.advance(later(10))
    assert v.balance("ann").reserved == parse_money("50.4375")


def test_an_override_charges_all_markets_of_the_event_and_goes_again():
    other = market("KXDEMO-26DEC31-B")
    v = venue(market(fees=STANDARD), other)
    v.create_order("ann", bid("100", "0.50"), None, NOW)
    v.take_outbox()
    v.life.change_event_fees(EVENT, WITH_MAKER_FEES, later(1))
    assert v.market(TICKER).fees == other.fees == WITH_MAKER_FEES
    assert v.balance("ann").reserved == parse_money("50.4375")
    v.life.change_event_fees(EVENT, None, later(2))
    assert v.market(TICKER).fees == other.fees == STANDARD
    assert v.balance("ann").reserved == parse_money("50")
    news = told(v, EventFeesChanged)
    assert [(each.event_ticker, each.fees) for each in news] == [
        (EVENT, WITH_MAKER_FEES),
        (EVENT, None),
    ]
    assert refusal_of(v.life.change_event_fees, "KXNONE", None, NOW) == (404, "not_found")


def test_a_series_schedule_reaches_only_events_without_an_override():
    elsewhere = market("KXELSE-26DEC31-C", fees=STANDARD)
    v = venue(market(), market("KXDEMO-27JAN31-B"), elsewhere)
    v.life.change_event_fees(EVENT, STANDARD, NOW)
    series = v.one_series("KXDEMO")
    v.life.change_series_fees(series, WITH_MAKER_FEES, later(1))
    assert series.fees == v.market("KXDEMO-27JAN31-B").fees == WITH_MAKER_FEES
    assert v.market(TICKER).fees == elsewhere.fees == STANDARD
    assert series.updated_at == later(1)
