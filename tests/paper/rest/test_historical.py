"""The public half of history."""

import pytest

from tests.paper.rest.reads import Reader
from tests.paper.venues import NOW, ask, bid, market, venue
from traderd.model.units import NS_PER_S
from traderd.paper.settings import ExchangeSettings
from traderd.paper.venue.listings import Result

OLD, NEW, LIVE = "KXA-1-OLD", "KXA-2-NEW", "KXB-1-LIVE"
NOW_S = NOW // NS_PER_S


def reader() -> Reader:
    """Return a reader at 200 s, whose cutoff is at 100 s: one market settled before it, one after it."""
    built = venue(market(OLD), market(NEW), market(LIVE))
    asked = Reader(built, ExchangeSettings(historical_after_s=100))
    built.create_order("ann", bid("2", "0.40", ticker=OLD), None, NOW)
    built.create_order("bob", ask("1", "0.40", ticker=OLD), None, NOW)
    built.life.determine(OLD, Result.YES, None, NOW)
    asked.later(60)
    built.life.determine(NEW, Result.NO, None, asked.now)
    asked.later(60)
    asked.later(80)
    return asked


def test_the_cutoff_is_one_moment():
    assert reader().get("/historical/cutoff") == {
        "market_settled_ts": "2027-01-15T08:01:40Z",
        "trades_created_ts": "2027-01-15T08:01:40Z",
        "orders_updated_ts": "2027-01-15T08:01:40Z",
        "market_positions_last_updated_ts": "2027-01-15T08:01:40Z",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [OLD]),
        (f"?tickers={OLD},{NEW}", [OLD]),
        ("?event_ticker=KXA-1", [OLD]),
        ("?event_ticker=KXA-2", []),
        ("?series_ticker=KXA", [OLD]),
        ("?series_ticker=KXB", []),
        ("?mve_filter=exclude", [OLD]),
        ("?mve_filter=only", []),
    ],
)
def test_only_old_markets_are_there(query, expected):
    shown = reader().get(f"/historical/markets{query}")
    assert [each["ticker"] for each in shown["markets"]] == expected
    assert shown["cursor"] == ""


def test_together_with_the_live_list_every_market_is_there_once():
    asked = reader()
    live = asked.get("/markets")["markets"]
    old = asked.get("/historical/markets")["markets"]
    assert sorted(each["ticker"] for each in live + old) == sorted([OLD, NEW, LIVE])
    asked.later(21)
    assert len(asked.get("/historical/markets?limit=1")["markets"]) == 1
    assert asked.get("/historical/markets?limit=1")["cursor"] != ""


def test_one_market():
    asked = reader()
    shown = asked.get(f"/historical/markets/{OLD}")["market"]
    assert (shown["status"], shown["result"]) == ("finalized", "yes")
    for ticker in (NEW, LIVE, "NOPE"):
        assert asked.refusal(f"/historical/markets/{ticker}") == (404, "market_not_found")


def test_its_candles_have_no_suffixes():
    path = f"/historical/markets/{OLD}/candlesticks?start_ts={NOW_S}&end_ts={NOW_S + 60}"
    shown = reader().get(f"{path}&period_interval=1")
    assert shown["ticker"] == OLD
    first, second = shown["candlesticks"]
    assert (first["volume"], first["price"]["close"], first["price"]["previous"]) == (
        "1.00",
        "0.4000",
        None,
    )
    assert (second["volume"], second["price"]["close"], second["price"]["previous"]) == (
        "0.00",
        None,
        "0.4000",
    )
    live = path.replace(OLD, LIVE)
    assert reader().refusal(f"{live}&period_interval=1") == (404, "market_not_found")


def test_bad_questions():
    asked = reader()
    status, text = asked.refusal("/historical/markets?event_ticker=A&series_ticker=B")
    assert (status, text) == (
        400,
        "only one of tickers, event_ticker and series_ticker is possible",
    )
    assert "'lte' tag" in asked.refusal("/historical/markets?limit=1001")[1]
    assert "'required' tag" in asked.refusal(f"/historical/markets/{OLD}/candlesticks")[1]
