"""Whether the daemon is well enough to let its strategies' orders rest on, and until when they may.

Owns: the thresholds of the dead-man's handle. A leased order carries a short expiry at the exchange; it is renewed only
while everything by which the daemon would notice and act is well, so a sick or dead daemon's orders end by themselves.
Must not: send anything, or read a clock.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.model.orders import OrderPolicy, PolicyAction
from traderd.model.units import NS_PER_S, Timestamp

BOOK_LAG_MAX_NS: Final = 5 * NS_PER_S
"""A book that is told of later than this shows another market; controls: C10, market data reasonability."""
LOOP_LATE_MAX_NS: Final = 2 * NS_PER_S
"""A task that is due and runs this late means a stalled loop or a machine that slept."""
READINGS_MISSED_MAX: Final = 4
"""So many calibrations may fail in a row before nobody can be sure of orders and positions."""
READING_AGE_MIN_NS: Final = 120 * NS_PER_S
"""Bounds the age of a calibration from below: a short interval must not make every hiccup fatal."""
RENEW_AT: Final = 2
"""An order is renewed when less than this part (one half) of its lease is left: one renewal may fail."""


@attrs.frozen(kw_only=True)
class Vitals:
    """What tells that the daemon would notice and act, for one market, at one moment."""

    is_working: bool
    """It is `ready` or `acting`: every stage stands, the private connection too."""
    journal_failure: str | None
    loop_late_ns: int
    """How late a task that was due ran, at worst since the last look."""
    reading_age_ns: int | None
    """Since the last complete calibration; None before the first."""
    reading_age_max_ns: int
    book_usable: bool
    book_lag_ns: int | None
    """How late the market's book is told of; None when nobody knows."""


def reading_age_max_ns(sync_interval_s: float) -> int:
    """Return how old a calibration may be."""
    return max(READING_AGE_MIN_NS, round(READINGS_MISSED_MAX * sync_interval_s * NS_PER_S))


def unwell(vitals: Vitals) -> str | None:
    """Return why orders of this market are not renewed now, None when all is well."""
    if not vitals.is_working:
        return "the daemon is not ready"
    if vitals.journal_failure is not None:
        return f"nothing can be journaled: {vitals.journal_failure}"
    if vitals.loop_late_ns > LOOP_LATE_MAX_NS:
        return f"the event loop stood still for {_s(vitals.loop_late_ns)}"
    if vitals.reading_age_ns is None:
        return "the account was not read yet"
    if vitals.reading_age_ns < 0:
        return "nobody knows when the account was last read: the clock was set back"
    if vitals.reading_age_ns > vitals.reading_age_max_ns:
        return f"the account was last read {_s(vitals.reading_age_ns)} ago"
    if not vitals.book_usable:
        return "its book cannot be trusted"
    if vitals.book_lag_ns is not None and vitals.book_lag_ns > BOOK_LAG_MAX_NS:
        return f"its book lags by {_s(vitals.book_lag_ns)}"
    return None


def is_leased(policy: OrderPolicy, lease_s: int) -> bool:
    """Tell whether resting orders of this policy carry a short expiry."""
    return lease_s > 0 and policy.on_disconnect is not PolicyAction.KEEP


def lease_until(now: Timestamp, lease_s: int, good_until: Timestamp | None) -> Timestamp:
    """Return the expiry of a lease that begins at `now`, by the exchange's clock; whole seconds, never too long."""
    end = Timestamp((now + lease_s * NS_PER_S) // NS_PER_S * NS_PER_S)
    return end if good_until is None else min(end, good_until)


def is_due(expires_at: Timestamp, now: Timestamp, lease_s: int) -> bool:
    """Tell whether a lease must be renewed, by the exchange's clock."""
    return expires_at - now < lease_s * NS_PER_S // RENEW_AT


def _s(duration_ns: int) -> str:
    return f"{duration_ns / NS_PER_S:.1f} s"
