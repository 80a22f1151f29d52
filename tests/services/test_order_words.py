"""What became of orders, in words."""

import pytest

from traderd.model.commands import Answer, Outcome
from traderd.services.order_words import in_doubt, summary, worst

DONE = Outcome(answer=Answer.DONE, sentence="bid 1 rests", key="k1")
DENIED = Outcome(answer=Answer.DENIED, sentence="denied by rule size: too many")
UNKNOWN = Outcome(answer=Answer.UNKNOWN, sentence="no answer", key="k2")


@pytest.mark.parametrize(
    ("items", "answer", "words"),
    [
        ((DONE, DONE), Answer.DONE, "2 of 2 orders were taken"),
        (
            (DONE, DENIED),
            Answer.DENIED,
            "1 of 2 orders were taken; 2. denied by rule size: too many",
        ),
        (
            (UNKNOWN, DENIED),
            Answer.UNKNOWN,
            "0 of 2 orders were taken; 1. unknown: no answer; 2. denied by rule size: too many",
        ),
    ],
)
def test_several_answers_become_the_worst_and_no_word_is_said_twice(items, answer, words):
    assert (worst(items), summary(items)) == (answer, words)


def test_an_order_in_doubt_is_told_with_its_key_and_what_not_to_do():
    said = in_doubt("k1", "the connection ended")
    assert said.startswith("it is not known whether order k1 was placed: the connection ended. ")
    assert "Do not send it again" in said
