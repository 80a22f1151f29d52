"""The proof of life: quiet lines prove themselves, and a market that is silent for good costs no connection."""

import pytest
import trio

from tests.services.test_book_repair import all_usable, held
from tests.services.test_market_data import change_book, skip_a_frame
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.kalshi.wire.commands import BOOKS
from traderd.model.events import FeedName
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
