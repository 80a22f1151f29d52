"""Which markets the daemon follows while they come, trade, pause, close and settle, and how its connections share them."""

import trio

from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from tests.simulation.markets_world import (
    MLB,
    NEW,
    WNBA,
    list_market,
    print_trades,
    quote,
    subscribed,
)
from traderd.core.universe import slot_of
from traderd.model.events import BookFault, FeedName, TradePrinted, TradesBackfilled
from traderd.model.market import MarketStatus
from traderd.model.orders import Side
from traderd.model.states import State
from traderd.paper.venue.listings import Result
from traderd.paper.venue.price_structures import PRICE_STRUCTURES
from traderd.services.market_data import PART

DISCOVER = {"market_data__markets": (), "market_data__discover__series": ("KXWNBAGAME",)}
SOON = {**DISCOVER, "market_data__discover__refresh_s": 20}


def truth(simulated, ticker):
    book = simulated.view.book(ticker)
    ours = tuple(tuple(book.depth(side)) for side in Side)
    return book.usable and ours == simulated.exchange.venue.book(ticker)


# --- looking for markets --------------------------------------------------------------------------


async def test_markets_of_a_series_are_found_and_followed(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **DISCOVER) as simulated:
        assert set(simulated.view.followed) == set(WNBA)
        assert subscribed(simulated) == [tuple(sorted(WNBA))]
        assert subscribed(simulated, "trade") == [tuple(sorted(WNBA))]
        assert all(truth(simulated, ticker) for ticker in WNBA)
        assert simulated.said(f"following {len(WNBA)} markets")
        # The others are not known here at all, so they cannot be traded by mistake.
        denied = await simulated.place("bid", "1", "0.0100", ticker=MLB[0])
        assert "not known here" in denied.sentence


async def test_a_category_is_every_series_of_it(tmp_path, autojump_clock):
    settings = {
        "market_data__discover__categories": ("Sports",),
        "market_data__discover__events": (),
    }
    async with simulated_daemon(tmp_path, **settings) as simulated:
        assert set(simulated.view.followed) == set(TICKERS)


async def test_the_cap_is_respected_and_a_market_in_which_we_have_something_stays(
    tmp_path, autojump_clock
):
    settings = SOON | {
        "market_data__discover__series": ("KXWNBAGAME", "KXMLBGAME"),
        "market_data__discover__max_markets": 3,
    }
    async with simulated_daemon(tmp_path, **settings) as simulated:
        first = simulated.view.followed
        assert len(first) == 3
        assert len(subscribed(simulated)[0]) == 3
        held, idle = first[2], first[:2]
        assert (await simulated.place("bid", "1", "0.0100", ticker=held)).ok
        # All others become busier.
        busy = [ticker for ticker in TICKERS if ticker not in first][:3]
        for ticker in busy:
            print_trades(simulated, ticker, 5)
        await simulated.wait_until(lambda: busy[0] in simulated.view.followed, within_s=30)
        assert len(simulated.view.followed) == 3
        assert held in simulated.view.followed
        assert not set(idle) & set(simulated.view.followed)
        assert subscribed(simulated) == [tuple(sorted(simulated.view.followed))]
        assert all(simulated.view.book(ticker) is None for ticker in idle)
        assert simulated.said("3 markets are preferred to it")
        # No connection was made anew for it.
        assert simulated.view.feed(FeedName.MARKET_DATA).connection == 1
        await simulated.wait_until(
            lambda: all(truth(simulated, t) for t in simulated.view.followed)
        )


async def test_a_market_that_is_created_is_followed_within_seconds(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **DISCOVER) as simulated:
        await trio.sleep(30)
        list_market(simulated)
        await simulated.wait_until(lambda: NEW in simulated.view.followed, within_s=5)
        await simulated.wait_until(lambda: truth(simulated, NEW), within_s=1)
        assert (await simulated.place("bid", "1", "0.3900", ticker=NEW)).ok


async def test_a_market_that_opens_later_is_followed_when_it_opens(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **DISCOVER) as simulated:
        await trio.sleep(30)
        list_market(simulated, opens_in_s=100)
        await trio.sleep(90)
        assert NEW not in simulated.view.followed
        await simulated.wait_until(lambda: NEW in simulated.view.followed, within_s=20)


async def test_a_market_of_another_series_is_nobodys_business(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **DISCOVER) as simulated:
        await trio.sleep(30)
        asked = simulated.exchange.server
        before = simulated.daemon.shared.venue.rest.statistics().requests
        list_market(simulated, MLB[0] + "X", like=MLB[0])
        await trio.sleep(15)
        assert simulated.view.followed == simulated.view.followed
        assert MLB[0] + "X" not in simulated.view.followed
        after = simulated.daemon.shared.venue.rest.statistics().requests
        assert after - before <= 8, asked


async def test_a_failing_search_changes_nothing_and_is_told_once(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **SOON) as simulated:
        simulated.exchange.faults.refuse_requests("/markets", 503)
        await trio.sleep(300)
        assert set(simulated.view.followed) == set(WNBA)
        assert "market discovery" in simulated.view.conditions.degraded
        assert simulated.count("the markets cannot be listed") == 1
        simulated.exchange.faults.clear()
        await simulated.wait_until(
            lambda: "market discovery" not in simulated.view.conditions.degraded, within_s=61
        )


# --- the life of a market -------------------------------------------------------------------------


async def test_a_market_closes_settles_and_leaves(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **SOON) as simulated:
        life, venue = simulated.exchange.venue.life, simulated.exchange
        list_market(simulated, closes_in_s=60)
        await simulated.wait_until(lambda: NEW in simulated.view.followed, within_s=15)
        # The exchange says nothing at the close; our own timer does.
        await simulated.wait_until(
            lambda: NEW not in simulated.view.followed or simulated.said(f"{NEW} closes"),
            within_s=61,
        )
        assert simulated.said(f"{NEW} closes")
        life.determine(NEW, Result.YES, None, venue.now())
        venue.settle()
        await simulated.wait_until(lambda: NEW not in simulated.view.followed, within_s=10)
        await simulated.wait_until(lambda: NEW not in subscribed(simulated)[0], within_s=1)
        assert simulated.view.book(NEW) is None
        assert simulated.view.market(NEW) is None


async def test_a_closed_market_with_an_order_stays_until_the_order_is_gone(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, **SOON) as simulated:
        list_market(simulated, closes_in_s=60)
        await simulated.wait_until(lambda: truth_or_none(simulated, NEW), within_s=15)
        assert (await simulated.place("bid", "5", "0.4000", ticker=NEW)).ok
        simulated.trade_through("ask", "0.4000", ticker=NEW)
        await simulated.wait_until(lambda: simulated.view.ledger.open_positions(), within_s=5)
        await simulated.wait_until(
            lambda: simulated.view.market(NEW).status is MarketStatus.CLOSED, within_s=61
        )
        await trio.sleep(60)
        # It has a position: nothing may stop following it, and no new order is sent.
        assert NEW in simulated.view.followed
        denied = await simulated.place("bid", "1", "0.4000", ticker=NEW)
        assert "is closed, not active" in denied.sentence


def truth_or_none(simulated, ticker):
    return simulated.view.book(ticker) is not None and truth(simulated, ticker)


async def test_a_named_market_is_paused_and_resumed_as_a_condition(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        life, ticker = simulated.exchange.venue.life, TICKERS[0]
        life.pause(ticker, simulated.exchange.now())
        simulated.exchange.settle()
        await simulated.wait_until(
            lambda: ticker in simulated.view.conditions.markets_paused, within_s=1
        )
        denied = await simulated.place("bid", "1", "0.0100", ticker=ticker)
        assert "is paused: the exchange deactivated it" in denied.sentence
        assert (await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])).ok
        life.resume(ticker, simulated.exchange.now())
        simulated.exchange.settle()
        await simulated.wait_until(lambda: not simulated.view.conditions.markets_paused, within_s=1)
        # Everything that rested through the pause is gone.
        quote(simulated, ticker)
        await simulated.wait_until(lambda: truth(simulated, ticker), within_s=1)
        assert (await simulated.place("bid", "1", "0.0100", ticker=ticker)).ok
        assert simulated.state is State.READY


async def test_a_grid_changes_in_flight_books_stay_and_orders_use_the_new_one(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        ticker = TICKERS[0]
        denied = await simulated.place("bid", "1", "0.0105", ticker=ticker)
        assert "rule grid" in denied.sentence
        simulated.exchange.venue.life.change_grid(
            ticker, PRICE_STRUCTURES["deci_cent"], "deci_cent", simulated.exchange.now()
        )
        simulated.exchange.settle()
        await simulated.wait_until(
            lambda: simulated.view.market(ticker).grid == PRICE_STRUCTURES["deci_cent"], within_s=1
        )
        assert truth(simulated, ticker)
        assert simulated.view.market_data.resyncs == 0
        assert (await simulated.place("bid", "1", "0.0110", ticker=ticker)).ok


async def test_a_step_that_was_missed_is_read_again(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        ticker, venue = TICKERS[0], simulated.exchange.venue
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        # While nobody listens.
        venue.life.move_close(
            ticker, venue.market(ticker).close_time + 10**12, simulated.exchange.now()
        )
        venue.life.pause(TICKERS[1], simulated.exchange.now())
        simulated.exchange.settle()
        await simulated.wait_until(
            lambda: simulated.view.market(ticker).close_time == venue.market(ticker).close_time,
            within_s=10,
        )
        assert TICKERS[1] in simulated.view.conditions.markets_paused


async def test_a_hole_in_the_lifecycle_is_read_again(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        venue, ticker = simulated.exchange.venue, TICKERS[0]
        for session, _ in simulated.exchange.feed._open.values():
            for subscription in session._by_sid.values():
                if subscription.channel == "market_lifecycle_v2":
                    subscription.seq += 1
        # The step itself is lost; the next one shows the hole.
        venue.market(ticker).close_time += 10**12
        venue.life.pause(TICKERS[1], simulated.exchange.now())
        simulated.exchange.settle()
        await simulated.wait_until(
            lambda: simulated.view.market(ticker).close_time == venue.market(ticker).close_time,
            within_s=5,
        )
        # No book was put in doubt by it.
        assert simulated.view.market_data.resyncs == 0
        assert simulated.view.market_data.usable_books() == len(TICKERS)


# --- several connections --------------------------------------------------------------------------


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
        await simulated.wait_until(lambda: feed.connection == 2, within_s=200)
        assert simulated.said("the exchange has no subscription to trade any more")
        await simulated.wait_until(
            lambda: subscribed(simulated, "trade") == [tuple(sorted(TICKERS))], within_s=5
        )


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
        (report,) = [r for r in at.exchange.faults.report() if r["kind"] == "refused websocket"]
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
