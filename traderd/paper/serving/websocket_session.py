"""One WebSocket client of the exchange: frames in, a bounded queue of frames out.

Owns: the frames of one connection, its outgoing bounds, its farewell. Sending never waits: a writer task
joins what is queued into one write, and a client that reads too slowly is closed, so it slows nobody else. Texts
that must not be told yet wait at a `gate`; pings and the farewell pass it.
Must not: know what the text means.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import attrs
import trio
import wsproto
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Request,
    TextMessage,
)
from wsproto.extensions import Extension
from wsproto.utilities import RemoteProtocolError

from traderd.paper.serving.answers import Answers
from traderd.paper.serving.deflate import Inflate
from traderd.paper.serving.gate import Gate

MESSAGE_CHARACTERS_MAX: Final = 1024 * 1024
"""Bounds one incoming command: a subscription to 20 000 markets is about 600 KiB."""
RECEIVE_BYTES: Final = 64 * 1024
WRITE_BYTES_MAX: Final = 256 * 1024
"""Bounds one joined write, so that the queue, not the write in flight, shows how far a reader lags."""
OUTGOING_BYTES_MAX: Final = 16 * 1024 * 1024
"""Bounds what waits for one client: some 20 s of a very busy feed, then it is too slow for good."""
OUTGOING_FRAMES_MAX: Final = 100_000
"""Bounds the memory of frames so small that the bytes say little; a feed's, of some 200 bytes, meet the other bound.

One turn of the exchange may well tell one client 10,000 things, and no client reads within a turn.
"""
CLOSE_S: Final = 5.0
"""Bounds the farewell: the last frames, our close frame and the client's."""

CLOSE_NORMAL: Final = 1000
CLOSE_UNSUPPORTED: Final = 1003
CLOSE_TOO_BIG: Final = 1009
CLOSE_INTERNAL_ERROR: Final = 1011
CLOSE_TRY_LATER: Final = 1013


@attrs.frozen(kw_only=True)
class OutgoingLimits:
    """How much may wait for one client."""

    frames_max: int = OUTGOING_FRAMES_MAX
    bytes_max: int = OUTGOING_BYTES_MAX


DEFAULT_OUTGOING: Final = OutgoingLimits()


def encode_text_frame(payload: bytes) -> bytes:
    """Return a finished, unmasked text frame (RFC 6455 section 5.2): servers do not mask.

    Done here and not by wsproto because one frame can then go to many clients, and it is the hot path.
    """
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes((size,)) + payload
    if size < 65_536:
        return b"\x81\x7e" + struct.pack("!H", size) + payload
    return b"\x81\x7f" + struct.pack("!Q", size) + payload


def is_upgrade(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request asks to become a WebSocket."""
    tokens = [token.strip().lower() for token in headers.get("connection", "").split(",")]
    return (
        method == "GET"
        and "upgrade" in tokens
        and headers.get("upgrade", "").strip().lower() == "websocket"
    )


def accept_upgrade(
    path: str, headers: Mapping[str, str]
) -> tuple[wsproto.WSConnection | None, bytes]:
    """Return the protocol and the bytes that accept the upgrade, or None and why it cannot be one.

    A client that offers `permessage-deflate` may compress what it sends.
    """
    protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    try:
        protocol.initiate_upgrade_connection(raw, path)
    except (RemoteProtocolError, UnicodeError) as exc:
        return None, str(exc).encode()
    for event in protocol.events():
        if isinstance(event, Request):
            extensions: list[Extension] = [Inflate(MESSAGE_CHARACTERS_MAX)]
            return protocol, protocol.send(AcceptConnection(extensions=extensions))
    return None, b"not a WebSocket request"


class WebSocketSession:
    """What a handler sees of one client; every sending method is synchronous and never waits."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        protocol: wsproto.WSConnection,
        *,
        limits: OutgoingLimits = DEFAULT_OUTGOING,
    ) -> None:
        self.on_overflow: Callable[[], Iterable[bytes]] = tuple
        """Gives the texts that a client is told when it reads too slowly."""
        self.gate = Gate()
        """What texts wait at; replace it before the first."""
        self.answers = Answers()
        """What the client asked for: it may wait beyond the bounds."""
        self.last_heard = trio.current_time()
        """When the client last sent anything, on Trio's clock."""
        self._stream = stream
        self._protocol = protocol
        self._limits = limits
        self._outgoing: deque[bytes] = deque()
        self._outgoing_bytes = 0
        self._held: deque[tuple[int, bytes]] = deque()
        self._parts: list[str] = []
        self._parts_size = 0
        self._wake = trio.Event()
        self._written = trio.Event()
        self._closing = False
        self._finished = False
        self._scope = trio.CancelScope()

    @property
    def is_open(self) -> bool:
        """Tell whether texts are still taken."""
        return not self._closing

    def send_text(self, payload: bytes) -> None:
        """Queue one text; after a close it is dropped, beyond the bounds the client is closed."""
        self._send(encode_text_frame(payload), self.gate.ticket)

    def release(self, ticket: int) -> None:
        """Send what waited for tickets up to this one; the gate calls it."""
        held = self._held
        if self._closing:
            held.clear()
        while held and held[0][0] <= ticket:
            self._outgoing.append(held.popleft()[1])
        if held:
            self.gate.wait(self)
        self._wake.set()

    def ping(self, payload: bytes = b"") -> None:
        """Queue a ping."""
        if not self._closing:
            self._send(self._protocol.send(Ping(payload=payload)))

    def close(self, code: int = CLOSE_NORMAL, reason: str = "") -> None:
        """Queue a close frame; the connection ends when the client answers it, or after CLOSE_S."""
        if self._closing:
            return
        self._queue(self._protocol.send(CloseConnection(code=code, reason=reason)))
        self._start_closing()

    def drop(self) -> None:
        """End the connection at once, without a close frame, as a broken network would."""
        self._closing = True
        self._scope.cancel()

    async def receive(self) -> str | None:
        """Return the client's next text, None when the connection is over.  Cancelling is safe."""
        while not self._finished:
            for event in self._protocol.events():
                if isinstance(event, TextMessage):
                    if (text := self._take_text(event)) is not None:
                        return text
                else:
                    self._handle_control(event)
            if not self._finished:
                await self._receive_bytes()
        return None

    async def caught_up(self) -> None:
        """Return when no more answers wait than the bounds would let, so that commands cannot pile them up.

        Cancelling is safe.
        """
        answers, limits = self.answers, self._limits
        if answers.frames >= limits.frames_max or answers.size > limits.bytes_max:
            await answers.all_sent()

    async def _receive_bytes(self) -> None:
        try:
            data = await self._stream.receive_some(RECEIVE_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        self.last_heard = trio.current_time()
        if data:
            self._protocol.receive_data(bytes(data))
        else:
            # The end without a close frame: nobody is left to say goodbye to.
            self._closing = self._finished = True
            self._wake.set()

    def _take_text(self, event: TextMessage) -> str | None:
        if self._closing:
            return None  # What a client says after our close is not heard (RFC 6455 section 1.4).
        if event.data:
            # Empty fragments would take memory that no bound counts.
            self._parts.append(event.data)
        self._parts_size += len(event.data)
        if self._parts_size > MESSAGE_CHARACTERS_MAX:
            self._parts.clear()
            self.close(CLOSE_TOO_BIG, "message too big")
            return None
        if not event.message_finished:
            return None
        text = "".join(self._parts)
        self._parts.clear()
        self._parts_size = 0
        return text

    def _handle_control(self, event: wsproto.events.Event) -> None:
        match event:
            case Ping() if not self._closing:
                self._send(self._protocol.send(event.response()))
            case BytesMessage():
                self.close(CLOSE_UNSUPPORTED, "text only")
            case CloseConnection():
                if not self._closing:
                    self._queue(self._protocol.send(event.response()))
                    self._start_closing()
                self._finished = True
            case _:
                # Pongs count as life, which `last_heard` has noted already.
                return

    def _send(self, frame: bytes, ticket: int = 0) -> None:
        if self._closing:
            return
        waiting = self._outgoing_bytes + len(frame)
        answers = self.answers
        if answers.are_being_made:
            answers.add(len(frame))
        elif (
            len(self._outgoing) + len(self._held) - answers.frames >= self._limits.frames_max
            or waiting - answers.size > self._limits.bytes_max
        ):
            self._overflow()
            return
        if ticket:
            if not self._held:
                self.gate.wait(self)
            self._held.append((ticket, frame))
            self._outgoing_bytes = waiting
        else:
            # Nothing is held here: the gate is open only once everything was released.
            self._queue(frame)

    def _queue(self, frame: bytes) -> None:
        self._outgoing.append(frame)
        self._outgoing_bytes += len(frame)
        self._wake.set()

    def _start_closing(self) -> None:
        self._closing = True
        self._scope.deadline = trio.current_time() + CLOSE_S

    def _overflow(self) -> None:
        # What waits is of no use any more: the client is told so and must start over.
        self._outgoing.clear()
        self._held.clear()
        self._outgoing_bytes = 0
        self.answers.clear()
        for farewell in self.on_overflow():
            self._queue(encode_text_frame(farewell))
        self.close(CLOSE_TRY_LATER, "reads too slowly")

    async def _write(self) -> None:
        try:
            while True:
                while self._outgoing:
                    await self._stream.send_all(self._next_batch())
                if not self._held:
                    self.answers.clear()
                if self._closing:
                    break
                self._wake = trio.Event()
                await self._wake.wait()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.drop()
        self._written.set()

    def _next_batch(self) -> bytes:
        batch: list[bytes] = []
        size = 0
        while self._outgoing and size < WRITE_BYTES_MAX:
            frame = self._outgoing.popleft()
            batch.append(frame)
            size += len(frame)
        self._outgoing_bytes -= size
        return batch[0] if len(batch) == 1 else b"".join(batch)

    async def run(self, handler: Callable[[WebSocketSession], Awaitable[None]]) -> None:
        """Run the handler and the farewell; for `run_session` only."""
        failure: Exception | None = None
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                try:
                    await handler(self)
                except Exception as exc:  # noqa: BLE001 - raised again after the farewell
                    failure = exc
                self.close(CLOSE_INTERNAL_ERROR if failure else CLOSE_NORMAL)
                await self._written.wait()
                # Our close frame is out; the client's answer ends the connection, or the deadline.
                while await self.receive() is not None:
                    pass
        if failure is not None:
            raise failure


async def run_session(
    stream: trio.abc.Stream,
    protocol: wsproto.WSConnection,
    handler: Callable[[WebSocketSession], Awaitable[None]],
    *,
    trailing: bytes = b"",
    limits: OutgoingLimits = DEFAULT_OUTGOING,
) -> None:
    """Run `handler` with a session until either side ends it; the caller closes the stream.

    What the handler raises comes out after the client was told (close code 1011).
    Cancelling ends the session without a close frame.
    """
    session = WebSocketSession(stream, protocol, limits=limits)
    if trailing:
        protocol.receive_data(trailing)
    await session.run(handler)
