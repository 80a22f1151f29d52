"""The bodies of Kalshi's reads of fees.

Owns: field names and which of them a reader insists on, by the same rule as `rest`.
Must not: interpret (see `kalshi/fee_reads.py`).
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import UNSET, UnsetType

from traderd.kalshi.wire.rest import Wire


class SeriesFees(Wire, frozen=True, kw_only=True):
    """The fees of a series."""

    fee_type: str
    fee_multiplier: Decimal


class SeriesFeesEnvelope(Wire, frozen=True, kw_only=True):
    """`GET /series/{series_ticker}`."""

    series: SeriesFees


class SeriesFeeChange(Wire, frozen=True, kw_only=True):
    """One announced change."""

    id: str
    series_ticker: str
    fee_type: str
    fee_multiplier: Decimal
    scheduled_ts: str


class SeriesFeeChanges(Wire, frozen=True, kw_only=True):
    """`GET /series/fee_changes`; in one answer."""

    series_fee_change_arr: list[SeriesFeeChange] | None = None


class EventFees(Wire, frozen=True, kw_only=True):
    """What an event has instead of its series' fees; null is nothing."""

    fee_type_override: str | UnsetType | None = UNSET
    fee_multiplier_override: Decimal | UnsetType | None = UNSET


class EventFeesEnvelope(Wire, frozen=True, kw_only=True):
    """`GET /events/{event_ticker}`."""

    event: EventFees
