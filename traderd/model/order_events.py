"""Facts of the life of orders: what we intended and sent, and what the exchange told.

Owns: the events of orders, fills and cancels.
Must not: say which may follow which (see `core/order_life.py`).
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from traderd.model.ids import ClientOrderId, OrderId
from traderd.model.orders import (
    AmendTerms,
    Attribution,
    Fill,
    OrderRecord,
    OrderStatus,
    OrderTerms,
)
from traderd.model.units import Count, Price, Timestamp


class Source(enum.Enum):
    """By which road a private fact reached us."""

    REPLY = "reply"
    FEED = "feed"
    SYNC = "sync"


@attrs.frozen(kw_only=True)
class OrderIntended:
    """An order passed the risk gate; it is in the journal before it is on the wire."""

    at: Timestamp
    client_order_id: ClientOrderId
    terms: OrderTerms
    """As they are sent: a dead-man expiry is part of them."""
    attribution: Attribution
    is_leased: bool = False
    """Its expiry is a short one that is renewed as long as the daemon is well."""
    good_until: Timestamp | None = None
    """Of a leased order: the expiry that was asked for, which no renewal passes; None: it was to rest."""


@attrs.frozen(kw_only=True)
class OrderDenied:
    """We said no: nothing was sent."""

    at: Timestamp
    terms: OrderTerms
    attribution: Attribution
    rule: str
    sentence: str
    control: str = ""
    """The number of the control in docs/risk.md: `C3`; empty for a rule that is none of them."""
    number: str = ""
    """What broke the limit, for people; empty where there is no number."""
    limit: str = ""


@attrs.frozen(kw_only=True)
class OrderSent:
    """The request was handed to the network."""

    at: Timestamp
    client_order_id: ClientOrderId


@attrs.frozen(kw_only=True)
class OrderAccepted:
    """The exchange answered with an order id."""

    at: Timestamp
    client_order_id: ClientOrderId
    order_id: OrderId
    fill_count: Count
    remaining_count: Count


@attrs.frozen(kw_only=True)
class OrderRejected:
    """The exchange said no: no order exists."""

    at: Timestamp
    client_order_id: ClientOrderId
    code: str
    sentence: str
    is_counted: bool = True
    """False when another order of the same request has had this error counted."""


@attrs.frozen(kw_only=True)
class OrderOutcomeUnknown:
    """No clear answer came back: the order may or may not exist."""

    at: Timestamp
    client_order_id: ClientOrderId
    sentence: str
    is_counted: bool = True
    """False when another order of the same request has had this error counted, or when it was we who stopped waiting:
    our own end says nothing about the exchange."""


@attrs.frozen(kw_only=True)
class OrderNotPlaced:
    """A complete search after an unknown outcome proved that the order never arrived."""

    at: Timestamp
    client_order_id: ClientOrderId
    sentence: str


@attrs.frozen(kw_only=True)
class OrderVanished:
    """The exchange does not know an order any more that it had accepted: nobody can say how it ended."""

    at: Timestamp
    key: str
    """The client order id, or the order id of an order that has none."""
    sentence: str


@attrs.frozen(kw_only=True)
class OrderReported:
    """The exchange told an order's record; it may be old, doubled or of an order we never placed."""

    at: Timestamp
    record: OrderRecord
    source: Source


@attrs.frozen(kw_only=True)
class OrderFilled:
    """One of the account's orders traded; may arrive in any order and any number of times."""

    at: Timestamp
    fill: Fill
    source: Source


@attrs.frozen(kw_only=True)
class CancelRequested:
    """A cancel was handed to the network."""

    at: Timestamp
    order_id: OrderId


@attrs.frozen(kw_only=True)
class CancelAcknowledged:
    """The exchange answered a cancel; the order's record confirms it."""

    at: Timestamp
    order_id: OrderId
    reduced_by: Count


@attrs.frozen(kw_only=True)
class CancelFailed:
    """A cancel was refused, not found, or its outcome is unknown; the order's record will tell."""

    at: Timestamp
    order_id: OrderId
    code: str
    sentence: str


@attrs.frozen(kw_only=True)
class AmendRequested:
    """A change of a resting order is about to be sent; until it is answered the worse of old and new counts."""

    at: Timestamp
    order_id: OrderId
    terms: AmendTerms


@attrs.frozen(kw_only=True)
class AmendAccepted:
    """The exchange changed the order; what it traded by that comes as fills."""

    at: Timestamp
    order_id: OrderId
    price: Price
    count: Count | None
    """The new total; None: only the order's record tells, because fills may have come between."""
    client_order_id: ClientOrderId | None
    """The id that the order has now; None: the old one."""
    exchange_at: Timestamp | None = None
    """When, by the exchange's clock: records that are older tell of the old terms."""


@attrs.frozen(kw_only=True)
class AmendFailed:
    """The order was not changed: refused, not sent, or its record proved it."""

    at: Timestamp
    order_id: OrderId
    code: str
    """The exchange's, or one of ours: `not_sent`, `not_applied`."""
    sentence: str


@attrs.frozen(kw_only=True)
class AmendOutcomeUnknown:
    """No clear answer came back: the order may have its old or its new terms."""

    at: Timestamp
    order_id: OrderId
    sentence: str
    is_counted: bool = True
    """False when it was we who stopped waiting."""


@attrs.frozen(kw_only=True)
class OrderRenewed:
    """The exchange took a later expiry of a leased order."""

    at: Timestamp
    order_id: OrderId
    expires_at: Timestamp


@attrs.frozen(kw_only=True)
class RenewalFailed:
    """A renewal was refused or its outcome is unclear: the order ends by itself when it is not renewed again."""

    at: Timestamp
    order_id: OrderId
    code: str
    sentence: str


@attrs.frozen(kw_only=True)
class OrderChanged:
    """Follows from any of the above: this order's status or counts are new."""

    at: Timestamp
    key: str
    """The client order id, or the order id of an order that has none."""
    status: OrderStatus
    previous: OrderStatus | None
    """None when the order was not known before."""


OrderLifeEvent: TypeAlias = (
    OrderIntended
    | OrderSent
    | OrderAccepted
    | OrderRejected
    | OrderOutcomeUnknown
    | OrderNotPlaced
    | OrderVanished
    | CancelRequested
    | CancelAcknowledged
    | CancelFailed
    | AmendRequested
    | AmendAccepted
    | AmendFailed
    | AmendOutcomeUnknown
)
