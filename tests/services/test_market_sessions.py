"""One connection's subscriptions follow the plan: in batches, without a new connection, and with proof that they live."""

from itertools import pairwise

import pytest
import trio

from tests.services.test_book_repair import end_subscription, held, take_off
from tests.services.test_market_data import change_book, skip_a_frame
from tests.services.test_market_data import same_books as known_books_are_same
from tests.simulation.harness import TICKERS, simulated_daemon
from tests.simulation.markets_world import subscribed
from traderd.core.shedding import Load
from traderd.core.universe import slot_of
from traderd.kalshi.wire import commands, frames
from traderd.kalshi.wire.command_reader import decode_command
from traderd.model import events as ev
from traderd.model.events import BookFault, FeedName
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketStatus
from traderd.model.states import State
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.feed.session import FeedSession
from traderd.services import market_offers, market_sessions
from traderd.services.line_proof import PROOF_S
from traderd.services.load_watch import LOOK_S
from traderd.services.market_data import STAGE
from traderd.services.market_offers import AGAIN_FIRST_S
from traderd.services.market_sessions import AGAIN_LOOK_S

NAMES = tuple(MarketTicker(ticker) for ticker in TICKERS)
LATE = Load(delay_ns=NS_PER_S)


def same_books(simulated):
    """Tell whether every market has a book, that can be trusted and is the exchange's."""
    books = [simulated.view.book(ticker) for ticker in NAMES]
    return all(book is not None and book.usable for book in books) and known_books_are_same(
        simulated
    )


def listen(simulated):
    """Keep every command that the exchange gets from now on."""
    heard = []
    for session, _ in simulated.exchange.feed._open.values():
        original = session.command

        def command(raw, original=original):
            heard.append(decode_command(raw))
            original(raw)

        session.command = command
    return heard


def drop(simulated, *tickers):
    steps = tuple((ticker, "the test wants it") for ticker in tickers)
    simulated.daemon.shared.bus.publish([
        ev.UniverseChanged(at=simulated.view.market_data.last_message_at, added=(), dropped=steps)
    ])


def add(simulated, *markets):
    """Let markets come back, as the keeper of the universe does: known first, followed next."""
    at = simulated.view.market_data.last_message_at
    steps = tuple((market.ticker, "the test wants it") for market in markets)
    simulated.daemon.shared.bus.publish([
        ev.MarketsListed(at=at, markets=markets),
        ev.UniverseChanged(at=at, added=steps, dropped=()),
    ])


async def test_changes_go_over_the_connection_that_stands_in_batches(
    tmp_path, autojump_clock, monkeypatch
):
    for module in (market_sessions, market_offers):
        monkeypatch.setattr(module, "BATCH", 5)
    async with simulated_daemon(tmp_path) as simulated:
        assert subscribed(simulated) == [tuple(sorted(TICKERS))]
        markets = [simulated.view.market(ticker) for ticker in NAMES]
        heard = listen(simulated)
        drop(simulated, *NAMES[:8])
        await simulated.wait_until(
            lambda: subscribed(simulated, "trade") == [tuple(sorted(NAMES[8:]))], within_s=1
        )
        assert subscribed(simulated) == [tuple(sorted(NAMES[8:]))]
        add(simulated, *markets[:8])
        await simulated.wait_until(lambda: same_books(simulated), within_s=1)
        await simulated.wait_until(
            lambda: subscribed(simulated, "trade") == [tuple(sorted(NAMES))], within_s=1
        )
        updates = [each for each in heard if isinstance(each, commands.UpdateSubscription)]
        assert [(each.action, len(each.tickers)) for each in updates] == [
            *[(commands.DELETE_MARKETS, size) for size in (5, 3, 5, 3)],
            *[(commands.ADD_MARKETS, size) for size in (5, 3, 5, 3)],
        ]
        assert not any(isinstance(each, commands.Subscribe) for each in heard)
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        assert (feed.connection, feed.losses) == (1, 0)
        assert simulated.view.market_data.gaps == 0


async def test_a_connection_without_markets_is_closed_and_made_again_when_there_are_some(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, market_data__markets_per_connection=6) as simulated:
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        mine = [ticker for ticker in NAMES if slot_of(ticker, 2) == 1]
        markets = [simulated.view.market(ticker) for ticker in mine]
        drop(simulated, *mine)
        await simulated.wait_until(lambda: len(feed.standing) == 1, within_s=1)
        assert (feed.wanted, feed.losses) == (1, 0)
        await trio.sleep(60)
        assert len(subscribed(simulated)) == 1
        assert simulated.view.conditions.degraded == {}
        add(simulated, *markets)
        await simulated.wait_until(lambda: same_books(simulated), within_s=1)
        assert (len(feed.standing), feed.wanted, feed.connection) == (2, 2, 3)


async def test_a_market_that_left_and_came_back_has_a_true_book_whatever_was_under_way(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, exchange__events_per_s=50) as simulated:
        market = simulated.view.market(NAMES[0])
        for _ in range(30):
            # Back again before the exchange has heard that it left.
            drop(simulated, NAMES[0])
            add(simulated, market)
            await trio.sleep(0.05)
        await simulated.wait_until(lambda: same_books(simulated), within_s=5)
        await trio.sleep(20)
        await simulated.wait_until(lambda: same_books(simulated), within_s=1)
        assert simulated.view.market_data.gaps == 0


def make_choosy(monkeypatch, refuses: set[str]) -> None:
    """Let the exchange refuse every command that names one of these markets, as long as they are in the set."""
    command = FeedSession.command

    def choosy(session, raw):
        asked = decode_command(raw)
        if refuses & set(getattr(asked, "tickers", ())):
            session._send(frames.encode_error(11, command_id=asked.id))
        else:
            command(session, raw)

    monkeypatch.setattr(FeedSession, "command", choosy)


async def test_a_market_that_the_exchange_refuses_takes_no_other_along(
    tmp_path, autojump_clock, monkeypatch
):
    refuses = {TICKERS[3]}
    make_choosy(monkeypatch, refuses)
    async with simulated_daemon(tmp_path) as simulated:
        kept = tuple(sorted(set(TICKERS) - refuses))
        await simulated.wait_until(lambda: subscribed(simulated, "trade") == [kept], within_s=1)
        assert subscribed(simulated) == [kept]
        assert simulated.view.market_data.usable_books() == len(kept)
        assert simulated.count(f"takes no subscription to {TICKERS[3]}") == 1
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0
        # The next connection tries again.
        refuses.clear()
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        await simulated.wait_until(lambda: same_books(simulated), within_s=5)


async def test_a_market_that_the_exchange_refused_is_offered_again_and_what_is_held_is_told_of(
    tmp_path, autojump_clock, monkeypatch
):
    gone, refuses = TICKERS[3], set()
    make_choosy(monkeypatch, refuses)
    async with simulated_daemon(tmp_path) as simulated:
        part, degraded = f"market data {gone}", simulated.view.conditions.degraded
        assert (await simulated.place("bid", "1", "0.0100", ticker=gone)).ok
        refuses.update((gone, TICKERS[4]))
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        await simulated.wait_until(lambda: part in degraded, within_s=2 * AGAIN_LOOK_S)
        assert f"market data {TICKERS[4]}" not in degraded, "nothing of ours is in it"
        assert (
            "it has a resting order and the exchange takes no subscription to it"
            in (degraded[part])
        )
        refuses.clear()
        within_s = AGAIN_FIRST_S + 2 * AGAIN_LOOK_S
        await simulated.wait_until(lambda: same_books(simulated), within_s=within_s)
        await simulated.wait_until(lambda: part not in degraded, within_s=1)
        assert subscribed(simulated, "trade") == [tuple(sorted(TICKERS))]
        assert simulated.count(f"takes no subscription to {gone}") == 1
        assert simulated.view.feed(FeedName.MARKET_DATA).connection == 2


async def test_markets_leave_although_the_exchange_has_taken_one_of_them_off_already(
    tmp_path, autojump_clock, monkeypatch
):
    command = FeedSession.command

    def strict(session, raw):
        asked = decode_command(raw)
        if getattr(asked, "action", "") == commands.DELETE_MARKETS:
            held_there = session._by_sid[asked.sid]
            if not all(held_there.covers(ticker) for ticker in asked.tickers):
                session._send(frames.encode_error(11, command_id=asked.id))
                return
        command(session, raw)

    monkeypatch.setattr(FeedSession, "command", strict)
    async with simulated_daemon(tmp_path) as simulated:
        take_off(simulated, NAMES[1])
        drop(simulated, *NAMES[:5])
        await simulated.wait_until(
            lambda: subscribed(simulated) == [tuple(sorted(NAMES[5:]))], within_s=1
        )
        assert simulated.view.feed(FeedName.MARKET_DATA).connection == 1


async def test_books_that_are_given_up_are_unsubscribed_and_their_trades_go_on(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "1", "0.0100", ticker=TICKERS[-1])).ok
        load = simulated.daemon.shared.extras[STAGE].load
        load.look(LATE)
        load.look(LATE)
        shed = tuple(simulated.view.universe.shed)
        assert len(shed) == 2
        assert TICKERS[-1] not in shed
        assert all(simulated.view.book(ticker).fault is BookFault.SHED for ticker in shed)
        kept = tuple(sorted(set(NAMES) - set(shed)))
        await simulated.wait_until(lambda: subscribed(simulated) == [kept], within_s=1)
        assert subscribed(simulated, "trade") == [tuple(sorted(NAMES))]
        # Nobody asks for what was given up on purpose, and nothing of it is told.
        change_book(simulated, shed[0])
        await trio.sleep(30)
        assert not simulated.view.book(shed[0]).usable
        assert simulated.view.market_data.snapshots_requested == 0
        await simulated.wait_until(lambda: not simulated.view.universe.shed, within_s=200)
        await simulated.wait_until(lambda: same_books(simulated), within_s=1)
        assert simulated.view.feed(FeedName.MARKET_DATA).connection == 1
        assert State.ERROR.value not in simulated.states()


async def test_nobody_asks_for_a_book_that_is_on_its_way_out(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        stage = simulated.daemon.shared.extras[STAGE]
        books = stage.lines[0]._session._books
        # As when the session is busy with another change.
        async with books.changing:
            stage.load.look(LATE)
            stage.load.look(LATE)
            assert set(simulated.view.universe.shed) < set(books.tickers)
            await trio.sleep(1)
        await trio.sleep(1)
        assert not set(simulated.view.universe.shed) & set(books.tickers)
        assert simulated.view.market_data.snapshots_requested == 0


def overflow(simulated):
    """Let the exchange give up every reader of books as too slow."""
    for session, socket in tuple(simulated.exchange.feed._open.values()):
        if "orderbook_delta" in session.channels():
            socket._overflow()


async def test_lesson_29_who_is_given_up_as_too_slow_twice_in_a_minute_asks_for_fewer_books(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "1", "0.0100", ticker=TICKERS[-1])).ok
        feed, shed = simulated.view.feed(FeedName.MARKET_DATA), simulated.view.universe.shed
        for losses, given_up in ((1, 0), (2, 2), (3, 4)):
            overflow(simulated)
            await simulated.wait_until(lambda losses=losses: feed.losses == losses, within_s=1)
            await simulated.wait_until(
                lambda losses=losses: feed.connection > losses and feed.connected, within_s=20
            )
            await trio.sleep(LOOK_S)
            assert len(shed) == given_up
            kept = tuple(sorted(set(NAMES) - set(shed)))
            assert subscribed(simulated) == [kept]
        # What has our order is kept; what is private is on a line of its own, which was never touched.
        assert TICKERS[-1] in kept
        assert simulated.view.feed(FeedName.PRIVATE).losses == 0
        assert simulated.state is State.READY
        # All of it comes back, twice as many at a time.
        await simulated.wait_until(lambda: not shed, within_s=4 * 61)
        await simulated.wait_until(lambda: same_books(simulated), within_s=1)
        assert simulated.view.conditions.degraded == {}


async def test_an_outage_is_no_calm(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        load = simulated.daemon.shared.extras[STAGE].load
        load.look(LATE)
        load.look(LATE)
        simulated.exchange.faults.refuse_websockets(503)
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        await trio.sleep(600)
        assert len(simulated.view.universe.shed) == 3
        simulated.exchange.faults.clear()
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        await simulated.wait_until(lambda: feed.connected, within_s=31)
        await trio.sleep(50)
        assert len(simulated.view.universe.shed) == 3
        await simulated.wait_until(lambda: same_books(simulated), within_s=300)


async def test_books_that_were_given_up_stay_so_over_a_reconnect(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        load = simulated.daemon.shared.extras[STAGE].load
        load.look(LATE)
        load.look(LATE)
        shed = tuple(simulated.view.universe.shed)
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        kept = tuple(sorted(set(NAMES) - set(shed)))
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        await simulated.wait_until(lambda: feed.connection == 2, within_s=5)
        await simulated.wait_until(
            lambda: simulated.view.market_data.usable_books() == len(kept), within_s=1
        )
        assert subscribed(simulated) == [kept]
        await simulated.wait_until(lambda: same_books(simulated), within_s=200)


async def test_lesson_25_a_line_that_takes_no_commands_is_replaced(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        for session, _ in simulated.exchange.feed._open.values():
            session.command = lambda raw: None
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        # Nothing is said on it, so it has to prove itself; no answer ends it.
        await simulated.wait_until(lambda: feed.connection == 2, within_s=2 * PROOF_S + 10)
        assert simulated.said("no answer to list_subscriptions")
        await simulated.wait_until(lambda: same_books(simulated), within_s=5)


async def test_lesson_30_a_line_without_a_byte_is_dead_within_seconds(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(5)
        (line,) = simulated.daemon.shared.extras[STAGE].lines
        stream = line.feed._line._tap._inner

        async def nothing(max_bytes=None):
            await trio.sleep_forever()

        stream.receive_some = nothing
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        began = trio.current_time()
        await simulated.wait_until(lambda: feed.losses == 1, within_s=40)
        # Ten seconds to the last ping, fifteen of silence, five for our own ping.
        assert trio.current_time() - began <= 31
        await simulated.wait_until(
            lambda: simulated.said("silent for 20 s, our own ping included"), within_s=1.5
        )
        await simulated.wait_until(lambda: same_books(simulated), within_s=5)


async def test_lesson_24_a_change_that_was_swallowed_on_a_quiet_line_is_found_by_the_proof(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        session = next(
            session
            for session, _ in simulated.exchange.feed._open.values()
            if "orderbook_delta" in session._by_channel
        )
        held = session._by_channel["orderbook_delta"]
        send, held.send = held.send, lambda frame: None
        change_book(simulated)
        held.send = send
        assert not same_books(simulated)
        assert simulated.view.market_data.usable_books() == len(TICKERS)
        # The number of the answer shows the hole.
        await simulated.wait_until(lambda: same_books(simulated), within_s=2 * PROOF_S + 5)
        assert simulated.view.market_data.gaps == 1


@pytest.mark.parametrize("step", ["metadata_updated", "price_level_structure_updated"])
async def test_a_step_that_does_not_say_what_changed_is_read_again(tmp_path, autojump_clock, step):
    async with simulated_daemon(tmp_path) as simulated:
        venue, ticker = simulated.exchange.venue, TICKERS[0]
        venue.market(ticker).close_time += 10**12
        simulated.daemon.shared.bus.publish([
            ev.MarketLifecycleChanged(
                at=simulated.view.market_data.last_message_at,
                ticker=NAMES[0],
                step=ev.LifeStep(step),
            )
        ])
        await simulated.wait_until(
            lambda: simulated.view.market(ticker).close_time == venue.market(ticker).close_time,
            within_s=1,
        )
        assert simulated.state is State.READY


def tell_step(simulated, ticker, event_type):
    """Let the exchange tell of a step, by a name that it may have invented."""
    body = {"market_ticker": ticker, "event_type": event_type, "close_ts": 1}
    message = frames.data_message("market_lifecycle_v2", body, 1)
    for session, _ in simulated.exchange.feed._open.values():
        if "market_lifecycle_v2" in session._by_channel:
            session._by_channel["market_lifecycle_v2"].tell(message)


class Spy:
    """Keeps what is read, and when."""

    def __init__(self, lists):
        self.lists, self.asked = lists, []

    async def listings(self, tickers, *, known):
        self.asked.append((trio.current_time(), tickers))
        return await self.lists.listings(tickers, known=known)


def spy_on(simulated, monkeypatch):
    rest = simulated.daemon.shared.venue.rest
    spy = Spy(rest.prompt_lists)
    monkeypatch.setattr(rest, "prompt_lists", spy)
    return spy


async def test_a_step_of_an_unknown_name_is_counted_and_its_market_read_once_for_all_connections(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path, market_data__markets_per_connection=6) as simulated:
        await trio.sleep(5)
        spy, venue = spy_on(simulated, monkeypatch), simulated.exchange.venue
        assert len(simulated.view.feed(FeedName.MARKET_DATA).standing) == 2
        venue.market(NAMES[0]).close_time += 10**12
        tell_step(simulated, NAMES[0], "close_moved_by_committee")
        await simulated.wait_until(
            lambda: simulated.view.market(NAMES[0]).close_time == venue.market(NAMES[0]).close_time,
            within_s=1,
        )
        assert simulated.view.market_data.drift.counts == {
            "unknown_value market_lifecycle_v2.msg.event_type": 1
        }
        await trio.sleep(30)
        assert [tickers for _, tickers in spy.asked] == [(NAMES[0],)]
        assert simulated.view.market_data.usable_books() == len(TICKERS)
        assert simulated.view.market_data.gaps == 0


async def test_a_close_that_was_put_off_unheard_is_found_within_seconds_of_the_old_one(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(5)
        venue, ticker, view = simulated.exchange.venue, NAMES[0], simulated.view
        now = simulated.exchange.now()
        venue.life.move_close(ticker, Timestamp(now + 20 * NS_PER_S), now)
        simulated.exchange.settle()
        await trio.sleep(5)
        # Nobody is told of this one.
        venue.market(ticker).close_time += 3_600 * NS_PER_S
        spy = spy_on(simulated, monkeypatch)
        await simulated.wait_until(
            lambda: view.market(ticker).status is MarketStatus.CLOSED, within_s=20
        )
        await simulated.wait_until(
            lambda: view.market(ticker).status is MarketStatus.ACTIVE, within_s=7
        )
        await simulated.wait_until(lambda: view.book(ticker).usable, within_s=10)
        assert [tickers for _, tickers in spy.asked] == [(ticker,)]


async def test_a_close_that_is_put_off_just_after_our_timer_closed_the_market_reopens_it(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(5)
        spy, ticker, view = spy_on(simulated, monkeypatch), NAMES[0], simulated.view
        exchange = simulated.exchange
        # Our idea of the exchange's clock is half a second ahead of it, less than can be known.
        simulated.daemon.shared.bus.publish([
            ev.MarketClosed(at=view.market_data.last_message_at, ticker=ticker)
        ])
        assert view.market(ticker).status is MarketStatus.CLOSED
        now = exchange.now()
        exchange.venue.life.move_close(ticker, Timestamp(now + 3_600 * NS_PER_S), now)
        exchange.settle()
        await simulated.wait_until(
            lambda: view.market(ticker).status is MarketStatus.ACTIVE, within_s=1
        )
        assert len(spy.asked) == 1
        # Of a market that is open the step says everything.
        exchange.venue.life.move_close(ticker, Timestamp(now + 7_200 * NS_PER_S), exchange.now())
        exchange.settle()
        await trio.sleep(5)
        assert view.market(ticker).close_time // NS_PER_S == now // NS_PER_S + 7_200
        assert len(spy.asked) == 1


STEP = ev.LifeStep


@pytest.mark.parametrize(
    ("steps", "reads"),
    [
        ((ev.MarketClosed,), 1),
        # A step that says where the market stands saves the looking up, but not of what our clock does after it.
        ((ev.MarketClosed, STEP.DETERMINED), 0),
        ((STEP.ACTIVATED, ev.MarketClosed), 1),
        # Neither of these says whether it is open; the second has to be read by itself.
        ((ev.MarketClosed, STEP.GRID_UPDATED), 1),
        ((ev.MarketClosed, STEP.METADATA_UPDATED), 2),
    ],
)
async def test_only_a_later_step_that_says_where_a_market_stands_saves_the_looking_up(
    tmp_path, autojump_clock, monkeypatch, steps, reads
):
    async with simulated_daemon(tmp_path) as simulated:
        ticker, exchange = NAMES[0], simulated.exchange
        exchange.venue.life.close(ticker, exchange.now())
        exchange.settle()
        await trio.sleep(30)
        spy, at = spy_on(simulated, monkeypatch), simulated.view.market_data.last_message_at
        grid = simulated.view.market(ticker).grid
        # All in one batch, as a session finds it that was busy.
        simulated.daemon.shared.bus.publish([
            step(at=at, ticker=ticker)
            if step is ev.MarketClosed
            else ev.MarketLifecycleChanged(
                at=at, ticker=ticker, step=step, grid=grid if step is STEP.GRID_UPDATED else None
            )
            for step in steps
        ])
        await trio.sleep(30)
        assert [tickers for _, tickers in spy.asked] == [(ticker,)] * reads


async def test_steps_that_come_all_the_time_are_read_together_once_a_second(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(5)
        spy = spy_on(simulated, monkeypatch)
        for number in range(200):
            tell_step(simulated, NAMES[number % len(NAMES)], "ticked")
            # The exchange tells of the steps of every market there is.
            tell_step(simulated, "KXNOTOURS-26-A", "ticked")
            tell_step(simulated, "KXNOTOURS-26-A", "metadata_updated")
            await trio.sleep(0.05)
        assert 9 <= len(spy.asked) <= 11
        read = {ticker for _, tickers in spy.asked for ticker in tickers}
        assert read == set(NAMES)
        moments = [at for at, _ in spy.asked]
        assert min(b - a for a, b in pairwise(moments)) > 0.999


async def test_what_a_lost_connection_left_behind_is_let_go(tmp_path, autojump_clock, monkeypatch):
    async with simulated_daemon(tmp_path) as simulated:
        told = []
        monkeypatch.setattr(simulated.env, "settle_memory", lambda *, anew: told.append(anew))
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        await simulated.wait_until(lambda: same_books(simulated) and told, within_s=5)
        assert told == [True]


async def test_a_step_between_the_first_list_and_the_first_subscription_is_not_missed(
    tmp_path, autojump_clock, monkeypatch
):
    subscribe, changed = market_sessions.MarketSession._subscribe, []
    stepping = NAMES[0]

    async def subscribe_late(session):
        # The markets are listed and nobody tells of steps yet.
        venue = session._context.shared.extras["paper_exchange"].venue
        venue.market(stepping).close_time -= 3_600 * NS_PER_S
        changed.append(venue.market(stepping).close_time)
        await subscribe(session)

    monkeypatch.setattr(market_sessions.MarketSession, "_subscribe", subscribe_late)
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(
            lambda: simulated.view.market(stepping).close_time == changed[-1], within_s=2
        )
        assert len(changed) == 1


async def test_reading_again_is_tried_until_it_works_and_holds_nothing_up(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        faults, venue = simulated.exchange.faults, simulated.exchange.venue
        venue.market(TICKERS[0]).close_time += 10**12
        faults.refuse_requests("/markets", 503)
        faults.drop_websockets("orderbook_delta")
        # The books come back although the list of markets does not.
        await simulated.wait_until(lambda: same_books(simulated), within_s=5)
        await trio.sleep(300)
        faults.clear()
        await simulated.wait_until(
            lambda: (
                simulated.view.market(TICKERS[0]).close_time == venue.market(TICKERS[0]).close_time
            ),
            within_s=61,
        )
        assert State.ERROR.value not in simulated.states()


async def test_a_change_that_is_not_answered_costs_the_connection_and_not_the_stage(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        feed = simulated.view.feed(FeedName.MARKET_DATA)
        for session, _ in simulated.exchange.feed._open.values():
            session.command = lambda raw: None
        drop(simulated, NAMES[0])
        await simulated.wait_until(lambda: feed.connection == 2, within_s=10)
        assert simulated.said("orderbook feed down: no answer to delete_markets (command ")
        assert simulated.state is State.READY
        assert State.ERROR.value not in simulated.states()


@pytest.mark.parametrize("channel", [commands.TRADES, commands.LIFECYCLE])
@pytest.mark.parametrize("code", [10, 25])
async def test_fault_p12_another_subscription_that_ends_is_made_anew_and_costs_no_book(
    tmp_path, autojump_clock, channel, code
):
    async with simulated_daemon(tmp_path) as simulated:
        view = simulated.view
        sid = held(simulated, channel)[1].sid
        end_subscription(simulated, code, channel)
        await trio.sleep(2)
        assert held(simulated, channel)[1].sid > sid
        assert view.feed(FeedName.MARKET_DATA).losses == 0
        assert view.market_data.snapshots_requested == 0
        assert same_books(simulated)
        assert simulated.count(f"subscribing anew to {channel}: error {code}") == 1
        trades = view.market_data.trades_seen
        change_book(simulated)
        await simulated.wait_until(lambda: view.market_data.trades_seen > trades, within_s=1)


@pytest.mark.parametrize("channel", [commands.BOOKS, commands.TRADES])
async def test_a_plan_change_on_a_subscription_that_the_exchange_forgot_costs_only_that_one(
    tmp_path, autojump_clock, channel
):
    async with simulated_daemon(tmp_path, market_data__audit_interval_s=0) as simulated:
        market = simulated.view.market(NAMES[0])
        drop(simulated, NAMES[0])
        await trio.sleep(1)
        session, subscription = held(simulated, channel)
        session._audience.leave(subscription)
        del session._by_sid[subscription.sid], session._by_channel[channel]
        add(simulated, market)
        await simulated.wait_until(lambda: same_books(simulated), within_s=3)
        await simulated.wait_until(
            lambda: subscribed(simulated, channel) == [tuple(sorted(NAMES))], within_s=3
        )
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0


async def test_an_end_in_the_opening_burst_costs_no_connection(
    tmp_path, autojump_clock, monkeypatch
):
    sent = FeedSession._send_snapshots
    ended = []

    def end_it(session, *args):
        if ended:
            sent(session, *args)
            return
        ended.append(session)
        (subscription,) = [s for s in session._by_sid.values() if s.channel == commands.BOOKS]
        session._audience.leave(subscription)
        del session._by_sid[subscription.sid], session._by_channel[commands.BOOKS]
        session._send(frames.encode_error(25, sid=subscription.sid))

    monkeypatch.setattr(FeedSession, "_send_snapshots", end_it)
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: same_books(simulated), within_s=2)
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0


async def test_one_snapshot_that_is_missing_at_the_start_holds_no_repair_up(
    tmp_path, autojump_clock, monkeypatch
):
    gone, known = TICKERS[0], FeedSession._market
    monkeypatch.setattr(
        FeedSession, "_market", lambda self, t: None if t == gone else known(self, t)
    )
    async with simulated_daemon(
        tmp_path, ready=False, market_data__audit_interval_s=0
    ) as simulated:
        data = simulated.view.market_data
        await simulated.wait_until(lambda: data.usable_books() == len(TICKERS) - 1, within_s=2)
        skip_a_frame(simulated)
        change_book(simulated, TICKERS[1])
        await simulated.wait_until(lambda: data.usable_books() == 0, within_s=0.1)
        await simulated.wait_until(lambda: data.usable_books() == len(TICKERS) - 1, within_s=1)
        assert simulated.view.quality(TICKERS[1], data.last_message_at).silence_ns is not None
