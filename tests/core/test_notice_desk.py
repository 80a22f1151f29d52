"""Mutes, quiet hours, and alerts that come back until somebody acknowledges them."""

from itertools import pairwise

import pytest

from tests.core.test_notice_outbox import CRITICAL, LOW, NORMAL, at, notice
from traderd.core.notice_desk import ALERTS_MAX, REMIND_CAP_S, DeskRules, NoticeDesk
from traderd.core.notice_outbox import ChannelRules
from traderd.model.notices import NoticeClass
from traderd.model.units import NS_PER_S, Timestamp

MONEY, RISK = NoticeClass.MONEY, NoticeClass.RISK


def desk(**rules) -> NoticeDesk:
    made = NoticeDesk()
    made.open_channels(DeskRules(**rules), {"phone": ChannelRules(), "mail": ChannelRules()}, "sim")
    return made


def told(made: NoticeDesk, second: float, channel="phone") -> list[str]:
    return [
        one.title
        for name, message in made.due(at(second))
        for one in message.notices
        if name == channel
    ]


def times_told(made: NoticeDesk, until_s: int) -> list[float]:
    """Follow `next_at` and return when something was told."""
    found, now = [], at(0)
    while now / NS_PER_S <= until_s:
        if told(made, now / NS_PER_S):
            found.append(now / NS_PER_S)
        moment = made.next_at(now)
        if moment is None:
            return found
        now = Timestamp(max(moment, now + 1))
    return found


def test_every_channel_gets_a_notice():
    made = desk()
    made.hear(notice("a"), at(0))
    assert [name for name, _ in made.due(at(0))] == ["phone", "mail"]
    assert made.next_at(at(0)) is None


def test_an_alert_comes_back_at_growing_distances_until_it_is_acknowledged():
    made = desk(remind_s=60)
    made.hear(notice("halt", CRITICAL), at(0))
    moments = [round(moment) for moment in times_told(made, 20_000)]
    assert moments[:6] == [0, 60, 180, 420, 900, 1_860]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert max(gaps) == REMIND_CAP_S
    assert gaps == sorted(gaps)
    (alert,) = made.alerts.values()
    assert alert.told == len(moments)
    assert made.acknowledge([alert.number]) == (1,)
    assert made.next_at(at(30_000)) is None


def test_a_reminder_says_how_to_end_it():
    made = desk(remind_s=60)
    made.hear(notice("halt", CRITICAL), at(0))
    made.due(at(0))
    ((_, message), _) = made.due(at(60))
    assert message.notices[0].title == "still: title of halt"
    assert "told 2 times; `traderd notify ack 1` ends this, the next is in 120 s" in message.text


def test_reminders_can_be_switched_off():
    made = desk(remind_s=0)
    made.hear(notice("halt", CRITICAL), at(0))
    assert times_told(made, 100_000) == [0]
    assert len(made.alerts) == 1


def test_an_alert_that_is_over_needs_nobody():
    made = desk()
    made.hear(notice("halt", CRITICAL), at(0))
    made.due(at(0))
    made.hear(notice("halt", ends=True), at(5))
    assert made.alerts == {}
    assert told(made, 5) == ["title of halt"]
    assert made.next_at(at(5)) is None


def test_the_same_alert_again_keeps_its_number():
    made = desk()
    made.hear(notice("halt", CRITICAL), at(0))
    made.hear(notice("other", CRITICAL), at(0))
    made.hear(notice("halt", CRITICAL), at(100))
    assert [alert.number for alert in made.alerts.values()] == [1, 2]
    assert made.recent[-1].alert == 1


def test_acknowledging_all_and_an_unknown_number():
    made = desk()
    for key in "abc":
        made.hear(notice(key, CRITICAL), at(0))
    assert made.acknowledge([2, 77]) == (2,)
    assert made.acknowledge(None) == (1, 3)
    assert made.acknowledge(None) == ()


def test_a_muted_class_is_silent_and_its_alert_is_told_when_the_mute_ends():
    made = desk(remind_s=60)
    made.mute(RISK, at(7_200))
    made.hear(notice("halt", CRITICAL), at(0))
    made.hear(notice("fill", LOW, kind=MONEY), at(0))
    assert told(made, 0) == []
    assert made.muted == 1
    assert made.next_at(at(10)) == at(900)
    assert told(made, 900) == ["title of fill"]
    assert made.next_at(at(1_000)) == at(7_200)
    assert told(made, 7_200) == ["still: title of halt"]


def test_a_mute_can_be_ended():
    made = desk()
    made.mute(RISK, at(7_200))
    assert made.muted_until(RISK, at(0)) == at(7_200)
    assert made.unmute(RISK) is True
    assert made.unmute(RISK) is False
    made.hear(notice("a"), at(1))
    assert told(made, 1) == ["title of a"]


@pytest.mark.parametrize(
    ("second", "quiet"),
    [(0, False), (22 * 3_600, True), (6 * 3_600 + 59, True), (7 * 3_600, False)],
)
def test_quiet_hours_go_over_midnight_by_the_clock_of_their_zone(second, quiet):
    made = desk(zone="UTC", quiet=((22 * 60, 24 * 60 - 1), (6 * 60, 7 * 60)))
    assert made.is_quiet(at(second)) is quiet
    over_midnight = desk(zone="UTC", quiet=((22 * 60, 7 * 60),))
    assert over_midnight.is_quiet(at(second)) is (second != 7 * 3_600)
    # In January, Tokyo is nine hours ahead of UTC.
    assert desk(zone="Asia/Tokyo", quiet=((9 * 60, 10 * 60),)).is_quiet(at(1_800)) is True


def test_what_waits_through_quiet_hours_is_told_soon_after_them():
    made = desk(zone="UTC", quiet=((0, 60),))
    made.hear(notice("a", NORMAL), at(0))
    assert round(times_told(made, 5_000)[0]) in range(3_600, 3_662)


def test_a_channel_that_stays_keeps_what_waits_in_it():
    made = desk()
    made.hear(notice("a", LOW), at(0))
    made.open_channels(DeskRules(), {"phone": ChannelRules(), "new": ChannelRules()}, "sim")
    assert sorted(made.outboxes) == ["new", "phone"]
    assert made.outboxes["phone"].waiting == 1
    assert made.outboxes["new"].waiting == 0


def test_alerts_without_a_channel_are_kept_for_the_list_and_wake_nobody():
    made = NoticeDesk()
    made.hear(notice("halt", CRITICAL), at(0))
    assert len(made.alerts) == 1
    assert made.next_at(at(0)) is None


def test_alerts_are_bounded():
    made = desk()
    for number in range(ALERTS_MAX + 5):
        made.hear(notice(f"n{number}", CRITICAL), at(0))
    assert len(made.alerts) == ALERTS_MAX
    assert "n0" not in made.alerts
