"""Ingest: what a message costs until the client's code has it, over loopback from a server in another process.

Owns: one client for each peer, all of which take the same bytes and count what came. CPU time of this process, so the
server does not count, and neither does waiting. Plain text, so that the clients are compared and not OpenSSL: over TLS
ours pays 0.2 us more for a message in full records, and some 12 us where every message is a record of its own, because
each is then a read and a batch (measured on loopback, two cores).
Must not: decode; that is `market_decode`.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from benchmarks.compare import HERE, Peer, Row, side_by_side
from benchmarks.market_frames import MARKETS
from traderd.kalshi.line import Line, open_line
from traderd.runtime.env import RealEnv

MESSAGES: Final = 40_000
BEFORE: Final = MARKETS + 1
"""The reply to the subscription and the snapshots, which come before the deltas."""
DEADLINE_S: Final = 120.0


@contextmanager
def blaster(deltas: int, *, markets: int = MARKETS) -> Iterator[tuple[int, Path]]:
    """Run the server and yield its port and the file where it notes when it sent paced deltas."""
    with tempfile.TemporaryDirectory() as folder:
        stamps = Path(folder) / "stamps"
        arguments = [str(deltas), str(markets), str(stamps)]
        with subprocess.Popen(
            [sys.executable, str(HERE / "market_blaster.py"), *arguments],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                yield int(process.stdout.readline()), stamps
            finally:
                process.kill()


class Counter:
    """Counts messages and notes the CPU time from the go to the last one."""

    def __init__(self) -> None:
        self.left = MESSAGES + BEFORE
        self.started = self.spent = 0.0

    def go(self) -> None:
        """Begin."""
        self.started = time.process_time()

    def take(self, count: int) -> bool:
        """Note messages; returns True once all are there."""
        self.left -= count
        if self.left < 0:
            raise RuntimeError("more messages came than were sent")
        if self.left == 0:
            self.spent = time.process_time() - self.started
        return self.left == 0

    def cost_us(self) -> float:
        """Return the CPU time of one message."""
        if self.left:
            raise RuntimeError(f"{self.left} messages are missing")
        return self.spent / (MESSAGES + BEFORE) * 1e6


def ours(url: str) -> float:
    """Take them by the daemon's own line."""
    return trio.run(_ours, url)


async def _ours(url: str) -> float:
    counter, done = Counter(), trio.Event()

    def on_messages(_: Line, messages: list[bytes]) -> None:
        if counter.take(len(messages)):
            done.set()

    with trio.fail_after(DEADLINE_S):
        async with open_line(
            env=RealEnv(), url=url, headers={}, on_messages=on_messages, on_lost=lambda: None
        ) as line:
            counter.go()
            line.send_nowait("go")
            await done.wait()
    return counter.cost_us()


def trio_websocket_as_is(url: str) -> float:
    """Take them by trio-websocket's own `get_message`, one by one."""
    return trio.run(_trio_websocket, url)


async def _trio_websocket(url: str) -> float:
    from trio_websocket import open_websocket_url

    counter = Counter()
    with trio.fail_after(DEADLINE_S):
        async with open_websocket_url(url) as socket:
            counter.go()
            await socket.send_message("go")
            while True:
                await socket.get_message()
                if counter.take(1):
                    break
    return counter.cost_us()


def on_asyncio(client: Callable[[str], Awaitable[float]], url: str) -> float:
    """Run one of the asyncio clients below."""

    async def run() -> float:
        async with asyncio.timeout(DEADLINE_S):
            return await client(url)

    return asyncio.run(run())


async def websockets_client(url: str) -> float:
    """Take them by `websockets`, without compression."""
    from websockets.asyncio.client import connect

    counter = Counter()
    async with connect(url, compression=None, max_size=None) as socket:
        counter.go()
        await socket.send("go")
        async for _ in socket:
            if counter.take(1):
                break
    return counter.cost_us()


async def aiohttp_client(url: str) -> float:
    """Take them by aiohttp's client."""
    import aiohttp

    counter = Counter()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, max_msg_size=0) as socket,
    ):
        counter.go()
        await socket.send_str("go")
        async for _ in socket:
            if counter.take(1):
                break
    return counter.cost_us()


async def picows_client(url: str) -> float:
    """Take them by picows, each payload as bytes as ours are."""
    from picows import WSListener, WSMsgType, ws_connect

    counter, done = Counter(), asyncio.Event()

    class Listener(WSListener):
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type == WSMsgType.TEXT:
                frame.get_payload_as_bytes()
                if counter.take(1):
                    done.set()

    transport, _ = await ws_connect(Listener, url)
    counter.go()
    transport.send(WSMsgType.TEXT, b"go")
    await done.wait()
    transport.disconnect()
    return counter.cost_us()


def rows() -> list[Row]:
    """Return ours beside every peer."""
    with blaster(MESSAGES) as (port, _):
        url = f"ws://127.0.0.1:{port}/blast/{MESSAGES}"
        peers = [
            Peer(
                name="trio-websocket as it is",
                distribution="trio-websocket",
                goal=20.0,
                run=partial(trio_websocket_as_is, url),
            ),
            Peer(
                name="asyncio websockets",
                distribution="websockets",
                goal=5.0,
                run=partial(on_asyncio, websockets_client, url),
            ),
            Peer(
                name="aiohttp's client",
                distribution="aiohttp",
                goal=2.0,
                run=partial(on_asyncio, aiohttp_client, url),
            ),
            Peer(
                name="asyncio picows",
                distribution="picows",
                goal=0.5,
                run=partial(on_asyncio, picows_client, url),
            ),
        ]
        return side_by_side("ingest: CPU of one message", partial(ours, url), peers)
