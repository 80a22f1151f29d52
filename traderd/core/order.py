"""One order as far as we know it.

Owns: what an order is and what of it counts against limits. While a change of it is under way, or its outcome is
unknown, the worse of old and new terms counts.
Must not: decide which fact is about which order (`orders.py`), or which step may follow which (`order_life.py`).
"""

from __future__ import annotations

import attrs

from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import AmendTerms, Attribution, OrderStatus, OrderTerms, Side
from traderd.model.units import Count, Price, Timestamp


@attrs.frozen(kw_only=True)
class PendingAmend:
    """A change that was asked for and not answered: until it is, the worse of old and new counts."""

    terms: AmendTerms
    requested_at: Timestamp
    is_unknown: bool = False
    """No clear answer came: only the order's record can tell."""


@attrs.define(eq=False)
class Order:
    """One order as far as we know it."""

    key: str
    ticker: MarketTicker
    side: Side
    price: Price
    count: Count
    attribution: Attribution
    status: OrderStatus
    created_at: Timestamp
    updated_at: Timestamp
    ended_at: Timestamp | None = None
    """When it was over, by the exchange's record where that told it first; None while it is live."""
    client_order_id: ClientOrderId | None = None
    order_id: OrderId | None = None
    terms: OrderTerms | None = None
    """What we asked for; None for an order that we adopted."""
    filled: Count = Count(0)
    """Sum of the fills that we have booked."""
    reported_filled: Count = Count(0)
    """What the exchange's record says was filled."""
    filled_before: Count = Count(0)
    """Of an adopted order: what had filled when it was adopted and was not booked since."""
    adopted_at: Timestamp | None = None
    """By the exchange's clock, of the record by which it was adopted."""
    sentence: str = ""
    """Why it was rejected, is unknown, or ended."""
    vanished: bool = False
    """It ended because nobody knew it any more, not by its record: a record that is live brings it back."""
    pending: PendingAmend | None = None
    """The change that is under way, or whose outcome is unknown."""
    exchange_client_id: ClientOrderId | None = None
    """The client order id that the exchange knows it by now: an amend gives it another one."""
    expires_at: Timestamp | None = None
    """When it ends by itself, by the exchange's clock."""
    is_leased: bool = False
    """Its expiry is a short one that is renewed as long as the daemon is well."""
    good_until: Timestamp | None = None
    """Of a leased order: which expiry no renewal may pass."""
    told_at: Timestamp | None = None
    """The exchange's own time of the newest terms that we know: records that are older have old ones."""

    @property
    def remaining(self) -> Count:
        """Contracts that can still fill: 0 once it is finished; an amend under way is not in it."""
        if not self.status.is_live:
            return Count(0)
        return Count(max(0, self.count - self._known_filled))

    @property
    def terms_unknown(self) -> bool:
        """Tell whether nobody knows at which price and for how many contracts it rests."""
        return self.pending is not None and self.pending.is_unknown

    @property
    def worst_count(self) -> Count:
        """The total that counts against limits: of old and new terms the larger one."""
        return (
            self.count if self.pending is None else Count(max(self.count, self.pending.terms.count))
        )

    @property
    def worst_price(self) -> Price:
        """The price that counts against limits: of old and new terms the one at which more can be lost."""
        if self.pending is None:
            return self.price
        worse = max if self.side is Side.BID else min
        return worse(self.price, self.pending.terms.price)

    @property
    def _known_filled(self) -> Count:
        return Count(max(self.filled, self.reported_filled))

    @property
    def owed(self) -> Count:
        """Contracts that the exchange says were filled and whose fills we have not booked yet.

        Of an adopted order those do not count that were filled before: they may be part of a position that was carried in.
        """
        return Count(max(0, self.reported_filled - self.filled - self.filled_before))

    @property
    def at_risk(self) -> Count:
        """Contracts by which the position may still change because of this order, an amend under way included."""
        if not self.status.is_live:
            return self.owed
        return Count(max(0, self.worst_count - self._known_filled) + self.owed)

    @property
    def fills_missing(self) -> bool:
        """Tell whether the exchange reported more fills than we have booked."""
        return self.reported_filled > self.filled
