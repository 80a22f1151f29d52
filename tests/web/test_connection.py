"""How a connection ends; what it does under a whole server is in test_server.py and tests/contract/test_web_wire.py."""

import pytest
import structlog
import trio
import trio.testing

from traderd.web.connection import (
    CLOSE_BUDGET_S,
    LINGER_S,
    SEND_BUDGET_S,
    Connection,
)
from traderd.web.raw_answers import INSTEAD


async def test_a_send_that_nobody_takes_is_given_up_and_closes_the_stream(autojump_clock):
    ours, _theirs = trio.testing.lockstep_stream_pair()
    connection = Connection(ours)
    with structlog.testing.capture_logs() as lines, pytest.raises(trio.BrokenResourceError):
        await connection.send_all(b"x")
    assert trio.current_time() == SEND_BUDGET_S
    assert [line["event"] for line in lines] == ["web.client_stuck"]
    with pytest.raises(trio.ClosedResourceError):
        await connection.receive_some(1)


async def test_an_answer_without_a_body_is_exchanged_for_ours(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()
    for bare, answer in INSTEAD.items():
        await Connection(ours).send_all(bare)
        assert await theirs.receive_some() == answer
    await Connection(ours).send_all(b"HTTP/1.1 200 \r\n\r\n")
    assert await theirs.receive_some() == b"HTTP/1.1 200 \r\n\r\n"


@pytest.mark.parametrize(("talks", "after_s"), [(False, LINGER_S), (True, CLOSE_BUDGET_S)])
async def test_after_its_end_a_connection_lingers_while_its_client_sends_and_not_for_ever(
    autojump_clock, talks, after_s
):
    ours, theirs = trio.testing.memory_stream_pair()
    connection = Connection(ours)

    async def hear():
        while True:
            await connection.receive_some(100)

    async def talk():
        while True:
            await theirs.send_all(b"x")
            await trio.sleep(LINGER_S / 2)

    with pytest.RaisesGroup(trio.ClosedResourceError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear)
            if talks:
                nursery.start_soon(talk)
            nursery.start_soon(connection.close_when_over, trio.CancelScope())
            await connection.send_eof()
            await connection.aclose()
            assert await theirs.receive_some() == b""
    assert trio.current_time() == pytest.approx(after_s, abs=LINGER_S)
