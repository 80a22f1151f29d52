import socket
import threading
from time import perf_counter

import attrs
import pytest

from traderd.plugin_api import StrategySpec
from traderd.testing.watch import Watch


def watch() -> Watch:
    return Watch(path=__file__, clock=perf_counter)


class Plain:
    def __init__(self, parameters):
        self.answer = parameters

    def decide(self, observation):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@attrs.define
class Slotted:
    answer: object

    def decide(self, observation):
        return self.answer


@pytest.mark.parametrize("kind", [Plain, Slotted])
def test_a_watched_strategy_is_the_same_object_and_is_measured(kind):
    one = watch()
    strategy = one.spec(StrategySpec(name="x", make=kind, parameters=object)).make([])
    assert isinstance(strategy, kind)
    assert strategy.decide(None) == []
    assert one.calls == {"decide": 1}
    assert one.worst_s["decide"] < 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [("buy", "returned str, not a list"), ([5], "returned 5 among its commands")],
)
def test_what_is_no_command_is_noted(answer, words):
    one = watch()
    one.spec(StrategySpec(name="x", make=Plain, parameters=object)).make(answer).decide(None)
    assert words in one.invalid[0]


def test_what_it_raises_is_noted_with_its_line_and_raised_on():
    one = watch()
    strategy = one.spec(StrategySpec(name="x", make=Plain, parameters=object)).make(KeyError("k"))
    with pytest.raises(KeyError):
        strategy.decide(None)
    assert one.raised[0].startswith("decide raised KeyError: 'k' (line ")


def test_threads_sockets_and_words_of_the_plugin_are_noted_while_it_is_watched():
    one = watch()
    with one.on():
        threading.Thread(target=lambda: None).start()
        socket.socket().close()
        print("hello")
    socket.socket().close()
    assert [words.partition(" in line")[0] for words in one.forbidden] == [
        "it starts a thread",
        "it opens a socket",
    ]
    assert one.printed.getvalue() == "hello\n"


def test_what_others_do_meanwhile_is_not_the_plugins():
    one = Watch(path="/another/file.py", clock=perf_counter)
    with one.on():
        socket.socket().close()
    assert one.forbidden == []
