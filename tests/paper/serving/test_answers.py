"""What a client asked for is counted apart from what comes to it unasked."""

import trio
import trio.testing

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
