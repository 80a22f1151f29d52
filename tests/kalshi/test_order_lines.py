"""Connections for writes: what may be said after each way they can fail, and when one is used again."""

import contextlib
import random

import h11
import httpx
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kalshi.conftest import watch_connects
from tests.kalshi.test_transport import tls_contexts
from traderd.kalshi.errors import NOTHING_SENT, NothingWritten
from traderd.kalshi.order_lines import (
    ANSWER_BYTES_MAX,
    HEAD_BYTES_MAX,
    IDLE_AGE_S_MAX,
    KEEP_WARM_AFTER_S,
    OrderLines,
)
from traderd.runtime.env import RealEnv

URL = "http://exchange.test/trade-api/v2/portfolio/events/orders"
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


def lines_to(env, *, url=URL, ssl_context=None, ready=2, lines_max=3):
    return OrderLines(
        env,
        httpx.URL(url).copy_with(raw_path=b"/"),
        ssl_context,
        ready=ready,
        lines_max=lines_max,
    )


def order(body=b'{"ticker":"A"}', **more):
    return httpx.Request("POST", more.pop("url", URL), content=body, **more)


async def send(lines, body=b"{}"):
    response = await lines.handle_async_request(order(body))
    return response.status_code, response.content


# --- what goes out and comes in -------------------------------------------------------------------


async def test_orders_follow_each_other_on_one_connection_as_httpx_would_send_them(
    exchange, autojump_clock
):
    exchange.reply(201, {"a": 1})
    exchange.reply(409, {"a": 2}, Retry_After="3")
    lines = lines_to(exchange.env)
    async with httpx.AsyncClient(transport=lines) as http:
        first = await http.post(URL, json={"x": 1})
        second = await http.request("DELETE", f"{URL}/7?market_ticker=A")
    assert (first.status_code, first.json()) == (201, {"a": 1})
    assert (second.status_code, second.headers["Retry-After"]) == (409, "3")
    assert exchange.connections == 1
    posted, deleted = exchange.requests
    assert (posted.method, posted.body) == ("POST", b'{"x":1}')
    assert posted.headers["content-length"] == "7"
    assert "transfer-encoding" not in posted.headers
    assert (deleted.target, deleted.body) == (
        "/trade-api/v2/portfolio/events/orders/7?market_ticker=A",
        b"",
    )
    assert lines.idle == 0


async def test_head_and_body_leave_in_one_piece(env, autojump_clock):
    sent = []

    async def connect(host, port, *, tls):
        out = trio.testing.MemorySendStream(send_all_hook=None)
        back = trio.testing.MemoryReceiveStream()

        async def note():
            sent.append(bytes(out.get_data_nowait()))
            back.put_data(OK)

        out.send_all_hook = note
        return trio.StapledStream(out, back)

    env.connect = connect
    assert await send(lines_to(env), b"body") == (201, b"{}")
    (piece,) = sent
    assert piece.endswith(b"\r\n\r\nbody")


async def test_an_informational_answer_is_passed_over(env, autojump_clock):
    env.servers["exchange.test", 80] = answering(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
    assert await send(lines_to(env)) == (201, b"{}")


# --- nothing was sent -----------------------------------------------------------------------------


async def test_a_refused_connection_means_that_nothing_was_sent(env, autojump_clock):
    """N1."""
    with pytest.raises(httpx.ConnectError, match="Connection refused") as caught:
        await send(lines_to(env))
    assert isinstance(caught.value, NOTHING_SENT)


async def test_a_connection_that_takes_too_long_means_that_nothing_was_sent(env, autojump_clock):
    """N3."""

    async def never(host, port, *, tls):
        await trio.sleep_forever()

    env.connect = never
    with pytest.raises(httpx.ConnectTimeout) as caught:
        await send(lines_to(env))
    assert isinstance(caught.value, NOTHING_SENT)
    assert trio.current_time() == 5


@pytest.mark.parametrize(
    "request_",
    [
        order(headers={"X": "a\r\nInjected: yes"}),
        order(url="http://elsewhere.test/x"),
        order(url="https://exchange.test/x"),
        httpx.Request("PO ST", URL, content=b"{}"),
        httpx.Request("POST", URL, content=iter([b"in", b"parts"])),
    ],
)
async def test_a_request_that_cannot_be_written_is_not_half_sent(
    exchange, autojump_clock, request_
):
    lines = lines_to(exchange.env)
    with pytest.raises(NothingWritten):
        await lines.handle_async_request(request_)
    assert exchange.requests == []
    exchange.reply(201, b"{}")
    assert await send(lines) == (201, b"{}")
    await lines.aclose()


async def test_more_than_the_connections_there_are_is_said_at_once(exchange, autojump_clock):
    for _ in range(3):
        exchange.hang()
    lines = lines_to(exchange.env)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(send, lines)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(httpx.PoolTimeout, match="3 are in use"):
            await send(lines)
        nursery.cancel_scope.cancel()
    exchange.reply(201, b"{}")
    assert await send(lines) == (201, b"{}")


# --- nobody knows ---------------------------------------------------------------------------------


def answering(data, *, then="wait"):
    """A server that reads a request, says `data`, and then waits or ends."""

    async def serve(stream):
        try:
            await stream.receive_some()
            await stream.send_all(data)
            if then == "wait":
                await stream.receive_some()
        except trio.BrokenResourceError:
            pass
        await stream.aclose()

    return serve


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 201 Crea",
        b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"<html>not http</html>\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 201 Created\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
)
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(env, autojump_clock, data):
    """N6, N7."""
    env.servers["exchange.test", 80] = answering(data, then="end")
    lines = lines_to(env)
    with pytest.raises(httpx.RemoteProtocolError) as caught:
        await send(lines)
    assert not isinstance(caught.value, NOTHING_SENT)
    assert lines.idle == 0


async def test_a_head_without_end_is_cut_off(env, autojump_clock):
    env.servers["exchange.test", 80] = answering(
        b"HTTP/1.1 201 Created\r\nX: " + b"x" * 2 * HEAD_BYTES_MAX
    )
    with pytest.raises(httpx.RemoteProtocolError):
        await send(lines_to(env))


async def test_a_body_without_end_is_cut_off(env, autojump_clock):
    head = f"HTTP/1.1 201 Created\r\nContent-Length: {10**9}\r\n\r\n".encode()
    env.servers["exchange.test", 80] = answering(head + b"x" * (ANSWER_BYTES_MAX + 1))
    with pytest.raises(httpx.RemoteProtocolError, match="bytes of answer"):
        await send(lines_to(env))


async def test_a_broken_pipe_is_a_write_error_and_not_a_promise_that_nothing_left(
    env, autojump_clock
):
    async def broken(host, port, *, tls):
        ours, theirs = trio.testing.memory_stream_pair()
        await theirs.aclose()
        return ours

    env.connect = broken
    with pytest.raises((httpx.WriteError, httpx.RemoteProtocolError)) as caught:
        await send(lines_to(env))
    assert not isinstance(caught.value, NOTHING_SENT)


async def test_a_cancelled_order_closes_its_connection_and_the_next_one_gets_another(
    exchange, autojump_clock
):
    exchange.hang()
    lines = lines_to(exchange.env)
    with trio.move_on_after(1) as patience:
        await send(lines)
    assert patience.cancelled_caught
    exchange.reply(201, b"{}")
    assert await send(lines) == (201, b"{}")
    assert exchange.connections == 2


# --- when a connection is used again --------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"x",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.0 201 Created\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_bytes_after_an_answer_or_its_word_that_it_is_the_last_end_the_connection(
    env, autojump_clock, answer
):
    env.servers["exchange.test", 80] = answering(answer)
    lines = lines_to(env)
    assert await send(lines) == (201, b"{}")
    assert lines.idle == 0
    assert await send(lines) == (201, b"{}")
    assert lines.opened == 2


@pytest.mark.parametrize(
    ("idle_s", "connections"), [(IDLE_AGE_S_MAX - 1, 1), (IDLE_AGE_S_MAX + 1, 2)]
)
async def test_a_connection_idle_for_too_long_is_not_used_for_an_order(
    exchange, autojump_clock, idle_s, connections
):
    """N17."""
    exchange.reply(201)
    exchange.reply(201)
    lines = lines_to(exchange.env)
    await send(lines)
    await trio.sleep(idle_s)
    await send(lines)
    assert exchange.connections == connections
    await lines.aclose()


async def test_what_was_checked_out_and_put_back_is_the_next_one_again(exchange, autojump_clock):
    lines = lines_to(exchange.env)
    line = await lines.check_out()
    lines.put_back(line)
    assert await lines.check_out() is line
    lines.put_back(line)
    await lines.aclose()
    assert lines.opened == 1


async def test_connections_are_opened_before_they_are_needed_and_kept_warm(
    exchange, autojump_clock
):
    """N17."""
    for _ in range(100):
        exchange.reply(200, b"{}")
    lines = lines_to(exchange.env)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lines.keep_warm, b"/trade-api/v2/exchange/status")
        await trio.sleep(1)
        assert (lines.idle, lines.opened) == (2, 2)
        await trio.sleep(10 * IDLE_AGE_S_MAX)
        assert (lines.idle, lines.opened, exchange.connections) == (2, 2, 2)
        asked = [(request.method, request.path) for request in exchange.requests]
        assert asked == [("GET", "/trade-api/v2/exchange/status")] * len(asked)
        assert len(asked) <= 2 + 2 * 10 * IDLE_AGE_S_MAX / KEEP_WARM_AFTER_S
        assert await send(lines) == (200, b"{}")
        assert lines.opened == 2
        nursery.cancel_scope.cancel()
    await lines.aclose()


async def test_a_lost_connection_is_replaced_at_once_and_an_absent_exchange_asked_now_and_then(
    exchange, autojump_clock
):
    for _ in range(2):
        exchange.reply(200, b"{}")
    exchange.reset()
    for _ in range(10):
        exchange.reply(200, b"{}")
    lines = lines_to(exchange.env)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lines.keep_warm, b"/x")
        await trio.sleep(1)
        with pytest.raises(httpx.RemoteProtocolError):
            await send(lines)
        await trio.testing.wait_all_tasks_blocked()
        assert (lines.idle, lines.opened) == (2, 3)
        server = exchange.env.servers.pop(("exchange.test", 80))
        await lines.aclose()
        tried = len(exchange.env.connected)
        await trio.sleep(60)
        assert 10 <= len(exchange.env.connected) - tried <= 20
        exchange.env.servers["exchange.test", 80] = server
        await trio.sleep(5)
        assert lines.idle == 2
        nursery.cancel_scope.cancel()
    await lines.aclose()


async def test_a_connection_that_the_server_closed_while_idle_is_noticed_before_the_order():
    """N17: real sockets, because only they can tell; nothing waits for time to pass."""
    env = RealEnv(seed=1)
    listener, port = await env.listen("127.0.0.1", 0)
    opened, answered = watch_connects(env), [trio.Event(), trio.Event()]

    async def answer_once_and_close():
        for is_idle in answered:
            stream = await listener.accept()
            await stream.receive_some()
            await stream.send_all(OK)
            await is_idle.wait()
            await stream.aclose()

    async with trio.open_nursery() as nursery, listener:
        nursery.start_soon(answer_once_and_close)
        url = f"http://127.0.0.1:{port}/x"
        lines = lines_to(env, url=url)
        for is_idle in answered:
            response = await lines.handle_async_request(order(url=url))
            assert response.status_code == 201
            is_idle.set()
            await trio.lowlevel.wait_readable(opened[-1].socket)  # until the end is there
        assert lines.opened == 2
        await lines.aclose()


async def test_a_warm_tls_connection_is_not_taken_for_dead_by_what_servers_say_after_a_handshake(
    tmp_path,
):
    env = RealEnv(seed=1)
    listener, port = await env.listen("127.0.0.1", 0)
    server, client = tls_contexts(tmp_path, server_name="localhost")
    warmed = trio.Event()

    async def serve(stream):
        secure = trio.SSLStream(stream, server, server_side=True, https_compatible=True)
        while await secure.receive_some():
            await secure.send_all(OK)
            warmed.set()
        await secure.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        url = f"https://localhost:{port}/x"
        lines = lines_to(env, url=url, ssl_context=client, ready=1)
        nursery.start_soon(lines.keep_warm, b"/x")
        await warmed.wait()
        while not lines.idle:
            await trio.lowlevel.checkpoint()
        for _ in range(3):
            response = await lines.handle_async_request(order(url=url))
            assert response.status_code == 201
        assert lines.opened == 1
        nursery.cancel_scope.cancel()
    await lines.aclose()


async def test_a_certificate_of_another_name_is_refused_before_anything_is_sent(
    exchange, tmp_path, autojump_clock
):
    """N4."""
    server, client = tls_contexts(tmp_path, server_name="other.test")

    async def serve(stream):
        await exchange.serve(
            trio.SSLStream(stream, server, server_side=True, https_compatible=True)
        )

    url = "https://secure.test/x"
    exchange.env.servers["secure.test", 443] = serve
    with pytest.raises(httpx.ConnectError, match="certificate") as caught:
        await lines_to(exchange.env, url=url, ssl_context=client).handle_async_request(
            order(url=url)
        )
    assert isinstance(caught.value, NOTHING_SENT)
    assert exchange.requests == []


# --- properties -----------------------------------------------------------------------------------


def h11_answer(status, headers, body, *, chunked):
    """The bytes of an answer as h11's server writes it, after a request that it has read."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    server.next_event(), server.next_event()
    body = b"" if status in (204, 304) else body
    framing = (
        [("Transfer-Encoding", "chunked")] if chunked else [("Content-Length", str(len(body)))]
    )
    data = server.send(h11.Response(status_code=status, headers=[*headers, *framing]))
    for start in range(0, len(body), 7):
        data += server.send(h11.Data(data=body[start : start + 7]))
    return data + server.send(h11.EndOfMessage())


answers = st.builds(
    h11_answer,
    st.integers(200, 599),
    st.lists(
        st.tuples(
            st.sampled_from(["X-A", "Date", "Retry-After"]),
            st.text("abc123 ,", min_size=1, max_size=20).map(str.strip),
        ),
        max_size=4,
    ),
    st.binary(max_size=200),
    chunked=st.booleans(),
)


class CutEnv:
    """Connections that hand over an answer in random pieces, and end or break off after so many bytes."""

    def __init__(self, data, seed, limit, *, breaks):
        self.data, self.rng, self.limit, self.breaks = (
            data[:limit],
            random.Random(seed),
            limit,
            breaks,
        )

    async def connect(self, host, port, *, tls):
        return trio.StapledStream(trio.testing.MemorySendStream(), self.receiver())

    def receiver(self):
        env = self

        class Pieces(trio.abc.ReceiveStream):
            left = env.data

            async def receive_some(self, max_bytes=None):
                await trio.lowlevel.checkpoint()
                if not self.left and env.breaks:
                    raise trio.BrokenResourceError
                size = env.rng.randint(1, 1 + len(self.left))
                piece, self.left = self.left[:size], self.left[size:]
                return piece

            async def aclose(self):
                await trio.lowlevel.checkpoint()

        return Pieces()


@settings(max_examples=300, deadline=None)
@given(answer=answers, seed=st.integers(0, 2**32), lost=st.integers(0, 400), breaks=st.booleans())
def test_an_answer_cut_anywhere_is_whole_or_unknown_and_never_wrong(answer, seed, lost, breaks):
    """N6, N7, N8."""
    env = CutEnv(answer, seed, max(0, len(answer) - lost), breaks=breaks)

    async def ask():
        lines = lines_to(env)
        try:
            response = await lines.handle_async_request(order())
        finally:
            await lines.aclose()
        return response

    reference = h11.Connection(h11.CLIENT)
    reference.send(h11.Request(method="POST", target="/", headers=[("Host", "a")]))
    reference.send(h11.EndOfMessage())
    reference.receive_data(answer)
    head, body = reference.next_event(), b""
    while isinstance(event := reference.next_event(), h11.Data):
        body += bytes(event.data)
    if lost:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            trio.run(ask)
        return
    response = trio.run(ask)
    assert (response.status_code, response.content) == (head.status_code, body)
    framing = (b"content-length", b"transfer-encoding")
    told = [(k.lower(), v) for k, v in response.headers.raw if k.lower() not in framing]
    assert told == [(k, v) for k, v in head.headers if k not in framing]


@settings(max_examples=300, deadline=None)
@given(garbage=st.binary(max_size=300), seed=st.integers(0, 2**32), breaks=st.booleans())
def test_no_bytes_whatever_make_anything_but_an_answer_or_an_unknown(garbage, seed, breaks):
    """N16."""
    for data in (garbage, b"HTTP/1.1 201 Created\r\n" + garbage, OK[:-2] + garbage):
        env = CutEnv(data, seed, len(data), breaks=breaks)

        async def ask(env=env):
            lines = lines_to(env)
            try:
                return await lines.handle_async_request(order())
            finally:
                await lines.aclose()

        with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError):
            assert 200 <= trio.run(ask).status_code < 1_000


@settings(max_examples=60, deadline=None)
@given(moment=st.floats(0, 12), seed=st.integers(0, 2**32))
def test_cancelled_at_any_moment_a_connection_is_whole_or_closed(moment, seed):
    async def world():
        opened = []
        rng = random.Random(seed)

        async def serve(stream):
            connection = h11.Connection(h11.SERVER)
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    connection.receive_data(await stream.receive_some())
                elif isinstance(event, h11.ConnectionClosed):
                    return
            for byte in OK:
                await trio.sleep(rng.random() / 10)
                await stream.send_all(bytes([byte]))

        class Env:
            async def connect(self, host, port, *, tls):
                await trio.sleep(1)
                ours, theirs = trio.testing.memory_stream_pair()
                opened.append(ours)
                nursery.start_soon(guarded, theirs)
                return ours

        async def guarded(stream):
            try:
                await serve(stream)
            except trio.BrokenResourceError:
                pass

        async with trio.open_nursery() as nursery:
            lines = lines_to(Env(), lines_max=1)
            with trio.move_on_after(moment):
                await send(lines)
            # Either it was answered, or there is room for another, which works from its first byte.
            if not lines.idle:
                assert await send(lines) == (201, b"{}")
            assert (lines.idle, lines.opened) in {(1, 1), (1, 2)}
            await lines.aclose()
            nursery.cancel_scope.cancel()

    trio.run(world, clock=trio.testing.MockClock(autojump_threshold=0))
