"""Lines that a caller can provoke, and how many of them are said."""

import pytest
import structlog
import trio

from traderd.web.seldom import KINDS_MAX, SAY_AGAIN_S, DefectLog, Seldom, place_of


def caught(act):
    with pytest.raises((ArithmeticError, LookupError)) as raised:
        act()
    return raised.value


def divide():
    return 1 / 0


def look_up():
    return {}["key"]


async def test_of_each_kind_there_is_one_line_in_a_while_and_the_next_one_counts(autojump_clock):
    seldom = Seldom()
    assert seldom.due("a") == {}
    assert [seldom.due("a") for _ in range(3)] == [None] * 3
    assert seldom.due("b") == {}
    await trio.sleep(SAY_AGAIN_S)
    assert seldom.due("a") == {"more": 3}
    await trio.sleep(SAY_AGAIN_S)
    assert seldom.due("a") == {}


async def test_the_kinds_are_bounded_and_the_oldest_is_forgotten(autojump_clock):
    seldom = Seldom()
    for number in range(KINDS_MAX + 1):
        assert seldom.due(f"kind {number}") == {}
    assert seldom.due(f"kind {KINDS_MAX}") is None
    assert seldom.due("kind 0") == {}


async def test_a_defect_is_told_in_full_once_and_another_one_beside_it_is_not_hidden(
    autojump_clock,
):
    defects = DefectLog("web.defect")
    with structlog.testing.capture_logs() as lines:
        for _ in range(1_000):
            defects.note(caught(divide))
        defects.note(caught(look_up))
    assert [type(line["exc_info"]) for line in lines] == [ZeroDivisionError, KeyError]
    assert {(line["event"], line["log_level"]) for line in lines} == {("web.defect", "error")}


def test_the_place_of_a_group_is_that_of_the_first_error_in_it():
    error = caught(divide)
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [error]), caught(look_up)])
    assert place_of(group) == place_of(error)
    assert place_of(error).startswith(f"ZeroDivisionError {__file__}:")
    assert place_of(ValueError("never raised")) == "ValueError"
