"""Refused frames: counted by kind within a bound, and a halt when one may have told of money."""

import pytest

from tests.core.builders import second
from traderd.core.drift import KIND_CHARACTERS_MAX, KINDS_MAX, OTHERS, FrameDrift, kind_of
from traderd.model.events import Drift, FeedName, FrameRefused


def refused(kind="fill", drift=Drift.MISSING_FIELD, where="msg.count_fp", feed=FeedName.PRIVATE):
    return FrameRefused(
        at=second(1), feed=feed, kind=kind, reason="no count", drift=drift, where=where
    )


def test_each_kind_of_departure_is_counted_by_itself():
    drift = FrameDrift()
    for event in (
        refused(),
        refused(),
        refused(where="msg.side", drift=Drift.UNKNOWN_VALUE),
        refused(kind="ticker_v3", drift=Drift.UNKNOWN_TYPE, where="", feed=FeedName.MARKET_DATA),
    ):
        drift.note(event, ())
    assert drift.counts == {
        "missing_field fill.msg.count_fp": 2,
        "unknown_value fill.msg.side": 1,
        "unknown_type ticker_v3": 1,
    }
    assert drift.refused == 4


def test_a_refused_command_is_counted_and_is_no_drift():
    drift = FrameDrift()
    assert drift.note(refused(kind="error", drift=None, where=""), ()) == []
    assert (drift.refused, drift.counts) == (1, {})


def test_names_made_up_by_the_exchange_do_not_fill_the_memory():
    drift = FrameDrift()
    for number in range(10_000):
        drift.note(refused(kind=f"{number}-{'x' * 100}", feed=FeedName.MARKET_DATA), ())
    assert len(drift.counts) == KINDS_MAX + 1
    assert drift.counts[OTHERS] == 10_000 - KINDS_MAX
    assert max(map(len, drift.counts)) <= KIND_CHARACTERS_MAX
    assert sum(drift.counts.values()) == drift.refused


@pytest.mark.parametrize("kind", ["fill", "user_order", "unreadable"])
def test_a_private_frame_that_may_tell_of_money_halts_with_a_cure(kind):
    event = refused(kind=kind)
    (halt,) = FrameDrift().note(event, ())
    assert (halt.halt_id, halt.ticker) == (f"drift:{kind}", None)
    assert "no count" in halt.reason
    assert f"`traderd clear-halt drift:{kind}`" in halt.reason
    assert FrameDrift().note(event, {halt.halt_id}) == []


@pytest.mark.parametrize(
    "event",
    [
        refused(kind="orderbook_delta", feed=FeedName.MARKET_DATA),
        refused(kind="unreadable", drift=Drift.UNREADABLE, feed=FeedName.MARKET_DATA),
        refused(kind="order_group_v2", drift=Drift.UNKNOWN_TYPE, where=""),
        refused(kind="ok"),
    ],
    ids=kind_of,
)
def test_what_cannot_tell_of_money_is_only_counted(event):
    drift = FrameDrift()
    assert drift.note(event, ()) == []
    assert sum(drift.counts.values()) == 1
