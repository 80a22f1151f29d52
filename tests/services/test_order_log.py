"""The life of an order can be read from the log by its key."""

from tests.services.still_daemon import MARKET, still_daemon
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.events import OrderChanged
from traderd.model.orders import OrderStatus, Side
from traderd.services.order_log import LEVELS, words


def life(simulated, key: str) -> list[dict]:
    return [
        line
        for line in simulated.lines()
        if line.get("service") == "order_log" and line["order"] == key
    ]


async def test_an_order_is_followed_by_its_key_from_rest_to_end(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, _ = simulated.touch()
        await simulated.place("bid", "3", bid)
        (order,) = simulated.view.live_orders()
        await simulated.wait_until(lambda: life(simulated, order.key), within_s=1.0)
        steps = life(simulated, order.key)
        rests = steps[-1]
        assert rests["event"] == (
            f"order {order.key} is resting (was sent): bid 3 @ ${bid} of {TICKERS[0]}"
        )
        assert (rests["ticker"], rests["status"], rests["level"]) == (
            TICKERS[0],
            "resting",
            "info",
        )
        assert rests["order_id"] == order.order_id


async def test_the_line_of_a_fill_carries_the_same_key(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        _, ask = simulated.touch()
        await simulated.place("bid", "3", ask)
        (order,) = simulated.view.recent_orders(9)

        def fills() -> list[dict]:
            return [line for line in simulated.lines() if line["event"].startswith("filled ")]

        await simulated.wait_until(lambda: fills() and life(simulated, order.key), within_s=1.0)
        (fill,) = fills()
        assert (fill["order"], fill["ticker"]) == (order.key, TICKERS[0])
        last = life(simulated, order.key)[-1]
        assert last["event"].startswith(f"order {order.key} is executed")


async def test_an_order_that_ends_tells_what_it_filled(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        key = daemon.place(Side.BID, "20", "0.47")
        daemon.fill(key, "7", "0.47", "0.10")
        ended = OrderChanged(
            at=daemon.now(), key=key, status=OrderStatus.CANCELED, previous=OrderStatus.CANCELLING
        )
        assert words(daemon.view.order(key), ended) == (
            f"order {key} is canceled (was cancelling): bid 20 @ $0.4700 of {MARKET}, 7 filled"
        )


def test_every_status_has_a_level():
    assert set(LEVELS) == set(OrderStatus)
    assert LEVELS[OrderStatus.UNKNOWN] == "warning"
