"""What a client asked for is counted apart from what comes to it unasked."""

import pytest
import trio
import trio.testing
from wsproto.events import CloseConnection, TextMessage

from tests.paper.serving.talking import start
from traderd.paper.serving.answers import Answers


def test_answers_are_counted_until_nothing_waits():
    answers = Answers()
    answers.add(300)
    answers.add(20)
    assert (answers.frames, answers.size) == (2, 320)
    answers.clear()
    assert (answers.frames, answers.size) == (0, 0)


def test_what_is_sent_is_an_answer_only_while_one_is_made():
    answers = Answers()
    assert not answers.are_being_made
    try:
        with answers.being_made():
            assert answers.are_being_made
            raise ValueError("a command that fails")
    except ValueError:
        pass
    assert not answers.are_being_made


async def test_waiting_ends_when_nothing_waits(autojump_clock):
    answers = Answers()
    ended = []

    async def wait() -> None:
        await answers.all_sent()
        ended.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        answers.add(1)
        answers.clear()
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        assert not ended
        answers.clear()
    assert len(ended) == 1


@pytest.mark.parametrize("limits", [{"frames_max": 10}, {"bytes_max": 1_000}])
async def test_what_was_asked_for_waits_beyond_the_bounds_and_news_do_not(autojump_clock, limits):
    async def serve(session) -> None:
        session.on_overflow = lambda: [b"too slow"]
        assert await session.receive() == "everything"
        with session.answers.being_made():
            for number in range(50):
                session.send_text(b"%50d" % number)
        for number in range(9):
            session.send_text(b"news %45d" % number)
        assert session.is_open
        await session.caught_up()
        # From here on the bounds are what they were.
        while session.is_open:
            session.send_text(b"unread" + b" " * 90)
            sent.append("unread")
        assert await session.receive() is None

    sent = []
    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, serve, lockstep=True, **limits)
        await client.send(TextMessage(data="everything"))
        texts = []
        while (events := await client.events()) is not None:
            texts += [e.data.strip() for e in events if isinstance(e, TextMessage)]
            if any(isinstance(e, CloseConnection) for e in events):
                break
        assert texts[:50] == [str(number) for number in range(50)]
        assert texts[50:59] == [f"news {number:45d}" for number in range(9)]
        assert texts[59:] == ["too slow"]
        assert len(sent) <= 12
        await client.send(events[-1].response())
        await ended.wait()


async def test_commands_wait_while_a_long_answer_is_not_taken(autojump_clock):
    taken = []

    async def serve(session) -> None:
        while (text := await session.receive()) is not None:
            taken.append(text)
            with session.answers.being_made():
                for _ in range(20):
                    session.send_text(text.encode())
            await session.caught_up()

    async with trio.open_nursery() as nursery:
        client, ended = await start(nursery, serve, lockstep=True, frames_max=10)
        await client.send(TextMessage(data="one"), TextMessage(data="two"))
        await trio.testing.wait_all_tasks_blocked()
        assert taken == ["one"]
        heard = []
        while len(heard) < 40:
            heard += [e.data for e in await client.events()]
        assert heard == ["one"] * 20 + ["two"] * 20
        await client.stream.aclose()
        await ended.wait()
