"""Totals that do not shrink when a connection ends, and rates that follow what comes."""

import attrs
import pytest
import trio

from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.core.lag_window import count_of, percentile
from traderd.core.market_data import MarketData
from traderd.core.shedding import Load
from traderd.kalshi.feed import FeedStatistics
from traderd.model.units import NS_PER_MS, Timestamp
from traderd.services.feed_meter import HISTORY, RATE_S, FeedMeter


def line(connection: int = 1, *, frames: int = 0, received: int = 0) -> FeedStatistics:
    return FeedStatistics(
        connection=connection,
        connected_since=Timestamp(0),
        frames=frames,
        bytes=received,
        events=0,
        refused=0,
        silent_s=0.5,
        backlog_bytes=0,
        behind_s=0.0,
        overflows=1,
    )


@pytest.fixture
def data() -> MarketData:
    return MarketData()


@pytest.fixture
def standing() -> list[FeedStatistics]:
    return []


@pytest.fixture
def meter(standing) -> FeedMeter:
    meter = FeedMeter()
    meter.attach(lambda: standing)
    return meter


def test_before_anything_is_attached_nothing_came(data):
    counts = FeedMeter().counts(data)
    assert set(attrs.astuple(counts)) == {0}


def test_bytes_and_frames_of_a_connection_that_ended_stay_counted(meter, standing, data):
    standing += [line(1, frames=10, received=1_000), line(2, frames=5, received=500)]
    assert (meter.counts(data).frames, meter.counts(data).bytes) == (15, 1_500)
    meter.ended(standing.pop(0))
    assert (meter.counts(data).frames, meter.counts(data).bytes) == (15, 1_500)
    standing.append(line(3, frames=1, received=100))
    assert (meter.counts(data).frames, meter.counts(data).bytes) == (16, 1_600)
    assert meter.counts(data).overflows == 3


def test_a_rate_is_told_over_the_last_ten_seconds(meter, standing, data):
    for second in range(30):
        # Ten deltas a second, and from the twentieth second on a hundred.
        data.deltas_received += 100 if second > 20 else 10
        meter.look(float(second), data, Load(delay_ns=0))
    rates = meter.rates(29.0, data)
    assert rates["deltas"] == pytest.approx((9 * 100 + 10) / RATE_S)
    assert rates["snapshots"] == 0.0


def test_a_rate_that_nobody_measured_lately_is_not_zero_but_unknown(meter, data):
    assert meter.rates(5.0, data) == dict.fromkeys((
        "deltas",
        "snapshots",
        "trades",
        "frames",
        "bytes",
        "overflows",
    ))
    meter.look(5.0, data, Load(delay_ns=0))
    assert meter.rates(5.1, data)["deltas"] is None
    assert meter.rates(7.0, data)["deltas"] == 0.0
    assert meter.rates(5.0 + RATE_S + 1, data)["deltas"] is None


def test_the_last_minute_is_kept_second_by_second(meter, data):
    for second in range(2 * HISTORY):
        data.deltas_received += second
        meter.look(float(second), data, Load(delay_ns=0))
    rates = meter.delta_rates()
    assert len(rates) == HISTORY
    assert (rates[0], rates[-1]) == (HISTORY, 2 * HISTORY - 1)


def test_how_late_the_loop_ran_is_kept_for_a_minute(meter, data):
    for second in range(2 * HISTORY):
        meter.look(float(second), data, Load(delay_ns=(900 if second == 5 else 3) * NS_PER_MS))
    assert count_of(meter.loop_lags) == HISTORY
    assert percentile(meter.loop_lags, 100) == 3 * NS_PER_MS


async def test_what_a_lost_connection_brought_is_not_forgotten_and_rates_go_on(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, exchange__events_per_s=20) as simulated:
        meter, data = simulated.daemon.shared.feed_meter, simulated.view.market_data
        await trio.sleep(15.0)
        before = meter.counts(data)
        assert before.bytes > 10_000
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        await simulated.wait_until(lambda: data.usable_books() == 0, within_s=0.1)
        assert meter.connections() == []
        assert meter.counts(data).bytes >= before.bytes
        await simulated.wait_until(lambda: data.usable_books() == len(TICKERS), within_s=2.0)
        (line,) = meter.connections()
        assert line.connection == 2
        assert meter.counts(data).bytes >= before.bytes + line.bytes
        await trio.sleep(15.0)
        rate = meter.rates(trio.current_time(), data)["deltas"]
        assert rate is not None
        assert rate > 5.0
        assert count_of(meter.loop_lags) >= 30
