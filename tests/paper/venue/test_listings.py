"""What is listed."""

from __future__ import annotations

import pytest

from tests.paper.venues import market
from traderd.model.market import MarketStatus
from traderd.paper.venue.listings import Result


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
