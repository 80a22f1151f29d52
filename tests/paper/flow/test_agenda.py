"""The heap of planned actions."""

from __future__ import annotations

import pytest

from tests.paper.venues import NOW, TICKER
from traderd.paper.flow.agenda import Agenda, Look, Mend, Quote


def test_the_soonest_comes_first_and_equal_times_keep_their_order():
    agenda = Agenda()
    assert agenda.next() is None
    first, second, third = Quote(TICKER), Mend(TICKER), Look()
    agenda.plan(NOW + 1, second)
    agenda.plan(NOW + 1, third)
    agenda.plan(NOW, first)
    taken = []
    while (planned := agenda.next()) is not None:
        taken.append(planned[1])
        agenda.take(planned[1])
    assert taken == [first, second, third]


def test_only_the_next_action_can_be_taken_and_an_equal_one_is_another():
    agenda = Agenda()
    agenda.plan(NOW, Look())
    with pytest.raises(ValueError, match="not the next action"):
        agenda.take(Look())
    assert agenda.next() is not None
