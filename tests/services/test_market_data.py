"""The market data stage: books are made good again, and the feed comes back."""

import trio

from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from traderd.kalshi.feed import Feed
from traderd.kalshi.wire.commands import TRADES
from traderd.model.events import BookFault, BookInvalidated, FeedName
from traderd.model.orders import Side
from traderd.model.states import State
from traderd.services.market_data import PART


def skip_a_frame(simulated) -> None:
    """Lose one frame between the exchange and us: its number is used up, the frame is not there."""
    for session, _ in simulated.exchange.feed._open.values():
        for subscription in session._by_sid.values():
            if subscription.channel == "orderbook_delta":
                subscription.seq += 1


def change_book(simulated, ticker: str = TICKERS[0]) -> None:
    bid, _ = simulated.touch(ticker)
    simulated.trade_through("ask", bid, ticker=ticker)


def same_books(simulated) -> bool:
    view, venue = simulated.view, simulated.exchange.venue
    return all(
        tuple(tuple(view.book(ticker).depth(side)) for side in Side) == venue.book(ticker)
        for ticker in TICKERS
    )


async def test_books_are_the_exchanges_books(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, exchange__events_per_s=20) as simulated:
        await trio.sleep(120.0)
        assert simulated.view.market_data.deltas_received > 1_000
        assert simulated.view.market_data.gaps == 0
        await simulated.wait_until(lambda: same_books(simulated), within_s=1.0)


async def test_a_gap_puts_every_book_in_doubt_and_snapshots_make_them_good(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        with simulated.daemon.shared.bus.subscribe(BookInvalidated, name="test") as doubts:
            skip_a_frame(simulated)
            change_book(simulated)
            doubted = await doubts.receive()
        assert {doubt.ticker for doubt in doubted} == set(TICKERS)
        assert {doubt.fault for doubt in doubted} == {BookFault.GAP}
        await simulated.wait_until(
            lambda: simulated.view.market_data.usable_books() == len(TICKERS), within_s=5.0
        )
        assert same_books(simulated)
        assert simulated.view.market_data.resyncs == len(TICKERS)
        # One request for all, on the connection that stands.
        assert simulated.count("asking for 12 snapshots") == 1
        assert simulated.view.feed(FeedName.MARKET_DATA).connection == 1


async def test_a_burst_of_gaps_is_not_answered_with_a_storm(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, exchange__events_per_s=50) as simulated:
        for _ in range(200):
            skip_a_frame(simulated)
            await trio.sleep(0.01)
        # 200 gaps in two seconds, and no more than a request every few doublings of the wait.
        assert 1 <= simulated.count("snapshots") <= 20
        await simulated.wait_until(
            lambda: simulated.view.market_data.usable_books() == len(TICKERS), within_s=20.0
        )


async def test_a_lost_connection_is_counted_and_replaced(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        await simulated.wait_until(lambda: PART in simulated.view.conditions.degraded, within_s=0.1)
        assert simulated.view.market_data.usable_books() == 0
        await simulated.wait_until(
            lambda: simulated.view.market_data.usable_books() == len(TICKERS), within_s=2.0
        )
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        assert (feed.connected, feed.connection, feed.losses) == (True, 2, 1)
        assert simulated.view.conditions.degraded == {}


async def test_a_feed_that_never_comes_lets_trading_begin_without_books(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_requests("/markets", 503)
        async with simulated_daemon(
            fresh(tmp_path / "state"), at=at, market_data__connect_deadline_s=5
        ) as simulated:
            assert "no connection yet" in simulated.view.conditions.degraded[PART]
            denied = await simulated.place("bid", "1", "0.0100")
            assert "rule market" in denied.sentence
            at.exchange.faults.clear()
            await simulated.wait_until(lambda: PART not in simulated.view.conditions.degraded)
            assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_the_stage_ends_at_once_and_says_that_its_feed_is_gone(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        began = trio.current_time()
        simulated.stop()
        await simulated.ended.wait()
        # Both connections say goodbye and are answered: a live one costs no budget.
        assert trio.current_time() - began < 0.1
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        assert (feed.connected, feed.reason) == (False, "the stage was taken down")


async def test_a_stage_that_ends_while_it_subscribes_leaves_no_book_that_looks_good(
    tmp_path, autojump_clock, monkeypatch
):
    subscribe = Feed.subscribe

    async def hang_at_trades(self, channels, tickers=()):
        if TRADES in channels:
            await trio.sleep_forever()
        return await subscribe(self, channels, tickers)

    monkeypatch.setattr(Feed, "subscribe", hang_at_trades)
    async with simulated_daemon(
        tmp_path, ready=False, market_data__connect_deadline_s=60
    ) as simulated:
        await simulated.wait_until(lambda: simulated.view.market_data.usable_books() > 0)
        simulated.stop()
        await simulated.ended.wait()
        assert simulated.view.market_data.usable_books() == 0
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0, "it never stood"


async def test_without_trading_a_feed_that_cannot_be_had_is_an_error(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_websockets(503)
        async with simulated_daemon(
            fresh(tmp_path / "state"),
            at=at,
            ready=False,
            trading__enabled=False,
            market_data__connect_deadline_s=5,
        ) as simulated:
            await simulated.wait_state(State.ERROR)
            assert "orderbook feed" in simulated.view.transitions[-1].metadata.error
            at.exchange.faults.clear()
            await simulated.wait_ready()
