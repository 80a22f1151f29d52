"""What a WebSocket server sends, cut into whole messages and the bytes that are trio-websocket's business.

Owns: the table of states and frames, the limits, and cutting at the speed that a busy feed needs (0.3 us a message). A
frame that breaks a rule ends the cutting: it goes on with everything that was held back before it and everything
behind it, so trio-websocket objects in its own words, exactly as if nobody had stood in between.
Must not: do IO, answer, judge what it passes on, or understand a message.
"""

from __future__ import annotations

import codecs
import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Kalshi: maximum message; a larger one goes through to trio-websocket, which refuses it.  Bounds what is held back."""
HEAD_BYTES_MAX: Final = 65_536
"""Bounds the answer to the handshake."""

_HEAD_END: Final = b"\r\n\r\n"
_TEXT_WHOLE, _BINARY_WHOLE = 0x81, 0x82
_LENGTH_16, _LENGTH_64, _MASKED = 126, 127, 128
_CONTROL_BYTES_MAX: Final = 125


class State(enum.Enum):
    """Where in the stream we are."""

    HEAD = "head"
    """The answer to the handshake is not complete."""
    BETWEEN = "between"
    """The next data frame begins a message."""
    WITHIN = "within"
    """A message in fragments has begun."""
    PASSING = "passing"
    """Everything goes on untouched, for good: a close, a broken rule, or no WebSocket at all."""


class Kind(enum.Enum):
    """What a frame is, by its first two bytes and its length."""

    WHOLE = "whole"
    FIRST = "first"
    MIDDLE = "middle"
    LAST = "last"
    CONTROL = "control"
    """Ping or pong."""
    CLOSE = "close"
    ODD = "odd"
    """Breaks a rule by itself: masked, reserved bits, unknown opcode, long control frame, wasteful length, too large."""


class Act(enum.Enum):
    """What is done with a frame."""

    DELIVER = "deliver"
    HOLD = "hold"
    """Keep it until its message is complete."""
    JOIN = "join"
    """Deliver what was held and this as one message."""
    PASS = "pass"


_GIVE_UP: Final = (Act.PASS, State.PASSING)
TABLE: Final[Mapping[tuple[State, Kind], tuple[Act, State]]] = MappingProxyType({
    (State.BETWEEN, Kind.WHOLE): (Act.DELIVER, State.BETWEEN),
    (State.BETWEEN, Kind.FIRST): (Act.HOLD, State.WITHIN),
    (State.BETWEEN, Kind.MIDDLE): _GIVE_UP,
    (State.BETWEEN, Kind.LAST): _GIVE_UP,
    (State.BETWEEN, Kind.CONTROL): (Act.PASS, State.BETWEEN),
    (State.BETWEEN, Kind.CLOSE): _GIVE_UP,
    (State.BETWEEN, Kind.ODD): _GIVE_UP,
    (State.WITHIN, Kind.WHOLE): _GIVE_UP,
    (State.WITHIN, Kind.FIRST): _GIVE_UP,
    (State.WITHIN, Kind.MIDDLE): (Act.HOLD, State.WITHIN),
    (State.WITHIN, Kind.LAST): (Act.JOIN, State.BETWEEN),
    (State.WITHIN, Kind.CONTROL): (Act.PASS, State.WITHIN),
    (State.WITHIN, Kind.CLOSE): _GIVE_UP,
    (State.WITHIN, Kind.ODD): _GIVE_UP,
})
"""What a frame does in a state.  HEAD has no frames yet, PASSING has none any more."""

_OF_FIRST_BYTE: Final[Mapping[int, Kind]] = MappingProxyType({
    0x81: Kind.WHOLE,
    0x82: Kind.WHOLE,
    0x01: Kind.FIRST,
    0x02: Kind.FIRST,
    0x00: Kind.MIDDLE,
    0x80: Kind.LAST,
    0x88: Kind.CLOSE,
    0x89: Kind.CONTROL,
    0x8A: Kind.CONTROL,
})
"""FIN, three reserved bits and the opcode; what is not here is odd."""


class FrameCutter:
    """One connection's stream; feed it with `cut`."""

    def __init__(self, *, message_bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        """Begin before the handshake's answer."""
        self.state = State.HEAD
        self.ready = False
        """Bytes wait that can be cut without new ones: call `cut(b"")` when what was returned has been dealt with."""
        self._message_bytes_max = message_bytes_max
        self._rest: list[bytes] = []
        """The beginning of a frame whose end has not come."""
        self._rest_bytes = 0
        self._wanted_bytes = 0
        """How many bytes the frame in `_rest` needs; 0 while its head is not complete."""
        self._held = bytearray()
        """The frames of a message in fragments as they came, in case that trio-websocket must judge them."""
        self._message = bytearray()
        self._utf8: codecs.IncrementalDecoder | None = None

    def cut(self, data: bytes, batch: list[bytes]) -> bytes:
        """Append the messages that are complete now to `batch`; return what trio-websocket has to see."""
        if self.state is State.PASSING:
            return data
        if self._rest_bytes + len(data) < self._wanted_bytes:
            # A large message in pieces: joining it again for every piece would be quadratic.
            self._keep(data, wanted=self._wanted_bytes)
            return b""
        buffer = self._join(data)
        if self.state is State.HEAD:
            return self._cut_head(buffer)
        return self._cut_frames(buffer, batch)

    def _cut_head(self, buffer: bytes) -> bytes:
        end = buffer.find(_HEAD_END)
        if end < 0 and len(buffer) <= HEAD_BYTES_MAX:
            self._keep(buffer, wanted=0)
            return b""
        if end < 0 or b" 101 " not in buffer[: buffer.find(b"\r\n") + 1]:
            # A rejection or no HTTP at all: none of our business.
            self.state = State.PASSING
            return buffer
        self.state = State.BETWEEN
        end += len(_HEAD_END)
        if end < len(buffer):
            # Frames count only once trio-websocket has accepted the handshake.
            self._keep(buffer[end:], wanted=0)
            self.ready = True
        return buffer[:end]

    def _cut_frames(self, buffer: bytes, batch: list[bytes]) -> bytes:
        position, size = 0, len(buffer)
        passed: list[bytes] = []
        between = self.state is State.BETWEEN
        deliver = batch.append
        while size - position >= 2:
            first, length, start = buffer[position], buffer[position + 1], position + 2
            odd = False
            if length == _LENGTH_16:
                start += 2
                if start > size:
                    break
                length = buffer[position + 2] << 8 | buffer[position + 3]
                odd = not _CONTROL_BYTES_MAX < length <= self._message_bytes_max
            elif length == _LENGTH_64:
                start += 8
                if start > size:
                    break
                length = int.from_bytes(buffer[position + 2 : start], "big")
                odd = not 0xFFFF < length <= self._message_bytes_max
            elif length >= _MASKED:
                odd = True
            end = start + length
            if end <= size and between and not odd:
                # The table's (BETWEEN, WHOLE), spelled out: nearly every frame is one.
                if first == _TEXT_WHOLE:
                    payload = buffer[start:end]
                    if payload.isascii() or _is_utf8(payload):
                        deliver(payload)
                        position = end
                        continue
                elif first == _BINARY_WHOLE:
                    deliver(buffer[start:end])
                    position = end
                    continue
            kind = Kind.ODD if odd else _kind(first, length)
            act, after = TABLE[self.state, kind]
            if after is not State.PASSING and end > size:
                self._keep(buffer[position:], wanted=end - position)
                return b"".join(passed)
            if not self._do(act, buffer, position, start, end, batch):
                after = State.PASSING
            self.state = after
            if after is State.PASSING:
                return b"".join([*passed, self._take_held(), buffer[position:]])
            if act is Act.PASS:
                passed.append(buffer[position:end])
            between = after is State.BETWEEN
            position = end
        return b"".join([*passed, self._begin(buffer[position:])])

    def _begin(self, rest: bytes) -> bytes:
        # A frame can break a rule before its length is known; to wait for that would keep the objection back.
        if len(rest) >= 2 and TABLE[self.state, _kind(rest[0], rest[1])][1] is State.PASSING:
            self.state = State.PASSING
            return bytes(self._take_held()) + rest
        if rest:
            self._keep(rest, wanted=0)
        return b""

    def _do(
        self, act: Act, buffer: bytes, position: int, start: int, end: int, batch: list[bytes]
    ) -> bool:
        # False: the payload is no text, or too large together with what is held.
        if act is Act.PASS:
            return True
        if act is Act.DELIVER:
            return False  # `_cut_frames` delivers, so this is the text that is none
        if len(self._held) + end - position > self._message_bytes_max:
            return False
        payload = buffer[start:end]
        if not self._held:
            is_text = buffer[position] == _TEXT_WHOLE & 0x0F
            self._utf8 = codecs.getincrementaldecoder("utf-8")() if is_text else None
        if self._utf8 is not None:
            try:
                self._utf8.decode(payload, act is Act.JOIN)
            except UnicodeDecodeError:
                return False
        self._message += payload
        if act is Act.JOIN:
            batch.append(bytes(self._message))
            self._held, self._message = bytearray(), bytearray()
        else:
            self._held += buffer[position:end]
        return True

    def _take_held(self) -> bytearray:
        held, self._held, self._message = self._held, bytearray(), bytearray()
        return held

    def _keep(self, data: bytes, *, wanted: int) -> None:
        self._rest.append(data)
        self._rest_bytes += len(data)
        self._wanted_bytes = wanted

    def _join(self, data: bytes) -> bytes:
        self.ready = False
        if not self._rest:
            return data
        joined = b"".join([*self._rest, data])
        self._rest.clear()
        self._rest_bytes = self._wanted_bytes = 0
        return joined


def _kind(first: int, length: int) -> Kind:
    kind = _OF_FIRST_BYTE.get(first, Kind.ODD)
    if kind in {Kind.CONTROL, Kind.CLOSE} and length > _CONTROL_BYTES_MAX:
        return Kind.ODD
    return kind


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
