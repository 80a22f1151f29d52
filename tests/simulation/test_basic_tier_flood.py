"""Our throttle against the embedded exchange's own buckets: a flood of orders at the lowest tier, and no 429."""

import trio

from tests.paper.served import HOST, A, open_bench
from traderd.errors import NotSent
from traderd.kalshi.auth import parse_signer
from traderd.kalshi.limits import Traffic
from traderd.kalshi.rest import open_rest
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import Count, Price
from traderd.paper.settings import ExchangeSettings, Tier

FLOOD_S = 30.0
ORDERS_PER_S = 40
CANCEL_P99_S = 0.05
TERMS = OrderTerms(ticker=MarketTicker(A), side=Side.BID, price=Price(100), count=Count(100))


class Flood:
    """Places far more than the tier allows, and cancels each order that came to rest."""

    def __init__(self, client):
        self.client = client
        self.placed, self.refused, self.cancel_waits = 0, 0, []

    async def place_for_ever(self, nursery):
        number = 0
        while True:
            number += 1
            nursery.start_soon(self.place_and_cancel, ClientOrderId(f"f-{number}"))
            await trio.sleep(1 / ORDERS_PER_S)

    async def place_and_cancel(self, key):
        try:
            placed = await self.client.create_order(key, TERMS)
        except NotSent:
            self.refused += 1
            return
        self.placed += 1
        await trio.sleep(0.2)
        asked = trio.current_time()
        await self.client.cancel_order(placed.order_id, MarketTicker(A))
        self.cancel_waits.append(trio.current_time() - asked)

    async def read_for_ever(self):
        while True:
            await self.client.order_books([MarketTicker(A)])


async def test_a_flood_of_orders_at_basic_tier_meets_no_429_and_cancels_stay_prompt(
    autojump_clock,
):
    """X5, R8, I14, C6."""
    async with open_bench(settings=ExchangeSettings(tier=Tier.BASIC)) as bench:
        key = bench.exchange.accounts["ann"]
        signer = parse_signer(key.key_id, key.private_pem, source="the test key")
        bench.env.listeners[80] = bench.listener
        url = f"http://{HOST}/trade-api/v2"
        async with (
            open_rest(env=bench.env, base_url=url, signer=signer) as client,
            trio.open_nursery() as nursery,
        ):
            assert (await client.learn_limits()).usage_tier == "basic"
            flood = Flood(client)
            nursery.start_soon(flood.place_for_ever, nursery)
            for _ in range(3):
                nursery.start_soon(flood.read_for_ever)
            await trio.sleep(FLOOD_S)
            nursery.cancel_scope.cancel()
        read, write = client.throttle.statistics()
    assert (read.refused, write.refused) == (0, 0)
    # Half of 100 tokens a second, ten an order, and the burst of five at the start.
    assert 5 * FLOOD_S - 2 <= flood.placed <= 5 * FLOOD_S + 5
    assert flood.refused > 100
    waits = sorted(flood.cancel_waits)
    assert len(waits) >= flood.placed - 5
    assert waits[len(waits) * 99 // 100] <= CANCEL_P99_S
    (cancels,) = [one for one in write.classes if one.traffic is Traffic.CANCEL]
    assert cancels.waited_p99_s <= CANCEL_P99_S
