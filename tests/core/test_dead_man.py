"""The dead-man's handle: a sick daemon does not let its orders rest on."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import second
from traderd.core.dead_man import (
    BOOK_LAG_MAX_NS,
    LOOP_LATE_MAX_NS,
    READING_AGE_MIN_NS,
    RENEW_AT,
    Vitals,
    is_due,
    is_leased,
    lease_until,
    reading_age_max_ns,
    unwell,
)
from traderd.model.orders import OrderPolicy, PolicyAction
from traderd.model.units import NS_PER_S, Timestamp

WELL = Vitals(
    is_working=True,
    journal_failure=None,
    loop_late_ns=0,
    reading_age_ns=0,
    reading_age_max_ns=READING_AGE_MIN_NS,
    book_usable=True,
    book_lag_ns=None,
)


def test_when_all_is_well_orders_rest_on():
    assert unwell(WELL) is None
    at_the_limits = attrs.evolve(
        WELL,
        loop_late_ns=LOOP_LATE_MAX_NS,
        reading_age_ns=READING_AGE_MIN_NS,
        book_lag_ns=BOOK_LAG_MAX_NS,
    )
    assert unwell(at_the_limits) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"is_working": False}, "the daemon is not ready"),
        ({"journal_failure": "no space"}, "nothing can be journaled: no space"),
        ({"loop_late_ns": LOOP_LATE_MAX_NS + 1}, "the event loop stood still for 2.0 s"),
        ({"reading_age_ns": None}, "the account was not read yet"),
        (
            {"reading_age_ns": -1},
            "nobody knows when the account was last read: the clock was set back",
        ),
        ({"reading_age_ns": READING_AGE_MIN_NS + 1}, "the account was last read 120.0 s ago"),
        ({"book_usable": False}, "its book cannot be trusted"),
        ({"book_lag_ns": BOOK_LAG_MAX_NS + 1}, "its book lags by 5.0 s"),
    ],
)
def test_each_vital_alone_lets_them_end_and_says_why(change, words):
    assert unwell(attrs.evolve(WELL, **change)) == words


def test_a_long_interval_of_readings_allows_an_older_one():
    assert reading_age_max_ns(1.0) == READING_AGE_MIN_NS
    assert reading_age_max_ns(60.0) == 240 * NS_PER_S


@pytest.mark.parametrize(
    ("on_disconnect", "lease", "leased"),
    [
        (PolicyAction.EXPIRE, 60, True),
        (PolicyAction.CANCEL, 60, True),
        (PolicyAction.KEEP, 60, False),
        (PolicyAction.EXPIRE, 0, False),
    ],
)
def test_the_policy_on_disconnect_decides_who_carries_a_lease(on_disconnect, lease, leased):
    policy = OrderPolicy(
        on_exit=PolicyAction.CANCEL, on_disconnect=on_disconnect, on_restart=PolicyAction.KEEP
    )
    assert is_leased(policy, lease) is leased


@given(
    now=st.integers(10**18, 2 * 10**18),
    lease=st.integers(10, 3_600),
    asked=st.none() | st.integers(10**18, 2 * 10**18),
)
def test_a_lease_never_lasts_longer_than_it_or_the_order_may(now, lease, asked):
    until = lease_until(Timestamp(now), lease, None if asked is None else Timestamp(asked))
    assert until <= now + lease * NS_PER_S
    if asked is None:
        # Whole seconds, of which at most one is lost.
        assert until % NS_PER_S == 0
        assert until > now + (lease - 1) * NS_PER_S
    else:
        assert until <= asked


def test_a_lease_is_renewed_when_half_of_it_is_left():
    until = second(60)
    assert not is_due(until, second(60 - 60 / RENEW_AT), 60)
    assert is_due(until, second(60 - 60 / RENEW_AT + 0.001), 60)
