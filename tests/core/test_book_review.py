"""Looks: what time alone reveals of a book, and an audit's result."""

from tests.core.builders import TICKER, delta, kinds, limits, second, snapshot, tell
from traderd.core.engine import Engine
from traderd.model import events as ev
from traderd.model.events import BookFault, BookGrade
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side


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
