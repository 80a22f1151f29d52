"""A daemon that reads more slowly than the exchange sends: what it does about it, and what is none of its doing."""

import pytest
import trio

from tests.simulation.harness import TICKERS, MortalStream, simulated_daemon
from traderd.core.shedding import BACKLOG, DELAY, OWN_LAG
from traderd.services.market_data import STAGE

FLOOD_PER_S = 200.0
"""Events of the paper exchange's street; they make some 60 KB a second."""
SLOW_BYTES_PER_S = 50_000


@pytest.fixture
def machine(monkeypatch):
    """What one byte costs the daemon: as if so much had to be done for each read, before the next."""
    costs = {"s_per_byte": 0.0}
    receive = MortalStream.receive_some

    async def receive_slowly(self, max_bytes=None):
        data = await receive(self, max_bytes)
        await trio.sleep(len(data) * costs["s_per_byte"])
        return data

    monkeypatch.setattr(MortalStream, "receive_some", receive_slowly)
    return costs


async def test_lesson_29_news_that_waits_for_us_costs_idle_books_before_much_of_it_waits(
    tmp_path, machine, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated, trio.open_nursery() as flood:
        view, held = simulated.view, TICKERS[0]
        assert (await simulated.place("bid", "1", "0.0100", ticker=held)).ok
        watch = simulated.daemon.shared.extras[STAGE].load
        flood.start_soon(simulated.exchange.run_street, 1, FLOOD_PER_S)
        await trio.sleep(5)
        # As fast as it is, the daemon does not care.
        assert (watch.load.own_lag_ns, view.universe.shed) == (0, {})
        machine["s_per_byte"] = 1 / SLOW_BYTES_PER_S
        await simulated.wait_until(lambda: view.universe.shed, within_s=60)
        # Neither the loop nor the bytes told of it.
        assert watch.load.own_lag_ns >= OWN_LAG.high
        assert watch.load.delay_ns < DELAY.low
        assert watch.load.backlog_bytes < BACKLOG.low
        assert simulated.said("news waits for")
        # Less comes now, so what comes is young again; what has our order stays.
        await simulated.wait_until(lambda: watch.load.own_lag_ns == 0, within_s=60)
        assert held not in view.universe.shed
        shed = len(view.universe.shed)
        assert 0 < shed < len(TICKERS)
        flood.cancel_scope.cancel()
        await trio.sleep(59)
        assert len(view.universe.shed) == shed
        await simulated.wait_until(lambda: not view.universe.shed, within_s=300)
        await simulated.wait_until(
            lambda: view.market_data.usable_books() == len(TICKERS), within_s=5
        )
        assert not view.conditions.degraded
