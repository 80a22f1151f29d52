"""Openings and results by the scenario's will."""

from __future__ import annotations

from random import Random

import pytest

from tests.paper.venues import CLOSE, NOW, TICKER, market, venue
from traderd.model.market import MarketStatus
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp
from traderd.paper.flow.adoption import adopt
from traderd.paper.flow.agenda import Agenda, Decide, Open
from traderd.paper.flow.behaviour import Settles, StreetPlan, Style
from traderd.paper.flow.program import Program
from traderd.paper.flow.quoting import Quoting
from traderd.paper.venue.listings import Result, VenueMarket
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
