import math

from traderd.web.schema_live import MESSAGES
from traderd.web.send_times import FLUSH_INTERVAL_S, LANES, URGENT_GAP_S, Lane, SendTimes


def test_nothing_is_due_while_nothing_waits():
    assert SendTimes().due_at(1) == math.inf


def test_the_first_news_after_quiet_is_due_at_once_whatever_it_is():
    for lane in Lane:
        times = SendTimes()
        times.ask(lane)
        assert times.due_at(100) <= 0.0, lane


def test_an_order_and_a_book_wait_for_their_turn_and_a_state_change_does_not():
    times = SendTimes()
    for lane in Lane:
        times.ask(lane)
    times.sent(5.0)
    for lane, gap in ((Lane.REGULAR, 0.1), (Lane.SOON, 0.1), (Lane.URGENT, URGENT_GAP_S)):
        times.ask(lane)
        assert math.isclose(times.due_at(1), 5.0 + gap), lane
    assert not times.is_due(Lane.REGULAR, 5.0 + FLUSH_INTERVAL_S / 2)
    assert times.is_due(Lane.REGULAR, 5.0 + FLUSH_INTERVAL_S)


def test_what_is_regular_keeps_its_turn_when_something_urgent_is_sent_between():
    times = SendTimes()
    times.ask(Lane.REGULAR)
    times.sent(5.0)
    times.ask(Lane.REGULAR)
    times.ask(Lane.SOON)
    times.ask(Lane.URGENT)
    times.sent(5.05)
    # The order went along, the books did not: they are made when their turn comes.
    assert math.isclose(times.due_at(1), 5.1)
    times.sent(5.1)
    assert times.due_at(1) == math.inf


def test_the_more_clients_there_are_the_longer_urgent_news_wait_for_one_another():
    times = SendTimes()
    times.ask(Lane.URGENT)
    times.sent(5.0)
    times.ask(Lane.URGENT)
    assert math.isclose(times.due_at(1), 5.001)
    assert math.isclose(times.due_at(64), 5.064)


def test_every_type_with_a_lane_of_its_own_is_a_message():
    assert set(LANES) < set(MESSAGES)
