from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.core.observation import PriceSource
from traderd.model.ids import MarketTicker
from traderd.services.context import Context
from traderd.services.observing import get_observation


async def test_anybody_may_look_at_a_market_and_nobody_has_a_position_there(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        context = Context(name="test", shared=simulated.daemon.shared, log=None)
        seen = get_observation(context, MarketTicker(TICKERS[0]))
        assert seen is not None
        assert (seen.at, seen.source, seen.ticker) == (context.now(), PriceSource.LIVE, TICKERS[0])
        assert (seen.position, seen.orders) == (0, ())
        assert get_observation(context, MarketTicker("NO-SUCH")) is None
