"""What the tests of the serving half share: in-memory listeners, a virtual Env, small clients."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import Any

import h11
import trio
import trio.testing
import trio_websocket
import wsproto
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from wsproto.events import TextMessage

from traderd.model.units import parse_money
from traderd.paper.exchange import Credentials, PaperExchange
from traderd.paper.running import run_paper_exchange
from traderd.paper.scenario import Scenario, scenario_from
from traderd.runtime.env import Env

EPOCH_NS = 1_790_000_000_000_000_000
HOST = "exchange.test"
API = "/trade-api/v2"
FEED = "/trade-api/ws/v2"
A, B, EMPTY = "KXDEMO-26DEC31-A", "KXDEMO-26DEC31-B", "KXVOID-26DEC31-1.5"
CASH = {"ann": "1000.00", "bob": "1000.00"}

SCENARIO = {
    "name": "three markets",
    "series": [
        {"ticker": "KXDEMO", "title": "Demo", "fee_type": "quadratic_with_maker_fees"},
        {"ticker": "KXVOID", "title": "Void", "fee_type": "quadratic"},
    ],
    "events": [
        {"ticker": "KXDEMO-26DEC31", "series": "KXDEMO", "title": "Who wins?"},
        {"ticker": "KXVOID-26DEC31", "series": "KXVOID", "title": "Nobody quotes"},
    ],
    "markets": [
        {
            "ticker": A,
            "event": "KXDEMO-26DEC31",
            "title": "Who wins? A",
            "outcome": "A wins",
            "market_id": "00000000-0000-4000-8000-00000000000a",
            "closes_in_s": 86_400,
            "bids": [["0.4500", "10.00"], ["0.4700", "3.00"]],
            "asks": [["0.5200", "3.00"], ["0.5400", "5.00"]],
        },
        {
            "ticker": B,
            "event": "KXDEMO-26DEC31",
            "title": "Who wins? B",
            "outcome": "B wins",
            "market_id": "00000000-0000-4000-8000-00000000000b",
            "closes_in_s": 3_600,
            "bids": [["0.2000", "100.00"]],
            "asks": [["0.2500", "0.55"]],
        },
        {
            "ticker": EMPTY,
            "event": "KXVOID-26DEC31",
            "title": "Nobody quotes",
            "outcome": "Above 1.5",
            "market_id": "00000000-0000-4000-8000-00000000000c",
            "closes_in_s": 86_400,
        },
    ],
}


def scenario(**changes: Any) -> Scenario:
    return scenario_from(SCENARIO | changes)


class MemoryListener(trio.abc.Listener):
    """A listener whose clients come over in-memory streams; `lockstep` ones have no buffer at all."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel(100)

    async def accept(self):
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise trio.ClosedResourceError from None

    async def aclose(self):
        self._receive.close()
        await trio.lowlevel.checkpoint()

    async def connect(self, *, lockstep: bool = False) -> trio.abc.Stream:
        pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
        ours, theirs = pair()
        await self._send.send(theirs)
        return ours


class VirtualEnv(Env):
    """Env under the virtual clock: memory streams, seeded ids, and a wall clock that follows Trio's."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.variables: Mapping[str, str] = {}
        self.listeners: dict[int, MemoryListener] = {}
        self.offset_ns = 0

    def wall_ns(self) -> int:
        return EPOCH_NS + self.offset_ns + round(trio.current_time() * 1_000_000_000)

    def new_id(self) -> str:
        bits = f"{self.rng.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"

    async def connect(self, host: str, port: int, *, tls: bool) -> trio.abc.Stream:
        assert not tls
        if port not in self.listeners:
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}")
        return await self.listeners[port].connect()

    async def listen(self, host: str, port: int):
        port = port or 40_000 + len(self.listeners)
        self.listeners[port] = MemoryListener()
        await trio.lowlevel.checkpoint()
        return self.listeners[port], port

    async def run_blocking(self, function: Callable[..., Any], *args: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return function(*args)

    def signals(self, *numbers: int) -> AbstractContextManager[AsyncIterator[int]]:
        raise AssertionError(f"nothing here waits for signals {numbers}")


class RawClient:
    """One HTTP/1.1 connection driven by h11: what goes out and comes in is all visible."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.h11 = h11.Connection(h11.CLIENT)

    async def send(self, method: str, target: str, body: bytes = b"", headers=()) -> None:
        if self.h11.our_state is h11.DONE:
            self.h11.start_next_cycle()
        head = [("host", HOST), ("content-length", str(len(body))), *headers]
        data = self.h11.send(h11.Request(method=method, target=target, headers=head))
        data += self.h11.send(h11.Data(data=body)) if body else b""
        await self.stream.send_all(data + self.h11.send(h11.EndOfMessage()))

    async def read(self) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = 0, {}, b""
        while not isinstance(event := await self._next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
                headers = {k.decode(): v.decode() for k, v in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.ConnectionClosed):
                raise trio.EndOfChannel
        return status, headers, body

    async def _next_event(self):
        while (event := self.h11.next_event()) is h11.NEED_DATA:
            self.h11.receive_data(await self.stream.receive_some(65_536))
        return event

    async def ask(self, method: str, target: str, body: bytes = b"", headers=()):
        """Return status and decoded JSON body."""
        await self.send(method, target, body, headers)
        status, _, answer = await self.read()
        return status, json.loads(answer) if answer else None

    async def ended(self) -> bool:
        """Tell whether the server has ended the connection, waiting for more bytes or the end."""
        return await self.stream.receive_some(1) == b""


async def read_all(stream: trio.abc.Stream) -> bytes:
    data = b""
    while chunk := await stream.receive_some(65_536):
        data += chunk
    return data


@asynccontextmanager
async def websocket(stream: trio.abc.Stream, path: str, headers=()):
    """Open a trio-websocket client over a stream, and close both."""
    async with trio.open_nursery() as nursery:
        connection = await trio_websocket.wrap_client_stream(
            nursery, stream, HOST, path, extra_headers=list(headers), message_queue_size=1_000
        )
        async with connection:
            yield connection
        nursery.cancel_scope.cancel()


def signed(credentials: Credentials, wall_ns: int, method: str, path: str) -> list[tuple[str, str]]:
    """Sign as any third-party client would: with the library, not with code of ours."""
    key = load_pem_private_key(credentials.private_pem, password=None)
    stamp = str(wall_ns // 1_000_000)
    signature = key.sign(f"{stamp}{method}{path}".encode())
    return [
        ("KALSHI-ACCESS-KEY", credentials.key_id),
        ("KALSHI-ACCESS-TIMESTAMP", stamp),
        ("KALSHI-ACCESS-SIGNATURE", base64.b64encode(signature).decode()),
    ]


class Trader:
    """An account's REST client and what it needs to open WebSockets."""

    def __init__(self, bench: Bench, name: str, client: RawClient) -> None:
        self.bench = bench
        self.credentials = bench.exchange.accounts[name]
        self.client = client

    def headers(self, method: str, path: str) -> list[tuple[str, str]]:
        return signed(self.credentials, self.bench.env.wall_ns(), method, path)

    async def send(self, method: str, path: str, body: Any = None) -> None:
        headers = self.headers(method, API + path.partition("?")[0])
        if body is not None:
            headers.append(("content-type", "application/json"))
        raw = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        await self.client.send(method, API + path, raw, headers)

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        await self.send(method, path, body)
        status, _, answer = await self.client.read()
        return status, json.loads(answer) if answer else None

    async def place(self, side: str, count: str, price: str, **more: Any) -> tuple[int, Any]:
        body = {
            "ticker": A,
            "side": side,
            "count": count,
            "price": price,
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
        }
        return await self.ask("POST", "/portfolio/events/orders", body | more)

    @asynccontextmanager
    async def feed(self, *, lockstep: bool = False):
        stream = await self.bench.listener.connect(lockstep=lockstep)
        async with websocket(stream, FEED, self.headers("GET", FEED)) as connection:
            yield FeedClient(connection)


class RawFeed:
    """A WebSocket client that reads only when told to, so that it can be as slow as a test wants."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.protocol = wsproto.Connection(wsproto.ConnectionType.CLIENT)

    async def open(self, headers) -> None:
        upgrade = {
            "host": HOST,
            "connection": "upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        lines = [f"{name}: {value}\r\n" for name, value in (*upgrade.items(), *headers)]
        await self.stream.send_all(f"GET {FEED} HTTP/1.1\r\n{''.join(lines)}\r\n".encode())
        answer = await self.stream.receive_some(65_536)
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        self.protocol.receive_data(rest)

    async def send(self, cmd: str, **params: Any) -> None:
        text = json.dumps({"id": 1, "cmd": cmd, "params": params})
        await self.stream.send_all(self.protocol.send(TextMessage(data=text)))

    async def events(self) -> list[Any] | None:
        """Return the events of the next chunk, None at the end of the stream."""
        data = await self.stream.receive_some(1_000_000)
        if not data:
            return None
        self.protocol.receive_data(data)
        return list(self.protocol.events())


class FeedClient:
    """A WebSocket client that speaks JSON."""

    def __init__(self, connection) -> None:
        self.connection = connection
        self._ids = 0

    async def send(self, cmd: str, **params: Any) -> int:
        self._ids += 1
        message = {"id": self._ids, "cmd": cmd} | ({"params": params} if params else {})
        await self.connection.send_message(json.dumps(message))
        return self._ids

    async def get(self) -> dict[str, Any]:
        text = await self.connection.get_message()
        assert text.endswith("\n")
        return json.loads(text)

    async def get_all(self) -> list[dict[str, Any]]:
        """Return what has arrived once everything is quiet."""
        await trio.testing.wait_all_tasks_blocked()
        got = []
        with trio.move_on_after(0.001):
            while True:
                got.append(await self.get())
        return got


class Bench:
    """An exchange under test."""

    def __init__(self, env: VirtualEnv, listener: MemoryListener, exchange: PaperExchange) -> None:
        self.env = env
        self.listener = listener
        self.exchange = exchange
        self.total = exchange.venue.total_money()
        """What the money must still add up to at the end."""

    async def client(self, *, lockstep: bool = False) -> RawClient:
        return RawClient(await self.listener.connect(lockstep=lockstep))

    async def trader(self, name: str = "ann") -> Trader:
        return Trader(self, name, await self.client())


@asynccontextmanager
async def open_bench(**options: Any):
    """Run a quiet exchange over in-memory streams; what the body raises comes out bare."""
    env, listener = VirtualEnv(), MemoryListener()
    settings = {
        "scenario": scenario(),
        "seed": 7,
        "accounts": {name: parse_money(cash) for name, cash in CASH.items()},
        "flow_rate": 0,
    } | options
    failure = None
    async with trio.open_nursery() as nursery:
        run = partial(
            run_paper_exchange, env=env, listener=listener, address=f"{HOST}:80", **settings
        )
        bench = Bench(env, listener, await nursery.start(run))
        try:
            yield bench
        except Exception as exc:  # noqa: BLE001 - raised below, outside of the nursery's group
            failure = exc
        assert failure or bench.exchange.venue.total_money() == bench.total
        assert failure or bench.exchange.server.failures == 0
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
