"""One book: levels, best prices, and the line between known and trusted."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import TICKER, contracts, delta, price, second, snapshot
from traderd.core.book import CROSSED_GRACE_NS, NOTHING_KNOWN, Book, Top
from traderd.errors import BookUnavailable
from traderd.model.events import BookDelta, BookFault, BookSnapshot
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Price


def a_book() -> Book:
    book = Book(TICKER)
    fault = book.replace(snapshot(1, {"0.45": 10, "0.47": 3}, {"0.52": 4, "0.60": 8}))
    assert fault is None
    return book


def top(bid: str | None, bid_count: int, ask: str | None, ask_count: int) -> Top:
    return Top(
        bid=None if bid is None else price(bid),
        bid_count=contracts(bid_count),
        ask=None if ask is None else price(ask),
        ask_count=contracts(ask_count),
    )


def test_a_new_book_cannot_be_trusted_and_says_why():
    book = Book(TICKER)
    assert not book.usable
    with pytest.raises(BookUnavailable, match="the book of KXA-26-Y: no snapshot yet"):
        book.top()
    assert book.last_known_top() == NOTHING_KNOWN == top(None, 0, None, 0)
    assert (book.fault, book.fault_detail) == (BookFault.MISSING_SNAPSHOT, "no snapshot yet")


def test_a_snapshot_gives_the_best_prices_and_their_sizes():
    book = a_book()
    assert book.usable
    assert book.top() == top("0.47", 3, "0.52", 4)
    assert book.last_known_top().spread == price("0.05")


def test_depth_is_best_first_and_can_be_cut():
    book = a_book()
    assert book.depth(Side.BID) == (
        (price("0.47"), contracts(3)),
        (price("0.45"), contracts(10)),
    )
    assert book.depth(Side.ASK, 1) == ((price("0.52"), contracts(4)),)
    assert book.size_at(Side.ASK, price("0.60")) == contracts(8)
    assert book.size_at(Side.ASK, price("0.61")) == 0


def test_a_delta_adds_takes_and_removes_a_level():
    book = a_book()
    for change, best in [
        (delta(2, Side.BID, "0.48", 5), top("0.48", 5, "0.52", 4)),
        (delta(3, Side.BID, "0.48", "-2.5"), None),
        (delta(4, Side.BID, "0.48", "-2.5"), top("0.47", 3, "0.52", 4)),
        (delta(5, Side.ASK, "0.52", -4), top("0.47", 3, "0.60", 8)),
        (delta(6, Side.ASK, "0.50", 1), top("0.47", 3, "0.50", 1)),
        (delta(7, Side.ASK, "0.70", 1), top("0.47", 3, "0.50", 1)),
    ]:
        assert book.apply(change) is None
        assert best is None or book.top() == best
    assert [level for level, _ in book.depth(Side.BID)] == [price("0.47"), price("0.45")]


def test_an_empty_side_has_no_price_rather_than_zero():
    book = Book(TICKER)
    assert book.replace(snapshot(1, {}, {"0.52": 4})) is None
    best = book.top()
    assert best == top(None, 0, "0.52", 4)
    assert best.spread is None


def test_a_level_that_would_go_negative_makes_the_book_wrong_and_is_not_clamped():
    book = a_book()
    assert book.apply(delta(2, Side.BID, "0.47", "-3.01")) is BookFault.NEGATIVE_LEVEL
    assert not book.usable
    with pytest.raises(BookUnavailable, match="would hold -1"):
        book.top()
    assert book.last_known_size_at(Side.BID, price("0.47")) == contracts(3)
    assert "would hold -1" in book.fault_detail


def test_a_wrong_book_takes_no_deltas_but_keeps_its_last_known_levels():
    book = a_book()
    assert book.invalidate(BookFault.GAP, "seq 7 is missing")
    assert not book.invalidate(BookFault.DISCONNECTED, "the first fault stays")
    assert book.apply(delta(9, Side.BID, "0.50", 5, at=4)) is None
    assert book.dropped_deltas == 1
    assert book.fault is BookFault.GAP
    assert book.last_known_top() == top("0.47", 3, "0.52", 4)
    assert book.updated_at == second(0)


def test_a_snapshot_replaces_everything_and_heals():
    book = a_book()
    book.invalidate(BookFault.GAP, "")
    assert book.replace(snapshot(9, {"0.10": 1}, {}, subscription="2:1", at=5)) is None
    assert book.usable
    assert book.depth(Side.BID) == ((price("0.10"), contracts(1)),)
    assert book.depth(Side.ASK) == ()
    assert (book.subscription, book.updated_at) == ("2:1", second(5))


@pytest.mark.parametrize("ask", ["0.47", "0.46"], ids=["locked", "crossed"])
def test_a_crossed_or_locked_snapshot_is_refused(ask):
    book = Book(TICKER)
    assert book.replace(snapshot(1, {"0.47": 3}, {ask: 4})) is BookFault.CROSSED
    assert not book.usable


@pytest.mark.parametrize("size", [0, -1])
def test_a_snapshot_level_without_size_is_refused(size):
    book = Book(TICKER)
    assert book.replace(snapshot(1, {"0.47": size}, {})) is BookFault.NEGATIVE_LEVEL
    assert not book.usable


def test_a_crossing_is_unusable_at_once_and_forgiven_when_it_ends_in_time():
    book = a_book()
    assert book.apply(delta(2, Side.BID, "0.53", 1, at=1)) is None
    assert not book.usable
    with pytest.raises(BookUnavailable, match="bid at or above ask"):
        book.top()
    assert book.fault is None
    assert book.apply(delta(3, Side.ASK, "0.52", -4, at=1.5)) is None
    assert book.usable
    assert book.top() == top("0.53", 1, "0.60", 8)


def test_a_crossing_that_lasts_over_a_second_is_a_fault():
    assert CROSSED_GRACE_NS == NS_PER_S
    book = a_book()
    book.apply(delta(2, Side.BID, "0.53", 1, at=1))
    assert book.apply(delta(3, Side.BID, "0.40", 1, at=2)) is None
    assert book.apply(delta(4, Side.BID, "0.40", 1, at=2.001)) is BookFault.CROSSED
    assert book.fault is BookFault.CROSSED


def test_a_crossing_in_a_market_that_falls_silent_becomes_a_fault_by_time_alone():
    book = a_book()
    book.apply(delta(2, Side.BID, "0.53", 1, at=1))
    assert book.check_crossing(second(2)) is None
    assert book.check_crossing(second(2.001)) is BookFault.CROSSED
    assert book.check_crossing(second(9)) is None, "it is told once"
    assert book.crossings == 1


def test_a_snapshot_that_names_a_price_twice_is_refused():
    book, twice = Book(TICKER), snapshot(1, {"0.47": 3}, {"0.52": 4})
    twice = msgspec.structs.replace(twice, bids=twice.bids * 2)
    assert book.replace(twice) is BookFault.DOUBLE_LEVEL
    assert book.unusable_because == "the snapshot names one price twice"


READS = {
    "top": lambda book: book.top(),
    "depth": lambda book: book.depth(Side.BID),
    "size_at": lambda book: book.size_at(Side.BID, price("0.47")),
    "levels": lambda book: book.levels(Side.ASK),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_lesson_26_whoever_holds_a_book_that_died_cannot_read_from_it_by_accident(read):
    book = a_book()
    read(book)
    book.invalidate(BookFault.NOT_FOLLOWED, "its market is followed no longer")
    with pytest.raises(BookUnavailable, match="followed no longer"):
        read(book)
    assert book.last_known_top() == top("0.47", 3, "0.52", 4)
    assert book.last_known_depth(Side.ASK, 1) == ((price("0.52"), contracts(4)),)


def test_lesson_26_a_snapshot_leaves_no_level_of_the_old_book():
    book = a_book()
    kept = book.levels(Side.BID)
    book.replace(snapshot(9, {"0.46": 1}, {"0.60": 1}))
    assert book.levels(Side.BID) == {price("0.46"): contracts(1)}
    assert book.size_at(Side.BID, price("0.47")) == 0
    assert (book.top(), book.snapshots) == (top("0.46", 1, "0.60", 1), 2)
    assert kept == {price("0.45"): contracts(10), price("0.47"): contracts(3)}, "a copy is a copy"


def test_lesson_31_the_same_side_twice_is_no_book():
    # YES and NO books that came out identical: the asks are the bids seen in the mirror of 50 cents.
    book, bids = Book(TICKER), {"0.60": 10, "0.62": 5}
    asks = {"0.40": 10, "0.38": 5}
    assert book.replace(snapshot(1, bids, asks)) is BookFault.CROSSED
    with pytest.raises(BookUnavailable, match="the snapshot itself is crossed"):
        book.top()


def test_the_exchanges_own_time_is_kept():
    book = a_book()
    assert book.exchange_at is None
    book.apply(delta(2, Side.BID, "0.40", 1, at=7))
    assert (book.updated_at, book.exchange_at) == (second(7), second(7))


PRICES = st.integers(1, 9)
LEVELS = st.dictionaries(PRICES, st.integers(1, 3), max_size=5)
CHANGES = st.lists(st.tuples(st.sampled_from(Side), PRICES, st.integers(-2, 3)), max_size=40)


@given(bids=LEVELS, asks=LEVELS, changes=CHANGES)
def test_the_book_agrees_with_a_plain_dictionary(bids, asks, changes):
    model = {Side.BID: dict(bids), Side.ASK: {10 + p: c for p, c in asks.items()}}
    book = Book(TICKER)
    book.replace(
        BookSnapshot(
            ticker=TICKER,
            bids=tuple(model[Side.BID].items()),
            asks=tuple(model[Side.ASK].items()),
            subscription="1:1",
            seq=1,
            at=second(0),
        )
    )
    for side, at_price, change in changes:
        level = at_price if side is Side.BID else 10 + at_price
        size = model[side].get(level, 0) + change
        fault = book.apply(
            BookDelta(
                ticker=TICKER,
                side=side,
                price=Price(level),
                change=Count(change),
                subscription="1:1",
                seq=2,
                at=second(0),
            )
        )
        if size < 0:
            assert fault is BookFault.NEGATIVE_LEVEL
            return
        assert fault is None
        model[side][level] = size
        model[side] = {p: c for p, c in model[side].items() if c}
        best_bid, best_ask = max(model[Side.BID], default=None), min(model[Side.ASK], default=None)
        assert book.top() == Top(
            bid=best_bid,
            bid_count=Count(model[Side.BID].get(best_bid, 0)),
            ask=best_ask,
            ask_count=Count(model[Side.ASK].get(best_ask, 0)),
        )
        assert dict(book.depth(Side.BID)) == model[Side.BID]
        assert dict(book.depth(Side.ASK)) == model[Side.ASK]
