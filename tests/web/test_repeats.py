import pytest
import trio

from traderd.errors import BadInput
from traderd.web.repeats import KEPT, KeyReused, Repeats

ASKED = ("place", b'{"count":"1"}')


class Desk:
    """Counts what is done."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s
        self.done = 0

    async def __call__(self):
        await trio.sleep(self.takes_s)
        self.done += 1
        return 200, {"answer": "done", "number": self.done}


async def test_the_same_request_is_done_once_and_answered_twice(autojump_clock):
    repeats, desk = Repeats(), Desk()
    first = await repeats.once("k-1", ASKED, desk)
    second = await repeats.once("k-1", ASKED, desk)
    assert first == ((200, {"answer": "done", "number": 1}), False)
    assert second == (first[0], True)
    assert desk.done == 1


async def test_one_that_comes_while_the_first_is_under_way_waits_for_its_outcome(autojump_clock):
    repeats, desk, answers = Repeats(), Desk(takes_s=5), []

    async def ask():
        answers.append(await repeats.once("k-1", ASKED, desk))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert desk.done == 1
    assert sorted(was_given for _answer, was_given in answers) == [False, True, True]
    assert {answer["number"] for (_status, answer), _ in answers} == {1}


async def test_a_key_with_another_verb_or_body_is_refused_and_nothing_is_done(autojump_clock):
    repeats, desk = Repeats(), Desk()
    await repeats.once("k-1", ASKED, desk)
    for other in (("amend", ASKED[1]), ("place", b'{"count":"2"}')):
        with pytest.raises(KeyReused):
            await repeats.once("k-1", other, desk)
    assert desk.done == 1


async def test_a_failure_is_kept_too_because_it_may_have_been_done(autojump_clock):
    repeats, tried = Repeats(), []

    async def fail():
        tried.append(1)
        raise OSError("the line broke after the order was sent")

    for _ in range(2):
        with pytest.raises(OSError, match="after the order was sent"):
            await repeats.once("k-1", ASKED, fail)
    assert tried == [1]


async def test_a_failure_that_is_told_again_and_again_keeps_nothing_of_who_asked(autojump_clock):
    repeats, lengths = Repeats(), []

    async def fail():
        raise OSError("no")

    for _ in range(5):
        with pytest.raises(OSError, match="no") as told:
            await repeats.once("k-1", ASKED, fail)
        lengths.append(len(told.traceback))
    assert len(set(lengths[1:])) == 1


async def test_one_that_was_cancelled_before_it_was_done_may_be_asked_again(autojump_clock):
    repeats, desk = Repeats(), Desk(takes_s=5)
    with trio.move_on_after(1):
        await repeats.once("k-1", ASKED, desk)
    assert await repeats.once("k-1", ASKED, desk) == ((200, {"answer": "done", "number": 1}), False)


async def test_what_is_kept_is_bounded_and_what_runs_is_never_forgotten(autojump_clock):
    repeats, slow, desk = Repeats(), Desk(takes_s=5), Desk()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(repeats.once, "slow", ASKED, slow)
        await trio.sleep(1)
        for number in range(3 * KEPT):
            await repeats.once(f"k-{number}", ASKED, desk)
        assert len(repeats._kept) == KEPT
        assert (await repeats.once("slow", ASKED, slow))[1]
    assert slow.done == 1
    assert not (await repeats.once("k-0", ASKED, desk))[1]


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, "é", "a\n", "\x00"])
async def test_a_key_that_is_none_is_refused_with_what_one_is(autojump_clock, key):
    with pytest.raises(BadInput, match="1 to 64 printable"):
        await Repeats().once(key, ASKED, Desk())
