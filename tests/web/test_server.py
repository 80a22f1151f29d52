"""Most of these speak real HTTP and WebSocket over in-memory streams on a virtual clock.

Only what the operating system decides (a taken port, a file's mode) uses loopback and the real clock.
"""

import json
import stat
from contextlib import asynccontextmanager
from functools import partial

import h11
import pytest
import structlog
import trio
import trio.lowlevel
import trio.testing
from trio_websocket import ConnectionClosed, wrap_client_stream

from tests.web.conftest import TOKEN
from tests.web.live_looking import log_line
from traderd.errors import AlreadyRunning, ConfigError
from traderd.runtime.env import RealEnv
from traderd.web.connection import SEND_BUDGET_S
from traderd.web.http_wire import READ_SILENCE_S
from traderd.web.server import CONNECTIONS_MAX, STOP_BUDGET_S, serve_console

IDLE_S = 6  # hypercorn closes a connection that asks nothing after 5 s
REAL_BUDGET_S = 60
"""Bounds a stop on the real clock; on the virtual one it keeps to the server's own budget."""
HOST = "127.0.0.1:8005"
UPGRADE = (
    b"GET /v3/ws HTTP/1.1\r\nHost: 127.0.0.1:8005\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class MemoryListener(trio.abc.Listener):
    def __init__(self):
        self._dial, self._dialled = trio.open_memory_channel(CONNECTIONS_MAX * 2)

    async def accept(self):
        return await self._dialled.receive()

    async def aclose(self):
        self._dialled.close()
        await trio.lowlevel.checkpoint()

    async def connect(self, make_pair=trio.testing.memory_stream_pair):
        ours, theirs = make_pair()
        await self._dial.send(theirs)
        return ours


class MemoryEnv(RealEnv):
    def __init__(self):
        super().__init__(seed=1)
        self.listener = MemoryListener()

    async def listen(self, host, port):
        return self.listener, port


@asynccontextmanager
async def serving(face, *, env=None, port=8005, socket_path=None, tls=None):
    env = env or MemoryEnv()
    serve = partial(
        serve_console,
        face.app,
        env=env,
        host="127.0.0.1",
        port=port,
        socket_path=socket_path,
        stop=face.stop,
        tls=tls,
    )
    stop_s = 2 * STOP_BUDGET_S if isinstance(env, MemoryEnv) else REAL_BUDGET_S
    ended = trio.Event()

    async def run(*, task_status):
        await serve(task_status=task_status)
        ended.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(face.hub.run)
        served = await nursery.start(run)
        yield (env.listener if isinstance(env, MemoryEnv) else served), nursery
        face.stop.set()
        with trio.fail_after(stop_s):
            await ended.wait()
        nursery.cancel_scope.cancel()


async def ask(stream, method, path, body=b"", **headers):
    """Send one request with h11 and return the status, the headers and the body."""
    connection = h11.Connection(h11.CLIENT)
    fields = {"Host": HOST, "Content-Length": str(len(body)), **headers}
    request = h11.Request(method=method, target=path, headers=list(fields.items()))
    sent = connection.send(request) + connection.send(h11.Data(data=body))
    await stream.send_all(sent + connection.send(h11.EndOfMessage()))
    status, received = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(65_536))
        elif isinstance(event, h11.Response):
            status = event
        elif isinstance(event, h11.Data):
            received += event.data
        else:
            return status.status_code, dict(status.headers), received


async def until_closed(stream):
    """Read to the end of the stream and return what came."""
    received = b""
    try:
        while chunk := await stream.receive_some(65_536):
            received += chunk
    except trio.BrokenResourceError:
        pass  # closed without ceremony, which is what some of these tests ask for
    return received


async def until_websocket_closed(websocket):
    while True:
        try:
            await websocket.get_message()
        except ConnectionClosed as closed:
            return closed.reason


async def test_a_request_over_the_wire_is_answered_without_naming_the_server(autojump_clock, face):
    async with serving(face) as (listener, _nursery):
        status, headers, body = await ask(await listener.connect(), "GET", "/v3/status")
    assert status == 200
    assert json.loads(body) == face.source.status()
    assert b"server" not in headers
    assert b"date" not in headers


async def test_the_live_stream_works_over_the_wire_and_ends_with_the_stop(autojump_clock, face):
    async with serving(face) as (listener, nursery):
        stream = await listener.connect()
        websocket = await wrap_client_stream(nursery, stream, HOST, "/v3/ws")
        assert json.loads(await websocket.get_message())["type"] == "hello"
        began = trio.current_time()
        face.stop.set()
        reason = await until_websocket_closed(websocket)
    assert reason.code == 1001
    assert trio.current_time() - began < STOP_BUDGET_S / 2  # nothing waited for a budget


async def test_a_client_that_never_reads_is_given_up_after_ten_seconds(autojump_clock, face):
    # On this stream a send waits until somebody receives: no buffer hides the stuck client.
    async with serving(face) as (listener, nursery):
        stuck = await listener.connect(trio.testing.lockstep_stream_pair)
        await stuck.send_all(UPGRADE)
        assert b"101" in await stuck.receive_some(4096)
        brisk = await wrap_client_stream(nursery, await listener.connect(), HOST, "/v3/ws")
        await trio.sleep(1)
        assert face.hub.statistics().clients == 2
        with structlog.testing.capture_logs() as lines:
            await trio.sleep(SEND_BUDGET_S)
        assert face.hub.statistics().clients == 1
        assert [line["event"] for line in lines] == ["web.client_stuck"]
        face.hub.publish("halt", {"id": "h-1"})
        while json.loads(await brisk.get_message())["type"] != "halt":
            pass


async def test_a_client_that_never_reads_cannot_hold_the_stop(autojump_clock, face):
    async with serving(face) as (listener, _nursery):
        stuck = await listener.connect(trio.testing.lockstep_stream_pair)
        await stuck.send_all(UPGRADE)
        assert b"101" in await stuck.receive_some(4096)
        await trio.sleep(1)
        began = trio.current_time()
        face.stop.set()
    assert trio.current_time() - began <= STOP_BUDGET_S + 0.01
    assert face.hub.statistics().clients == 0


async def test_cancelling_the_server_closes_a_stuck_client_at_once(autojump_clock, face):
    async with serving(face) as (listener, nursery):
        stuck = await listener.connect(trio.testing.lockstep_stream_pair)
        await stuck.send_all(UPGRADE)
        assert b"101" in await stuck.receive_some(4096)
        await trio.sleep(1)
        began = trio.current_time()
        nursery.cancel_scope.cancel()
        await trio.lowlevel.cancel_shielded_checkpoint()
    assert trio.current_time() - began < 0.01


async def test_a_dead_console_is_noticed_by_its_missing_pongs(autojump_clock, face):
    async with serving(face) as (listener, _nursery):
        silent = await listener.connect()
        await silent.send_all(UPGRADE)
        await trio.sleep(READ_SILENCE_S - 1)
        assert face.hub.statistics().clients == 1
        await trio.sleep(2)
        assert face.hub.statistics().clients == 0


async def test_a_console_that_answers_pings_stays(autojump_clock, face):
    async with serving(face) as (listener, nursery):
        websocket = await wrap_client_stream(nursery, await listener.connect(), HOST, "/v3/ws")

        async def read():
            while True:
                await websocket.get_message()

        async with trio.open_nursery() as reading:
            reading.start_soon(read)
            await trio.sleep(10 * READ_SILENCE_S)
            assert face.hub.statistics().clients == 1
            reading.cancel_scope.cancel()


async def test_a_request_that_never_ends_is_cut_off(autojump_clock, face):
    async with serving(face) as (listener, _nursery):
        stream = await listener.connect()
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        with trio.fail_after(READ_SILENCE_S + 1):
            await until_closed(stream)


async def test_connections_beyond_the_cap_get_503_until_one_leaves(autojump_clock, face):
    async with serving(face) as (listener, _nursery):
        streams = [await listener.connect() for _ in range(CONNECTIONS_MAX)]
        await trio.sleep(0.1)
        answer = await until_closed(await listener.connect())
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert json.loads(body)["error"]["code"] == "too_many_connections"
        assert f"Content-Length: {len(body)}".encode() in head
        await streams[0].aclose()
        await trio.sleep(0.1)
        status, _headers, _body = await ask(await listener.connect(), "GET", "/v3/health")
        assert status == 200
        await trio.sleep(IDLE_S)
        assert {bytes(await stream.receive_some(1)) for stream in streams[1:]} == {b""}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"\r\n\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 100_000,
        b"POST /v3/commands/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v3/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        UPGRADE + b"\x81\x05hello",
        UPGRADE + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        UPGRADE + b"\x82\x80\x00\x00\x00\x00",
        UPGRADE + b"\x81\xfe\xff\xff\x00\x00\x00\x00" + b"a" * 70_000,
    ],
    ids=range(14),
)
async def test_garbage_on_one_connection_does_not_disturb_another(autojump_clock, face, garbage):
    async with serving(face) as (listener, nursery):
        websocket = await wrap_client_stream(nursery, await listener.connect(), HOST, "/v3/ws")
        stream = await listener.connect()
        await stream.send_all(garbage)
        with trio.move_on_after(1):
            await until_closed(stream)
        await stream.aclose()
        face.hub.publish("halt", {"id": "h-1"})
        while json.loads(await websocket.get_message())["type"] != "halt":
            pass
        status, _headers, _body = await ask(await listener.connect(), "GET", "/v3/health")
    assert status == 200
    assert face.source.commands == []


async def test_many_short_connections_leave_nothing_behind(autojump_clock, face):
    async with serving(face) as (listener, _nursery):
        for _ in range(2 * CONNECTIONS_MAX):
            stream = await listener.connect()
            await stream.send_all(UPGRADE)
            await stream.receive_some(4096)
            await stream.aclose()
        assert trio.current_time() == 0
        status, _headers, _body = await ask(await listener.connect(), "GET", "/v3/health")
    assert status == 200


async def test_a_vanished_console_leaves_the_hub(autojump_clock, face):
    async with serving(face) as (listener, _nursery):
        stream = await listener.connect()
        await stream.send_all(UPGRADE)
        await trio.sleep(1)
        assert face.hub.statistics().clients == 1
        await stream.aclose()
        for number in range(50):
            face.hub.publish("log", log_line(number))
        await trio.sleep(1)
        assert face.hub.statistics().clients == 0


async def test_the_page_is_served_over_loopback_tcp(face):
    async with serving(face, env=RealEnv(), port=0) as (served, _nursery):
        assert served.url == f"http://127.0.0.1:{served.port}"
        async with await trio.open_tcp_stream("127.0.0.1", served.port) as stream:
            status, _headers, body = await ask(stream, "GET", "/")
    assert status == 200
    assert body.startswith(b"<!doctype html>")


async def test_a_taken_port_is_named_with_the_cure(face):
    async with serving(face, env=RealEnv(), port=0) as (served, _nursery):
        with pytest.raises(AlreadyRunning, match=f"127.0.0.1:{served.port} is taken") as refused:
            await serve_console(
                face.app,
                env=RealEnv(),
                host="127.0.0.1",
                port=served.port,
                socket_path=None,
                stop=face.stop,
            )
    assert "web.port" in str(refused.value)


async def test_an_address_of_another_machine_is_a_configuration_error(face):
    with pytest.raises(ConfigError, match=r"web\.host"):
        await serve_console(
            face.app, env=RealEnv(), host="192.0.2.1", port=0, socket_path=None, stop=face.stop
        )


async def test_the_unix_socket_is_private_needs_no_token_and_is_removed_at_the_end(face, tmp_path):
    path = tmp_path / "control.sock"
    async with serving(face, env=RealEnv(), port=0, socket_path=path) as (served, _nursery):
        assert served.socket_path == path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        async with await trio.open_unix_socket(str(path)) as stream:
            status, _headers, body = await ask(stream, "POST", "/v3/commands/pause", Host="traderd")
        async with await trio.open_tcp_stream("127.0.0.1", served.port) as stream:
            over_tcp, _headers, _body = await ask(stream, "POST", "/v3/commands/pause")
    assert (status, json.loads(body)) == (200, {"paused": True})
    assert over_tcp == 401
    assert not path.exists()


async def test_the_token_works_over_tcp(face):
    authorization = {"Authorization": f"Bearer {TOKEN}"}
    async with serving(face, env=RealEnv(), port=0) as (served, _nursery):
        stream = await trio.open_tcp_stream("127.0.0.1", served.port)
        status, _headers, _body = await ask(stream, "POST", "/v3/commands/resume", **authorization)
        await stream.aclose()
    assert status == 200


async def test_a_socket_left_by_a_killed_daemon_is_replaced(face, tmp_path):
    path = tmp_path / "control.sock"
    left_behind = trio.socket.socket(trio.socket.AF_UNIX)
    await left_behind.bind(str(path))
    left_behind.close()
    async with serving(face, env=RealEnv(), port=0, socket_path=path):
        stream = await trio.open_unix_socket(str(path))
        status, _headers, _body = await ask(stream, "GET", "/v3/health")
        await stream.aclose()
    assert status == 200


async def test_a_file_in_the_way_of_the_unix_socket_is_not_touched(face, tmp_path):
    path = tmp_path / "control.sock"
    path.write_text("precious")
    serve = partial(serve_console, face.app, env=RealEnv(), host="127.0.0.1", port=0)
    with pytest.raises(ConfigError, match="in the way"):
        await serve(socket_path=path, stop=face.stop)
    assert path.read_text() == "precious"
    with pytest.raises(ConfigError, match="too long"):
        await serve(socket_path=tmp_path / ("x" * 108), stop=face.stop)
    with pytest.raises(ConfigError, match="not a directory"):
        await serve(socket_path=tmp_path / "missing" / "control.sock", stop=face.stop)
