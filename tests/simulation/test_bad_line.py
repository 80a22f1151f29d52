"""Any session over a bad line: no book is silently wrong, every fault is noticed, one snapshot a book heals."""

import random

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.simulation.bad_line import TICKERS, BadLine
from traderd.core import book, subscription
from traderd.core.book_doubt import BookDoubts
from traderd.core.market_data import MarketData
from traderd.core.sequence import SequenceTracker, Verdict
from traderd.model.events import BookDelta
from traderd.model.orders import Side

SOAK_DELTAS = 1_000_000
FEW_DELTAS = 50_000


class AnySession(RuleBasedStateMachine):
    """Every step at any time."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.line = BadLine(random.Random(seed))

    @rule(times=st.integers(1, 10))
    def change(self, times: int) -> None:
        for _ in range(times):
            self.line.change()

    @rule()
    def lose(self) -> None:
        self.line.lose()

    @rule()
    def acknowledge(self) -> None:
        self.line.acknowledge()

    @rule()
    def acknowledge_again(self) -> None:
        self.line.acknowledge_again()

    @rule()
    def double(self) -> None:
        self.line.double()

    @rule()
    def repeat_old(self) -> None:
        self.line.repeat_old()

    @rule()
    def garble(self) -> None:
        self.line.garble()

    @rule(hours=st.integers(1, 12))
    def fall_silent(self, hours: int) -> None:
        self.line.fall_silent(hours)

    @rule()
    def speak_again(self) -> None:
        self.line.speak_again()

    @rule()
    def swap(self) -> None:
        self.line.swap()

    @rule()
    def restart_numbers(self) -> None:
        self.line.restart_numbers()

    @rule()
    def end_subscription(self) -> None:
        self.line.end_subscription()

    @rule()
    def reconnect(self) -> None:
        self.line.reconnect()

    @rule()
    def repair(self) -> None:
        self.line.repair()

    @invariant()
    def no_book_is_silently_wrong(self) -> None:
        if hasattr(self, "line"):
            self.line.check_all()

    def teardown(self) -> None:
        if hasattr(self, "line"):
            self.line.recover()


AnySession.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
test_any_session = AnySession.TestCase


def test_a_change_that_cannot_be_read_of_a_market_without_a_book_may_be_of_any_book():
    line = BadLine(random.Random(460))
    line.change()
    line.change()
    line.double()
    line.fall_silent(1)
    line.reconnect()
    line.speak_again()
    line.garble()
    assert line.caused["garbled"] == 1
    line.check_all()
    line.recover()


def live(line: BadLine, deltas: int) -> None:
    """Live through a long session in which most frames arrive."""
    rng = line.rng
    doings = (
        line.lose,
        line.double,
        line.repeat_old,
        line.swap,
        line.acknowledge_again,
        line.garble,
    )
    rare = (
        line.restart_numbers,
        line.end_subscription,
        line.reconnect,
        line.fall_silent,
        line.speak_again,
    )
    while line.deltas < deltas:
        fate = rng.random()
        if fate < 0.97:
            line.change()
        elif fate < 0.98:
            line.acknowledge()
        elif fate < 0.988:
            rng.choice(doings)()
        elif fate < 0.989:
            rng.choice(rare)()
        else:
            line.repair()
            line.check_all()
    line.recover()
    assert min(line.caused.values()) > 0
    assert len(line.caused) == 9


def test_a_long_session_has_no_silently_wrong_book_and_heals():
    line = BadLine(random.Random(4))
    live(line, FEW_DELTAS)
    # Some were lost, and some could not be read.
    assert line.data.deltas_received > FEW_DELTAS * 0.99
    assert len(line.data.books) == len(TICKERS) + 1


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_a_million_deltas_have_no_silently_wrong_book_and_heal(seed):
    line = BadLine(random.Random(seed))
    live(line, SOAK_DELTAS)
    data = line.data
    assert data.deltas_received > SOAK_DELTAS * 0.99
    assert data.gaps > SOAK_DELTAS // 1_000
    assert data.resyncs >= data.gaps
    print(
        f"\nseed {seed}: {data.deltas_received} deltas, {data.gaps} gaps, {data.stale_frames} old frames,"
    )
    print(f"{data.resyncs} resyncs, {data.snapshots_received} snapshots, {dict(line.caused)}")


# --- would it notice? -----------------------------------------------------------------------------


def fails(seed: int = 4) -> bool:
    try:
        live(BadLine(random.Random(seed)), FEW_DELTAS)
    except AssertionError:
        return True
    return False


def test_it_would_notice_a_gap_that_is_overlooked(monkeypatch):
    def trusting(self, seq):
        self.last = seq
        return Verdict.IN_ORDER

    monkeypatch.setattr(SequenceTracker, "observe", trusting)
    assert fails()


def test_it_would_notice_an_old_frame_that_is_taken_for_a_copy(monkeypatch):
    monkeypatch.setattr(subscription.Subscription, "is_copy", lambda self, event: True)
    assert fails()


def test_it_would_notice_a_new_count_that_is_believed(monkeypatch):
    monkeypatch.setattr(SequenceTracker, "end", lambda self: None)
    monkeypatch.setattr(subscription.Subscription, "finish", lambda self, reason: None)
    assert fails()


def test_it_would_notice_acks_whose_numbers_are_ignored(monkeypatch):
    monkeypatch.setattr(MarketData, "advance_sequence", lambda self, event: [])
    assert fails()


def test_it_would_notice_an_old_change_that_is_kept_after_a_snapshot(monkeypatch):
    def keep(self, held, event, verdict):
        self.stale_frames += 1
        book = held.books.get(event.ticker)
        if book is not None and isinstance(event, BookDelta):
            book.apply(event)
        return []

    monkeypatch.setattr(BookDoubts, "old_frame", keep)
    assert fails()


def test_it_would_notice_a_change_of_a_book_in_doubt_that_is_not_left_out(monkeypatch):
    apply = book.Book.apply

    def trusting(self, change):
        self.fault, self.fault_detail = None, ""
        return apply(self, change)

    monkeypatch.setattr(book.Book, "apply", trusting)
    assert fails()


def test_it_would_notice_sides_that_are_swapped(monkeypatch):
    apply, other = book.Book.apply, {Side.BID: Side.ASK, Side.ASK: Side.BID}

    def swapped(self, change):
        return apply(self, msgspec.structs.replace(change, side=other[change.side]))

    monkeypatch.setattr(book.Book, "apply", swapped)
    assert fails()


def test_it_would_notice_a_snapshot_that_is_merged(monkeypatch):
    def merge(self, snapshot):
        self._bids.update(dict(snapshot.bids))
        self._asks.update(dict(snapshot.asks))
        self._best_bid = max(self._bids, default=None)
        self._best_ask = min(self._asks, default=None)
        self.subscription, self.updated_at = snapshot.subscription, snapshot.at
        self.fault, self.fault_detail, self.crossed_since = None, "", None

    monkeypatch.setattr(book.Book, "replace", merge)
    assert fails()


def test_it_would_notice_an_unreadable_frame_that_is_only_counted(monkeypatch):
    monkeypatch.setattr(MarketData, "refuse_frame", lambda self, event: [])
    assert fails()


def test_it_would_notice_an_unreadable_frame_that_puts_another_book_in_doubt(monkeypatch):
    monkeypatch.setattr(BookDoubts, "_refused_on", lambda self, held, event, detail: [])
    assert fails()
