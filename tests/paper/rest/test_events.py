"""Events, with their markets inside, beside or left out."""

import pytest

from tests.paper.rest.reads import LEGACY, Reader
from tests.paper.venues import CLOSE, NOW, list_market, market, venue
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.settings import ExchangeSettings
from traderd.paper.venue.listings import Result

ONE, TWO, THREE = "KXA-1", "KXA-2", "KXB-1"
ALL = [ONE, TWO, THREE]
NOW_S, CLOSE_S = NOW // NS_PER_S, CLOSE // NS_PER_S


def reader(settings=None) -> Reader:
    """Return a reader at 61 s: an event with an open and a closed market, one settled, one that opens later."""
    built = venue(market("KXA-1-A"), market("KXA-1-B"), market("KXA-2-A"))
    asked = Reader(built, settings)
    later = market("KXB-1-A")
    later.status, later.open_time = later.status.INITIALIZED, Timestamp(NOW + 3000 * NS_PER_S)
    list_market(built, later)
    built.life.close("KXA-1-B", NOW)
    built.life.determine("KXA-2-A", Result.YES, None, NOW)
    for event in built.events():
        event.updated_at = NOW
    built.event(TWO).updated_at = Timestamp(NOW + 5 * NS_PER_S)
    asked.later(60)
    asked.later(1)
    return asked


def tickers(asked: Reader, query: str = "") -> list[str]:
    return [event["event_ticker"] for event in asked.get(f"/events{query}")["events"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ALL),
        ("?status=open", [ONE]),
        ("?status=closed", [ONE]),
        ("?status=settled", [TWO]),
        ("?status=unopened", [THREE]),
        ("?series_ticker=KXA", [ONE, TWO]),
        (f"?tickers={THREE},NOPE,{ONE}", [ONE, THREE]),
        (f"?min_close_ts={NOW_S}", [ONE, THREE]),
        (f"?min_close_ts={CLOSE_S}", []),
        (f"?min_updated_ts={NOW_S}", [TWO]),
        (f"?min_updated_ts={NOW_S - 1}", ALL),
        ("?cursor=garbage", ALL),
    ],
)
def test_events_are_filtered_and_one_market_that_matches_is_enough(query, expected):
    assert tickers(reader(), query) == expected


def test_events_come_in_pages():
    asked = reader()
    first = asked.get("/events?limit=2")
    assert [each["event_ticker"] for each in first["events"]] == ALL[:2]
    assert tickers(asked, f"?limit=2&cursor={first['cursor']}") == ALL[2:]


def test_markets_are_inside_only_when_asked_for():
    asked = reader()
    assert all("markets" not in event for event in asked.get("/events")["events"])
    nested = asked.get("/events?with_nested_markets=true")["events"]
    assert [[each["ticker"] for each in event["markets"]] for event in nested] == [
        ["KXA-1-A", "KXA-1-B"],
        ["KXA-2-A"],
        ["KXB-1-A"],
    ]


def test_milestones_are_there_only_when_asked_for():
    assert reader().get("/events").keys() == {"events", "cursor"}
    assert reader().get("/events?with_milestones=true")["milestones"] == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "'gte' tag"),
        ("limit=201", "'lte' tag"),
        ("status=active", "invalid status filter"),
        ("status=paused", "invalid status filter"),
        ("with_nested_markets=maybe", "'oneof' tag"),
        ("min_close_ts=x", "invalid syntax"),
    ],
)
def test_bad_parameters_are_refused(query, words):
    status, text = reader().refusal(f"/events?{query}")
    assert status == 400
    assert words in text


def test_one_events_markets_are_beside_it_or_inside():
    asked = reader()
    beside = asked.get(f"/events/{ONE}")
    assert "markets" not in beside["event"]
    assert [each["ticker"] for each in beside["markets"]] == ["KXA-1-A", "KXA-1-B"]
    inside = asked.get(f"/events/{ONE}?with_nested_markets=true")
    assert inside["event"]["markets"] == beside["markets"]
    assert inside["markets"] == []
    assert asked.get(f"/events/{ONE}?exclude_markets=true")["markets"] == []


def test_metadata_names_every_market():
    details = reader().get(f"/events/{ONE}/metadata")["market_details"]
    assert [each["market_ticker"] for each in details] == ["KXA-1-A", "KXA-1-B"]


def test_combos_do_not_exist():
    asked = reader()
    assert asked.get("/events/multivariate") == {"events": [], "cursor": ""}
    assert asked.get("/events/multivariate?limit=200&with_nested_markets=true")["events"] == []
    assert "'lte' tag" in asked.refusal("/events/multivariate?limit=201")[1]


@pytest.mark.parametrize("path", ["/events/NOPE", "/events/NOPE/metadata"])
def test_an_event_that_is_not_there(path):
    assert reader().refusal(path) == (404, "not_found")


def test_an_event_stays_when_its_markets_are_history():
    asked = reader(ExchangeSettings(historical_after_s=0))
    assert tickers(asked, "?status=settled") == [TWO]
    assert asked.get(f"/events/{TWO}")["markets"] == []
    assert asked.get("/events?with_nested_markets=true")["events"][1]["markets"] == []


def test_december_2025_has_more_fields_in_both():
    shown = reader(LEGACY).get(f"/events/{ONE}?with_nested_markets=true")["event"]
    assert shown["available_on_brokers"] is False
    assert shown["markets"][0]["yes_ask"] == 100
