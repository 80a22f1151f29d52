"""HTTP/1.1 and WebSockets on one connection, spoken by hypercorn's protocol and by nothing else of it.

Owns: reading, sending, when a connection was silent or idle for too long, and waiting for a turn with what a client sent.
Must not: know routes, or let an error of one connection out as anything but an error.

Hypercorn's own `TCPServer` is not used. It speaks HTTP/2 to whoever asks for it on a plain port, with bounds of other kinds than
those of docs/security.md, and nothing of it can be turned off. It starts a task for each pause between two requests. And it hands
a WebSocket what came before the upgrade was agreed on, which ends in an error inside the application.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any, Final

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    AppWrapper,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    ConnectionState,
    Scope,
)

from traderd.web.connection import ASK_BUDGET_S, Connection, SecureConnection
from traderd.web.loop_share import Pace
from traderd.web.request_heads import CheckedHeads

READ_SILENCE_S: Final = 60
"""A live console answers pings, which come every 20 s, so a connection that is silent for three of them is dead."""

READ_BYTES: Final = 16 * 1024
"""Bounds what is read for one turn; the longest head, and four of the longest messages."""


class HttpWire:
    """One connection, until either side ends it."""

    def __init__(
        self,
        stream: Connection,
        *,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        state: ConnectionState,
        pace: Pace | None,
    ) -> None:
        """`pace` is None where nobody has to wait for a turn."""
        self._stream = stream
        self._app = app
        self._config = config
        self._context = context
        self._state = state
        self._pace = pace
        self._heads = CheckedHeads(
            h11.SERVER, max_incomplete_event_size=config.h11_max_incomplete_size
        )
        self._agreed = trio.Event()
        self._sending = trio.Lock()
        self._reading = trio.CancelScope()
        self._idle_until = math.inf

    async def run(self) -> None:
        """Serve the connection to its end; an error and cancelling leave the stream to be closed by the caller."""
        is_secure = isinstance(self._stream, SecureConnection)
        if isinstance(self._stream, SecureConnection):
            try:
                await self._stream.do_handshake()
            except trio.BrokenResourceError:
                return
        async with TaskGroup() as tasks:
            self._protocol = H11Protocol(
                self._run_app,
                self._config,
                self._context,
                tasks,
                self._state,
                is_secure,
                None,
                None,
                self._send,
            )
            self._protocol.connection = self._heads
            self._note_idle(idle=True)
            await self._read()
        await self._close()

    def end_if_idle(self) -> None:
        """End the connection unless a request is being answered; that answer is then its last."""
        if self._idle_until < math.inf:
            self._idle_until = -math.inf
            self._reading.cancel(reason="the console stops")

    async def _read(self) -> None:
        while (data := await self._hear()) is not None:
            if self._pace is not None:
                await self._pace.turn()
            if self._heads.is_upgraded:
                await self._agreed.wait()
            await self._protocol.handle(RawData(data))
            if not data:
                break
        await self._protocol.handle(Closed())

    async def _hear(self) -> bytes | None:
        """Return what came, empty at the end of the stream; None when nothing came in time or nothing can come."""
        until = min(self._idle_until, trio.current_time() + READ_SILENCE_S)
        self._reading = trio.CancelScope(deadline=until)
        with self._reading, contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            return bytes(await self._stream.receive_some(READ_BYTES))
        return None

    def _note_idle(self, *, idle: bool) -> None:
        if self._idle_until == -math.inf:
            return
        now = trio.current_time()
        self._idle_until = now + ASK_BUDGET_S if idle else math.inf
        self._reading.deadline = min(self._idle_until, now + READ_SILENCE_S)

    async def _send(self, event: Event) -> None:
        if isinstance(event, RawData):
            async with self._sending:
                try:
                    # Quart cancels a handler whose client is gone, and half an answer must not be followed by another one.
                    with trio.CancelScope(shield=True):
                        await self._stream.send_all(event.data)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    # Also what is being read ends with it: a piece of many messages may wait for an application that has ended.
                    await self._stream.abort()
                    await self._protocol.handle(Closed())
        elif isinstance(event, Closed):
            await self._close()
            await self._protocol.handle(Closed())
        elif isinstance(event, Updated):
            self._note_idle(idle=event.idle)

    async def _close(self) -> None:
        with contextlib.suppress(
            trio.BrokenResourceError, trio.BusyResourceError, trio.ClosedResourceError
        ):
            await self._stream.send_eof()
        await self._stream.aclose()

    async def _run_app(
        self,
        scope: Scope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
        sync_spawn: Callable[..., Any],
        call_soon: Callable[..., Any],
    ) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send, sync_spawn, call_soon)
            return

        async def send_and_note(message: ASGISendEvent) -> None:
            await send(message)
            if message["type"] == "websocket.accept":
                self._agreed.set()

        try:
            await self._app(scope, receive, send_and_note, sync_spawn, call_soon)
        finally:
            self._agreed.set()
