"""The table of styles, and what each makes of a market."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.paper.flow.streets import changes_of, follow, planned
from tests.paper.venues import NOW, TICKER, bid
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.flow.behaviour import NO_PLAN, PROFILES, Settles, StreetPlan, Style
from traderd.paper.venue.messages import TradeHappened


def test_every_style_with_a_street_has_its_numbers():
    assert set(PROFILES) == set(Style) - {Style.NONE}
    for profile in PROFILES.values():
        assert 0 < profile.move_s[0] < profile.move_s[1]
        assert 0 < profile.activity <= 1
        assert 0 <= profile.take_share < 1
        assert profile.cluster[0] <= profile.cluster[1]


def test_plans_that_ask_the_same_are_the_same():
    assert StreetPlan() == NO_PLAN
    assert hash(StreetPlan(style=Style.QUIET)) == hash(StreetPlan(style=Style.QUIET))
    assert StreetPlan(style=Style.QUIET) != NO_PLAN


def test_a_quiet_market_hardly_changes():
    quiet = changes_of(follow(*planned(StreetPlan(style=Style.QUIET)), 3_000))
    steady = changes_of(follow(*planned(StreetPlan(style=Style.STEADY)), 3_000))
    assert 0 < len(quiet) * 20 < len(steady)


def test_news_bring_a_jump_and_a_cluster_of_activity():
    changes = changes_of(follow(*planned(StreetPlan(style=Style.BURST)), 3_000))
    per_ten_s = Counter((at - NOW) // (10 * NS_PER_S) for at in changes)
    busy = sum(count for count in per_ten_s.values() if count >= 10)
    assert busy > 0.5 * len(changes)
    assert sum(count > 3 for count in per_ten_s.values()) < 0.3 * 300


def test_makers_alone_never_trade_and_takers_trade_four_times_as_often():
    def trades(style: Style) -> int:
        v, flow = planned(StreetPlan(style=style))
        return sum(isinstance(e, TradeHappened) for _, news in follow(v, flow, 3_000) for e in news)

    assert trades(Style.MAKERS) == 0
    assert 2 * trades(Style.STEADY) < trades(Style.TAKERS)


def test_makers_alone_do_not_take_an_order_that_they_have_passed_either():
    v, flow = planned(StreetPlan(style=Style.MAKERS))
    v.create_order("ann", bid("1", "0.50"), None, NOW)
    assert all(
        not isinstance(each, TradeHappened) for _, news in follow(v, flow, 600) for each in news
    )


def test_nobody_touches_a_market_of_nobody():
    v, flow = planned(StreetPlan(style=Style.NONE))
    assert changes_of(follow(v, flow, 600)) == []


@pytest.mark.parametrize("style", [Style.STEADY, Style.QUIET, Style.BURST, Style.DRIFT])
def test_a_market_without_a_book_gets_one_quoted_at_once_if_its_style_says_so(style):
    v, flow = planned(StreetPlan(style=style), book=False)
    for _ in follow(v, flow, 5):
        pass
    bids, asks = v.book(TICKER)
    assert len(bids) >= 5
    assert len(asks) >= 5


@pytest.mark.parametrize("life_s", [60, 600, 7_200])
@pytest.mark.parametrize("settles", [Settles.YES, Settles.NO])
def test_who_knows_the_end_drives_the_price_there_before_the_close(life_s, settles):
    close = Timestamp(NOW + life_s * NS_PER_S)
    v, flow = planned(StreetPlan(style=Style.DRIFT, settles=settles), close=close, rate=1.0)
    for _ in follow(v, flow, life_s * 0.38):
        pass
    bids, asks = v.book(TICKER)
    assert 4_000 < bids[0][0] < asks[0][0] < 6_000
    for now, _ in follow(v, flow, life_s * 0.6, Timestamp(NOW + int(life_s * 0.38 * NS_PER_S))):
        assert now < close
    bids, asks = v.book(TICKER)
    if settles is Settles.YES:
        assert bids[0][0] >= 9_700
    else:
        assert asks[0][0] <= 300
