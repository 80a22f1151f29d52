"""Pauses of the whole exchange, by command and by the calendar."""

from __future__ import annotations

import pytest

from tests.paper.venues import NOW, bid, later, refusal_of, venue
from traderd.model.orders import OrderStatus
from traderd.model.units import NS_PER_S, Timestamp, parse_money, parse_time
from traderd.paper.venue.calendar import THURSDAY_PAUSE
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import LevelChanged, OrderUpdated
from traderd.paper.venue.order_entry import EXCHANGE_PAUSE, TRADING_PAUSE

BEFORE = parse_time("2027-01-14T07:00:00Z")
BEGIN = parse_time("2027-01-14T08:00:00Z")
END = parse_time("2027-01-14T10:00:00Z")
NEXT = parse_time("2027-01-21T08:00:00Z")


def weekly():
    v = venue(pauses=[THURSDAY_PAUSE])
    market: VenueMarket
    (market,) = v.markets()
    v.life.move_close(market.ticker, Timestamp(END + 365 * 86_400 * NS_PER_S), NOW)
    return v


def test_a_pause_lasts_until_it_is_ended():
    v = venue()
    assert v.paused is None
    v.pauses.begin(NOW)
    assert v.paused == TRADING_PAUSE
    v.pauses.begin(NOW, whole_exchange=True)
    assert v.paused == EXCHANGE_PAUSE
    v.pauses.end()
    assert v.paused is None
    assert v.next_due() != 0


def test_only_a_pause_of_everything_refuses_every_change():
    v = venue()
    v.pauses.check_changes()
    v.pauses.begin(NOW)
    v.pauses.check_changes()
    v.pauses.begin(NOW, whole_exchange=True)
    assert refusal_of(v.pauses.check_changes) == (409, EXCHANGE_PAUSE)
    v.pauses.end()
    v.pauses.check_changes()


def test_orders_are_canceled_when_a_pause_begins_and_not_when_it_changes():
    v = venue()
    v.pauses.begin(NOW)
    v.pauses.end()
    order = v.create_order("ann", bid("1", "0.4"), None, NOW, cancel_on_pause=True)
    v.pauses.begin(NOW, whole_exchange=True)
    gone = v.order("ann", order.order_id)
    assert (gone.status, gone.reason) == (OrderStatus.CANCELED, "HaltCancel")


def test_the_weekly_pause_comes_and_goes_by_the_clock():
    v = weekly()
    assert v.next_due() == 0  # whether one is on can only be said once the time is told
    v.advance(BEFORE)
    assert v.pauses.next_edge == BEGIN
    order = v.create_order("ann", bid("1", "0.4"), None, BEFORE, cancel_on_pause=True)
    v.advance(Timestamp(BEGIN - 1))
    assert v.paused is None
    v.advance(BEGIN)
    assert (v.paused, v.pauses.next_edge) == (TRADING_PAUSE, END)
    assert v.order("ann", order.order_id).reason == "HaltCancel"
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), None, BEGIN) == (409, TRADING_PAUSE)
    v.advance(Timestamp(END - 1))
    assert v.paused == TRADING_PAUSE
    v.advance(END)
    assert (v.paused, v.pauses.next_edge) == (None, NEXT)
    assert v.create_order("ann", bid("1", "0.4"), None, END).is_resting


def test_an_exchange_that_starts_inside_the_weekly_pause_is_paused_at_once():
    v = weekly()
    v.advance(later(60, BEGIN))
    assert v.paused == TRADING_PAUSE


def test_a_command_ends_the_weekly_pause_for_this_week():
    v = weekly()
    v.advance(BEGIN)
    v.pauses.end()
    v.advance(later(60, BEGIN))
    assert v.paused is None
    v.advance(END)
    v.advance(NEXT)
    assert v.paused == TRADING_PAUSE


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("at", [BEFORE, BEGIN])
def test_the_calendar_does_not_end_a_pause_that_somebody_asked_for(whole, at):
    v = weekly()
    v.advance(at)
    v.pauses.begin(at, whole_exchange=whole)
    code = v.paused
    for moment in (BEGIN, END, later(1, END)):
        v.advance(moment)
        assert v.paused == code
    v.pauses.end()
    v.advance(NEXT)
    assert v.paused == TRADING_PAUSE


def test_a_pause_cancels_the_orders_that_asked_for_it():
    v = venue()
    stays = v.create_order("ann", bid("1", "0.40"), None, NOW)
    goes = v.create_order("ann", bid("2", "0.40"), None, NOW, cancel_on_pause=True)
    v.take_outbox()
    v.pauses.begin(later(1))
    level, update, _ = v.take_outbox()
    assert [type(level), type(update)] == [LevelChanged, OrderUpdated]
    assert (update.order.order_id, update.order.reason) == (goes.order_id, "HaltCancel")
    assert v.order("ann", stays.order_id).is_resting
    assert v.balance("ann").reserved == parse_money("0.40")
