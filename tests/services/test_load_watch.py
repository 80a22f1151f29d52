"""The loop is looked at, and books are given up and taken back as the core decides."""

import pytest
import trio
import trio.testing

from tests.services.still_daemon import (
    MARKET,
    OTHER_MARKET,
    PERSON,
    SUBSCRIPTION,
    still_daemon,
)
from traderd.core.shedding import Load
from traderd.kalshi.feed import FeedStatistics
from traderd.model.events import BookDelta, BookFault, TradePrinted
from traderd.model.ids import MarketTicker, StrategyName, TradeId
from traderd.model.orders import Attribution, OrderOwner, Side
from traderd.model.units import NS_PER_MS, NS_PER_S, Count, Price, Timestamp
from traderd.services.load_watch import (
    LOOK_S,
    PART,
    STALL_PART,
    STALL_S,
    STALL_TOLD_S,
    LoadWatch,
    by_trading,
    interest_in,
)

LATE = Load(delay_ns=400 * NS_PER_MS)
BEHIND = Load(delay_ns=0, backlog_bytes=100 * 1024 * 1024)
WAITING = Load(delay_ns=0, own_lag_ns=NS_PER_S)
CALM = Load(delay_ns=0)
STRATEGY = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))


def statistics(connection, received, backlog=0, overflows=0, behind_s=0.0):
    return FeedStatistics(
        connection=connection,
        connected_since=Timestamp(0),
        frames=0,
        bytes=received,
        events=0,
        refused=0,
        silent_s=0.0,
        backlog_bytes=backlog,
        behind_s=behind_s,
        overflows=overflows,
    )


def printed(daemon, ticker):
    return TradePrinted(
        trade_id=TradeId(f"trade of {ticker}"),
        ticker=ticker,
        price=Price(5_000),
        count=Count(100),
        taker_side=Side.BID,
        at=daemon.now(),
    )


def bring(daemon, seq, apart_s):
    """Fold a delta that the exchange stamped so much earlier than ours would be."""
    at = daemon.now()
    delta = BookDelta(
        ticker=MARKET,
        side=Side.BID,
        price=Price(4_000),
        change=Count(100),
        subscription=SUBSCRIPTION,
        seq=seq,
        # Samples are taken some time apart.
        at=Timestamp(at + seq * NS_PER_S // 50),
        exchange_at=Timestamp(at + seq * NS_PER_S // 50 - round(apart_s * NS_PER_S)),
    )
    daemon.publish(delta)


@pytest.fixture
async def watched(tmp_path):
    markets = f"{MARKET},{OTHER_MARKET}"
    async with still_daemon(tmp_path, market_data__markets=markets) as daemon:
        for ticker in (MARKET, OTHER_MARKET):
            daemon.list_market(ticker)
            daemon.snapshot(ticker, bids={"0.40": "1"}, asks={"0.60": "1"})
        lines = []
        yield daemon, LoadWatch(daemon.context("market_data"), lambda: lines), lines


@pytest.mark.parametrize("load", [LATE, BEHIND, WAITING])
async def test_lesson_29_books_without_interest_are_given_up_and_taken_back(
    watched, load, autojump_clock
):
    daemon, watch, _ = watched
    daemon.place(Side.BID, "1", "0.10", ticker=OTHER_MARKET)
    watch.look(load)
    assert daemon.view.universe.shed == {}
    watch.look(load)
    assert list(daemon.view.universe.shed) == [MARKET]
    assert daemon.view.book(MARKET).fault is BookFault.SHED
    assert daemon.view.book(OTHER_MARKET).usable
    assert "are given up" in daemon.view.conditions.degraded[PART]
    assert "the loop cannot keep up" in daemon.view.universe.shed[MARKET]
    # What has our order stays, however bad it is.
    for _ in range(20):
        await trio.sleep(LOOK_S)
        watch.look(load)
    assert list(daemon.view.universe.shed) == [MARKET]
    for _ in range(70):
        await trio.sleep(LOOK_S)
        watch.look(CALM)
    assert daemon.view.universe.shed == {}
    assert PART not in daemon.view.conditions.degraded


async def test_a_book_that_somebody_needs_is_taken_back_at_once(watched, autojump_clock):
    daemon, watch, _ = watched
    watch.look(LATE)
    watch.look(LATE)
    (shed,) = daemon.view.universe.shed
    daemon.place(Side.BID, "1", "0.10", ticker=shed)
    watch.look(LATE)
    assert shed not in daemon.view.universe.shed


async def test_interest_is_a_position_an_order_or_a_strategys_trade(watched, autojump_clock):
    daemon, _, _ = watched
    assert interest_in(daemon.view) == {}
    key = daemon.place(Side.BID, "1", "0.10", ticker=MARKET, attribution=STRATEGY)
    assert interest_in(daemon.view) == {MARKET: "it has a resting order"}
    daemon.fill(key, "1", "0.10", "0")
    assert interest_in(daemon.view) == {MARKET: "it has a position"}
    back = daemon.place(Side.ASK, "1", "0.20", ticker=MARKET, attribution=PERSON)
    daemon.fill(back, "1", "0.20", "0")
    assert interest_in(daemon.view) == {MARKET: "strategy maker trades it"}


async def test_the_real_loop_is_looked_at_once_a_second_and_is_in_time(
    watched, nursery, autojump_clock
):
    _, watch, lines = watched
    nursery.start_soon(watch.run)
    lines.append(statistics(1, 100, 5_000))
    await trio.sleep(LOOK_S + 0.1)
    assert watch.load == Load(delay_ns=0, backlog_bytes=5_000)
    lines[:] = [statistics(1, 200, 7_000), statistics(2, 50, 1_000)]
    await trio.sleep(LOOK_S)
    assert watch.load.backlog_bytes == 8_000
    # A line that brought nothing since is not behind.
    await trio.sleep(LOOK_S)
    assert watch.load.backlog_bytes == 0
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("offset_s", [-3_600, 0, 3_600])
@pytest.mark.parametrize(
    ("age_s", "behind_s", "own_s"),
    [
        (3.0, 2.0, 2.0),
        (1.5, 60.0, 1.5),
        # It was old when it reached us: a slow exchange, or a slow way. It waits for nobody here.
        (3.0, 0.0, 0.0),
        # Full reads in a row, and yet what they bring is young.
        (0.0, 60.0, 0.0),
    ],
)
async def test_news_waits_for_us_as_long_as_it_is_old_and_its_line_has_not_run_dry(
    watched, nursery, autojump_clock, age_s, behind_s, own_s, offset_s
):
    daemon, watch, lines = watched
    nursery.start_soon(watch.run)
    lines.append(statistics(1, 100))
    bring(daemon, 3, 0.2 + offset_s)
    await trio.sleep(LOOK_S + 0.1)
    assert watch.load.own_lag_ns == 0
    lines[:] = [statistics(1, 200, behind_s=behind_s)]
    bring(daemon, 4, 0.2 + offset_s + age_s)
    await trio.sleep(LOOK_S)
    assert watch.load.own_lag_ns == pytest.approx(own_s * NS_PER_S)
    # A line that brought nothing since keeps nothing waiting.
    await trio.sleep(LOOK_S)
    assert watch.load.own_lag_ns == 0
    nursery.cancel_scope.cancel()


async def test_of_several_lines_the_latest_counts_and_one_without_stamps_does_not(
    watched, nursery, autojump_clock
):
    daemon, watch, lines = watched
    nursery.start_soon(watch.run)
    bring(daemon, 3, 0.2)
    bring(daemon, 4, 1.9)
    lines[:] = [statistics(1, 200, behind_s=9.0), statistics(2, 50, behind_s=20.0)]
    await trio.sleep(LOOK_S + 0.1)
    assert watch.load.own_lag_ns == pytest.approx(1.7 * NS_PER_S)
    nursery.cancel_scope.cancel()


async def test_an_overflow_is_told_once_whether_its_connection_stands_or_is_lost(
    watched, nursery, autojump_clock
):
    _, watch, lines = watched
    nursery.start_soon(watch.run)
    seen = []

    async def look():
        await trio.sleep(LOOK_S)
        seen.append(watch.load.overflowed)

    await trio.sleep(0.1)
    for last in (
        statistics(1, 100),
        statistics(1, 200, overflows=1),
        statistics(1, 300, overflows=1),
    ):
        lines[:] = [last]
        await look()
    # What was told while it stood is not told again when it is lost; what came since is.
    watch.lose(statistics(1, 300, overflows=1))
    lines.clear()
    await look()
    watch.lose(statistics(2, 50, overflows=3))
    await look()
    await look()
    # One that was lost far behind was lost because of it, whatever the exchange said.
    watch.lose(statistics(3, 9_000_000, backlog=8 * 1024 * 1024))
    await look()
    watch.lose(statistics(4, 9_000_000, backlog=8 * 1024 * 1024 - 1))
    await look()
    assert seen == [False, True, False, False, True, False, True, False]
    nursery.cancel_scope.cancel()


async def test_the_degraded_part_says_how_many_books_are_given_up_now(watched, autojump_clock):
    daemon, watch, _ = watched
    for _ in range(8):
        watch.look(LATE)
        await trio.sleep(LOOK_S)
    assert len(daemon.view.universe.shed) == 2
    assert "books of 2 markets" in daemon.view.conditions.degraded[PART]


async def test_who_traded_longest_ago_goes_first_and_comes_back_last(tmp_path, autojump_clock):
    names = [MarketTicker(f"M{number}") for number in range(8)]
    async with still_daemon(tmp_path, market_data__markets=",".join(names)) as daemon:
        watch = LoadWatch(daemon.context("market_data"), list)
        for ticker in names:
            daemon.list_market(ticker)
        # The last one of the list has come since, because it is busy.
        for ticker in (names[5], names[0], names[7]):
            daemon.publish(printed(daemon, ticker))
            await trio.sleep(1)
        assert by_trading(daemon.view) == [names[n] for n in (7, 0, 5, 1, 2, 3, 4, 6)]
        watch.look(LATE)
        watch.look(LATE)
        assert list(daemon.view.universe.shed) == [names[4], names[6]]
        for _ in range(30):
            await trio.sleep(LOOK_S)
            watch.look(LATE)
        assert len(daemon.view.universe.shed) == 8
        for _ in range(61):
            await trio.sleep(LOOK_S)
            watch.look(CALM)
        assert names[7] not in daemon.view.universe.shed
        assert len(daemon.view.universe.shed) == 7


async def test_a_book_can_be_given_up_before_its_first_snapshot(tmp_path, autojump_clock):
    async with still_daemon(tmp_path, market_data__markets=MARKET) as daemon:
        watch = LoadWatch(daemon.context("market_data"), list)
        watch.look(LATE)
        watch.look(LATE)
        # The exchange has not listed it yet, so nothing of it comes.
        assert daemon.view.universe.shed == {}
        daemon.list_market(MARKET)
        watch.look(LATE)
        assert list(daemon.view.universe.shed) == [MARKET]


async def test_a_stall_of_the_loop_is_measured(watched, nursery, autojump_clock):
    _, watch, _ = watched
    nursery.start_soon(watch.run)
    await trio.sleep(LOOK_S / 2)
    # As if somebody had held the loop for two seconds.
    autojump_clock.jump(2.0)
    await trio.lowlevel.checkpoint()
    await trio.testing.wait_all_tasks_blocked()
    assert watch.load.delay_ns == pytest.approx(1_500 * NS_PER_MS, rel=0.01)
    nursery.cancel_scope.cancel()


async def test_a_time_in_which_nothing_ran_is_told_and_is_degraded_for_a_while(
    watched, autojump_clock
):
    daemon, watch, _ = watched
    degraded = daemon.view.conditions.degraded
    watch.look(Load(delay_ns=round((STALL_S - 0.1) * NS_PER_S)))
    assert STALL_PART not in degraded
    watch.look(Load(delay_ns=round(19.4 * NS_PER_S)))
    assert degraded[STALL_PART].startswith("it did not run for 19.4 s: it was suspended")
    assert daemon.log_text.getvalue().count("the daemon: it did not run for 19.4 s") == 1
    await trio.sleep(STALL_TOLD_S - 1)
    watch.look(CALM)
    assert STALL_PART in degraded
    await trio.sleep(2)
    watch.look(CALM)
    assert STALL_PART not in degraded
    assert daemon.log_text.getvalue().count(STALL_PART) == 1
