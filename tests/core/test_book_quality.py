"""Grades: what each measure costs, what heals by time, and that a quiet market costs nothing."""

import msgspec
import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    contracts,
    delta,
    followed,
    kinds,
    limits,
    price,
    second,
    snapshot,
    tell,
)
from traderd.core import book_quality, quality_records
from traderd.core.engine import Engine
from traderd.core.lag_window import count_of
from traderd.core.quality_records import BookQuality
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.events import BookFault, BookGrade
from traderd.model.ids import MarketTicker, TradeId
from traderd.model.orders import Side
from traderd.model.units import NS_PER_MS, NS_PER_S

G = BookGrade


def heard(
    at: float, *, silent_s: float = 0, offset_ms: int = 0, connection: int = 1
) -> ev.LineObserved:
    return ev.LineObserved(
        at=second(at),
        connection=connection,
        heard_at=second(at - silent_s),
        clock_offset_ms=offset_ms,
    )


def late(seq: int, at: float, lag_s: float, **where) -> ev.BookDelta:
    """Return a delta that the exchange stamped `lag_s` before it came."""
    whole = delta(seq, Side.BID, "0.30", 1, at=at, **where)
    return msgspec.structs.replace(whole, exchange_at=second(at) - round(lag_s * 1_000) * NS_PER_MS)


def an_engine() -> Engine:
    engine = Engine(limits=limits())
    tell(engine, snapshot(1, {"0.45": 10}, {"0.55": 10}), heard(0))
    return engine


def publish(engine: Engine, *events: ev.Event) -> list[ev.Event]:
    """Tell events as one batch, with what follows from the batch."""
    return [*tell(engine, *events), *engine.settle()]


def quality(engine: Engine, at: float) -> BookQuality:
    found = engine.market_data.quality(TICKER, second(at))
    assert found is not None
    return found


# --- the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lag_ms", "grade"),
    [(0, G.A), (1_000, G.A), (1_001, G.B), (2_500, G.C), (3_200, G.D), (10_001, G.F)],
)
def test_fault_p17_a_growing_lag_makes_a_book_worse_while_its_numbers_are_perfect(lag_ms, grade):
    engine = an_engine()
    publish(engine, late(2, 5, lag_ms / 1_000))
    tell(engine, heard(5))
    found = quality(engine, 6)
    assert (found.grade, found.lag_ns) == (grade, lag_ms * NS_PER_MS)
    assert found.causes == (() if grade is G.A else (f"lag {lag_ms / 1_000:.1f} s",))
    assert engine.market_data.books[TICKER].usable


def test_lesson_23_a_backlog_shows_in_every_book_of_its_connection():
    engine = an_engine()
    elsewhere = MarketTicker("KXC-26-Y")
    tell(
        engine,
        snapshot(2, {"0.45": 10}, {}, ticker=OTHER),
        snapshot(1, {"0.45": 10}, {}, ticker=elsewhere, subscription="2:1"),
        heard(0, connection=2),
    )
    for second_, lag_s in enumerate([2, 4, 6], start=3):
        publish(engine, late(second_, second_, lag_s, ticker=OTHER))
    # This book is quiet, but its neighbour on the line is seconds behind, so it must be too.
    assert quality(engine, 6).lag_ns == 4 * NS_PER_S
    assert quality(engine, 6).grade is G.D
    other_line = engine.market_data.quality(elsewhere, second(6))
    assert other_line is not None
    assert (other_line.grade, other_line.lag_ns) == (G.A, None)


def test_a_book_is_as_late_as_the_later_of_itself_and_its_line():
    engine = an_engine()
    publish(engine, snapshot(2, {"0.45": 10}, {}, ticker=OTHER))
    for seq in (3, 5, 7):
        # Each batch is measured by its first frame: the line looks well, this book does not.
        publish(engine, late(seq, seq, 0, ticker=OTHER), late(seq + 1, seq, 6))
        publish(engine, heard(seq))
    assert quality(engine, 8).lag_ns == 6 * NS_PER_S
    neighbour = engine.market_data.quality(OTHER, second(8))
    assert neighbour is not None
    assert neighbour.lag_ns == 0


def lags_of(engine: Engine, connection: int = 1) -> int:
    line = engine.market_data.qualities.line(connection)
    assert line is not None
    return count_of(line.lags)


def test_a_trade_says_nothing_about_the_lag_of_its_connection():
    engine = an_engine()
    tell(engine, followed())
    publish(engine, late(2, 5, 0))
    for at in range(6, 30):
        trade = ev.TradePrinted(
            trade_id=TradeId(f"t{at}"),
            ticker=TICKER,
            price=price("0.47"),
            count=contracts(1),
            taker_side=Side.BID,
            at=second(at),
        )
        assert kinds(publish(engine, trade)) == ["TradePrinted", "BookChanged"]
    assert lags_of(engine) == 1
    tell(engine, heard(29))
    assert quality(engine, 29).lag_ns is None


def test_a_busy_connection_takes_no_samples_away_from_a_quiet_one():
    engine = an_engine()
    publish(
        engine,
        snapshot(1, {"0.45": 10}, {}, ticker=OTHER, subscription="2:1"),
        heard(0, connection=2),
    )
    for seq in range(2, 12):
        at = 1 + seq / 1_000
        publish(engine, late(seq, at, 0))
        publish(engine, late(seq, at, 7, ticker=OTHER, subscription="2:1"))
    assert (lags_of(engine, 1), lags_of(engine, 2)) == (1, 1)
    found = engine.market_data.quality(OTHER, second(2))
    assert found is not None
    assert found.lag_ns == 7 * NS_PER_S


def test_a_batch_that_ends_a_connection_leaves_nothing_of_it_behind():
    engine = an_engine()
    gone = ev.FeedDisconnected(
        at=second(5), feed=ev.FeedName.MARKET_DATA, connection=1, reason="reset"
    )
    publish(engine, late(2, 5, 1), gone)
    assert engine.market_data.qualities.line(1) is None


def test_a_clock_that_was_set_back_does_not_stop_the_measuring_of_a_book():
    engine = an_engine()
    for seq, at, lag_s in ((2, 4_000, 0), (3, 5, 6), (4, 6, 6), (5, 7, 6)):
        publish(engine, late(seq, at, lag_s))
        tell(engine, heard(at))
    assert quality(engine, 7).lag_p50_ns == 6 * NS_PER_S
    assert quality(engine, 7).grade is G.E


def test_the_measured_offset_of_the_clocks_is_no_lag():
    engine = an_engine()
    tell(engine, heard(1, offset_ms=-4_000))
    publish(engine, late(2, 5, 4.5))
    tell(engine, heard(6, offset_ms=-4_000))
    assert quality(engine, 6).lag_ns == 500 * NS_PER_MS
    assert quality(engine, 6).grade is G.A


def test_one_late_frame_is_forgiven_and_the_second_is_not():
    engine = an_engine()
    for seq, lag_s in ((2, 0), (3, 0), (4, 9)):
        publish(engine, late(seq, seq, lag_s))
        tell(engine, heard(seq))
    assert quality(engine, 4).grade is G.A
    publish(engine, late(5, 5, 9))
    tell(engine, heard(5))
    assert quality(engine, 5).grade is G.E


def test_an_old_lag_says_nothing_about_now():
    engine = an_engine()
    publish(engine, late(2, 5, 9))
    tell(engine, heard(6))
    assert quality(engine, 15).grade is G.E
    tell(engine, heard(15.1))
    assert (quality(engine, 15.1).grade, quality(engine, 15.1).lag_ns) == (G.A, None)
    assert quality(engine, 15.1).lag_p99_ns == 9 * NS_PER_S


def test_lesson_30_a_quiet_market_on_a_line_that_is_heard_keeps_its_grade():
    engine = an_engine()
    tell(engine, heard(3_600, silent_s=9.9))
    found = quality(engine, 3_600)
    assert (found.grade, found.age_ns) == (G.A, 3_600 * NS_PER_S)
    assert found.silence_ns == 9_900 * NS_PER_MS


@pytest.mark.parametrize(("silent_s", "grade"), [(16, G.A), (16.1, G.B), (20, G.D), (26, G.F)])
def test_lesson_30_a_line_that_is_not_heard_makes_its_busiest_book_worse(silent_s, grade):
    engine = an_engine()
    tell(engine, heard(100))
    assert quality(engine, 100 + silent_s).grade is grade


def test_a_line_that_nobody_looked_at_is_not_judged():
    engine = Engine(limits=limits())
    tell(engine, snapshot(1, {"0.45": 10}, {}))
    assert (quality(engine, 99).grade, quality(engine, 99).silence_ns) == (G.A, None)


def test_a_book_in_doubt_is_an_f_with_its_reason_first():
    engine = an_engine()
    tell(engine, delta(5, Side.BID, "0.46", 1))
    found = quality(engine, 1)
    assert found.grade is G.F
    assert found.causes == (
        "frames before seq 5 of subscription 1:1 are missing",
        "1 fault in 600 s",
    )
    assert found.faults == {BookFault.GAP: 1}


def test_every_repair_costs_for_a_while():
    engine, grades = an_engine(), []
    for seq in range(10, 10 + 3 * 21, 3):
        tell(engine, delta(seq, Side.BID, "0.46", 1, at=seq))
        tell(engine, snapshot(seq + 1, {"0.45": 10}, {"0.55": 10}, at=seq))
        tell(engine, heard(seq))
        grades.append(quality(engine, seq).grade.value)
    assert "".join(grades) == "BB" + "CCC" + "DDDDD" + "E" * 10 + "F"
    for at, grade in ((610, G.F), (611, G.E), (670, G.B), (671, G.A)):
        tell(engine, heard(at))
        assert quality(engine, at).grade is grade
    assert quality(engine, 671).resyncs == 21


@pytest.mark.parametrize("fault", quality_records.NO_ACCIDENTS)
def test_what_is_no_accident_costs_nothing_once_the_book_is_back(fault):
    engine = an_engine()
    told = engine.market_data.give_up([TICKER], fault, "asked to", second(1))
    assert kinds(told) == ["BookInvalidated"]
    assert quality(engine, 1).grade is G.F
    tell(engine, snapshot(2, {"0.45": 10}, {"0.55": 10}, at=2))
    assert quality(engine, 2).grade is G.A


# --- audits ---------------------------------------------------------------------------------------


def audited(at: float, *, agreed: bool, proven: bool = False) -> ev.BookAudited:
    return ev.BookAudited(at=second(at), ticker=TICKER, agreed=agreed, proven=proven)


def test_an_audit_that_agrees_is_a_proof_of_life():
    engine = an_engine()
    tell(engine, audited(50, agreed=True), heard(59))
    found = quality(engine, 60)
    assert (found.age_ns, found.audits_agreed, found.grade) == (10 * NS_PER_S, 1, G.A)


def test_a_suspicion_costs_two_grades_until_an_audit_agrees():
    engine = an_engine()
    tell(engine, heard(50))
    assert kinds(tell(engine, audited(50, agreed=False))) == ["BookAudited"]
    assert quality(engine, 50).grade is G.C
    assert quality(engine, 50).causes == ("the exchange's REST book differs",)
    tell(engine, audited(53, agreed=True))
    assert quality(engine, 53).grade is G.A


def test_a_proof_makes_the_book_wrong_and_a_snapshot_alone_does_not_clear_its_name():
    engine = an_engine()
    tell(engine, heard(50), audited(50, agreed=False))
    told = tell(engine, audited(53, agreed=False, proven=True))
    assert kinds(told) == ["BookAudited", "BookInvalidated"]
    assert told[1].fault is BookFault.AUDIT
    assert quality(engine, 53).grade is G.F
    tell(engine, snapshot(2, {"0.45": 10}, {"0.55": 10}, at=54))
    assert quality(engine, 54).grade is G.D
    tell(engine, heard(90), audited(90, agreed=False))
    assert quality(engine, 90).grade is G.D, "a suspicion is no better than a proof"
    tell(engine, audited(99, agreed=True))
    assert quality(engine, 99).grade is G.B, "the fault itself still counts"
    assert quality(engine, 99).audits_differed == 3


# --- changes --------------------------------------------------------------------------------------


def graded(events: list[ev.Event]) -> list[ev.BookGraded]:
    return [event for event in events if isinstance(event, ev.BookGraded)]


def test_a_grade_is_told_when_it_changes_and_at_no_other_time():
    engine = Engine(limits=limits())
    (first,) = graded(publish(engine, snapshot(1, {"0.45": 10}, {"0.55": 10}), heard(1)))
    assert (first.grade, first.previous, first.causes) == (G.A, None, ())
    assert graded(publish(engine, heard(2))) == []
    publish(engine, delta(5, Side.BID, "0.46", 1, at=3))
    (second_,) = graded(publish(engine, heard(3)))
    assert (second_.grade, second_.previous) == (G.F, G.A)
    assert second_.causes[0].startswith("frames before seq 5")
    publish(engine, snapshot(6, {"0.45": 10}, {"0.55": 10}, at=4))
    (third,) = graded(publish(engine, heard(4)))
    assert (third.grade, third.causes) == (G.B, ("1 fault in 600 s",))
    assert graded(publish(engine, heard(500))) == []
    (healed,) = graded(publish(engine, heard(604)))
    assert (healed.grade, healed.previous, healed.causes) == (G.A, G.B, ())
    history = quality(engine, 604).history
    assert [change.grade for change in history] == [G.A, G.F, G.B, G.A]
    assert [change.at for change in history] == [second(at) for at in (1, 3, 4, 604)]


def test_a_line_that_falls_silent_takes_every_quiet_book_down_and_back():
    engine = an_engine()
    publish(engine, snapshot(2, {"0.45": 10}, {}, ticker=OTHER), heard(1))
    publish(engine, heard(2))
    assert engine.market_data.qualities.due() == [], "nothing but the line can move them now"
    down = graded(publish(engine, heard(40, silent_s=18.5)))
    assert {event.ticker: event.grade for event in down} == {TICKER: G.D, OTHER: G.D}
    back = graded(publish(engine, heard(41)))
    assert {event.ticker: event.grade for event in back} == {TICKER: G.A, OTHER: G.A}


def test_books_that_become_an_a_together_share_the_record_of_it_until_one_changes():
    engine = an_engine()
    publish(engine, snapshot(2, {"0.45": 10}, {}, ticker=OTHER), heard(1))

    def history(ticker, at):
        return engine.market_data.quality(ticker, second(at)).history

    assert [change.grade for change in history(TICKER, 1)] == [G.A]
    assert history(OTHER, 1) is not history(TICKER, 1) or history(OTHER, 1) == history(TICKER, 1)
    publish(engine, *(snapshot(n, {"0.45": 10}, {}, ticker=t) for n, t in ((3, "S"), (4, "T"))))
    publish(engine, heard(2))
    assert history("S", 2) is history("T", 2)
    publish(
        engine,
        delta(9, Side.BID, "0.45", 1, ticker="S", at=3),
        snapshot(10, {"0.45": 10}, {}, ticker="S", at=3),
    )
    publish(engine, heard(4))
    assert [change.grade for change in history("S", 4)] == [G.A, G.B]
    assert [change.grade for change in history("T", 4)] == [G.A, G.F]


def test_the_history_of_a_grade_is_bounded():
    engine = an_engine()
    for at in range(100):
        publish(engine, heard(at, silent_s=0 if at % 2 else 30))
    assert len(quality(engine, 100).history) == quality_records.HISTORY_KEPT


def test_one_look_grades_a_bounded_number_of_books(monkeypatch):
    monkeypatch.setattr(book_quality, "REVIEWS_MAX", 3)
    engine = Engine(limits=limits())
    tickers = [f"KX{i}" for i in range(8)]
    publish(
        engine,
        *(snapshot(i, {"0.45": 1}, {}, ticker=each) for i, each in enumerate(tickers, start=1)),
    )
    counts = [len(graded(publish(engine, heard(at)))) for at in range(4)]
    assert counts == [3, 3, 2, 0]


def test_grades_are_counted_as_last_reviewed_and_a_forgotten_book_no_more():
    engine = an_engine()
    view = StateView(engine)
    publish(engine, snapshot(2, {"0.45": 10}, {"0.40": 1}, ticker=OTHER), heard(1))
    assert view.grades() == {G.A: 1, G.B: 0, G.C: 0, G.D: 0, G.E: 0, G.F: 1}
    engine.market_data.forget(OTHER)
    assert view.grades()[G.F] == 0
    assert view.quality(OTHER, second(2)) is None


def test_a_crossing_in_a_silent_market_is_found_at_a_look():
    engine = an_engine()
    publish(engine, delta(2, Side.BID, "0.60", 1, at=1), heard(1))
    assert engine.market_data.books[TICKER].fault is None
    told = publish(engine, heard(2.1))
    assert "BookInvalidated" in kinds(told)
    assert engine.market_data.books[TICKER].fault is BookFault.CROSSED
    assert quality(engine, 3).crossings == 1


def test_a_lost_connection_is_forgotten_with_its_lags():
    engine = an_engine()
    publish(engine, late(2, 5, 9))
    engine.market_data.qualities.forget_line(1)
    assert engine.market_data.qualities.line(1) is None
    assert quality(engine, 6).silence_ns is None


def test_a_stamp_from_the_future_is_no_negative_lag():
    engine = an_engine()
    publish(engine, late(2, 5, -60))
    tell(engine, heard(5))
    assert quality(engine, 5).lag_ns == 0


# --- all books together ---------------------------------------------------------------------------


def test_faults_and_audits_are_counted_for_all_books_together():
    engine = an_engine()
    totals = engine.market_data.qualities.totals
    tell(
        engine,
        audited(1, agreed=True),
        audited(2, agreed=False),
        audited(3, agreed=False, proven=True),
    )
    assert dict(totals.audits) == {"agreed": 1, "differed": 1, "wrong": 1}
    assert totals.faults[ev.BookFault.AUDIT] == 1
    # A book that nobody keeps any more has been wrong all the same.
    engine.market_data.forget(TICKER)
    assert totals.faults[ev.BookFault.AUDIT] == 1


def test_the_lag_of_the_feed_is_told_over_all_connections():
    engine = an_engine()
    assert engine.market_data.qualities.lag_percentile(50) is None
    publish(engine, late(2, 1, 0.2))
    publish(engine, late(3, 2, 0.4))
    publish(engine, snapshot(1, {"0.40": 1}, {}, ticker=OTHER, subscription="2:1"))
    publish(engine, late(2, 3, 3.0, ticker=OTHER, subscription="2:1"))
    qualities = engine.market_data.qualities
    assert qualities.lag_percentile(50) == 400 * NS_PER_MS
    assert qualities.lag_percentile(99) == 3_000 * NS_PER_MS


def test_while_no_connection_stands_the_histogram_does_not_go_on_calling_its_books_good():
    engine = an_engine()
    view = StateView(engine)
    assert view.grades()[G.A] == 1
    lost = ev.FeedDisconnected(
        at=second(2), feed=ev.FeedName.MARKET_DATA, connection=1, reason="reset by peer"
    )
    tell(engine, lost)
    assert view.grades() == {G.A: 0, G.B: 0, G.C: 0, G.D: 0, G.E: 0, G.F: 1}


def unread(seq: int, at: float) -> ev.FrameRefused:
    return ev.FrameRefused(
        at=second(at),
        feed=ev.FeedName.MARKET_DATA,
        kind="orderbook_delta",
        reason="side YES",
        drift=ev.Drift.UNKNOWN_VALUE,
        subscription="1:1",
        seq=seq,
        ticker=TICKER,
    )


def test_a_book_whose_frames_cannot_be_read_is_no_good_after_a_snapshot_until_a_change_is_read():
    engine = an_engine()
    tell(engine, unread(2, 10), snapshot(3, {"0.45": 10}, {"0.55": 10}, at=11))
    assert quality(engine, 11).grade is G.B, "once may be an accident"
    tell(engine, unread(4, 12), snapshot(5, {"0.45": 10}, {"0.55": 10}, at=13))
    tell(engine, heard(900))
    found = quality(engine, 900)
    assert (found.grade, found.causes) == (G.D, ("its last 2 frames could not be read",))
    assert engine.market_data.books[TICKER].usable
    tell(engine, delta(6, Side.BID, "0.45", 1, at=901))
    assert quality(engine, 901).grade is G.A


def test_an_audit_that_says_nothing_changes_nothing():
    engine = an_engine()
    tell(engine, audited(50, agreed=False), heard(60))
    assert quality(engine, 60).grade is G.C
    nothing = ev.BookAudited(at=second(60), ticker=TICKER, agreed=False, conclusive=False)
    tell(engine, nothing)
    found = quality(engine, 60)
    assert (found.grade, found.audits_agreed, found.audits_differed) == (G.C, 0, 1)
    assert found.age_ns == 60 * NS_PER_S, "it is no proof of life"
