"""Faults of the feed that cost others money: each is named after the lesson or the fault that it is."""

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
    reply,
    second,
    snapshot,
    tell,
)
from traderd.core.engine import Engine
from traderd.core.market_data import MarketData
from traderd.core.view import StateView
from traderd.errors import BookUnavailable
from traderd.model import events as ev
from traderd.model.events import BookFault
from traderd.model.ids import MarketTicker, TradeId
from traderd.model.orders import Side

THIRD = MarketTicker("KXC-26-Y")


def three_books() -> tuple[Engine, MarketData]:
    engine = Engine(limits=limits())
    tell(
        engine,
        snapshot(1, {"0.45": 10}, {"0.55": 10}),
        snapshot(2, {"0.30": 10}, {"0.40": 10}, ticker=OTHER),
        snapshot(1, {"0.30": 10}, {"0.40": 10}, ticker=THIRD, subscription="1:2"),
    )
    return engine, engine.market_data


def faults(data: MarketData) -> list[BookFault | None]:
    return [data.books[ticker].fault for ticker in (TICKER, OTHER, THIRD)]


def test_fault_p1_a_gap_takes_the_books_of_its_subscription_and_their_deltas_are_dropped_and_counted():
    engine, data = three_books()
    tell(engine, delta(4, Side.BID, "0.46", 1))
    assert faults(data) == [BookFault.GAP, BookFault.GAP, None]
    for seq in range(5, 9):
        assert kinds(tell(engine, delta(seq, Side.BID, "0.46", 1))) == ["BookDelta"]
    assert data.books[TICKER].dropped_deltas == data.dropped_deltas() == 5
    with pytest.raises(BookUnavailable, match=r"frames before seq 4 of subscription 1:1"):
        data.books[TICKER].top()


def test_fault_p2_a_copy_of_the_last_frame_is_counted_and_changes_nothing():
    engine, data = three_books()
    once = delta(3, Side.BID, "0.46", 1)
    tell(engine, once)
    assert kinds(tell(engine, msgspec.structs.replace(once, at=second(1)))) == ["BookDelta"]
    assert (data.stale_frames, faults(data)) == (1, [None] * 3)
    assert data.books[TICKER].size_at(Side.BID, price("0.46")) == contracts(1)


def test_fault_p2_an_old_frame_that_is_no_copy_takes_its_own_book_and_no_other():
    engine, data = three_books()
    tell(engine, delta(3, Side.BID, "0.46", 1), delta(4, Side.BID, "0.31", 1, ticker=OTHER))
    told = tell(engine, delta(3, Side.BID, "0.46", 1))
    assert kinds(told) == ["BookDelta", "BookInvalidated"]
    assert faults(data) == [BookFault.STRAY, None, None]
    assert told[1].detail == "a frame with the old seq 3 of subscription 1:1, which is at 4"
    assert data.gaps == 0


def test_fault_p3_two_frames_that_change_places_are_a_gap_and_a_late_one():
    engine, data = three_books()
    tell(engine, delta(4, Side.BID, "0.46", 1))
    assert kinds(tell(engine, delta(3, Side.BID, "0.47", 1))) == ["BookDelta"]
    assert (data.gaps, data.stale_frames) == (1, 1)
    assert faults(data) == [BookFault.GAP, BookFault.GAP, None]
    assert kinds(tell(engine, delta(5, Side.BID, "0.46", 1))) == ["BookDelta"]


def test_fault_p4_a_new_subscription_counts_from_one():
    engine, data = three_books()
    tell(
        engine,
        ev.FeedDisconnected(
            at=second(3), feed=ev.FeedName.MARKET_DATA, connection=1, reason="reset"
        ),
    )
    assert faults(data) == [BookFault.DISCONNECTED] * 3
    tell(engine, snapshot(1, {"0.45": 1}, {}, subscription="2:1"))
    tell(engine, delta(2, Side.BID, "0.46", 1, subscription="2:1"))
    assert data.books[TICKER].top().bid == price("0.46")
    assert (data.gaps, data.stale_frames) == (0, 0)


def test_fault_p4_replies_that_use_numbers_up_and_replies_that_do_not_are_both_lived_with():
    engine, data = three_books()
    tell(engine, reply(3), delta(4, Side.BID, "0.46", 1), reply(4), delta(5, Side.BID, "0.46", 1))
    assert (data.gaps, faults(data)) == (0, [None] * 3)


def test_fault_p4_numbers_that_begin_anew_on_an_old_subscription_end_it():
    engine, data = three_books()
    tell(engine, delta(3, Side.BID, "0.46", 1))
    tell(engine, delta(1, Side.BID, "0.20", 1))
    assert faults(data) == [BookFault.STRAY, None, None]
    told = tell(engine, delta(2, Side.BID, "0.20", 1, ticker=OTHER))
    assert kinds(told) == ["BookDelta", "BookInvalidated"]
    assert faults(data) == [BookFault.STRAY, BookFault.RESTARTED, None]
    assert data.subscription_ended("1:1") == "the numbers of subscription 1:1 began anew: seq 2"
    # Nothing of it is believed any more, snapshots included, until there is a new subscription.
    tell(engine, snapshot(3, {"0.01": 1}, {}), delta(4, Side.BID, "0.01", 1), reply(9))
    assert faults(data) == [BookFault.STRAY, BookFault.RESTARTED, None]
    assert (data.unexpected_frames, data.subscriptions_ended) == (2, 1)
    tell(engine, snapshot(1, {"0.45": 1}, {}, subscription="1:3"))
    assert data.books[TICKER].usable


@pytest.mark.parametrize("code", [10, 25])
def test_fault_p12_the_end_of_a_subscription_takes_its_books_and_no_others(code):
    engine, data = three_books()
    ended = ev.SubscriptionEnded(at=second(3), subscription="1:1", reason=f"error {code}")
    told = tell(engine, ended)
    assert kinds(told) == ["SubscriptionEnded", "BookInvalidated", "BookInvalidated"]
    ended_fault = BookFault.SUBSCRIPTION_ENDED
    assert faults(data) == [ended_fault, ended_fault, None]
    assert data.subscription_ended("1:1") == f"error {code}"
    assert kinds(tell(engine, ended)) == ["SubscriptionEnded"], "once is enough"
    assert data.subscription_ended("1:2") == data.subscription_ended("9:9") == ""


def test_fault_p8_a_snapshot_of_a_market_that_is_followed_no_longer_is_ignored_and_counted():
    engine, data = three_books()
    tell(engine, ev.UniverseChanged(at=second(1), added=(), dropped=((TICKER, "it closed"),)))
    assert TICKER not in data.books
    told = tell(engine, snapshot(3, {"0.45": 1}, {}), delta(4, Side.BID, "0.46", 1))
    assert kinds(told) == ["BookSnapshot", "BookDelta"]
    assert TICKER not in data.books
    assert (data.unexpected_frames, data.gaps) == (2, 0), "their numbers count all the same"
    tell(engine, delta(5, Side.BID, "0.31", 1, ticker=OTHER))
    assert data.books[OTHER].usable


def test_fault_p9_a_level_below_zero_makes_the_book_wrong_and_is_not_clamped():
    engine, data = three_books()
    told = tell(engine, delta(3, Side.BID, "0.45", -11))
    assert kinds(told) == ["BookDelta", "BookInvalidated"]
    assert faults(data) == [BookFault.NEGATIVE_LEVEL, None, None]
    assert data.books[TICKER].last_known_size_at(Side.BID, price("0.45")) == contracts(10)


def test_fault_p10_a_crossed_book_gives_no_price_at_once_and_is_a_fault_after_a_second():
    engine, data = three_books()
    tell(engine, delta(3, Side.BID, "0.56", 1, at=5))
    with pytest.raises(BookUnavailable, match="bid at or above ask"):
        StateView(engine).usable_book(TICKER)
    told = tell(engine, delta(4, Side.BID, "0.20", 1, at=6.1))
    assert kinds(told) == ["BookDelta", "BookInvalidated"]
    assert faults(data) == [BookFault.CROSSED, None, None]


def test_fault_p11_a_snapshot_replaces_and_a_forgotten_book_raises_when_it_is_used():
    engine, data = three_books()
    held = data.books[TICKER]
    tell(engine, snapshot(3, {"0.44": 2}, {"0.50": 2}))
    assert held.levels(Side.BID) == {price("0.44"): contracts(2)}, "no ghost of 0.45 is left"
    tell(engine, ev.UniverseChanged(at=second(1), added=(), dropped=((TICKER, "it closed"),)))
    with pytest.raises(BookUnavailable):
        held.top()


def test_lesson_26_ghosts_of_the_old_book_do_not_come_back_after_a_resync():
    engine, data = three_books()
    tell(engine, delta(5, Side.BID, "0.46", 7), snapshot(6, {"0.44": 2}, {"0.50": 2}))
    tell(engine, delta(7, Side.BID, "0.45", 1))
    assert data.books[TICKER].levels(Side.BID) == {
        price("0.44"): contracts(2),
        price("0.45"): contracts(1),
    }


def test_lesson_28_a_book_in_doubt_is_told_once_however_many_deltas_follow():
    engine, _ = three_books()
    told = tell(engine, *(delta(seq, Side.BID, "0.46", 1) for seq in range(9, 200)))
    assert kinds(told).count("BookInvalidated") == 2
    told = tell(engine, *(delta(seq, Side.BID, "0.46", 1) for seq in range(300, 600, 3)))
    assert kinds(told).count("BookInvalidated") == 0


def test_lesson_31_a_snapshot_whose_sides_contradict_quarantines_the_book():
    engine, data = three_books()
    told = tell(engine, snapshot(3, {"0.45": 1}, {"0.45": 1}))
    assert kinds(told) == ["BookSnapshot", "BookInvalidated"]
    assert faults(data) == [BookFault.CROSSED, None, None]


# --- news of a whole batch ------------------------------------------------------------------------


def test_a_market_that_changed_is_told_once_a_batch_after_everything_else():
    engine, _ = three_books()
    engine.settle()
    tell(
        engine,
        *(delta(seq, Side.BID, "0.46", 1, at=seq) for seq in range(3, 9)),
        delta(9, Side.BID, "0.31", 1, ticker=OTHER, at=9),
    )
    assert engine.settle() == [
        ev.BookChanged(ticker=TICKER, at=second(8)),
        ev.BookChanged(ticker=OTHER, at=second(9)),
    ]
    assert engine.settle() == []


def test_doubt_repair_trades_and_grades_are_changes_as_well():
    engine, _ = three_books()
    tell(engine, followed(THIRD))

    def changed(*events: ev.Event) -> list[str]:
        engine.settle()
        tell(engine, *events)
        return [event.ticker for event in engine.settle()]

    trade = ev.TradePrinted(
        trade_id=TradeId("t"),
        ticker=THIRD,
        price=price("0.31"),
        count=contracts(1),
        taker_side=Side.BID,
        at=second(4),
    )
    assert changed(trade) == [THIRD]
    assert changed(trade) == [], "told twice is no news"
    assert changed(reply(9)) == [TICKER, OTHER]
    assert changed(snapshot(10, {"0.45": 10}, {})) == [TICKER]
    heard = ev.LineObserved(at=second(5), connection=1, heard_at=second(5), clock_offset_ms=0)
    assert sorted(changed(heard)) == [TICKER, OTHER, THIRD]
    assert changed(heard) == []
    assert changed(delta(1, Side.BID, "0.31", 1, subscription="1:9", ticker=THIRD)) == []


def test_what_the_repair_asks_for_is_counted():
    engine, data = three_books()
    tell(
        engine,
        ev.SnapshotsRequested(at=second(1), subscription="1:1", count=3),
        ev.SnapshotsRequested(at=second(1), subscription="1:1", count=2),
        ev.SnapshotsDelayed(at=second(1), subscription="1:1", count=9, wait_ms=100),
    )
    assert (data.snapshots_requested, data.snapshots_delayed) == (5, 9)
