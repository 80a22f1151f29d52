"""Sliding windows over what happened lately."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import OTHER, TICKER, second
from traderd.core import throttle
from traderd.core.throttle import Executions, MessageThrottle, SlidingWindow
from traderd.model.units import NS_PER_S, Timestamp


def test_a_message_counts_for_a_second_and_not_longer():
    window = SlidingWindow(NS_PER_S)
    window.note(second(10))
    window.note(second(10.5))
    assert [window.count(second(at)) for at in (10.5, 10.999, 11, 11.499, 11.5)] == [2, 2, 1, 1, 0]


def test_it_tells_when_there_is_room_again():
    window = SlidingWindow(NS_PER_S)
    assert window.wait_ns(second(10)) == 0
    window.note(second(10))
    window.note(second(10.4))
    assert window.wait_ns(second(10.75)) == NS_PER_S // 4
    assert window.count(Timestamp(second(10.75) + NS_PER_S // 4)) == 1


@given(st.lists(st.integers(0, 5_000), max_size=40), st.integers(0, 6_000))
def test_it_counts_as_a_list_of_all_moments_would(milliseconds, now_ms):
    moments = sorted(Timestamp(ms * 1_000_000) for ms in milliseconds)
    window = SlidingWindow(NS_PER_S)
    now = Timestamp(max([now_ms * 1_000_000, *moments]))
    for at in moments:
        window.note(at)
    assert window.count(now) == sum(now - NS_PER_S < at <= now for at in moments)


def test_a_clock_that_was_set_back_by_much_does_not_block_until_it_has_caught_up():
    window = SlidingWindow(NS_PER_S)
    window.note(second(1_000))
    assert window.count(second(10)) == 0
    assert window.count(second(999.5)) == 1
    # A little ahead counts, and for no longer than its window.
    assert window.wait_ns(second(999.5)) == NS_PER_S


def test_each_market_has_a_window_of_its_own_within_the_account():
    messages = MessageThrottle()
    messages.note(TICKER, second(1))
    messages.note(TICKER, second(1.2))
    messages.note(OTHER, second(1.4))
    assert messages.count(TICKER, second(1.5)) == (3, 2)
    assert messages.count(OTHER, second(2.1)) == (2, 1)
    assert messages.wait_ns(OTHER, second(1.5)) == NS_PER_S * 9 // 10


def test_windows_of_quiet_markets_are_given_up(monkeypatch):
    monkeypatch.setattr(throttle, "KEYS_KEPT_MAX", 1)
    messages = MessageThrottle()
    messages.note(TICKER, second(1))
    messages.note(OTHER, second(1))
    assert messages.count(TICKER, second(1)) == (2, 0)


def test_executions_count_by_strategy_and_are_forgiven_by_a_person():
    fills = Executions()
    for at in (0, 20, 30, 31):
        fills.note("maker", second(at))
    assert fills.counts("maker", second(32)) == (3, 4)
    assert fills.counts("taker", second(32)) == (0, 0)
    fills.forgive("maker")
    assert fills.counts("maker", second(32)) == (0, 0)
