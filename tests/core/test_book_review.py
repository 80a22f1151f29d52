"""Looks: what time alone reveals of a book, and an audit's result."""

import sys

import msgspec

from tests.core.builders import OTHER, TICKER, delta, kinds, limits, second, snapshot, tell
from tests.core.test_book_quality import publish
from traderd.core.engine import Engine
from traderd.model import events as ev
from traderd.model.events import BookFault, BookGrade
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S


def look(at: float) -> ev.LineObserved:
    return ev.LineObserved(at=second(at), connection=1, heard_at=second(at), clock_offset_ms=0)


def an_engine() -> Engine:
    engine = Engine(limits=limits())
    tell(engine, snapshot(1, {"0.45": 10}, {"0.55": 10}), look(0))
    return engine


def test_a_crossing_in_a_market_that_falls_silent_is_found_by_a_look():
    engine = an_engine()
    tell(engine, delta(2, Side.BID, "0.60", 1, at=1))
    assert "BookInvalidated" not in kinds(tell(engine, look(1.5)))
    assert kinds(tell(engine, look(2.5))) == ["LineObserved", "BookInvalidated"]
    assert engine.market_data.books[TICKER].fault is BookFault.CROSSED


def test_a_clock_that_is_set_back_does_not_make_a_crossing_last():
    engine = an_engine()
    tell(engine, delta(2, Side.BID, "0.60", 1, at=3_600))
    tell(engine, look(5))
    assert engine.market_data.books[TICKER].fault is None
    tell(engine, look(6.5))
    assert engine.market_data.books[TICKER].fault is BookFault.CROSSED


def test_an_audit_of_a_book_that_is_gone_says_nothing():
    engine = an_engine()
    gone = ev.BookAudited(at=second(1), ticker=MarketTicker("KXGONE"), agreed=False, proven=True)
    assert kinds(tell(engine, gone)) == ["BookAudited"]
    assert engine.market_data.quality(MarketTicker("KXGONE"), second(1)) is None
    quality = engine.market_data.quality(TICKER, second(1))
    assert quality is not None
    assert quality.grade is BookGrade.A


def test_a_look_lets_go_of_the_room_of_levels_that_are_gone_and_lets_books_share_their_sizes():
    bids = {f"0.{number:02}": 500 for number in range(10, 30)}
    engine = Engine(limits=limits())
    seq = 0
    for ticker in (TICKER, OTHER):
        tell(engine, snapshot(seq := seq + 1, bids, {"0.55": 10}, ticker=ticker))
        for taken, put in (("0.10", "0.31"), ("0.11", "0.32")):
            tell(engine, delta(seq := seq + 1, Side.BID, taken, -500, ticker=ticker))
            tell(engine, delta(seq := seq + 1, Side.BID, put, "7.77", ticker=ticker))
    books = [engine.market_data.books[ticker] for ticker in (TICKER, OTHER)]
    before = [(book.levels(Side.BID), book.top()) for book in books]
    room = [sys.getsizeof(book._bids) for book in books]
    tell(engine, look(1))
    assert [(book.levels(Side.BID), book.top()) for book in books] == before
    for was, book in zip(room, books, strict=True):
        assert sys.getsizeof(book._bids) < 0.6 * was
    one, other = (book.last_known_top().bid_count for book in books)
    assert one == 777
    assert one is other


def test_a_look_at_a_book_without_news_leaves_its_levels_as_they_are():
    engine = an_engine()
    tell(engine, look(1))
    levels = engine.market_data.books[TICKER]._bids
    tell(engine, look(60))
    assert engine.market_data.books[TICKER]._bids is levels


def made(at: float, event: ev.BookDelta) -> ev.BookDelta:
    return msgspec.structs.replace(event, exchange_at=second(at))


def test_the_lag_of_a_batch_is_that_of_its_first_market_that_can_tell_it():
    engine = an_engine()
    publish(engine, snapshot(2, {"0.45": 10}, {"0.55": 10}, ticker=OTHER))
    lags = engine.market_data.qualities
    one = made(2, delta(3, Side.BID, "0.45", 1, at=5))
    publish(engine, one, made(4, delta(4, Side.BID, "0.45", 1, at=5, ticker=OTHER)))
    assert lags.lag_percentile(99) == 3 * NS_PER_S
    # The first one is in doubt now: of it nothing is measured.
    engine.market_data.books[TICKER].invalidate(BookFault.GAP, "a test")
    one = made(6, delta(5, Side.BID, "0.45", 1, at=6))
    publish(engine, one, made(1, delta(6, Side.BID, "0.45", 1, at=6, ticker=OTHER)))
    assert lags.lag_percentile(99) == 5 * NS_PER_S
