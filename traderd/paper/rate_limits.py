"""Rate limits: two continuous token buckets for each account, as its tier has them.

Owns: the tiers' figures, what an account was granted, and the level of its buckets (Kalshi: rate limits and tiers).
Must not: know what a request costs, or read a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.kalshi.wire.errors import ErrorShape, Refusal, RequestRefused
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper import choices
from traderd.paper.settings import Tier

TOO_MANY: Final = Refusal(
    status=429, code="too_many_requests", message="too many requests", shape=ErrorShape.STRING
)
"""Kalshi: the body is the string form, and there is no Retry-After."""


@attrs.frozen
class BucketSize:
    """How one bucket fills: tokens a second, and tokens at most."""

    refill_rate: int
    capacity: int


@attrs.frozen
class TierLimits:
    """The two buckets of a tier."""

    read: BucketSize
    write: BucketSize


def _seconds(read: int, read_s: int, write: int, write_s: int) -> TierLimits:
    return TierLimits(BucketSize(read, read * read_s), BucketSize(write, write * write_s))


TIER_LIMITS: Final = {
    Tier.BASIC: _seconds(200, 3, 100, 1),
    Tier.ADVANCED: _seconds(300, 3, 300, 3),
    Tier.EXPERT: _seconds(600, 1, 600, 3),
    Tier.PREMIER: _seconds(1_200, 1, 1_200, 3),
    Tier.PARAGON: _seconds(2_400, 1, 2_400, 3),
    Tier.PRIME: _seconds(4_800, 1, 4_800, 3),
    Tier.PRESTIGE: _seconds(12_000, 1, 9_600, 3),
}
"""Kalshi: rate limits of 2026-09-24. Lowest first; tokens a second, and how many seconds of them a bucket holds."""
RANK: Final = (*TIER_LIMITS, Tier.UNLIMITED)
"""The tiers, lowest first."""


@attrs.define(eq=False)
class Bucket:
    """One bucket. Its level is counted in tokens x nanoseconds, so that refilling is exact."""

    size: BucketSize
    _level: int
    _at: Timestamp

    def take(self, cost: int, now: Timestamp) -> bool:
        """Take all of `cost` tokens, or none and return False."""
        self._refill(now)
        if self._level < cost * NS_PER_S:
            return False
        self._level -= cost * NS_PER_S
        return True

    def resize(self, size: BucketSize, now: Timestamp) -> None:
        """Fill as another tier does from now on; what is in it stays."""
        self._refill(now)
        self.size = size

    def _refill(self, now: Timestamp) -> None:
        filled = self._level + max(0, now - self._at) * self.size.refill_rate
        self._level = min(filled, self.size.capacity * NS_PER_S)
        self._at = max(self._at, now)


def _nobody_listens(account_id: str, tier: Tier) -> None:
    pass


@attrs.define(eq=False)
class RateLimits:
    """Every account's tier and buckets."""

    tier: Tier = Tier.UNLIMITED
    """Of an account that was granted nothing better."""
    on_grant: Callable[[str, Tier], None] = _nobody_listens
    """Told of every account that was raised, for whoever keeps that over a restart."""
    _granted: dict[str, Tier] = attrs.field(factory=dict)
    _buckets: dict[tuple[str, bool], Bucket] = attrs.field(factory=dict)

    def tier_of(self, account_id: str) -> Tier:
        """Return an account's tier: the best it has."""
        granted = self._granted.get(account_id, Tier.BASIC)
        return max(self.tier, granted, key=RANK.index)

    def is_at_least(self, account_id: str, tier: Tier) -> bool:
        """Tell whether an account has a tier or a better one."""
        return RANK.index(self.tier_of(account_id)) >= RANK.index(tier)

    def shown_tier(self, account_id: str) -> Tier:
        """Return the tier that an account is told it has: one that Kalshi's clients know."""
        tier = self.tier_of(account_id)
        return Tier(choices.UNLIMITED_LOOKS_LIKE) if tier is Tier.UNLIMITED else tier

    def grants(self, account_id: str) -> tuple[Tier, ...]:
        """Return what raised an account above Basic, best first."""
        shown = {self.shown_tier(account_id): None, self._granted.get(account_id): None}
        return tuple(tier for tier in shown if tier not in (None, Tier.BASIC))

    def grant(self, account_id: str, tier: Tier, now: Timestamp) -> None:
        """Raise an account to a tier for good; a lower one than it has changes nothing."""
        known = self._granted.get(account_id, Tier.BASIC)
        if RANK.index(tier) <= RANK.index(known):
            return
        self._granted[account_id] = tier
        self.on_grant(account_id, tier)
        best = self.tier_of(account_id)
        if best is Tier.UNLIMITED:
            return
        for is_write in (False, True):
            bucket = self._buckets.get((account_id, is_write))
            if bucket is not None:
                bucket.resize(_size(best, is_write=is_write), now)

    def take(self, account_id: str, cost: int, now: Timestamp, *, is_write: bool) -> None:
        """Pay for one request, all of it or nothing.

        Raises:
            RequestRefused: 429: the bucket does not hold that much.
        """
        tier = self.tier_of(account_id)
        if tier is Tier.UNLIMITED:
            return
        bucket = self._buckets.get((account_id, is_write))
        if bucket is None:
            size = _size(tier, is_write=is_write)
            bucket = self._buckets[account_id, is_write] = Bucket(
                size, size.capacity * NS_PER_S, now
            )
        if not bucket.take(cost, now):
            raise RequestRefused(TOO_MANY)


def _size(tier: Tier, *, is_write: bool) -> BucketSize:
    limits = TIER_LIMITS[tier]
    return limits.write if is_write else limits.read
