"""Connections that are shared, lost and silent: what a loss takes, what was missed meanwhile, and hours without any."""

import pytest
import trio

from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from tests.simulation.markets_world import print_trades, quote, subscribed, truth
from traderd.core.universe import slot_of
from traderd.model.events import BookFault, FeedName, TradePrinted, TradesBackfilled
from traderd.model.states import State
from traderd.paper.faults.plan import FaultKind
from traderd.services.market_data import PART


async def test_two_connections_share_the_markets_and_a_lost_one_takes_only_its_books(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__markets_per_connection=6) as simulated:
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        shares = [tuple(sorted(t for t in TICKERS if slot_of(t, 2) == slot)) for slot in (0, 1)]
        assert subscribed(simulated) == sorted(shares)
        assert (len(feed.standing), feed.wanted) == (2, 2)
        for ticker in TICKERS:
            await simulated.wait_until(lambda ticker=ticker: truth(simulated, ticker))
        assert simulated.exchange.faults.drop_websockets("market_lifecycle_v2") == 1
        await simulated.wait_until(lambda: len(feed.standing) == 1, within_s=0.1)
        lost = [t for t in TICKERS if simulated.view.book(t).fault is BookFault.DISCONNECTED]
        assert tuple(sorted(lost)) == shares[0]
        assert all(simulated.view.book(ticker).usable for ticker in shares[1])
        assert list(simulated.view.conditions.degraded) == [f"{PART} 1"]
        assert feed.connected
        await simulated.wait_until(
            lambda: simulated.view.market_data.usable_books() == len(TICKERS), within_s=5
        )
        await simulated.wait_until(lambda: not simulated.view.conditions.degraded, within_s=1)
        assert (len(feed.standing), feed.losses, feed.connection) == (2, 1, 3)
        assert simulated.view.market_data.stale_frames == 0


async def test_an_error_is_only_when_the_last_required_connection_is_lost(tmp_path, autojump_clock):
    settings = {"trading__enabled": False, "market_data__markets_per_connection": 6}
    async with simulated_daemon(tmp_path, **settings) as simulated:
        assert simulated.exchange.faults.drop_websockets("market_lifecycle_v2") == 1
        await trio.sleep(5)
        assert simulated.state is State.READY
        assert State.ERROR.value not in simulated.states()
        assert simulated.exchange.faults.drop_websockets("orderbook_delta") == 2
        await simulated.wait_until(lambda: State.ERROR.value in simulated.states(), within_s=1)
        await simulated.wait_ready()
        assert len(simulated.view.feed(FeedName.MARKET_DATA).standing) == 2


# --- trades that were missed ----------------------------------------------------------------------


async def test_lesson_27_trades_of_an_outage_are_read_again_marked_and_told_once(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, exchange__events_per_s=2) as simulated:
        ticker = TICKERS[0]
        with simulated.daemon.shared.bus.subscribe(
            TradePrinted, TradesBackfilled, name="test", depth=100_000
        ) as inbox:
            print_trades(simulated, ticker, 2)
            await trio.sleep(5)
            simulated.exchange.faults.drop_websockets("orderbook_delta")
            print_trades(simulated, ticker, 3)
            await simulated.wait_until(
                lambda: simulated.view.market_data.usable_books() == len(TICKERS), within_s=10
            )
            print_trades(simulated, ticker, 4)
            await trio.sleep(20)
            told = []
            while inbox.statistics().depth:
                told += await inbox.receive()
        here = [event for event in told if event.ticker == ticker]
        (done,) = [event for event in here if isinstance(event, TradesBackfilled)]
        assert done.complete
        trades = [event for event in here if isinstance(event, TradePrinted)]
        late = [trade for trade in trades if trade.backfilled]
        assert done.count == len(late) >= 3
        # All of them came before the word that the live ones are whole again.
        assert max(here.index(trade) for trade in late) < here.index(done)
        ids = [trade.trade_id for trade in trades]
        assert len(ids) == len(set(ids))
        theirs = [t.trade_id for t in simulated.exchange.venue.floor.trades if t.ticker == ticker]
        assert set(ids) == set(theirs)
        assert {e.ticker for e in told if isinstance(e, TradesBackfilled)} == set(TICKERS)
        assert simulated.view.market_data.tape.gaps_left == 0


@pytest.mark.parametrize("shown_by", TICKERS[:2])
@pytest.mark.parametrize("before", [0, 1])
async def test_a_hole_in_the_trades_of_a_line_that_stands_is_read_again_whoever_shows_it(
    tmp_path, autojump_clock, shown_by, before
):
    async with simulated_daemon(tmp_path) as simulated:
        ticker = TICKERS[0]
        print_trades(simulated, ticker, before)
        await trio.sleep(5)
        (held,) = [
            held
            for session, _ in simulated.exchange.feed._open.values()
            for held in session._by_sid.values()
            if held.channel == "trade"
        ]
        send, held.send = held.send, lambda frame: None
        print_trades(simulated, ticker, 2)
        held.send = send
        tape = simulated.view.market_data.tape
        await trio.sleep(5)
        assert tape.backfilled == 0
        # The number of the next trade shows the hole; of the same market it is newer than what is missing.
        print_trades(simulated, shown_by, 1)
        await simulated.wait_until(lambda: tape.backfilled == 2, within_s=10)
        theirs = [t.trade_id for t in simulated.exchange.venue.floor.trades if t.ticker == ticker]
        assert [trade.trade_id for trade in tape.recent[ticker]] == theirs
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0
        assert simulated.view.market_data.resyncs == 0


# --- hours without an exchange --------------------------------------------------------------------


async def test_lesson_30_a_quiet_market_is_no_fault(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(1_800)
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        assert (feed.connection, feed.losses) == (1, 0)
        assert simulated.view.market_data.usable_books() == len(TICKERS)
        assert simulated.view.market_data.resyncs == 0
        assert simulated.view.conditions.degraded == {}
        # One look a minute proved that the subscription lives.
        assert simulated.view.market_data.snapshots_received >= len(TICKERS) + 20


async def test_lesson_24_a_subscription_that_the_exchange_lost_is_made_again(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        for session, _ in simulated.exchange.feed._open.values():
            for sid, held in tuple(session._by_sid.items()):
                if held.channel == "trade":
                    session._audience.leave(held)
                    del session._by_sid[sid]
                    del session._by_channel[held.channel]
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        await simulated.wait_until(
            lambda: subscribed(simulated, "trade") == [tuple(sorted(TICKERS))], within_s=200
        )
        assert simulated.said("the exchange has no subscription to trade any more")
        assert (feed.connection, feed.losses) == (1, 0)


async def test_a_day_of_503_is_degraded_without_a_storm_and_books_come_back(
    tmp_path, autojump_clock
):
    calm = {
        "trading__sync_interval_s": 21_600,
        "health__interval_s": 21_600,
        "status__interval_s": 21_600,
    }
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(fresh(tmp_path / "state"), at=at, **calm) as simulated,
    ):
        at.exchange.faults.refuse_websockets(503)
        at.exchange.faults.refuse_requests("/markets", 503)
        assert at.exchange.faults.drop_websockets("orderbook_delta") == 1
        before = simulated.daemon.shared.venue.rest.statistics().requests
        await trio.sleep(86_400)
        assert simulated.state is State.READY
        assert State.ERROR.value not in simulated.states()
        assert "503" in simulated.view.conditions.degraded[PART]
        tries = simulated.view.feed(FeedName.MARKET_DATA)
        # One try in 15 s on average, and a handful of lines an hour.
        (report,) = [
            r for r in at.exchange.faults.report() if r["kind"] == FaultKind.REFUSED_WEBSOCKET.value
        ]
        assert 4_000 < report["struck"] < 8_000
        assert simulated.count("orderbook feed down") < 400
        assert tries.losses == 1
        requests = simulated.daemon.shared.venue.rest.statistics().requests - before
        assert requests < 6_000
        quote(simulated, TICKERS[0], "0.01", "0.99")
        at.exchange.faults.clear()
        await simulated.wait_until(
            lambda: simulated.view.market_data.usable_books() == len(TICKERS), within_s=60
        )
        assert all(truth(simulated, ticker) for ticker in TICKERS)
        await simulated.wait_until(lambda: not simulated.view.conditions.degraded, within_s=61)


async def test_a_refused_key_is_an_error_only_where_the_feed_is_required(tmp_path, autojump_clock):
    for trading in (True, False):
        state = fresh(tmp_path / f"state{trading}")
        async with simulated_daemon(state, trading__enabled=trading) as simulated:
            simulated.exchange.faults.refuse_websockets(401)
            assert simulated.exchange.faults.drop_websockets("orderbook_delta") == 1
            await trio.sleep(30)
            assert (State.ERROR.value in simulated.states()) is not trading
            assert simulated.said("check exchange.key_id") is not trading
            if trading:
                assert "401" in simulated.view.conditions.degraded[PART]
                simulated.exchange.faults.clear()
                await simulated.wait_until(
                    lambda: simulated.view.market_data.usable_books() == len(TICKERS), within_s=61
                )
