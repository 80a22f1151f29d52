import pytest
import trio

from tests.web.live_looking import LiveLookingNotes
from traderd.errors import BadInput
from traderd.web.repeats import KeyReused, OutcomeLost, Repeats

ASKED = ("place", "digest-1")


class Desk:
    """Counts what is done."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s
        self.done = 0

    async def __call__(self):
        await trio.sleep(self.takes_s)
        self.done += 1
        return 200, {"answer": "done", "number": self.done}


@pytest.fixture
def notes():
    return LiveLookingNotes()


@pytest.fixture
def repeats(notes):
    return Repeats(notes)


async def test_the_same_request_is_done_once_and_answered_twice(autojump_clock, repeats):
    desk = Desk()
    first = await repeats.once("k-1", ASKED, desk)
    second = await repeats.once("k-1", ASKED, desk)
    assert first == ((200, {"answer": "done", "number": 1}), False)
    assert second == (first[0], True)
    assert desk.done == 1


async def test_one_that_comes_while_the_first_is_under_way_waits_for_its_outcome(
    autojump_clock, repeats
):
    desk, answers = Desk(takes_s=5), []

    async def ask():
        answers.append(await repeats.once("k-1", ASKED, desk))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert desk.done == 1
    assert sorted(was_given for _answer, was_given in answers) == [False, True, True]
    assert {answer["number"] for (_status, answer), _ in answers} == {1}


async def test_who_waited_gets_the_answer_also_where_nothing_is_remembered(
    autojump_clock, notes, repeats
):
    desk, answers = Desk(takes_s=5), []

    async def ask():
        answers.append(await repeats.once("k-1", ASKED, desk))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask)
        notes.earlier = lambda _key: None
    assert desk.done == 1
    assert {answer["number"] for (_status, answer), _ in answers} == {1}


@pytest.mark.parametrize("takes_s", [0, 5])
async def test_a_key_with_another_verb_or_body_is_refused_and_nothing_is_done(
    autojump_clock, repeats, takes_s
):
    desk = Desk(takes_s)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(repeats.once, "k-1", ASKED, desk)
        await trio.sleep(1)
        for other in (("amend", ASKED[1]), ("place", "digest-2")):
            with pytest.raises(KeyReused):
                await repeats.once("k-1", other, desk)
    assert desk.done == 1


async def test_it_is_noted_before_it_is_done_and_its_answer_before_it_is_given(
    autojump_clock, notes, repeats
):
    seen = []

    async def look():
        seen.append(notes.earlier("k-1"))
        return 200, {}

    await repeats.once("k-1", ASKED, look)
    assert [(one.asked, one.answer) for one in seen] == [(ASKED, None)]
    assert notes.earlier("k-1").answer == (200, {})


async def test_what_an_earlier_run_answered_is_answered_by_a_later_one(autojump_clock, notes):
    desk = Desk()
    first, _ = await Repeats(notes).once("k-1", ASKED, desk)
    assert await Repeats(notes).once("k-1", ASKED, desk) == (first, True)
    assert desk.done == 1


async def test_what_an_earlier_run_took_on_and_never_answered_is_not_done_again(
    autojump_clock, notes
):
    desk = Desk()
    await notes.take("k-1", ASKED)
    repeats = Repeats(notes)
    for _ in range(2):
        with pytest.raises(OutcomeLost) as lost:
            await repeats.once("k-1", ASKED, desk)
        assert lost.value.taken_at == "2026-11-20T10:30:15Z"
    with pytest.raises(KeyReused):
        await repeats.once("k-1", ("place", "digest-2"), desk)
    assert desk.done == 0


async def test_after_a_failure_it_is_not_done_again_because_it_may_have_been_done(
    autojump_clock, repeats
):
    tried = []

    async def fail():
        tried.append(1)
        raise OSError("the line broke after the order was sent")

    with pytest.raises(OSError, match="after the order was sent"):
        await repeats.once("k-1", ASKED, fail)
    with pytest.raises(OutcomeLost):
        await repeats.once("k-1", ASKED, fail)
    assert tried == [1]


async def test_who_leaves_before_the_end_breaks_nothing_off(autojump_clock, repeats):
    desk = Desk(takes_s=5)
    with trio.move_on_after(1):
        await repeats.once("k-1", ASKED, desk)
    assert await repeats.once("k-1", ASKED, desk) == ((200, {"answer": "done", "number": 1}), True)
    assert desk.done == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, "é", "a\n", "\x00"])
async def test_a_key_that_is_none_is_refused_with_what_one_is(autojump_clock, repeats, key):
    with pytest.raises(BadInput, match="1 to 64 printable"):
        await repeats.once(key, ASKED, Desk())
