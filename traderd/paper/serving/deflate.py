"""Compressed frames from clients (RFC 7692), on wsproto's own extension.

Owns: what that extension leaves open: offers that are no offers, texts that swell without end, control frames between
the fragments of a compressed text.
Must not: compress; every frame of a server may stay as it is, and one frame then goes to many clients.
"""

from __future__ import annotations

import zlib

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits


class Inflate(PerMessageDeflate):
    """Accepts `permessage-deflate`; no single frame becomes longer than `bytes_max`."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__()
        self._bytes_max = bytes_max
        self._is_control = False

    def accept(self, offer: str) -> bool | str | None:
        """Return the agreed parameters, None for an offer that cannot be met."""
        try:
            return super().accept(offer)
        except ValueError:
            # A window that is no number: the connection goes on without compression.
            return None

    def frame_inbound_header(
        self,
        proto: FrameDecoder | FrameProtocol,
        opcode: Opcode,
        rsv: RsvBits,
        payload_length: int,
    ) -> CloseReason | RsvBits:
        """Take a frame's header; a control frame must not touch the state of the text around it."""
        self._is_control = opcode.iscontrol()
        if not self._is_control:
            return super().frame_inbound_header(proto, opcode, rsv, payload_length)
        return CloseReason.PROTOCOL_ERROR if rsv.rsv1 else RsvBits(True, False, False)

    def frame_inbound_payload_data(
        self, proto: FrameDecoder | FrameProtocol, data: bytes
    ) -> bytes | CloseReason:
        """Return the plain bytes, or why the client is closed."""
        if self._is_control or not self._inbound_compressed or self._decompressor is None:
            return data
        try:
            plain = self._decompressor.decompress(data, self._bytes_max)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return CloseReason.MESSAGE_TOO_BIG if self._decompressor.unconsumed_tail else plain

    def frame_inbound_complete(
        self, proto: FrameDecoder | FrameProtocol, fin: bool
    ) -> bytes | CloseReason | None:
        """Return what was left at the end of a frame."""
        return None if self._is_control else super().frame_inbound_complete(proto, fin)
