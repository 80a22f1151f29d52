"""Bodies of the V1 order writes, and what they mean in V2 (Kalshi: switched off in June 2026).

Owns: the four spellings of a price, the two of a count, and the pair of side and action: buying NO at n is an ask at
1 - n, selling NO a bid.
Must not: know the venue's state; what needs it is asked for as an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from traderd.kalshi.wire import rest
from traderd.kalshi.wire.order_request import request_count, request_price
from traderd.kalshi.wire.request_body import invalid_parameters, missing_parameter, refused
from traderd.kalshi.wire.rest import Wire
from traderd.model.orders import SelfTradePrevention, Side, TimeInForce
from traderd.model.units import ONE_CONTRACT, Count, Price, complement, format_count, format_price
from traderd.paper import choices
from traderd.paper.rest.legacy import PRICE_PER_CENT
from traderd.paper.rest.order_requests import check_one_reduction

CENTS_MIN: Final = 1
CENTS_MAX: Final = 99
"""Bound an order's price in cents (Kalshi: OpenAPI 3.2.0)."""
COUNT_MAX: Final = 10**12
"""Bounds a count in whole contracts before it is one: above what the venue takes."""
NO_FLOOR: Final = 0
"""The only `sell_position_floor` there is (Kalshi: deprecated in favour of `reduce_only`)."""
SIDES: Final = {
    ("buy", "yes"): Side.BID,
    ("sell", "no"): Side.BID,
    ("sell", "yes"): Side.ASK,
    ("buy", "no"): Side.ASK,
}


class Prices(Wire, frozen=True, kw_only=True):
    """A price, at most one of four."""

    yes_price: int | None = None
    no_price: int | None = None
    yes_price_dollars: str | None = None
    no_price_dollars: str | None = None


class CreateV1(Prices, frozen=True, kw_only=True):
    """`POST /portfolio/orders`."""

    ticker: str
    side: str
    action: str
    client_order_id: str | None = None
    count: int | None = None
    count_fp: str | None = None
    type: str | None = None
    expiration_ts: int | None = None
    time_in_force: str | None = None
    buy_max_cost: int | None = None
    """Cents; the order is filled whole for at most this, or not at all."""
    post_only: bool | None = None
    reduce_only: bool | None = None
    sell_position_floor: int | None = None
    self_trade_prevention_type: str | None = None
    order_group_id: str | None = None
    cancel_order_on_pause: bool | None = None
    subaccount: int | None = None
    exchange_index: int | None = None


class AmendV1(Prices, frozen=True, kw_only=True):
    """`POST /portfolio/orders/{order_id}/amend`; a price or a count that is left out stays."""

    ticker: str
    side: str
    action: str
    client_order_id: str | None = None
    updated_client_order_id: str | None = None
    count: int | None = None
    count_fp: str | None = None
    subaccount: int | None = None
    exchange_index: int | None = None


class DecreaseV1(Wire, frozen=True, kw_only=True):
    """`POST /portfolio/orders/{order_id}/decrease`."""

    reduce_by: int | None = None
    reduce_to: int | None = None
    reduce_by_fp: str | None = None
    reduce_to_fp: str | None = None
    subaccount: int | None = None
    exchange_index: int | None = None


class CancelItemV1(Wire, frozen=True, kw_only=True):
    """One order of a batch of cancels."""

    order_id: str
    subaccount: int | None = None
    exchange_index: int | None = None


class CancelBatchV1(Wire, frozen=True, kw_only=True):
    """`DELETE /portfolio/orders/batched`, in its older and its newer spelling."""

    ids: list[str] | None = None
    orders: list[CancelItemV1] | None = None

    def items(self) -> list[CancelItemV1]:
        """Return what to cancel, in the order sent; raises RequestRefused 400 when nothing is said."""
        if self.ids is None and self.orders is None:
            raise missing_parameter("orders")
        return [*map(_item, self.ids or ()), *(self.orders or ())]


def _item(order_id: str) -> CancelItemV1:
    return CancelItemV1(order_id=order_id)


def side_of(action: str, side: str) -> Side:
    """Return the side of the YES book; raises RequestRefused 400 `invalid_parameters`."""
    found = SIDES.get((action, side))
    if found is None:
        raise invalid_parameters("action must be buy or sell, and side must be yes or no")
    return found


def price_of(prices: Prices) -> Price | None:
    """Return the YES price that a body names, None if it names none.

    Raises:
        RequestRefused: 400 for more than one, or for one that no order can have.
    """
    named = [
        _from_cents(prices.yes_price),
        _complement(_from_cents(prices.no_price)),
        _from_dollars(prices.yes_price_dollars),
        _complement(_from_dollars(prices.no_price_dollars)),
    ]
    found = [price for price in named if price is not None]
    if len(found) > 1:
        raise invalid_parameters(
            "only one of yes_price, no_price, yes_price_dollars and no_price_dollars can be given"
        )
    return found[0] if found else None


def _from_cents(cents: int | None) -> Price | None:
    if cents is None:
        return None
    if not CENTS_MIN <= cents <= CENTS_MAX:
        raise refused("invalid_price")
    return Price(cents * PRICE_PER_CENT)


def _from_dollars(text: str | None) -> Price | None:
    return request_price(text) if text else None


def _complement(price: Price | None) -> Price | None:
    return None if price is None else complement(price)


def count_of(whole: int | None, exact: str | None, *, zero: bool = False) -> Count | None:
    """Return the contracts that a body names, None if it names none.

    Raises:
        RequestRefused: 400 for two that differ, or for a count that no order can have.
    """
    if exact:
        count = request_count(exact, zero=zero)
        if whole is not None and whole * ONE_CONTRACT != count:
            raise invalid_parameters("count and count_fp must match")
        return count
    if whole is None:
        return None
    if not (0 if zero else 1) <= whole <= COUNT_MAX:
        raise refused("invalid_order_size", "count must be above 0")
    return Count(whole * ONE_CONTRACT)


def reductions_of(request: DecreaseV1) -> tuple[Count | None, Count | None]:
    """Return (reduce by, reduce to), exactly one of which is given; raises RequestRefused 400."""
    by = count_of(request.reduce_by, request.reduce_by_fp)
    to = count_of(request.reduce_to, request.reduce_to_fp, zero=True)
    check_one_reduction(by, to)
    return by, to


def as_v2(request: CreateV1, market_price: Callable[[Side], Price]) -> rest.CreateOrderRequest:
    """Return the V2 order that a V1 order stands for.

    A market order is an immediate one at the last price there is, unless it says otherwise, and a maximum cost makes
    it fill or kill. Time in force and self-trade prevention have defaults.

    Args:
        request: what was asked for.
        market_price: gives the price that crosses everything, for a side.

    Raises:
        RequestRefused: 400.
    """
    side = side_of(request.action, request.side)
    is_market = _is_market(request)
    price = price_of(request)
    if price is None:
        if not is_market:
            raise missing_parameter("yes_price")
        price = market_price(side)
    count = count_of(request.count, request.count_fp)
    if count is None:
        raise missing_parameter("count")
    at_once = is_market and choices.MARKET_ORDERS_ARE_IMMEDIATE
    default = TimeInForce.IMMEDIATE_OR_CANCEL if at_once else TimeInForce.GOOD_TILL_CANCELED
    time_in_force = request.time_in_force or default.value
    if request.buy_max_cost is not None:
        _check_max_cost(request)
        time_in_force = TimeInForce.FILL_OR_KILL.value
    stp = request.self_trade_prevention_type or SelfTradePrevention.TAKER_AT_CROSS.value
    return rest.CreateOrderRequest(
        ticker=request.ticker,
        side=side.value,
        count=format_count(count),
        price=format_price(price),
        time_in_force=time_in_force,
        self_trade_prevention_type=stp,
        client_order_id=request.client_order_id,
        expiration_time=request.expiration_ts,
        post_only=request.post_only,
        reduce_only=request.reduce_only,
        cancel_order_on_pause=request.cancel_order_on_pause,
        order_group_id=request.order_group_id,
        subaccount=request.subaccount,
        exchange_index=request.exchange_index,
    )


def _is_market(request: CreateV1) -> bool:
    if request.type not in (None, "", "limit", "market"):
        raise invalid_parameters("type must be one of limit, market")
    return request.type == "market"


def _check_max_cost(request: CreateV1) -> None:
    if request.action != "buy" or (request.buy_max_cost or 0) < 1:
        raise invalid_parameters("buy_max_cost is for buying, in cents above 0")
