"""A WebSocket line: it opens or says why not, notices its end, and closes in bounded time."""

import pytest
import trio
import trio.testing
import trio_websocket

from traderd.errors import (
    AuthenticationRefused,
    ExchangeProtocolError,
    ExchangeRefused,
    ExchangeUnavailable,
)
from traderd.kalshi import line as line_module
from traderd.kalshi.line import CLOSE_BUDGET_S, HANDSHAKE_DEADLINE_S, open_line


class Client:
    """Opens lines and keeps what they brought."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.batches = []
        self.losses = 0

    def open(self, **options):
        def on_messages(line, messages):
            self.batches.append(messages)

        def on_lost():
            self.losses += 1

        arguments = {
            "env": self.exchange.env,
            "url": self.exchange.url,
            "headers": {"KALSHI-ACCESS-KEY": "k"},
            "on_messages": on_messages,
            "on_lost": on_lost,
        }
        return open_line(**arguments | options)

    async def fail(self):
        async with self.open():
            raise AssertionError("the line must not open")


@pytest.fixture
def client(feed_exchange):
    return Client(feed_exchange)


async def idle(socket):
    await socket.get_message()


async def test_messages_arrive_and_texts_leave(client, feed_exchange, autojump_clock):
    got = []

    async def script(socket):
        await socket.send_message("one\n")
        got.append(await socket.get_message())
        await socket.send_message("two\n")
        await idle(socket)

    feed_exchange.script = script
    async with client.open() as line:
        line.send_nowait("hello")
        await trio.sleep(1)
        assert line.messages_received == 2
        assert line.lost_reason is None
        assert trio.current_time() - line.heard_at == pytest.approx(1)
    assert (got, client.batches, client.losses) == (["hello"], [[b"one\n"], [b"two\n"]], 1)
    assert feed_exchange.headers[0]["kalshi-access-key"] == "k"
    assert feed_exchange.paths == ["/trade-api/ws/v2"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthenticationRefused),
        (403, AuthenticationRefused),
        (404, ExchangeRefused),
        (503, ExchangeUnavailable),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b'{"error":{"code":"authentication_error","message":"NOT_FOUND"}}']
)
async def test_a_rejected_handshake_is_told_bare_and_in_words(
    client, feed_exchange, autojump_clock, status, kind, body
):
    feed_exchange.reject = (status, body)
    with pytest.raises(kind, match=str(status)) as caught:
        await client.fail()
    assert type(caught.value) is kind
    assert ("NOT_FOUND" in str(caught.value)) is bool(body)


async def test_a_refused_key_names_a_wrong_clock(client, feed_exchange, autojump_clock):
    feed_exchange.reject = (401, b"")
    with pytest.raises(AuthenticationRefused, match=r"clock is 5\.0 s behind"):
        async with client.open(skew_ms=5_000):
            raise AssertionError("the line must not open")


async def test_a_refused_connection_is_unavailability(client, feed_exchange, autojump_clock):
    feed_exchange.env.servers.clear()
    with pytest.raises(ExchangeUnavailable, match="Connection refused"):
        await client.fail()


async def test_a_connection_that_takes_too_long_is_unavailability(
    client, feed_exchange, autojump_clock
):
    async def never(host, port, *, tls):
        await trio.sleep_forever()

    feed_exchange.env.connect = never
    with pytest.raises(ExchangeUnavailable, match="too long"):
        await client.fail()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://feed.test/x", ("feed.test", 80, False)),
        ("ws://127.0.0.1:8123/x", ("127.0.0.1", 8123, False)),
        ("wss://feed.test/x", ("feed.test", 443, True)),
    ],
)
async def test_the_url_decides_port_and_tls(client, feed_exchange, autojump_clock, url, address):
    feed_exchange.env.servers.clear()
    with pytest.raises(ExchangeUnavailable):
        async with client.open(url=url):
            raise AssertionError("the line must not open")
    assert feed_exchange.env.connected == [address]


async def silent(stream):
    await trio.sleep_forever()


async def hang_up(stream):
    await stream.receive_some()
    await stream.aclose()


async def babble(stream):
    await stream.receive_some()
    await stream.send_all(b"220 smtp.test ESMTP\r\n\r\n")
    await trio.sleep(1)
    await stream.aclose()


async def not_a_websocket(stream):
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    await stream.aclose()


async def wrong_accept(stream):
    await stream.receive_some()
    await stream.send_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: wrong\r\n\r\n"
    )
    await stream.aclose()


@pytest.mark.parametrize("server", [silent, hang_up, babble, wrong_accept])
async def test_a_peer_that_is_no_websocket_server_is_unavailability_in_bounded_time(
    client, feed_exchange, autojump_clock, server
):
    feed_exchange.env.servers["feed.test", 80] = server
    started = trio.current_time()
    with pytest.raises(ExchangeUnavailable) as caught:
        await client.fail()
    assert type(caught.value) is ExchangeUnavailable
    assert trio.current_time() - started <= HANDSHAKE_DEADLINE_S + CLOSE_BUDGET_S


async def test_a_plain_page_is_a_protocol_error(client, feed_exchange, autojump_clock):
    feed_exchange.env.servers["feed.test", 80] = not_a_websocket
    with pytest.raises(ExchangeProtocolError, match="HTTP 200 instead of a WebSocket"):
        await client.fail()


async def test_the_servers_close_is_the_reason(client, feed_exchange, autojump_clock):
    async def script(socket):
        await socket.send_message("last")
        await socket.aclose(1001, "maintenance")

    feed_exchange.script = script
    async with client.open() as line:
        assert (
            await line.wait_lost()
            == "the connection was closed with code 1001 GOING_AWAY: maintenance"
        )
    assert client.batches == [[b"last"]]
    assert client.losses == 1


async def test_a_vanished_server_is_noticed(client, feed_exchange, autojump_clock):
    async def script(socket):
        await trio.aclose_forcefully(socket._stream)

    feed_exchange.script = script
    async with client.open() as line:
        assert "1006" in await line.wait_lost()


async def test_a_silent_server_is_asked_and_then_lost(client, feed_exchange, autojump_clock):
    quiet = trio.Event()

    async def deaf(stream):
        # Shakes hands as a real server, then neither reads nor sends: a half-open connection.
        ours, theirs = trio.testing.memory_stream_pair()
        feed_exchange.env.nursery.start_soon(feed_exchange.serve, theirs)
        await ours.send_all(await stream.receive_some())
        await stream.send_all(await ours.receive_some())
        await quiet.wait()

    feed_exchange.script = idle
    feed_exchange.env.servers["feed.test", 80] = deaf
    started = trio.current_time()
    async with client.open() as line:
        assert await line.wait_lost() == "silent for 20 s, our own ping included"
        assert trio.current_time() - started == pytest.approx(20)
    assert trio.current_time() - started <= 20 + CLOSE_BUDGET_S + 0.1
    quiet.set()


async def test_a_quiet_server_that_answers_pings_is_alive(client, feed_exchange, autojump_clock):
    feed_exchange.script = idle
    async with client.open() as line:
        await trio.sleep(3600)
        assert line.lost_reason is None


async def test_a_servers_pings_are_answered_and_count_as_life(
    client, feed_exchange, autojump_clock
):
    pongs = []

    async def script(socket):
        for _ in range(5):
            await socket.ping(b"heartbeat")
            pongs.append(trio.current_time())
            await trio.sleep(10)
        await idle(socket)

    feed_exchange.script = script
    async with client.open() as line:
        await trio.sleep(45)
        assert trio.current_time() - line.heard_at == pytest.approx(5)
    assert len(pongs) == 5


async def test_a_send_that_never_ends_loses_the_line(client, feed_exchange, autojump_clock):
    feed_exchange.script = idle
    async with client.open() as line:
        stuck = trio.Event()

        async def never(data):
            await stuck.wait()

        line._tap._inner.send_stream.send_all = never
        line.send_nowait("x")
        assert await line.wait_lost() == "a send took longer than 5 s"
        line.send_nowait("after the loss nothing is queued")


async def test_a_full_queue_loses_the_line(client, feed_exchange, autojump_clock, monkeypatch):
    monkeypatch.setattr(line_module, "TEXTS_WAITING_MAX", 2)
    feed_exchange.script = idle
    async with client.open() as line:
        for _ in range(4):
            line.send_nowait("x")
        assert await line.wait_lost() == "2 messages wait to be sent"


async def test_nothing_is_delivered_after_the_loss_and_the_first_reason_stays(
    client, feed_exchange, autojump_clock
):
    async def script(socket):
        await socket.send_message("before")
        await trio.sleep(1)
        await socket.send_message("after")
        await idle(socket)

    feed_exchange.script = script
    async with client.open() as line:
        await trio.sleep(0.5)
        line.lose("first")
        line.lose("second")
        await trio.sleep(5)
        assert await line.wait_lost() == "first"
    assert (client.batches, client.losses) == ([[b"before"]], 1)


async def test_an_error_of_the_body_passes_through_as_it_is(client, feed_exchange, autojump_clock):
    feed_exchange.script = idle
    with pytest.raises(KeyError, match="body"):
        async with client.open():
            raise KeyError("body")


async def test_an_error_of_a_callback_arrives_in_a_group(client, feed_exchange, autojump_clock):
    async def script(socket):
        await socket.send_message("x")
        await idle(socket)

    def defect(line, messages):
        raise ZeroDivisionError

    feed_exchange.script = script
    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        async with client.open(on_messages=defect):
            await trio.sleep_forever()


async def test_cancelling_closes_within_the_budget(client, feed_exchange, autojump_clock):
    async def stubborn(socket):
        await trio.sleep_forever()

    feed_exchange.script = stubborn
    started = trio.current_time()
    with trio.move_on_after(2) as scope:
        async with client.open():
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - started <= 2 + CLOSE_BUDGET_S


async def test_cancelling_beside_a_live_server_closes_at_once(
    client, feed_exchange, autojump_clock
):
    farewells = []

    async def live(socket):
        try:
            await socket.get_message()
        except trio_websocket.ConnectionClosed as exc:
            farewells.append(exc.reason.code)

    feed_exchange.script = live
    started = trio.current_time()
    with trio.move_on_after(2) as scope:
        async with client.open():
            await trio.sleep_forever()
    assert scope.cancelled_caught
    # The reader outlives the cancellation, so it hears the server's answer to our farewell.
    assert trio.current_time() - started == 2
    assert farewells == [1000]


async def test_cancelling_during_the_handshake_is_clean(client, feed_exchange, autojump_clock):
    feed_exchange.env.servers["feed.test", 80] = silent
    with trio.move_on_after(2) as scope:
        await client.fail()
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    "odd", [b"\x81\x85abcdhello", b"\xc1\x01a", b"\x83\x01a", b"\x8f\x00", b"\x80\x01a"]
)
async def test_a_server_that_breaks_the_protocol_later_ends_the_line(
    client, feed_exchange, autojump_clock, odd
):
    async def script(socket):
        await socket._stream.send_all(odd)
        await idle(socket)

    feed_exchange.script = script
    async with client.open() as line:
        assert await line.wait_lost()
    assert client.batches == []


class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope before any task takes the n-th step from now."""

    def __init__(self, scope: trio.CancelScope, steps: int) -> None:
        self._scope, self.left = scope, steps

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self._scope.cancel()


async def test_a_line_that_is_cancelled_at_any_step_of_its_opening_ends(
    client, feed_exchange, autojump_clock
):
    feed_exchange.script = idle
    for steps in range(1, 200):
        with trio.fail_after(HANDSHAKE_DEADLINE_S), trio.CancelScope() as scope:
            cancelling = CancelAtStep(scope, steps)
            trio.lowlevel.add_instrument(cancelling)
            try:
                async with client.open():
                    await trio.lowlevel.checkpoint()
                    await trio.lowlevel.checkpoint()
            finally:
                trio.lowlevel.remove_instrument(cancelling)
        if cancelling.left > 0:
            break
    assert 20 < steps < 199
