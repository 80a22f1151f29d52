"""Bodies of amends, decreases and batches: exact names, optional fields left out."""

import json

from traderd.kalshi.wire import order_changes, rest
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp

TICKER = MarketTicker("A")
TERMS = OrderTerms(
    ticker=TICKER, side=Side.BID, price=Price(4700), count=Count(1000), order_group_id="g1"
)


def written(body) -> dict:
    return json.loads(rest.encode_body(body))


def amended(expires_at: int | None) -> dict:
    return written(
        order_changes.amend_request(
            ticker=TICKER,
            side=Side.ASK,
            price=Price(4700),
            count=Count(250),
            client_order_id=ClientOrderId("old"),
            updated_client_order_id=None if expires_at is not None else ClientOrderId("new"),
            expires_at=None if expires_at is None else Timestamp(expires_at),
        )
    )


def test_an_amend_names_the_total_the_present_id_and_the_next_one():
    assert amended(None) == {
        "ticker": "A",
        "side": "ask",
        "price": "0.4700",
        "count": "2.50",
        "client_order_id": "old",
        "updated_client_order_id": "new",
    }


def test_an_expiry_is_in_whole_seconds_and_zero_takes_it_away():
    assert amended(1_800_000_000 * NS_PER_S + 999)["expiration_time"] == 1_800_000_000
    assert amended(0)["expiration_time"] == 0


def test_a_decrease_says_to_how_much():
    assert written(order_changes.decrease_request(TICKER, Count(250))) == {
        "reduce_to": "2.50",
        "market_ticker": "A",
    }


def test_batches_hold_their_items_in_order():
    created = written(order_changes.create_orders_request(((ClientOrderId("c1"), TERMS),)))
    (order,) = created["orders"]
    assert (order["client_order_id"], order["order_group_id"]) == ("c1", "g1")
    canceled = order_changes.cancel_orders_request((
        (OrderId("o1"), TICKER),
        (OrderId("o2"), TICKER),
    ))
    assert written(canceled) == {
        "orders": [
            {"order_id": "o1", "market_ticker": "A"},
            {"order_id": "o2", "market_ticker": "A"},
        ]
    }
    assert written(order_changes.Empty()) == {}


def test_a_word_that_is_not_there_is_empty():
    reply = rest.decode_body(b'{"order_id":"o1"}', order_changes.AmendOrderReply, "x")
    assert order_changes.text(reply.client_order_id) == ""
    assert order_changes.text("id") == "id"
