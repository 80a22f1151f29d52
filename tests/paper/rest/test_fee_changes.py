"""Scheduled changes of fees."""

import pytest

from tests.paper.rest.reads import Reader
from tests.paper.venues import NOW, STANDARD, WITH_MAKER_FEES, market, venue
from traderd.model.ids import EventTicker, SeriesTicker
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.venue.listings import FeeChange

SERIES, EVENT = SeriesTicker("KXDEMO"), EventTicker("KXDEMO-26DEC31")


def reader() -> Reader:
    """Return a reader at 50 s, with changes at 10 s and at 100 s of the series and of the event."""
    asked = Reader(venue(market(fees=STANDARD), market("KXB-1-A")))
    for name, event, fees, after_s in (
        ("s1", None, WITH_MAKER_FEES, 10),
        ("s2", None, STANDARD, 100),
        ("e1", EVENT, WITH_MAKER_FEES, 10),
        ("e2", EVENT, None, 100),
    ):
        change = FeeChange(
            change_id=name,
            series_ticker=SERIES,
            event_ticker=event,
            fees=fees,
            due=Timestamp(NOW + after_s * NS_PER_S),
        )
        asked.venue.fee_calendar.schedule(change)
    asked.later(50)
    return asked


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["s2"]),
        ("?show_historical=true", ["s1", "s2"]),
        ("?series_ticker=KXDEMO&show_historical=true", ["s1", "s2"]),
        ("?series_ticker=KXB&show_historical=true", []),
    ],
)
def test_changes_of_series(query, expected):
    shown = reader().get(f"/series/fee_changes{query}")["series_fee_change_arr"]
    assert [each["id"] for each in shown] == expected


def test_a_change_of_a_series():
    (shown,) = reader().get("/series/fee_changes")["series_fee_change_arr"]
    assert shown == {
        "id": "s2",
        "series_ticker": "KXDEMO",
        "fee_type": "quadratic",
        "fee_multiplier": 1,
        "scheduled_ts": "2027-01-15T08:01:40Z",
    }


def test_changes_of_events_show_null_when_the_override_goes():
    shown = reader().get("/events/fee_changes")
    assert shown["cursor"] == ""
    first, second = shown["event_fee_changes"]
    assert (first["id"], first["fee_type_override"], first["fee_multiplier_override"]) == (
        "e1",
        "quadratic_with_maker_fees",
        1,
    )
    assert second == {
        "id": "e2",
        "event_ticker": "KXDEMO-26DEC31",
        "series_ticker": "KXDEMO",
        "fee_type_override": None,
        "fee_multiplier_override": None,
        "scheduled_ts": "2027-01-15T08:01:40Z",
    }


def test_changes_of_events_come_in_pages_and_of_one_event():
    asked = reader()
    first = asked.get("/events/fee_changes?limit=1")
    rest = asked.get(f"/events/fee_changes?limit=1&cursor={first['cursor']}")
    assert [each["id"] for each in (*first["event_fee_changes"], *rest["event_fee_changes"])] == [
        "e1",
        "e2",
    ]
    assert asked.get("/events/fee_changes?event_ticker=NOPE")["event_fee_changes"] == []
    assert "'lte' tag" in asked.refusal("/events/fee_changes?limit=1001")[1]


def test_the_event_tells_of_its_override():
    shown = reader().get("/events/KXDEMO-26DEC31")["event"]
    assert shown["fee_type_override"] == "quadratic_with_maker_fees"
