"""The create-order body: written by the trader, read and refused by the exchange.

Owns: how terms become a body and a body becomes terms, and Kalshi's words for what is wrong with one.
Must not: know the state of an account or a market; rules that need them are the exchange's.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, TypeVar

import msgspec

from traderd.errors import BadInput, UnitError
from traderd.kalshi.wire import rest
from traderd.kalshi.wire.errors import ErrorShape, Refusal, RequestRefused
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

E = TypeVar("E", bound=Enum)

EXPIRY_SECONDS_MAX: Final = 10**11
"""Above this an `expiration_time` was meant in milliseconds."""

_WRONG_TYPE: Final = re.compile(r"Expected `[^`]*`, got `(\w+)` - at `\$\.?([^`]*)`")
_MISSING: Final = re.compile(r"missing required field `(\w+)`")
_GO_KIND: Final = {"int": "number", "float": "number", "str": "string", "dict": "object"}


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
    )


def decode_create_order(body: bytes) -> rest.CreateOrderRequest:
    """Return an order request whose fields have their right types.

    Raises:
        RequestRefused: flat 400 `bad_request` for a wrong JSON type (Kalshi: capture), 400 `missing_parameters`.
    """
    try:
        return msgspec.json.decode(body, type=rest.CreateOrderRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        missing = _MISSING.search(str(exc))
        if missing:
            raise _refused("missing_parameters", "missing parameters", missing[1]) from exc
        wrong = _WRONG_TYPE.search(str(exc))
        details = "json: " + str(exc)
        if wrong:
            kind, field = _GO_KIND.get(wrong[1], wrong[1]), wrong[2]
            details = f"json: cannot unmarshal {kind} into Go struct field CreateOrderV2Request.{field} of type string"
        raise RequestRefused(
            Refusal(
                status=400,
                code="bad_request",
                message="bad request",
                details=details,
                shape=ErrorShape.FLAT,
            )
        ) from exc


def order_terms_from_request(request: rest.CreateOrderRequest) -> OrderTerms:
    """Return what an order request asks for; whether the price is on the market's grid is not looked at.

    Raises:
        RequestRefused: 400 with Kalshi's code for the field at fault.
    """
    if not request.ticker:
        raise _refused("missing_parameters", "missing parameters", "ticker")
    time_in_force = _word(TimeInForce, request.time_in_force, "time_in_force")
    try:
        return OrderTerms(
            ticker=MarketTicker(request.ticker),
            side=_word(Side, request.side, "side"),
            price=_request_price(request.price),
            count=_request_count(request.count),
            time_in_force=time_in_force,
            post_only=bool(request.post_only),
            reduce_only=bool(request.reduce_only),
            expires_at=_request_expiry(request.expiration_time, time_in_force),
            self_trade_prevention=_word(
                SelfTradePrevention,
                request.self_trade_prevention_type,
                "self_trade_prevention_type",
            ),
        )
    except RequestRefused:
        raise
    except BadInput as exc:
        # What is left of the model's own checks: reduce_only without immediate_or_cancel.
        raise _refused(
            "invalid_order", "invalid order", "reduce only requires immediate or cancel"
        ) from exc


def _request_price(text: str) -> Price:
    try:
        price = parse_price(text)
    except UnitError as exc:
        raise _refused("invalid_price", "invalid price") from exc
    if not 0 < price < ONE_DOLLAR:
        raise _refused("invalid_price", "invalid price")
    return price


def _request_count(text: str) -> Count:
    try:
        count = parse_count(text)
    except UnitError as exc:
        raise _refused("invalid_order_size", "invalid order size", str(exc)) from exc
    if count <= 0:
        raise _refused("invalid_order_size", "invalid order size", "count must be above 0")
    return count


def _request_expiry(seconds: int | None, time_in_force: TimeInForce) -> Timestamp | None:
    if seconds is None:
        return None
    if time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
        details = f"Cannot specify both {time_in_force.value} and expiration_ts"
        raise _refused("invalid_order", "invalid order", details)
    if not 0 < seconds < EXPIRY_SECONDS_MAX:
        details = "expiration_time is Unix time in seconds, not in milliseconds"
        raise _refused("invalid_parameters", "invalid parameters", details)
    return Timestamp(seconds * NS_PER_S)


def _word(words: type[E], text: str, field: str) -> E:
    try:
        return words(text)
    except ValueError as exc:
        allowed = ", ".join(str(word.value) for word in words)
        details = f"{field} must be one of {allowed}"
        raise _refused("invalid_parameters", "invalid parameters", details) from exc


def _refused(code: str, message: str, details: str = "") -> RequestRefused:
    return RequestRefused(Refusal(status=400, code=code, message=message, details=details))
