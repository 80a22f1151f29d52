"""A byte stream that is written to and closed as another is.

Owns: the handing on, for those who only read in a way of their own.
Must not: read.
"""

from __future__ import annotations

import trio


class ForwardingStream(trio.abc.Stream):
    """Another stream, written to and closed as it is; who derives from it says how it is read."""

    def __init__(self, inner: trio.abc.Stream) -> None:
        self._inner = inner

    @property
    def inner(self) -> trio.abc.Stream:
        """What is read from and written to."""
        return self._inner

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send as the inner stream does."""
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the inner stream does."""
        await self._inner.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the inner stream."""
        await self._inner.aclose()
