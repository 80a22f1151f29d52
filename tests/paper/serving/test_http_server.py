"""The HTTP half: keep-alive, bounds, malformed input, isolation of clients."""

import json

import pytest
import trio
from trio_websocket import ConnectionRejected

from tests.paper.served import MemoryListener, RawClient, VirtualEnv, read_all, websocket
from traderd.paper.serving.http_server import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    LINGER_S,
    REASONS,
    ConnectionDropped,
    HttpLimits,
    HttpServer,
    Request,
    Response,
)


async def echo(request: Request) -> Response:
    if request.path == "/crash":
        raise ValueError("a defect")
    if request.path == "/drop":
        raise ConnectionDropped
    if request.path in ("/none", "/odd"):
        return Response(status=204 if request.path == "/none" else 599)
    if request.path == "/big":
        return Response(status=200, body=b"x" * 4_000_000)
    words = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "body": request.body.decode(),
        "x": request.headers.get("x"),
    }
    return Response(status=200, body=json.dumps(words).encode())


def upgrade(request: Request):
    if request.path == "/refused":
        return Response(status=401, body=b"{}")
    if request.path == "/broken":
        raise ValueError("a defect of the hook")
    return talk


async def talk(session) -> None:
    while (text := await session.receive()) is not None:
        session.send_text(text.upper().encode())


async def start(nursery, **limits) -> tuple[MemoryListener, HttpServer]:
    listener = MemoryListener()
    server = HttpServer(env=VirtualEnv(), handle=echo, upgrade=upgrade, limits=HttpLimits(**limits))
    await nursery.start(server.serve, listener)
    return listener, server


async def test_one_connection_carries_many_requests(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        client = RawClient(await listener.connect())
        for number in range(3):
            status, words = await client.ask("POST", f"/a%20b?n={number}&n=&m=%C3%A9", b"hello")
            assert status == 200
            assert words["path"] == "/a%20b"
            assert words["query"] == [["n", str(number)], ["n", ""], ["m", "é"]]
            assert words["body"] == "hello"
        nursery.cancel_scope.cancel()


async def test_replies_carry_the_wall_clock_and_their_length(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        client = RawClient(await listener.connect())
        await client.send("GET", "/")
        _, headers, body = await client.read()
        assert headers["date"] == "Mon, 21 Sep 2026 14:13:20 GMT"
        assert headers["content-length"] == str(len(body))
        assert headers["content-type"] == "application/json"
        nursery.cancel_scope.cancel()


async def test_pipelined_requests_are_answered_in_order(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        stream = await listener.connect()
        await stream.send_all(
            b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\n"
            b"GET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        )
        answer = await read_all(stream)
        assert answer.count(b"HTTP/1.1 200") == 2
        assert answer.index(b'"/1"') < answer.index(b'"/2"')
        nursery.cancel_scope.cancel()


async def test_the_status_line_says_what_the_number_means(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        for path, line in (
            (b"/", b"HTTP/1.1 200 OK\r\n"),
            (b"/none", b"HTTP/1.1 204 No Content\r\n"),
            (b"/crash", b"HTTP/1.1 500 Internal Server Error\r\n"),
            (b"/odd", b"HTTP/1.1 599 \r\n"),
        ):
            stream = await listener.connect()
            await stream.send_all(
                b"GET " + path + b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
            )
            assert (await read_all(stream)).startswith(line)
        nursery.cancel_scope.cancel()


async def test_head_and_204_have_no_body(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        client = RawClient(await listener.connect())
        await client.send("HEAD", "/")
        status, headers, body = await client.read()
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 0
        await client.send("GET", "/none")
        status, headers, body = await client.read()
        assert (status, body) == (204, b"")
        assert "content-length" not in headers
        assert (await client.ask("GET", "/"))[0] == 200
        nursery.cancel_scope.cancel()


async def test_repeated_headers_are_joined(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        client = RawClient(await listener.connect())
        _, words = await client.ask("GET", "/", headers=[("X", "1"), ("x", "2")])
        assert words["x"] == "1, 2"
        nursery.cancel_scope.cancel()


async def test_an_absolute_target_means_its_path(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        client = RawClient(await listener.connect())
        _, words = await client.ask("GET", "http://exchange.test/a/b?c=d")
        assert (words["path"], words["query"]) == ("/a/b", [["c", "d"]])
        nursery.cancel_scope.cancel()


async def test_a_waiting_client_is_told_to_go_on(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        stream = await listener.connect()
        await stream.send_all(
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
        )
        assert (await stream.receive_some(1000)).startswith(b"HTTP/1.1 100")
        await stream.send_all(b"ok")
        assert b'"body": "ok"' in await stream.receive_some(1000)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: \x00\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", 501),
        (b"GET /?" + b"a&" * 1000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET http://[::1/x HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET http://[zz]/x HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * HEADER_BYTES_MAX, 431),
    ],
)
async def test_malformed_requests_are_refused_and_the_connection_closed(
    autojump_clock, raw, status
):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery)
        stream = await listener.connect()
        await stream.send_all(raw)
        answer = await read_all(stream)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode() + REASONS[status])
        assert b"connection: close" in answer.lower()
        assert b"bytearray" not in answer
        code = b"not_implemented" if status == 501 else b"bad_request"
        assert b'"code":"' + code in answer
        assert server.failures == 0
        nursery.cancel_scope.cancel()


async def test_a_refused_client_can_finish_sending_before_the_connection_goes(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery)
        stream = await listener.connect()
        await stream.send_all(b"nonsense\r\n\r\n")
        assert (await read_all(stream)).startswith(b"HTTP/1.1 400 ")
        # A server that closed at once would reset the connection and the reply with it.
        await stream.send_all(b"the rest of a large body")
        await trio.sleep(LINGER_S + 0.1)
        assert server.clients == 0
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"for ever")
        nursery.cancel_scope.cancel()


async def test_a_body_above_the_bound_is_refused(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        client = RawClient(await listener.connect())
        await client.send("POST", "/", b"x" * (BODY_BYTES_MAX + 1))
        status, headers, _ = await client.read()
        assert (status, headers["connection"]) == (413, "close")
        nursery.cancel_scope.cancel()


async def test_a_silent_client_is_closed_after_the_idle_time(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery, idle_s=75.0)
        client = RawClient(await listener.connect())
        await client.ask("GET", "/")
        began = trio.current_time()
        assert await client.ended()
        assert trio.current_time() - began == pytest.approx(75.0)
        nursery.cancel_scope.cancel()


async def test_a_request_that_trickles_in_is_cut_off(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery, request_s=10.0)
        stream = await listener.connect()
        await trio.sleep(20)
        began = trio.current_time()
        await stream.send_all(b"GET / HT")
        await trio.sleep(9)
        await stream.send_all(b"TP/1.1\r\n")
        assert await stream.receive_some(1) == b""
        assert trio.current_time() - began == pytest.approx(10.0)
        nursery.cancel_scope.cancel()


async def test_a_client_that_does_not_read_its_reply_is_given_up(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery, reply_s=30.0)
        stream = await listener.connect(lockstep=True)
        nursery.start_soon(stream.send_all, b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n")
        await trio.sleep(29)
        assert server.clients == 1
        await trio.sleep(2)
        assert server.clients == 0
        nursery.cancel_scope.cancel()


async def test_a_failing_handler_costs_one_request_only(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery)
        client, other = RawClient(await listener.connect()), RawClient(await listener.connect())
        status, words = await client.ask("GET", "/crash")
        assert (status, words["error"]["code"]) == (500, "internal_error")
        assert server.failures == 1
        assert (await client.ask("GET", "/"))[0] == 200
        assert (await other.ask("GET", "/"))[0] == 200
        nursery.cancel_scope.cancel()


async def test_a_dropped_request_ends_its_connection_without_a_byte(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery)
        client, other = RawClient(await listener.connect()), RawClient(await listener.connect())
        await client.send("POST", "/drop", b"{}")
        assert await client.ended()
        assert server.failures == 0
        assert (await other.ask("GET", "/"))[0] == 200
        nursery.cancel_scope.cancel()


async def test_clients_that_vanish_leave_nothing_behind(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery)
        for text in (b"", b"GET / HT", b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n"):
            stream = await listener.connect()
            await stream.send_all(text)
            await trio.sleep(0.1)
            await trio.aclose_forcefully(stream)
        await trio.sleep(1)
        assert (server.clients, server.failures) == (0, 0)
        nursery.cancel_scope.cancel()


async def test_clients_beyond_the_cap_get_503(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery, clients_max=2)
        first, second = RawClient(await listener.connect()), RawClient(await listener.connect())
        await first.ask("GET", "/")
        await second.ask("GET", "/")
        refused = await read_all(await listener.connect())
        assert refused.startswith(b"HTTP/1.1 503 Service Unavailable")
        assert b'"code":"service_unavailable"' in refused
        await first.stream.aclose()
        await trio.sleep(2)
        assert server.clients == 1
        assert (await RawClient(await listener.connect()).ask("GET", "/"))[0] == 200
        nursery.cancel_scope.cancel()


async def test_an_upgrade_can_be_refused_before_it_happens(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        with pytest.RaisesGroup(ConnectionRejected, flatten_subgroups=True) as caught:
            async with websocket(await listener.connect(), "/refused"):
                raise AssertionError("the upgrade was accepted")
        assert caught.value.exceptions[0].status_code == 401
        nursery.cancel_scope.cancel()


async def test_an_upgraded_connection_talks_frames(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery)
        async with websocket(await listener.connect(), "/talk") as client:
            await client.send_message("hello")
            assert await client.get_message() == "HELLO"
        await trio.sleep(2)
        assert (server.clients, server.failures) == (0, 0)
        nursery.cancel_scope.cancel()


async def test_an_incomplete_upgrade_gets_400(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, _ = await start(nursery)
        stream = await listener.connect()
        await stream.send_all(
            b"GET /talk HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
        )
        assert (await read_all(stream)).startswith(b"HTTP/1.1 400 ")
        nursery.cancel_scope.cancel()


async def test_a_failing_upgrade_hook_ends_that_client_only(autojump_clock):
    async with trio.open_nursery() as nursery:
        listener, server = await start(nursery)
        stream = await listener.connect()
        await stream.send_all(
            b"GET /broken HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
        )
        assert await read_all(stream) == b""
        assert server.failures == 1
        assert (await RawClient(await listener.connect()).ask("GET", "/"))[0] == 200
        nursery.cancel_scope.cancel()
