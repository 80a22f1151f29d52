"""One channel's messages: when they go, what is joined, and that nothing is lost below the bound."""

import attrs
import pytest

from traderd.core.notice_outbox import BURST, WAITING_MAX, ChannelRules, Outbox
from traderd.model.notices import LINES_MAX, Notice, NoticeClass, Urgency
from traderd.model.units import NS_PER_S, Timestamp

LOW, NORMAL, CRITICAL = Urgency.LOW, Urgency.NORMAL, Urgency.CRITICAL


def at(seconds: float) -> Timestamp:
    return Timestamp(round(seconds * NS_PER_S))


def notice(key="k", urgency=NORMAL, kind=NoticeClass.RISK, **changes) -> Notice:
    return Notice(
        **{
            "at": at(0),
            "kind": kind,
            "urgency": urgency,
            "key": key,
            "title": f"title of {key}",
            "text": "",
        }
        | changes
    )


class Channel:
    """An outbox with its clock."""

    def __init__(self, **rules):
        self.outbox = Outbox(ChannelRules(**rules), "sim")
        self.quiet = False

    def take(self, second, *notices, always=False):
        for one in notices:
            self.outbox.take(one, at(second), is_quiet=self.quiet, always=always)

    def due(self, second):
        message = self.outbox.due(at(second), is_quiet=self.quiet)
        return None if message is None else [one.title for one in message.notices]

    def next_s(self, second):
        moment = self.outbox.next_at(at(second), is_quiet=self.quiet)
        return None if moment is None else moment / NS_PER_S


def test_what_matters_goes_at_once():
    channel = Channel()
    channel.take(0, notice("a"))
    assert channel.next_s(0) == 0
    assert channel.due(0) == ["title of a"]
    assert channel.due(0) is None
    assert channel.next_s(0) is None


def test_small_news_is_collected_into_one_message():
    channel = Channel(digest_s=900)
    channel.take(0, notice("a", LOW))
    channel.take(600, notice("b", LOW))
    assert channel.next_s(600) == 900
    assert channel.due(899) is None
    assert channel.due(900) == ["title of a", "title of b"]
    assert channel.due(5_000) is None


def test_the_same_again_within_the_window_is_counted_and_told_once():
    channel = Channel(repeat_s=60, digest_s=900)
    channel.take(0, notice("feed"))
    assert channel.due(0) == ["title of feed"]
    for second in (5, 10, 15):
        channel.take(second, notice("feed"))
        assert channel.due(second) is None
    assert channel.next_s(15) == 60
    assert channel.due(60) is None
    assert channel.due(960) == ["title of feed, 3 times more within 60 s"]


def test_after_the_window_it_is_news_again():
    channel = Channel(repeat_s=60)
    channel.take(0, notice("feed"))
    assert channel.due(0) == ["title of feed"]
    assert channel.due(61) is None
    channel.take(61, notice("feed"))
    assert channel.due(61) == ["title of feed"]


def test_the_end_of_something_and_its_turn_for_the_worse_are_no_repeats():
    channel = Channel()
    channel.take(0, notice("e"), notice("e", CRITICAL), notice("e", ends=True))
    assert len(channel.due(0)) == 3


def test_what_was_over_in_between_is_told_anew():
    channel = Channel()
    channel.take(0, notice("halt", CRITICAL))
    assert channel.due(0) is not None
    channel.outbox.forget("halt")
    channel.take(1, notice("halt", CRITICAL))
    assert channel.due(1) == ["title of halt"]


def test_a_reminder_is_no_repeat():
    channel = Channel()
    channel.take(0, notice("halt", CRITICAL))
    assert channel.due(0) is not None
    channel.take(1, notice("halt", CRITICAL), always=True)
    assert channel.due(1) is not None


def test_the_rate_joins_what_it_holds_back_and_loses_nothing():
    channel = Channel(messages_per_min=20)
    sent = []
    for number in range(10):
        channel.take(0, notice(f"n{number}"))
        sent.append(channel.due(0))
    assert [one for one in sent if one is not None] == [[f"title of n{n}"] for n in range(BURST)]
    assert channel.next_s(0) == 3
    assert channel.due(2.9) is None
    assert channel.due(3) == [f"title of n{number}" for number in range(BURST, 10)]


def test_an_alert_is_first_in_the_message_and_waits_three_seconds_at_most():
    channel = Channel(messages_per_min=20)
    for number in range(BURST + 1):
        channel.take(0, notice(f"n{number}"))
        channel.due(0)
    channel.take(0.5, notice("alarm", CRITICAL))
    assert channel.next_s(0.5) <= 3
    assert channel.due(3)[0] == "title of alarm"


def test_an_alert_does_not_wait_for_a_rate_that_is_slower_than_it_may_be():
    channel = Channel(messages_per_min=1)
    for number in range(BURST):
        channel.take(0, notice(f"n{number}"))
        assert channel.due(0) is not None
    channel.take(1, notice("later"), notice("alarm", CRITICAL))
    assert channel.due(1) is None
    assert channel.next_s(1) == 3
    assert channel.due(3) == ["title of alarm", "title of later"]
    channel.take(4, notice("even later"))
    assert channel.due(30) is None, "only an alert passes"


def test_a_message_has_a_bounded_number_of_lines_and_the_rest_follows():
    channel = Channel(digest_s=10)
    channel.take(0, *(notice(f"n{number}", LOW) for number in range(LINES_MAX + 5)))
    assert len(channel.due(10)) == LINES_MAX
    assert len(channel.due(10)) == 5


def test_beyond_the_bound_the_oldest_that_is_no_alert_is_dropped_and_counted():
    channel = Channel(digest_s=10, messages_per_min=600)
    channel.take(0, notice("alarm", CRITICAL))
    for number in range(WAITING_MAX + 20):
        channel.take(0, notice(f"n{number}"))
    assert channel.outbox.dropped == 21
    assert channel.outbox.waiting == WAITING_MAX
    message = channel.outbox.due(at(0), is_quiet=False)
    assert message.notices[0].key == "alarm"
    assert message.left_out == 21


def test_in_quiet_hours_only_alerts_go_and_the_rest_waits_for_their_end():
    channel = Channel(digest_s=60)
    channel.quiet = True
    channel.take(0, notice("a"), notice("alarm", CRITICAL))
    assert channel.due(0) == ["title of alarm"]
    assert channel.due(3_600) is None
    channel.quiet = False
    assert channel.due(3_600) == ["title of a"]


def test_a_channel_gets_its_classes_only():
    channel = Channel(classes=(NoticeClass.MONEY,))
    channel.take(0, notice("a"), notice("b", kind=NoticeClass.MONEY))
    assert channel.due(0) == ["title of b"]


def test_the_last_message_has_everything_that_waits():
    channel = Channel()
    channel.take(0, notice("a", LOW), notice("b"))
    message = channel.outbox.flush()
    assert [one.key for one in message.notices] == ["b", "a"]
    assert channel.outbox.flush() is None


@pytest.mark.parametrize("step", [-3_600, 0])
def test_a_clock_that_steps_back_neither_floods_nor_stops_a_channel(step):
    channel = Channel()
    for number in range(BURST):
        channel.take(10_000, notice(f"n{number}"))
        assert channel.due(10_000) is not None
    channel.take(10_000 + step, notice("later"))
    assert channel.due(10_000 + step) is None
    assert channel.next_s(10_000 + step) - (10_000 + step) <= 3
    assert channel.due(10_003 + step) == ["title of later"]


def test_rules_can_change_while_something_waits():
    channel = Channel(digest_s=900)
    channel.take(0, notice("a", LOW))
    channel.outbox.rules = attrs.evolve(channel.outbox.rules, digest_s=1)
    assert channel.due(900) == ["title of a"]
