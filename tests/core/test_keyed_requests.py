import pytest

from tests.core import builders as b
from traderd.core.engine import Engine
from traderd.core.keyed_requests import ANSWERS_CHARACTERS_MAX, KEYS_KEPT
from traderd.model.events import RequestAnswered, RequestTaken


@pytest.fixture
def engine():
    return Engine(limits=b.limits())


def take(engine, key="k-1", at=1, digest="d-1"):
    engine.apply(RequestTaken(at=b.second(at), key=key, verb="place", digest=digest))


def answer(engine, key="k-1", at=2, status=200):
    engine.apply(RequestAnswered(at=b.second(at), key=key, status=status, answer="{}"))


def test_a_request_is_known_from_when_it_was_taken_on_and_its_answer_from_when_it_was_given(engine):
    assert engine.requests.kept.get("k-1") is None
    take(engine)
    known = engine.requests.kept.get("k-1")
    assert (known.verb, known.digest, known.taken_at) == ("place", "d-1", b.second(1))
    assert known.status is None
    answer(engine, status=422)
    assert engine.requests.kept.get("k-1").status == 422


def test_a_key_of_which_nobody_need_know_leaves_memory_with_the_next_one(engine):
    for number in range(5):
        take(engine, key=f"old-{number}")
        answer(engine, key=f"old-{number}")
    fact = RequestTaken(
        at=b.second(9), key="new", verb="place", digest="d", forgotten=("old-1", "old-3", "gone")
    )
    engine.apply(fact)
    assert list(engine.requests.kept) == ["old-0", "old-2", "old-4", "new"]


def test_a_key_may_be_used_anew_and_then_nothing_of_before_is_known(engine):
    take(engine)
    answer(engine)
    take(engine, at=5, digest="d-2")
    known = engine.requests.kept["k-1"]
    assert (known.digest, known.status) == ("d-2", None)


def test_a_clock_that_jumps_forgets_nothing(engine):
    take(engine, key="k-1", at=1)
    take(engine, key="k-2", at=1_000_000)
    take(engine, key="k-3", at=10)
    assert list(engine.requests.kept) == ["k-1", "k-2", "k-3"]


def test_the_newest_keys_are_kept(engine):
    for number in range(KEYS_KEPT + 2):
        take(engine, key=f"k-{number}", at=number)
        answer(engine, key=f"k-{number}", at=number)
    assert len(engine.requests.kept) == KEYS_KEPT
    assert next(iter(engine.requests.kept)) == "k-2"
    answer(engine, key="k-0", at=5_000)
    assert engine.requests.kept.get("k-0") is None, "nobody asks for it any more"


def test_one_that_is_under_way_stays_however_many_come_and_is_then_the_newest(engine):
    take(engine, key="slow", at=1)
    for number in range(2 * KEYS_KEPT):
        take(engine, key=f"k-{number}", at=2)
        answer(engine, key=f"k-{number}", at=2)
    assert engine.requests.kept.get("slow").status is None
    answer(engine, key="slow", at=3)
    for number in range(KEYS_KEPT - 1):
        take(engine, key=f"l-{number}", at=4)
        answer(engine, key=f"l-{number}", at=4)
    assert engine.requests.kept.get("slow").status == 200
    assert len(engine.requests.kept) == KEYS_KEPT


def test_where_nothing_is_answered_the_oldest_goes(engine):
    for number in range(KEYS_KEPT + 1):
        take(engine, key=f"k-{number}")
    assert len(engine.requests.kept) == KEYS_KEPT
    assert engine.requests.kept.get("k-0") is None


def test_long_answers_make_room_for_one_another_and_the_newest_is_there(engine):
    text = "x" * (ANSWERS_CHARACTERS_MAX // 4)
    take(engine, key="waits")
    for number in range(6):
        take(engine, key=f"k-{number}")
        engine.apply(RequestAnswered(at=b.second(2), key=f"k-{number}", status=200, answer=text))
    assert list(engine.requests.kept) == ["waits", "k-2", "k-3", "k-4", "k-5"]
    engine.apply(RequestAnswered(at=b.second(2), key="waits", status=200, answer=5 * text))
    assert list(engine.requests.kept) == ["waits"]
