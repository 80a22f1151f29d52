"""Openings and results by the scenario's will, with and without a street."""

from __future__ import annotations

from random import Random

import pytest

from tests.paper.flow.streets import changes_of, follow, planned, play
from tests.paper.scenario.small import build, tables
from tests.paper.venues import CLOSE, NOW, TICKER, bid, market, venue
from traderd.model.market import MarketStatus
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp
from traderd.paper.flow.adoption import adopt
from traderd.paper.flow.agenda import Agenda, Decide, Open
from traderd.paper.flow.behaviour import Settles, StreetPlan, Style
from traderd.paper.flow.order_flow import OrderFlow
from traderd.paper.flow.program import Program
from traderd.paper.flow.quoting import Quoting
from traderd.paper.scenario import scenario_from, street_plans
from traderd.paper.venue.listings import Result, VenueMarket
from traderd.paper.venue.messages import MarketChanged
from traderd.paper.venue.venue import Venue

LEVEL = ((Price(4_000), Count(100)),)


def programmed(
    plan: StreetPlan, listed: VenueMarket | None = None, book: tuple[tuple[Side, int], ...] = ()
) -> tuple[Venue, Program]:
    v = venue(listed or market())
    for side, price in book:
        v.street.add(TICKER, side, Price(price), Count(100), NOW)
    program = Program(v, Quoting(v, Random(1)), Agenda(), Random(1))
    for seen in adopt(v, v.markets(), {TICKER: plan}, {}, Random(1)):
        program.adopt(seen)
        program.start(seen, NOW)
    return v, program


def next_of(program: Program) -> tuple[Timestamp, object]:
    planned = program.agenda.next()
    assert planned is not None
    program.agenda.take(planned[1])
    return planned


def test_there_is_nothing_to_do_where_nothing_was_asked():
    _, program = programmed(StreetPlan(style=Style.QUIET))
    assert not program
    assert program.agenda.next() is None


def test_a_market_that_opens_later_gets_its_book_once_the_venue_has_opened_it():
    later = market()
    later.status, later.open_time = MarketStatus.INITIALIZED, Timestamp(NOW + 10 * NS_PER_S)
    v, program = programmed(StreetPlan(opening_bids=LEVEL), later)
    assert program
    due, action = next_of(program)
    assert action == Open(TICKER)
    assert later.open_time < due < later.open_time + NS_PER_S
    assert not program.open(TICKER, due)
    assert v.book(TICKER) == ((), ())
    again, _ = next_of(program)
    assert again > due + NS_PER_S
    v.advance(again)
    assert program.open(TICKER, again)
    assert v.book(TICKER) == (LEVEL, ())
    assert not program


def test_a_result_waits_for_the_close_however_late_it_is():
    v, program = programmed(StreetPlan(settles=Settles.NO))
    due, action = next_of(program)
    assert action == Decide(TICKER)
    assert CLOSE + 5 * NS_PER_S <= due <= CLOSE + 30 * NS_PER_S
    program.decide(TICKER, due)
    assert v.market(TICKER).result is None
    later, _ = next_of(program)
    v.advance(later)
    program.decide(TICKER, later)
    assert v.market(TICKER).result is Result.NO
    assert not program


def test_an_early_close_is_noticed_once():
    v, program = programmed(StreetPlan(settles=Settles.YES))
    program.look(v.market(TICKER), NOW)
    v.life.close(TICKER, NOW)
    program.look(v.market(TICKER), NOW)
    program.look(v.market(TICKER), NOW)
    due, _ = next_of(program)
    assert NOW < due <= NOW + 30 * NS_PER_S
    program.decide(TICKER, due)
    assert v.market(TICKER).result is Result.YES
    late, action = next_of(program)
    assert late >= CLOSE
    assert action == Decide(TICKER)
    program.decide(TICKER, late)
    assert program.agenda.next() is None


@pytest.mark.parametrize(
    ("plan", "value"),
    [
        (StreetPlan(style=Style.STEADY, settles=Settles.BY_FLOW), 4_100),
        (StreetPlan(style=Style.NONE, settles=Settles.BY_FLOW), 5_000),
    ],
)
def test_a_scalar_market_gets_its_last_price_in_whole_cents(plan, value):
    listed = market()
    listed.is_scalar = True
    v, program = programmed(plan, listed, ((Side.BID, 4_000), (Side.ASK, 4_300)))
    v.life.close(TICKER, NOW)
    program.decide(TICKER, NOW)
    assert v.market(TICKER).result is Result.SCALAR
    assert v.market(TICKER).settlement_value == value


def test_a_scalar_market_can_be_told_to_end_like_any_other():
    listed = market()
    listed.is_scalar = True
    v, program = programmed(StreetPlan(settles=Settles.YES), listed)
    v.life.close(TICKER, NOW)
    program.decide(TICKER, NOW)
    assert v.market(TICKER).result is Result.YES


def test_a_result_comes_shortly_after_the_close_and_is_paid_out():
    v, flow = planned(StreetPlan(settles=Settles.YES))
    v.create_order("ann", bid("5", "0.51"), None, NOW)
    decided = [
        (now, each.market.status)
        for now, news in follow(v, flow, 3_800)
        for each in news
        if isinstance(each, MarketChanged)
    ]
    assert [status for _, status in decided] == [MarketStatus.DETERMINED, MarketStatus.FINALIZED]
    assert CLOSE + 5 * NS_PER_S <= decided[0][0] <= CLOSE + 30 * NS_PER_S
    assert v.market(TICKER).result is Result.YES
    v.check_money()


def test_a_silent_street_still_opens_and_settles_what_the_scenario_says():
    scenario = scenario_from(tables(opens_in_s=10, settles="no"))
    v = build(scenario)
    flow = OrderFlow(v, Random(1), 0, street_plans(scenario))
    changed = changes_of(follow(v, flow, 40))
    assert len(changed) == 3
    assert all(NOW + 10 * NS_PER_S < at < NOW + 11 * NS_PER_S for at in changed)
    assert v.book("KX-1-A") == (((4_700, 200), (4_600, 100)), ((4_800, 300),))
    for _ in follow(v, flow, 200, Timestamp(NOW + 40 * NS_PER_S)):
        pass
    assert v.market("KX-1-A").status is MarketStatus.FINALIZED
    assert v.market("KX-1-A").result is Result.NO


def test_a_result_that_somebody_gave_first_stands():
    v, flow = planned(StreetPlan(settles=Settles.YES))
    v.life.determine(TICKER, Result.NO, None, NOW)
    for _ in follow(v, flow, 3_800):
        pass
    assert v.market(TICKER).result is Result.NO


def test_a_market_that_closed_early_gets_its_result_and_one_that_reopened_its_book():
    v, flow = planned(StreetPlan(settles=Settles.YES))
    now = play(v, flow, 60, NOW)
    v.life.close(TICKER, now)
    now = play(v, flow, 2, now)
    assert v.book(TICKER) == ((), ())
    v.life.move_close(TICKER, CLOSE, now)
    now = play(v, flow, 30, now)
    assert len(v.book(TICKER)[0]) >= 8
    v.life.close(TICKER, now)
    play(v, flow, 60, now)
    assert v.market(TICKER).result is Result.YES


def test_a_close_that_was_moved_back_moves_the_result():
    v, flow = planned(StreetPlan(settles=Settles.YES))
    now = play(v, flow, 60, NOW)
    v.life.move_close(TICKER, Timestamp(CLOSE + 600 * NS_PER_S), now)
    now = play(v, flow, 3_900, now)
    assert v.market(TICKER).result is None
    play(v, flow, 400, now)
    assert v.market(TICKER).result is Result.YES
