"""One WebSocket line: bytes in as batches of messages, texts out, and the one reason for which it was lost.

Owns: connecting, the handshake, one sender, one watchdog (trio-websocket has no keep-alive of its own), the close.
Must not: understand a message. A lost line is never used again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import h11
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import ProtocolError as WebSocketProtocolError

from traderd.errors import ExchangeError, ExchangeUnavailable
from traderd.kalshi.errors import close_words, connect_error, handshake_error
from traderd.kalshi.frame_cutter import MESSAGE_BYTES_MAX
from traderd.kalshi.tap import FrameTap, Ingest
from traderd.runtime.env import Env

X = TypeVar("X", bound=BaseException)

PROTOCOL_ERRORS: Final = (h11.ProtocolError, WebSocketProtocolError)
"""What trio-websocket lets out when it cannot even object in a proper way."""
CONNECT_DEADLINE_S: Final = 10.0
HANDSHAKE_DEADLINE_S: Final = 10.0
CLOSE_BUDGET_S: Final = 1.0
"""Bounds the polite close: a dead peer must not hold a shutdown."""
SEND_DEADLINE_S: Final = 5.0
"""Bounds one send; an overrun loses the line, because a half-sent frame poisons it."""
SILENCE_S_MAX: Final = 15.0
"""Kalshi pings every 10 s; after this long without a byte we ask ourselves."""
PONG_DEADLINE_S: Final = 5.0
TEXTS_WAITING_MAX: Final = 256
"""Bounds the sender's queue; a full one means that the peer stopped reading, so the line is lost."""
MESSAGES_WAITING_MAX: Final = 256
"""Bounds trio-websocket's own queue, which stays empty while the tap works; a full one makes the server wait."""


@asynccontextmanager
async def open_line(
    *,
    env: Env,
    url: str,
    headers: dict[str, str],
    on_messages: Callable[[Line, list[bytes]], None],
    on_lost: Callable[[], None],
    skew_ms: int = 0,
    ingest: Ingest = "tap",
) -> AsyncIterator[Line]:
    """Connect, shake hands and read until the block ends.

    `on_messages` is called synchronously with everything that one read brought (one message, when `ingest` is plain),
    until the line is lost; then `on_lost` is called once. Errors of the body pass through as they are; an error of a
    callback is a defect and arrives in a group. Cancelling closes the line.

    Raises:
        AuthenticationRefused: the handshake was answered with 401 or 403.
        ExchangeRefused: another clear no.
        ExchangeProtocolError: an HTTP answer below 400 that is no WebSocket.
        ExchangeUnavailable: no connection, a 5xx, another protocol, or too slow; the reason is in words.
    """
    stream = await _connect(env, url)
    body_error: BaseException | None = None
    line = Line(stream, on_messages, on_lost, ingest)
    try:
        async with trio.open_nursery() as surroundings:
            # A cancellation just before its answer would leave the holder behind, which nothing could end any more.
            with trio.CancelScope(shield=True):
                nursery = await surroundings.start(_hold_nursery)
            try:
                await line.shake_hands(nursery, url, headers)
                yield line
            except BaseException as exc:
                body_error = exc
                raise
            finally:
                line.lose("closed by us")
                with trio.move_on_after(CLOSE_BUDGET_S, shield=True):
                    await line.close()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        explained = _explain(group, url=url, skew_ms=skew_ms)
        if explained is not None:
            error, cause = explained
            raise error from cause
        if body_error is None or _has_defect(group, body_error):
            raise
    finally:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
    if body_error is not None:
        raise body_error


class Line:
    """An open WebSocket; made by `open_line`."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        on_messages: Callable[[Line, list[bytes]], None],
        on_lost: Callable[[], None],
        ingest: Ingest,
    ) -> None:
        self.messages_received = 0
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._lost = trio.Event()
        self._lost_reason: str | None = None
        self._handshake = trio.CancelScope()
        # trio-websocket waits for ever when the line ends before the answer, so the tap cancels the waiting.
        self._tap = FrameTap(stream, sink=self._take, on_end=self._handshake.cancel, ingest=ingest)
        self._outbox, self._outbox_end = trio.open_memory_channel[str](TEXTS_WAITING_MAX)
        self._socket: WebSocketConnection | None = None

    @property
    def bytes_received(self) -> int:
        """All bytes from the server, frames of every kind."""
        return self._tap.bytes_received

    @property
    def has_more(self) -> bool:
        """Tell whether the last read left something behind: we are slower than the line."""
        return self._tap.has_more

    @property
    def heard_at(self) -> float:
        """Trio's time of the last byte from the server, pings included."""
        return self._tap.heard_at

    @property
    def lost_reason(self) -> str | None:
        """Why the line was lost, None while it stands."""
        return self._lost_reason

    async def wait_lost(self) -> str:
        """Wait until the line is lost, and return why.  Cancelling is safe."""
        await self._lost.wait()
        return self._lost_reason or ""

    def lose(self, reason: str) -> None:
        """Give the line up; the first reason stays."""
        if self._lost_reason is None:
            self._lost_reason = reason
            self._lost.set()
            self._on_lost()

    def send_nowait(self, text: str) -> None:
        """Hand a text to the sender; nothing is sent on a lost line."""
        if self._lost_reason is not None:
            return
        try:
            self._outbox.send_nowait(text)
        except trio.WouldBlock:
            self.lose(f"{TEXTS_WAITING_MAX} messages wait to be sent")

    # --- for open_line ----------------------------------------------------------------------------

    async def shake_hands(self, nursery: trio.Nursery, url: str, headers: dict[str, str]) -> None:
        """Become a WebSocket and start the line's tasks in `nursery`; raises ExchangeUnavailable."""
        parts = urlsplit(url)
        tapped: Any = self._tap  # trio-websocket's annotation only knows sockets
        self._handshake.deadline = trio.current_time() + HANDSHAKE_DEADLINE_S
        with self._handshake:
            self._socket = await wrap_client_stream(
                nursery,
                tapped,
                parts.netloc,
                parts.path,
                extra_headers=[(key.encode(), value.encode()) for key, value in headers.items()],
                message_queue_size=MESSAGES_WAITING_MAX,
                max_message_size=MESSAGE_BYTES_MAX,
            )
        if self._socket is None:
            late = trio.current_time() >= self._handshake.deadline
            reason = "no answer in time" if late else "the line ended during the handshake"
            raise ExchangeUnavailable(f"{url}: {reason}")
        nursery.start_soon(self._wait_closed, self._socket)
        nursery.start_soon(self._send, self._socket)
        nursery.start_soon(self._watch, nursery, self._socket)

    async def close(self) -> None:
        """Say goodbye, if there was a handshake, and close the stream; nobody is told anything from now on."""
        # What listened must not wait for the garbage collector, which may have been told to look away.
        self._on_messages, self._on_lost = _hear_nothing, _do_nothing
        self._outbox.close()
        if self._socket is not None:
            await self._socket.aclose()

    # --- tasks ------------------------------------------------------------------------------------

    def _take(self, messages: list[bytes]) -> None:
        # Called by the tap inside trio-websocket's reader.
        if self._lost_reason is None:
            self.messages_received += len(messages)
            self._on_messages(self, messages)

    async def _wait_closed(self, socket: WebSocketConnection) -> None:
        try:
            while True:
                # The tap takes the messages out, but for what it leaves to trio-websocket: all of them when ingest is
                # plain, else those behind an oddity, in their order.
                message = await socket.get_message()
                self._take([message.encode() if isinstance(message, str) else message])
        except ConnectionClosed as exc:
            self.lose(close_words(exc))

    async def _send(self, socket: WebSocketConnection) -> None:
        # The one place that sends: a caller who is cancelled cannot cut a frame in half.
        with self._outbox_end:
            async for text in self._outbox_end:
                with trio.move_on_after(SEND_DEADLINE_S) as scope:
                    try:
                        await socket.send_message(text)
                    except ConnectionClosed as exc:
                        self.lose(close_words(exc))
                        return
                if scope.cancelled_caught:
                    self.lose(f"a send took longer than {SEND_DEADLINE_S:g} s")
                    return

    async def _watch(self, nursery: trio.Nursery, socket: WebSocketConnection) -> None:
        number = 0
        while self._lost_reason is None:
            due = self._tap.heard_at + SILENCE_S_MAX
            if trio.current_time() < due:
                # Until a moment, not for a while: what is left of one can be too short for a float to add anything.
                await trio.sleep_until(due)
                continue
            number += 1
            heard_bytes = self._tap.bytes_received
            nursery.start_soon(self._ping, socket, b"traderd %d" % number)
            await trio.sleep(PONG_DEADLINE_S)
            if self._tap.bytes_received == heard_bytes:
                silence_s = SILENCE_S_MAX + PONG_DEADLINE_S
                self.lose(f"silent for {silence_s:g} s, our own ping included")

    async def _ping(self, socket: WebSocketConnection, payload: bytes) -> None:
        # Never under a deadline: a cancelled ping would poison the line like any cancelled send.
        try:
            await socket.ping(payload)
        except ConnectionClosed as exc:
            self.lose(close_words(exc))


def _hear_nothing(line: Line, messages: list[bytes]) -> None:
    pass


def _do_nothing() -> None:
    pass


async def _hold_nursery(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    # Shielded, because a reader that is cancelled together with the body could not hear the peer's farewell, and each
    # close would then take its whole budget; `open_line` always ends it.
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await trio.sleep_forever()


async def _connect(env: Env, url: str) -> trio.abc.Stream:
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    try:
        with trio.fail_after(CONNECT_DEADLINE_S):
            return await env.connect(
                parts.hostname or "", parts.port or (443 if secure else 80), tls=secure
            )
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as exc:
        raise connect_error(exc, url=url) from exc


def _explain(
    group: BaseExceptionGroup[BaseException], *, url: str, skew_ms: int
) -> tuple[ExchangeError, BaseException] | None:
    # Returns what an error of the handshake or of the protocol means, with its cause; None when it is neither.
    rejected = _first(group, ConnectionRejected)
    if rejected is not None:
        return handshake_error(rejected, url=url, skew_ms=skew_ms), rejected
    broken = _first(group, *PROTOCOL_ERRORS)
    if broken is not None:
        words = f"{url}: the peer does not speak WebSocket ({broken})"
        return ExchangeUnavailable(words), broken
    return None


def _first(group: BaseExceptionGroup[BaseException], *kinds: type[X]) -> X | None:
    inner: BaseException | None = group.subgroup(kinds)
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return inner if isinstance(inner, kinds) else None


def _has_defect(group: BaseExceptionGroup[BaseException], body_error: BaseException) -> bool:
    # What is neither the body's own error nor a cancellation is a defect in one of our tasks.
    def foreign(exc: BaseException) -> bool:
        known = exc is body_error or isinstance(exc, trio.Cancelled | BaseExceptionGroup)
        return not known

    return group.subgroup(foreign) is not None
