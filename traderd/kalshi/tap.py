"""A stream put under trio-websocket that takes whole data frames out on the way.

Owns: cutting unmasked TEXT and BINARY frames out of what a server sends, and handing each read's worth to `sink` as one
list. Everything else (handshake, ping, pong, close, what is odd) goes on untouched to trio-websocket, which stays the
client: it answers, objects, closes and sends. That costs 0.5 us a message where `get_message` costs 18, and it is the one place that sees every byte, so it also knows when the line was last alive.
Must not: understand a message, or wait for anybody but the network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

READ_BYTES: Final = 65_536
"""Bounds one read, so one call of the sink: about 250 messages, half a millisecond of work."""
MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Kalshi: maximum message; a larger one goes through to trio-websocket, which refuses it."""
HEAD_BYTES_MAX: Final = 65_536
"""Bounds the answer to the handshake."""

_HEAD_END: Final = b"\r\n\r\n"
_FIN: Final = 0x80
_TEXT, _BINARY, _CONTINUATION, _CLOSE = 0x1, 0x2, 0x0, 0x8
_LENGTH_16, _LENGTH_64, _MASKED = 126, 127, 128


class FrameTap(trio.abc.Stream):
    """Wraps the client's end of a WebSocket; `heard_at` is Trio's time of the last byte from the server."""

    def __init__(
        self,
        inner: trio.abc.Stream,
        *,
        sink: Callable[[list[bytes]], None],
        on_end: Callable[[], None],
        message_bytes_max: int = MESSAGE_BYTES_MAX,
    ) -> None:
        """Take the stream, who gets the messages, and who is told once that no more bytes will come."""
        self.heard_at = trio.current_time()
        self.bytes_received = 0
        self._inner = inner
        self._sink = sink
        self._on_end = on_end
        self._message_bytes_max = message_bytes_max
        self._read: Callable[[bytes], bytes] = self._read_head
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._wanted_bytes = 0
        self._fragments: list[bytes] | None = None

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send as the inner stream does."""
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the inner stream does."""
        await self._inner.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the inner stream."""
        await self._inner.aclose()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what is trio-websocket's business; data frames go to the sink.  Cancelling is safe.

        Raises:
            BrokenResourceError: the line broke, or the server split a message in a way that it must not.
        """
        while True:
            try:
                data = bytes(await self._inner.receive_some(READ_BYTES))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._on_end()
                raise
            if not data:
                self._on_end()
                return data
            self.heard_at = trio.current_time()
            self.bytes_received += len(data)
            passed = self._read(data)
            if passed:
                return passed

    # Each reader takes what arrived and returns what goes on to trio-websocket.

    def _read_head(self, data: bytes) -> bytes:
        buffer = self._join(data)
        end = buffer.find(_HEAD_END)
        if end < 0 and len(buffer) <= HEAD_BYTES_MAX:
            self._keep(buffer, wanted=0)
            return b""
        if end < 0 or b" 101 " not in buffer[: buffer.find(b"\r\n") + 1]:
            # A rejection or no HTTP at all: none of our business.
            self._read = self._pass
            return buffer
        self._read = self._read_frames
        head_bytes = end + len(_HEAD_END)
        rest = buffer[head_bytes:]
        return buffer[:head_bytes] + (self._read_frames(rest) if rest else b"")

    def _pass(self, data: bytes) -> bytes:
        return data

    def _read_frames(self, data: bytes) -> bytes:
        if self._kept_bytes + len(data) < self._wanted_bytes:
            # A large message in pieces: joining it again for every piece would be quadratic.
            self._keep(data, wanted=self._wanted_bytes)
            return b""
        buffer = self._join(data)
        batch: list[bytes] = []
        passed = self._cut(buffer, batch)
        if batch:
            self._sink(batch)
        return passed

    def _cut(self, buffer: bytes, batch: list[bytes]) -> bytes:
        position, size, passed = 0, len(buffer), b""
        while size - position >= 2:
            first, length, start = buffer[position], buffer[position + 1], position + 2
            if length == _LENGTH_16:
                start += 2
                if start > size:
                    break
                length = buffer[position + 2] << 8 | buffer[position + 3]
            elif length >= _LENGTH_64:
                if length >= _MASKED:
                    # A server must not mask: trio-websocket shall say so.
                    self._read = self._pass
                    return passed + buffer[position:]
                start += 8
                if start > size:
                    break
                length = int.from_bytes(buffer[position + 2 : start], "big")
            end = start + length
            if end > size:
                if length > self._message_bytes_max:
                    self._read = self._pass
                    return passed + buffer[position:]
                self._keep(buffer[position:], wanted=end - position)
                return passed
            if first in (_FIN | _TEXT, _FIN | _BINARY) and self._fragments is None:
                batch.append(buffer[start:end])
            elif first & 0x7F in (_CONTINUATION, _TEXT, _BINARY):
                self._fragment(first, buffer[start:end], batch)
            elif first == _FIN | _CLOSE:
                self._read = self._pass
                return passed + buffer[position:]
            else:
                passed += buffer[position:end]
            position = end
        if position < size:
            self._keep(buffer[position:], wanted=0)
        return passed

    def _fragment(self, first: int, payload: bytes, batch: list[bytes]) -> None:
        # The parts that came before are with us, so trio-websocket cannot judge: the line is broken here.
        begins = first & 0x0F != _CONTINUATION
        if begins is (self._fragments is not None):
            raise trio.BrokenResourceError("the server split a message in a way that it must not")
        self._fragments = (self._fragments or []) + [payload]
        if sum(map(len, self._fragments)) > self._message_bytes_max:
            raise trio.BrokenResourceError("the server sent a message that is too large")
        if first & _FIN:
            batch.append(b"".join(self._fragments))
            self._fragments = None

    def _keep(self, data: bytes, *, wanted: int) -> None:
        self._kept.append(data)
        self._kept_bytes += len(data)
        self._wanted_bytes = wanted

    def _join(self, data: bytes) -> bytes:
        if not self._kept:
            return data
        joined = b"".join([*self._kept, data])
        self._kept.clear()
        self._kept_bytes = self._wanted_bytes = 0
        return joined
