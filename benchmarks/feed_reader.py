"""Subscribers of one market's book that check every sequence number and say how many frames a second arrived.

Owns: the client process of `exchange_serving.py`. It cuts frames from the bytes itself, so that what is measured
is the server.
Must not: skip a frame.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from traderd.kalshi.auth import load_signer

TICKER = "KXWNBAGAME-26AUG07PHXCONN-PHX"
SEQ = re.compile(rb'"seq":(\d+)')
MASK = b"\0\0\0\0"


async def connect(ready: dict[str, Any]) -> trio.SocketStream:
    """Open a subscribed WebSocket, or a bare stream."""
    if "bare_port" in ready:
        return await trio.open_tcp_stream("127.0.0.1", ready["bare_port"])
    parts = urlsplit(ready["ws_url"])
    assert parts.hostname is not None
    assert parts.port is not None
    stream = await trio.open_tcp_stream(parts.hostname, parts.port)
    entry = ready["accounts"][0]
    signer = load_signer(entry["key_id"], Path(entry["key_file"]))
    signed = signer.headers("GET", parts.path, time.time_ns() // 1_000_000)
    headers = {
        "Host": f"{parts.hostname}:{parts.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
        **signed,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    await stream.send_all(f"GET {parts.path} HTTP/1.1\r\n{lines}\r\n".encode())
    answer = await stream.receive_some()
    if not answer.startswith(b"HTTP/1.1 101"):
        raise RuntimeError(answer.decode("latin-1"))
    params = {
        "channels": ["orderbook_delta"],
        "market_tickers": [TICKER],
        "use_yes_price": True,
    }
    command = json.dumps({"id": 1, "cmd": "subscribe", "params": params}).encode()
    await stream.send_all(
        b"\x81" + bytes([0x80 | 126]) + struct.pack("!H", len(command)) + MASK + command
    )
    return stream


class Reader:
    """One subscriber."""

    def __init__(self, stream: trio.SocketStream, deltas: int) -> None:
        self.stream = stream
        self.left = deltas
        self.last = 0
        self.first_at = 0.0
        """When the first delta came."""
        self.buffer = bytearray()

    async def read_deltas(self) -> None:
        """Read until every delta has come, in order."""
        while self.left > 0:
            self.buffer += await self.stream.receive_some(262_144)
            self._cut()

    async def read_snapshot(self) -> None:
        """Read until the snapshot has come."""
        while not self.last:
            self.buffer += await self.stream.receive_some(65_536)
            self._cut()

    def _cut(self) -> None:
        data, at = self.buffer, 0
        while len(data) - at >= 4:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = (data[at + 2] << 8) | data[at + 3], at + 4
            elif size == 127:
                if len(data) - at < 10:
                    break
                size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if len(data) < start + size:
                break
            if data[at] == 0x81:
                self._take(bytes(data[start : start + size]))
            at = start + size
        del data[:at]

    def _take(self, payload: bytes) -> None:
        if payload.startswith(b'{"type":"subscribed"'):
            return
        found = SEQ.search(payload)
        if found is None or int(found[1]) != self.last + 1:
            raise RuntimeError(f"after {self.last} came {payload[:120]!r}")
        self.last += 1
        if payload.startswith(b'{"type":"orderbook_delta"'):
            self.left -= 1
            self.first_at = self.first_at or time.perf_counter()


async def main() -> None:
    """Print how many deltas a second arrived, over all subscribers."""
    ready, subscribers, deltas = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    readers = [Reader(await connect(ready), deltas) for _ in range(subscribers)]
    if "bare_port" not in ready:
        for reader in readers:
            await reader.read_snapshot()
    print("ready", flush=True)
    async with trio.open_nursery() as nursery:
        for reader in readers:
            nursery.start_soon(reader.read_deltas)
    started = min(reader.first_at for reader in readers)
    print(subscribers * deltas / (time.perf_counter() - started))


if __name__ == "__main__":
    trio.run(main)
