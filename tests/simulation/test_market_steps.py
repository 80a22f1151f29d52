"""What the steps of a market's life do: it closes, settles, pauses, and changes its grid while orders and books stand."""

import trio

from tests.simulation.harness import TICKERS, simulated_daemon
from tests.simulation.markets_world import NEW, SOON, list_market, quote, subscribed, truth
from traderd.model.market import MarketStatus
from traderd.model.states import State
from traderd.paper.venue.listings import Result
from traderd.paper.venue.price_structures import PRICE_STRUCTURES


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
        await simulated.wait_until(lambda: truth(simulated, NEW), within_s=15)
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
