"""The example of an observation feature: the side that pressed in the last minute."""

import attrs
import pytest

from tests.services.still_daemon import MARKET, still_daemon
from tests.simulation.harness import REPOSITORY
from traderd.core.observation import RecentTrade
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Price, Timestamp, parse_count
from traderd.services.observing import get_observation

NAME = "trade_flow_imbalance"


@pytest.mark.parametrize(
    ("trades", "expected"),
    [
        ((), 0),
        (((1, "bid", "5"),), 10_000),
        (((1, "ask", "5"),), -10_000),
        (((1, "bid", "2"), (2, "ask", "1")), 3_333),
        (((1, "bid", "1"), (2, "ask", "2")), -3_333),
        (((60, "bid", "1"), (61, "ask", "9")), 10_000),
    ],
)
async def test_it_is_bought_less_sold_of_the_last_minute(
    autojump_clock, tmp_path, trades, expected
):
    async with still_daemon(tmp_path, plugin_directories=(REPOSITORY / "plugins",)) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        seen = get_observation(daemon.context("actor"), MARKET)
        assert seen.features == ((NAME, 0),)
        given = tuple(
            RecentTrade(
                at=Timestamp(seen.at - age * NS_PER_S),
                price=Price(4_700),
                count=parse_count(count),
                taker_side=Side(side),
            )
            for age, side, count in trades
        )
        (owned,) = daemon.shared.extensions.features
        assert owned.item.read(attrs.evolve(seen, trades=given)) == expected
