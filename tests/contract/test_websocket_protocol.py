"""The WebSocket protocol (RFC 6455, RFC 7692) on the console's server stack, case by case as Autobahn's suite groups them.

Autobahn's own suite is written for Python 2: `test_autobahn` runs it where it can. Behind the server is an echo, so that what
was understood is seen.
"""

import struct
import zlib

import pytest
import trio
from quart import websocket
from quart_trio import QuartTrio

from tests.web.conftest import Face
from tests.web.test_server import UPGRADE, serving
from traderd.web.server import INBOUND_MESSAGE_MAX_BYTES

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"
DEFLATE = UPGRADE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")


class Wire:
    """The client's end: frames by hand, so that wrong ones can be sent too."""

    def __init__(self, stream):
        self.stream = stream
        self.received = b""

    async def more(self):
        try:
            data = bytes(await self.stream.receive_some(65_536))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        self.received += data
        return data

    async def send(self, *frames):
        try:
            await self.stream.send_all(b"".join(frames))
        except trio.BrokenResourceError:
            pass  # the server may have ended it while we still sent

    async def frame(self):
        """Return the next frame as (first byte, payload), None at the end of the stream."""
        while True:
            found = split(self.received)
            if found is not None:
                frame, self.received = found
                if frame[0] & 15 != PING:  # the server's own, to see whether we live
                    return frame
                continue
            if not await self.more():
                return None

    async def until_end(self):
        """Return every frame to the end of the stream; fails when it does not end within two seconds."""
        frames = []
        with trio.fail_after(2):
            while (one := await self.frame()) is not None:
                frames.append(one)
                if one[0] & 15 == CLOSE:
                    await self.send(closing(1000))
        return frames


def split(data):
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length == 126:
        length, start = int.from_bytes(data[2:4]), 4
    elif length == 127:
        length, start = int.from_bytes(data[2:10]), 10
    if len(data) < start + length:
        return None
    return (data[0], data[start : start + length]), data[start + length :]


def frame(opcode, payload=b"", *, fin=True, rsv=0, masked=True):
    first = bytes([(0x80 if fin else 0) | (rsv << 4) | opcode])
    length = len(payload)
    if length < 126:
        size = bytes([length])
    elif length < 65_536:
        size = b"\x7e" + struct.pack("!H", length)
    else:
        size = b"\x7f" + struct.pack("!Q", length)
    if not masked:
        return first + size + payload
    covered = bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))
    return first + bytes([size[0] | 0x80]) + size[1:] + MASK + covered


def closing(code, reason=b""):
    return frame(CLOSE, struct.pack("!H", code) + reason)


class Echo(Face):
    def __init__(self):
        super().__init__()
        self.app = QuartTrio("echo")

        @self.app.websocket("/v3/ws")
        async def echo():
            while True:
                message = await websocket.receive()
                await websocket.send(b"" if message is None else message)


async def opened(listener, upgrade=UPGRADE):
    wire = Wire(await listener.connect())
    await wire.send(upgrade)
    while b"\r\n\r\n" not in wire.received:
        await wire.more()
    head, _, wire.received = wire.received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    return wire, head


async def echoed(frames, count, upgrade=UPGRADE):
    """Return what comes back for these frames, `count` frames of it."""
    async with serving(Echo()) as (listener, _nursery):
        wire, _ = await opened(listener, upgrade)
        await wire.send(*frames)
        with trio.fail_after(2):
            found = [await wire.frame() for _ in range(count)]
        await wire.stream.aclose()
    return found


async def failed(*frames, upgrade=UPGRADE):
    """Return the close code for frames that break the rules (None without a close frame), and what was echoed before."""
    async with serving(Echo()) as (listener, _nursery):
        wire, _ = await opened(listener, upgrade)
        await wire.send(*frames)
        found = await wire.until_end()
        await wire.stream.aclose()
    codes = [int.from_bytes(payload[:2]) for first, payload in found if first & 15 == CLOSE]
    return (codes[0] if codes else None), [one for one in found if one[0] & 15 in {TEXT, BINARY}]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 128, 1_000, INBOUND_MESSAGE_MAX_BYTES])
async def test_1_frames_of_every_length_are_understood(autojump_clock, length):
    text, binary = b"*" * length, b"\xfe" * length
    if length == 0:
        assert len(await echoed([frame(TEXT)], 1)) == 1
        return
    found = await echoed([frame(TEXT, text), frame(BINARY, binary)], 2)
    assert found == [(0x80 | TEXT, text), (0x80 | BINARY, binary)]


@pytest.mark.parametrize("payload", [b"", b"Hello", b"\x00\xff\xfe\xfd", b"\xfe" * 125])
async def test_2_a_ping_is_answered_with_its_payload(autojump_clock, payload):
    frames = [frame(PONG, b"unasked"), frame(PING, payload), frame(TEXT, b"x")]
    assert await echoed(frames, 2) == [(0x80 | PONG, payload), (0x80 | TEXT, b"x")]


async def test_2_ten_pings_are_ten_pongs_in_order(autojump_clock):
    found = await echoed([frame(PING, b"%d" % number) for number in range(10)], 10)
    assert found == [(0x80 | PONG, b"%d" % number) for number in range(10)]


BROKEN = {
    "2.5 a ping of 126 bytes": [frame(PING, b"x" * 126)],
    **{f"3 reserved bits {rsv:03b}": [frame(TEXT, b"x", rsv=rsv)] for rsv in range(1, 8)},
    **{f"4 opcode {code}": [frame(code, b"x")] for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "5 a ping in pieces": [frame(PING, b"a", fin=False), frame(0, b"b")],
    "5 a pong in pieces": [frame(PONG, b"a", fin=False), frame(0, b"b")],
    "5 a continuation of nothing": [frame(0, b"x")],
    "5 an unfinished continuation of nothing": [frame(0, b"x", fin=False), frame(TEXT, b"y")],
    "5 a new message inside another": [frame(TEXT, b"a", fin=False), frame(TEXT, b"b")],
    "6 a lone continuation byte": [frame(TEXT, b"a\x80b")],
    "6 an overlong form": [frame(TEXT, b"\xc0\xaf")],
    "6 a surrogate": [frame(TEXT, b"\xed\xa0\x80")],
    "6 beyond the last character": [frame(TEXT, b"\xf4\x90\x80\x80")],
    "6 a text that ends in mid-character": [frame(TEXT, b"\xce\xba\xe1\xbd")],
    "6 a piece that is wrong": [frame(TEXT, b"ok", fin=False), frame(0, b"\xff")],
    "7 a close of one byte": [frame(CLOSE, b"\x03")],
    "7 a close of 126 bytes": [closing(1000, b"x" * 124)],
    "7 a close whose reason is no text": [closing(1000, b"\xff\xfe")],
    **{
        f"7.9 close code {code}": [closing(code)]
        for code in (0, 999, 1004, 1005, 1006, 1016, 2999, 65535)
    },
    "a frame without a mask": [frame(TEXT, b"x", masked=False)],
    "a length that is not the shortest": [b"\x81\xfe\x00\x01" + MASK + b"\x00"],
    "a length beyond 63 bits": [b"\x81\xff" + b"\xff" * 8 + MASK],
}


@pytest.mark.parametrize("case", BROKEN)
async def test_3_to_7_what_breaks_the_rules_ends_the_connection_and_is_not_taken(
    autojump_clock, case
):
    code, taken = await failed(*BROKEN[case], frame(TEXT, b"after"))
    assert taken == []
    assert code in {None, 1002, 1007}


async def test_5_a_message_in_pieces_with_a_ping_between_is_one_message(autojump_clock):
    frames = [
        frame(TEXT, b"ab", fin=False),
        frame(PING, b"p"),
        frame(0, b"", fin=False),
        frame(0, b"cd"),
    ]
    assert await echoed(frames, 2) == [(0x80 | PONG, b"p"), (0x80 | TEXT, b"abcd")]


async def test_6_a_character_may_be_split_over_pieces(autojump_clock):
    text = "κόσμε 😀".encode()
    frames = [frame(TEXT, text[:1], fin=False)]
    frames += [frame(0, text[index : index + 1], fin=False) for index in range(1, len(text))]
    assert await echoed([*frames, frame(0)], 1) == [(0x80 | TEXT, text)]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4999])
async def test_7_a_close_is_answered_with_its_code_and_ends_it(autojump_clock, code):
    answered, taken = await failed(closing(code, b"bye"), frame(TEXT, b"too late"), frame(PING))
    assert (answered, taken) == (code, [])


async def test_7_a_close_without_a_code_is_answered(autojump_clock):
    async with serving(Echo()) as (listener, _nursery):
        wire, _ = await opened(listener)
        await wire.send(frame(CLOSE))
        assert [first for first, _ in await wire.until_end()] == [0x80 | CLOSE]
        await wire.stream.aclose()


@pytest.mark.parametrize("pieces", [1, 2, 64])
async def test_9_a_message_over_the_limit_is_told_so_by_1009(autojump_clock, pieces):
    size = (INBOUND_MESSAGE_MAX_BYTES + pieces) // pieces
    frames = [frame(TEXT if index == 0 else 0, b"x" * size, fin=False) for index in range(pieces)]
    # The end of the connection is not waited for: who goes on sending after this is given up only by being silent.
    ((first, payload),) = await echoed([*frames, frame(0, b"x")], 1)
    assert (first, int.from_bytes(payload[:2])) == (0x80 | CLOSE, 1009)


async def test_10_a_frame_that_comes_byte_by_byte_is_understood(autojump_clock):
    async with serving(Echo()) as (listener, _nursery):
        wire, _ = await opened(listener)
        for byte in frame(TEXT, b"x" * 130):
            await wire.send(bytes([byte]))
        assert await wire.frame() == (0x80 | TEXT, b"x" * 130)
        await wire.stream.aclose()


def deflated(data):
    maker = zlib.compressobj(wbits=-15)
    return (maker.compress(data) + maker.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize(
    "offer",
    [
        b"permessage-deflate",
        b"permessage-deflate; client_max_window_bits",
        b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        b"permessage-deflate; server_max_window_bits=9",
    ],
)
async def test_12_and_13_compressed_messages_are_understood(autojump_clock, offer):
    upgrade = DEFLATE.replace(b"permessage-deflate", offer)
    async with serving(Echo()) as (listener, _nursery):
        wire, head = await opened(listener, upgrade)
        if b"permessage-deflate" in head:
            await wire.send(frame(TEXT, deflated(b"hello " * 50), rsv=4))
            first, payload = await wire.frame()
            assert first & 15 == TEXT
            if first & 0x40:
                payload = zlib.decompressobj(wbits=-15).decompress(payload + b"\x00\x00\xff\xff")
            assert payload == b"hello " * 50
        await wire.stream.aclose()


async def test_12_a_small_message_that_unpacks_to_a_big_one_is_refused_by_1009(autojump_clock):
    bomb = deflated(b"\x00" * 10_000_000)
    assert len(bomb) < 20_000
    code, taken = await failed(frame(BINARY, bomb, rsv=4), upgrade=DEFLATE)
    assert (code, taken) == (1009, [])
