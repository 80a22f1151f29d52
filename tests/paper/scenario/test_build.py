"""From a scenario to a venue."""

from __future__ import annotations

import re

from tests.paper.scenario.small import build, tables
from tests.paper.venues import NOW
from traderd.model.market import LINEAR_CENT, MarketStatus
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.flow.behaviour import Settles, StreetPlan, Style
from traderd.paper.scenario import (
    default_scenario,
    packaged_scenario,
    parse_levels,
    scenario_from,
    street_plans,
    weekly_pauses,
)
from traderd.paper.scenario.build import market_id_of
from traderd.paper.venue.calendar import THURSDAY_PAUSE
from traderd.paper.venue.fees import FeeSchedule, FeeType


def after(seconds: int) -> Timestamp:
    return Timestamp(NOW + seconds * NS_PER_S)


def test_a_venue_opens_with_the_scenarios_books_and_nothing_to_tell():
    scenario = default_scenario()
    venue = build(scenario)
    assert venue.take_outbox() == []
    assert venue.account_ids() == ()
    assert venue.total_money() == 0
    for spec in scenario.markets:
        bids, asks = venue.book(spec.ticker)
        assert tuple(reversed(bids)) == parse_levels(spec.bids)
        assert asks == parse_levels(spec.asks)
        assert venue.book_of(spec.ticker).order_count() == len(bids) + len(asks)
        market = venue.market(spec.ticker)
        assert market.close_time == after(spec.closes_in_s)
        assert market.grid == LINEAR_CENT
        assert market.market_id == spec.market_id
        assert venue.event(market.event_ticker).mutually_exclusive
    halved = venue.market("KXMLBGAME-26AUG072140LADAZ-LAD").fees
    whole = venue.market("KXWNBAGAME-26AUG07PHXCONN-PHX").fees
    assert (halved.multiplier, whole.multiplier) == (500, 1000)


def test_what_the_showcase_says_is_what_is_listed():
    scenario = packaged_scenario("showcase")
    venue = build(scenario)
    north = venue.market("KXSHOWGAME-FINAL-N")
    assert north.latest_expiration_time == after(86_400)
    assert north.expected_expiration_time == after(960)
    assert (north.settlement_timer_s, north.rules_secondary != "") == (30, True)
    assert north.fees == FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES, multiplier=500)
    coin = venue.market("KXSHOWCOIN-NOON-B60500")
    assert (coin.strike_type, coin.floor_strike, coin.cap_strike) == ("between", 60_000, 61_000)
    assert coin.fees == FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES, multiplier=250)
    assert coin.level_structure == "center_half_edge_deci_cent"
    assert venue.event(coin.event_ticker).strike_at == after(600)
    assert venue.event(coin.event_ticker).category == "Crypto"
    assert venue.one_series("KXSHOWGAME").tags == ("Games", "Show")
    assert venue.market("KXSHOWCOMBO-ONE-ALL").fee_waiver_until == after(600)
    assert venue.market("KXSHOWFREE-TURNOUT-PCT").is_scalar
    assert venue.market("KXSHOWFREE-BILL-EARLY").grid.describe() == "0.0000-1.0000 by 0.0500"
    assert weekly_pauses(scenario) == (THURSDAY_PAUSE,)
    assert venue.pauses.weekly == (THURSDAY_PAUSE,)


def test_fee_changes_come_on_time_and_an_override_can_end():
    venue = build(packaged_scenario("showcase"))
    assert [change.due for change in venue.fee_calendar.pending] == [
        after(300),
        after(450),
        after(3_600),
    ]
    venue.advance(after(300))
    assert venue.market("KXSHOWFREE-BILL-LATE").fees.multiplier == 500
    assert venue.market("KXSHOWFREE-TURNOUT-PCT").fees.multiplier == 0
    venue.advance(after(450))
    coin = venue.market("KXSHOWCOIN-NOON-T61000")
    assert coin.fees == venue.one_series("KXSHOWCOIN").fees
    venue.advance(after(3_600))
    assert venue.market("KXSHOWGAME-FINAL-N").fees.fee_type is FeeType.QUADRATIC


def test_a_market_that_opens_later_is_listed_without_a_book_and_its_plan_has_it():
    scenario = scenario_from(tables(opens_in_s=10))
    venue = build(scenario)
    market = venue.market("KX-1-A")
    assert market.status is MarketStatus.INITIALIZED
    assert market.open_time == after(10)
    assert venue.book("KX-1-A") == ((), ())
    assert street_plans(scenario)["KX-1-A"].opening_bids == ((4_600, 100), (4_700, 200))
    venue.advance(after(10))
    assert venue.market("KX-1-A").status is MarketStatus.ACTIVE


def test_only_markets_that_ask_for_something_have_a_plan():
    assert street_plans(default_scenario()) == {}
    asked = scenario_from(tables(flow="quiet", settles="yes"))
    assert street_plans(asked) == {"KX-1-A": StreetPlan(style=Style.QUIET, settles=Settles.YES)}


def test_a_market_id_is_made_of_the_ticker_and_looks_like_a_uuid():
    venue = build(scenario_from(tables()))
    made = venue.market("KX-1-A").market_id
    assert made == market_id_of("KX-1-A") != market_id_of("KX-1-B")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", made)


def test_a_venue_that_tracks_hands_over_all_that_was_built():
    touched = build(scenario_from(tables()), tracks=True).take_touched()
    kinds = {type(each).__name__ for each in touched}
    assert {"Series", "Event", "VenueMarket", "Resting"} <= kinds
    assert build(scenario_from(tables())).take_touched() == []
