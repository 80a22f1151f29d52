"""Order groups against a scripted server."""

import pytest

from traderd.errors import ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.group_calls import GroupState
from traderd.kalshi.rest import open_rest
from traderd.model.units import Count


def opened(exchange):
    return open_rest(env=exchange.env, base_url=exchange.base_url, signer=exchange.signer)


async def test_a_group_is_opened_read_limited_reset_and_ended(exchange, autojump_clock):
    exchange.reply(201, {"order_group_id": "g1", "subaccount": 0})
    details = {"is_auto_cancel_enabled": False, "contracts_limit_fp": "5.00", "orders": []}
    exchange.reply(200, details)
    for _ in range(3):
        exchange.reply(200, {})
    async with opened(exchange) as client:
        assert await client.create_order_group(Count(500), 0) == "g1"
        assert await client.order_group("g1") == GroupState(limit=Count(500), is_triggered=True)
        await client.limit_order_group("g1", 2, Count(900))
        await client.reset_order_group("g1", 2)
        await client.delete_order_group("g1", 2)
    asked = [(r.method, r.path.partition("/order_groups")[2], r.query) for r in exchange.requests]
    shard = {"exchange_index": "2"}
    assert asked == [
        ("POST", "/create", {}),
        ("GET", "/g1", {}),
        ("PUT", "/g1/limit", shard),
        ("PUT", "/g1/reset", shard),
        ("DELETE", "/g1", shard),
    ]
    # A write without a body would be refused for its content type.
    assert exchange.requests[3].body == b"{}"


async def test_a_group_that_is_not_there_is_none_and_a_refused_write_is_told(
    exchange, autojump_clock
):
    exchange.reply(404, {"error": {"code": "not_found", "message": "not found"}})
    exchange.reply(404, {"error": {"code": "not_found", "message": "not found"}})
    async with opened(exchange) as client:
        assert await client.order_group("g1") is None
        with pytest.raises(ExchangeRefused):
            await client.reset_order_group("g1", 0)


async def test_a_limit_that_cannot_be_read_is_a_breach_of_the_protocol(exchange, autojump_clock):
    details = {"is_auto_cancel_enabled": True, "contracts_limit_fp": "many", "orders": []}
    exchange.reply(200, details)
    async with opened(exchange) as client:
        with pytest.raises(ExchangeProtocolError, match="contracts_limit_fp"):
            await client.order_group("g1")
