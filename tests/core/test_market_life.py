"""What the steps of a market's life do to what is known of it."""

import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    delta,
    kinds,
    limits,
    market,
    price,
    ready_engine,
    second,
    snapshot,
    tell,
    terms,
)
from traderd.core.engine import Engine
from traderd.core.market_life import PAUSED
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.market import LINEAR_CENT, MarketStatus, PriceBand, PriceGrid
from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Price

S = MarketStatus
FINE = PriceGrid((PriceBand(start=Price(0), end=ONE_DOLLAR, step=Price(10)),))


def step(kind, *, ticker=TICKER, at=5, **told):
    return ev.MarketLifecycleChanged(at=second(at), ticker=ticker, step=kind, **told)


def dropped(*tickers, at=5):
    reasons = tuple((ticker, "it is closed") for ticker in tickers)
    return ev.UniverseChanged(at=second(at), added=(), dropped=reasons)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (ev.LifeStep.ACTIVATED, S.ACTIVE),
        (ev.LifeStep.DEACTIVATED, S.INACTIVE),
        (ev.LifeStep.DETERMINED, S.DETERMINED),
        (ev.LifeStep.SETTLED, S.FINALIZED),
        (ev.LifeStep.METADATA_UPDATED, S.ACTIVE),
        (ev.LifeStep.CREATED, S.ACTIVE),
    ],
)
def test_a_step_moves_the_status(kind, status):
    engine = ready_engine()
    tell(engine, step(kind))
    assert engine.market_data.markets[TICKER].status is status
    assert engine.market_data.markets[OTHER].status is S.ACTIVE


def test_a_new_close_time_is_taken_over_and_nothing_else():
    engine = ready_engine()
    before = engine.market_data.markets[TICKER]
    tell(engine, step(ev.LifeStep.CLOSE_DATE_UPDATED, close_time=second(60)))
    after = engine.market_data.markets[TICKER]
    assert after.close_time == second(60)
    assert (after.grid, after.status, after.title) == (before.grid, before.status, before.title)


def test_a_grid_that_changes_in_flight_leaves_the_book_and_judges_the_next_order():
    engine = ready_engine()
    fine = terms(at_price="0.451")
    assert engine.judge(fine).rule == "grid"
    assert kinds(tell(engine, step(ev.LifeStep.GRID_UPDATED, grid=FINE))) == [
        "MarketLifecycleChanged"
    ]
    assert engine.market_data.books[TICKER].usable
    assert engine.judge(fine) is None
    # And back: what was on the finer grid is no longer.
    tell(engine, step(ev.LifeStep.GRID_UPDATED, grid=LINEAR_CENT))
    assert engine.judge(fine).rule == "grid"


def test_a_pause_of_one_market_is_a_condition_of_that_market():
    engine = ready_engine()
    assert "VenuePaused" in kinds(tell(engine, step(ev.LifeStep.DEACTIVATED)))
    assert engine.judge(terms()).rule == "venue_pause"
    assert engine.judge(terms(ticker=OTHER)) is None
    # Told again, it changes nothing.
    assert "VenuePaused" not in kinds(tell(engine, step(ev.LifeStep.DEACTIVATED)))
    assert "VenueResumed" in kinds(tell(engine, step(ev.LifeStep.ACTIVATED)))
    assert engine.judge(terms()) is None


def test_a_pause_that_was_missed_is_seen_in_the_list_and_so_is_its_end():
    engine = ready_engine()
    paused = ev.MarketsListed(at=second(5), markets=(market(status=S.INACTIVE),))
    assert "VenuePaused" in kinds(tell(engine, paused))
    tell(engine, ev.MarketsListed(at=second(6), markets=(market(),)))
    assert engine.conditions.markets_paused == {}


def test_a_pause_that_a_refusal_told_of_is_not_ended_by_a_list_that_lags():
    engine = ready_engine()
    tell(engine, ev.VenuePaused(at=second(5), sentence="trading is paused", ticker=TICKER))
    tell(engine, ev.MarketsListed(at=second(6), markets=(market(),)))
    assert engine.conditions.markets_paused[TICKER][0] != PAUSED


def test_our_timers_open_and_close_what_nobody_told_of():
    engine = ready_engine()
    tell(engine, ev.MarketsListed(at=second(1), markets=(market(status=S.INITIALIZED),)))
    tell(engine, ev.MarketOpened(at=second(2), ticker=TICKER))
    assert engine.market_data.markets[TICKER].status is S.ACTIVE
    tell(engine, ev.MarketClosed(at=second(3), ticker=TICKER))
    assert engine.judge(terms()).rule == "market"
    # A timer that comes after the exchange's own word changes nothing.
    tell(engine, step(ev.LifeStep.SETTLED), ev.MarketClosed(at=second(4), ticker=TICKER))
    tell(engine, ev.MarketOpened(at=second(4), ticker=TICKER))
    assert engine.market_data.markets[TICKER].status is S.FINALIZED


def test_a_step_of_a_market_that_nobody_asked_about_is_not_kept():
    engine = ready_engine()
    stranger = MarketTicker("KXZ")
    tell(
        engine,
        step(ev.LifeStep.CREATED, ticker=stranger, close_time=second(9)),
        ev.MarketOpened(at=second(2), ticker=stranger),
        ev.MarketClosed(at=second(3), ticker=stranger),
    )
    assert stranger not in engine.market_data.markets


# --- the universe ---------------------------------------------------------------------------------


def test_what_is_dropped_is_forgotten_and_its_book_is_dead():
    engine = ready_engine()
    book = engine.market_data.books[TICKER]
    news = tell(engine, dropped(TICKER))
    (doubt,) = [each for each in news if isinstance(each, ev.BookInvalidated)]
    assert (doubt.fault, doubt.detail) == (ev.BookFault.NOT_FOLLOWED, "it is closed")
    # Who still holds the book holds a dead one.
    assert not book.usable
    data = engine.market_data
    assert TICKER not in data.books
    assert TICKER not in data.markets
    assert data.books[OTHER].usable


def test_late_frames_of_a_dropped_market_bring_nothing_back_and_break_no_sequence():
    engine = ready_engine()
    tell(engine, dropped(TICKER))
    tell(engine, delta(3, Side.BID, "0.45", 5))
    tell(engine, snapshot(4, {"0.45": 1}, {"0.55": 1}))
    data = engine.market_data
    assert TICKER not in data.books
    assert data.gaps == 0
    tell(engine, delta(5, Side.BID, "0.44", 5, ticker=OTHER))
    assert data.books[OTHER].usable


def test_a_book_that_was_shed_stays_in_doubt_until_it_was_asked_for_again():
    engine = ready_engine()
    (_, doubt) = tell(
        engine, follow(TICKER), ev.BooksShed(at=second(5), tickers=(TICKER,), reason="load")
    )[:2]
    assert engine.market_data.books[TICKER].fault is ev.BookFault.SHED
    assert doubt is not None
    # A snapshot that was under way is no book: the changes after it are not sent any more.
    tell(engine, snapshot(3, {"0.45": 1}, {"0.55": 1}))
    assert not engine.market_data.books[TICKER].usable
    tell(
        engine,
        ev.BooksReclaimed(at=second(6), tickers=(TICKER,), reason="calm"),
        snapshot(4, {"0.45": 1}, {"0.55": 1}),
    )
    assert not engine.market_data.books[TICKER].usable
    tell(engine, ev.BooksAwaited(at=second(7), tickers=(TICKER,)))
    tell(engine, snapshot(5, {"0.46": 1}, {"0.55": 1}))
    book = engine.market_data.books[TICKER]
    assert book.usable
    assert book.top().bid == price("0.46")


def follow(*tickers):
    return ev.UniverseChanged(
        at=second(1), added=tuple((ticker, "wanted") for ticker in tickers), dropped=()
    )


def test_a_hole_in_a_subscription_without_books_is_told():
    engine = Engine(limits=limits())
    tell(engine, ev.SequenceAdvanced(subscription="1:9", seq=1, at=second(1)))
    news = tell(engine, ev.SequenceAdvanced(subscription="1:9", seq=3, at=second(2)))
    (missed,) = [each for each in news if isinstance(each, ev.FramesMissed)]
    assert missed.subscription == "1:9"


def test_a_lost_connection_takes_only_its_own_books():
    engine = ready_engine()
    tell(
        engine,
        snapshot(1, {"0.45": 1}, {"0.55": 1}, ticker=OTHER, subscription="2:1"),
        ev.FeedDisconnected(
            at=second(9), feed=ev.FeedName.MARKET_DATA, connection=1, reason="gone"
        ),
    )
    assert engine.market_data.books[TICKER].fault is ev.BookFault.DISCONNECTED
    assert engine.market_data.books[OTHER].usable
