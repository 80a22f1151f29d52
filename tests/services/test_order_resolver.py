"""The search for orders of unknown outcome."""

import trio

from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.kalshi.rows import RowReading
from traderd.model.commands import Answer
from traderd.model.orders import OrderStatus
from traderd.paper.faults.faults import ORDERS

SEARCH = "/portfolio/orders"


async def lose(simulated, **order):
    """Place an order whose reply is lost while the feeds say nothing; return our record of it."""
    simulated.hush_feeds()
    simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
    price = order.pop("price", "0.0100")
    outcome = await simulated.place("bid", "3", price, **order)
    assert outcome.answer is Answer.UNKNOWN
    return simulated.view.order(outcome.key)


async def test_an_order_is_found_with_its_fills(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        _, ask = simulated.touch()
        order = await lose(simulated, price=ask)
        await simulated.wait_until(lambda: order.status is OrderStatus.EXECUTED, within_s=5.0)
        assert order.filled == 300
        assert simulated.view.position(TICKERS[0]).count == 300
        assert simulated.said(f"order {order.key} was found: executed")


async def test_a_search_that_finds_the_order_but_not_its_fills_goes_on(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.refuse_requests("/portfolio/fills", 503)
        _, ask = simulated.touch()
        order = await lose(simulated, price=ask)
        await trio.sleep(20.0)
        assert order.status is OrderStatus.UNKNOWN
        simulated.exchange.faults.clear()
        await simulated.wait_until(lambda: order.status is OrderStatus.EXECUTED, within_s=10.0)


async def test_an_outage_is_told_once_and_never_taken_for_absence(tmp_path, autojump_clock):
    async with simulated_daemon(
        tmp_path, trading__unknown_quarantine_s=5, trading__sync_interval_s=80_000
    ) as simulated:
        simulated.exchange.faults.refuse_requests(SEARCH, 503)
        order = await lose(simulated)
        await trio.sleep(3_600.0)
        assert order.status is OrderStatus.UNKNOWN
        assert simulated.count(f"the search for {order.key} failed") == 1
        simulated.exchange.faults.clear()
        await simulated.wait_until(lambda: order.status is OrderStatus.RESTING, within_s=10.0)


async def test_an_order_is_found_although_the_exchanges_clock_is_behind(tmp_path, autojump_clock):
    async with simulated_daemon(
        tmp_path, trading__unknown_quarantine_s=2, trading__sync_interval_s=80_000
    ) as simulated:
        # The venue's own time stands two minutes back; the daemon learns that from the Date header.
        exchange = simulated.exchange
        exchange._env = exchange.server.env = _Behind(exchange._env, 120 * 10**9)
        exchange._last = 0
        exchange.keys.past_window_s = exchange.keys.future_window_s = 600
        await simulated.daemon.shared.venue.rest.balance()
        assert simulated.daemon.shared.venue.rest.clock_offset_ms < -100_000
        order = await lose(simulated)
        await simulated.wait_until(lambda: order.status is not OrderStatus.UNKNOWN, within_s=20.0)
        assert order.status is OrderStatus.RESTING


class _Behind:
    """An Env whose wall clock is behind."""

    def __init__(self, env, behind_ns: int) -> None:
        self._env, self._behind_ns = env, behind_ns

    def wall_ns(self) -> int:
        return self._env.wall_ns() - self._behind_ns

    def __getattr__(self, name: str):
        return getattr(self._env, name)


async def test_only_the_unknown_orders_market_is_searched_and_fenced(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.refuse_requests(SEARCH, 503)
        order = await lose(simulated)
        assert (await simulated.place("bid", "1", "0.0200")).answer is Answer.DENIED
        simulated.hush_feeds()
        assert (await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])).ok
        assert order.status is OrderStatus.UNKNOWN


async def test_absence_is_never_concluded_from_a_list_that_a_time_bounds(
    tmp_path, autojump_clock, monkeypatch
):
    """T2: whatever puts the bound in the wrong place, the order is found in the list without one."""
    async with simulated_daemon(
        tmp_path, trading__unknown_quarantine_s=5, trading__sync_interval_s=80_000
    ) as simulated:
        rest = simulated.daemon.shared.venue.rest
        orders, asked = rest.read_orders, []

        async def bounded(*, since=None, **which):
            asked.append(since)
            return RowReading(rows=()) if since is not None else await orders(**which)

        monkeypatch.setattr(rest, "read_orders", bounded)
        order = await lose(simulated)
        await simulated.wait_until(lambda: order.status is not OrderStatus.UNKNOWN, within_s=20.0)
        assert order.status is OrderStatus.RESTING
        assert asked[-1] is None
        assert None not in asked[:-1]
