"""One connection with a small application behind it: who waits for whom, and what ends it."""

from contextlib import asynccontextmanager

import pytest
import trio

from tests.web.conftest import Face
from tests.web.test_server import IDLE_S, UPGRADE, MemoryEnv, ask, until_closed
from traderd.web.connection import ASK_BUDGET_S
from traderd.web.http_wire import READ_SILENCE_S
from traderd.web.server import serve_console

PING = b"\x89\x80abcd"
PONG = b"\x8a\x00"


@asynccontextmanager
async def serving(app):
    env, stop = MemoryEnv(), trio.Event()
    async with trio.open_nursery() as nursery:

        async def serve(*, task_status):
            await serve_console(
                app,
                env=env,
                host="127.0.0.1",
                port=8005,
                socket_path=None,
                stop=stop,
                task_status=task_status,
            )

        await nursery.start(serve)
        yield env.listener, stop
        stop.set()


def answering(answer_s, asked=None):
    """Return an application that answers after a while, or agrees to a WebSocket."""

    async def app(scope, receive, send):
        if asked is not None:
            asked.append(scope)
        await trio.sleep(answer_s)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await trio.sleep_forever()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"there"})

    return app


async def test_what_comes_before_a_websocket_is_agreed_on_waits_for_it(autojump_clock):
    async with serving(answering(1)) as (listener, stop):
        stream = await listener.connect()
        await stream.send_all(UPGRADE)
        await trio.sleep(0.5)
        await stream.send_all(PING)
        assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 101")
        assert trio.current_time() == 1
        received = b""
        while PONG not in received:
            received += await stream.receive_some(4096)
        stop.set()


async def test_a_client_that_floods_and_goes_leaves_no_connection_behind(
    autojump_clock, monkeypatch
):
    monkeypatch.setattr("traderd.web.server.CONNECTIONS_MAX", 1)

    async def slow(scope, receive, send):
        if scope["type"] != "websocket":
            await answering(0)(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await trio.sleep(0.1)
            await send({"type": "websocket.send", "text": "x"})

    async with serving(slow) as (listener, _stop):
        stream = await listener.connect()
        await stream.send_all(UPGRADE)
        assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 101")
        await stream.send_all(b"\x81\x80abcd" * 200)
        await trio.aclose_forcefully(stream)
        await trio.sleep(120)
        status, _headers, _body = await ask(await listener.connect(), "GET", "/v3/health")
        assert status == 200


async def test_requests_in_one_piece_are_answered_one_after_the_other(autojump_clock):
    request = b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with serving(answering(0.1)) as (listener, _stop):
        stream = await listener.connect()
        await stream.send_all(request * 200)
        answers = await until_closed(stream)
        assert answers.count(b"there") == 200
        assert trio.current_time() == pytest.approx(20 + ASK_BUDGET_S)


async def test_an_idle_connection_ends_with_the_console_and_a_busy_one_after_its_answer(
    autojump_clock,
):
    async with serving(answering(0.5)) as (listener, stop):
        idle, busy = await listener.connect(), await listener.connect()
        await busy.send_all(b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await trio.sleep(0.1)
        stop.set()
        assert await until_closed(idle) == b""
        assert trio.current_time() == pytest.approx(0.1, abs=0.01)
        assert b"there" in await until_closed(busy)


@pytest.mark.parametrize(
    ("sent", "after_s"),
    [
        (b"", ASK_BUDGET_S),
        (b"GET /a HT", ASK_BUDGET_S),
        (b"POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n", READ_SILENCE_S),
    ],
)
async def test_a_connection_that_says_nothing_more_ends(autojump_clock, sent, after_s):
    async def app(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    async with serving(app) as (listener, _stop):
        stream = await listener.connect()
        await stream.send_all(sent)
        await until_closed(stream)
        assert after_s <= trio.current_time() < after_s + 1


async def test_a_connection_that_is_asked_again_in_time_stays(autojump_clock):
    async with serving(answering(0)) as (listener, _stop):
        stream = await listener.connect()
        for _ in range(10):
            assert (await ask(stream, "GET", "/"))[0] == 200
            await trio.sleep(ASK_BUDGET_S - 0.1)
        await trio.sleep(IDLE_S)
        assert await until_closed(stream) == b""


async def test_neither_an_upgrade_to_http_2_nor_its_preface_is_taken_up(autojump_clock):
    asked = []
    upgrade = (
        b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    )
    async with serving(answering(0, asked)) as (listener, _stop):
        stream = await listener.connect()
        await stream.send_all(upgrade)
        answer = await until_closed(stream)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"upgrade" not in answer.lower()
        stream = await listener.connect()
        await stream.send_all(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
        )
        answer = await until_closed(stream)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b'"not_http"' in answer
    assert [scope["http_version"] for scope in asked] == ["1.1"]


async def test_work_for_clients_without_a_token_gets_a_share_of_the_loop_and_an_operator_all(
    autojump_clock,
):
    """The work is time that passes inside a step."""
    face = Face()
    status = face.source.status

    def work():
        autojump_clock.jump(0.05)
        return status()

    face.source.status = work
    async with serving(face.app) as (listener, _stop):
        crowd = [await listener.connect() for _ in range(20)]

        async def flood(stream):
            await stream.send_all(b"GET /v3/status HTTP/1.1\r\nHost: 127.0.0.1:8005\r\n\r\n" * 50)
            with trio.move_on_after(40):
                await until_closed(stream)

        operator = {"Authorization": "Bearer correct-horse-battery-staple"}
        done = []
        async with trio.open_nursery() as nursery:
            for each in crowd:
                nursery.start_soon(flood, each)
            await trio.sleep(20)
            stream = await listener.connect()
            assert (await ask(stream, "GET", "/v3/health", **operator))[0] == 200
            for _ in range(20):
                began = trio.current_time()
                assert (await ask(stream, "POST", "/v3/commands/pause", **operator))[0] == 200
                done.append(trio.current_time() - began)
                await trio.sleep(0.5)
            nursery.cancel_scope.cancel()
    # At most one of the others' steps came between.
    assert max(done) < 0.11
