"""Losses of a day and from the best moment."""

from datetime import UTC, datetime

import pytest

from tests.core.builders import dollars, limits
from traderd.core.loss_watch import LossWatch, trading_day
from traderd.model.units import NS_PER_S, Timestamp

NEW_YORK = "America/New_York"


def moment(text: str) -> Timestamp:
    return Timestamp(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S)


@pytest.mark.parametrize(
    ("utc", "zone", "hour", "day"),
    [
        ("2026-11-25T04:59:59", NEW_YORK, 0, "2026-11-24"),
        ("2026-11-25T05:00:00", NEW_YORK, 0, "2026-11-25"),
        # In summer midnight comes an hour earlier.
        ("2026-07-25T04:00:00", NEW_YORK, 0, "2026-07-25"),
        ("2026-11-25T12:59:00", NEW_YORK, 8, "2026-11-24"),
        ("2026-11-25T13:00:00", NEW_YORK, 8, "2026-11-25"),
        # The clock goes back at 02:00 on this day: it is 25 hours long and still one day.
        ("2026-11-01T04:00:00", NEW_YORK, 0, "2026-11-01"),
        ("2026-11-02T04:59:00", NEW_YORK, 0, "2026-11-01"),
        ("2026-11-25T00:00:00", "UTC", 0, "2026-11-25"),
    ],
)
def test_a_day_begins_at_an_hour_of_a_named_zone(utc, zone, hour, day):
    assert trading_day(moment(utc), zone, hour) == day


BOUNDS = limits(max_daily_loss=dollars("50"), max_drawdown=dollars("80"))


def halts(watch: LossWatch) -> list[str]:
    return [halt_id for halt_id, _ in watch.breaches(BOUNDS)]


def test_the_day_counts_from_its_start_and_the_drawdown_from_the_best_moment():
    watch = LossWatch()
    watch.mark(dollars("10"), "2026-11-25")
    watch.mark(dollars("40"), "2026-11-25")
    watch.mark(dollars("-39.99"), "2026-11-25")
    assert (watch.daily_loss, watch.drawdown) == (dollars("49.99"), dollars("79.99"))
    assert halts(watch) == []
    watch.mark(dollars("-40"), "2026-11-25")
    assert halts(watch) == ["daily_loss", "drawdown"]


def test_a_new_day_forgets_the_loss_of_the_old_one_but_not_the_peak():
    watch = LossWatch()
    watch.mark(dollars("40"), "2026-11-25")
    watch.mark(dollars("0"), "2026-11-26")
    assert (watch.daily_loss, watch.drawdown) == (0, dollars("40"))
    # A clock that is set back does not begin a day anew.
    watch.mark(dollars("-10"), "2026-11-25")
    assert (watch.day, watch.daily_loss) == ("2026-11-26", dollars("10"))


def test_the_starting_points_of_an_earlier_run_hold():
    watch = LossWatch()
    watch.restore("2026-11-25", dollars("0"), dollars("60"))
    assert (watch.daily_loss, watch.drawdown) == (0, 0)
    watch.mark(dollars("-20"), "2026-11-25")
    assert halts(watch) == ["drawdown"]


def test_a_person_who_clears_accepts_the_loss_so_far():
    watch = LossWatch()
    watch.mark(dollars("90"), "2026-11-25")
    watch.mark(dollars("0"), "2026-11-25")
    watch.forgive("daily_loss")
    assert halts(watch) == ["drawdown"]
    watch.forgive("drawdown")
    assert halts(watch) == []
    watch.mark(dollars("-50"), "2026-11-25")
    assert halts(watch) == ["daily_loss"]


def test_the_reason_names_loss_limit_day_and_cure():
    watch = LossWatch()
    watch.mark(dollars("0"), "2026-11-25")
    watch.mark(dollars("-51"), "2026-11-25")
    ((_, reason),) = watch.breaches(BOUNDS)
    assert reason == (
        "the loss of 2026-11-25, the day began at 00:00 America/New_York is $51.00 and "
        "risk.max_daily_loss_dollars = $50.00: find out why before you clear this; clearing counts from here on [C5]"
    )


def test_without_limits_or_marks_nothing_is_reached():
    watch = LossWatch()
    assert halts(watch) == []
    watch.forgive("drawdown")
    watch.mark(dollars("0"), "2026-11-25")
    watch.mark(dollars("-9999"), "2026-11-25")
    assert list(watch.breaches(limits())) == []
