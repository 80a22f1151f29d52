"""The create-order body: written by the trader, read and refused by the exchange.

Owns: how terms become a body and a body becomes terms, and what a single price, count or expiry in a request may be.
Must not: know the state of an account or a market; rules that need them are the exchange's.
"""

from __future__ import annotations

from typing import Final

from traderd.errors import BadInput, UnitError
from traderd.kalshi.wire import rest
from traderd.kalshi.wire.errors import RequestRefused
from traderd.kalshi.wire.request_body import (
    decode_request,
    invalid_parameters,
    missing_parameter,
    refused,
    word_of,
)
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderTerms, SelfTradePrevention, Side, TimeInForce
from traderd.model.units import (
    NS_PER_S,
    ONE_DOLLAR,
    Count,
    Price,
    Timestamp,
    format_count,
    format_price,
    parse_count,
    parse_price,
)

EXPIRY_SECONDS_MAX: Final = 10**11
"""Above this an `expiration_time` was meant in milliseconds."""
REDUCE_ONLY_NEEDS_IOC: Final = "reduce only requires immediate or cancel"
"""Details of `invalid_order`: the rule is documented, its words are ours."""


def create_order_request(
    terms: OrderTerms, client_order_id: ClientOrderId
) -> rest.CreateOrderRequest:
    """Return the body that asks for these terms.

    The exchange takes whole seconds of expiry: a fraction is cut, so an order never lives longer than asked.
    `exchange_index` is left out, the exchange finds the engine by the ticker.
    """
    return rest.CreateOrderRequest(
        ticker=terms.ticker,
        side=terms.side.value,
        count=format_count(terms.count),
        price=format_price(terms.price),
        time_in_force=terms.time_in_force.value,
        self_trade_prevention_type=terms.self_trade_prevention.value,
        client_order_id=client_order_id,
        expiration_time=None if terms.expires_at is None else terms.expires_at // NS_PER_S,
        post_only=terms.post_only or None,
        reduce_only=terms.reduce_only or None,
        cancel_order_on_pause=terms.cancel_on_pause or None,
        order_group_id=terms.order_group_id,
    )


def decode_create_order(body: bytes) -> rest.CreateOrderRequest:
    """Return an order request whose fields have their right types; raises as `decode_request` does."""
    return decode_request(body, rest.CreateOrderRequest, "CreateOrderV2Request")


def order_terms_from_request(request: rest.CreateOrderRequest) -> OrderTerms:
    """Return what an order request asks for; whether the price is on the market's grid is not looked at.

    Raises:
        RequestRefused: 400 with Kalshi's code for the field at fault.
    """
    if not request.ticker:
        raise missing_parameter("ticker")
    time_in_force = word_of(TimeInForce, request.time_in_force, "time_in_force")
    try:
        return OrderTerms(
            ticker=MarketTicker(request.ticker),
            side=word_of(Side, request.side, "side"),
            price=request_price(request.price),
            count=request_count(request.count),
            time_in_force=time_in_force,
            post_only=bool(request.post_only),
            reduce_only=bool(request.reduce_only),
            expires_at=_create_expiry(request.expiration_time, time_in_force),
            self_trade_prevention=word_of(
                SelfTradePrevention,
                request.self_trade_prevention_type,
                "self_trade_prevention_type",
            ),
        )
    except RequestRefused:
        raise
    except BadInput as exc:
        # What is left of the model's own checks: reduce_only without immediate_or_cancel.
        raise refused("invalid_order", REDUCE_ONLY_NEEDS_IOC) from exc


def request_price(text: str) -> Price:
    """Return the YES price of a request; raises RequestRefused 400 `invalid_price`."""
    try:
        price = parse_price(text)
    except UnitError as exc:
        raise refused("invalid_price") from exc
    if not 0 < price < ONE_DOLLAR:
        raise refused("invalid_price")
    return price


def request_count(text: str, *, zero: bool = False) -> Count:
    """Return the contracts of a request; `zero` lets none pass. Raises RequestRefused 400 `invalid_order_size`."""
    try:
        count = parse_count(text)
    except UnitError as exc:
        raise refused("invalid_order_size", str(exc)) from exc
    if count < 0 or (count == 0 and not zero):
        raise refused("invalid_order_size", "count must be above 0")
    return count


def request_expiry(seconds: int) -> Timestamp:
    """Return an expiry in Unix seconds; raises RequestRefused 400 for one that was meant in milliseconds."""
    if seconds >= EXPIRY_SECONDS_MAX:
        raise invalid_parameters("expiration_time is Unix time in seconds, not in milliseconds")
    return Timestamp(max(seconds, 0) * NS_PER_S)


def _create_expiry(seconds: int | None, time_in_force: TimeInForce) -> Timestamp | None:
    if seconds is None:
        return None
    if time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
        details = f"Cannot specify both {time_in_force.value} and expiration_ts"
        raise refused("invalid_order", details)
    return request_expiry(seconds)
