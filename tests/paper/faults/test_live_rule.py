"""When one rule strikes; how rules share the work is tested with the faults."""

from random import Random

from tests.paper.faulty import rule
from traderd.paper.faults.live_rule import LiveRule


def live(since: float = 0.0, **fields) -> LiveRule:
    return LiveRule(rule("lost_reply", **fields), since)


def test_a_schedule_counts_from_when_the_rule_was_put_in_force():
    one = live(since=100, after_s=10, for_s=5)
    assert [one.is_on(at) for at in (100, 109, 110, 114, 115)] == [False, False, True, True, False]


def test_what_is_not_on_is_not_counted():
    one = live(after_s=10)
    assert not one.strikes(5, Random(1))
    assert (one.seen, one.struck) == (0, 0)
    assert one.strikes(10, Random(1))
    assert (one.seen, one.struck) == (1, 1)


def test_every_nth_is_the_last_of_n():
    one = live(every=3, times=2)
    assert [one.strikes(0, Random(1)) for _ in range(8)] == [
        *(False, False, True, False, False, True),
        *(False, False),
    ]
    assert one.is_spent
    assert not one.is_on(0)


def test_a_certain_rule_draws_no_number():
    rng, untouched = Random(5), Random(5)
    assert live().strikes(0, rng)
    assert rng.random() == untouched.random()
    live(probability=0.5).strikes(0, rng)
    assert rng.random() != untouched.random()


def test_a_rule_concerns_what_it_names_and_everything_if_it_names_nothing():
    narrow = live(account="ann", method="post", path="/portfolio")
    assert narrow.concerns("ann", "POST", "/portfolio/orders", "")
    assert not narrow.concerns("bob", "POST", "/portfolio/orders", "")
    assert not narrow.concerns(None, "POST", "/portfolio/orders", "")
    assert not narrow.concerns("ann", "GET", "/portfolio/orders", "")
    assert not narrow.concerns("ann", "POST", "/markets", "")
    assert live().concerns(None, "GET", "", "")
