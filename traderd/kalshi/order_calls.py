"""Kalshi's order entry as methods over the model.

Owns: every write about orders, and what an answer must have to be believed.
Must not: retry (a write may have happened), limit the rate, or keep state of orders.
"""

from __future__ import annotations

from typing import Final, TypeAlias
from urllib.parse import quote

import attrs
from msgspec import UNSET, UnsetType

from traderd.errors import ExchangeRefused, OutcomeUnknown, UnitError
from traderd.kalshi.group_calls import GroupCalls
from traderd.kalshi.limits import Traffic
from traderd.kalshi.throttle import StillWanted
from traderd.kalshi.wire import order_changes, rest
from traderd.kalshi.wire.numbers import Number
from traderd.kalshi.wire.order_request import create_order_request
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import AmendTerms, OrderTerms, Side
from traderd.model.units import (
    Count,
    Money,
    Price,
    Timestamp,
    parse_count,
    parse_money,
    timestamp_from_ms,
)

ORDERS: Final = "/portfolio/events/orders"
BATCH: Final = f"{ORDERS}/batched"
CREATES_MAX: Final = 5
"""Bounds the orders of one batch: 50 tokens, half of the smallest write bucket, so that cancels keep their share.
Kalshi: a batch has no maximum of its own, but all of it must fit the bucket."""
CANCELS_MAX: Final = 20
"""Bounds the cancels of one batch: 40 tokens, by the same thought."""
UNSURE_CODES: Final = frozenset({
    "",
    "exchange_unavailable",
    "internal_error",
    "internal_server_error",
    "timeout",
})
"""Errors of one item that say nothing about what happened to it (Kalshi: FIX reject reasons)."""


@attrs.frozen(kw_only=True)
class PlacedOrder:
    """The exchange has the order; what is neither filled nor remaining was canceled at once."""

    order_id: OrderId
    fill_count: Count
    remaining_count: Count
    average_price: Money | None = None
    """Of what filled, in YES dollars; None when the answer does not tell. For people: the fills are what is booked."""
    average_fee: Money | None = None
    """The fee of one contract, in the same way."""


@attrs.frozen(kw_only=True)
class Canceled:
    """The exchange took this much off the book; less than expected when a fill was faster."""

    reduced_by: Count


@attrs.frozen(kw_only=True)
class Amended:
    """The exchange changed the order."""

    client_order_id: ClientOrderId | None
    """The id that it has now; None when the answer does not tell."""
    remaining_count: Count | None
    """What rests of it; None when the answer does not tell, because neither a trade nor the size changed it."""
    exchange_at: Timestamp | None


CreateResult: TypeAlias = PlacedOrder | ExchangeRefused | OutcomeUnknown
CancelResult: TypeAlias = Canceled | ExchangeRefused | OutcomeUnknown


class OrderCalls(GroupCalls):
    """The writes about orders; every one of them is sent once.

    Every method may raise:
        ExchangeUnavailable: there was no connection or no turn, nothing was sent.
        ExchangeRefused: a clear no, nothing was changed (AuthenticationRefused: 401 and 403).
        OutcomeUnknown: anything else; it may or may not have happened. Cancelling leaves it unknown, too.
    """

    async def create_order(
        self,
        client_order_id: ClientOrderId,
        terms: OrderTerms,
        *,
        still_wanted: StillWanted | None = None,
    ) -> PlacedOrder:
        """Place one order.

        409 `order_already_exists` means that an earlier send arrived; after OutcomeUnknown look the order up before
        anything new is sent to its market.
        """
        endpoint = f"POST {ORDERS}"
        body = rest.encode_body(create_order_request(terms, client_order_id))
        answer = await self._requester.send(
            "POST", ORDERS, body=body, writes=True, still_wanted=still_wanted
        )
        reply = self._requester.decode(answer, rest.CreateOrderReply, endpoint, writes=True)
        _same(endpoint, "client_order_id", reply.client_order_id or UNSET, client_order_id)
        if not reply.order_id:
            raise OutcomeUnknown(f"{endpoint}: the answer has no order id")
        return PlacedOrder(
            order_id=OrderId(reply.order_id),
            fill_count=_count(endpoint, "fill_count", reply.fill_count),
            remaining_count=_count(endpoint, "remaining_count", reply.remaining_count),
            average_price=_average(reply.average_fill_price),
            average_fee=_average(reply.average_fee_paid),
        )

    def creates_at_once(self) -> int:
        """Return how many orders may go in one batch now: a batch must fit the tokens that placing can have at once."""
        room = self._requester.throttle.largest_write(Traffic.PLACE)
        return max(1, min(CREATES_MAX, room // max(1, self._requester.cost_of("POST", BATCH))))

    async def create_orders(
        self,
        orders: tuple[tuple[ClientOrderId, OrderTerms], ...],
        *,
        still_wanted: StillWanted | None = None,
    ) -> tuple[CreateResult, ...]:
        """Place up to CREATES_MAX orders with one request; returns what became of each.

        What is raised is true of every one of them.
        """
        path = BATCH
        endpoint = f"POST {path}"
        body = rest.encode_body(order_changes.create_orders_request(orders))
        answer = await self._requester.send(
            "POST", path, body=body, writes=True, items=len(orders), still_wanted=still_wanted
        )
        kind = order_changes.CreateOrdersReply
        items = self._requester.decode(answer, kind, endpoint, writes=True).orders
        if len(items) != len(orders):
            raise OutcomeUnknown(f"{endpoint}: {len(items)} answers to {len(orders)} orders")
        return tuple(
            _created(endpoint, item, key) for item, (key, _) in zip(items, orders, strict=True)
        )

    async def cancel_order(self, order_id: OrderId, ticker: MarketTicker | None) -> Canceled:
        """Cancel one order; `ticker` routes the request to the engine that holds it, None lets the exchange look.

        404 `not_found` means gone, by a fill or a cancel.
        """
        endpoint = f"DELETE {ORDERS}/{{order_id}}"
        answer = await self._requester.send(
            "DELETE",
            _of_order(order_id),
            params=None if ticker is None else {"market_ticker": ticker},
            writes=True,
        )
        reply = self._requester.decode(answer, rest.CancelReply, endpoint, writes=True)
        _same(endpoint, "order_id", reply.order_id, order_id)
        return Canceled(reduced_by=_count(endpoint, "reduced_by", reply.reduced_by))

    async def cancel_orders(
        self, orders: tuple[tuple[OrderId, MarketTicker], ...]
    ) -> tuple[CancelResult, ...]:
        """Cancel up to CANCELS_MAX orders with one request; returns what became of each, as `create_orders` does."""
        path = BATCH
        endpoint = f"DELETE {path}"
        body = rest.encode_body(order_changes.cancel_orders_request(orders))
        answer = await self._requester.send(
            "DELETE", path, body=body, writes=True, items=len(orders)
        )
        kind = order_changes.CancelOrdersReply
        items = self._requester.decode(answer, kind, endpoint, writes=True).orders
        if len(items) != len(orders):
            raise OutcomeUnknown(f"{endpoint}: {len(items)} answers to {len(orders)} cancels")
        return tuple(
            _canceled(endpoint, item, order_id)
            for item, (order_id, _) in zip(items, orders, strict=True)
        )

    async def cancel_account(self) -> None:
        """Cancel every order of the account, of all its subaccounts, with one request (Kalshi: cancel all).

        It may also catch orders that are placed in the minute after it, and its answer names none: for a kill alone.
        """
        answer = await self._requester.send("DELETE", ORDERS, writes=True)
        if not 200 <= answer.status < 300:
            raise self._requester.refusal(answer, f"DELETE {ORDERS}", writes=True)

    async def amend_order(
        self,
        order_id: OrderId,
        *,
        ticker: MarketTicker,
        side: Side,
        terms: AmendTerms,
        present_id: ClientOrderId | None,
        still_wanted: StillWanted | None = None,
        traffic: Traffic | None = None,
    ) -> Amended:
        """Change price, total or both of a resting order.

        `present_id` makes it happen at most once, and only to the order as we know it: the exchange refuses an order
        that has another client order id by now.
        """
        body = order_changes.amend_request(
            ticker=ticker,
            side=side,
            price=terms.price,
            count=terms.count,
            client_order_id=present_id,
            updated_client_order_id=terms.client_order_id,
            expires_at=None,
        )
        return await self._amend(order_id, body, still_wanted, traffic)

    async def renew_order(
        self,
        order_id: OrderId,
        *,
        ticker: MarketTicker,
        side: Side,
        price: Price,
        count: Count,
        present_id: ClientOrderId | None,
        expires_at: Timestamp,
        still_wanted: StillWanted | None = None,
    ) -> Amended:
        """Give a resting order another expiry and nothing else: it keeps its place (Kalshi: amend).

        An expiry of 0 lets it rest until it is canceled; the exchange takes whole seconds, a fraction is cut.
        """
        body = order_changes.amend_request(
            ticker=ticker,
            side=side,
            price=price,
            count=count,
            client_order_id=present_id,
            updated_client_order_id=None,
            expires_at=expires_at,
        )
        return await self._amend(order_id, body, still_wanted)

    async def _amend(
        self,
        order_id: OrderId,
        body: order_changes.AmendOrderRequest,
        still_wanted: StillWanted | None = None,
        traffic: Traffic | None = None,
    ) -> Amended:
        endpoint = f"POST {ORDERS}/{{order_id}}/amend"
        answer = await self._requester.send(
            "POST",
            f"{_of_order(order_id)}/amend",
            body=rest.encode_body(body),
            writes=True,
            still_wanted=still_wanted,
            traffic=traffic,
        )
        kind = order_changes.AmendOrderReply
        reply = self._requester.decode(answer, kind, endpoint, writes=True)
        _same(endpoint, "order_id", reply.order_id, order_id)
        told = order_changes.text(reply.client_order_id)
        return Amended(
            client_order_id=ClientOrderId(told) if told else None,
            remaining_count=_count_or_none(endpoint, "remaining_count", reply.remaining_count),
            exchange_at=_moment(endpoint, reply.ts_ms),
        )

    async def decrease_order(
        self, order_id: OrderId, *, ticker: MarketTicker, to: Count
    ) -> Amended:
        """Make what rests of an order smaller; it keeps its place. Saying it twice changes nothing more."""
        endpoint = f"POST {ORDERS}/{{order_id}}/decrease"
        body = rest.encode_body(order_changes.decrease_request(ticker, to))
        path = f"{_of_order(order_id)}/decrease"
        # It only takes risk away, so it goes with the cancels.
        answer = await self._requester.send(
            "POST", path, body=body, writes=True, traffic=Traffic.CANCEL
        )
        kind = order_changes.DecreaseOrderReply
        reply = self._requester.decode(answer, kind, endpoint, writes=True)
        _same(endpoint, "order_id", reply.order_id, order_id)
        return Amended(
            client_order_id=None,
            remaining_count=_count(endpoint, "remaining_count", reply.remaining_count),
            exchange_at=_moment(endpoint, reply.ts_ms),
        )


def _of_order(order_id: OrderId) -> str:
    return f"{ORDERS}/{quote(order_id, safe='')}"


def _created(
    endpoint: str, item: order_changes.CreatedItem, client_order_id: ClientOrderId
) -> CreateResult:
    try:
        _same(endpoint, "client_order_id", item.client_order_id or UNSET, client_order_id)
        if isinstance(item.error, order_changes.ItemError):
            return _item_error(endpoint, item.error)
        order_id = order_changes.text(item.order_id)
        if not order_id:
            return OutcomeUnknown(f"{endpoint}: an answer has neither order id nor error")
        return PlacedOrder(
            order_id=OrderId(order_id),
            fill_count=_count_needed(endpoint, "fill_count", item.fill_count),
            remaining_count=_count_needed(endpoint, "remaining_count", item.remaining_count),
            average_price=_average(item.average_fill_price),
            average_fee=_average(item.average_fee_paid),
        )
    except OutcomeUnknown as exc:
        return exc


def _average(value: Number | UnsetType | None) -> Money | None:
    if value is None or value is UNSET:
        return None
    try:
        return parse_money(value)
    except UnitError:
        # The order was taken; a figure that only people read must not put that in doubt.
        return None


def _canceled(endpoint: str, item: order_changes.CanceledItem, order_id: OrderId) -> CancelResult:
    try:
        _same(endpoint, "order_id", item.order_id or UNSET, order_id)
        if isinstance(item.error, order_changes.ItemError):
            return _item_error(endpoint, item.error)
        return Canceled(reduced_by=_count_needed(endpoint, "reduced_by", item.reduced_by))
    except OutcomeUnknown as exc:
        return exc


def _item_error(endpoint: str, error: order_changes.ItemError) -> ExchangeRefused | OutcomeUnknown:
    code, message = order_changes.text(error.code), order_changes.text(error.message)
    if code in UNSURE_CODES:
        return OutcomeUnknown(f"{endpoint}: {code or 'an error without a code'}: {message}")
    # Kalshi gives an item no HTTP status of its own; 409 stands for "it said no".
    return ExchangeRefused(
        status=409, code=code, message=message, details=order_changes.text(error.details)
    )


def _moment(endpoint: str, ts_ms: int | UnsetType) -> Timestamp | None:
    if isinstance(ts_ms, UnsetType):
        return None
    try:
        return timestamp_from_ms(ts_ms, what="ts_ms")
    except UnitError as exc:
        raise OutcomeUnknown(f"{endpoint}: {exc}") from exc


def _count_needed(endpoint: str, field: str, number: Number | UnsetType | None) -> Count:
    count = _count_or_none(endpoint, field, number)
    if count is None:
        raise OutcomeUnknown(f"{endpoint}: the answer has no {field}")
    return count


def _count_or_none(endpoint: str, field: str, number: Number | UnsetType | None) -> Count | None:
    if number is None or isinstance(number, UnsetType):
        return None
    return _count(endpoint, field, number)


def _count(endpoint: str, field: str, number: Number) -> Count:
    # Only writes come here: an answer that cannot be read says nothing about what happened.
    try:
        count = parse_count(number, what=field)
    except UnitError as exc:
        raise OutcomeUnknown(f"{endpoint}: {exc}") from exc
    if count < 0:
        raise OutcomeUnknown(f"{endpoint}: {field} {number} is below 0")
    return count


def _same(endpoint: str, field: str, told: str | UnsetType | None, ours: str) -> None:
    # Kalshi's replies could describe a wrong order.
    if isinstance(told, str) and told != ours:
        raise OutcomeUnknown(f"{endpoint}: the answer is about another {field}: {told!r}")
