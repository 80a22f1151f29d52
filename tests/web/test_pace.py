import math

from traderd.web.pace import FLUSH_INTERVAL_S, LANES, URGENT_GAP_S, Lane, Pace
from traderd.web.schema_live import MESSAGES


def test_nothing_is_due_while_nothing_waits():
    assert Pace().due_at(1) == math.inf


def test_the_first_news_after_quiet_is_due_at_once_whatever_it_is():
    for lane in Lane:
        pace = Pace()
        pace.ask(lane)
        assert pace.due_at(100) <= 0.0, lane


def test_an_order_and_a_book_wait_for_their_turn_and_a_state_change_does_not():
    pace = Pace()
    for lane in Lane:
        pace.ask(lane)
    pace.sent(5.0)
    for lane, gap in ((Lane.REGULAR, 0.1), (Lane.SOON, 0.1), (Lane.URGENT, URGENT_GAP_S)):
        pace.ask(lane)
        assert math.isclose(pace.due_at(1), 5.0 + gap), lane
    assert not pace.is_due(Lane.REGULAR, 5.0 + FLUSH_INTERVAL_S / 2)
    assert pace.is_due(Lane.REGULAR, 5.0 + FLUSH_INTERVAL_S)


def test_what_is_regular_keeps_its_turn_when_something_urgent_is_sent_between():
    pace = Pace()
    pace.ask(Lane.REGULAR)
    pace.sent(5.0)
    pace.ask(Lane.REGULAR)
    pace.ask(Lane.SOON)
    pace.ask(Lane.URGENT)
    pace.sent(5.05)
    # The order went along, the books did not: they are made when their turn comes.
    assert math.isclose(pace.due_at(1), 5.1)
    pace.sent(5.1)
    assert pace.due_at(1) == math.inf


def test_the_more_clients_there_are_the_longer_urgent_news_wait_for_one_another():
    pace = Pace()
    pace.ask(Lane.URGENT)
    pace.sent(5.0)
    pace.ask(Lane.URGENT)
    assert math.isclose(pace.due_at(1), 5.001)
    assert math.isclose(pace.due_at(64), 5.064)


def test_every_type_with_a_lane_of_its_own_is_a_message():
    assert set(LANES) < set(MESSAGES)
