"""A socket's stream whose bytes can be had at once, without a turn of the loop before each read.

Owns: one system call a read, and telling whether there is anything to read. Trio's own stream lets everybody run after
each read that finds something, and has four layers: 5 us, and while a feed is busy it finds something nearly every time.
Must not: know what the bytes mean.
"""

from __future__ import annotations

import os
from typing import Final

import trio

from traderd.runtime.forwarding_stream import ForwardingStream

READ_BYTES: Final = 65_536
"""How much is taken at once by who does not say how much it wants; as much as Trio's own default."""


class PromptStream(ForwardingStream):
    """Wraps a stream over a socket; written to and closed as that is."""

    def __init__(self, inner: trio.SocketStream) -> None:
        super().__init__(inner)
        self.socket = inner.socket
        self.reader_yields = False
        """Who reads at the top lets others run between its reads, so that a read that finds bytes need not."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive as Trio's stream does, and let others run unless the reader does.  Cancelling is safe.

        Raises:
            BrokenResourceError: the connection broke.
            ClosedResourceError: this end was closed.
        """
        wanted = READ_BYTES if max_bytes is None else max_bytes
        if wanted < 1:
            raise ValueError(f"max_bytes must be at least 1, not {wanted}")
        yielded = self.reader_yields
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            descriptor = self.socket.fileno()
            if descriptor < 0:
                raise trio.ClosedResourceError("this socket was already closed")
            try:
                data = os.read(descriptor, wanted)
            except BlockingIOError:
                yielded = True
                await trio.lowlevel.wait_readable(descriptor)
            except OSError as exc:
                raise trio.BrokenResourceError(f"socket connection broken: {exc}") from exc
            else:
                break
        if not yielded:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return data


def prompt_under(stream: trio.abc.Stream) -> PromptStream | None:
    """Return what a connection, with TLS or without, reads its socket by; None where no socket is under it."""
    while not isinstance(stream, PromptStream):
        if isinstance(stream, trio.SSLStream):
            stream = stream.transport_stream
        elif isinstance(stream, ForwardingStream):
            stream = stream.inner
        else:
            return None
    return stream


def has_unread(stream: trio.abc.Stream) -> bool:
    """Tell whether a connection has bytes or its end to read now; False where no socket is under it."""
    prompt = prompt_under(stream)
    return prompt is not None and prompt.socket.is_readable()
