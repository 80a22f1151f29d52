from tests.services.still_daemon import MARKET, StillDaemon, still_daemon
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.units import NS_PER_S, Timestamp
from traderd.services import chart_history
from traderd.services.chart_history import SAMPLE_S, SAMPLES_KEPT, ChartHistory

START = Timestamp(1_800_000_000 * NS_PER_S)


def after(seconds: int) -> Timestamp:
    return Timestamp(START + seconds * NS_PER_S)


def followed_market(daemon: StillDaemon) -> StateView:
    daemon.connect(ev.FeedName.MARKET_DATA)
    daemon.list_market()
    daemon.publish(ev.UniverseChanged(at=daemon.now(), added=((MARKET, "wanted"),), dropped=()))
    daemon.snapshot(bids={"0.45": "10"}, asks={"0.47": "5"})
    return daemon.context("web").view


async def test_a_late_joiner_gets_prices_and_profit_of_the_time_before(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        view, charts = followed_market(daemon), ChartHistory()
        charts.sample(view, after(0))
        charts.sample(view, after(SAMPLE_S))
        assert charts.price_document(MARKET)["points"] == [
            [1_800_000_000, "0.4500", "0.4700"],
            [1_800_000_000 + SAMPLE_S, "0.4500", "0.4700"],
        ]
        assert charts.profit_document()["points"][0] == [1_800_000_000, "0.000000", "0.000000"]


async def test_samples_keep_to_their_pace_and_are_bounded(autojump_clock, tmp_path, monkeypatch):
    async with still_daemon(tmp_path) as daemon:
        view, charts = followed_market(daemon), ChartHistory()
        for second in range(SAMPLE_S * 2):
            charts.sample(view, after(second))
        assert len(charts.profits) == 2
        for number in range(2, SAMPLES_KEPT + 10):
            charts.sample(view, after(number * SAMPLE_S))
        assert len(charts.profits) == SAMPLES_KEPT
        monkeypatch.setattr(chart_history, "MARKETS_KEPT", 0)
        charts.sample(view, after(1_000_000))
        assert charts.price_document(MARKET)["points"] == []


async def test_a_book_that_cannot_be_trusted_leaves_a_gap_and_a_clock_that_steps_back_no_silence(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        view, charts = followed_market(daemon), ChartHistory()
        daemon.publish(
            ev.FeedDisconnected(
                at=daemon.now(), feed=ev.FeedName.MARKET_DATA, connection=1, reason="gone"
            )
        )
        charts.sample(view, after(100))
        charts.sample(view, after(0))
        points = charts.price_document(MARKET)["points"]
        assert [bid for _, bid, _ in points] == [None, None]


async def test_a_market_that_came_later_has_the_newest_moments(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        charts = ChartHistory()
        charts.sample(daemon.context("web").view, after(0))
        view = followed_market(daemon)
        for number in range(1, SAMPLES_KEPT + 2):
            charts.sample(view, after(number * SAMPLE_S))
            if number == 1:
                assert charts.price_document(MARKET)["points"] == [
                    [1_800_000_000 + SAMPLE_S, "0.4500", "0.4700"]
                ]
        points = charts.price_document(MARKET)["points"]
        assert len(points) == SAMPLES_KEPT
        assert points[-1] == [1_800_000_000 + number * SAMPLE_S, "0.4500", "0.4700"]
        assert [at_s for at_s, *_ in points] == [at_s for at_s, *_ in charts.profits]
