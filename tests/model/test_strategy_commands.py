import typing

from traderd.model.commands import Command
from traderd.model.ids import StrategyName
from traderd.model.state_events import Author
from traderd.model.strategy_commands import ReleaseStrategy, ReplaceStrategy, StrategyCommand


def test_each_is_a_command_and_a_persons_unless_it_says_otherwise():
    kinds = typing.get_args(StrategyCommand)
    assert [kind for kind in kinds if kind not in typing.get_args(Command)] == []
    assert ReleaseStrategy(strategy=StrategyName("a")).author is Author.PERSON
    assert ReplaceStrategy(strategy=StrategyName("a"), spec=None).why == ""
