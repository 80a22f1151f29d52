"""The offset is zero unless the dates prove that it is not."""

import pytest

from traderd.kalshi.clock import ClockOffset, parse_date_header

DATE = "Sun, 15 Nov 2026 06:29:30 GMT"
DATE_MS = 1_794_724_170_000


def ns(milliseconds):
    return milliseconds * 1_000_000


def observed(*skews, round_trip=100):
    """The answers of a server whose clock is `skew` ms ahead of ours, read somewhere inside its second."""
    clock = ClockOffset()
    for skew, inside in skews:
        server = DATE_MS + inside
        sent = server - skew - round_trip // 2
        clock.observe(DATE, sent_ns=ns(sent), received_ns=ns(sent + round_trip))
    return clock


def test_a_date_is_read_as_utc_milliseconds():
    assert parse_date_header(DATE) == DATE_MS


@pytest.mark.parametrize("text", ["", "yesterday", "Sun, 99 Nov 2026 06:29:30 GMT", "1794724170"])
def test_what_is_no_date_tells_nothing(text):
    clock = ClockOffset()
    clock.observe(text, sent_ns=0, received_ns=1)
    assert (clock.known, clock.offset_ms) == (False, 0)


@pytest.mark.parametrize("inside", [0, 500, 999])
def test_clocks_that_agree_have_no_offset(inside):
    assert observed((0, inside)).offset_ms == 0


@pytest.mark.parametrize("skew", [3_000, -3_000, 60_000, -60_000])
@pytest.mark.parametrize("inside", [0, 500, 999])
def test_a_skew_is_found_within_the_headers_second(skew, inside):
    assert abs(observed((skew, inside)).offset_ms - skew) <= 600


def test_several_answers_narrow_the_offset():
    clock = observed((3_000, 0), (3_000, 990), (3_000, 500))
    assert abs(clock.offset_ms - 3_000) <= 60


def test_a_clock_that_was_set_starts_the_estimate_again():
    clock = observed((5_000, 100), (5_000, 900), (0, 500))
    assert clock.offset_ms == 0


def test_a_wall_clock_that_stepped_back_during_a_request_tells_nothing():
    clock = ClockOffset()
    clock.observe(DATE, sent_ns=ns(DATE_MS), received_ns=ns(DATE_MS - 1))
    assert clock.known is False
