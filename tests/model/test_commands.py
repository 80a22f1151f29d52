"""Commands are asks, not facts: frozen, their own list, and each gets one answer."""

import typing

import attrs
import pytest

from traderd.model import commands, events
from traderd.model.commands import Answer, Outcome

COMMANDS = typing.get_args(commands.Command)


def test_the_union_lists_every_command_of_the_module():
    here = [
        member
        for member in vars(commands).values()
        if isinstance(member, type) and attrs.has(member) and member.__module__ == commands.__name__
    ]
    assert sorted(here, key=str) == sorted([*COMMANDS, Outcome], key=str)


def test_no_name_is_both_a_command_and_an_event():
    assert [one.__name__ for one in COMMANDS if hasattr(events, one.__name__)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_frozen_and_has_no_time_of_its_own(command):
    assert "at" not in attrs.fields_dict(command)
    instance = object.__new__(command)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        instance.anything = 1


@pytest.mark.parametrize("answer", Answer)
def test_only_a_done_command_is_ok(answer):
    assert Outcome(answer=answer, sentence="").ok is (answer is Answer.DONE)


@pytest.mark.parametrize("answer", Answer)
def test_an_answer_is_one_lower_case_word_for_programs(answer):
    assert answer.value == answer.name.lower()
