"""Reads of published fees: of a series with what is announced, and of an event that has its own.

Owns: what the fields mean; a type that we do not know is an error, never a guess.
Must not: compute or remember a fee.
"""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

import attrs
from msgspec import UnsetType

from traderd.errors import BadInput, ExchangeProtocolError
from traderd.kalshi.request import Requester
from traderd.kalshi.wire import fees
from traderd.model.fees import MAKER_RATES, FeeChange, FeeTerms, PublishedFees
from traderd.model.ids import EventTicker
from traderd.model.units import Timestamp, parse_fixed, parse_time


@attrs.frozen
class FeeReads:
    """Reads of one exchange's fees; they raise as the reads of the REST client do, and cancelling is safe."""

    _requester: Requester

    async def series(self, ticker: str) -> PublishedFees:
        """Return the fees of a series."""
        path = f"/series/{quote(ticker, safe='')}"
        found = (await self._requester.get(path, fees.SeriesFeesEnvelope)).series
        announced = await self._requester.get(
            "/series/fee_changes", fees.SeriesFeeChanges, {"series_ticker": ticker}
        )
        changes = [
            FeeChange(
                at=_moment(row.scheduled_ts, ticker),
                terms=terms_of(row.fee_type, row.fee_multiplier, f"fee change {row.id}"),
            )
            for row in announced.series_fee_change_arr or ()
            # A filter that is not kept to must not change another series.
            if row.series_ticker == ticker
        ]
        return PublishedFees(
            of=ticker,
            terms=terms_of(found.fee_type, found.fee_multiplier, f"series {ticker}"),
            changes=tuple(sorted(changes, key=lambda change: change.at)),
        )

    async def event(self, ticker: EventTicker) -> PublishedFees:
        """Return the fees that an event has instead of its series', if it has any."""
        path = f"/events/{quote(ticker, safe='')}"
        found = (await self._requester.get(path, fees.EventFeesEnvelope)).event
        kind, multiplier = found.fee_type_override, found.fee_multiplier_override
        if kind is None or isinstance(kind, UnsetType):
            return PublishedFees(of=ticker, terms=None)
        number = Decimal(1) if not isinstance(multiplier, Decimal) else multiplier
        return PublishedFees(of=ticker, terms=terms_of(kind, number, f"event {ticker}"))


def terms_of(kind: str, multiplier: Decimal, what: str) -> FeeTerms:
    """Return fee terms; raises ExchangeProtocolError for a type or a multiplier that we do not know how to charge by."""
    maker_rate = MAKER_RATES.get(kind)
    if maker_rate is None:
        raise ExchangeProtocolError(f"{what}: fee_type {kind[:100]!r} is unknown")
    try:
        thousandths = parse_fixed(multiplier, decimals=3, what="fee_multiplier")
    except BadInput as exc:
        raise ExchangeProtocolError(f"{what}: {exc}") from exc
    if thousandths < 0:
        raise ExchangeProtocolError(f"{what}: fee_multiplier is below 0")
    return FeeTerms(maker_rate=maker_rate, multiplier=thousandths)


def _moment(text: str, ticker: str) -> Timestamp:
    try:
        return parse_time(text, what="scheduled_ts")
    except BadInput as exc:
        raise ExchangeProtocolError(f"series {ticker}: {exc}") from exc
