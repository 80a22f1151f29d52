"""The example of a metric: money at stake by series, over a real scrape."""

from tests.services.still_daemon import MARKET, still_daemon
from tests.services.test_metrics import PROMTOOL, promtool_on, scrape
from tests.simulation.harness import REPOSITORY
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.services.plugin_metrics import PREFIX

PLUGINS = (REPOSITORY / "plugins",)
OTHER_SERIES = MarketTicker("KXOTHER-26DEC31-A")


async def test_positions_and_orders_are_added_up_by_series(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, plugin_directories=PLUGINS) as daemon:
        daemon.climb()
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.publish(ev.ProfitMarked(at=daemon.now()))
        # Ten bought at 47 and ten more that rest; four NO at 40 that rest.
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        daemon.place(Side.ASK, "4", "0.60", ticker=OTHER_SERIES)
        daemon.publish(ev.ProfitMarked(at=daemon.now()))
        text = scrape(daemon).decode()
        assert f'{PREFIX}gross_exposure_dollars{{series="KXDEMO"}} 9.4\n' in text
        assert f'{PREFIX}gross_exposure_dollars{{series="KXOTHER"}} 1.6\n' in text
        assert f"{PREFIX}day_profit_dollars -0.2\n" in text
        assert MARKET not in text
        if PROMTOOL is not None:
            assert promtool_on(text.encode()) == (0, b"")


async def test_before_the_first_mark_the_profit_has_no_sample(autojump_clock, tmp_path):
    async with still_daemon(tmp_path, plugin_directories=PLUGINS) as daemon:
        assert f"\n{PREFIX}day_profit_dollars " not in scrape(daemon).decode()


async def test_with_trading_off_there_is_no_word_of_it(autojump_clock, tmp_path):
    async with still_daemon(
        tmp_path, plugin_directories=PLUGINS, trading__enabled="false"
    ) as daemon:
        assert PREFIX not in scrape(daemon).decode()
