"""The REST client against a server that answers, refuses, lies, resets and hangs."""

import json

import pytest

from traderd.errors import (
    AuthenticationRefused,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
)
from traderd.kalshi.order_calls import Canceled, PlacedOrder
from traderd.kalshi.rest import open_rest
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import OrderStatus, OrderTerms, Side
from traderd.model.units import Count, Price, Timestamp

TERMS = OrderTerms(
    ticker=MarketTicker("KXDEMO-26DEC31-A"), side=Side.BID, price=Price(100), count=Count(100)
)
CLIENT_ID = ClientOrderId("7a5e")
PLACED = {
    "order_id": "2597",
    "client_order_id": "7a5e",
    "fill_count": "0.00",
    "remaining_count": "1.00",
    "ts_ms": 1,
}
ORDER = {
    "order_id": "o1",
    "ticker": "A",
    "status": "resting",
    "yes_price_dollars": "0.4700",
    "initial_count_fp": "10.00",
    "fill_count_fp": "0.00",
    "remaining_count_fp": "10.00",
    "book_side": "bid",
    "outcome_side": "yes",
}
FILL = {
    "trade_id": "t1",
    "order_id": "o1",
    "ticker": "A",
    "count_fp": "1.00",
    "yes_price_dollars": "0.5200",
    "is_taker": True,
    "fee_cost": "0.017500",
    "book_side": "bid",
    "outcome_side": "yes",
}
MARKET = {
    "ticker": "A",
    "event_ticker": "E",
    "status": "active",
    "close_time": "2026-12-31T16:00:00Z",
    "title": "t",
    "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
}


def nested(code):
    return {"error": {"code": code, "message": code.replace("_", " ")}}


def opened(exchange):
    return open_rest(env=exchange.env, base_url=exchange.base_url, signer=exchange.signer)


async def create(exchange):
    async with opened(exchange) as client:
        return await client.create_order(CLIENT_ID, TERMS)


async def cancel(exchange):
    async with opened(exchange) as client:
        return await client.cancel_order(OrderId("2597"), MarketTicker("A"))


async def test_an_order_is_sent_as_captured_signed_and_answered(exchange, autojump_clock):
    exchange.reply(201, PLACED)
    assert await create(exchange) == PlacedOrder(order_id="2597", fill_count=0, remaining_count=100)
    (request,) = exchange.requests
    assert (request.method, request.path) == ("POST", "/trade-api/v2/portfolio/events/orders")
    assert exchange.verified(request)
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "ticker": "KXDEMO-26DEC31-A",
        "client_order_id": "7a5e",
        "side": "bid",
        "count": "1.00",
        "price": "0.0100",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }


async def test_an_order_may_be_answered_with_200_and_without_the_client_id(
    exchange, autojump_clock
):
    exchange.reply(200, {"order_id": "2597", "fill_count": "1.00", "remaining_count": "0.00"})
    assert (await create(exchange)).fill_count == 100


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (502, b"<html>Bad Gateway</html>"),
        (503, b'{"error":{"code":"exchange_unavailable","message":"x"}}'),
        (408, b""),
        (302, b""),
        (201, b""),
        (201, b"<html>"),
        (201, b"[]"),
        (201, b'{"fill_count":"0.00","remaining_count":"1.00"}'),
        (201, b'{"order_id":"","fill_count":"0.00","remaining_count":"1.00"}'),
        (201, b'{"order_id":"1","fill_count":"0.00"}'),
        (201, b'{"order_id":"1","fill_count":"many","remaining_count":"1.00"}'),
        (201, b'{"order_id":"1","fill_count":"-1.00","remaining_count":"1.00"}'),
        (
            201,
            b'{"order_id":"1","client_order_id":"other","fill_count":"0.00","remaining_count":"1.00"}',
        ),
        (204, b""),
    ],
)
async def test_an_unclear_answer_to_an_order_is_an_unknown_outcome(
    exchange, autojump_clock, status, body
):
    exchange.reply(status, body)
    with pytest.raises(OutcomeUnknown):
        await create(exchange)
    assert len(exchange.requests) == 1


@pytest.mark.parametrize("write", [create, cancel])
@pytest.mark.parametrize(
    "fault",
    [
        lambda exchange: exchange.reset(),
        lambda exchange: exchange.hang(),
        lambda exchange: exchange.raw(b"garbage\r\n\r\n"),
        lambda exchange: exchange.raw(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{"),
        lambda exchange: exchange.reply(201, b"not gzip", Content_Encoding="gzip"),
    ],
    ids=["reset", "hang", "garbage", "cut", "bad gzip"],
)
async def test_a_write_without_a_whole_answer_is_unknown_and_is_never_sent_twice(
    exchange, autojump_clock, write, fault
):
    fault(exchange)
    exchange.reply(201, PLACED)
    with pytest.raises(OutcomeUnknown, match="may or may not have happened"):
        await write(exchange)
    assert len(exchange.requests) == 1


@pytest.mark.parametrize("write", [create, cancel])
async def test_a_write_without_a_connection_certainly_did_not_happen(
    exchange, autojump_clock, write
):
    exchange.env.servers.clear()
    with pytest.raises(ExchangeUnavailable, match="nothing was sent"):
        await write(exchange)


@pytest.mark.parametrize("write", [create, cancel])
@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, nested("insufficient_balance"), "insufficient_balance"),
        (400, {"code": "bad_request", "message": "bad request"}, "bad_request"),
        (404, nested("not_found"), "not_found"),
        (409, nested("order_already_exists"), "order_already_exists"),
        (409, nested("trading_is_paused"), "trading_is_paused"),
        (429, {"error": "too many requests"}, "too_many_requests"),
    ],
)
async def test_a_clear_no_to_a_write_keeps_its_code(
    exchange, autojump_clock, write, status, body, code
):
    exchange.reply(status, body)
    with pytest.raises(ExchangeRefused) as caught:
        await write(exchange)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(exchange.requests) == 1


async def test_a_refused_key_is_its_own_error(exchange, autojump_clock):
    exchange.reply(401, nested("authentication_error"))
    with pytest.raises(AuthenticationRefused):
        await create(exchange)


async def test_a_cancel_names_its_market_so_that_it_finds_its_engine(exchange, autojump_clock):
    exchange.reply(200, {"order_id": "2597", "reduced_by": "1.00", "ts_ms": 1})
    assert await cancel(exchange) == Canceled(reduced_by=100)
    (request,) = exchange.requests
    assert (request.method, request.path) == (
        "DELETE",
        "/trade-api/v2/portfolio/events/orders/2597",
    )
    assert request.query == {"market_ticker": "A"}
    assert exchange.verified(request)


@pytest.mark.parametrize(
    "body",
    [
        {"order_id": "other", "reduced_by": "1.00"},
        {"reduced_by": "1.00"},
        {"order_id": "2597", "reduced_by": "x"},
    ],
)
async def test_an_unclear_answer_to_a_cancel_is_an_unknown_outcome(exchange, autojump_clock, body):
    exchange.reply(200, body)
    with pytest.raises(OutcomeUnknown):
        await cancel(exchange)


async def test_one_order_is_read_and_a_missing_one_is_none(exchange, autojump_clock):
    exchange.reply(200, {"order": ORDER})
    exchange.reply(404, nested("not_found"))
    async with opened(exchange) as client:
        record = await client.order(OrderId("o1"))
        assert (record.order_id, record.status) == ("o1", OrderStatus.RESTING)
        assert await client.order(OrderId("a/b")) is None
    assert exchange.requests[1].path.endswith("/portfolio/orders/a%2Fb")


async def test_a_proxys_404_is_not_the_absence_of_an_order(exchange, autojump_clock):
    exchange.reply(404, b"<html>no route</html>")
    async with opened(exchange) as client:
        with pytest.raises(ExchangeRefused):
            await client.order(OrderId("o1"))


async def test_orders_are_asked_for_by_status_market_and_second(exchange, autojump_clock):
    exchange.reply(200, {"orders": [ORDER], "cursor": "c"})
    exchange.reply(200, {"orders": [ORDER | {"order_id": "o2"}], "cursor": ""})
    async with opened(exchange) as client:
        reading = await client.read_orders(
            status=OrderStatus.RESTING, ticker=MarketTicker("A"), since=Timestamp(1_999_999_999)
        )
    assert [record.order_id for record in reading.rows] == ["o1", "o2"]
    assert exchange.requests[0].query == {
        "status": "resting",
        "ticker": "A",
        "min_ts": "1",
        "subaccount": "0",
        "limit": "1000",
    }


async def test_orders_and_fills_are_those_of_our_subaccount_and_a_kill_means_all(
    exchange, autojump_clock
):
    """Kalshi: without the word they are those of all, and positions and balance those of number 0."""
    for rows in ("orders", "orders", "fills"):
        exchange.reply(200, {rows: [], "cursor": ""})
    async with opened(exchange) as client:
        await client.read_orders()
        await client.read_orders(everywhere=True)
        await client.read_fills()
    asked = [request.query.get("subaccount") for request in exchange.requests]
    assert asked == ["0", None, "0"]


async def test_fills_without_a_time_get_the_time_of_the_reading(exchange, autojump_clock):
    exchange.reply(200, {"fills": [FILL], "cursor": ""})
    async with opened(exchange) as client:
        (fill,) = (await client.read_fills(order_id=OrderId("o1"))).rows
    assert fill.executed_at == exchange.env.wall_ns()
    assert exchange.requests[0].query == {"order_id": "o1", "subaccount": "0", "limit": "1000"}


async def test_a_bad_row_of_the_fills_is_named(exchange, autojump_clock):
    exchange.reply(
        200, {"fills": [FILL, FILL | {"trade_id": "t2", "book_side": "ask"}], "cursor": ""}
    )
    async with opened(exchange) as client:
        reading = await client.read_fills()
    assert [fill.trade_id for fill in reading.rows] == ["t1"]
    assert "fill t2" in reading.unreadable[0].words


async def test_positions_and_balance_are_read(exchange, autojump_clock):
    exchange.reply(
        200,
        {
            "market_positions": [
                {
                    "ticker": "A",
                    "position_fp": "-3.00",
                    "market_exposure_dollars": "2.5",
                    "realized_pnl_dollars": "0",
                    "fees_paid_dollars": "0",
                }
            ],
            "event_positions": [],
            "cursor": "",
        },
    )
    exchange.reply(200, {"balance": 9801, "balance_dollars": "98.0186", "portfolio_value": 198})
    async with opened(exchange) as client:
        (position,) = (await client.account.positions()).rows
        balance = await client.balance()
    assert (position.count, balance.balance) == (-300, 98_018_600)


async def test_order_books_of_several_markets_are_asked_for_at_once_and_come_in_yes_prices(
    exchange, autojump_clock
):
    book = {"yes_dollars": [["0.4500", "10.00"]], "no_dollars": [["0.4800", "3.50"]]}
    empty = {"yes_dollars": [], "no_dollars": None}
    rows = [
        {"ticker": "A", "orderbook_fp": book},
        {"ticker": "C", "orderbook_fp": []},
        {"ticker": "B", "orderbook_fp": empty},
    ]
    exchange.reply(200, {"orderbooks": rows})
    async with opened(exchange) as client:
        read = await client.order_books([MarketTicker("A"), MarketTicker("B"), MarketTicker("C")])
    (problem,) = read.unreadable
    assert "orderbook_fp" in problem
    assert read.books == {"A": (((4_500, 1_000),), ((5_200, 350),)), "B": ((), ())}
    (request,) = exchange.requests
    assert "tickers=A&tickers=B&tickers=C" in request.target


@pytest.mark.parametrize("status", [200, 503])
async def test_the_exchange_may_say_that_it_is_down_with_a_503(exchange, autojump_clock, status):
    exchange.reply(status, {"exchange_active": False, "trading_active": False})
    async with opened(exchange) as client:
        assert (await client.exchange_status()).exchange_active is False


async def test_a_503_that_says_nothing_is_unavailability(exchange, autojump_clock):
    exchange.reply(503, b"upstream")
    async with opened(exchange) as client:
        with pytest.raises(ExchangeUnavailable, match=r"GET /exchange/status.*503"):
            await client.exchange_status()


async def test_reads_are_not_repeated_either(exchange, autojump_clock):
    exchange.reset()
    exchange.reply(200, {"balance_dollars": "1", "portfolio_value": 0})
    async with opened(exchange) as client:
        with pytest.raises(ExchangeUnavailable):
            await client.balance()
        assert client.statistics().errors == 1
        assert client.clock_offset_ms == 0
    assert len(exchange.requests) == 1


async def test_an_error_of_the_body_passes_through_as_it_is(exchange, autojump_clock):
    with pytest.raises(KeyError):
        async with opened(exchange):
            raise KeyError("body")
