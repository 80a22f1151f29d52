"""The clients of the end-to-end comparison: ours as the daemon runs it, and three that a user would build instead.

Owns: one function for each client. Each keeps the books of all markets and hands every delta to three services that
count them; a lost message ends the run.
Must not: count the server's time, or judge.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any, Final

import attrs
import msgspec
import trio

from benchmarks.market_frames import MARKETS, ticker
from traderd.config import Config
from traderd.core.engine import Engine
from traderd.kalshi.auth import generate_key, parse_signer
from traderd.kalshi.feed import open_feed
from traderd.kalshi.wire import feed as wire
from traderd.kalshi.wire.numbers import CountCache, PriceCache
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.units import Count, Price
from traderd.runtime.bus import Bus
from traderd.runtime.env import RealEnv
from traderd.runtime.inbox import Incident, Policy
from traderd.services.recorder import worth_keeping
from traderd.services.risk_limits import risk_limits

SERVICES: Final = 3
DEADLINE_S: Final = 120.0


@attrs.define
class Arrivals:
    """What one service saw; `at_ns` has the moment of each delta, when they are asked for."""

    wanted: int
    keep_times: bool = False
    seen: int = 0
    at_ns: list[int] = attrs.Factory(list)

    def take(self, count: int) -> bool:
        """Note `count` deltas; returns True when all are there."""
        self.seen += count
        if self.keep_times:
            now = time.monotonic_ns()
            self.at_ns += [now] * count
        return self.seen >= self.wanted


@attrs.frozen(kw_only=True)
class Run:
    """One client's run."""

    cpu_us: float
    """Per delta, from the go to the last delta in the last service."""
    arrivals_ns: list[int]
    """Of the slowest-read service, when they were asked for."""


def daemon_engine() -> tuple[Engine, Bus[ev.Event]]:
    """Return an engine and the bus in front of it, put together as `app.py` does; only the disk is missing."""
    engine = Engine(limits=risk_limits(Config()))
    bus: Bus[ev.Event] = Bus(
        fold=engine.apply, record=worth_keeping, on_incident=_fail, settle=engine.settle
    )
    return engine, bus


def run_ours(port: int, path: str, deltas: int, *, keep_times: bool = False) -> Run:
    """Run the daemon's own path: line, decoder, bus, engine, recorder's choice, three inboxes."""
    return trio.run(_ours, port, path, deltas, keep_times)


async def _ours(port: int, path: str, deltas: int, keep_times: bool) -> Run:
    engine, bus = daemon_engine()
    RealEnv().settle_memory()
    done = [trio.Event() for _ in range(SERVICES)]
    services = [Arrivals(deltas, keep_times) for _ in range(SERVICES)]
    pem, _ = generate_key("ed25519")
    async with trio.open_nursery() as nursery:
        for service, finished in zip(services, done, strict=True):
            inbox = bus.subscribe(
                ev.BookDelta, name="bench", policy=Policy.LOSSLESS, depth=1_000_000
            )
            nursery.start_soon(_our_service, inbox, service, finished)
        with trio.fail_after(DEADLINE_S):
            async with open_feed(
                env=RealEnv(),
                url=f"ws://127.0.0.1:{port}/{path}",
                signer=parse_signer("k", pem, source="bench"),
                feed=ev.FeedName.MARKET_DATA,
                connection=1,
                on_events=bus.publish,
            ) as opened:
                started = time.process_time()
                await opened.subscribe(["orderbook_delta"], [])
                for finished in done:
                    await finished.wait()
                spent = time.process_time() - started
        nursery.cancel_scope.cancel()
    data = engine.market_data
    if data.deltas_received != deltas or data.gaps or data.usable_books() != MARKETS:
        raise RuntimeError(f"{data.deltas_received} deltas, {data.gaps} gaps")
    return Run(cpu_us=spent / deltas * 1e6, arrivals_ns=max((s.at_ns for s in services), key=sum))


async def _our_service(inbox: Any, arrivals: Arrivals, finished: trio.Event) -> None:
    async for batch in inbox:
        if arrivals.take(len(batch)):
            finished.set()


def _fail(incident: Incident) -> None:
    raise RuntimeError(incident.sentence)


def run_pykalshi(port: int, path: str, deltas: int, *, keep_times: bool = False) -> Run:
    """Run pykalshi's AsyncFeed and OrderbookManager, with a queue for each service."""
    return asyncio.run(_pykalshi(port, path, deltas, keep_times))


async def _pykalshi(port: int, path: str, deltas: int, keep_times: bool) -> Run:
    from pykalshi.afeed import AsyncFeed
    from pykalshi.orderbook import OrderbookManager

    class Client:
        api_base, api_key_id = "http://127.0.0.1", "k"

        def _sign_request(self, method: str, path: str) -> tuple[str, str]:
            return "0", "signature"

    stream: Any = AsyncFeed(Client())  # type: ignore[arg-type]
    stream._ws_url = f"ws://127.0.0.1:{port}/{path}"
    books: dict[str, Any] = {}
    queues: list[asyncio.Queue[Any]] = [asyncio.Queue() for _ in range(SERVICES)]

    def on_book(message: Any) -> None:
        book = books.get(message.market_ticker)
        if book is None:
            book = books[message.market_ticker] = OrderbookManager(message.market_ticker)
        if hasattr(message, "yes_dollars"):
            book.apply_snapshot(message.yes_dollars, message.no_dollars)
            return
        book.apply_delta(message.side, message.price_dollars, message.delta_fp)
        for queue in queues:
            queue.put_nowait(message)

    stream.on("orderbook_delta", on_book)
    stream.subscribe("orderbook_delta", market_tickers=[ticker(0)])

    async def read() -> None:
        async for _ in stream:
            pass

    return await _with_queues(queues, deltas, keep_times, read, stream.disconnect)


async def _with_queues(
    queues: list[asyncio.Queue[Any]],
    deltas: int,
    keep_times: bool,
    read: Callable[[], Any],
    close: Callable[[], Any],
) -> Run:
    services = [Arrivals(deltas, keep_times) for _ in range(SERVICES)]

    async def serve(queue: asyncio.Queue[Any], arrivals: Arrivals) -> None:
        while True:
            await queue.get()
            if arrivals.take(1):
                return

    async with asyncio.timeout(DEADLINE_S):
        started = time.process_time()
        reader = asyncio.create_task(read())
        await asyncio.gather(*(serve(q, s) for q, s in zip(queues, services, strict=True)))
        spent = time.process_time() - started
        await close()
        reader.cancel()
    return Run(cpu_us=spent / deltas * 1e6, arrivals_ns=max((s.at_ns for s in services), key=sum))


class PlainBook:
    """The least book: a dictionary a side and the best prices, as one would write it around msgspec."""

    __slots__ = ("ask", "asks", "bid", "bids")

    def __init__(self, bids: dict[Price, Count], asks: dict[Price, Count]) -> None:
        self.bids, self.asks = bids, asks
        self.bid, self.ask = max(bids, default=None), min(asks, default=None)

    def apply(self, is_bid: bool, price: Price, change: Count) -> None:
        """Change one level."""
        levels = self.bids if is_bid else self.asks
        size = levels.get(price, 0) + change
        if size > 0:
            levels[price] = size  # type: ignore[assignment]
            if is_bid:
                if self.bid is None or price > self.bid:
                    self.bid = price
            elif self.ask is None or price < self.ask:
                self.ask = price
        else:
            levels.pop(price, None)
            if is_bid:
                if price == self.bid:
                    self.bid = max(levels, default=None)
            elif price == self.ask:
                self.ask = min(levels, default=None)


def run_picows(port: int, path: str, deltas: int, *, keep_times: bool = False) -> Run:
    """Run asyncio with picows, msgspec, exact integers, the least book, and a queue for each service."""
    return asyncio.run(_picows(port, path, deltas, keep_times))


async def _picows(port: int, path: str, deltas: int, keep_times: bool) -> Run:
    from picows import WSListener, WSMsgType, ws_connect

    decode = msgspec.json.Decoder(wire.Frame).decode
    prices, counts = PriceCache(), CountCache()
    books: dict[MarketTicker, PlainBook] = {}
    queues: list[asyncio.Queue[Any]] = [asyncio.Queue() for _ in range(SERVICES)]
    last_seq = 0

    class Listener(WSListener):
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            nonlocal last_seq
            if frame.msg_type != WSMsgType.TEXT:
                return
            message: Any = decode(frame.get_payload_as_memoryview())
            kind = type(message)
            if kind is wire.Delta:
                if message.seq != last_seq + 1:
                    raise RuntimeError("a gap")
                last_seq = message.seq
                body = message.msg
                is_bid = body.side == "yes"
                price = prices[body.price_dollars]
                if not is_bid:
                    price = 10_000 - price  # type: ignore[assignment]
                books[body.market_ticker].apply(is_bid, price, counts[body.delta_fp])
                for queue in queues:
                    queue.put_nowait(message)
            elif kind is wire.Snapshot:
                last_seq, body = message.seq, message.msg
                books[MarketTicker(body.market_ticker)] = PlainBook(
                    {prices[p]: counts[c] for p, c in body.yes_dollars_fp},
                    {Price(10_000 - prices[p]): counts[c] for p, c in body.no_dollars_fp},
                )

    transports: list[Any] = []

    async def read() -> None:
        transport, _ = await ws_connect(Listener, f"ws://127.0.0.1:{port}/{path}")
        transports.append(transport)
        transport.send(WSMsgType.TEXT, b"go")
        await transport.wait_disconnected()

    async def close() -> None:
        transports[0].disconnect()

    return await _with_queues(queues, deltas, keep_times, read, close)


def run_naive(port: int, path: str, deltas: int, *, keep_times: bool = False) -> Run:
    """Run the plain design on Trio: `get_message`, msgspec, the least book, a channel of deltas for each service."""
    return trio.run(_naive, port, path, deltas, keep_times)


async def _naive(port: int, path: str, deltas: int, keep_times: bool) -> Run:
    from trio_websocket import open_websocket_url

    prices, counts = PriceCache(), CountCache()
    books: dict[str, PlainBook] = {}
    services = [Arrivals(deltas, keep_times) for _ in range(SERVICES)]
    done = [trio.Event() for _ in range(SERVICES)]
    # Without a bound, or a burst would lose half of itself: the reader takes one a turn.
    channels = [trio.open_memory_channel[wire.Delta](math.inf) for _ in range(SERVICES)]
    decode = msgspec.json.Decoder(wire.Frame).decode

    async def serve(channel: Any, arrivals: Arrivals, finished: trio.Event) -> None:
        async for _ in channel:
            if arrivals.take(1):
                finished.set()

    async def read(socket: Any) -> None:
        while True:
            message: Any = decode(await socket.get_message())
            kind = type(message)
            if kind is wire.Delta:
                body = message.msg
                is_bid = body.side == "yes"
                price = prices[body.price_dollars]
                books[body.market_ticker].apply(
                    is_bid, price if is_bid else Price(10_000 - price), counts[body.delta_fp]
                )
                for send, _ in channels:
                    send.send_nowait(message)
            elif kind is wire.Snapshot:
                body = message.msg
                books[body.market_ticker] = PlainBook(
                    {prices[p]: counts[c] for p, c in body.yes_dollars_fp},
                    {Price(10_000 - prices[p]): counts[c] for p, c in body.no_dollars_fp},
                )

    with trio.fail_after(DEADLINE_S):
        async with (
            open_websocket_url(f"ws://127.0.0.1:{port}/{path}") as socket,
            trio.open_nursery() as nursery,
        ):
            for (_, channel), service, finished in zip(channels, services, done, strict=True):
                nursery.start_soon(serve, channel, service, finished)
            started = time.process_time()
            await socket.send_message("go")
            nursery.start_soon(read, socket)
            for finished in done:
                await finished.wait()
            spent = time.process_time() - started
            nursery.cancel_scope.cancel()
    return Run(cpu_us=spent / deltas * 1e6, arrivals_ns=max((s.at_ns for s in services), key=sum))
