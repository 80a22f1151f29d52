"""Submitting an order: our way from the token schedule to the answer, beside httpx, aiohttp and a thread that signs.

Owns: a small TLS server in a process of its own, one round for each client, CPU of this process and time on the wire.
Must not: count the server's time, or compare figures of different runs.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx
import trio

from benchmarks.compare import Peer, Row, report, side_by_side
from benchmarks.tls import client_context, make_certificate
from traderd.kalshi.auth import Signer, generate_key, parse_signer
from traderd.kalshi.limits import BucketSize
from traderd.kalshi.order_calls import ORDERS as PATH
from traderd.kalshi.rest import RestClient, open_rest
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import Count, Price
from traderd.runtime.env import RealEnv

ORDERS: Final = 400
"""A round's orders, one after the other."""
ROUNDS: Final = 7
PREFIX: Final = "/trade-api/v2"
TERMS: Final = OrderTerms(
    ticker=MarketTicker("KXDEMO-26DEC31-A"), side=Side.BID, price=Price(4_500), count=Count(500)
)
REPLY: Final = {
    "order_id": "25970000-0000-4000-8000-00000000000a",
    "fill_count": "0.00",
    "remaining_count": "5.00",
    "ts_ms": 1_781_159_360_866,
}
UNLIMITED: Final = BucketSize(10**9, 10**9)
"""The schedule runs, and never says no: its cost is part of ours."""
GOAL_UNSIGNED: Final = 2.0
GOAL_SIGNED: Final = 1 / 0.65
GOAL_AIOHTTP: Final = 1 / 1.4
"""CPU against plain httpx (0.5 of it, signed 0.65), and at most 1.4 of aiohttp's."""


async def serve(certificate: Path) -> None:
    """Answer every order with the same body, and note on standard output when its first byte came."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    body = json.dumps(REPLY).encode()
    head = (
        f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    answer = head.encode() + b"Date: Tue, 24 Nov 2026 12:00:00 GMT\r\nX-Arrived: %d\r\n\r\n" + body

    async def talk(stream: trio.SocketStream) -> None:
        secure = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        data = b""
        try:
            while chunk := await secure.receive_some(65_536):
                arrived = time.perf_counter_ns()
                data += bytes(chunk)
                top, end, rest = data.partition(b"\r\n\r\n")
                if end and len(rest) >= _length(top):
                    data = b""
                    await secure.send_all(answer % arrived)
        except trio.BrokenResourceError:
            pass

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, talk, 0)
        print(listeners[0].socket.getsockname()[1], flush=True)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


@contextmanager
def running_server(certificate: Path) -> Iterator[str]:
    """Run the server in a process of its own and give its base URL."""
    command = [sys.executable, __file__, "serve", str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"https://localhost:{int(process.stdout.readline())}{PREFIX}"
        finally:
            process.kill()


def body_of(number: int) -> dict[str, str]:
    """Return the order that the peers send: the same fields as ours."""
    return {
        "ticker": TERMS.ticker,
        "side": "bid",
        "count": "5.00",
        "price": "0.4500",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "client_order_id": f"0a1b2c3d-1-{number:x}",
    }


class Clients:
    """One round of each client; every round opens its connection before it counts."""

    def __init__(self, url: str, certificate: Path, signer: Signer | None) -> None:
        self.url, self.certificate, self.signer = url, certificate, signer
        self.to_wire_us: list[float] = []
        """From the decision to the first byte at the server, of every order of ours."""

    def headers(self) -> dict[str, str]:
        """Return a peer's headers: signed anew for each order, as their documentation shows it."""
        if self.signer is None:
            return {}
        # A peer has no cache; ours is emptied by every new millisecond, so this one never hits it.
        self.signer._cached_ms = -1
        return self.signer.headers("POST", PREFIX + PATH, time.time_ns() // 1_000_000)

    def ours(self) -> float:
        """Run ours: schedule, signature, line, decoded reply."""
        return trio.run(self._ours)

    async def _ours(self) -> float:
        context = client_context(self.certificate)
        async with open_rest(
            env=RealEnv(), base_url=self.url, signer=self.signer, ssl_context=context
        ) as rest:
            rest.throttle.learn_sizes(UNLIMITED, UNLIMITED)
            await self._place(rest, 0)
            started = time.process_time()
            for number in range(ORDERS):
                await self._place(rest, number)
            return (time.process_time() - started) / ORDERS * 1e6

    async def _place(self, rest: RestClient, number: int) -> None:
        await rest.create_order(ClientOrderId(f"0a1b2c3d-1-{number:x}"), TERMS)

    def httpx(self) -> float:
        """Run plain httpx under Trio, as one would write it."""
        return trio.run(self._httpx)

    async def _httpx(self) -> float:
        context = client_context(self.certificate)
        async with httpx.AsyncClient(base_url=self.url, verify=context) as http:

            async def place(number: int) -> None:
                reply = await http.post(PATH, json=body_of(number), headers=self.headers())
                if reply.status_code != 201 or not reply.json()["order_id"]:
                    raise RuntimeError(reply.text)

            await place(0)
            started = time.process_time()
            for number in range(ORDERS):
                await place(number)
            return (time.process_time() - started) / ORDERS * 1e6

    def aiohttp(self) -> float:
        """Run aiohttp under asyncio, as one would write it."""
        return asyncio.run(self._aiohttp())

    async def _aiohttp(self) -> float:
        import aiohttp

        connector = aiohttp.TCPConnector(ssl=client_context(self.certificate))
        async with aiohttp.ClientSession(connector=connector) as http:

            async def place(number: int) -> None:
                async with http.post(
                    self.url + PATH, json=body_of(number), headers=self.headers()
                ) as reply:
                    if reply.status != 201 or not (await reply.json())["order_id"]:
                        raise RuntimeError(await reply.text())

            await place(0)
            started = time.process_time()
            for number in range(ORDERS):
                await place(number)
            return (time.process_time() - started) / ORDERS * 1e6

    def wire_times(self) -> list[float]:
        """Return microseconds from each decision to its first byte at the server (one clock, two processes)."""
        return trio.run(self._wire_times)

    async def _wire_times(self) -> list[float]:
        times: list[float] = []
        async with open_rest(
            env=RealEnv(),
            base_url=self.url,
            signer=self.signer,
            ssl_context=client_context(self.certificate),
        ) as rest:
            rest.throttle.learn_sizes(UNLIMITED, UNLIMITED)
            lines: Any = rest._all._lines.orders  # type: ignore[union-attr]
            send = lines.send

            async def noted(line: Any, request: Any) -> Any:
                head, body = await send(line, request)
                arrived = next(int(v) for k, v in head.headers if k == b"x-arrived")
                times.append((arrived - decided) / 1_000)
                return head, body

            lines.send = noted
            for number in range(ORDERS):
                decided = time.perf_counter_ns()
                await self._place(rest, number)
        return times[1:]


def signing_rows(signer: Signer) -> list[Row]:
    """Return what a signature costs inline beside one in a thread: why it is made inline."""

    def inline() -> float:
        started = time.perf_counter()
        for number in range(200):
            signer.headers("POST", PREFIX + PATH, number)
        return (time.perf_counter() - started) / 200 * 1e6

    async def off_loop() -> float:
        started = time.perf_counter()
        for number in range(200):
            await trio.to_thread.run_sync(signer.headers, "POST", PREFIX + PATH, number)
        return (time.perf_counter() - started) / 200 * 1e6

    peers = [
        Peer(name="in a thread", distribution="trio", goal=1.0, run=lambda: trio.run(off_loop))
    ]
    return side_by_side("sign: RSA 2048, inline", inline, peers, rounds=ROUNDS)


def submit_rows(name: str, clients: Clients, goal: float) -> list[Row]:
    """Return the rows of one kind of order."""
    peers = [
        Peer(name="plain httpx under Trio", distribution="httpx", goal=goal, run=clients.httpx),
        Peer(name="aiohttp", distribution="aiohttp", goal=GOAL_AIOHTTP, run=clients.aiohttp),
    ]
    return side_by_side(f"order submit over TLS, {name}: CPU", clients.ours, peers, rounds=ROUNDS)


def print_wire(name: str, read: Callable[[], list[float]]) -> None:
    """Print how long it takes from the decision to the wire."""
    cuts = statistics.quantiles(read(), n=100)
    print(f"decision to wire, {name}: p50 {cuts[49]:.0f} us, p99 {cuts[98]:.0f} us")


def main() -> int:
    """Run all of it and return 1 if a goal does not hold."""
    signer = parse_signer("bench", generate_key("rsa")[0], source="the benchmark")
    with tempfile.TemporaryDirectory() as folder:
        certificate = make_certificate(Path(folder))
        with running_server(certificate) as url:
            unsigned = Clients(url, certificate, None)
            signed = Clients(url, certificate, signer)
            rows = submit_rows("unsigned", unsigned, GOAL_UNSIGNED)
            rows += submit_rows("signed", signed, GOAL_SIGNED)
            rows += signing_rows(signer)
            print_wire("unsigned", unsigned.wire_times)
            print_wire("signed", signed.wire_times)
    return report(rows, "order_submit.json")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        trio.run(serve, Path(sys.argv[2]))
    sys.exit(main())
