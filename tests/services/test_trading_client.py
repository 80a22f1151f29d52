"""The private connection: the proof that the key works."""

import trio

from tests.simulation.harness import fresh, simulated_daemon, simulated_exchange
from traderd.model.events import FeedName
from traderd.model.states import State
from traderd.services.context import FIRST_PRIVATE_CONNECTION


async def test_the_private_feed_has_numbers_of_its_own(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        feed = simulated.view.feed(FeedName.PRIVATE)
        assert (feed.connected, feed.connection) == (True, FIRST_PRIVATE_CONNECTION)
        assert simulated.said("trading client connected, tier prestige, clock offset 0 ms")
        simulated.exchange.faults.drop_websockets("user_orders")
        await simulated.wait_state(State.ERROR, within_s=1.0)
        assert not simulated.view.feed(FeedName.PRIVATE).connected
        # Books do not depend on it.
        assert simulated.view.market_data.usable_books() == 12
        await simulated.wait_ready()
        assert simulated.view.feed(FeedName.PRIVATE).connection == FIRST_PRIVATE_CONNECTION + 1


async def test_what_happened_while_it_was_down_is_known_when_ready_comes_back(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        bid, _ = simulated.touch()
        placed = await simulated.place("bid", "3", bid)
        simulated.exchange.faults.drop_websockets("user_orders")
        await simulated.wait_state(State.ERROR, within_s=1.0)
        simulated.trade_through("ask", bid)
        await simulated.wait_ready()
        assert simulated.view.order(placed.key).filled == 300
        assert simulated.said("fill_missed")


async def test_an_account_that_cannot_be_read_fails_the_stage_and_not_the_books(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_requests("/account/limits", 503)
        async with simulated_daemon(fresh(tmp_path / "state"), at=at, ready=False) as simulated:
            await simulated.wait_state(State.ERROR)
            assert simulated.view.transitions[-1].metadata.failed_stage == "trading_client"
            await trio.sleep(30.0)
            assert simulated.view.market_data.usable_books() == 12
            at.exchange.faults.clear()
            await simulated.wait_ready()


async def test_a_refused_key_is_a_sentence_with_its_cure(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_requests("/account/limits", 401)
        async with simulated_daemon(fresh(tmp_path / "state"), at=at, ready=False) as simulated:
            await simulated.wait_state(State.ERROR)
            error = simulated.view.transitions[-1].metadata
            assert error.failed_stage == "trading_client"
            assert error.error.startswith(
                f"the exchange does not take the key {at.credentials.key_id[:4]}…: "
            )
            assert error.error.endswith("that the key is one of the environment sim")
            at.exchange.faults.clear()
            await simulated.wait_ready()


async def test_without_trading_there_is_no_private_connection(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__enabled=False) as simulated:
        assert not simulated.view.feed(FeedName.PRIVATE).connected
        assert simulated.exchange.feed.session_count == 1
