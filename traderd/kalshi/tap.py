"""A stream put under trio-websocket that takes whole messages out on the way.

Owns: reading in large pieces, handing each read's messages to `sink` as one list, and knowing when the line was last
alive and whether it ran dry, as the one place that sees every byte. Everything else (handshake, ping, pong, close, what is odd) goes on
untouched to trio-websocket, which stays the client: it answers, objects, closes and sends. That costs 0.5 us a message
where `get_message` costs 18.
Must not: understand a message, or wait for anybody but the network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import trio

from traderd.kalshi.frame_cutter import MESSAGE_BYTES_MAX, FrameCutter
from traderd.runtime.forwarding_stream import ForwardingStream
from traderd.runtime.prompt_stream import prompt_under
from traderd.runtime.raw_reads import raw_reads_under

Ingest: TypeAlias = Literal["tap", "plain"]
"""How messages leave the stream: cut out here, or all by trio-websocket's own reader, one at a time."""
READ_BYTES: Final = 65_536
"""Bounds one read, so one call of the sink: about 250 messages, half a millisecond of work. Over TLS it brings all records
that are there (`runtime/draining_tls.py`)."""


class FrameTap(ForwardingStream):
    """Wraps the client's end of a WebSocket; `heard_at` is Trio's time of the last byte from the server."""

    def __init__(
        self,
        inner: trio.abc.Stream,
        *,
        sink: Callable[[list[bytes]], None],
        on_end: Callable[[], None],
        ingest: Ingest = "tap",
        message_bytes_max: int = MESSAGE_BYTES_MAX,
    ) -> None:
        """Take the stream, who gets the messages, and who is told once that no more bytes will come."""
        super().__init__(inner)
        self.heard_at = trio.current_time()
        self.bytes_received = 0
        self.has_more = False
        """The last read left something behind: we are slower than the line."""
        self._raw = raw_reads_under(inner)
        self._sink = sink
        self._on_end = on_end
        prompt = prompt_under(inner)
        if prompt is not None:
            # We yield between two reads ourselves; trio-websocket's own reader does not.
            prompt.reader_yields = ingest == "tap"
        cutter = FrameCutter(message_bytes_max=message_bytes_max)
        self._cutter = cutter if ingest == "tap" else None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what is trio-websocket's business; messages go to the sink.  Cancelling is safe.

        Raises:
            BrokenResourceError: the line broke.
        """
        cutter = self._cutter
        if cutter is None:
            return await self._receive()
        while True:
            if cutter.ready:
                await trio.lowlevel.checkpoint()
                data = b""
            else:
                data = await self._receive()
                if not data:
                    return data
            batch: list[bytes] = []
            passed = cutter.cut(data, batch)
            if batch:
                self._sink(batch)
            await _let_others_run()
            if passed:
                return passed

    async def _receive(self) -> bytes:
        try:
            data = bytes(await self._inner.receive_some(READ_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._on_end()
            raise
        if data:
            self.heard_at = trio.current_time()
            self.bytes_received += len(data)
            raw = self._raw
            self.has_more = len(data) >= READ_BYTES if raw is None else raw.has_more
        else:
            self._on_end()
        return data


async def _let_others_run() -> None:
    # Who got something runs before a read that finds nothing yet and a wait for the kernel would cost it a tenth of its
    # latency. Trio runs those who can run in any order: once, and we may be the first; after twice everybody has run.
    # Shielded, because what has to be passed on would be lost.
    await trio.lowlevel.cancel_shielded_checkpoint()
    await trio.lowlevel.cancel_shielded_checkpoint()
