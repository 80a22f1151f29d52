"""Token buckets: exact refilling, all or nothing, and tiers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traderd.kalshi.wire.errors import RequestRefused
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.rate_limits import TIER_LIMITS, Bucket, BucketSize, RateLimits
from traderd.paper.settings import Tier

NOW = Timestamp(1_800_000_000 * NS_PER_S)


def after(seconds: float) -> Timestamp:
    return Timestamp(NOW + round(seconds * NS_PER_S))


def allowed(limits: RateLimits, cost: int, now: Timestamp, *, account="ann", write=True) -> bool:
    try:
        limits.take(account, cost, now, is_write=write)
    except RequestRefused:
        return False
    return True


def burst(limits: RateLimits, now: Timestamp, **more) -> int:
    count = 0
    while allowed(limits, 10, now, **more):
        count += 1
    return count


def test_a_refusal_has_the_string_body():
    limits = RateLimits(Tier.BASIC)
    with pytest.raises(RequestRefused) as caught:
        limits.take("ann", 101, NOW, is_write=True)
    assert caught.value.refusal.status == 429
    assert caught.value.refusal.body() == b'{"error":"too many requests"}'


def test_basic_writes_ten_orders_at_once_and_then_ten_a_second():
    limits = RateLimits(Tier.BASIC)
    assert burst(limits, NOW) == 10
    assert burst(limits, after(0.1)) == 1
    assert burst(limits, after(1.1)) == 10
    assert burst(limits, after(60)) == 10


def test_basic_reads_and_higher_writes_hold_three_seconds():
    assert burst(RateLimits(Tier.BASIC), NOW, write=False) == 60
    assert burst(RateLimits(Tier.ADVANCED), NOW) == 90
    assert burst(RateLimits(Tier.PREMIER), NOW, write=False) == 120
    assert burst(RateLimits(Tier.PREMIER), NOW) == 360


def test_accounts_and_buckets_do_not_share():
    limits = RateLimits(Tier.BASIC)
    burst(limits, NOW)
    assert not allowed(limits, 2, NOW)
    assert allowed(limits, 10, NOW, write=False)
    assert allowed(limits, 10, NOW, account="bob")


def test_a_batch_is_paid_whole_or_not_at_all():
    limits = RateLimits(Tier.BASIC)
    assert allowed(limits, 60, NOW)
    assert not allowed(limits, 50, NOW)
    assert allowed(limits, 40, NOW)


def test_more_than_a_bucket_holds_is_never_allowed():
    assert not allowed(RateLimits(Tier.BASIC), 101, after(10_000))


def test_unlimited_never_refuses():
    limits = RateLimits(Tier.UNLIMITED)
    assert all(allowed(limits, 10**12, NOW) for _ in range(1000))


def test_the_smallest_wait_that_is_enough_is_enough():
    bucket = Bucket(BucketSize(100, 100), 0, NOW)
    assert not bucket.take(1, Timestamp(NOW + 9_999_999))
    assert bucket.take(1, Timestamp(NOW + 10_000_000))


def test_a_clock_that_goes_back_fills_nothing_and_takes_nothing():
    bucket = Bucket(BucketSize(100, 100), 50 * NS_PER_S, NOW)
    assert not bucket.take(51, Timestamp(NOW - NS_PER_S))
    assert bucket.take(50, Timestamp(NOW - NS_PER_S))
    assert not bucket.take(1, NOW)


@given(
    st.sampled_from(sorted(TIER_LIMITS, key=lambda tier: tier.value)),
    st.lists(st.tuples(st.integers(0, 3 * NS_PER_S), st.integers(1, 400)), max_size=40),
)
def test_no_window_ever_gets_more_than_rate_times_time_plus_capacity(tier, steps):
    limits, size = RateLimits(tier), TIER_LIMITS[tier].write
    now, spent = NOW, 0
    for wait, cost in steps:
        now = Timestamp(now + wait)
        if allowed(limits, cost, now):
            spent += cost
        most = size.capacity * NS_PER_S + size.refill_rate * (now - NOW)
        assert spent * NS_PER_S <= most


def test_a_grant_raises_an_account_and_never_lowers_it():
    limits = RateLimits(Tier.BASIC)
    assert burst(limits, NOW) == 10
    limits.grant("ann", Tier.ADVANCED, NOW)
    assert (limits.tier_of("ann"), limits.tier_of("bob")) == (Tier.ADVANCED, Tier.BASIC)
    assert burst(limits, after(1)) == 30
    limits.grant("ann", Tier.BASIC, NOW)
    assert limits.grants("ann") == (Tier.ADVANCED,)
    assert limits.grants("bob") == ()


def test_whoever_keeps_grants_is_told_of_each_that_raises_an_account():
    told = []
    limits = RateLimits(Tier.BASIC, on_grant=lambda *grant: told.append(grant))
    for tier in (Tier.BASIC, Tier.ADVANCED, Tier.ADVANCED, Tier.BASIC, Tier.PRIME):
        limits.grant("ann", tier, NOW)
    assert told == [("ann", Tier.ADVANCED), ("ann", Tier.PRIME)]


def test_a_grant_below_the_tier_of_everybody_is_listed_and_changes_nothing():
    limits = RateLimits(Tier.PRIME)
    limits.grant("ann", Tier.ADVANCED, NOW)
    assert limits.tier_of("ann") is Tier.PRIME
    assert limits.grants("ann") == (Tier.PRIME, Tier.ADVANCED)


def test_an_account_without_limits_is_shown_a_tier_that_clients_know():
    limits = RateLimits(Tier.UNLIMITED)
    limits.grant("ann", Tier.ADVANCED, NOW)
    assert limits.shown_tier("ann") is Tier.PRESTIGE
    assert limits.grants("bob") == (Tier.PRESTIGE,)
    assert json.dumps(limits.shown_tier("bob").value) == '"prestige"'
