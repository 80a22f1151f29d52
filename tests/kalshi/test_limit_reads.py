"""What the exchange says about an account's limits, and what of it is believed."""

import pytest

from traderd.errors import ExchangeUnavailable
from traderd.kalshi.limits import BASIC_READ, BASIC_WRITE, BucketSize
from traderd.kalshi.rest import open_rest

ORDERS = "/trade-api/v2/portfolio/events/orders"


def buckets(read, write):
    sizes = [{"refill_rate": rate, "bucket_capacity": capacity} for rate, capacity in (read, write)]
    return {"usage_tier": "advanced", "read": sizes[0], "write": sizes[1], "grants": []}


def opened(exchange):
    return open_rest(env=exchange.env, base_url=exchange.base_url, signer=exchange.signer)


def sizes_of(client):
    return tuple(bucket.size for bucket in client.throttle.statistics())


async def test_buckets_and_costs_are_those_that_the_exchange_tells(exchange, autojump_clock):
    exchange.reply(200, buckets((300, 900), (300.9, 900.9)))
    costs = [{"method": "POST", "path": ORDERS, "cost": 25}]
    exchange.reply(200, {"default_cost": 11, "endpoint_costs": costs})
    async with opened(exchange) as client:
        assert sizes_of(client) == (BASIC_READ, BASIC_WRITE)
        assert (await client.learn_limits()).usage_tier == "advanced"
        assert sizes_of(client) == (BucketSize(300, 900), BucketSize(300, 900))
        assert client.throttle.costs.tokens("POST", ORDERS) == 25
        assert client.throttle.costs.tokens("GET", "/x") == 11


@pytest.mark.parametrize(
    ("rate", "capacity"), [(0, 100), (100, 0), (-1, -1), (0.5, 10), (1e300, 1e300), (100, 10**9)]
)
async def test_a_bucket_that_makes_no_sense_is_taken_for_the_lowest_tiers(
    exchange, autojump_clock, rate, capacity
):
    exchange.reply(200, buckets((rate, capacity), (rate, capacity)))
    exchange.reply(404, {"error": {"code": "not_found", "message": "not found"}})
    async with opened(exchange) as client:
        await client.learn_limits()
        assert sizes_of(client) == (BASIC_READ, BASIC_WRITE)
        assert client.throttle.costs.tokens("DELETE", f"{ORDERS}/a1") == 2


async def test_limits_that_cannot_be_read_change_nothing(exchange, autojump_clock):
    exchange.reply(503)
    async with opened(exchange) as client:
        with pytest.raises(ExchangeUnavailable):
            await client.learn_limits()
        assert sizes_of(client) == (BASIC_READ, BASIC_WRITE)
