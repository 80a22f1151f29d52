"""The account's own messages, as values: what is read, what stands in, and what is refused by name."""

import msgspec
import pytest

from traderd.errors import ExchangeProtocolError, UnitError
from traderd.kalshi.wire import feed
from traderd.kalshi.wire.private import amount, fill_from_frame, order_from_frame
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import NS_PER_S, Timestamp

AT = Timestamp(5 * NS_PER_S)
FILL = {
    "trade_id": "t",
    "order_id": "o",
    "market_ticker": "A",
    "is_taker": False,
    "book_side": "ask",
    "outcome_side": "no",
    "yes_price_dollars": "0.52",
    "count_fp": 1.5,
    "fee_cost": "0.0175",
}
ORDER = {
    "order_id": "o",
    "ticker": "A",
    "status": "executed",
    "book_side": "bid",
    "yes_price_dollars": "0.4700",
    "initial_count_fp": "10.00",
    "fill_count_fp": "10.00",
    "remaining_count_fp": "0.00",
}


def fill(**changes):
    return fill_from_frame(msgspec.convert(FILL | changes, feed.FillBody), AT)


def order(**changes):
    return order_from_frame(msgspec.convert(ORDER | changes, feed.UserOrderBody))


@pytest.mark.parametrize(
    ("times", "executed_at"),
    [
        ({}, AT),
        ({"ts": 7}, 7 * NS_PER_S),
        ({"ts": 7, "ts_ms": 7_250}, 7_250_000_000),
    ],
)
def test_a_fill_has_the_most_exact_time_that_is_told(times, executed_at):
    read = fill(**times)
    assert (read.side, read.price, read.count, read.fee) == (Side.ASK, 5_200, 150, 17_500)
    assert (read.executed_at, read.client_order_id) == (executed_at, None)


@pytest.mark.parametrize("times", [{"ts": -1}, {"ts": 10**18}, {"ts_ms": 10**400}])
def test_a_fill_with_a_time_that_cannot_be_is_none(times):
    with pytest.raises(UnitError, match=r"^ts(_ms)? is not between 1970 and 2262"):
        fill(**times)


def test_a_fill_without_a_direction_is_none():
    with pytest.raises(ExchangeProtocolError, match="no direction"):
        fill(book_side=None, outcome_side=None)


def test_an_order_has_its_times_as_numbers_or_as_texts():
    read = order(
        created_time="1970-01-01T00:00:09Z",
        last_updated_ts_ms=8_000,
        last_update_time="1970-01-01T00:00:07Z",
    )
    assert read.status is OrderStatus.EXECUTED
    assert (read.created_at, read.updated_at) == (9 * NS_PER_S, 8 * NS_PER_S)
    assert (read.expires_at, read.reason) == (None, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"created_ts_ms": -1}, "created_time is not between 1970"),
        ({"expiration_time": "9999-12-31T23:59:59Z"}, "expiration_time 9999"),
        ({"fill_count_fp": "-1.00"}, "a count of -1.00"),
        ({"status": "asleep"}, "status 'asleep' is unknown"),
    ],
)
def test_an_order_with_a_field_that_cannot_be_is_none(changes, words):
    with pytest.raises((UnitError, ExchangeProtocolError), match=words):
        order(**changes)


def test_a_reason_is_kept_as_far_as_a_screen_shows_it():
    assert order(last_update_reason="x" * 10_000).reason == "x" * 200


def test_an_amount_is_none_below_zero():
    assert amount("1.50") == 150
    with pytest.raises(ExchangeProtocolError):
        amount("-0.01")
