"""What the street makes of markets it has not seen before."""

from __future__ import annotations

from random import Random

from tests.paper.venues import NOW, TICKER, list_market, market, venue
from traderd.model.market import MarketStatus
from traderd.model.orders import Side
from traderd.model.units import Count, Price
from traderd.paper.flow.adoption import Seen, adopt, is_over
from traderd.paper.flow.behaviour import Settles, StreetPlan, Style
from traderd.paper.venue.listings import Result
from traderd.paper.venue.venue import Venue

B, A = Side.BID, Side.ASK
OTHER = "KXDEMO-26DEC31-B"


def quoted(v: Venue, ticker: str, bid: int, ask: int) -> None:
    v.street.add(ticker, B, Price(bid), Count(500), NOW)
    v.street.add(ticker, A, Price(ask), Count(500), NOW)


def look(v: Venue, plans=None, known=None) -> list[Seen]:
    return adopt(v, v.markets(), plans or {}, known or {}, Random(1))


def test_a_market_with_bids_and_asks_is_steady_and_any_other_has_nobody():
    v = venue(market(), market(OTHER))
    quoted(v, TICKER, 4_700, 4_800)
    v.street.add(OTHER, B, Price(3_000), Count(500), NOW)
    first, second = look(v)
    assert first.fair is not None
    assert first.fair.style is Style.STEADY
    assert second.fair is None
    assert first.ends_yes is second.ends_yes is None


def test_a_plan_brings_a_street_to_an_empty_market():
    (seen,) = look(venue(), {TICKER: StreetPlan(style=Style.QUIET)})
    assert seen.fair is not None
    assert seen.fair.style is Style.QUIET


def test_a_market_that_opens_later_is_worth_what_its_plan_says():
    later = market()
    later.status = MarketStatus.INITIALIZED
    plan = StreetPlan(
        opening_bids=((Price(2_000), Count(1)), (Price(2_100), Count(1))),
        opening_asks=((Price(2_300), Count(1)),),
    )
    (seen,) = look(venue(later), {TICKER: plan})
    assert seen.fair is not None
    assert seen.fair.prices[seen.fair.touch(B)] == 2_100


def test_a_market_that_is_over_is_not_looked_at():
    v = venue()
    quoted(v, TICKER, 4_700, 4_800)
    assert not is_over(v.market(TICKER))
    v.life.determine(TICKER, Result.YES, None, NOW)
    assert is_over(v.market(TICKER))
    assert look(v) == []


def test_markets_of_an_exclusive_event_agree_on_the_winner_and_share_what_is_left():
    v = Venue(ids=lambda: "x")
    for ticker in (TICKER, OTHER, "KXDEMO-26DEC31-C"):
        list_market(v, market(ticker))
    v.floor.events["KXDEMO-26DEC31"].mutually_exclusive = True
    quoted(v, TICKER, 5_900, 6_100)
    plan = StreetPlan(style=Style.DRIFT, settles=Settles.BY_FLOW)
    seen = look(v, dict.fromkeys((TICKER, OTHER, "KXDEMO-26DEC31-C"), plan))
    assert sum(each.ends_yes for each in seen) == 1
    assert [each.fair.prices[each.fair.touch(B)] for each in seen] == [5_900, 2_000, 2_000]
    assert [each.fair.ends_yes for each in seen] == [each.ends_yes for each in seen]


def test_a_market_that_comes_later_loses_to_a_winner_that_is_known():
    v = venue(market(), market(OTHER))
    v.floor.events["KXDEMO-26DEC31"].mutually_exclusive = True
    quoted(v, OTHER, 9_700, 9_900)
    late = [v.market(OTHER)]
    plans = {OTHER: StreetPlan(settles=Settles.BY_FLOW)}
    (seen,) = adopt(v, late, plans, {TICKER: True}, Random(1))
    assert seen.ends_yes is False


def test_only_a_drifting_market_knows_its_end_beforehand():
    plan = StreetPlan(style=Style.STEADY, settles=Settles.YES)
    (seen,) = look(venue(), {TICKER: plan})
    assert seen.ends_yes is True
    assert seen.fair.ends_yes is None
