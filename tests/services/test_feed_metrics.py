"""The numbers of the feed, and that `/v3/status` has them under the same words."""

import json

import pytest

from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.core.shedding import Load
from traderd.kalshi.feed import FeedStatistics
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import NS_PER_MS, NS_PER_S, Count, Price, Timestamp
from traderd.services.console_source import DaemonSource
from traderd.services.feed_metrics import FEED_METRICS, market_data_document
from traderd.services.metric_table import read_daemon

LINE = FeedStatistics(
    connection=1,
    connected_since=Timestamp(0),
    frames=7,
    bytes=900,
    events=7,
    refused=0,
    silent_s=2.5,
    backlog_bytes=40,
    behind_s=1.25,
    overflows=1,
)


def document(daemon):
    reading = read_daemon(daemon.context("web"), version="1")
    return market_data_document(reading, daemon.shared.env.monotonic())


@pytest.fixture
async def fed(tmp_path):
    """A daemon with one good book, one in doubt, and one that never came."""
    markets = f"{MARKET},{OTHER_MARKET},KXNONE"
    async with still_daemon(tmp_path, market_data__markets=markets) as daemon:
        daemon.connect(ev.FeedName.MARKET_DATA)
        daemon.snapshot(MARKET, bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.snapshot(OTHER_MARKET, bids={"0.20": "1"}, asks={"0.30": "1"})
        at = daemon.now()
        daemon.publish(
            ev.BooksShed(at=at, tickers=(OTHER_MARKET,), reason="too much"),
            ev.LineObserved(at=at, connection=1, heard_at=at, clock_offset_ms=0),
            ev.SnapshotsRequested(at=at, subscription="1:1", count=3),
        )
        daemon.shared.feed_meter.attach(lambda: [LINE])
        yield daemon


async def test_every_metric_of_the_feed_is_in_the_status_under_its_word(fed, autojump_clock):
    reading = read_daemon(fed.context("web"), version="1")
    told = document(fed)
    for metric in FEED_METRICS:
        assert told[metric.word] == metric.document(reading), metric.name
    status = DaemonSource(fed.context("web")).status()
    assert status["market_data"] == told
    assert json.loads(json.dumps(told)) == told


async def test_markets_books_and_grades_are_counted(fed, autojump_clock):
    told = document(fed)
    assert (told["markets_connected"], told["markets_wanted"], told["markets_shed"]) == (1, 3, 1)
    assert told["book_grade_markets"] == {"A": 1, "B": 0, "C": 0, "D": 0, "E": 0, "F": 1}
    assert told["book_faults_total"]["shed"] == 1
    assert told["snapshots_requested_total"] == 3
    assert (told["connections"], told["connections_wanted"]) == (1, 1)


async def test_a_book_that_can_be_read_and_is_too_poor_to_trade_is_counted(fed, autojump_clock):
    assert document(fed)["markets_below_grade"] == 0, "a book in doubt is counted elsewhere"
    at = fed.now()
    long_ago = Timestamp(at - 60 * NS_PER_S)
    fed.publish(ev.LineObserved(at=at, connection=1, heard_at=long_ago, clock_offset_ms=0))
    told = document(fed)
    assert told["book_grade_markets"]["F"] == 2
    assert (told["markets_connected"], told["markets_below_grade"]) == (1, 1)


async def test_a_market_that_leaves_the_universe_is_no_fault_of_its_book(fed, autojump_clock):
    fed.publish(ev.UniverseChanged(at=fed.now(), added=(), dropped=((MARKET, "it closed"),)))
    assert "not_followed" not in document(fed)["book_faults_total"]


async def test_the_two_clocks_of_silence_are_told_apart(fed, autojump_clock):
    told = document(fed)
    assert told["line_silence_seconds"] == 2.5
    assert told["message_age_seconds"] == 0.0
    (line,) = told["lines"]
    assert (line["connection"], line["bytes"], line["silent_s"]) == (1, 900, 2.5)
    fed.shared.feed_meter.attach(list)
    # Without a connection nobody can say for how long it is silent.
    assert document(fed)["line_silence_seconds"] is None


async def test_a_late_delta_shows_as_lag_in_seconds(fed, autojump_clock):
    assert document(fed)["lag_seconds"] == {}
    at = fed.now()
    fed.publish(
        ev.BookDelta(
            ticker=MARKET,
            side=Side.BID,
            price=Price(4_600),
            change=Count(100),
            subscription="1:1",
            seq=3,
            at=at,
            exchange_at=Timestamp(at - 250 * NS_PER_MS),
        )
    )
    told = document(fed)
    assert told["lag_seconds"] == {"0.5": 0.25, "0.99": 0.25}
    assert (told["lines"][0]["lag_p50_ms"], told["deltas_total"]) == (250.0, 1)


async def test_a_gap_and_its_repair_are_counted_each_in_its_place(fed, autojump_clock):
    # The numbers 1 and 2 were the snapshots', 3 never comes.
    late = {"side": Side.BID, "price": Price(4_600), "change": Count(100), "subscription": "1:1"}
    fed.publish(ev.BookDelta(ticker=MARKET, seq=4, at=fed.now(), **late))
    told = document(fed)
    assert (told["gaps_total"], told["resyncs_total"]) == (1, 0)
    assert (told["dropped_deltas_total"], told["markets_connected"]) == (1, 0)
    assert told["book_faults_total"]["gap"] == 1
    fed.publish(ev.BookDelta(ticker=MARKET, seq=4, at=fed.now(), **late))
    assert document(fed)["stale_frames_total"] == 1
    whole = {"bids": (), "asks": (), "subscription": "1:1"}
    fed.publish(ev.BookSnapshot(ticker=MARKET, seq=5, at=fed.now(), **whole))
    told = document(fed)
    assert (told["gaps_total"], told["resyncs_total"], told["snapshots_total"]) == (1, 1, 3)
    assert (told["deltas_total"], told["dropped_deltas_total"]) == (2, 1)


@pytest.mark.parametrize(
    "name",
    [
        *("gaps", "resyncs", "stale_frames", "unexpected_frames", "subscriptions_ended"),
        *("snapshots_requested", "snapshots_delayed"),
    ],
)
async def test_each_count_of_the_engine_is_told_under_its_own_name(
    fed, autojump_clock, name, monkeypatch
):
    before = document(fed)
    monkeypatch.setattr(type(fed.view.market_data), name, 4_711)
    after = document(fed)
    assert [word for word in after if after[word] != before[word]] == [f"{name}_total"]
    assert after[f"{name}_total"] == 4_711


async def test_what_was_not_understood_is_told_by_kind(fed, autojump_clock):
    refused = ev.FrameRefused(
        at=fed.now(),
        feed=ev.FeedName.MARKET_DATA,
        kind="surprise",
        reason="unknown",
        drift=ev.Drift.UNKNOWN_TYPE,
    )
    fed.publish(refused, refused)
    told = document(fed)
    assert told["frames_refused_total"] == 2
    assert told["frame_drift_total"] == {"unknown_type surprise": 2}


async def test_no_number_of_the_feed_has_a_market_for_a_label(fed, autojump_clock):
    reading = read_daemon(fed.context("web"), version="1")
    for metric in FEED_METRICS:
        for labels in metric.samples(reading):
            assert not {MARKET, OTHER_MARKET, MarketTicker("KXNONE")} & set(labels)


async def test_rates_come_from_the_looks_of_the_load_watch(fed, autojump_clock):
    meter, data = fed.shared.feed_meter, fed.view.market_data
    now = fed.shared.env.monotonic()
    for second in range(3):
        meter.look(
            now - 3 + second, data, Load(delay_ns=2 * NS_PER_S, own_lag_ns=1_500 * NS_PER_MS)
        )
    told = document(fed)
    assert told["per_second"]["deltas"] == 0.0
    assert told["deltas_per_second"] == [0.0, 0.0]
    assert told["own_lag_seconds"] == 1.5


async def test_what_news_waits_for_us_is_unknown_before_the_first_look(fed, autojump_clock):
    told = document(fed)
    assert told["own_lag_seconds"] is None
    assert told["lines"][0]["behind_s"] == 1.2
