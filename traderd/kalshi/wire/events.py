"""What a reader takes of Kalshi's V2 events.

Owns: field names, by the same rule as `rest`.
Must not: interpret.
"""

from __future__ import annotations

from traderd.kalshi.wire.rest import Wire


class EventRow(Wire, frozen=True, kw_only=True):
    """An event; `mutually_exclusive` is true when at most one of its markets pays."""

    event_ticker: str
    mutually_exclusive: bool


class EventEnvelope(Wire, frozen=True, kw_only=True):
    """`GET /events/{event_ticker}`."""

    event: EventRow
