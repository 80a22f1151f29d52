"""What is listed."""

from __future__ import annotations

import pytest

from tests.paper.venues import NOW, STANDARD, market, venue
from traderd.model.ids import EventTicker
from traderd.model.market import MarketStatus
from traderd.paper.venue.listings import Event, Result, Series
from traderd.paper.venue.messages import EventCreated, Lifecycle


@pytest.mark.parametrize("status", list(MarketStatus))
def test_orders_are_taken_in_an_active_market_only(status):
    listed = market()
    listed.status = status
    assert listed.is_active == (status is MarketStatus.ACTIVE)


def test_results_are_spelled_as_kalshi_spells_them():
    assert [result.value for result in Result] == ["yes", "no", "scalar"]


def test_a_market_told_of_keeps_its_counters_when_the_venues_move_on():
    listed = market()
    before = listed.snapshot()
    listed.volume += 100
    listed.status = MarketStatus.CLOSED
    assert (before.volume, before.status) == (0, MarketStatus.ACTIVE)


def test_new_events_and_markets_are_told_when_asked():
    v = venue()
    event = Event(ticker=EventTicker("KXDEMO-27JAN31"), series_ticker="KXDEMO", title="Later")
    v.life.add_event(event, NOW, tell=True)
    v.life.add_market(market("KXDEMO-27JAN31-B"), NOW, tell=True)
    created, listed = v.take_outbox()
    assert isinstance(created, EventCreated)
    assert created.event.ticker == "KXDEMO-27JAN31"
    assert (listed.kind, listed.market.ticker) == (Lifecycle.CREATED, "KXDEMO-27JAN31-B")
    assert listed.market is not v.market("KXDEMO-27JAN31-B")
    assert v.book("KXDEMO-27JAN31-B") == ((), ())


def test_a_series_can_be_added():
    v = venue()
    v.life.add_series(Series(ticker="KXNEW", title="New", fees=STANDARD))
    assert v.one_series("KXNEW").title == "New"
