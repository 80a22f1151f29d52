"""One look at an order: its record and its fills, as they are."""

from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.orders import OrderStatus
from traderd.services.order_look import Seen, look


def context_of(simulated):
    return simulated.daemon.supervisor._contexts["orders"]


async def test_a_look_finds_what_the_feed_did_not_tell(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, _ = simulated.touch()
        placed = await simulated.place("bid", "3", bid)
        simulated.hush_feeds()
        simulated.trade_through("ask", bid)
        order = simulated.view.order(placed.key)
        assert order.status is OrderStatus.RESTING
        assert await look(context_of(simulated), order) is Seen.RECORD
        assert order.status is OrderStatus.EXECUTED
        assert simulated.view.position(TICKERS[0]).count == 300


async def test_a_look_that_fails_changes_nothing_and_says_so(tmp_path, autojump_clock):
    """Row N2: an error never counts as "not found"."""
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "3", "0.0100")
        simulated.exchange.faults.refuse_requests("/portfolio/orders", 503)
        order = simulated.view.order(placed.key)
        assert await look(context_of(simulated), order) is Seen.NOTHING
        assert order.status is OrderStatus.RESTING
        assert simulated.said(f"could not read order {placed.key}")
