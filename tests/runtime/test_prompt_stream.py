"""It reads as Trio's own stream does, and at once for who asks for that (real sockets: only they have bytes of their own)."""

import struct
from contextlib import asynccontextmanager

import pytest
import trio.testing

from tests.runtime.loop_passes import LoopPasses
from tests.runtime.tls import tls_contexts
from traderd.runtime.env import RealEnv, secure
from traderd.runtime.prompt_stream import PromptStream, has_unread

HOST = "127.0.0.1"
REAL_BUDGET_S = 60
READS = 30
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@asynccontextmanager
async def two_ends():
    """Give our end, which is a PromptStream, and the peer's."""
    env = RealEnv(seed=1)
    listener, port = await env.listen(HOST, 0)
    with trio.fail_after(REAL_BUDGET_S):
        async with listener, await env.connect(HOST, port, tls=False) as ours:
            assert isinstance(ours, PromptStream)
            async with await listener.accept() as theirs:
                yield ours, theirs


async def until_there(stream):
    """Wait until there is something to read."""
    await trio.lowlevel.wait_readable(stream.socket)


@pytest.mark.parametrize(("reader_yields", "passes"), [(True, 0), (False, 1)])
async def test_bytes_that_are_there_are_had_at_once_by_who_yields_himself_and_in_the_next_pass_otherwise(
    reader_yields, passes
):
    async with two_ends() as (ours, theirs):
        ours.reader_yields = reader_yields
        for _ in range(READS):
            await theirs.send_all(b"hello")
            await until_there(ours)
            with LoopPasses() as loop:
                assert await ours.receive_some(5) == b"hello"
            assert loop.count == passes


@pytest.mark.parametrize("reader_yields", [False, True])
async def test_a_read_waits_for_bytes_and_for_the_end(reader_yields):
    async with two_ends() as (ours, theirs):
        ours.reader_yields = reader_yields
        got = []

        async def read():
            while data := await ours.receive_some():
                got.append(data)
            got.append("end")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            assert got == []
            await theirs.send_all(b"late")
            await trio.testing.wait_all_tasks_blocked()
            await theirs.send_eof()
        assert b"".join(got[:-1]) == b"late"
        assert got[-1] == "end"


@pytest.mark.parametrize("reader_yields", [False, True])
async def test_a_cancelled_read_loses_nothing_though_bytes_are_there(reader_yields):
    async with two_ends() as (ours, theirs):
        ours.reader_yields = reader_yields
        await theirs.send_all(b"kept")
        await until_there(ours)
        with trio.CancelScope() as scope:
            scope.cancel()
            await ours.receive_some()
        assert scope.cancelled_caught
        assert await ours.receive_some() == b"kept"


async def test_a_connection_that_the_peer_reset_is_broken():
    async with two_ends() as (ours, theirs):
        theirs.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, RESET_AT_CLOSE)
        await theirs.aclose()
        with pytest.raises(trio.BrokenResourceError, match="reset"):
            await ours.receive_some()


async def test_an_end_that_was_closed_says_so_before_and_while_it_waits():
    async with two_ends() as (ours, _):

        async def read():
            with pytest.raises(trio.ClosedResourceError):
                await ours.receive_some()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            await ours.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await ours.receive_some()


async def test_a_read_of_nothing_is_refused():
    async with two_ends() as (ours, _):
        with pytest.raises(ValueError, match="at least 1"):
            await ours.receive_some(0)


async def test_it_sends_as_the_inner_stream_does():
    async with two_ends() as (ours, theirs):
        await ours.wait_send_all_might_not_block()
        await ours.send_all(b"thanks")
        assert await theirs.receive_some() == b"thanks"


async def test_what_nobody_asked_for_is_seen():
    async with two_ends() as (ours, theirs):
        assert not has_unread(ours)
        await theirs.send_all(b"!")
        await until_there(ours)
        assert has_unread(ours)
        assert await ours.receive_some() == b"!"
        assert not has_unread(ours)
        await theirs.send_eof()
        await until_there(ours)
        assert has_unread(ours)


async def test_what_nobody_asked_for_is_seen_under_tls(tmp_path):
    server_context, client_context = tls_contexts(tmp_path, "localhost")
    async with two_ends() as (ours, theirs):
        server = trio.SSLStream(theirs, server_context, server_side=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.do_handshake)
            client = await secure(ours, client_context, "localhost")
        await server.send_all(b"hello")
        assert await client.receive_some(5) == b"hello"
        assert not has_unread(client)
        await theirs.send_eof()
        await until_there(ours)
        assert has_unread(client)


def test_of_streams_in_memory_nothing_is_known():
    stream, _ = trio.testing.memory_stream_pair()
    assert not has_unread(stream)
