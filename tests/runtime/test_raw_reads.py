"""Under TLS it shows whether a read took all there was, however small the records are."""

import pytest
import trio.testing

from tests.runtime.tls import secured_ends
from traderd.runtime.raw_reads import RAW_READ_BYTES, RawReads, raw_reads_under

HOST = "exchange.test"
TLS_RECORD_BYTES_MAX = 16_384


@pytest.fixture
async def pair(tmp_path, autojump_clock):
    return await secured_ends(tmp_path, HOST)


@pytest.mark.parametrize("record", [200, TLS_RECORD_BYTES_MAX])
async def test_more_waits_until_the_line_runs_dry(pair, record):
    client, server = pair
    raw = raw_reads_under(client)
    total = 4 * RAW_READ_BYTES
    for _ in range(total // record):
        await server.send_all(b"x" * record)
    read, behind, seen = 0, 0, []
    while read < total // record * record:
        data = await client.receive_some(65_536)
        read += len(data)
        behind = behind + len(data) if raw.has_more else 0
        seen.append(behind)
    assert max(seen) >= 2 * RAW_READ_BYTES
    assert not raw.has_more
    assert behind == 0


async def test_without_tls_there_is_nothing_to_watch():
    stream, _ = trio.testing.memory_stream_pair()
    assert raw_reads_under(stream) is None
    assert raw_reads_under(RawReads(stream)) is None


async def test_it_sends_and_closes_as_the_inner_stream_does(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()
    async with RawReads(ours) as raw:
        await raw.wait_send_all_might_not_block()
        await raw.send_all(b"hello")
        assert await theirs.receive_some(10) == b"hello"
    assert await theirs.receive_some(10) == b""
