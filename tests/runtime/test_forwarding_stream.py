"""A stream that hands on all but its reads."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from traderd.runtime.forwarding_stream import ForwardingStream


class Deaf(ForwardingStream):
    """Reads nothing."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return nothing at once."""
        await trio.lowlevel.checkpoint()
        return b""


async def test_what_is_sent_arrives_and_the_close_is_the_inner_ones(autojump_clock):
    inner, there = trio.testing.memory_stream_pair()
    stream = Deaf(inner)
    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"abc")
    assert await there.receive_some() == b"abc"
    await stream.aclose()
    assert await there.receive_some() == b""
    with pytest.raises(trio.ClosedResourceError):
        await inner.send_all(b"more")


def test_who_derives_from_it_must_say_how_it_reads():
    inner, _ = trio.testing.memory_stream_pair()
    with pytest.raises(TypeError, match="receive_some"):
        ForwardingStream(inner)
