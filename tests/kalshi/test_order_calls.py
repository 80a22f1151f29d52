"""Order writes against a server that answers, refuses and lies: what an answer must have to be believed."""

import json

import pytest

from traderd.errors import ExchangeRefused, ExchangeUnavailable, OutcomeUnknown
from traderd.kalshi.order_calls import Amended, Canceled, PlacedOrder
from traderd.kalshi.rest import open_rest
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import AmendKind, AmendTerms, OrderTerms, Side
from traderd.model.units import NS_PER_MS, Count, Price, Timestamp

TICKER, ORDER = MarketTicker("A"), OrderId("o1")
TERMS = OrderTerms(ticker=TICKER, side=Side.BID, price=Price(100), count=Count(100))
TWO = ((ClientOrderId("c1"), TERMS), (ClientOrderId("c2"), TERMS))
TWO_ORDERS = ((OrderId("o1"), TICKER), (OrderId("o2"), TICKER))


def opened(exchange):
    return open_rest(env=exchange.env, base_url=exchange.base_url, signer=exchange.signer)


def change(count: int = 500) -> AmendTerms:
    return AmendTerms(
        kind=AmendKind.AMEND,
        price=Price(200),
        count=Count(count),
        client_order_id=ClientOrderId("c1b"),
    )


async def amend(client) -> Amended:
    return await client.amend_order(
        ORDER, ticker=TICKER, side=Side.BID, terms=change(), present_id=ClientOrderId("c1")
    )


async def renew(client) -> Amended:
    return await client.renew_order(
        ORDER,
        ticker=TICKER,
        side=Side.BID,
        price=Price(200),
        count=Count(500),
        present_id=ClientOrderId("c1"),
        expires_at=Timestamp(1_800_000_000 * 10**9),
    )


async def decrease(client) -> Amended:
    return await client.decrease_order(ORDER, ticker=TICKER, to=Count(200))


async def create_two(client):
    return await client.create_orders(TWO)


async def cancel_two(client):
    return await client.cancel_orders(TWO_ORDERS)


async def test_an_amend_is_sent_once_signed_with_both_ids(exchange, autojump_clock):
    exchange.reply(
        200, {"order_id": "o1", "client_order_id": "c1b", "remaining_count": "5.00", "ts_ms": 7}
    )
    async with opened(exchange) as client:
        assert await amend(client) == Amended(
            client_order_id="c1b", remaining_count=500, exchange_at=7 * NS_PER_MS
        )
    (request,) = exchange.requests
    path = "/trade-api/v2/portfolio/events/orders/o1/amend"
    assert (request.method, request.path) == ("POST", path)
    assert exchange.verified(request)
    body = json.loads(request.body)
    assert (body["client_order_id"], body["updated_client_order_id"]) == ("c1", "c1b")
    assert "expiration_time" not in body


async def test_a_renewal_changes_the_expiry_and_nothing_else(exchange, autojump_clock):
    exchange.reply(200, {"order_id": "o1"})
    async with opened(exchange) as client:
        # Without a trade or another size the answer has no counts.
        assert await renew(client) == Amended(
            client_order_id=None, remaining_count=None, exchange_at=None
        )
    body = json.loads(exchange.requests[0].body)
    assert body["expiration_time"] == 1_800_000_000
    assert "updated_client_order_id" not in body


async def test_a_decrease_says_what_rests(exchange, autojump_clock):
    exchange.reply(200, {"order_id": "o1", "remaining_count": "2.00", "ts_ms": 7})
    async with opened(exchange) as client:
        assert (await decrease(client)).remaining_count == 200
    assert exchange.requests[0].path.endswith("/orders/o1/decrease")


@pytest.mark.parametrize("write", [amend, renew, decrease, create_two, cancel_two])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (503, b'{"error":{"code":"exchange_unavailable","message":"x"}}'),
        (408, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"order_id":"other","remaining_count":"1.00","orders":[]}'),
        (200, b'{"order_id":"o1","remaining_count":"many","orders":[{"order_id":"o1"}]}'),
        (200, b'{"order_id":"o1","remaining_count":"-1.00","orders":{}}'),
        (404, b"<html>not here</html>"),
    ],
)
async def test_an_unclear_answer_to_a_write_is_an_unknown_outcome_and_is_sent_once(
    exchange, autojump_clock, write, status, body
):
    """Rows R9, R10, R11 and R21."""
    exchange.reply(status, body)
    async with opened(exchange) as client:
        with pytest.raises(OutcomeUnknown):
            await write(client)
    assert len(exchange.requests) == 1


@pytest.mark.parametrize("write", [amend, renew, decrease, create_two, cancel_two])
@pytest.mark.parametrize(
    ("status", "code"), [(400, "invalid_price"), (404, "not_found"), (409, "trading_is_paused")]
)
async def test_a_clear_no_is_a_refusal(exchange, autojump_clock, write, status, code):
    exchange.reply(status, {"error": {"code": code, "message": "no"}})
    async with opened(exchange) as client:
        with pytest.raises(ExchangeRefused) as refused:
            await write(client)
    assert (refused.value.status, refused.value.code) == (status, code)


async def test_each_order_of_a_batch_has_its_own_answer(exchange, autojump_clock):
    """Row R13: failures of items hide in a 2xx."""
    exchange.reply(
        201,
        {
            "orders": [
                {
                    "order_id": "o1",
                    "client_order_id": "c1",
                    "fill_count": "0.00",
                    "remaining_count": "1.00",
                    "average_fill_price": "not a price",
                    "average_fee_paid": "0.0175",
                },
                {
                    "client_order_id": "c2",
                    "error": {"code": "insufficient_balance", "message": "m"},
                },
            ]
        },
    )
    async with opened(exchange) as client:
        first, second = await create_two(client)
    # An average that cannot be read puts nothing in doubt.
    assert first == PlacedOrder(
        order_id="o1", fill_count=0, remaining_count=100, average_price=None, average_fee=17_500
    )
    assert (type(second), second.code) == (ExchangeRefused, "insufficient_balance")


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"order_id": ""},
        {"order_id": "o2", "client_order_id": "other", "fill_count": "0", "remaining_count": "1"},
        {"order_id": "o2", "client_order_id": "c2"},
        {"order_id": "o2", "fill_count": "many", "remaining_count": "1"},
        {"error": {}},
        {"error": {"code": "internal_error", "message": "m"}},
        {"error": {"code": "exchange_unavailable"}},
    ],
    ids=str,
)
async def test_an_unclear_answer_to_one_order_is_its_doubt_alone(exchange, autojump_clock, item):
    clear = {"order_id": "o1", "fill_count": "0.00", "remaining_count": "1.00"}
    exchange.reply(201, {"orders": [clear, item]})
    async with opened(exchange) as client:
        first, second = await create_two(client)
    assert (type(first), type(second)) == (PlacedOrder, OutcomeUnknown)


async def test_cancels_of_a_batch_are_answered_one_by_one(exchange, autojump_clock):
    exchange.reply(
        200,
        {
            "orders": [
                {"order_id": "o1", "reduced_by": "1.00", "ts_ms": 1},
                {"order_id": "o2", "reduced_by": "0.00", "error": {"code": "not_found"}},
            ]
        },
    )
    async with opened(exchange) as client:
        first, second = await cancel_two(client)
    assert (first, second.code) == (Canceled(reduced_by=100), "not_found")
    (request,) = exchange.requests
    assert (request.method, exchange.verified(request)) == ("DELETE", True)
    assert [each["order_id"] for each in json.loads(request.body)["orders"]] == ["o1", "o2"]


async def test_nothing_is_sent_that_has_lost_its_point(exchange, autojump_clock):
    async with opened(exchange) as client:
        for call in (
            client.create_order(ClientOrderId("c1"), TERMS, still_wanted=lambda: "halted"),
            client.create_orders(TWO, still_wanted=lambda: "halted"),
            client.amend_order(
                ORDER,
                ticker=TICKER,
                side=Side.BID,
                terms=change(),
                present_id=None,
                still_wanted=lambda: "halted",
            ),
        ):
            with pytest.raises(ExchangeUnavailable, match="halted"):
                await call
    assert [r for r in exchange.requests if "orders" in r.path] == []
