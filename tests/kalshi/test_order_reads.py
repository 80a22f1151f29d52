"""Orders over real bytes: one bad row hides nothing, and its id is still known."""

import pytest

from tests.kalshi.test_rest import ORDER
from traderd.errors import ExchangeProtocolError
from traderd.kalshi.rest import open_rest
from traderd.model.ids import OrderId


def opened(exchange):
    return open_rest(env=exchange.env, base_url=exchange.base_url, signer=exchange.signer)


async def test_a_row_that_cannot_be_read_keeps_its_id_and_hides_no_other(exchange, autojump_clock):
    """R19, of orders: an odd price, a missing count and no object at all."""
    rows = [
        ORDER,
        ORDER | {"order_id": "o2", "client_order_id": "c2", "yes_price_dollars": "0.01005"},
        {k: v for k, v in ORDER.items() if k != "fill_count_fp"}
        | {"order_id": "o3", "ticker": "B"},
        ORDER | {"order_id": 7},
        "an order",
    ]
    exchange.reply(200, {"orders": rows, "cursor": ""})
    async with opened(exchange) as client:
        reading = await client.read_orders()
    assert [order.order_id for order in reading.rows] == ["o1"]
    named = [(row.order_id, row.ticker, row.client_order_id) for row in reading.unreadable]
    assert named == [
        ("o2", "A", "c2"),
        ("o3", "B", None),
        (None, "A", None),
        (None, None, None),
    ]
    assert "fill_count_fp" in reading.unreadable[1].words


async def test_an_order_of_an_unknown_status_is_none(exchange, autojump_clock):
    exchange.reply(
        200, {"orders": [ORDER, ORDER | {"order_id": "o2", "status": "?"}], "cursor": ""}
    )
    async with opened(exchange) as client:
        reading = await client.read_orders()
    assert [order.order_id for order in reading.rows] == ["o1"]
    assert "order o2" in reading.unreadable[0].words


async def test_an_answer_that_is_no_list_is_an_error(exchange, autojump_clock):
    exchange.reply(200, {"rows": []})
    async with opened(exchange) as client:
        with pytest.raises(ExchangeProtocolError, match="without rows"):
            await client.read_orders()


async def test_one_order_that_cannot_be_read_is_told_with_the_id_that_was_asked_for(
    exchange, autojump_clock
):
    exchange.reply(200, {"order": ORDER | {"order_id": 7, "ticker": "A"}})
    exchange.reply(404, {"error": {"code": "not_found", "message": "not found"}})
    exchange.reply(200, {"order": ORDER})
    exchange.reply(200, {"order": ORDER | {"status": "?"}})
    async with opened(exchange) as client:
        row = await client.read_order(OrderId("o1"))
        assert (row.order_id, row.ticker) == ("o1", "A")
        assert await client.read_order(OrderId("o1")) is None
        assert (await client.read_order(OrderId("o1"))).order_id == "o1"
        with pytest.raises(ExchangeProtocolError, match="status '\\?'"):
            await client.order(OrderId("o1"))
