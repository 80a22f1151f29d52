"""Delays grow, stay under the cap, and repeat with the seed."""

import random

from traderd.runtime.retry import Backoff, show_wait


class HighestRandom(random.Random):
    def uniform(self, a, b):
        return b


def test_the_limit_doubles_up_to_the_cap():
    backoff = Backoff(0.5, 30, HighestRandom())
    assert [backoff.next_delay() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.tries == 8


def test_a_reset_begins_again():
    backoff = Backoff(0.5, 30, HighestRandom())
    backoff.next_delay()
    backoff.next_delay()
    backoff.reset()
    assert (backoff.tries, backoff.next_delay()) == (0, 0.5)


def test_jitter_covers_the_whole_range_and_repeats_with_the_seed():
    def delays():
        backoff = Backoff(1, 1, random.Random(7))
        return [backoff.next_delay() for _ in range(1000)]

    drawn = delays()
    assert drawn == delays()
    assert min(drawn) < 0.05
    assert 0.95 < max(drawn) <= 1


def test_trying_for_ever_does_not_overflow():
    backoff = Backoff(0.5, 30, HighestRandom())
    assert {backoff.next_delay() for _ in range(5000)} == {0.5, 1, 2, 4, 8, 16, 30}


def test_a_wait_too_short_to_see_is_no_wait():
    assert [show_wait(seconds) for seconds in (0.0, 0.04, 0.06, 1.25)] == [
        "at once",
        "at once",
        "in 0.1 s",
        "in 1.2 s",
    ]
