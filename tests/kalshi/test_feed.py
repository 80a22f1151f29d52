"""The feed against a scripted Kalshi: subscriptions, events, and every way in which an answer can be missing."""

import gc
import json
import random
import weakref

import pytest
import trio

from tests.core import recording
from tests.runtime.tls import tls_contexts
from traderd.core.market_data import MarketData
from traderd.errors import AuthenticationRefused, ExchangeRefused, ExchangeUnavailable
from traderd.kalshi.auth import verify_signature
from traderd.kalshi.feed import STRAGGLERS_S, open_feed
from traderd.kalshi.wire import commands, frames
from traderd.kalshi.wire.command_reader import decode_command
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.kalshi.wire.feed import OkBody
from traderd.model.events import (
    BookDelta,
    BookSnapshot,
    FeedName,
    FrameRefused,
    SequenceAdvanced,
    SubscriptionEnded,
)
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Price, Timestamp
from traderd.runtime.env import secure
from traderd.runtime.forwarding_stream import ForwardingStream

A, B = MarketTicker("KX-26.5-A"), MarketTicker("KX-26.5-B")


def snapshot(seq, ticker=A, *, command_id=0, sid=1):
    body = frames.snapshot_body(
        ticker=ticker,
        market_id="m",
        bids=[(Price(4700), Count(300))],
        asks=[(Price(5200), Count(500))],
        use_yes_price=True,
    )
    return frames.data_message("orderbook_snapshot", body, 1).addressed(sid, seq, command_id)


def delta(seq):
    body = frames.delta_body(
        ticker=A,
        market_id="m",
        side=Side.ASK,
        price=Price(5200),
        change=Count(-100),
        at=Timestamp(1),
        use_yes_price=True,
    )
    return frames.data_message("orderbook_delta", body, 1).addressed(1, seq)


class Kalshi:
    """Answers commands with the frames that `answers` gives for them, and keeps what was asked."""

    def __init__(self, feed_exchange, answers):
        self.answers = answers
        self.asked = []
        feed_exchange.script = self.run

    async def run(self, socket):
        while True:
            command = decode_command(await socket.get_message())
            self.asked.append(command)
            for raw in self.answers(command):
                if isinstance(raw, float):
                    await trio.sleep(raw)
                else:
                    await socket.send_message(raw.decode())


class Trader:
    def __init__(self, feed_exchange, answers=lambda command: []):
        self.events = []
        self.batches = []
        self.exchange = feed_exchange
        self.kalshi = Kalshi(feed_exchange, answers)

    def take(self, batch):
        self.batches.append(batch)
        self.events += batch

    def open(self, **options):
        arguments = {
            "env": self.exchange.env,
            "url": self.exchange.url,
            "signer": self.exchange.signer,
            "feed": FeedName.MARKET_DATA,
            "connection": 7,
            "on_events": self.take,
        }
        return open_feed(**arguments | options)


def subscribed(command):
    return [
        frames.encode_subscribed(command_id=command.id, channel=channel, sid=sid)
        for sid, channel in enumerate(command.channels, 1)
    ]


async def test_the_handshake_is_signed_over_the_websocket_path(feed_exchange, autojump_clock):
    async with Trader(feed_exchange).open(clock_offset_ms=lambda: 1_500):
        pass
    (headers,) = feed_exchange.headers
    assert headers["kalshi-access-key"] == "key-1"
    assert headers["kalshi-access-timestamp"] == "1794724171500"
    assert verify_signature(
        feed_exchange.public_key,
        headers["kalshi-access-signature"],
        "1794724171500GET/trade-api/ws/v2",
    )


async def test_a_subscription_gives_one_id_per_channel_and_then_events(
    feed_exchange, autojump_clock
):
    def answers(command):
        return [*subscribed(command), snapshot(1), delta(2)]

    trader = Trader(feed_exchange, answers)
    async with trader.open() as feed:
        assert await feed.subscribe(["orderbook_delta", "trade"], [A]) == {
            "orderbook_delta": 1,
            "trade": 2,
        }
        await trio.sleep(1)
        statistics = feed.statistics()
    assert trader.kalshi.asked == [
        commands.Subscribe(
            id=1, channels=("orderbook_delta", "trade"), tickers=(A,), use_yes_price=True
        )
    ]
    assert [type(event) for event in trader.events] == [BookSnapshot, BookDelta]
    book, change = trader.events
    assert (book.subscription, book.asks, change.price) == ("7:1", ((5200, 500),), 5200)
    assert book.at >= 1_794_724_170_000_000_000
    assert (statistics.frames, statistics.events, statistics.refused, statistics.connection) == (
        4,
        2,
        0,
        7,
    )
    assert statistics.connected_since == 1_794_724_170_000_000_000
    assert statistics.silent_s == pytest.approx(1)


async def test_what_one_read_brings_is_one_batch(feed_exchange, autojump_clock):
    async def script(socket):
        command = decode_command(await socket.get_message())
        server_frames = b"".join(
            bytes([0x81, 126]) + len(raw).to_bytes(2, "big") + raw
            for raw in [*(delta(seq) for seq in range(1, 101))]
        )
        await socket.send_message(subscribed(command)[0].decode())
        await socket._stream.send_all(server_frames)
        await socket.get_message()

    trader = Trader(feed_exchange)
    feed_exchange.script = script
    async with trader.open() as feed:
        await feed.subscribe(["orderbook_delta"], [A])
        await trio.sleep(1)
    assert [event.seq for event in trader.events] == list(range(1, 101))
    assert len(trader.batches) == 1


async def test_markets_are_added_deleted_and_subscriptions_ended(feed_exchange, autojump_clock):
    def answers(command):
        match command:
            case commands.Unsubscribe():
                return [
                    frames.encode_unsubscribed(command_id=command.id, sid=sid, seq=9)
                    for sid in command.sids
                ]
            case _:
                covered = OkBody(market_tickers=[A])
                return [frames.encode_ok(command_id=command.id, sid=1, seq=5, body=covered)]

    trader = Trader(feed_exchange, answers)
    async with trader.open() as feed:
        await feed.add_markets(1, [B])
        await feed.delete_markets(1, [A])
        await feed.unsubscribe([1, 2])
    assert trader.kalshi.asked == [
        commands.UpdateSubscription(id=1, sid=1, action="add_markets", tickers=(B,)),
        commands.UpdateSubscription(id=2, sid=1, action="delete_markets", tickers=(A,)),
        commands.Unsubscribe(id=3, sids=(1, 2)),
    ]
    assert [event.seq for event in trader.events] == [5, 5, 9, 9]
    assert {type(event) for event in trader.events} == {SequenceAdvanced}


async def test_the_subscriptions_that_the_exchange_has_can_be_asked_for(
    feed_exchange, autojump_clock
):
    def answers(command):
        if isinstance(command, commands.ListSubscriptions):
            pairs = [("orderbook_delta", 1), ("trade", 5)]
            return [frames.encode_subscription_list(command_id=command.id, subscriptions=pairs)]
        return subscribed(command)

    trader = Trader(feed_exchange, answers)
    async with trader.open() as feed:
        await feed.subscribe(["orderbook_delta", "trade"], [A])
        assert await feed.list_subscriptions() == {"orderbook_delta": 1, "trade": 5}


@pytest.fixture(params=["ws", "wss"])
def any_exchange(request, feed_exchange, tmp_path):
    """Return the exchange in plain text, and again behind TLS as `RealEnv` makes it."""
    if request.param == "ws":
        return feed_exchange
    host, env = "feed.test", feed_exchange.env
    server_context, client_context = tls_contexts(tmp_path, host)
    connect = env.connect

    async def serve(stream):
        await feed_exchange.serve(trio.SSLStream(stream, server_context, server_side=True))

    async def connect_secure(host, port, *, tls):
        assert tls
        return await secure(await connect(host, port, tls=tls), client_context, host)

    env.servers[host, 443] = serve
    env.connect = connect_secure
    feed_exchange.url = feed_exchange.url.replace("ws:", "wss:")
    return feed_exchange


@pytest.mark.parametrize("ingest", ["tap", "plain"])
async def test_what_is_read_while_more_waits_is_a_backlog_until_the_line_runs_dry(
    any_exchange, autojump_clock, ingest
):
    more = trio.Event()

    async def script(socket):
        command = decode_command(await socket.get_message())
        await socket.send_message(subscribed(command)[0].decode())
        raw = delta(2)
        frame = bytes([0x81, 126]) + len(raw).to_bytes(2, "big") + raw
        await socket._stream.send_all(frame * (200_000 // len(frame)))
        await more.wait()
        await socket._stream.send_all(frame)
        await socket.get_message()

    seen = []

    class Watching(Trader):
        def take(self, batch):
            super().take(batch)
            seen.append(feed.statistics().backlog_bytes)

    trader = Watching(any_exchange)
    any_exchange.script = script
    async with trader.open(ingest=ingest) as feed:
        await feed.subscribe(["orderbook_delta"], [A])
        await trio.sleep(1)
        assert max(seen) >= 2 * 65_536
        more.set()
        await trio.sleep(1)
        assert feed.statistics().backlog_bytes == 0


async def test_a_ping_that_finds_the_line_dry_ends_a_backlog(feed_exchange, autojump_clock):
    ping = trio.Event()

    async def script(socket):
        command = decode_command(await socket.get_message())
        await socket.send_message(subscribed(command)[0].decode())
        await trio.sleep(0.5)
        # As much as one read takes, to the byte: whether more is behind it only the next read tells.
        frame = bytes([0x81, 126]) + (4_092).to_bytes(2, "big") + delta(2).ljust(4_092)
        await socket._stream.send_all(frame * 16)
        await ping.wait()
        await socket.ping(b"x")
        await socket.get_message()

    trader = Trader(feed_exchange)
    feed_exchange.script = script
    async with trader.open() as feed:
        await feed.subscribe(["orderbook_delta"], [A])
        await trio.sleep(1)
        assert (feed.statistics().backlog_bytes, feed.statistics().behind_s) == (65_536, 0.5)
        ping.set()
        await trio.sleep(1)
        assert (feed.statistics().backlog_bytes, feed.statistics().behind_s) == (0, 0.0)


async def test_a_line_is_behind_from_the_first_read_that_left_something_until_it_is_dry(
    feed_exchange, autojump_clock
):
    raw = delta(2)
    frame = bytes([0x81, 126]) + len(raw).to_bytes(2, "big") + raw
    connect = feed_exchange.env.connect

    class Slow(ForwardingStream):
        """Each read takes a second, as if so much had to be done in between."""

        async def receive_some(self, max_bytes=None):
            data = await self._inner.receive_some(max_bytes)
            await trio.sleep(len(data) > 1_000)
            return data

    async def connect_slowly(host, port, *, tls):
        return Slow(await connect(host, port, tls=tls))

    async def script(socket):
        command = decode_command(await socket.get_message())
        await socket.send_message(subscribed(command)[0].decode())
        await trio.sleep(0.5)
        await socket._stream.send_all(frame * (300_000 // len(frame)))
        await socket.get_message()

    trader = Trader(feed_exchange)
    feed_exchange.env.connect, feed_exchange.script = connect_slowly, script
    async with trader.open() as feed:
        await feed.subscribe(["orderbook_delta"], [A])
        seen = []
        for _ in range(6):
            await trio.sleep(1)
            seen.append(feed.statistics().behind_s)
    # The four full reads end at 1.5 to 4.5 s, the one that brings the rest a second later.
    assert seen == [0.0, 0.5, 1.5, 2.5, 3.5, 0.0]


async def test_what_a_connection_remembered_goes_with_it_and_waits_for_no_collector(
    feed_exchange, autojump_clock
):
    trader = Trader(feed_exchange, lambda command: [*subscribed(command), snapshot(1), delta(2)])
    gc.disable()
    try:
        async with trader.open() as feed:
            await feed.subscribe(["orderbook_delta"], [A])
            await trio.sleep(1)
            watched = weakref.ref(feed._decoder)
        del feed
        await trio.sleep(1)
        assert watched() is None
    finally:
        gc.enable()


async def test_requested_snapshots_are_marked_as_answers(feed_exchange, autojump_clock):
    def answers(command):
        return [
            snapshot(seq, ticker, command_id=command.id)
            for seq, ticker in enumerate(command.tickers, 1)
        ]

    trader = Trader(feed_exchange, answers)
    async with trader.open() as feed:
        assert await feed.request_snapshot(1, [A, B]) == (A, B)
    assert [event.in_answer for event in trader.events] == [True, True]


async def test_a_market_that_is_gone_does_not_cost_the_connection(feed_exchange, autojump_clock):
    trader = Trader(feed_exchange, lambda command: [snapshot(1, A, command_id=command.id)])
    async with trader.open() as feed:
        assert await feed.request_snapshot(1, [A, B]) == (A,)
        assert await feed.request_snapshot(1, [A]) == (A,)


async def test_snapshots_that_nobody_sends_on_a_silent_line_do(feed_exchange, autojump_clock):
    trader = Trader(feed_exchange)
    async with trader.open() as feed:
        with pytest.raises(ExchangeUnavailable, match="no answer to list_subscriptions"):
            await feed.request_snapshot(1, [A])


async def test_silence_about_a_market_does_not_cost_a_connection_that_answers(
    feed_exchange, autojump_clock
):
    def answers(command):
        if isinstance(command, commands.ListSubscriptions):
            return [
                frames.encode_subscription_list(
                    command_id=command.id, subscriptions=[("orderbook_delta", 1)]
                )
            ]
        return []

    trader = Trader(feed_exchange, answers)
    async with trader.open() as feed:
        assert await feed.request_snapshot(1, [A]) == ()


async def test_the_wait_for_the_last_snapshots_is_short(feed_exchange, autojump_clock):
    trader = Trader(feed_exchange, lambda command: [snapshot(1, A, command_id=command.id)])
    async with trader.open() as feed:
        began = trio.current_time()
        assert await feed.request_snapshot(1, [A, B]) == (A,)
        assert trio.current_time() - began <= 2 * STRAGGLERS_S


async def test_a_command_without_an_answer_loses_the_connection(feed_exchange, autojump_clock):
    trader = Trader(feed_exchange)
    async with trader.open() as feed:
        started = trio.current_time()
        lost = r"market_data feed is lost: no answer to subscribe \(command 1\) within 5 s"
        with pytest.raises(ExchangeUnavailable, match=lost):
            await feed.subscribe(["trade"])
        assert trio.current_time() - started == pytest.approx(5)
        assert await feed.wait_lost() == "no answer to subscribe (command 1) within 5 s"
        with pytest.raises(ExchangeUnavailable, match="is lost"):
            await feed.add_markets(1, [A])


async def test_half_of_the_answers_is_no_answer(feed_exchange, autojump_clock):
    trader = Trader(feed_exchange, lambda command: subscribed(command)[:1])
    async with trader.open() as feed:
        with pytest.raises(ExchangeUnavailable):
            await feed.subscribe(["trade", "fill"])


async def test_a_refused_command_is_told_and_leaves_the_connection_in_use(
    feed_exchange, autojump_clock
):
    def answers(command):
        if command.channels == ("trade",):
            return [frames.encode_error(8, command_id=command.id)]
        return subscribed(command)

    trader = Trader(feed_exchange, answers)
    async with trader.open() as feed:
        with pytest.raises(ExchangeRefused, match="Unknown channel name") as caught:
            await feed.subscribe(["trade"])
        assert caught.value.code == "feed_error_8"
        assert await feed.subscribe(["fill"]) == {"fill": 1}


@pytest.mark.parametrize("code", [10, 25])
async def test_a_dead_subscription_loses_the_connection(feed_exchange, autojump_clock, code):
    trader = Trader(
        feed_exchange,
        lambda command: [*subscribed(command), frames.encode_error(code, sid=1, seq=1)],
    )
    async with trader.open() as feed:
        await feed.subscribe(["trade"])
        assert f"error {code} on subscription 1" in await feed.wait_lost()
        assert feed.statistics().overflows == (code == 25)
    assert FrameRefused in {type(event) for event in trader.events}


@pytest.mark.parametrize("code", [10, 25])
async def test_a_dead_subscription_that_somebody_tends_costs_only_itself(
    feed_exchange, autojump_clock, code
):
    def answers(command):
        return [*subscribed(command), frames.encode_error(code, sid=1), delta(1)]

    trader = Trader(feed_exchange, answers)
    async with trader.open() as feed:
        feed.tend()
        await feed.subscribe(["orderbook_delta", "trade"], [A])
        await trio.sleep(1)
        ended = [event for event in trader.events if isinstance(event, SubscriptionEnded)]
        # The first came in one read with the answer by which we learned its id.
        (only,) = ended
        assert only.subscription == "7:1"
        assert only.reason.startswith(f"error {code} on subscription 1: ")
        assert feed.statistics().overflows == (code == 25)
        # The connection still works.
        assert await feed.subscribe(["trade"]) == {"trade": 1}


async def test_a_terminal_error_that_names_no_subscription_loses_the_connection(
    feed_exchange, autojump_clock
):
    trader = Trader(feed_exchange, lambda command: [*subscribed(command), frames.encode_error(25)])
    async with trader.open() as feed:
        feed.tend()
        await feed.subscribe(["trade"])
        assert "error 25" in await feed.wait_lost()


async def test_an_error_without_a_command_is_reported_and_survived(feed_exchange, autojump_clock):
    trader = Trader(feed_exchange, lambda command: [frames.encode_error(27), *subscribed(command)])
    async with trader.open() as feed:
        await feed.subscribe(["trade"])
        (event,) = trader.events
        assert (event.kind, event.reason) == ("error", "error 27: Too many requests")


async def test_a_frame_that_makes_no_sense_is_reported_and_survived(feed_exchange, autojump_clock):
    trader = Trader(
        feed_exchange, lambda command: [b"nonsense", b'{"type":"novel"}', *subscribed(command)]
    )
    async with trader.open() as feed:
        await feed.subscribe(["trade"])
        assert [event.kind for event in trader.events] == ["unreadable", "novel"]
        assert feed.statistics().refused == 2


async def test_a_lost_connection_wakes_whoever_waits_for_an_answer(feed_exchange, autojump_clock):
    async def script(socket):
        await socket.get_message()
        await socket.aclose(1001, "maintenance")

    trader = Trader(feed_exchange)
    feed_exchange.script = script
    async with trader.open() as feed:
        started = trio.current_time()
        with pytest.raises(ExchangeUnavailable, match="maintenance"):
            await feed.subscribe(["trade"])
        assert trio.current_time() == started


async def test_a_cancelled_command_leaves_the_connection_in_use(feed_exchange, autojump_clock):
    def answers(command):
        return (
            [2.0, *subscribed(command)] if command.channels == ("trade",) else subscribed(command)
        )

    trader = Trader(feed_exchange, answers)
    async with trader.open() as feed:
        with trio.move_on_after(1) as scope:
            await feed.subscribe(["trade"])
        assert scope.cancelled_caught
        assert await feed.subscribe(["fill"]) == {"fill": 1}


async def test_a_refused_key_is_told_bare(feed_exchange, autojump_clock):
    feed_exchange.reject = (
        401,
        b'{"error":{"code":"authentication_error","message":"x","details":"NOT_FOUND"}}',
    )
    with pytest.raises(AuthenticationRefused, match="NOT_FOUND"):
        async with Trader(feed_exchange).open():
            raise AssertionError("the feed must not open")


async def test_a_defect_in_the_taker_of_events_is_not_swallowed(feed_exchange, autojump_clock):
    def defect(events):
        raise ZeroDivisionError

    trader = Trader(feed_exchange, lambda command: [*subscribed(command), snapshot(1)])
    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        async with trader.open(on_events=defect) as feed:
            await feed.subscribe(["orderbook_delta"], [A])
            await trio.sleep_forever()


class InPieces(trio.abc.Stream):
    """Gives what the inner stream gives in pieces of random size."""

    def __init__(self, inner, seed):
        self.inner, self.rng = inner, random.Random(seed)

    async def receive_some(self, max_bytes=None):
        return await self.inner.receive_some(self.rng.choice([1, 2, 3, 11, 500, 20_000, 65_536]))

    async def send_all(self, data):
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self):
        await self.inner.wait_send_all_might_not_block()

    async def aclose(self):
        await self.inner.aclose()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ingest", ["tap", "plain"])
async def test_a_recorded_session_gives_true_books_at_every_number_by_both_paths(
    feed_exchange, autojump_clock, monkeypatch, ingest, seed
):
    connect, data, seen, batches = feed_exchange.env.connect, MarketData(), [], []
    go = trio.Event()
    folds = {
        BookSnapshot: data.apply_snapshot,
        BookDelta: data.apply_delta,
        SequenceAdvanced: data.advance_sequence,
    }

    async def connect_in_pieces(host, port, *, tls):
        return InPieces(await connect(host, port, tls=tls), seed)

    async def play(socket):
        rng = random.Random(seed)
        await go.wait()
        for frame in recording.frames():
            await socket.send_message(json.dumps(frame))
            if rng.random() < 0.1:
                await socket.ping(b"heartbeat")
        await socket.get_message()

    def fold(events):
        batches.append(len(events))
        for event in events:
            folds[type(event)](event)
            seen.append(event.seq)
            ticker = getattr(event, "ticker", None)
            if ticker is not None:
                book = data.books[ticker]
                assert recording.levels_of(book) == recording.in_units(event.seq, ticker)

    monkeypatch.setattr(feed_exchange.env, "connect", connect_in_pieces)
    trader = Trader(feed_exchange)
    feed_exchange.script = play
    async with trader.open(on_events=fold, ingest=ingest) as feed:
        # This session was recorded with the NO side in NO prices.
        feed._decoder = FrameDecoder(7, FeedName.MARKET_DATA, use_yes_price=False)
        go.set()
        await trio.sleep(5)
    assert seen == list(range(1, len(recording.frames()) + 1))
    last = recording.truth()[-1]
    books = data.books
    assert sorted(books) == sorted(last)
    assert {t: recording.levels_of(book) for t, book in books.items()} == {
        t: recording.in_units(len(seen), t) for t in last
    }
    # Plain takes messages one by one, so a batch of several tells which path was taken.
    assert (max(batches) > 1) is (ingest == "tap")
