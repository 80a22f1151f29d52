"""A feed comes back after every kind of end, slower each time, until it stood for a while."""

import random
from itertools import count

import pytest
import trio

from traderd.errors import AuthenticationRefused, ExchangeRefused, ExchangeUnavailable
from traderd.kalshi.keeper import HEALTHY_AFTER_S, keep_feed
from traderd.kalshi.line import Line
from traderd.model.events import FeedDisconnected, FeedName


class HighestRandom(random.Random):
    def uniform(self, a, b):
        return b


class Keeper:
    def __init__(self, exchange, session):
        self.exchange = exchange
        self.session = session
        self.downs = []
        self.events = []
        self.sessions = []
        exchange.env.rng = HighestRandom()

    async def run(self, seconds, numbers=None):
        async def session(feed):
            self.sessions.append((feed.connection, trio.current_time()))
            await self.session(feed)

        with trio.move_on_after(seconds) as scope:
            await keep_feed(
                env=self.exchange.env,
                url=self.exchange.url,
                signer=self.exchange.signer,
                feed=FeedName.PRIVATE,
                on_events=self.events.extend,
                session=session,
                on_down=self.downs.append,
                numbers=numbers,
            )
        assert scope.cancelled_caught


async def nothing(feed):
    await trio.lowlevel.checkpoint()


async def stay(feed):
    await trio.sleep_forever()


async def drop(socket):
    await socket.aclose(1001, "maintenance")


async def test_an_unreachable_exchange_is_tried_for_ever_with_growing_waits(
    feed_exchange, autojump_clock
):
    feed_exchange.env.servers.clear()
    keeper = Keeper(feed_exchange, nothing)
    await keeper.run(120)
    assert [down.retry_in_s for down in keeper.downs][:9] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [down.connection for down in keeper.downs] == list(range(1, len(keeper.downs) + 1))
    assert "Connection refused" in keeper.downs[0].reason
    assert (keeper.sessions, keeper.events) == ([], [])


async def test_a_dropped_connection_is_told_and_replaced_under_a_new_number(
    feed_exchange, autojump_clock
):
    feed_exchange.script = drop
    keeper = Keeper(feed_exchange, stay)
    await keeper.run(2)
    assert [number for number, _ in keeper.sessions] == [1, 2, 3]
    first = keeper.events[0]
    assert isinstance(first, FeedDisconnected)
    assert (first.feed, first.connection) == (FeedName.PRIVATE, 1)
    assert "maintenance" in first.reason
    assert keeper.downs[0].reason == first.reason


async def test_its_end_is_told_before_the_farewell_which_takes_a_while(
    feed_exchange, autojump_clock, monkeypatch
):
    class Timed(list):
        def extend(self, events):
            super().extend((trio.current_time(), event) for event in events)

    async def close_slowly(self):
        await trio.sleep(0.75)

    async def refused(feed):
        await trio.sleep(1)
        raise ExchangeRefused(status=400, code="feed_error_8", message="Unknown channel name")

    monkeypatch.setattr(Line, "close", close_slowly)
    feed_exchange.script = lambda socket: socket.get_message()
    keeper = Keeper(feed_exchange, refused)
    keeper.events = Timed()
    await keeper.run(1.5)
    ((at, ended),) = keeper.events
    assert at == pytest.approx(1)
    assert isinstance(ended, FeedDisconnected)
    assert trio.current_time() == pytest.approx(1.75), "the farewell is not cut short"


async def test_a_session_that_ends_leaves_the_connection_standing(feed_exchange, autojump_clock):
    async def idle(socket):
        await socket.get_message()

    feed_exchange.script = idle
    keeper = Keeper(feed_exchange, nothing)
    await keeper.run(600)
    assert keeper.sessions == [(1, pytest.approx(0))]
    assert keeper.downs == []


async def test_waits_begin_small_again_only_after_a_while_of_health(feed_exchange, autojump_clock):
    lives = [1.0, 1.0, HEALTHY_AFTER_S + 1, 1.0]

    async def live(socket):
        await trio.sleep(lives.pop(0) if lives else 10_000)
        await socket.aclose(1001, "bye")

    feed_exchange.script = live
    keeper = Keeper(feed_exchange, nothing)
    await keeper.run(200)
    assert [down.retry_in_s for down in keeper.downs] == [0.5, 1, 0.5, 1]


async def test_an_exchange_error_of_the_session_ends_the_connection(feed_exchange, autojump_clock):
    async def idle(socket):
        await socket.get_message()

    async def refused(feed):
        raise ExchangeRefused(status=400, code="feed_error_8", message="Unknown channel name")

    feed_exchange.script = idle
    keeper = Keeper(feed_exchange, refused)
    await keeper.run(1)
    assert "Unknown channel name" in keeper.downs[0].reason
    assert keeper.events[0].connection == 1


async def test_a_refused_key_is_not_tried_again(feed_exchange, autojump_clock):
    feed_exchange.reject = (401, b"")
    keeper = Keeper(feed_exchange, nothing)
    with pytest.raises(AuthenticationRefused):
        await keeper.run(100)
    assert len(feed_exchange.headers) == 1


async def test_a_key_refused_in_the_session_is_not_tried_again(feed_exchange, autojump_clock):
    async def idle(socket):
        await socket.get_message()

    async def refused(feed):
        raise AuthenticationRefused(
            status=401, code="feed_error_9", message="Authentication required"
        )

    feed_exchange.script = idle
    with pytest.raises(AuthenticationRefused, match="Authentication required"):
        await Keeper(feed_exchange, refused).run(100)


async def test_a_defect_of_the_session_is_not_swallowed(feed_exchange, autojump_clock):
    async def idle(socket):
        await socket.get_message()

    async def defect(feed):
        raise ZeroDivisionError

    feed_exchange.script = idle
    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        await Keeper(feed_exchange, defect).run(100)


async def test_keepers_that_share_their_numbers_never_use_one_twice(feed_exchange, autojump_clock):
    feed_exchange.script = drop
    numbers = count(7)
    first, second = Keeper(feed_exchange, stay), Keeper(feed_exchange, stay)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first.run, 3, numbers)
        nursery.start_soon(second.run, 3, numbers)
    used = [number for keeper in (first, second) for number, _ in keeper.sessions]
    assert min(used) == 7
    assert len(used) == len(set(used)) > 4


async def test_a_session_that_gives_its_own_connection_up_is_a_lost_connection_and_no_defect(
    feed_exchange, autojump_clock
):
    async def unanswered(feed):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.sleep(1)
            # As a command that is not answered: its task fails while the loss cancels the others.
            feed.lose("no answer to add_markets")
            raise ExchangeUnavailable("the feed is lost: no answer to add_markets")

    feed_exchange.script = lambda socket: socket.get_message()
    keeper = Keeper(feed_exchange, unanswered)
    await keeper.run(4)
    assert len(keeper.sessions) >= 2
    assert {down.reason for down in keeper.downs} == {"no answer to add_markets"}
