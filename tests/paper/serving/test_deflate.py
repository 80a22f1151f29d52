"""What wsproto's extension leaves open; whole conversations are in `test_websocket_session`."""

import pytest
from wsproto.frame_protocol import CloseReason, FrameDecoder, Opcode, RsvBits

from traderd.paper.serving.deflate import Inflate

PLAIN, PACKED = RsvBits(False, False, False), RsvBits(True, False, False)


def inflate(bytes_max: int = 1_000) -> tuple[Inflate, FrameDecoder]:
    extension = Inflate(bytes_max)
    assert extension.accept("permessage-deflate") == ""
    return extension, FrameDecoder(client=False, extensions=[extension])


@pytest.mark.parametrize("bits", ["x", "", "-1", "7", "16", "1e9"])
def test_a_window_that_is_none_is_not_agreed_on(bits):
    extension = Inflate(1_000)
    assert extension.accept(f"permessage-deflate; client_max_window_bits={bits}") is None
    assert not extension.enabled()


def test_a_compressed_control_frame_is_an_error():
    extension, decoder = inflate()
    got = extension.frame_inbound_header(decoder, Opcode.PING, PACKED, 0)
    assert got is CloseReason.PROTOCOL_ERROR


def test_a_control_frame_passes_untouched():
    extension, decoder = inflate()
    extension.frame_inbound_header(decoder, Opcode.TEXT, PACKED, 3)
    assert extension.frame_inbound_header(decoder, Opcode.PING, PLAIN, 2) == PACKED
    assert extension.frame_inbound_payload_data(decoder, b"hi") == b"hi"
    assert extension.frame_inbound_complete(decoder, fin=True) is None
    extension.frame_inbound_header(decoder, Opcode.CONTINUATION, PLAIN, 3)
    packed = b"\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692 section 7.2.3.1: "Hello"
    assert extension.frame_inbound_payload_data(decoder, packed) == b"Hello"
    assert extension.frame_inbound_complete(decoder, fin=True) == b""


def test_a_frame_that_swells_is_too_big():
    extension, decoder = inflate(bytes_max=4)
    extension.frame_inbound_header(decoder, Opcode.TEXT, PACKED, 7)
    packed = b"\xf2\x48\xcd\xc9\xc9\x07\x00"
    assert extension.frame_inbound_payload_data(decoder, packed) is CloseReason.MESSAGE_TOO_BIG
