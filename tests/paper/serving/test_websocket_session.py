"""The WebSocket half: texts, pings, farewells, and readers that are too slow."""

from functools import partial

import pytest
import trio
import trio.testing
import wsproto
from hypothesis import given, settings
from hypothesis import strategies as st
from trio_websocket import ConnectionClosed
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.events import Request as UpgradeRequest

from tests.paper.served import websocket
from tests.paper.serving.talking import HEADERS, Client, echo, offering, protocols, start, texts_of
from traderd.paper.serving.websocket_session import (
    CLOSE_S,
    CLOSE_TRY_LATER,
    MESSAGE_CHARACTERS_MAX,
    OUTGOING_BYTES_MAX,
    OUTGOING_FRAMES_MAX,
    accept_upgrade,
    encode_text_frame,
    is_upgrade,
    run_session,
)


@given(st.binary(max_size=300) | st.sampled_from([125, 126, 65_535, 65_536]).map(bytes))
def test_frames_are_what_wsproto_reads(payload):
    text = payload.hex() if len(payload) < 300 else payload.decode()
    client = wsproto.Connection(wsproto.ConnectionType.CLIENT)
    client.receive_data(encode_text_frame(text.encode()))
    parts = list(client.events())
    assert "".join(part.data for part in parts) == text
    assert parts[-1].message_finished
    assert encode_text_frame(text.encode()) == wsproto.Connection(
        wsproto.ConnectionType.SERVER
    ).send(TextMessage(data=text))


def test_only_a_get_with_both_headers_is_an_upgrade():
    assert is_upgrade("GET", HEADERS)
    assert not is_upgrade("POST", HEADERS)
    assert not is_upgrade("GET", HEADERS | {"upgrade": "h2c"})
    assert not is_upgrade("GET", HEADERS | {"connection": "keep-alive"})
    assert not is_upgrade("GET", {})


@pytest.mark.parametrize("missing", ["sec-websocket-version", "sec-websocket-key"])
def test_an_incomplete_handshake_is_named(missing):
    protocol, reason = accept_upgrade("/ws", {k: v for k, v in HEADERS.items() if k != missing})
    assert protocol is None
    assert missing in reason.decode().lower()


async def test_texts_go_both_ways_and_fragments_are_joined(autojump_clock):
    async with trio.open_nursery() as nursery:
        client, _ = await start(nursery, echo)
        await client.send(
            TextMessage(data="one"),
            TextMessage(data="tw", message_finished=False),
            Ping(payload=b"between"),
            TextMessage(data="o"),
        )
        await trio.testing.wait_all_tasks_blocked()
        got = await client.events()
        assert [e.data for e in got if isinstance(e, TextMessage)] == ["one", "two"]
        assert [bytes(e.payload) for e in got if isinstance(e, Pong)] == [b"between"]
        nursery.cancel_scope.cancel()


async def test_what_waits_is_joined_into_one_write(autojump_clock):
    async def talk(session) -> None:
        for number in range(100):
            session.send_text(b"%d" % number)
        await session.receive()

    async with trio.open_nursery() as nursery:
        client, _ = await start(nursery, talk)
        await trio.testing.wait_all_tasks_blocked()
        sends = await client.events()
        assert [e.data for e in sends] == [str(number) for number in range(100)]
        nursery.cancel_scope.cancel()


async def test_the_clients_close_is_answered_and_ends_the_session(autojump_clock):
    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, echo)
        await client.send(CloseConnection(code=1000, reason="bye"))
        await ended.wait()
        (event,) = await client.events()
        assert (event.code, event.reason) == (1000, "bye")
        assert await client.events() is None


async def test_our_close_waits_for_the_clients_answer(autojump_clock):
    async def leave(session) -> None:
        session.send_text(b"last")
        session.close(4000, "enough")
        session.send_text(b"too late")

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, leave)
        await trio.testing.wait_all_tasks_blocked()
        last, close = await client.events()
        assert (last.data, close.code, close.reason) == ("last", 4000, "enough")
        assert not ended.is_set()
        began = trio.current_time()
        await client.send(close.response())
        await ended.wait()
        assert trio.current_time() == began


async def test_a_client_that_does_not_answer_a_close_is_left_after_the_deadline(autojump_clock):
    async def leave(session) -> None:
        session.close()

    async with trio.open_nursery() as nursery:
        _, ended = await start(nursery, leave)
        began = trio.current_time()
        await ended.wait()
        assert trio.current_time() - began == pytest.approx(CLOSE_S)


async def test_the_end_of_the_stream_ends_the_session(autojump_clock):
    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, echo)
        await client.stream.aclose()
        await ended.wait()
        assert ended.is_set()


async def test_a_client_that_resets_while_we_write_ends_the_session(autojump_clock):
    async def shout(session) -> None:
        while session.is_open:
            session.send_text(b"x" * 1000)
            await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, shout, lockstep=True)
        await client.events()
        began = trio.current_time()
        await trio.aclose_forcefully(client.stream)
        await ended.wait()
        # At the next write, not at a deadline.
        assert trio.current_time() - began < 0.1


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([BytesMessage(data=b"\x00")], 1003),
        ([TextMessage(data="x" * (MESSAGE_CHARACTERS_MAX + 1))], 1009),
    ],
)
async def test_what_a_client_may_not_send_closes_it(autojump_clock, events, code):
    heard = []

    async def listen(session) -> None:
        while (text := await session.receive()) is not None:
            heard.append(text)

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, listen)
        await client.send(*events, TextMessage(data="after"))
        await trio.testing.wait_all_tasks_blocked()
        (close,) = await client.events()
        assert close.code == code
        assert heard == []
        await client.send(close.response())
        await ended.wait()


async def test_bytes_that_are_no_frames_close_with_a_protocol_error(autojump_clock):
    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, echo)
        # A text frame without a mask, which only servers may send.
        await client.stream.send_all(encode_text_frame(b"hello"))
        await ended.wait()
        (close,) = await client.events()
        assert close.code == 1002


async def test_text_that_is_not_utf8_closes_with_invalid_payload(autojump_clock):
    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, echo)
        # FIN + text, masked with zeros, one byte 0xff.
        await client.stream.send_all(b"\x81\x81\x00\x00\x00\x00\xff")
        await ended.wait()
        (close,) = await client.events()
        assert close.code == 1007


async def test_a_failing_handler_tells_the_client_and_its_caller(autojump_clock):
    async def fail(session) -> None:
        await session.receive()
        raise LookupError("a defect")

    ours, theirs = trio.testing.memory_stream_pair()
    client, server = protocols()
    async with trio.open_nursery() as nursery:

        async def talk() -> None:
            peer = Client(ours, client)
            await peer.send(TextMessage(data="go"))
            (close,) = await peer.events()
            assert close.code == 1011
            await peer.send(close.response())

        nursery.start_soon(talk)
        with pytest.raises(LookupError, match="a defect"):
            await run_session(theirs, server, fail)


async def test_bytes_after_the_handshake_are_not_lost(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()
    client, server = protocols()
    async with trio.open_nursery() as nursery:
        early = client.send(TextMessage(data="early"))
        nursery.start_soon(partial(run_session, theirs, server, echo, trailing=early))
        await trio.testing.wait_all_tasks_blocked()
        (event,) = await Client(ours, client).events()
        assert event.data == "early"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("limits", [{"frames_max": 50}, {"bytes_max": 50_000}])
async def test_a_reader_that_is_too_slow_is_told_and_closed(autojump_clock, limits):
    async def flood(session) -> None:
        session.on_overflow = lambda: [b"one", b"too slow"]
        sent = 0
        while session.is_open:
            session.send_text(b"%d" % sent + b" " * 990)
            sent += 1
            await trio.sleep(0.01)
        assert 50 <= sent <= 53
        assert await session.receive() is None

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, flood, lockstep=True, **limits)
        await trio.sleep(2)
        texts = []
        while (events := await client.events()) is not None:
            texts += [e.data.strip() for e in events if isinstance(e, TextMessage)]
            if any(isinstance(e, CloseConnection) for e in events):
                break
        assert texts == ["0", "one", "too slow"]
        assert events[-1].code == 1013
        await client.send(events[-1].response())
        await ended.wait()


async def test_a_reader_that_never_reads_is_gone_after_the_deadline(autojump_clock):
    async def flood(session) -> None:
        while session.is_open:
            session.send_text(b"x" * 1000)
            await trio.sleep(0.01)
        overflowed.append(trio.current_time())

    overflowed = []
    async with trio.open_nursery() as nursery:
        _, ended = await start(nursery, flood, lockstep=True, frames_max=10)
        await ended.wait()
        assert trio.current_time() - overflowed[0] == pytest.approx(CLOSE_S, abs=0.02)


async def test_a_flood_of_pings_without_reading_is_an_overflow_too(autojump_clock):
    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, echo, lockstep=True, frames_max=10)
        for _ in range(13):
            await client.send(Ping(payload=b"x"))
        heard = []
        while (events := await client.events()) is not None:
            heard += events
            if isinstance(heard[-1], CloseConnection):
                break
        assert heard[-1].code == CLOSE_TRY_LATER
        assert sum(isinstance(event, Pong) for event in heard) < 10
        await client.send(heard[-1].response())
        await ended.wait()


async def test_one_turn_may_tell_an_attentive_reader_very_much(autojump_clock):
    async def tell(session) -> None:
        for number in range(50_000):
            session.send_text(b"%d" % number)
        assert session.is_open
        session.close()

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, tell)
        heard = 0
        while (events := await client.events()) is not None:
            heard += sum(isinstance(event, TextMessage) for event in events)
            if isinstance(events[-1], CloseConnection):
                break
        assert (heard, events[-1].code) == (50_000, 1000)
        await client.send(events[-1].response())
        await ended.wait()


@pytest.mark.parametrize(
    ("size", "most"),
    [(1_000, OUTGOING_BYTES_MAX // 1_004), (10, OUTGOING_FRAMES_MAX)],
)
async def test_the_bytes_end_a_slow_reader_of_news_and_the_frames_one_of_crumbs(
    autojump_clock, size, most
):
    async def tell(session) -> None:
        while session.is_open:
            session.send_text(b"x" * size)
            sent.append(size)

    sent = []
    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, tell)
        (close,) = await client.events()
        assert close.code == CLOSE_TRY_LATER
        assert len(sent) == most + 1
        await client.send(close.response())
        await ended.wait()


async def test_a_dropped_session_ends_without_a_close_frame(autojump_clock):
    async def leave(session) -> None:
        session.send_text(b"first")
        await session.receive()
        session.drop()
        assert not session.is_open
        await session.receive()

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, leave)
        (first,) = await client.events()
        await client.send(TextMessage(data="go"))
        await ended.wait()
        assert first.data == "first"
        assert await client.events() is None


async def test_empty_fragments_take_no_memory(autojump_clock):
    async with trio.open_nursery() as nursery:
        sessions = []

        async def listen(session) -> None:
            sessions.append(session)
            await echo(session)

        client, _ = await start(nursery, listen)
        await client.send(*[TextMessage(data="", message_finished=False)] * 1000)
        await trio.testing.wait_all_tasks_blocked()
        assert sessions[0]._parts == []
        await client.send(TextMessage(data="end"))
        await trio.testing.wait_all_tasks_blocked()
        assert texts_of(await client.events()) == ["end"]
        nursery.cancel_scope.cancel()


def masked(opcode: int, payload: bytes) -> bytes:
    """Return a client's frame with a mask of zeros; `opcode` is the whole first byte."""
    size = len(payload)
    head = (0x80 | size).to_bytes(1) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes([opcode]) + head + bytes(4) + payload


chunks = st.binary(max_size=200) | st.builds(masked, st.integers(0, 255), st.binary(max_size=200))


@settings(max_examples=150, deadline=None)
@given(st.lists(chunks, max_size=8), st.sampled_from(["permessage-deflate", ""]))
def test_no_bytes_break_the_server(sent, offer):
    async def talk() -> None:
        async with offering(offer, echo) as (client, _):
            for chunk in sent:
                await client.stream.send_all(chunk)
            began = trio.current_time()
            await client.stream.aclose()
            await client.ended.wait()
            assert trio.current_time() - began <= CLOSE_S

    trio.run(talk, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_a_real_client_keeps_a_long_conversation(autojump_clock):
    async with trio.open_nursery() as nursery:
        ours, theirs = trio.testing.memory_stream_pair()

        async def serve() -> None:
            request = b""
            while b"\r\n\r\n" not in request:
                request += await theirs.receive_some(10_000)
            protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
            protocol.receive_data(request)
            assert any(isinstance(e, UpgradeRequest) for e in protocol.events())
            await theirs.send_all(protocol.send(wsproto.events.AcceptConnection()))
            await run_session(theirs, protocol, echo)
            await trio.aclose_forcefully(theirs)

        nursery.start_soon(serve)
        async with websocket(ours, "/ws") as client:
            for size in (1, 125, 126, 65_535, 65_536, 200_000):
                await client.send_message("x" * size)
                assert len(await client.get_message()) == size
            await client.ping(b"there?")
        with pytest.raises(ConnectionClosed):
            await client.get_message()
