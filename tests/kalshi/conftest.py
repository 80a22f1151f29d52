"""An exchange in memory: real HTTP and WebSocket bytes over in-memory streams, under virtual time.

The servers are made of h11 and trio-websocket; what they answer is scripted by the test.
"""

import json
import random
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import attrs
import h11
import pytest
import trio
import trio.testing
import trio_websocket

from traderd.kalshi.auth import generate_key, load_public_key, parse_signer, verify_signature
from traderd.runtime.env import Env

PRIVATE_PEM, PUBLIC_PEM = generate_key("ed25519")
EPOCH_NS = 1_794_724_170_000_000_000
"""2026-11-15T06:29:30Z: when virtual time begins."""


def watch_connects(env):
    """Return the list of the streams that this real Env opens from now on."""
    opened, connect = [], env.connect

    async def watched(host, port, *, tls):
        opened.append(await connect(host, port, tls=tls))
        return opened[-1]

    env.connect = watched
    return opened


class MemoryEnv(Env):
    """Virtual clock, seeded chance, in-memory streams."""

    def __init__(self, nursery):
        self.rng = random.Random(1)
        self.variables = {}
        self.nursery = nursery
        self.servers = {}
        self.connected = []
        self.wall_error_ns = 0
        self._ids = 0

    def wall_ns(self):
        return EPOCH_NS + self.wall_error_ns + round(trio.current_time() * 1e9)

    def new_id(self):
        self._ids += 1
        return str(self._ids)

    async def connect(self, host, port, *, tls):
        await trio.lowlevel.checkpoint()
        self.connected.append((host, port, tls))
        server = self.servers.get((host, port))
        if server is None:
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(server, theirs)
        return ours

    async def listen(self, host, port):
        raise AssertionError("nothing here listens")

    async def run_blocking(self, function, *args):
        return function(*args)

    def signals(self, *numbers):
        raise AssertionError("nothing here takes signals")


@attrs.frozen
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return dict(parse_qsl(self.target.partition("?")[2]))


@attrs.define
class HttpExchange:
    """Answers each request with the next of `answers`, and remembers what it was asked."""

    env: MemoryEnv
    signer: Any
    public_key: Any
    answers: list = attrs.field(factory=list)
    requests: list[Request] = attrs.field(factory=list)
    connections: int = 0
    skew_s: int = 0
    base_url: str = "http://exchange.test/trade-api/v2"

    def reply(self, status, body=b"", **headers):
        """Queue a whole answer; a value that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, data, headers))

    def reset(self):
        """Queue the end of the connection instead of an answer."""
        self.answers.append("reset")

    def hang(self):
        """Queue silence."""
        self.answers.append("hang")

    def raw(self, data):
        """Queue bytes that are no whole answer, and the end of the connection."""
        self.answers.append(data)

    def verified(self, request):
        """Tell whether a request's signature is good for what was asked, at what time."""
        stamp = request.headers["kalshi-access-timestamp"]
        text = f"{stamp}{request.method}{request.path}"
        return verify_signature(self.public_key, request.headers["kalshi-access-signature"], text)

    async def serve(self, stream):
        self.connections += 1
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                request = await self._read(connection, stream)
                if request is None:
                    return
                self.requests.append(request)
                if not await self._answer(connection, stream, self.answers.pop(0)):
                    return
                connection.start_next_cycle()
        except trio.BrokenResourceError:
            return
        finally:
            await trio.aclose_forcefully(stream)

    async def _read(self, connection, stream):
        head, body = None, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = await stream.receive_some(65536)
                if not data:
                    return None
                connection.receive_data(data)
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                headers = {name.decode(): value.decode() for name, value in head.headers}
                return Request(head.method.decode(), head.target.decode(), headers, body)
            else:
                return None

    async def _answer(self, connection, stream, answer):
        if answer == "reset":
            return False
        if answer == "hang":
            await trio.sleep_forever()
        if isinstance(answer, bytes):
            await stream.send_all(answer)
            return False
        status, body, extra = answer
        now_s = self.env.wall_ns() / 1e9 - self.env.wall_error_ns / 1e9
        headers = {
            "Date": formatdate(now_s + self.skew_s, usegmt=True),
            "Content-Length": str(len(body)),
            **{name.replace("_", "-"): value for name, value in extra.items()},
        }
        data = connection.send(
            h11.Response(status_code=status, headers=list(headers.items()), reason=b"")
        )
        data += connection.send(h11.Data(data=body)) if body else b""
        await stream.send_all(data + connection.send(h11.EndOfMessage()))
        return True


@attrs.define
class WsExchange:
    """Hands each accepted WebSocket to `script`; rejects the handshake while `reject` is set."""

    env: MemoryEnv
    signer: Any
    public_key: Any
    script: Any = None
    reject: tuple[int, bytes] | None = None
    headers: list = attrs.field(factory=list)
    paths: list = attrs.field(factory=list)
    url: str = "ws://feed.test/trade-api/ws/v2"

    async def serve(self, stream):
        try:
            async with trio.open_nursery() as nursery:
                request = await trio_websocket.wrap_server_stream(nursery, stream)
                self.headers.append({k.decode(): v.decode() for k, v in request.headers})
                self.paths.append(request.path)
                if self.reject:
                    await request.reject(self.reject[0], body=self.reject[1])
                else:
                    socket = await request.accept()
                    await self.script(socket)
                    await socket.aclose()
                nursery.cancel_scope.cancel()
        except* (trio_websocket.ConnectionClosed, trio.BrokenResourceError):
            # The client went away: the normal end of a server's connection.
            pass
        finally:
            await trio.aclose_forcefully(stream)


@pytest.fixture
def env(nursery):
    return MemoryEnv(nursery)


@pytest.fixture
def signer():
    return parse_signer("key-1", PRIVATE_PEM, source="the test key")


@pytest.fixture
def exchange(env, signer):
    server = HttpExchange(env, signer, load_public_key(PUBLIC_PEM))
    env.servers["exchange.test", 80] = server.serve
    return server


@pytest.fixture
def feed_exchange(env, signer):
    server = WsExchange(env, signer, load_public_key(PUBLIC_PEM))
    env.servers["feed.test", 80] = server.serve
    return server
