"""Ingest: what a message costs until the client's code has it, over loopback from a server in another process.

Owns: one client for each peer, all of which take the same bytes and count what came. CPU time of this process, so the
server does not count, and neither does waiting. In plain text, so that the clients are compared and not OpenSSL, and over
TLS as it is used: in full records, and with each message in a record of its own, as servers send that write each message
by itself.
Must not: decode; that is `market_decode`.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import trio

from benchmarks.compare import HERE, Peer, Row, side_by_side
from benchmarks.market_frames import MARKETS
from benchmarks.tls import client_context, make_certificate
from traderd.kalshi.line import Line, open_line
from traderd.runtime.env import RealEnv

MESSAGES: Final = 40_000
BEFORE: Final = MARKETS + 1
"""The reply to the subscription and the snapshots, which come before the deltas."""
DEADLINE_S: Final = 120.0
Goals: TypeAlias = dict[str, float]
"""How many times the CPU of ours each peer must need, by what it is called where it is installed from."""
GOALS: Final[Goals] = {"trio-websocket": 20.0, "websockets": 5.0, "aiohttp": 2.0, "picows": 0.5}
GOALS_TLS: Final[Goals] = {"trio-websocket": 15.0, "websockets": 4.0, "aiohttp": 1.5, "picows": 0.5}
GOALS_RECORDS: Final[Goals] = {
    "trio-websocket": 12.0,
    "websockets": 2.5,
    "aiohttp": 1.2,
    "picows": 0.5,
}
"""Over TLS less, because what OpenSSL does (0.2 us a message in full records, 0.8 in one of its own) is the same for all."""


@contextmanager
def blaster(
    deltas: int, *, markets: int = MARKETS, certificate: Path | None = None
) -> Iterator[tuple[int, Path]]:
    """Run the server and yield its port and the file where it notes when it sent paced deltas."""
    with tempfile.TemporaryDirectory() as folder:
        stamps = Path(folder) / "stamps"
        arguments = [str(deltas), str(markets), str(stamps)]
        arguments += [] if certificate is None else [str(certificate)]
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


def trio_websocket_as_is(url: str, tls: ssl.SSLContext | None) -> float:
    """Take them by trio-websocket's own `get_message`, one by one."""
    return trio.run(_trio_websocket, url, tls)


async def _trio_websocket(url: str, tls: ssl.SSLContext | None) -> float:
    from trio_websocket import open_websocket_url

    counter = Counter()
    with trio.fail_after(DEADLINE_S):
        async with open_websocket_url(url, ssl_context=tls) as socket:
            counter.go()
            await socket.send_message("go")
            while True:
                await socket.get_message()
                if counter.take(1):
                    break
    return counter.cost_us()


AsyncioClient: TypeAlias = Callable[[str, ssl.SSLContext | None], Awaitable[float]]


def on_asyncio(client: AsyncioClient, url: str, tls: ssl.SSLContext | None) -> float:
    """Run one of the asyncio clients below."""

    async def run() -> float:
        async with asyncio.timeout(DEADLINE_S):
            return await client(url, tls)

    return asyncio.run(run())


async def websockets_client(url: str, tls: ssl.SSLContext | None) -> float:
    """Take them by `websockets`, without compression."""
    from websockets.asyncio.client import connect

    counter = Counter()
    async with connect(url, ssl=tls, compression=None, max_size=None) as socket:
        counter.go()
        await socket.send("go")
        async for _ in socket:
            if counter.take(1):
                break
    return counter.cost_us()


async def aiohttp_client(url: str, tls: ssl.SSLContext | None) -> float:
    """Take them by aiohttp's client."""
    import aiohttp

    counter = Counter()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, ssl=tls or True, max_msg_size=0) as socket,
    ):
        counter.go()
        await socket.send_str("go")
        async for _ in socket:
            if counter.take(1):
                break
    return counter.cost_us()


async def picows_client(url: str, tls: ssl.SSLContext | None) -> float:
    """Take them by picows, each payload as bytes as ours are."""
    from picows import WSListener, WSMsgType, ws_connect

    counter, done = Counter(), asyncio.Event()

    class Listener(WSListener):
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type == WSMsgType.TEXT:
                frame.get_payload_as_bytes()
                if counter.take(1):
                    done.set()

    transport, _ = await ws_connect(Listener, url, ssl_context=tls)
    counter.go()
    transport.send(WSMsgType.TEXT, b"go")
    await done.wait()
    transport.disconnect()
    return counter.cost_us()


def compared(name: str, url: str, goals: Goals, tls: ssl.SSLContext | None = None) -> list[Row]:
    """Return ours beside every peer, for one form of the same bytes."""
    runs: dict[str, tuple[str, Callable[[], float]]] = {
        "trio-websocket": ("trio-websocket as it is", partial(trio_websocket_as_is, url, tls)),
        "websockets": ("asyncio websockets", partial(on_asyncio, websockets_client, url, tls)),
        "aiohttp": ("aiohttp's client", partial(on_asyncio, aiohttp_client, url, tls)),
        "picows": ("asyncio picows", partial(on_asyncio, picows_client, url, tls)),
    }
    peers = [
        Peer(name=peer, distribution=distribution, goal=goals[distribution], run=run)
        for distribution, (peer, run) in runs.items()
    ]
    return side_by_side(f"ingest{name}: CPU of one message", partial(ours, url), peers)


@contextmanager
def trusting(certificate: Path) -> Iterator[ssl.SSLContext]:
    """Let the daemon's own way to connect trust a certificate, and yield a context for the others that trusts it too."""
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(certificate)
    try:
        yield client_context(certificate)
    finally:
        del os.environ["SSL_CERT_FILE"]
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before


def rows() -> list[Row]:
    """Return ours beside every peer, in plain text and over TLS."""
    with blaster(MESSAGES) as (port, _):
        found = compared("", f"ws://127.0.0.1:{port}/blast/{MESSAGES}", GOALS)
    with tempfile.TemporaryDirectory() as folder:
        certificate = make_certificate(Path(folder))
        with trusting(certificate) as tls, blaster(MESSAGES, certificate=certificate) as (port, _):
            place = f"wss://localhost:{port}"
            found += compared(", TLS in full records", f"{place}/blast/{MESSAGES}", GOALS_TLS, tls)
            found += compared(
                ", TLS, a record each", f"{place}/records/{MESSAGES}", GOALS_RECORDS, tls
            )
    return found
