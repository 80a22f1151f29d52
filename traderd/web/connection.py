"""A connection that cannot get stuck: its sends give up, and its end comes in bounded time.

Owns: the bound on a stuck send, the last answer reaching its client, and the TLS handshake.
Must not: know HTTP, but for the few answers that are exchanged where they leave (`raw_answers`).
"""

from __future__ import annotations

from typing import Any, Final

import structlog
import trio

from traderd.web.raw_answers import INSTEAD

SEND_BUDGET_S: Final = 10.0
"""Bounds one stuck send, after which the client is given up."""

ASK_BUDGET_S: Final = 5.0
"""Bounds the TLS handshake, and the wait for a whole request head on a connection that asks nothing else."""

CLOSE_BUDGET_S: Final = 1.0
"""Bounds the polite end of a connection."""

LINGER_S: Final = 0.1
"""How long a client may still send after the answer that ends its connection, since it sent last; `CLOSE_BUDGET_S` in all."""

log = structlog.get_logger("traderd.web")


class Connection(trio.abc.HalfCloseableStream):
    """A stream whose sends give up: hypercorn shields them, but a deadline inside the shield works."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._over = trio.Event()
        self._eof_sent = trio.Event()
        self._heard = 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send or give the client up; raises BrokenResourceError, and ClosedResourceError while the end is being sent."""
        data = INSTEAD.get(bytes(data), data) if data[:5] == b"HTTP/" else data
        try:
            with trio.move_on_after(SEND_BUDGET_S) as budget:
                await self._stream.send_all(data)
        except trio.BusyResourceError:
            # Hypercorn sends one thing at a time, so this is a ping or an answer that met `send_eof`.
            raise trio.ClosedResourceError("the connection is being closed") from None
        if budget.cancelled_caught:
            log.warning("web.client_stuck", budget_s=SEND_BUDGET_S)
            await self.abort()
            raise trio.BrokenResourceError("the client did not read in time")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until a send may work."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive some bytes; the end of the stream is the end of the connection."""
        data = await self._stream.receive_some(max_bytes)
        self._heard += 1
        if not data:
            self._over.set()
        return data

    async def send_eof(self) -> None:
        """Tell the peer that no more comes, where the stream can; hypercorn does so only in order to close.

        Shielded and bounded: it comes from the task of the answer, which quart cancels once the answer is complete, and a
        connection that was not closed then would be held until its client gives up.
        """
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            with trio.move_on_after(CLOSE_BUDGET_S, shield=True):
                await self._stream.send_eof()
                self._eof_sent.set()

    async def aclose(self) -> None:
        """Close the stream; after `send_eof` only once the client was silent for `LINGER_S` or has closed its side too.

        To close while the client still sends, as it may when it was refused before its whole body was there, would
        reset the connection and take the answer from it.
        """
        if self._eof_sent.is_set():
            await trio.lowlevel.checkpoint()
            return
        self._over.set()
        await self._stream.aclose()

    async def abort(self) -> None:
        """Close the stream now; a send or receive that waits on it ends with ClosedResourceError."""
        self._over.set()
        await trio.aclose_forcefully(self._stream)

    async def close_when_over(self, everything: trio.CancelScope) -> None:
        """Wait for the end of the connection, or to be cancelled, and then end all that belongs to it.

        Hypercorn's timers would hold a connection that is over for up to `PING_INTERVAL_S`, and its
        sends do not hear of a cancellation; they do hear of a closed stream.
        """
        try:
            async with trio.open_nursery() as waiting:
                waiting.start_soon(self._linger)
                await self._over.wait()
                waiting.cancel_scope.cancel(reason="the connection is over")
        finally:
            with trio.move_on_after(CLOSE_BUDGET_S, shield=True):
                await self.abort()
        everything.cancel(reason="the connection is over")

    async def _linger(self) -> None:
        await self._eof_sent.wait()
        with trio.move_on_after(CLOSE_BUDGET_S):
            heard = -1
            while heard != self._heard:
                heard = self._heard
                await trio.sleep(LINGER_S)
        self._over.set()


class SecureConnection(Connection):
    """A connection over TLS."""

    def __init__(self, stream: trio.SSLStream[Any]) -> None:
        super().__init__(stream)
        self._tls = stream

    async def do_handshake(self) -> None:
        """Agree on keys within `ASK_BUDGET_S`; raises BrokenResourceError."""
        with trio.move_on_after(ASK_BUDGET_S) as budget:
            await self._tls.do_handshake()
        if budget.cancelled_caught:
            raise trio.BrokenResourceError("the client did not shake hands in time")
