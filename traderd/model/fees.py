"""What the exchange publishes of its fees.

Owns: the terms by which the fills of a series or of one event are charged, now and from announced moments on.
Must not: compute a fee (see `core/fee_model.py`).
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.model.units import Timestamp

MAKER_RATES: Final = {
    "quadratic": 0,
    "quadratic_with_maker_fees": 175,
    "quadratic_with_combo_maker_fees": 350,
}
"""Kalshi: each `fee_type` and its maker coefficient in 1/10 000; `flat` is in the list of types and not in use."""


@attrs.frozen(kw_only=True)
class FeeTerms:
    """By what a fill is charged."""

    maker_rate: int
    """In 1/10 000; the taker's is 700 of every type."""
    multiplier: int
    """In 1/1000."""


@attrs.frozen(kw_only=True)
class FeeChange:
    """Other terms from a moment on."""

    at: Timestamp
    terms: FeeTerms


@attrs.frozen(kw_only=True)
class PublishedFees:
    """The fees of a series, or of one event instead of its series'."""

    of: str
    """The ticker of the series or of the event."""
    terms: FeeTerms | None
    """None: the event has none of its own."""
    changes: tuple[FeeChange, ...] = ()
    """Announced, the earliest first."""

    def at(self, moment: Timestamp) -> FeeTerms | None:
        """Return the terms of a moment."""
        terms = self.terms
        for change in self.changes:
            if change.at <= moment:
                terms = change.terms
        return terms

    def all(self) -> tuple[FeeTerms, ...]:
        """Return every set of terms that holds now or will."""
        now = () if self.terms is None else (self.terms,)
        return (*now, *(change.terms for change in self.changes))
