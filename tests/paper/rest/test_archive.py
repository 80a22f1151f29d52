"""What is live and what is history."""

import pytest

from tests.paper.rest.reads import Reader
from tests.paper.venues import NOW, TICKER, venue
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.rest.archive import archived_market, cutoff, is_archived, live_market
from traderd.paper.settings import ExchangeSettings
from traderd.paper.venue.listings import Result
from traderd.paper.venue.messages import VenueRefusal


def test_the_cutoff_is_so_long_ago_in_whole_seconds():
    desk = Reader(venue(), ExchangeSettings(historical_after_s=100)).desk
    assert cutoff(desk, Timestamp(NOW + 999_999_999)) == NOW - 100 * NS_PER_S
    assert cutoff(desk, Timestamp(5 * NS_PER_S)) == 0


def test_a_market_is_on_one_side_only():
    reader = Reader(venue(), ExchangeSettings(historical_after_s=100))
    market, desk = reader.venue.market(TICKER), reader.desk
    assert live_market(desk, TICKER, NOW) is market
    with pytest.raises(VenueRefusal, match="market_not_found"):
        archived_market(desk, TICKER, NOW)
    reader.venue.life.determine(TICKER, Result.YES, None, NOW)
    settled_at = reader.later(60)
    assert not is_archived(market, settled_at)
    assert is_archived(market, Timestamp(settled_at + 1))
    later = reader.later(101)
    assert archived_market(desk, TICKER, later) is market
    with pytest.raises(VenueRefusal, match="market_not_found"):
        live_market(desk, TICKER, later)
