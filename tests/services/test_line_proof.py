"""The proof of life: quiet lines prove themselves, and a market that is silent for good costs no connection."""

import pytest
import trio

from tests.services.test_book_repair import all_usable, held, take_off
from tests.services.test_market_data import change_book, same_books, skip_a_frame
from tests.simulation.harness import TICKERS, simulated_daemon
from tests.simulation.markets_world import quote
from traderd.kalshi.feed import Feed
from traderd.kalshi.wire.commands import BOOKS
from traderd.model import events as ev
from traderd.model.events import BookFault, FeedName
from traderd.paper.feed.session import FeedSession
from traderd.services.line_proof import PROOF_S

HOUR_S = 3_600.0


@pytest.mark.parametrize("silent", [TICKERS[:1], TICKERS], ids=["one market", "every market"])
async def test_markets_that_are_silent_for_hours_cost_no_connection(
    tmp_path, autojump_clock, monkeypatch, silent
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        known = FeedSession._market
        with monkeypatch.context() as patch:
            patch.setattr(
                FeedSession, "_market", lambda self, t: None if t in silent else known(self, t)
            )
            skip_a_frame(simulated)
            change_book(simulated, TICKERS[1])
            await trio.sleep(4 * HOUR_S)
            assert simulated.view.market_data.usable_books() == len(TICKERS) - len(silent)
            assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0
        await simulated.wait_until(lambda: all_usable(simulated), within_s=130.0)


async def test_a_subscription_to_books_that_the_exchange_lost_is_made_anew(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        session, subscription = held(simulated)
        session._audience.leave(subscription)
        del session._by_sid[subscription.sid], session._by_channel[BOOKS]
        await trio.sleep(2 * PROOF_S + 5)
        assert simulated.said("the exchange has no subscription to orderbook_delta any more")
        assert all_usable(simulated)
        assert held(simulated)[1].sid != subscription.sid
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0


@pytest.mark.parametrize("silent", [False, True], ids=["refused", "not answered"])
async def test_a_book_that_cannot_be_proven_is_in_doubt_at_once_and_put_on_anew(
    tmp_path, autojump_clock, monkeypatch, silent
):
    gone = TICKERS[3]
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        session, subscription = held(simulated)
        take_off(simulated, gone)
        if silent:
            # What is not on the subscription gets no word, as a market that is gone.
            known = FeedSession._market
            monkeypatch.setattr(type(subscription), "covers", lambda *_: True)
            monkeypatch.setattr(
                FeedSession,
                "_market",
                lambda self, t: known(self, t) if t in subscription.tickers else None,
            )
        change_book(simulated, gone)
        assert simulated.view.book(gone).usable
        with simulated.daemon.shared.bus.subscribe(ev.BookInvalidated, name="test") as doubts:
            with trio.fail_after((len(TICKERS) + 1) * (PROOF_S + 6.0)):
                (doubt,) = await doubts.receive()
        assert (doubt.ticker, doubt.fault) == (gone, BookFault.SUBSCRIPTION_ENDED)
        assert "asked for the book that subscription 1:2 gives, to prove it" in doubt.detail
        await simulated.wait_until(lambda: all_usable(simulated), within_s=40.0)
        assert same_books(simulated)
        change_book(simulated, gone)
        await simulated.wait_until(lambda: same_books(simulated), within_s=1.0)
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0
        assert session._by_channel[BOOKS] is subscription, "the subscription stands"


async def test_never_are_two_requests_for_snapshots_under_way_on_one_subscription(
    tmp_path, autojump_clock, monkeypatch
):
    ask, under_way, most = Feed.request_snapshot, [0], [0]

    async def slow(self, sid, tickers):
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        try:
            await trio.sleep(2)
            return await ask(self, sid, tickers)
        finally:
            under_way[0] -= 1

    monkeypatch.setattr(Feed, "request_snapshot", slow)
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        await simulated.wait_until(lambda: under_way[0] == 1, within_s=2 * PROOF_S + 5.0)
        # While a book is proven, all need a snapshot.
        skip_a_frame(simulated)
        quote(simulated, TICKERS[1], "0.01", "0.98")
        await simulated.wait_until(lambda: simulated.view.market_data.gaps == 1, within_s=1.0)
        await simulated.wait_until(lambda: all_usable(simulated), within_s=10.0)
        assert most[0] == 1
