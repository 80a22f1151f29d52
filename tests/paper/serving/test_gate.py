"""The gate knows what a frame waits for, wakes who waits, and lets no session tell too early."""

import trio
import trio.testing

from tests.paper.serving.talking import start, texts_of
from traderd.paper.serving.gate import Gate


class Waiter:
    def __init__(self, gate: Gate, *, keeps: bool = False) -> None:
        self.gate = gate
        self.keeps = keeps
        self.released: list[int] = []

    def release(self, ticket: int) -> None:
        self.released.append(ticket)
        if self.keeps:
            self.gate.wait(self)


def test_a_gate_is_open_until_it_is_held_and_after_its_release():
    gate = Gate()
    assert gate.ticket == 0
    gate.hold(1)
    gate.hold(3)
    assert gate.ticket == 3
    gate.release(1)
    assert gate.ticket == 3
    gate.release(3)
    assert gate.ticket == 0


def test_a_release_of_more_than_is_held_opens_the_gate():
    gate = Gate()
    gate.hold(2)
    gate.release(9)
    assert gate.ticket == 0


def test_a_ticket_that_was_released_holds_nothing():
    gate = Gate()
    gate.release(5)
    gate.hold(5)
    assert gate.ticket == 0
    gate.hold(7)
    gate.hold(6)
    gate.hold(4)
    assert gate.ticket == 7


def test_who_waits_is_woken_once_unless_it_waits_again():
    gate = Gate()
    once, again = Waiter(gate), Waiter(gate, keeps=True)
    gate.wait(once)
    gate.wait(again)
    gate.release(1)
    gate.release(2)
    assert (once.released, again.released) == ([1], [1, 2])


async def test_texts_wait_at_the_gate_in_order_and_pings_pass_it(autojump_clock):
    gate = Gate()

    async def talk(session) -> None:
        session.gate = gate
        session.send_text(b"before")
        gate.hold(1)
        session.send_text(b"one")
        gate.hold(2)
        session.send_text(b"two")
        session.ping(b"alive")
        await session.receive()

    async with trio.open_nursery() as nursery:
        client, _ = await start(nursery, talk)
        await trio.testing.wait_all_tasks_blocked()
        before, ping = await client.events()
        assert (before.data, bytes(ping.payload)) == ("before", b"alive")
        gate.release(1)
        await trio.testing.wait_all_tasks_blocked()
        assert texts_of(await client.events()) == ["one"]
        gate.release(2)
        await trio.testing.wait_all_tasks_blocked()
        assert texts_of(await client.events()) == ["two"]
        nursery.cancel_scope.cancel()


async def test_what_waits_at_the_gate_counts_against_the_bounds(autojump_clock):
    gate = Gate()
    gate.hold(1)

    async def talk(session) -> None:
        session.gate = gate
        session.on_overflow = lambda: [b"too slow"]
        for number in range(11):
            assert session.is_open
            session.send_text(b"%d" % number)
        assert not session.is_open

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, talk, frames_max=10)
        told, close = await client.events()
        assert (told.data, close.code) == ("too slow", 1013)
        gate.release(1)
        await client.send(close.response())
        await ended.wait()
        assert await client.events() is None


async def test_what_waits_at_the_gate_is_never_told_after_a_close(autojump_clock):
    gate = Gate()
    gate.hold(1)

    async def talk(session) -> None:
        session.gate = gate
        session.send_text(b"secret")
        session.close()
        gate.release(1)

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, talk)
        # The bytes themselves: a client's protocol is deaf after a close frame.
        data = await client.stream.receive_some(1_000_000)
        assert b"secret" not in data
        client.protocol.receive_data(data)
        (close,) = client.protocol.events()
        await client.send(close.response())
        await ended.wait()
        assert await client.stream.receive_some(1) == b""
