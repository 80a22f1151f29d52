"""What wsproto's extension leaves open, and whole conversations of clients that compress."""

import pytest
import trio.testing
from wsproto.events import Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, Opcode, RsvBits

from tests.paper.serving.talking import echo, offering, texts_of
from traderd.paper.serving.deflate import Inflate
from traderd.paper.serving.websocket_session import MESSAGE_CHARACTERS_MAX

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


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10",
        "x-unknown, permessage-deflate; client_max_window_bits",
    ],
)
async def test_a_client_may_compress_and_is_answered_in_plain(autojump_clock, offer):
    async with offering(offer, echo) as (client, accepted):
        assert [type(extension) for extension in accepted.extensions] == [PerMessageDeflate]
        for text in ("one", "two" * 1000, "", "three"):
            raw = client.protocol.send(TextMessage(data=text))
            assert len(raw) < 200
            await client.stream.send_all(raw)
            got = await client.events()
            assert texts_of(got) == [text]


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; client_max_window_bits=many",
        "permessage-deflate; server_max_window_bits=99",
        "x-unknown",
        "",
    ],
)
async def test_an_offer_that_cannot_be_met_goes_on_in_plain(autojump_clock, offer):
    async with offering(offer, echo) as (client, accepted):
        assert accepted.extensions == []
        await client.send(TextMessage(data="plain"))
        assert texts_of(await client.events()) == ["plain"]


async def test_a_ping_between_compressed_fragments_changes_nothing(autojump_clock):
    async with offering("permessage-deflate", echo) as (client, _):
        await client.send(
            TextMessage(data="tw" * 50, message_finished=False),
            Ping(payload=b"between"),
            TextMessage(data="o" * 50),
            TextMessage(data="after"),
        )
        await trio.testing.wait_all_tasks_blocked()
        got = await client.events()
        assert texts_of(got) == ["tw" * 50 + "o" * 50, "after"]
        assert [bytes(event.payload) for event in got if isinstance(event, Pong)] == [b"between"]


async def test_a_text_that_swells_too_far_closes_the_client(autojump_clock):
    async with offering("permessage-deflate", echo) as (client, _):
        raw = client.protocol.send(TextMessage(data="x" * (8 * MESSAGE_CHARACTERS_MAX)))
        assert len(raw) < 20_000
        await client.stream.send_all(raw)
        (close,) = await client.events()
        assert close.code == 1009


async def test_what_cannot_be_unpacked_closes_the_client(autojump_clock):
    async with offering("permessage-deflate", echo) as (client, _):
        # FIN + RSV1 + text, masked with zeros, four bytes that no deflate stream begins with.
        await client.stream.send_all(b"\xc1\x84\x00\x00\x00\x00\xff\xff\xff\xff")
        (close,) = await client.events()
        assert close.code == 1007
