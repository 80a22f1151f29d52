"""The tap hands over what the cutter takes out, and passes on the rest (the cutting itself: test_frame_cutter)."""

import pytest
import trio
from wsproto.frame_protocol import CloseReason, FrameProtocol

from tests.runtime.loop_passes import LoopPasses
from tests.runtime.tls import tls_contexts
from traderd.kalshi.tap import FrameTap
from traderd.runtime.env import RealEnv
from traderd.runtime.raw_reads import raw_reads_under

REAL_BUDGET_S = 60
ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


class Scripted(trio.abc.Stream):
    """Gives these pieces, then the end."""

    def __init__(self, pieces):
        self.pieces = list(pieces)

    async def receive_some(self, max_bytes=None):
        await trio.lowlevel.checkpoint()
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def send_all(self, data):
        raise AssertionError("nothing is sent here")

    async def wait_send_all_might_not_block(self):
        raise AssertionError("nothing is sent here")

    async def aclose(self):
        await trio.lowlevel.checkpoint()


async def run(pieces, **options):
    """Return (messages, what went on to trio-websocket, how often the end was told)."""
    messages, ends, passed = [], [], b""
    tap = FrameTap(Scripted(pieces), sink=messages.extend, on_end=lambda: ends.append(1), **options)
    while True:
        data = await tap.receive_some()
        if not data:
            return messages, passed, len(ends), tap
        passed += data


def text(payload, *, fin=True):
    server = FrameProtocol(client=False, extensions=[])
    return bytes(server.send_data(payload, fin=fin))


def fragments(*payloads):
    server = FrameProtocol(client=False, extensions=[])
    return [
        bytes(server.send_data(payload, fin=number == len(payloads)))
        for number, payload in enumerate(payloads, 1)
    ]


def ping(payload=b"heartbeat"):
    return bytes([0x89, len(payload)]) + payload


CLOSE = bytes(FrameProtocol(client=False, extensions=[]).close(CloseReason.NORMAL_CLOSURE))


async def test_data_frames_go_to_the_sink_in_one_batch_and_control_frames_go_on(autojump_clock):
    batches = []
    stream = Scripted([ACCEPTED, text("a") + ping() + text("b"), CLOSE + text("late")])
    tap = FrameTap(stream, sink=batches.append, on_end=lambda: None)
    assert await tap.receive_some() == ACCEPTED
    assert await tap.receive_some() == ping()
    assert batches == [[b"a", b"b"]]
    assert await tap.receive_some() == CLOSE + text("late")
    assert batches == [[b"a", b"b"]]


async def test_who_waits_for_messages_need_not_wait_for_the_next_read(autojump_clock):
    diaries = []

    async def read_one():
        diary, news = [], trio.Event()

        class Line(Scripted):
            async def receive_some(self, max_bytes=None):
                diary.append("read")
                return await super().receive_some(max_bytes)

        async def handle():
            await news.wait()
            diary.append("handled")

        pieces = [ACCEPTED, text("a")]
        tap = FrameTap(Line(pieces), sink=lambda _: news.set(), on_end=lambda: None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(handle)
            while await tap.receive_some():
                pass
        diaries.append(diary)

    # Trio runs those who can run in any order, so one of many would read first if one turn were all.
    for _ in range(64):
        await read_one()
    assert diaries == [["read", "read", "handled", "read"]] * 64


# Trio's TLS stream gives way once for the lock that it reads under.
@pytest.mark.parametrize(("tls", "passes"), [(False, 0), (True, 1)])
async def test_what_a_socket_has_is_with_the_sink_at_once(tmp_path, tls, passes):
    env, seen = RealEnv(seed=1), []
    server_context, env._tls = tls_contexts(tmp_path, "localhost")
    listener, port = await env.listen("localhost", 0)

    async def greet():
        peer = await listener.accept()
        if tls:
            peer = trio.SSLStream(peer, server_context, server_side=True)
        await peer.send_all(ACCEPTED)
        ends.append(peer)
        greeted.set()

    ends, greeted = [], trio.Event()
    with trio.fail_after(REAL_BUDGET_S):
        async with listener, trio.open_nursery() as nursery:
            nursery.start_soon(greet)
            async with await env.connect("localhost", port, tls=tls) as stream:
                socket = (raw_reads_under(stream).inner if tls else stream).socket
                loop = LoopPasses()
                tap = FrameTap(stream, sink=lambda _: seen.append(loop.count), on_end=lambda: None)
                assert await tap.receive_some() == ACCEPTED
                await greeted.wait()
                await ends[0].send_all(text("a") + ping())
                await trio.lowlevel.wait_readable(socket)
                with loop:
                    assert await tap.receive_some() == ping()
                assert seen == [passes]
            await trio.aclose_forcefully(ends[0])


async def test_cancelling_loses_nothing_that_has_to_be_passed_on(autojump_clock):
    passed, scope = [], trio.CancelScope()
    stream = Scripted([ACCEPTED, text("a") + ping(), text("b")])
    tap = FrameTap(stream, sink=lambda _: scope.cancel(), on_end=lambda: None)
    with scope:
        while True:
            passed.append(await tap.receive_some())
    assert scope.cancelled_caught
    assert passed == [ACCEPTED, ping()]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
async def test_every_length_form_is_cut_at_every_boundary(autojump_clock, size):
    frame = text("x" * size)
    whole = ACCEPTED + frame + text("end")
    for cut in {
        1,
        10,
        len(ACCEPTED),
        len(ACCEPTED) + 1,
        len(ACCEPTED) + 3,
        len(ACCEPTED) + 9,
        len(whole) - 1,
    }:
        messages, passed, ends, _ = await run([whole[:cut], whole[cut:]])
        assert [len(message) for message in messages] == [size, 3]
        assert (passed, ends) == (ACCEPTED, 1)


async def test_frames_right_behind_the_handshake_are_not_lost(autojump_clock):
    messages, passed, _, _ = await run([ACCEPTED + text("first") + ping()])
    assert (messages, passed) == ([b"first"], ACCEPTED + ping())


async def test_a_rejected_handshake_goes_on_untouched(autojump_clock):
    rejection = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\n\x81\x01ab"
    messages, passed, ends, _ = await run([rejection[:9], rejection[9:], b"\x81\x01c"])
    assert (messages, passed, ends) == ([], rejection + b"\x81\x01c", 1)


async def test_what_never_becomes_a_handshake_goes_on_and_is_not_hoarded(autojump_clock):
    messages, passed, _, _ = await run([b"x" * 50_000, b"x" * 50_000])
    assert (messages, len(passed)) == ([], 100_000)


async def test_a_message_in_fragments_is_joined_around_control_frames(autojump_clock):
    first, second, third = fragments("al", "ph", "a")
    messages, passed, _, _ = await run([ACCEPTED, first + ping() + second, third + text("b")])
    assert (messages, passed) == ([b"alpha", b"b"], ACCEPTED + ping())


@pytest.mark.parametrize(
    "frames",
    [fragments("a", "b")[0] + text("c"), fragments("a", "b")[1], fragments("a", "b")[0] * 2],
)
async def test_a_message_split_against_the_rules_is_trio_websockets_business(
    autojump_clock, frames
):
    messages, passed, ends, _ = await run([ACCEPTED, ping() + frames[:2], frames[2:], text("d")])
    assert (messages, passed, ends) == ([], ACCEPTED + ping() + frames + text("d"), 1)


async def test_a_message_that_is_too_large_is_left_to_trio_websocket(autojump_clock):
    frame = text("x" * 2_000)
    messages, passed, _, _ = await run([ACCEPTED, frame[:50], frame[50:]], message_bytes_max=1_000)
    assert (messages, passed) == ([], ACCEPTED + frame)
    parts = fragments("x" * 600, "y" * 600)
    messages, passed, _, _ = await run([ACCEPTED, *parts], message_bytes_max=1_000)
    assert (messages, passed) == ([], ACCEPTED + b"".join(parts))


async def test_frames_behind_the_handshake_are_cut_once_it_was_read(autojump_clock):
    batches = []
    stream = Scripted([ACCEPTED + text("early")])
    tap = FrameTap(stream, sink=batches.append, on_end=lambda: None)
    assert await tap.receive_some() == ACCEPTED
    assert batches == []
    with trio.CancelScope() as cancelled:
        cancelled.cancel()
        await tap.receive_some()
    assert batches == []
    assert await tap.receive_some() == b""
    assert batches == [[b"early"]]


async def test_plain_ingest_passes_every_byte_and_still_counts_and_tells_the_end(autojump_clock):
    pieces = [ACCEPTED, text("a") + ping(), text("b")]
    messages, passed, ends, tap = await run(pieces, ingest="plain")
    assert (messages, passed, ends) == ([], b"".join(pieces), 1)
    assert tap.bytes_received == len(passed)


@pytest.mark.parametrize("odd", [b"\x81\x85abcdhello", b"\xc1\x01a", b"\x83\x01a", b"\x8f\x00"])
async def test_masked_reserved_and_unknown_frames_are_trio_websockets_business(autojump_clock, odd):
    messages, passed, _, _ = await run([ACCEPTED, text("a") + odd])
    assert (messages, passed) == ([b"a"], ACCEPTED + odd)


async def test_a_broken_line_is_told_once_and_raised(autojump_clock):
    ends = []
    stream = Scripted([ACCEPTED, trio.BrokenResourceError("reset")])
    tap = FrameTap(stream, sink=lambda batch: None, on_end=lambda: ends.append(1))
    await tap.receive_some()
    with pytest.raises(trio.BrokenResourceError):
        await tap.receive_some()
    assert ends == [1]


async def test_every_byte_counts_as_life(autojump_clock):
    tap = FrameTap(Scripted([ACCEPTED, ping()]), sink=lambda batch: None, on_end=lambda: None)
    await tap.receive_some()
    await trio.sleep(9)
    await tap.receive_some()
    assert (tap.heard_at, tap.bytes_received) == (trio.current_time(), len(ACCEPTED + ping()))


async def test_an_error_of_the_sink_is_not_swallowed(autojump_clock):
    def sink(batch):
        raise KeyError("defect")

    tap = FrameTap(Scripted([ACCEPTED, text("a")]), sink=sink, on_end=lambda: None)
    await tap.receive_some()
    with pytest.raises(KeyError):
        await tap.receive_some()
