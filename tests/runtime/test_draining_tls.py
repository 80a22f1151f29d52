"""Records that came together are read together, in order, within what was asked for, and errors come after them."""

import ssl

import pytest
import trio

from tests.runtime.tls import secured_ends, tls_contexts
from traderd.runtime.draining_tls import RECORD_BYTES, drain_records

HOST = "exchange.test"


class Pair:
    """A client and a server that are joined by hand, so that what arrives together is known."""

    def __init__(self, directory):
        server_context, client_context = tls_contexts(directory, HOST)
        drain_records(client_context)
        self.to_client, self.from_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.to_server, self.from_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client_context.wrap_bio(
            self.to_client, self.from_client, server_hostname=HOST
        )
        self.server = server_context.wrap_bio(self.to_server, self.from_server, server_side=True)
        for _ in range(3):
            for end in (self.client, self.server):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                self.to_server.write(self.from_client.read())
                self.to_client.write(self.from_server.read())

    def send(self, *records):
        for record in records:
            self.server.write(record)
        self.to_client.write(self.from_server.read())


@pytest.fixture
def pair(tmp_path):
    return Pair(tmp_path)


def test_records_that_came_together_are_one_read(pair):
    pair.send(b"one ", b"two ", b"three")
    assert pair.client.read(65_536) == b"one two three"
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.read(65_536)
    pair.send(b"four")
    assert pair.client.read(65_536) == b"four"


def test_a_record_in_parts_waits_for_its_end(pair):
    pair.server.write(b"one")
    pair.server.write(b"two")
    sealed = pair.from_server.read()
    pair.to_client.write(sealed[:-1])
    assert pair.client.read(65_536) == b"one"
    pair.to_client.write(sealed[-1:])
    assert pair.client.read(65_536) == b"two"


@pytest.mark.parametrize("size", [2 * RECORD_BYTES, 3 * RECORD_BYTES, 65_536])
@pytest.mark.parametrize("record", [100, 10_000, RECORD_BYTES])
def test_nothing_is_lost_and_no_read_brings_more_than_was_asked_for(pair, size, record):
    sent = [bytes([number % 251]) * record for number in range(300_000 // record)]
    pair.send(*sent)
    read = []
    while sum(map(len, read)) < len(sent) * record:
        read.append(pair.client.read(size))
    assert b"".join(read) == b"".join(sent)
    assert max(map(len, read)) <= size
    # But for the last one each is as large as may be.
    assert all(len(each) + RECORD_BYTES > size for each in read[:-1])


@pytest.mark.parametrize("size", [1, 1_000, RECORD_BYTES])
def test_who_asks_for_less_than_two_records_gets_one_at_most(pair, size):
    pair.send(b"a" * 500, b"b" * 500)
    assert pair.client.read(size) == b"a" * min(size, 500)


def test_into_a_buffer_it_reads_as_ever(pair):
    pair.send(b"one", b"two")
    buffer = bytearray(65_536)
    assert pair.client.read(65_536, buffer) == 3
    assert buffer[:3] == b"one"


def test_what_came_before_a_broken_record_is_handed_over_and_then_the_error(pair):
    pair.server.write(b"good")
    good = pair.from_server.read()
    pair.server.write(b"bad")
    bad = bytearray(pair.from_server.read())
    bad[-1] ^= 1
    pair.to_client.write(good + bad)
    assert pair.client.read(65_536) == b"good"
    with pytest.raises(ssl.SSLError, match=r"(?i)mac|decrypt"):
        pair.client.read(65_536)


def test_after_the_last_record_comes_the_end(pair):
    pair.server.write(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        pair.server.unwrap()
    pair.to_client.write(pair.from_server.read())
    assert pair.client.read(65_536) == b"last"
    assert pair.client.read(65_536) == b""


async def test_a_secured_stream_reads_many_small_records_at_once(tmp_path, autojump_clock):
    client, server = await secured_ends(tmp_path, HOST)
    for number in range(200):
        await server.send_all(b"%03d" % number)
    whole = b"".join(b"%03d" % number for number in range(200))
    assert await client.receive_some(65_536) == whole
    await trio.aclose_forcefully(server)
    assert await client.receive_some(65_536) == b""
