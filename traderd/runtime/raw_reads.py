"""The bytes under a TLS stream, watched: what TLS hands over ends with a record, so only here shows whether more waits.

Owns: whether the last read took all there was.
Must not: know what the bytes mean.
"""

from __future__ import annotations

from typing import Final

import trio

from traderd.runtime.forwarding_stream import ForwardingStream

RAW_READ_BYTES: Final = 65_536
"""How much is taken at once when TLS does not say how much it wants; as much as Trio's own default."""


class RawReads(ForwardingStream):
    """Wraps the stream that TLS reads from."""

    def __init__(self, inner: trio.abc.Stream) -> None:
        super().__init__(inner)
        self.has_more = False
        """The last read was as large as it might be, so more is waiting behind it."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive as the inner stream does.  Cancelling is safe if it is there."""
        asked = RAW_READ_BYTES if max_bytes is None else max_bytes
        data = await self._inner.receive_some(asked)
        self.has_more = len(data) >= asked
        return data


def raw_reads_under(stream: trio.abc.Stream) -> RawReads | None:
    """Return what a TLS stream reads from; None without TLS."""
    raw = stream.transport_stream if isinstance(stream, trio.SSLStream) else None
    return raw if isinstance(raw, RawReads) else None
